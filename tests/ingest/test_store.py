from __future__ import annotations

import json

import httpx
import pytest

from hall.errors import InputError, StoreError
from ingest.store import FORMS, LinesRefusedError, Store, StoreSettings, open_store, parse_store
from tests.support.servers import Server, free_port, influx_query
from tests.support.webhook import Webhook

LINES = b"window,hall=demo,window=w01 customers=2.0 1767574800000000000\n" + (
    b"window,hall=demo,window=w01 customers=3.0 1767574801000000000"
)


def _open(url: str) -> Store:
    settings = parse_store(url)
    assert settings is not None
    return open_store(settings)


def _settings(url: str) -> tuple[str, str, str, str, str | None, str | None]:
    s = parse_store(url)
    assert s is not None
    return s.kind, s.base_url, s.org, s.bucket, s.username, s.secret.get_secret_value() if s.secret else None


def test_addresses() -> None:
    assert parse_store("none") is None
    assert _settings("victoria+http://vm:8428") == ("victoria", "http://vm:8428", "", "", None, None)
    assert _settings("victoria+https://[::1]:8428/") == ("victoria", "https://[::1]:8428", "", "", None, None)
    assert _settings("influxdb2+http://db:8086/My%20Org/hall?token=t%3D1") == (
        *("influxdb2", "http://db:8086", "My Org", "hall", None),
        "t=1",
    )
    assert _settings("influxdb1+http://me:p%40ss@db:8086/hallwatch") == (
        *("influxdb1", "http://db:8086", "", "hallwatch", "me"),
        "p@ss",
    )


@pytest.mark.parametrize(
    "url",
    [
        "",  # nothing
        "http://db:8086",  # which store?
        "influxdb3+http://db:8086/o/b?token=hush",  # no such kind
        "victoria+ftp://db:8428",  # no such transport
        "victoria+http://",  # no host
        "victoria+http://db:8428/insert",  # a path where none belongs
        "victoria+http://db:hush",  # no port
        "influxdb1+http://db:8086",  # no database
        "influxdb1+http://me:hu/sh@db:8086/hallwatch",  # a password with a slash
        "influxdb2+http://db:8086/org?token=hush",  # no bucket
        "influxdb2+http://db:8086/org/bucket",  # no token
        "influxdb2+http://db:8086/org/bucket?tokn=hush",  # a misspelt one
    ],
)
def test_a_wrong_address_names_the_forms_and_no_secret(url: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_store(url)
    assert all(form in str(caught.value) for form in FORMS)
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_settings_do_not_print_secrets() -> None:
    settings = parse_store("influxdb2+http://db:8086/o/b?token=hush")
    assert isinstance(settings, StoreSettings)
    assert "hush" not in repr(settings)
    assert "hush" not in open_store(settings).name


@pytest.mark.parametrize("form", ["victoria+http://127.0.0.1:{}", "influxdb2+http://127.0.0.1:{}/o/b?token=t"])
def test_victoria_metrics_takes_lines(victoria: Server, form: str) -> None:
    store = _open(form.format(victoria.port))
    store.write(LINES)
    store.close()
    httpx.get(f"http://127.0.0.1:{victoria.port}/internal/force_flush").raise_for_status()
    answer = httpx.get(f"http://127.0.0.1:{victoria.port}/api/v1/export?match[]=window_customers").json()
    assert (answer["timestamps"], answer["values"]) == ([1767574800000, 1767574801000], [2, 3])


def test_lines_go_to_the_tenant_of_a_victoria_metrics_cluster(webhook: Webhook) -> None:
    store = _open(f"victoria+http://127.0.0.1:{webhook.port}/insert/0/influx/")
    store.write(LINES)
    store.close()
    assert webhook.requests[0].path.startswith("/insert/0/influx/api/v2/write?")


def test_influxdb1_takes_lines_and_makes_its_database(influx: Server) -> None:
    store = _open(f"influxdb1+http://127.0.0.1:{influx.port}/my%20hall")
    store.write(LINES)
    answer = json.loads(influx_query(influx.port, "SELECT customers FROM window", "my hall"))
    assert answer["results"][0]["series"][0]["values"] == [[1767574800000, 2], [1767574801000, 3]]
    with pytest.raises(LinesRefusedError, match="400"):
        store.write(b"no line protocol")
    store.close()


def test_a_store_that_is_away_is_no_fault_of_the_lines() -> None:
    for kind in ("victoria+http://127.0.0.1:{}", "influxdb1+http://127.0.0.1:{}/d"):
        store = _open(kind.format(free_port()))
        with pytest.raises(StoreError) as caught:
            store.write(LINES)
        assert not isinstance(caught.value, LinesRefusedError)
        store.close()


@pytest.mark.parametrize(
    ("status", "blames_lines"),
    [(400, True), (413, True), (422, True), (401, False), (403, False), (429, False), (500, False), (503, False)],
)
def test_which_answers_blame_the_lines(webhook: Webhook, status: int, blames_lines: bool) -> None:
    webhook.status = status
    store = _open(f"influxdb2+http://127.0.0.1:{webhook.port}/o/b?token=hush")
    with pytest.raises(StoreError) as caught:
        store.write(LINES)
    assert isinstance(caught.value, LinesRefusedError) == blames_lines
    assert str(status) in str(caught.value)
    assert "hush" not in str(caught.value)
    assert webhook.requests[0].headers["authorization"] == "Token hush"
    assert "precision=ns" in webhook.requests[0].path
    store.close()

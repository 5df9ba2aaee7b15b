from __future__ import annotations

import socket
from pathlib import Path

import pytest

from cli.ingest import ingest, parse_listen
from hall.errors import InputError
from tests.support.servers import free_port


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:8087", ("127.0.0.1", 8087)), ("[::1]:80", ("::1", 80)), ("localhost:0", ("localhost", 0))],
)
def test_listen_addresses(text: str, address: tuple[str, int]) -> None:
    assert parse_listen(text) == address


@pytest.mark.parametrize("text", ["", "8087", ":8087", "host:", "host:http", "host:65536", "host:-1"])
def test_wrong_listen_addresses(text: str) -> None:
    with pytest.raises(InputError, match=r"--listen .*: expected HOST:PORT, such as 127\.0\.0\.1:8087"):
        parse_listen(text)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"broker": "http://me:hush@broker"}, "broker address"),
        ({"store": "influxdb2+http://db/o?token=hush"}, "store address"),
        ({"records": "mysql://me:hush@db/hall"}, "records address"),
        ({"alert": ["nobody://me:hush@host"]}, "alert address"),
        ({"share": "province"}, "--share province: --name is missing"),
        ({"share": "province", "name": "a"}, "--share province: several processes cannot share records in a file"),
        (
            {"share": "a/b", "name": "a", "records": "postgresql://me:hush@127.0.0.1:9/hall"},
            "group 'a/b': expected letters",
        ),
        ({"hall_files": [Path("no-such-hall.yaml")]}, "no-such-hall.yaml: cannot be read"),
    ],
)
def test_wrong_options_are_said_before_anything_starts(tmp_path: Path, options: dict[str, object], said: str) -> None:
    usual: dict[str, object] = {"records": f"sqlite:///{tmp_path}/records.db", "listen": f"127.0.0.1:{free_port()}"}
    with pytest.raises(InputError, match=said) as caught:
        ingest(**usual | options)  # type: ignore[arg-type]
    assert "hush" not in str(caught.value)
    assert not (tmp_path / "records.db").exists()


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"--listen 127.0.0.1:{port}: Address already in use"):
            ingest(records=f"sqlite:///{tmp_path}/records.db", listen=f"127.0.0.1:{port}")

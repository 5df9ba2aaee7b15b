"""Time-series stores. All take line protocol with nanoseconds; a store is named by one address."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import urllib3
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException
from pydantic import SecretStr

from hall.errors import InputError, StoreError

FORMS = (
    "victoria+http://HOST:8428 (its cluster: victoria+http://VMINSERT:8480/insert/TENANT/influx)",
    "influxdb2+http://HOST:8086/ORG/BUCKET?token=TOKEN (InfluxDB 2 and 3)",
    "influxdb1+http://[USER:PASSWORD@]HOST:8086/DATABASE",
    "none",
)
"""Valid store addresses; `https` in place of `http` where the store has a certificate."""

_CLUSTER = re.compile(r"/insert/[0-9]+(:[0-9]+)?/influx/?")
_TIMEOUT_S = 10.0
_BAD_LINES = frozenset({400, 413, 422})
"""Answers that mean: these lines, and not the store, are the trouble. Every other fault is worth a retry."""


class LinesRefusedError(StoreError):
    """The store is well but does not take these lines."""


class Store(Protocol):
    """Takes batches of points."""

    @property
    def name(self) -> str:
        """The store as it may be printed, without secrets."""
        ...

    def write(self, lines: bytes) -> None:
        """Write lines of line protocol, nanoseconds. Writing them again changes nothing.

        Raises:
            LinesRefusedError: at least one line is bad; the others may have been taken.
            StoreError: the store is away or refuses for another reason; try again later.
        """
        ...

    def close(self) -> None:
        """Close connections."""
        ...


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """A store address in its parts. For VictoriaMetrics `org` and `bucket` are empty."""

    kind: str
    base_url: str
    org: str = ""
    bucket: str = ""
    username: str | None = None
    secret: SecretStr | None = None


def parse_store(url: str) -> StoreSettings | None:
    """Read a store address; None for `none`.

    Raises:
        InputError: it is none of the valid forms. The message never shows the token or a password.
    """
    if url == "none":
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # The cause would quote what stands where a port should be, which may be half a password.
        raise _wrong("host or port") from None
    kind, plus, transport = parts.scheme.partition("+")
    if kind not in {"victoria", "influxdb1", "influxdb2"} or not plus or transport not in {"http", "https"}:
        raise _wrong("what stands before ://")
    if not parts.hostname:
        raise _wrong("the host")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    base_url = f"{transport}://{host}" + (f":{port}" if port else "")
    query = dict(parse_qsl(parts.query))
    path = [unquote(part) for part in parts.path.split("/") if part]
    user = unquote(parts.username) if parts.username else None
    password = SecretStr(unquote(parts.password)) if parts.password else None
    if kind == "influxdb2":
        if len(path) != 2:
            raise _wrong("the path")
        if query.keys() != {"token"} or user:
            raise _wrong("the token")
        return StoreSettings(kind, base_url, path[0], path[1], secret=SecretStr(query["token"]))
    if kind == "victoria" and _CLUSTER.fullmatch(parts.path):
        base_url, path = base_url + parts.path.rstrip("/"), []
    if query or len(path) != (1 if kind == "influxdb1" else 0) or (user and kind == "victoria"):
        raise _wrong("what follows the host" if not user else "the user")
    return StoreSettings(kind, base_url, "", "".join(path), user, password)


def _wrong(what: str) -> InputError:
    return InputError(f"store address: {what} is wrong; expected one of\n  " + "\n  ".join(FORMS))


def open_store(settings: StoreSettings) -> Store:
    """The store of an address. Nothing is sent before the first write."""
    return InfluxDB1(settings) if settings.kind == "influxdb1" else InfluxDB2(settings)


class InfluxDB2:
    """InfluxDB 2 and 3, and VictoriaMetrics, by influxdb-client's write API."""

    def __init__(self, settings: StoreSettings) -> None:
        self.name = f"{settings.kind} at {settings.base_url}"
        self._bucket = settings.bucket
        self._client: Any = InfluxDBClient(
            url=settings.base_url,
            token=settings.secret.get_secret_value() if settings.secret else "",
            org=settings.org,
            timeout=int(_TIMEOUT_S * 1000),
        )
        self._api: Any = self._client.write_api(write_options=SYNCHRONOUS)

    def write(self, lines: bytes) -> None:
        """See `Store.write`."""
        try:
            self._api.write(bucket=self._bucket, record=lines)
        except ApiException as exc:
            text = exc.body.decode(errors="replace") if isinstance(exc.body, bytes) else str(exc.body or "")
            raise _refusal(self.name, exc.status or 0, text or str(exc.reason)) from exc
        except (urllib3.exceptions.HTTPError, OSError) as exc:
            raise StoreError(f"{self.name}: {exc}") from exc

    def close(self) -> None:
        """Close connections."""
        self._api.close()
        self._client.close()


class InfluxDB1:
    """InfluxDB 1.x by its own `/write`; the database is made where there is none."""

    def __init__(self, settings: StoreSettings) -> None:
        self.name = f"influxdb1 at {settings.base_url}/{settings.bucket}"
        self._url = settings.base_url
        self._database = settings.bucket
        secret = settings.secret.get_secret_value() if settings.secret else ""
        self._headers = urllib3.make_headers(basic_auth=f"{settings.username}:{secret}") if settings.username else {}
        self._pool = urllib3.PoolManager(timeout=_TIMEOUT_S, retries=False, maxsize=2)

    def write(self, lines: bytes) -> None:
        """See `Store.write`."""
        query = urlencode({"db": self._database, "precision": "ns"})
        status, text = self._post(f"/write?{query}", lines)
        if status == 404:
            self._create_database()
            status, text = self._post(f"/write?{query}", lines)
        if status >= 300:
            raise _refusal(self.name, status, text)

    def close(self) -> None:
        """Close connections."""
        self._pool.clear()

    def _create_database(self) -> None:
        name = self._database.replace("\\", "\\\\").replace('"', '\\"')
        statement = urlencode({"q": f'CREATE DATABASE "{name}"'}).encode()
        status, text = self._post("/query", statement, "application/x-www-form-urlencoded")
        if status >= 300:
            raise StoreError(f"{self.name}: cannot make the database: {status} {text[:300]}")

    def _post(self, path: str, body: bytes, content_type: str = "text/plain; charset=utf-8") -> tuple[int, str]:
        headers = {**self._headers, "Content-Type": content_type}
        try:
            answer = self._pool.request("POST", self._url + path, body=body, headers=headers)
        except (urllib3.exceptions.HTTPError, OSError) as exc:
            raise StoreError(f"{self.name}: {exc}") from exc
        return answer.status, answer.data.decode(errors="replace")


def _refusal(name: str, status: int, text: str) -> StoreError:
    kind = LinesRefusedError if status in _BAD_LINES else StoreError
    return kind(f"{name}: {status} {text.strip()[:500]}")

"""Where the MQTT broker is: one address on the command line for both services."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import SecretStr

from hall.errors import InputError

_FORMS = "mqtt://[USER:PASSWORD@]HOST[:1883] or mqtts://[USER:PASSWORD@]HOST[:8883][?ca=FILE]"
_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """How to reach a broker. `ca_file` holds the authority to trust; the system's own where it is None."""

    host: str
    port: int
    username: str | None = None
    password: SecretStr | None = None
    tls: bool = False
    ca_file: Path | None = None

    @property
    def address(self) -> str:
        """The broker as it may be printed: without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


def parse_broker(url: str) -> BrokerSettings:
    """Read a broker address; `%40` and the like in user and password are decoded.

    Raises:
        InputError: it is none; the message never shows the password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # The cause would quote what stands where a port should be, which may be half a password.
        raise _wrong(url, "host or port") from None
    query = dict(parse_qsl(parts.query))
    if parts.scheme not in _PORTS:
        raise _wrong(url, "the scheme")
    if not parts.hostname or parts.path not in {"", "/"} or parts.fragment:
        raise _wrong(url, "the host" if not parts.hostname else "what follows the host")
    if query.keys() - {"ca"} or (query and parts.scheme != "mqtts"):
        raise _wrong(url, "what follows `?`")
    if parts.password is not None and not parts.username:
        raise _wrong(url, "the user")
    ca_file = Path(query["ca"]) if "ca" in query else None
    if ca_file is not None and not ca_file.is_file():
        raise InputError(f"broker address {_shown(url)}: no file {ca_file}; expected a CA certificate")
    return BrokerSettings(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        username=unquote(parts.username) if parts.username else None,
        password=SecretStr(unquote(parts.password)) if parts.password is not None else None,
        tls=parts.scheme == "mqtts",
        ca_file=ca_file,
    )


def tls_context(settings: BrokerSettings) -> ssl.SSLContext | None:
    """What checks the broker's certificate, or None without TLS.

    Raises:
        InputError: the CA file holds no certificate.
    """
    if not settings.tls:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except (ssl.SSLError, OSError) as exc:
        raise InputError(f"{settings.ca_file}: {exc}; expected CA certificates in PEM") from exc
    context.sslsocket_class = _TlsSocket
    return context


class _TlsSocket(ssl.SSLSocket):
    """Closes itself where the handshake fails, which paho leaves open."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 (as the base class has it)
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def _wrong(url: str, what: str) -> InputError:
    return InputError(f"broker address {_shown(url)}: {what} is wrong; expected {_FORMS}")


def _shown(url: str) -> str:
    """Nothing before the last `@` is shown: a password may hold the characters that end a host."""
    scheme, slashes, rest = url.partition("://")
    if not slashes:
        return "without ://"
    secret, at, host = rest.rpartition("@")
    return f"{scheme}://***@{host}" if at else f"{scheme}://{secret}{host}"

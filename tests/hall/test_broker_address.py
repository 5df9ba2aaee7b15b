"""Broker addresses: both forms, and no password in any print."""

from __future__ import annotations

from pathlib import Path

import pytest

from hall.broker import BrokerSettings, parse_broker
from hall.errors import InputError

ADDRESSES = [
    # Plain, with its port, encrypted.
    ("mqtt://broker", "broker", 1883, False),
    ("mqtt://127.0.0.1:1999", "127.0.0.1", 1999, False),
    ("mqtts://broker.example", "broker.example", 8883, True),
    # An address of IPv6.
    ("mqtt://[::1]:1884", "::1", 1884, False),
    ("mqtt://broker/", "broker", 1883, False),
]


@pytest.mark.parametrize(("url", "host", "port", "tls"), ADDRESSES)
def test_addresses(url: str, host: str, port: int, tls: bool) -> None:
    assert parse_broker(url) == BrokerSettings(host, port, tls=tls)


def test_user_and_password() -> None:
    settings = parse_broker("mqtt://edge-f1:p%40ss@broker")
    assert settings.username == "edge-f1"
    assert settings.password is not None
    assert settings.password.get_secret_value() == "p@ss"
    assert settings.address == "mqtt://broker:1883"
    assert "p@ss" not in repr(settings) + str(settings)


def test_an_authority_of_ones_own(tmp_path: Path) -> None:
    ca = tmp_path / "ca.crt"
    with pytest.raises(InputError, match=r"no file .*ca\.crt; expected a CA certificate"):
        parse_broker(f"mqtts://broker?ca={ca}")
    ca.touch()
    assert parse_broker(f"mqtts://broker?ca={ca}").ca_file == ca


WRONG = [
    # Another protocol, none, only a host.
    ("http://broker", "the scheme"),
    ("broker:1883", "the scheme"),
    # No host, a port that is none, a path.
    ("mqtt://:1883", "the host"),
    ("mqtt://broker:mqtt", "host or port"),
    ("mqtt://broker:99999", "host or port"),
    ("mqtt://broker/topic", "what follows the host"),
    # A password with characters that end a host: its parts must not be shown.
    ("mqtt://edge:hunter2/x@broker", "host or port"),
    ("mqtt://edge:hunter2#@broker", "host or port"),
    ("mqtt://:hunter2@broker", "the user"),
    # A misspelt option, an authority without encryption.
    ("mqtts://broker?cafile=x", "what follows `?`"),
    ("mqtt://broker?ca=x", "what follows `?`"),
]


@pytest.mark.parametrize(("url", "what"), WRONG)
def test_wrong_addresses(url: str, what: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_broker(url)
    assert f"{what} is wrong; expected mqtt://[USER:PASSWORD@]HOST[:1883]" in str(caught.value)
    assert "hunter2" not in str(caught.value)

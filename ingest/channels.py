"""Where alerts go: an address as apprise has them, with a few words of our own on what is sent there."""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections.abc import Mapping
from typing import Any, cast, get_args

import apprise

from hall.errors import InputError
from hall.words import Language
from ingest._alert_text import AlertText
from ingest._robots import ROBOTS

# apprise logs addresses and payloads, urllib3 the path of every request: they hold secrets. Senders say what failed.
logging.getLogger("apprise").setLevel(logging.CRITICAL)
logging.getLogger("urllib3").setLevel(logging.INFO)

_OURS = ("alert_language",)
"""What stands in the query of an address for us and not for apprise."""


class Channel:
    """Where alerts go: an apprise address.

    Args:
        url: such as `json://HOST:PORT/PATH` (a webhook), `wecombot://KEY`, `dingtalk://SECRET@TOKEN`,
            `feishu://SECRET@TOKEN` or `mailto://USER:PASSWORD@HOST`. In its query may stand `alert_language=en`;
            else alerts are in Chinese.

    Raises:
        InputError: apprise knows no such service, or an option is wrong. The address is not shown, for it holds
            secrets.
    """

    def __init__(self, url: str) -> None:
        address, options = _split(url)
        self._plugin: Any = _plugin(address)
        self.language = _language(options.get("alert_language", "zh"))
        self.id = hashlib.sha256(address.encode()).hexdigest()[:16]
        self.name = f"{self._plugin.service_name} {self.id[:6]}"

    @property
    def trouble(self) -> str:
        """Why it did not take the last message, as far as is known."""
        return getattr(self._plugin, "trouble", None) or "no reason given"

    def send(self, text: AlertText, *, key: str, event_id: str, phase: str) -> bool:
        """Send one alert; False where the channel did not take it.

        A webhook gets `event_id`, `phase` and `key` in its payload, and the key as header `Idempotency-Key`.
        """
        if hasattr(self._plugin, "payload_extras"):
            self._plugin.payload_extras.update({"event_id": event_id, "phase": phase, "key": key})
            self._plugin.headers["Idempotency-Key"] = key
        kind = apprise.NotifyType.SUCCESS if phase == "cleared" else apprise.NotifyType.WARNING
        return bool(self._plugin.notify(body=text.body, title=text.title, notify_type=kind))


def _plugin(address: str) -> apprise.NotifyBase:
    scheme = address.partition("://")[0] if "://" in address else "none"
    with warnings.catch_warnings():
        # apprise loads all its services here, one of which tries a deprecated module first.
        warnings.simplefilter("ignore", DeprecationWarning)
        plugin: Any = apprise.Apprise.instantiate(address)
    if not isinstance(plugin, apprise.NotifyBase):
        raise InputError(
            f"alert address with scheme {scheme!r}: apprise knows no such service or misses a part of it; "
            "expected an address such as json://HOST:PORT/PATH, wecombot://KEY or mailto://USER:PASSWORD@HOST"
        )
    robot: Any = ROBOTS.get(scheme)
    return plugin if robot is None else robot(**robot.parse_url(address))


def _split(url: str) -> tuple[str, Mapping[str, str]]:
    """The address for apprise, and our options."""
    address, _, query = url.partition("?")
    options: dict[str, str] = {}
    theirs: list[str] = []
    for part in query.split("&") if query else ():
        name, _, value = part.partition("=")
        if name in _OURS:
            options[name] = value
        else:
            theirs.append(part)
    return (f"{address}?{'&'.join(theirs)}" if theirs else address), options


def _language(said: str) -> Language:
    if said not in get_args(Language):
        raise InputError(f"alert address with alert_language={said[:20]}: expected zh or en")
    return cast("Language", said)

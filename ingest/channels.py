"""Where alerts go: an address as apprise has them, with a few words of our own on what is sent there."""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, cast, get_args

import apprise

from hall.errors import InputError
from hall.words import Language
from ingest._alert_plan import Pace
from ingest._alert_text import AlertText
from ingest._robots import ROBOTS

# apprise logs addresses and payloads, urllib3 the path of every request: they hold secrets. Senders say what failed.
logging.getLogger("apprise").setLevel(logging.CRITICAL)
logging.getLogger("urllib3").setLevel(logging.INFO)

_OURS = ("alert_language", "alert_per_minute", "alert_cooldown_s")
"""What stands in the query of an address for us and not for apprise."""

PER_MINUTE = 20
"""What the robots of WeCom and DingTalk take; Feishu's take 100."""

COOLDOWN_S = 300.0

_MACHINES = ("json", "jsons", "xml", "xmls", "form", "forms")
"""Receivers that are programs: they want each alert, in order, and count for themselves."""

_DIGEST_BYTES = 15_000


class Channel:
    """Where alerts go: an apprise address.

    Args:
        url: such as `json://HOST:PORT/PATH` (a webhook), `wecombot://KEY`, `dingtalk://SECRET@TOKEN`,
            `feishu://SECRET@TOKEN` or `mailto://USER:PASSWORD@HOST`. docs/alerts.md says what of ours may stand in
            its query.

    Raises:
        InputError: apprise knows no such service, or an option is wrong. The address is not shown, for it holds
            secrets.
    """

    def __init__(self, url: str) -> None:
        address, options = _split(url)
        self._plugin: Any = _plugin(address)
        self.language = _language(options.get("alert_language", "zh"))
        self.merges = address.partition("://")[0].lower() not in _MACHINES
        """Whether people read it: then only the newest that is to be said of an incident is said."""
        per_minute = _number(options, "alert_per_minute", PER_MINUTE if self.merges else 0)
        self.pace = Pace(int(per_minute) or None)
        self.cooldown_s = _number(options, "alert_cooldown_s", COOLDOWN_S if self.merges else 0.0)
        self.digest_bytes: int = min(_DIGEST_BYTES, getattr(self._plugin, "limit_bytes", self._plugin.body_maxlen))
        self.id = hashlib.sha256(address.encode()).hexdigest()[:16]
        self.name = f"{self._plugin.service_name} {self.id[:6]}"

    @property
    def trouble(self) -> str:
        """Why it did not take the last message, as far as is known."""
        return getattr(self._plugin, "trouble", None) or "no reason given"

    def send(self, text: AlertText, *, key: str, event_id: str, phase: str, keys: Sequence[str] = ()) -> bool:
        """Send one message; False where the channel did not take it.

        A webhook gets `event_id`, `phase` and `key` in its payload, and the key as header `Idempotency-Key`. In a
        digest the first is empty, the second `digest`, and `keys` has those of its alerts.
        """
        if hasattr(self._plugin, "payload_extras"):
            self._plugin.payload_extras.update({"event_id": event_id, "phase": phase, "key": key})
            self._plugin.payload_extras.pop("keys", None)
            if keys:
                self._plugin.payload_extras["keys"] = " ".join(keys)
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


def _number(options: Mapping[str, str], name: str, default: float) -> float:
    said = options.get(name)
    if said is None:
        return default
    if not said.isdecimal() or len(said) > 6:
        raise InputError(f"alert address with {name}={said[:20]}: expected a whole number, 0 for none")
    return float(said)

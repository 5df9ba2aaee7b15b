"""MQTT topics: `hallwatch/1/{hall}/{floor}/{node}/{kind}`. docs/mqtt.md is the contract."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from hall.errors import InputError, MessageError
from hall.units import ID_PATTERN

ROOT = "hallwatch/1"
SUBSCRIPTION = f"{ROOT}/+/+/+/+"
"""Everything that nodes publish."""

RETAINED = frozenset({"status", "state"})
"""Kinds of which a late joiner needs the last one."""

_GROUP = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_ID = re.compile(ID_PATTERN)


def shared(group: str) -> str:
    """`SUBSCRIPTION` for a group of processes of which each takes some of the messages.

    Raises:
        InputError: the group cannot be named so.
    """
    if not _GROUP.fullmatch(group):
        raise InputError(f"group {group!r}: expected letters, digits, '-', '_' or '.'")
    return f"$share/{group}/{SUBSCRIPTION}"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a message belongs: hall, floor and node."""

    hall: str
    floor: str
    node: str

    def topic(self, kind: str) -> str:
        """The topic of one kind of message, e.g. `hallwatch/1/demo/f1/edge-f1/event`."""
        return f"{ROOT}/{self.hall}/{self.floor}/{self.node}/{kind}"

    def __str__(self) -> str:
        return f"{self.hall}/{self.floor}/{self.node}"


@lru_cache(maxsize=10_000)
def parse_topic(topic: str) -> tuple[Address, str]:
    """Address and kind of a topic.

    Raises:
        MessageError: the topic is none of ours (reason `topic`).
    """
    parts = topic.split("/")
    if (
        len(parts) < 6
        or not parts[5]
        or "/".join(parts[:2]) != ROOT
        or not all(_ID.fullmatch(part) for part in parts[2:5])
    ):
        raise MessageError("topic", f"topic {topic!r}: expected {ROOT}/HALL/FLOOR/NODE/KIND")
    return Address(*parts[2:5]), "/".join(parts[5:])

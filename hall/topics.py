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

INPUTS = ("duty/set", "ticket", "rating")
"""What other systems of a hall say to the centre: `hallwatch/1/{hall}/ticket`. They belong to a hall, not to a box."""

ANSWER = "answer"
"""Below `{node}/answer/{name}` a box answers who asked for it there; nothing else subscribes to so many levels."""

RETAINED = frozenset({"status", "state"})
"""Kinds of which a late joiner needs the last one."""

_GROUP = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_ID = re.compile(ID_PATTERN)


def subscriptions() -> tuple[str, ...]:
    """Everything that the centre takes: what nodes publish, and what other systems say."""
    return (SUBSCRIPTION, *(f"{ROOT}/+/{kind}" for kind in INPUTS))


def shared(group: str) -> tuple[str, ...]:
    """`subscriptions` for a group of processes of which each takes some of the messages.

    Raises:
        InputError: the group cannot be named so.
    """
    if not _GROUP.fullmatch(group):
        raise InputError(f"group {group!r}: expected letters, digits, '-', '_' or '.'")
    return tuple(f"$share/{group}/{topic}" for topic in subscriptions())


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

    def kind_of(self, topic: str) -> str | None:
        """The kind of a topic of this node; None of any other topic."""
        own = self.topic("")
        return topic.removeprefix(own) if topic.startswith(own) else None

    def answers(self, wanted: str | None) -> str | None:
        """Where a box answers a request.

        Args:
            wanted: the response topic of the request. It counts where it is below the box's own `answer`, or anybody
                who may ask could make the box speak anywhere.

        Returns:
            The topic; None where the request names none that counts.
        """
        own = self.topic(ANSWER) + "/"
        named = wanted is not None and wanted.startswith(own) and _ID.fullmatch(wanted.removeprefix(own))
        return wanted if named else None


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


def answer_subscription(name: str) -> str:
    """What any box answers to one who asks under a name of its own."""
    return f"{ROOT}/+/+/+/{ANSWER}/{name}"


def input_topic(hall: str, kind: str) -> str:
    """Where other systems of a hall say something of a kind of `INPUTS`, or hear the `reply`."""
    return f"{ROOT}/{hall}/{kind}"


def parse_input_topic(topic: str) -> tuple[str, str] | None:
    """Hall and kind of what another system says; None of any other topic."""
    hall, _, kind = topic.removeprefix(f"{ROOT}/").partition("/")
    return (hall, kind) if topic.startswith(f"{ROOT}/") and kind in INPUTS and _ID.fullmatch(hall) else None


def reply_topic(hall: str, wanted: str | None) -> str:
    """Where a system hears what became of its request.

    Args:
        hall: of which hall it is.
        wanted: the response topic of its request; it counts where it is `hallwatch/1/{hall}/reply/{name}`, or nobody
            could let the centre speak anywhere.
    """
    own = input_topic(hall, "reply")
    named = wanted is not None and wanted.startswith(f"{own}/") and _ID.fullmatch(wanted.removeprefix(f"{own}/"))
    return wanted if wanted is not None and named else own

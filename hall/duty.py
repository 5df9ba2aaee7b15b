"""Duty commands: when a window is not served although the hall is open.

The centre takes them from people and machines, keeps them and hands each box those of its windows, all of them in
one retained message, `duty/set`; the box goes by them and by the opening hours. Time is that of the picture: a command
counts from `since` on, whenever it came.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from typing import Annotated

import msgspec

from hall.clock import Instant
from hall.errors import InputError
from hall.messages import DutyOrder, Utc, WindowDuty

REQUEST = "duty/set"
"""Kind of the topic by which a box gets its table."""

MOST_COMMANDS = 2_000
"""Of one table: the centre sends the last two days."""

OpenSeconds = Callable[[Instant, Instant], float]
"""Opening time of the hall between two instants, in seconds."""


class DutyCommand(msgspec.Struct, frozen=True):
    """From `since` on a window is open by the hours, `paused`, or on `leave`; from `until` on as without a command."""

    window: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    duty: DutyOrder
    since: Utc
    until: Utc | None = None


class DutyTable(msgspec.Struct, frozen=True):
    """The commands of some windows, oldest first. A table of a higher `revision` replaces one of a lower."""

    revision: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 0
    commands: Annotated[list[DutyCommand], msgspec.Meta(max_length=MOST_COMMANDS)] = []


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(DutyTable)


def encode_table(table: DutyTable) -> bytes:
    """JSON of a table."""
    return _encoder.encode(table)


def decode_table(payload: bytes) -> DutyTable:
    """Read a table.

    Raises:
        InputError: it is none.
    """
    try:
        return _decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise InputError(f"{REQUEST}: {str(exc)[:300]}; expected a table of duty commands, see docs/mqtt.md") from exc


class DutyPlan:
    """What commands make of the opening hours.

    Of commands of one window the one with the latest `since` counts; of the same `since`, the later in the list.

    Args:
        commands: in any order.
        on_demand: windows that are closed wherever no command says `open` (潮汐窗口).
    """

    def __init__(self, commands: Iterable[DutyCommand] = (), on_demand: Collection[str] = ()) -> None:
        self._on_demand = on_demand
        by_window: defaultdict[str, list[DutyCommand]] = defaultdict(list)
        for command in commands:
            by_window[command.window].append(command)
        self._spans = {window: _spans(theirs) for window, theirs in by_window.items()}

    def duty(self, window: str, at: Instant, *, is_open: bool) -> WindowDuty:
        """Whether a window should be served at an instant, and if not, why.

        Args:
            window: its id.
            at: when.
            is_open: whether the hall is open then.
        """
        if not is_open:
            return "closed"
        by_itself: WindowDuty = "closed" if window in self._on_demand else "open"
        spans = self._spans.get(window)
        if spans is None:
            return by_itself
        number = bisect_right(spans, at, key=lambda span: span[0]) - 1
        if number < 0 or at >= spans[number][1]:
            return by_itself
        return spans[number][2]

    def open_seconds(self, window: str, open_seconds: OpenSeconds) -> OpenSeconds:
        """Time between two instants in which a window should be served.

        Args:
            window: its id.
            open_seconds: the same of the hall.
        """
        on_demand = window in self._on_demand

        def of_window(start: Instant, end: Instant) -> float:
            other_s = [
                open_seconds(max(start, since), min(end, until))
                for since, until, duty in self._spans.get(window, ())
                if (duty == "open") == on_demand and since < end and until > start
            ]
            return sum(other_s) if on_demand else max(0.0, open_seconds(start, end) - sum(other_s))

        return of_window


_Span = tuple[Instant, Instant, DutyOrder]


def _spans(commands: list[DutyCommand]) -> list[_Span]:
    """From when until when each command counts, in order of time."""
    ordered = sorted(commands, key=lambda command: command.since)  # stable: later ones of one instant stay later
    starts = [command.since.timestamp() for command in ordered]
    nexts = [*starts[1:], float("inf")]
    ends = [n if c.until is None else min(n, c.until.timestamp()) for c, n in zip(ordered, nexts, strict=True)]
    return [(start, end, c.duty) for c, start, end in zip(ordered, starts, ends, strict=True) if start < end]

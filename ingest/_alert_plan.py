"""Which alerts go into which message, and when. Pure: rows and times in, messages out.

A robot of a group chat takes 20 messages a minute; DingTalk shuts one that gets more up for ten minutes. So a channel
sends alerts one by one while there is room, and keeps a quarter of the room: when only that is left, alerts gather,
and go together as digests that name every incident, evenly spread. What waited for the end of quiet hours goes as a
digest, too. Nothing is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import cast

from hall.clock import Instant
from ingest._alert_text import AlertPhase

MINUTE_S = 60.0
LONGEST_WAIT_S = 300.0
"""Between two attempts."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An alert that waits on a channel."""

    id: int
    event_id: str
    phase: str
    opening: int
    title: str
    body: str
    created_at: Instant
    next_at: Instant
    attempts: int
    held_until: Instant | None = None

    @property
    def word(self) -> AlertPhase:
        """What it is told for; `phase` tells escalations apart, too."""
        return cast("AlertPhase", self.phase.partition(":")[0])

    @property
    def key(self) -> str:
        """What tells a receiver that it has it already: `event_id:phase`, and the opening after the first."""
        return f"{self.event_id}:{self.phase}{'' if self.opening == 1 else f':{self.opening}'}"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is said of one incident: the newest of its alerts, and those that it makes needless."""

    alert: Waiting
    merged: tuple[Waiting, ...] = ()

    @property
    def alerts(self) -> tuple[Waiting, ...]:
        """All of them, oldest first."""
        return (*self.merged, self.alert)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a channel is written to.

    Args:
        per_minute: messages in any 60 s; None for as many as there are, which are then sent one by one.
    """

    per_minute: int | None

    @property
    def _kept(self) -> int:
        return max(1, (self.per_minute or 0) // 4)

    def messages(self, entries: Sequence[Entry], sent_at: Sequence[Instant], now: Instant) -> list[list[Entry]]:
        """What may be sent now: lists of one entry, or one list of all of them, for digests.

        Args:
            entries: what waits and is due.
            sent_at: when messages were sent in the last minute.
            now: the time.
        """
        if self.per_minute is None:
            return [[entry] for entry in entries]
        if not entries:
            return []
        room = self.room(sent_at, now)
        # What waited for the morning goes as one.
        waited = sum(entry.alert.held_until is not None for entry in entries) > 1
        if len(entries) <= room - self._kept and not waited:
            return [[entry] for entry in entries]
        newest = max(sent_at, default=now - MINUTE_S)
        if room == 0 or (room <= self._kept and now - newest < MINUTE_S / self._kept):
            return []
        return [list(entries)]

    def room(self, sent_at: Sequence[Instant], now: Instant) -> int:
        """How many messages may be sent at once."""
        assert self.per_minute is not None
        return max(0, self.per_minute - sum(now - MINUTE_S < at <= now for at in sent_at))


def entries_of(
    waiting: Sequence[Waiting], now: Instant, *, merge: bool, cooldown_s: float, told_at: Mapping[str, Instant]
) -> list[Entry]:
    """What is to be said now, in the order in which it came up.

    Args:
        waiting: every alert that waits, oldest first.
        now: the time.
        merge: for people, only the newest of an incident is said; a machine is told each, one after the other.
        cooldown_s: so long after an incident was told, it is not told that it opened again.
        told_at: when it was last sent that an incident is open, of those that were.
    """
    by_event: dict[str, list[Waiting]] = {}
    for alert in waiting:
        by_event.setdefault(alert.event_id, []).append(alert)
    entries: list[Entry] = []
    for event_id, alerts in by_event.items():
        again = any(a.phase == "raised" and a.opening > 1 for a in alerts)
        if again and 0 <= now - told_at.get(event_id, float("-inf")) < cooldown_s:
            continue
        if merge:
            if all(_is_due(a, now) for a in alerts):
                entries.append(Entry(alerts[-1], tuple(alerts[:-1])))
        else:
            entries += [Entry(a) for a in takewhile(lambda a: _is_due(a, now), alerts)]
    return sorted(entries, key=lambda e: e.alerts[0].id)


def _is_due(alert: Waiting, now: Instant) -> bool:
    """What is to wait for longer than anything does was put off before the clock was set back."""
    is_held = alert.next_at == alert.held_until
    return alert.next_at <= now or (alert.next_at > now + LONGEST_WAIT_S and not is_held)


def fit(lines: Sequence[str], limit_bytes: int) -> list[int]:
    """How many of the lines go into each of several texts of at most so many bytes; one at least."""
    counts: list[int] = []
    used = limit_bytes + 1
    for line in lines:
        size = len(line.encode()) + 1
        if used + size > limit_bytes:
            counts.append(0)
            used = 0
        counts[-1] += 1
        used += size
    return counts

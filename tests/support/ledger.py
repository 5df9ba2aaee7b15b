"""A ledger of stays, fed by hand."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from vision.stays import FinishedStay, LedgerState, Sighting, StayLedger

STEP_S = 0.2
Seat = tuple[float, float]


def at(
    track: int, seat: Seat = (0.0, 0.0), *, outside_m: float | None = None, shadowed: bool = False, upon: int = -1
) -> Sighting:
    """Somebody in the middle of the area, or so many metres outside of it; places in metres."""
    inside = outside_m is None
    border_m = 2.0 if outside_m is None else outside_m
    return Sighting(track, *seat, 1.0, inside, border_m, shadowed, (upon,) if upon >= 0 else ())


class Hall:
    """A ledger, a clock, and what ended so far."""

    def __init__(self, start: float = 1000.0, step_s: float = STEP_S) -> None:
        self.ledger = StayLedger()
        self.start = self.now = start
        self.step_s = step_s
        self.ended: list[FinishedStay] = []

    def see(self, seconds: float, *people: Sighting, glimpses: Sequence[Sighting] = ()) -> Hall:
        """The same people for so long, and those seen once so far."""
        for _ in range(round(seconds / self.step_s)):
            self.ended += self.ledger.step(self.now, people, glimpses)
            self.now += self.step_s
        return self

    def walk(
        self, seconds: float, track: int, start: Seat, end: Seat, *others: Sighting, outside: bool = False
    ) -> Hall:
        """Somebody walks in a straight line."""
        steps = round(seconds / self.step_s)
        for i in range(steps):
            x, y = (a + (b - a) * (i + 1) / steps for a, b in zip(start, end, strict=True))
            self.see(self.step_s, at(track, (x, y), outside_m=1.0 if outside else None), *others)
        return self

    def blind(self, seconds: float) -> Hall:
        self.now += seconds
        return self

    def restart(self, seconds: float) -> Hall:
        """The box is down for so long."""
        self.ledger = StayLedger(state=msgspec.json.decode(msgspec.json.encode(self.ledger.state), type=LedgerState))
        return self.blind(seconds)

    @property
    def running(self) -> list[tuple[float, float]]:
        return [(round(s.started_at - self.start, 1), round(s.duration_s, 1)) for s in self.ledger.stays]

    @property
    def finished(self) -> list[tuple[float, float, str]]:
        """Start, length and how, in seconds from the start."""
        return [(round(f.stay.started_at - self.start, 1), round(f.stay.duration_s, 1), f.ended) for f in self.ended]

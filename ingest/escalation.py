"""Who is told next of an incident that goes on. Pure: chain, incident and time in, steps and the next time out.

A chain is for some rules, severities, halls, floors and hours; the first that fits an incident when it opens is its
chain, and again when it becomes worse. Times count from when the centre learned that it opened: what a box could only
tell later does not run through all steps at once. Steps that came due while nobody was there to take them are taken
together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from hall.clock import Instant
from hall.schedule import Schedule
from ingest.incidents import Incident

Unless = Literal["acknowledged", "cleared"]


@dataclass(frozen=True, slots=True)
class ChainStep:
    """Tell somebody, so long after an incident opened, unless it is acknowledged, or only unless it is over."""

    after_s: float
    tell: tuple[str, ...]
    unless: Unless = "acknowledged"


@dataclass(frozen=True, slots=True)
class Chain:
    """Steps, in the order of their times, and for which incidents. None: for all of them.

    Attributes:
        during: only for incidents that open within these hours.
        outside: only for those that open outside of these.
    """

    name: str
    steps: tuple[ChainStep, ...]
    rules: frozenset[str] | None = None
    severities: frozenset[str] | None = None
    halls: frozenset[str] | None = None
    floors: frozenset[str] | None = None
    during: Schedule | None = None
    outside: Schedule | None = None

    def fits(self, incident: Incident) -> bool:
        """Whether it is for an incident."""
        wanted = (
            (self.rules, incident.rule),
            (self.severities, incident.severity),
            (self.halls, incident.hall),
            (self.floors, incident.floor),
        )
        at = incident.raised_at if incident.opened_at is None else incident.opened_at
        return (
            all(allowed is None or value in allowed for allowed, value in wanted)
            and (self.during is None or self.during.is_open(at))
            and (self.outside is None or not self.outside.is_open(at))
        )


def chain_for(chains: Sequence[Chain], incident: Incident) -> Chain | None:
    """The first chain that fits."""
    return next((chain for chain in chains if chain.fits(incident)), None)


class Standing(NamedTuple):
    """Where an incident stands in its chain.

    Attributes:
        level: steps that were taken or passed.
        since: from when the times of the steps count.
        is_acknowledged: whether somebody sees to it.
        is_over: cleared or closed.
    """

    level: int
    since: Instant
    is_acknowledged: bool = False
    is_over: bool = False


class Outcome(NamedTuple):
    """What is to be done: these steps, now; then it is at `level`, and asked again at `next_at`, or never."""

    level: int
    taken: tuple[ChainStep, ...]
    next_at: Instant | None


def step(chain: Chain, standing: Standing, now: Instant) -> Outcome:
    """Take the steps that are due."""
    level = min(standing.level, len(chain.steps))
    if standing.is_over:
        return Outcome(level, (), None)
    due = [one for one in chain.steps[level:] if standing.since + one.after_s <= now]
    taken = tuple(one for one in due if one.unless == "cleared" or not standing.is_acknowledged)
    level += len(due)
    next_at = standing.since + chain.steps[level].after_s if level < len(chain.steps) else None
    return Outcome(level, taken, next_at)

"""What the parts of a board share: the floor, the words, the state of every window and zone and its age."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from dashboards.texts import Texts, format_duration, format_limit, format_time, format_wait
from hall.clock import Instant
from hall.layout import Floor, Hall
from hall.messages import WindowState, ZoneState
from hall.views import ONGOING, IncidentView, NodeView

STALE_AFTER_S = 60.0
"""A box sends its state every 10 s; six of them missing is no delay any more."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the centre knew at one moment. `failed`: the last attempt to read found the records away."""

    nodes: tuple[NodeView, ...] = ()
    incidents: tuple[IncidentView, ...] = ()
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Elapsed:
    """A duration that runs from `since`, or ended at `until`. Instants in whole tenths of a second."""

    since: Instant
    until: Instant | None = None


def elapsed(since: Instant, until: Instant | None = None) -> Elapsed:
    """An `Elapsed` without the noise of floats, so that equal times compare equal."""
    return Elapsed(_tenths(since), None if until is None else _tenths(max(since, until)))


def _tenths(at: Instant) -> Instant:
    # Instants are milliseconds on the wire; without that step a sum may fall on either side of 0.05.
    return round(round(at, 3), 1)


@dataclass(frozen=True, slots=True)
class Age:
    """When figures are from, and whether they still hold."""

    at: Instant
    stale: bool

    @property
    def until(self) -> Instant | None:
        """Where running durations stand still: nobody knows what happened after the last message."""
        return self.at if self.stale else None


@dataclass(frozen=True)
class Scene:
    """One floor at one moment, in one language."""

    hall: Hall
    floor: Floor
    texts: Texts
    nodes: Sequence[NodeView]
    incidents: Sequence[IncidentView]
    now: Instant

    def time(self, at: Instant) -> str:
        """Local time of the hall."""
        return format_time(at, self.now, self.hall.zone_info, self.texts.lang)

    def duration(self, seconds: float) -> str:
        """A duration."""
        return format_duration(seconds, self.texts.lang)

    def wait(self, seconds: float | None) -> str:
        """A wait, or a dash where there is none."""
        return "–" if seconds is None else format_wait(seconds, self.texts.lang)

    def limit(self, seconds: float) -> str:
        """A limit as people say it."""
        return format_limit(seconds, self.texts.lang)

    def age_of(self, node: NodeView) -> Age:
        """Age of a box's figures."""
        at = node.state_at if node.state_at is not None else node.seen_at
        return Age(at, node.status != "online" or self.now - at > STALE_AFTER_S)

    def age_of_node(self, name: str) -> Age | None:
        """Age of a box's figures; None for one that was never heard."""
        return next((self.age_of(node) for node in self.nodes if node.node == name), None)

    @cached_property
    def windows(self) -> dict[str, tuple[WindowState, Age]]:
        """Every window's last state."""
        return {w.window: (w, self.age_of(n)) for n in self._by_age if n.state for w in n.state.windows}

    @cached_property
    def zones(self) -> dict[str, tuple[ZoneState, Age]]:
        """Every zone's last state."""
        return {z.zone: (z, self.age_of(n)) for n in self._by_age if n.state for z in n.state.zones}

    @property
    def _by_age(self) -> list[NodeView]:
        # Where two boxes name one window, after cameras were moved to another box, the later word holds.
        return sorted(self.nodes, key=lambda node: node.state_at or 0.0)

    @cached_property
    def open_by_subject(self) -> dict[str, list[IncidentView]]:
        """Incidents that go on, by subject such as `window/w01`, critical ones first."""
        found: dict[str, list[IncidentView]] = {}
        opened = [i for i in self.incidents if i.status in ONGOING]
        for incident in sorted(opened, key=lambda i: (i.severity != "critical", i.started_at, i.event_id)):
            found.setdefault(incident.subject, []).append(incident)
        return found

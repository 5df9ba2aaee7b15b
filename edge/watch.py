"""Observe: what is known of each window and zone, frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from operator import attrgetter

import msgspec

from edge.sessions import FinishedSession, SessionState, SessionWatch
from hall.clock import Instant
from hall.layout import CameraPolygon, Presence, Session, Window, Zone
from hall.messages import Seen
from vision.areas import Area
from vision.boxes import Box, covered
from vision.locate import People
from vision.presence import PresenceMachine, PresenceState
from vision.stays import FinishedStay, LedgerSettings, LedgerState, Stay, StayLedger

HIDING_SHARE = 0.65
"""Somebody before so much of a clerk hides them. In the rendered halls citizens who are served cover 0.25 at most,
somebody who stands in the line of sight 0.8."""
_CLERK_BOX_S = 5.0
"""Time constant of the place of the clerk."""
_AT_WINDOW = LedgerSettings(hidden_s=30.0, missed_s=6.0, by_place=False)
"""At a window people stand, shift and follow each other on one spot: a place says nothing of who is there."""


class ClerkView(msgspec.Struct, frozen=True):
    """The clerk area of a window now; see `PresenceState` for the clocks."""

    seen: Seen
    since: Instant | None
    clock_s: float
    since_clock_s: float
    observed_at: Instant | None
    doubtful: bool = False


class SavedWindow(msgspec.Struct):
    """What survives a restart of one window, by camera where an area has several."""

    clerk: dict[str, PresenceState] = {}
    customers: dict[str, LedgerState] = {}
    session: SessionState | None = None


class SavedZone(msgspec.Struct):
    """What survives a restart of one zone."""

    stays: dict[str, LedgerState] = {}


class AreaStays:
    """The stays of an area, which may lie in the pictures of several cameras that see different parts of it.

    Attributes:
        stays: those that go on, oldest first.
        observed_at: when the camera that was looked at least lately was looked at.
    """

    stays: list[Stay]
    observed_at: Instant | None

    def __init__(
        self,
        areas: Sequence[CameraPolygon],
        own_camera: str | None,
        stale_s: float,
        saved: dict[str, LedgerState],
        settings: LedgerSettings | None = None,
    ) -> None:
        self._stale_s = stale_s
        self._areas = {area.camera or own_camera or "": Area(area.polygon) for area in areas}
        settings = replace(settings or LedgerSettings(), stale_s=stale_s)
        self._ledgers = {name: StayLedger(settings, saved.get(name)) for name in self._areas}
        self._people: dict[str, People] = {}
        self._count: int | None = None
        self._blind: set[str] = set()
        self._look()

    def step(self, camera: str, people: People) -> list[FinishedStay]:
        """Take a frame of one camera; returns the stays that ended with it."""
        area = self._areas.get(camera)
        ledger = self._ledgers.get(camera)
        if area is None or ledger is None or (ledger.state.at is not None and people.at <= ledger.state.at):
            return []
        self._blind.discard(camera)
        self._people[camera] = people
        glimpses = people.glimpses(area) if ledger.settings.by_place else []
        finished = ledger.step(people.at, people.sightings(area), glimpses)
        self._look()
        return finished

    def finish(self) -> list[FinishedStay]:
        """No more frames come; returns the stays that ended and were not told yet."""
        finished = [stay for ledger in self._ledgers.values() for stay in ledger.finish()]
        self._look()
        return finished

    def _look(self) -> None:
        """Note what is asked for more often than a camera looks."""
        self._count = None
        known = [at for ledger in self._ledgers.values() if (at := ledger.state.at) is not None]
        self.observed_at = min(known) if len(known) == len(self._ledgers) and known else None
        self.stays = [stay for ledger in self._ledgers.values() for stay in ledger.stays]
        if len(self.stays) > 1:
            self.stays.sort(key=attrgetter("started_at"))

    def lose_sight(self, camera: str) -> None:
        """The picture of a camera is at fault: unknown until its next frame."""
        if camera in self._areas:
            self._blind.add(camera)
            self._ledgers[camera].lose_sight()

    def off_m(self, camera: str, people: People, track: int) -> float | None:
        """How far a track of a camera is out of the area, in metres; 0 inside, None if it is not there."""
        area = self._areas.get(camera)
        if area is None:
            return None
        for person in people.confirmed:
            if person.track == track:
                inside = area.holds(*person.foot)
                return 0.0 if inside else area.border_px(*person.foot, people.tracks.size_px) * person.metres_per_px
        return None

    def known(self, now: Instant) -> bool:
        """Whether every camera of the area has been looked at lately, and sees."""
        seen_at = self.observed_at
        return not self._blind and seen_at is not None and now - seen_at <= self._stale_s

    @property
    def count(self) -> int:
        """People seen inside in the last frame of each camera."""
        if self._count is None:
            self._count = sum(
                self._areas[name].holds(x, y) for name, seen in self._people.items() for x, y in seen.points
            )
        return self._count

    def save(self) -> dict[str, LedgerState]:
        """What to keep over a restart."""
        return {name: ledger.state for name, ledger in self._ledgers.items()}


class ClerkBox:
    """Where the clerk has been of late: somebody getting up and leaving is no measure of whom a citizen hides.

    Attributes:
        box: mean of the boxes in pixels, the last seconds count most.
    """

    def __init__(self) -> None:
        self.box: Box = ()
        self._at: Instant = 0.0

    def see(self, at: Instant, box: Box) -> None:
        """Take the box of one frame."""
        share = 1.0 if not self.box else min(1.0, (at - self._at) / _CLERK_BOX_S)
        self.box = [old + share * (new - old) for old, new in zip(self.box or box, box, strict=True)]
        self._at = at


class WindowWatch:
    """One window: clerk, customers and the session between them."""

    def __init__(self, window: Window, presence: Presence, session: Session, saved: SavedWindow | None = None) -> None:
        saved = saved or SavedWindow()
        self.window = window
        self._overlap = presence.overlap
        self._view: tuple[Instant, ClerkView] | None = None
        clerk = window.clerk_area if window.staffed else None
        self._clerk_areas = {area.camera or window.camera: Area(area.polygon) for area in clerk or []}
        self._machines = {name: PresenceMachine(presence, saved.clerk.get(name)) for name in self._clerk_areas}
        self._clerk_boxes: dict[str, ClerkBox] = {}
        self.customers = AreaStays(
            window.customer_area or [], window.camera, presence.stale, saved.customers, _AT_WINDOW
        )
        self.sessions = SessionWatch(session, staffed=window.staffed, state=saved.session)

    def step(self, camera: str, people: People, *, on_duty: bool, coarse: AbstractSet[str] = frozenset()) -> None:
        """Take a frame of one camera; `coarse` names areas in which people of this frame are too small to be missed."""
        area = self._clerk_areas.get(camera)
        if area is not None:
            hit = self._hit(camera, area, people)
            too_small = bool(coarse) and f"{self.window.id}/clerk" in coarse
            if hit or not (too_small or self._is_hidden(camera, people)):
                self._machines[camera].observe(people.at, hit=hit, on_duty=on_duty)
                self._view = None
        if not coarse or f"{self.window.id}/customer" not in coarse:
            self.customers.step(camera, people)
            self._follow(camera, people)

    def settled(self, camera: str, now: Instant) -> bool:
        """Whether what a camera saw last agrees with what is believed: one more look like it changes nothing."""
        machine = self._machines.get(camera)
        if machine is not None and not machine.settled(now):
            return False
        return self.customers.count == len(self.customers.stays)

    def _follow(self, camera: str, people: People) -> None:
        track = self.sessions.state.track
        if track is not None:
            off_m = self.customers.off_m(camera, people, track)
            if off_m is not None:
                self.sessions.follow(people.at, off_m)

    def lose_sight(self, camera: str) -> None:
        """The picture of a camera is at fault: unknown until its next frames."""
        if camera in self._machines:
            self._machines[camera].lose_sight()
            self._view = None
        self.customers.lose_sight(camera)

    def _hit(self, camera: str, area: Area, people: People) -> bool:
        for box, (x, y) in zip(people.boxes, people.points, strict=True):
            if self.window.clerk_anchor == "foot":
                inside = area.holds(x, y)
            else:
                inside = area.share(box, people.tracks.size_px) >= self._overlap
            if inside:
                self._clerk_boxes.setdefault(camera, ClerkBox()).see(people.at, box)
                return True
        return False

    def _is_hidden(self, camera: str, people: People) -> bool:
        """Whether somebody stands before the place where the clerk was seen: then seeing nobody says nothing.

        An absence that is known goes on: citizens at the counter must not put it off.
        """
        last = self._clerk_boxes.get(camera)
        if last is None or self._machines[camera].state.seen != "present":
            return False
        return any(covered(last.box, box) >= HIDING_SHARE for box in people.boxes)

    def follow_session(self, now: Instant) -> FinishedSession | None:
        """Bring the session up to a moment; returns one that ended."""
        if not self.customers.known(now):
            return None
        if not self.customers.stays and self.sessions.state.citizen_since is None:
            return None  # nobody came, nobody went
        # An unknown clerk neither starts a session nor stops one from starting: the last decision stands.
        present = [m.state.since for m in self._machines.values() if m.state.seen == "present"]
        since = min((at for at in present if at is not None), default=None)
        clerk = self.clerk(now)
        gone_at = clerk.since if clerk.seen == "absent" else None
        return self.sessions.step(now, self.customers.stays, since, gone_at)

    def clerk(self, now: Instant) -> ClerkView:
        """The clerk area now: present in one camera is present; absent only when absent in all."""
        if self._view is None or self._view[0] != now:
            self._view = now, self._clerk(now)
        return self._view[1]

    def _clerk(self, now: Instant) -> ClerkView:
        views = [(machine.seen(now), machine.state) for machine in self._machines.values()]
        present = [state for seen, state in views if seen == "present"]
        if present:
            return _view("present", min(present, key=lambda state: state.since or now))
        if not views:
            return ClerkView("unknown", None, 0.0, 0.0, None)
        if any(seen == "unknown" for seen, _ in views):
            blind = min((s for seen, s in views if seen == "unknown"), key=lambda state: state.at or 0.0)
            return ClerkView("unknown", None, blind.clock_s, blind.since_clock_s, blind.at)
        doubtful = any(machine.doubtful(now) for machine in self._machines.values())
        return _view("absent", max((s for _, s in views), key=lambda state: state.since or 0.0), doubtful=doubtful)

    def save(self) -> SavedWindow:
        """What to keep over a restart."""
        clerk = {name: machine.state for name, machine in self._machines.items()}
        return SavedWindow(clerk, self.customers.save(), self.sessions.state)


def _view(seen: Seen, state: PresenceState, *, doubtful: bool = False) -> ClerkView:
    return ClerkView(seen, state.since, state.clock_s, state.since_clock_s, state.at, doubtful)


class ZoneWatch:
    """One zone: who stays in it and for how long."""

    def __init__(self, zone: Zone, presence: Presence, saved: SavedZone | None = None) -> None:
        self.zone = zone
        self.area = AreaStays(zone.areas, None, presence.stale, (saved or SavedZone()).stays)

    @property
    def settled(self) -> bool:
        """Whether everybody who is here was seen in the last frames, and nobody else."""
        return self.area.count == len(self.area.stays)

    def save(self) -> SavedZone:
        """What to keep over a restart."""
        return SavedZone(self.area.save())


class ServiceTimes(msgspec.Struct):
    """Recent handling times of a window, for the wait to expect; the last 20 count."""

    recent_s: list[float] = []

    def add(self, duration_s: float) -> None:
        """Remember one session."""
        self.recent_s = [*self.recent_s[-19:], duration_s]

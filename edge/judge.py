"""The rules at work: what a box says of its windows, zones and cameras at a moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping

from edge._closing import cameras_of
from edge._expected import ExpectedWaits
from edge.bodies import EventNames, session_body, wait_detail
from edge.camera_fault import CameraWatch
from edge.rules import (
    Change,
    ClerkObservation,
    SessionObservation,
    Wait,
    WaitObservation,
    WaitState,
    absence_is_quiet,
    step_clerk_absent,
    step_long_wait,
    step_overtime_case,
)
from edge.saved import WindowRules
from edge.sessions import FinishedSession
from edge.watch import WindowWatch, ZoneWatch
from hall.clock import Instant
from hall.duty import DutyPlan
from hall.layout import Hall, Window
from hall.messages import AnyBody, WindowDuty


class Judge:
    """The rules of one box.

    Args:
        hall: limits and opening hours.
        names: of events and sessions.
        windows, zones, cameras: what is watched, by id.
        window_rules, zone_rules: states of the rules, which go on here.

    Attributes:
        zone_limits: by zone.
        expected: the wait to expect in each.
        plan: what duty commands make of the opening hours.
        seen_by: the windows and zones that each camera looks at.
    """

    def __init__(
        self,
        hall: Hall,
        names: EventNames,
        windows: Mapping[str, WindowWatch],
        zones: Mapping[str, ZoneWatch],
        cameras: Mapping[str, CameraWatch],
        window_rules: Mapping[str, WindowRules],
        zone_rules: MutableMapping[str, WaitState],
        plan: DutyPlan,
    ) -> None:
        self.plan = plan
        self._names, self._schedule = names, hall.schedule
        self._windows, self._zones, self._cameras = windows, zones, cameras
        self._window_rules, self._zone_rules = window_rules, zone_rules
        # Of the hall file: what watches a window may have been made of an older one.
        self._window_limits = {w.id: hall.limits_of(w) for f in hall.floors for w in f.windows if w.id in windows}
        self.zone_limits = {z.id: hall.limits_of(z) for f in hall.floors for z in f.zones if z.id in zones}
        self.seen_by = {
            name: (
                [window for window in windows.values() if name in cameras_of(window.window)],
                [zone for zone in zones.values() if name in cameras_of(zone.zone)],
            )
            for name in cameras
        }
        times = {name: rules.times for name, rules in window_rules.items()}
        self.expected = ExpectedWaits(windows, times, self._schedule.open_seconds)

    def camera(self, now: Instant, camera: str, *, on_duty: bool) -> Iterator[AnyBody]:
        """What changed of the faults of a camera."""
        for change in self._cameras[camera].step(now, on_duty=on_duty):
            yield self._names.event(f"camera/{camera}", change)

    def step(self, now: Instant, *, on_duty: bool, camera: str | None = None) -> Iterator[AnyBody]:
        """What changed: events, and sessions that are over.

        Args:
            now: capture time.
            on_duty: whether the hall is open.
            camera: whose windows and zones are to be judged; all where left out.
        """
        if camera is None:
            names, windows, zones = list(self._cameras), list(self._windows.values()), list(self._zones.values())
        else:
            names, (windows, zones) = [camera], self.seen_by[camera]
        for name in names:
            yield from self.camera(now, name, on_duty=on_duty)
        for zone in zones:
            yield from self._judge_zone(now, zone, on_duty=on_duty)
        working_day = self._schedule.working_day(now)
        for window in windows:
            ended = window.follow_session(now)
            if ended is not None:
                yield self._finish_session(window.window, ended)
            duty = self.plan.duty(window.window.id, now, is_open=on_duty)
            changes = self._judge_absence(now, window, duty, working_day)
            changes += self._judge_session(now, window, ended)
            for change in changes:
                yield self._names.event(f"window/{window.window.id}", change)

    def _finish_session(self, window: Window, ended: FinishedSession) -> AnyBody:
        self.expected.add(window.id, ended)
        overtime = ended.duration_s >= self._window_limits[window.id].overtime_case
        return session_body(self._names, window.id, ended, overtime=overtime)

    def _judge_absence(
        self, now: Instant, window: WindowWatch, duty: WindowDuty, working_day: Instant | None
    ) -> list[Change]:
        if not window.window.staffed:
            return []
        clerk, rules, on_duty = window.clerk(now), self._window_rules[window.window.id], duty == "open"
        limits = self._window_limits[window.window.id]
        absent_s = clerk.clock_s, clerk.since_clock_s
        if absence_is_quiet(
            limits, rules.absence, duty=on_duty, working_day=working_day, seen=clerk.seen, absent_s=absent_s
        ):
            return []
        seen = ClerkObservation(
            at=now,
            duty=on_duty,
            working_day=working_day,
            seen=clerk.seen,
            since=clerk.since,
            clock_s=clerk.clock_s,
            since_clock_s=clerk.since_clock_s,
            observed_at=clerk.observed_at,
            citizens=len(window.customers.stays),
            waiting_over=self._waiting_over(window.window.id),
            doubtful=clerk.doubtful,
            off_reason="off_duty" if duty == "closed" else "paused",
        )
        open_seconds = self.plan.open_seconds(window.window.id, self._schedule.open_seconds)
        rules.absence, changes = step_clerk_absent(limits, rules.absence, seen, open_seconds)
        return changes

    def _judge_session(self, now: Instant, window: WindowWatch, ended: FinishedSession | None) -> list[Change]:
        rules, running = self._window_rules[window.window.id], window.sessions.running
        limits = self._window_limits[window.window.id]
        if rules.overtime.episode is None and (running is None or running.elapsed_s < limits.overtime_case - 1e-6):
            return []
        started_at = running.started_at if running else None
        unknown_s = running.unknown_s if running else 0.0
        seen = SessionObservation(
            at=now,
            started_at=started_at,
            elapsed_s=running.elapsed_s if running else 0.0,
            unknown_s=unknown_s,
            known=window.customers.known(now),
            observed_at=window.customers.observed_at,
            ended=ended,
        )
        rules.overtime, changes = step_overtime_case(limits, rules.overtime, seen)
        return changes

    def _judge_zone(self, now: Instant, zone: ZoneWatch, *, on_duty: bool) -> Iterator[AnyBody]:
        if zone.zone.kind != "waiting":
            return
        limits, state, stays = self.zone_limits[zone.zone.id], self._zone_rules[zone.zone.id], zone.area.stays
        over_since = self.expected.over_since(zone.zone, stays, now, limits.long_wait)
        long = any(stay.duration_s >= limits.long_wait - 1e-6 for stay in stays)
        if state.episode is None and over_since is None and not long:
            return  # as with nearly every frame
        waits = tuple(Wait(s.started_at, s.until, s.duration_s, s.unknown_s) for s in stays)
        seen = WaitObservation(
            at=now,
            duty=on_duty,
            waits=waits,
            expected_over_since=over_since,
            known=zone.area.known(now),
            observed_at=zone.area.observed_at,
            detail=wait_detail([wait.duration_s for wait in waits]),
        )
        self._zone_rules[zone.zone.id], changes = step_long_wait(limits, state, seen)
        for change in changes:
            yield self._names.event(f"zone/{zone.zone.id}", change)

    def _waiting_over(self, window: str) -> bool:
        return any(
            self._zone_rules[zone.zone.id].episode is not None
            for zone in self._zones.values()
            if window in zone.zone.serves
        )

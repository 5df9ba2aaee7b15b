"""What the rules of a hall must say, from who was where when: the one judge of clips, rendered cameras and scenarios.

Nothing is known while a camera is blind: such time counts towards no limit, whatever changed in it is dated to its
end, and no event starts in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

import msgspec
import numpy as np

from hall.clock import from_iso
from hall.layout import CameraPolygon, Floor, Hall, Window, Zone
from twin._spans import Span, Spans, clip, closed_spans, gaps, meet, merged, overlap_s
from twin.sightings import PASSING_S, Sightings
from twin.truth import TrueBlind, TrueCount, TrueCrossing, TrueEvent, TruePresence, TrueSession, TrueStay, Truth

COUNT_EVERY_S = 10.0
_STEADY_S = 3.0
"""A head count that changed so lately is no truth to compare with."""
_LEAST_SESSIONS, _LAST_SESSIONS = 5, 20
"""From so many finished sessions on, and from so many of each window at most, a wait to expect is worked out."""

MARGIN_S = 1.0
"""A length so near to its limit is neither over nor under it: two looks at two frames a second."""
_FAULT_MARGIN_S = 5.0
"""Pictures are doubted for so long before they are called wrong."""
_MARGIN_HEADS = 1
"""A wait to expect is right to one head more or less,"""
_MARGIN_EXPECTED_S = 10.0
"""and for so long heads may be counted that have just gone."""

_Lean = Literal[-1, 0, 1]
"""Events as they are (0), only those that are surely there (1), or all that might be (-1)."""


def judge(hall: Hall, seen: Sightings) -> Truth:
    """What must be reported.

    Args:
        hall: areas, limits and hours.
        seen: who was where, and when nobody could know.
    """
    truth, least, most = _judged(hall, seen, 0), _judged(hall, seen, 1), _judged(hall, seen, -1)
    sure, possible = least.events, most.events
    sessions: dict[_Lean, Sequence[TrueSession]] = {0: truth.sessions, 1: least.sessions, -1: most.sessions}
    # One that is sure, but began with another wait, makes sure of the one that it overlaps.
    moved = [e for e in sure if not _known(e, truth.events)]
    possible = [msgspec.structs.replace(e, begins_by_s=_begins_by_s(e, sure)) for e in possible]
    events = [
        msgspec.structs.replace(
            e,
            marginal=not (_known(e, sure) or any(_overlap(e, other) for other in moved)),
            begins_by_s=next((other.begins_by_s for other in possible if _known(e, [other])), None),
        )
        for e in truth.events
    ]
    borderline: list[TrueEvent] = []
    for event in [*possible, *(msgspec.structs.replace(e, begins_by_s=None) for e in moved)]:
        if not _known(event, [*events, *borderline]):
            borderline.append(event)
    return msgspec.structs.replace(truth, events=events, borderline=borderline, sessions=_weighed(sessions))


def _weighed(sessions: Mapping[_Lean, Sequence[TrueSession]]) -> list[TrueSession]:
    """All sessions that are or may be; who is not surely one is marginal."""
    every = [msgspec.structs.replace(s, marginal=not _told(s, sessions[1])) for s in sessions[0]]
    maybe = [msgspec.structs.replace(s, marginal=True) for s in sessions[-1] if not _told(s, sessions[0])]
    return sorted([*every, *maybe], key=lambda session: session.end_s)


def _told(session: TrueSession, among: Iterable[TrueSession]) -> bool:
    return any(s.window == session.window and abs(s.start_s - session.start_s) <= MARGIN_S for s in among)


def _judged(hall: Hall, seen: Sightings, lean: _Lean) -> Truth:
    judge = _Judge(hall, seen, lean)
    truth = Truth(duration_s=seen.end_s)
    for floor in hall.floors:
        judge.floor(floor, truth)
    return truth


def _known(event: TrueEvent, among: Iterable[TrueEvent]) -> bool:
    own = (event.rule, event.subject)
    return any((e.rule, e.subject) == own and abs(e.start_s - event.start_s) <= MARGIN_S for e in among)


def _begins_by_s(event: TrueEvent, sure: Iterable[TrueEvent]) -> float | None:
    """Until when an event by a wait to expect may begin: until one head less makes it so as well."""
    if event.begins_by_s is None:
        return None
    by_expected = [other.start_s for other in sure if other.begins_by_s is not None and _overlap(event, other)]
    latest_s = min([event.begins_by_s, *by_expected])
    return latest_s if latest_s > event.start_s else None


def _overlap(a: TrueEvent, b: TrueEvent) -> bool:
    return (a.rule, a.subject) == (b.rule, b.subject) and meet((a.start_s, a.end_s), (b.start_s, b.end_s))


class _Judge:
    def __init__(self, hall: Hall, seen: Sightings, lean: _Lean) -> None:
        self._hall, self._seen, self._end_s, self._lean = hall, seen, seen.end_s, lean
        self._margin_s = lean * MARGIN_S
        self._closed = closed_spans(hall.schedule, from_iso(Truth().start), self._end_s)
        stale_s = hall.presence.stale
        self._blind = {name: [s for s in spans if s[1] - s[0] > stale_s] for name, spans in seen.blind.items()}

    def floor(self, floor: Floor, truth: Truth) -> None:
        """Add what is true of a floor."""
        clerks: dict[str, Spans] = {}
        sessions: list[TrueSession] = []
        for window in floor.windows:
            clerks[window.id] = self._clerk(window)
            if window.staffed:
                truth.presence.extend(TruePresence(window.id, a, b) for a, b in clerks[window.id])
                truth.events.extend(self._absences(window, clerks[window.id]))
            every = list(self._sessions(window, clerks[window.id]))
            truth.events.extend(self._overtime(window, every))
            sessions += [s for s in every if self._is_over(window, s)]
        truth.sessions.extend(sorted(sessions, key=lambda s: s.end_s))
        for zone in floor.zones:
            stays, blind = self._stays(zone.areas, None), self._blind_of(zone.areas, None)
            truth.stays.extend(TrueStay(zone.id, *s, overlap_s(s, blind)) for s in stays if s[1] < self._end_s)
            truth.counts.extend(self._counts(zone))
            if zone.kind == "waiting":
                truth.events.extend(self._long_waits(zone, stays, sessions, clerks))
        for entrance in floor.entrances:
            blind = self._blind.get(entrance.camera, [])
            for at_s, direction in self._seen.crossings(entrance):
                if not any(a <= at_s < b for a, b in blind):
                    truth.crossings.append(TrueCrossing(entrance.id, direction, at_s))
        truth.events.extend(self._camera_faults(floor))
        truth.blind.extend(self._blind_spans(floor))

    def _blind_of(self, areas: Iterable[CameraPolygon], own: str | None) -> Spans:
        """When not every camera of an area can be trusted."""
        return merged(span for area in areas for span in self._blind.get(area.camera or own or "", []))

    def _camera_faults(self, floor: Floor) -> Iterator[TrueEvent]:
        """Cameras from which nothing can be known for the limit; that counts from the first sign of a fault."""
        limit_s = self._hall.limits.camera_fault + self._lean * _FAULT_MARGIN_S
        for camera in floor.cameras:
            for start, end in merged(self._seen.blind.get(camera.id, [])):
                if end - start >= limit_s:
                    yield self._event("camera_fault", f"camera/{camera.id}", (start, end), [])

    def _blind_spans(self, floor: Floor) -> Iterator[TrueBlind]:
        for camera in floor.cameras:
            subjects = [
                f"window/{w.id}"
                for w in floor.windows
                if camera.id in {a.camera or w.camera for a in [*(w.clerk_area or []), *(w.customer_area or [])]}
            ]
            subjects += [f"zone/{z.id}" for z in floor.zones if camera.id in {a.camera for a in z.areas}]
            for start, end in self._blind.get(camera.id, []):
                yield TrueBlind(camera.id, start, end, subjects)

    def _event(self, rule: str, subject: str, span: Span, blind: Spans) -> TrueEvent:
        start, end = span
        return TrueEvent(rule, subject, start, end if end < self._end_s else None, overlap_s(span, blind))  # type: ignore[arg-type]

    def _clerk(self, window: Window) -> Spans:
        """When the window was staffed, as far as that can be known."""
        if not window.staffed:
            return [(0.0, self._end_s)]
        areas = window.clerk_area or []
        by_overlap = self._hall.presence_of(window).overlap if window.clerk_anchor == "overlap" else None
        spans = self._seen.spans_in(areas, window.camera, staff=True, by_overlap=by_overlap)
        every = merged(span for own in spans.values() for span in own)
        return clip(every, self._blind_of(areas, window.camera))

    def _absences(self, window: Window, clerk: Spans) -> Iterator[TrueEvent]:
        blind = self._blind_of(window.clerk_area or [], window.camera)
        limit_s = self._hall.limits_of(window).clerk_absent + self._margin_s
        known = [gap for gap in gaps(clerk, self._end_s) if not any(a <= gap[0] and gap[1] <= b for a, b in blind)]
        for gap_start, end in known:
            # Gone while nobody could see it: absent since the picture came back.
            start = next((b for a, b in blind if a - self._seen.step_s <= gap_start < b), gap_start)
            for span in self._absent_on_duty((start, end), limit_s, blind):
                yield self._event("clerk_absent", f"window/{window.id}", span, blind)

    def _absent_on_duty(self, absence: Span, limit_s: float, blind: Spans) -> Iterator[Span]:
        """The events of an absence: time on duty adds up, and an event ends when the hall closes."""
        counted_s, began = 0.0, absence[0]
        for start, end in clip([absence], self._closed):
            began = start if counted_s <= 0 else began
            counted_s += end - start - overlap_s((start, end), blind)
            if counted_s >= limit_s:
                yield began, end
                counted_s = 0.0

    def _sessions(self, window: Window, clerk: Spans) -> Iterator[TrueSession]:
        """One citizen at a time, from when citizen and clerk are both there; a clerk who steps away ends nothing."""
        open_after_s = self._hall.session_of(window).open_after + self._margin_s
        blind = self._blind_of(window.customer_area or [], window.camera)
        free_s = 0.0
        for start, end in self._stays(window.customer_area or [], window.camera):
            if end <= free_s:
                continue
            begin = max(start, free_s)
            free_s = end
            for there, gone in clerk:
                began = max(begin, there)
                if min(gone, end) - began >= open_after_s:
                    unknown_s = overlap_s((began, end), blind)
                    if end - began - unknown_s >= open_after_s:
                        yield TrueSession(window.id, began, end, unknown_s)
                    break

    def _is_over(self, window: Window, session: TrueSession) -> bool:
        """Whether a session is known to be over when the recording ends: only then it is told."""
        if self._lean < 0:
            return session.end_s < self._end_s - MARGIN_S
        seen_s = self._end_s - self._lean * PASSING_S
        if session.end_s + self._hall.session_of(window).close_after <= seen_s:
            return True
        stays = self._stays(window.customer_area or [], window.camera)
        return any(session.start_s < start < seen_s and end > session.end_s for start, end in stays)

    def _overtime(self, window: Window, sessions: Sequence[TrueSession]) -> Iterator[TrueEvent]:
        limit_s = self._hall.limits_of(window).overtime_case + self._margin_s
        blind = self._blind_of(window.customer_area or [], window.camera)
        for session in sessions:
            if session.end_s - session.start_s - session.unknown_s >= limit_s:
                yield self._event("overtime_case", f"window/{window.id}", (session.start_s, session.end_s), blind)

    def _stays(self, areas: Sequence[CameraPolygon], own: str | None) -> Spans:
        """Stays of all who are no staff, in order of their start; blind time at an end of one is no part of it."""
        found = self._seen.spans_in(areas, own, staff=False)
        blind = self._blind_of(areas, own)
        return sorted(_whole(span, blind) for spans in found.values() for span in spans if clip([span], blind))

    def _long_waits(
        self, zone: Zone, stays: Spans, sessions: Sequence[TrueSession], clerks: Mapping[str, Spans]
    ) -> Iterator[TrueEvent]:
        """One event per zone for as long as somebody, or the wait to expect, is over the limit."""
        limits = self._hall.limits_of(zone)
        blind = self._blind_of(zone.areas, None)
        over: list[tuple[float, float, float]] = []
        for start, end in stays:
            from_s = _after_known(start, limits.long_wait + self._margin_s, blind)
            if from_s <= end:
                over.append((from_s, end, start))
        over = [(a, b, began) for from_s, end, began in over for a, b in clip([(from_s, end)], self._closed)]
        expected = self._expected_over(zone, stays, sessions, clerks, limits.long_wait)
        over += [(a, b, a) for a, b in clip(expected, self._closed)]
        over.sort(key=lambda wait: (wait[0], wait[2]))
        while over:
            from_s, until, began = over.pop(0)
            by_s = until if began == from_s else None  # who has waited too long came before that
            while over and over[0][0] <= until + limits.clear_hold:
                until = max(until, over.pop(0)[1])
            event = self._event("long_wait", f"zone/{zone.id}", (began, until), blind)
            yield msgspec.structs.replace(event, begins_by_s=by_s)

    def _expected_over(
        self,
        zone: Zone,
        stays: Spans,
        sessions: Sequence[TrueSession],
        clerks: Mapping[str, Spans],
        limit_s: float,
    ) -> Spans:
        """When people waiting, times the mean of the last sessions per window, over the staffed windows, is more."""
        at = np.arange(0.0, self._end_s, 0.5)
        waiting = np.full(len(at), -self._lean * float(_MARGIN_HEADS))
        for a, b in stays:
            waiting += (at >= a + PASSING_S) & (at <= b)
        staffed = np.zeros(len(at))
        total_s, finished = np.zeros(len(at)), np.zeros(len(at))
        for window in zone.serves:
            staffed += sum(((at >= a) & (at <= b) for a, b in clerks.get(window, [])), np.zeros(len(at)))
            own = [s for s in sessions if s.window == window]
            for i, session in enumerate(own):
                # Known from its end, until so many later ones have replaced it.
                replaced_s = own[i + _LAST_SESSIONS].end_s if i + _LAST_SESSIONS < len(own) else np.inf
                counts = (at >= session.end_s) & (at < replaced_s)
                total_s += counts * (session.end_s - session.start_s - session.unknown_s)
                finished += counts
        with np.errstate(divide="ignore", invalid="ignore"):
            expected = waiting * (total_s / finished) / staffed
        over = (finished >= _LEAST_SESSIONS) & (staffed > 0) & (waiting > 0) & (expected > limit_s)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], over, [False]]).astype(np.int8)))
        ends = np.append(at, self._end_s)
        spans = [(float(at[a]), float(ends[b])) for a, b in edges.reshape(-1, 2).tolist()]
        return [(a, b) for a, b in spans if self._lean < 1 or b - a >= _MARGIN_EXPECTED_S]

    def _counts(self, zone: Zone) -> Iterator[TrueCount]:
        """Head counts every so often, where they have been steady for a moment."""
        blind = self._blind_of(zone.areas, None)
        found = self._seen.spans_in(zone.areas, None, staff=None)
        spans = [span for own in found.values() for span in own]
        changes = np.array(sorted(edge for span in spans for edge in span))
        for at_s in np.arange(COUNT_EVERY_S, self._end_s, COUNT_EVERY_S).tolist():
            steady = not len(changes) or float(np.abs(changes - at_s).min()) > _STEADY_S
            if steady and not any(a <= at_s < b + COUNT_EVERY_S for a, b in blind):
                yield TrueCount(zone.id, at_s, sum(a <= at_s <= b for a, b in spans))


def _whole(span: Span, blind: Spans) -> Span:
    """A stay as far as it was seen: it may go on through blind time."""
    parts = clip([span], blind)
    return parts[0][0], parts[-1][1]


def _after_known(start_s: float, passed_s: float, blind: Spans) -> float:
    """The moment at which so much known time has passed."""
    at_s = start_s + passed_s
    for a, b in blind:
        if start_s <= a < at_s:
            at_s += b - a
    return at_s

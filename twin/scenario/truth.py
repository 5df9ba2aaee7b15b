"""The truth of a scenario under the limits and areas of a hall file: from the story, not from what cameras make of it.

Nothing is known while a camera is frozen, dark, covered, bumped or stalled: such time counts towards no limit, and
whatever changed in it is dated to its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hall.geometry import segments_meet
from hall.layout import CameraPolygon, Entrance, Floor, Hall, Window, Zone
from twin._spans import Span, Spans, clip, gaps, merged, overlap_s
from twin.scenario.bodies import Silhouettes, silhouettes
from twin.scenario.file import Scenario
from twin.scenario.place import load_place
from twin.scenario.story import ScenarioStory
from twin.truth import BLINK_S, PASSING_S, TrueCount, TrueCrossing, TrueEvent, TrueSession, TrueStay, Truth
from vision.areas import Area, foot_points

COUNT_EVERY_S = 10.0
_STEADY_S = 3.0
"""A head count that changed so lately is no truth to compare with."""


def story_truth(hall: Hall, scenario: Scenario, story: ScenarioStory, *, fps: float = 5.0) -> Truth:
    """What the rules of a hall must say about a story.

    Args:
        hall: areas and limits, with the cameras of the rendered hall; always open.
        scenario: for the camera faults.
        story: who is where.
        fps: how often the story is looked at; times are exact to one step.
    """
    judge = _Judge(hall, scenario, story, fps)
    truth = Truth()
    for floor in hall.floors:
        judge.floor(floor, truth)
    return truth


@dataclass(frozen=True, slots=True)
class _Picture:
    """One camera's view of the whole story."""

    people: Silhouettes
    at_s: NDArray[np.float64]
    size_px: tuple[int, int]


class _Judge:
    def __init__(self, hall: Hall, scenario: Scenario, story: ScenarioStory, fps: float) -> None:
        self._hall, self._story, self._step_s = hall, story, 1 / fps
        self._end_s = story.duration_s
        place = load_place(scenario.scenario.hall)
        times = np.arange(int(story.duration_s * fps) + 1) / fps
        frames = [story.at(float(t)) for t in times]
        self._pictures: dict[str, _Picture] = {}
        for name, camera in place.cameras.items():
            people = silhouettes(place, camera, frames)
            self._pictures[name] = _Picture(people, times[people.frame], camera.size_px)
        stale_s = hall.presence.stale
        self._blind = {name: [s for s in scenario.blind(name) if s[1] - s[0] > stale_s] for name in place.cameras}

    def floor(self, floor: Floor, truth: Truth) -> None:
        """Add what is true of a floor."""
        clerks: dict[str, Spans] = {}
        sessions: list[TrueSession] = []
        for window in floor.windows:
            clerks[window.id] = self._clerk(window)
            if window.staffed:
                truth.events.extend(self._absences(window, clerks[window.id]))
            every = list(self._sessions(window, clerks[window.id]))
            truth.events.extend(self._overtime(window, every))
            sessions += [TrueSession(window.id, a, b) for a, b in every if b < self._end_s]
        truth.sessions.extend(sorted(sessions, key=lambda s: s.end_s))
        for zone in floor.zones:
            stays = self._stays(zone.areas, None)
            truth.stays.extend(TrueStay(zone.id, a, b) for a, b in stays if b < self._end_s)
            truth.counts.extend(self._counts(zone))
            if zone.kind == "waiting":
                truth.events.extend(self._long_waits(zone, stays, sessions, clerks))
        for entrance in floor.entrances:
            truth.crossings.extend(self._crossings(entrance))

    def _blind_of(self, areas: Iterable[CameraPolygon], own: str | None) -> Spans:
        """When not every camera of an area can be trusted."""
        return merged(span for area in areas for span in self._blind.get(area.camera or own or "", []))

    def _times_in(
        self,
        areas: Sequence[CameraPolygon],
        own: str | None,
        who: Callable[[str], bool],
        by_overlap: float | None = None,
    ) -> dict[str, Spans]:
        """When each person was in an area, by the foot of the whole body or by overlap of what counters leave."""
        found: dict[str, list[float]] = {}
        for part in areas:
            picture, area = self._pictures[part.camera or own or ""], Area(part.polygon)
            boxes = picture.people.full_px if by_overlap is None else picture.people.seen_px
            boxes32 = boxes.astype(np.float32)
            if by_overlap is None:
                inside = area.contains(foot_points(boxes32, picture.size_px))
            else:
                inside = area.overlap(boxes32, picture.size_px) >= by_overlap
            for name, at_s in zip(picture.people.person[inside], picture.at_s[inside].tolist(), strict=True):
                if who(name):
                    found.setdefault(name, []).append(at_s)
        return {name: list(self._runs(sorted(times))) for name, times in found.items()}

    def _runs(self, times: Sequence[float]) -> Iterator[Span]:
        """Uninterrupted times in an area, passers-by left out."""
        start = last = times[0]
        for at_s in [*times[1:], float("inf")]:
            if at_s - last > BLINK_S + self._step_s / 2:
                if last - start >= PASSING_S:
                    yield start, last
                start = at_s
            last = at_s

    def _clerk(self, window: Window) -> Spans:
        """When the window was staffed, as far as that can be known."""
        if not window.staffed:
            return [(0.0, self._end_s)]
        areas = window.clerk_area or []
        by_overlap = self._hall.presence_of(window).overlap if window.clerk_anchor == "overlap" else None
        spans = self._times_in(areas, window.camera, lambda name: name in self._story.clerks, by_overlap)
        every = merged(span for own in spans.values() for span in own)
        return clip(every, self._blind_of(areas, window.camera))

    def _absences(self, window: Window, clerk: Spans) -> Iterator[TrueEvent]:
        blind = self._blind_of(window.clerk_area or [], window.camera)
        limit_s = self._hall.limits_of(window).clerk_absent
        known = [gap for gap in gaps(clerk, self._end_s) if not any(a <= gap[0] and gap[1] <= b for a, b in blind)]
        for gap_start, end in known:
            # Gone while nobody could see it: absent since the picture came back.
            start = next((b for a, b in blind if a - self._step_s <= gap_start < b), gap_start)
            if end - start - overlap_s((start, end), blind) >= limit_s:
                yield TrueEvent("clerk_absent", f"window/{window.id}", start, end if end < self._end_s else None)

    def _sessions(self, window: Window, clerk: Spans) -> Iterator[Span]:
        """One citizen at a time, from when citizen and clerk are both there; a clerk who steps away ends nothing."""
        open_after_s = self._hall.session_of(window).open_after
        blind = self._blind_of(window.customer_area or [], window.camera)
        free_s = 0.0
        for start, end in self._stays(window.customer_area or [], window.camera):
            if end <= free_s:
                continue
            begin = max(start, free_s)
            free_s = end
            for there, gone in clerk:
                began = max(begin, there)
                both_s = min(gone, end) - began
                if both_s >= open_after_s:
                    if end - began - overlap_s((began, end), blind) >= open_after_s:
                        yield began, end
                    break

    def _overtime(self, window: Window, sessions: Sequence[Span]) -> Iterator[TrueEvent]:
        limit_s = self._hall.limits_of(window).overtime_case
        blind = self._blind_of(window.customer_area or [], window.camera)
        for start, end in sessions:
            if end - start - overlap_s((start, end), blind) >= limit_s:
                yield TrueEvent("overtime_case", f"window/{window.id}", start, end if end < self._end_s else None)

    def _stays(self, areas: Sequence[CameraPolygon], own: str | None) -> Spans:
        """Stays of all who are no staff, in order of their start; blind time at an end of one is no part of it."""
        found = self._times_in(areas, own, lambda name: name not in self._story.clerks)
        blind = self._blind_of(areas, own)
        return sorted(self._whole(span, blind) for spans in found.values() for span in spans if clip([span], blind))

    @staticmethod
    def _whole(span: Span, blind: Spans) -> Span:
        """A stay as far as it was seen: it may go on through blind time."""
        parts = clip([span], blind)
        return parts[0][0], parts[-1][1]

    def _long_waits(
        self, zone: Zone, stays: Spans, sessions: Sequence[TrueSession], clerks: Mapping[str, Spans]
    ) -> Iterator[TrueEvent]:
        """One event per zone for as long as somebody, or the wait to expect, is over the limit."""
        limits = self._hall.limits_of(zone)
        blind = self._blind_of(zone.areas, None)
        over: list[tuple[float, float, float]] = []
        for start, end in stays:
            from_s = _after_known(start, limits.long_wait, blind)
            if from_s <= end:
                over.append((from_s, end, start))
        over += [(a, b, a) for a, b in self._expected_over(zone, stays, sessions, clerks, limits.long_wait)]
        over.sort()
        while over:
            _, until, began = over.pop(0)
            while over and over[0][0] <= until + limits.clear_hold:
                until = max(until, over.pop(0)[1])
            yield TrueEvent("long_wait", f"zone/{zone.id}", began, until if until < self._end_s else None)

    def _expected_over(
        self,
        zone: Zone,
        stays: Spans,
        sessions: Sequence[TrueSession],
        clerks: Mapping[str, Spans],
        limit_s: float,
    ) -> Spans:
        """When people waiting, times the mean of the last 20 sessions per window, over the staffed windows, is more."""
        at = np.arange(0.0, self._end_s, 0.5)
        waiting = sum(((at >= a + PASSING_S) & (at <= b) for a, b in stays), np.zeros(len(at)))
        staffed = np.zeros(len(at))
        total_s, finished = np.zeros(len(at)), np.zeros(len(at))
        for window in zone.serves:
            staffed += sum(((at >= a) & (at <= b) for a, b in clerks.get(window, [])), np.zeros(len(at)))
            own = [s for s in sessions if s.window == window]
            for i, session in enumerate(own):
                # Known from its end, until twenty later ones have replaced it.
                counts = (at >= session.end_s) & (at < (own[i + 20].end_s if i + 20 < len(own) else np.inf))
                total_s += counts * (session.end_s - session.start_s)
                finished += counts
        with np.errstate(divide="ignore", invalid="ignore"):
            expected = waiting * (total_s / finished) / staffed
        over = (finished >= 5) & (staffed > 0) & (waiting > 0) & (expected > limit_s)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], over, [False]]).astype(np.int8)))
        ends = np.append(at, self._end_s)
        return [(float(at[a]), float(ends[b])) for a, b in edges.reshape(-1, 2).tolist()]

    def _counts(self, zone: Zone) -> Iterator[TrueCount]:
        """Head counts every so often, where they have been steady for a moment."""
        blind = self._blind_of(zone.areas, None)
        found = self._times_in(zone.areas, None, lambda _: True)
        spans = [span for own in found.values() for span in own]
        changes = np.array(sorted(edge for span in spans for edge in span))
        for at_s in np.arange(COUNT_EVERY_S, self._end_s, COUNT_EVERY_S).tolist():
            steady = not len(changes) or float(np.abs(changes - at_s).min()) > _STEADY_S
            if steady and not any(a <= at_s < b + COUNT_EVERY_S for a, b in blind):
                yield TrueCount(zone.id, at_s, sum(a <= at_s <= b for a, b in spans))

    def _crossings(self, entrance: Entrance) -> Iterator[TrueCrossing]:
        picture = self._pictures[entrance.camera]
        feet = foot_points(picture.people.full_px.astype(np.float32), picture.size_px)
        blind = self._blind.get(entrance.camera, [])
        (ax, ay), (bx, by) = entrance.line
        width, height = picture.size_px
        side = (bx - ax) * width * (feet[:, 1] - ay) * height - (by - ay) * height * (feet[:, 0] - ax) * width
        rows_of: dict[str, list[int]] = {}
        for row, name in enumerate(picture.people.person.tolist()):
            rows_of.setdefault(name, []).append(row)
        for rows in rows_of.values():
            for i, j in pairwise(rows):
                at_s = float(picture.at_s[j])
                near = at_s - picture.at_s[i] <= BLINK_S and (side[i] > 0) != (side[j] > 0)
                path = (tuple(feet[i].tolist()), tuple(feet[j].tolist()))
                if near and segments_meet(*path, *entrance.line) and not any(a <= at_s < b for a, b in blind):
                    yield TrueCrossing(entrance.id, "in" if side[j] > 0 else "out", at_s)


def _after_known(start_s: float, passed_s: float, blind: Spans) -> float:
    """The moment at which so much known time has passed."""
    at_s = start_s + passed_s
    for a, b in blind:
        if start_s <= a < at_s:
            at_s += b - a
    return at_s

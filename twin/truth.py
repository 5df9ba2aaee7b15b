"""The truth of a recording: what stands in TRUTH.json, and how it follows from rendered clips.

Times are seconds from the beginning of the recording, so that one truth serves every start time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from hall.errors import InputError
from hall.layout import CameraPolygon, Hall, Window, Zone
from hall.messages import Rule
from twin._spans import Span, gaps
from vision.areas import Area, foot_points

BLINK_S = 1.0
"""Who is out of an area for less never left it."""

PASSING_S = 2.0
"""Who is in an area for less only passed: the ledger of stays says the same."""


class TrueEvent(msgspec.Struct, frozen=True):
    """An event that must be raised; `end_s` is null where it is still on at the end."""

    rule: Rule
    subject: str
    start_s: float
    end_s: float | None = None


class TrueSession(msgspec.Struct, frozen=True):
    """A session that ended within the recording."""

    window: str
    start_s: float
    end_s: float


class TrueStay(msgspec.Struct, frozen=True):
    """A stay that ended within the recording."""

    zone: str
    start_s: float
    end_s: float


class TrueCount(msgspec.Struct, frozen=True):
    """Head count of a zone from `at_s` on."""

    zone: str
    at_s: float
    count: int


class TrueCrossing(msgspec.Struct, frozen=True):
    """Somebody crossed the line of an entrance."""

    entrance: str
    direction: str
    at_s: float


class Truth(msgspec.Struct, frozen=True):
    """TRUTH.json. `start` is when the recording began; `replay --start` must say the same."""

    start: str = "2026-01-05T01:00:00Z"
    events: list[TrueEvent] = []
    sessions: list[TrueSession] = []
    stays: list[TrueStay] = []
    counts: list[TrueCount] = []
    crossings: list[TrueCrossing] = []


def clip_truth(hall: Hall, clips: dict[str, Path]) -> Truth:
    """What the rules of a hall must say about rendered clips.

    Args:
        hall: areas and limits; always open.
        clips: by camera id, the truth that was written while the clip was rendered.

    Raises:
        InputError: a file is no such truth.
    """
    people = {camera: _People(path) for camera, path in clips.items()}
    end_s = max(p.end_s for p in people.values())
    events: list[TrueEvent] = []
    sessions: list[TrueSession] = []
    stays: list[TrueStay] = []
    for floor in hall.floors:
        for window in floor.windows:
            found = _judge_window(hall, window, people, end_s)
            events += found[0]
            sessions += found[1]
        for zone in floor.zones:
            spans = [s for spans in _in_areas(zone.areas, None, people).values() for s in spans]
            stays += [TrueStay(zone.id, a, b) for a, b in sorted(spans) if b < end_s]
            events += _long_waits(hall, zone, spans, end_s)
    return Truth(events=events, sessions=sessions, stays=stays)


class _People:
    """Per person and frame: visible and full boxes of one clip."""

    def __init__(self, path: Path) -> None:
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            self.size_px = (int(data["size"][0]), int(data["size"][1]))
            self._frames = [(float(frame["t"]), frame["people"]) for frame in data["frames"]]
            self.end_s = self._frames[-1][0]
        except (OSError, ValueError, KeyError, IndexError, TypeError) as exc:
            raise InputError(f"{path}: {exc!r}; expected the truth of a rendered clip") from exc

    def times_in(self, area: Area, *, by_overlap: float | None = None) -> dict[str, list[float]]:
        """When each visible person was in an area, by foot point or by overlap of the visible box."""
        times: dict[str, list[float]] = {}
        for at_s, people in self._frames:
            shown: list[dict[str, Any]] = [person for person in people if person["bbox"] is not None]
            if not shown:
                continue
            key = "bbox_full" if by_overlap is None else "bbox"
            boxes = np.array([person[key] for person in shown], dtype=np.float32)
            if by_overlap is None:
                inside = area.contains(foot_points(boxes, self.size_px))
            else:
                inside = area.overlap(boxes, self.size_px) >= by_overlap
            for person, is_in in zip(shown, inside, strict=True):
                if is_in:
                    times.setdefault(person["id"], []).append(at_s)
        return times


def _spans(times: Sequence[float]) -> Iterator[Span]:
    """Uninterrupted times in an area, passers-by left out."""
    start = last = times[0]
    for at_s in [*times[1:], float("inf")]:
        if at_s - last > BLINK_S:
            if last - start >= PASSING_S:
                yield start, last
            start = at_s
        last = at_s


def _in_areas(
    areas: Sequence[CameraPolygon], own: str | None, people: dict[str, _People], by_overlap: float | None = None
) -> dict[str, list[Span]]:
    found: dict[str, list[Span]] = {}
    for area in areas:
        seen = people.get(area.camera or own or "")
        if seen is not None:
            for person, times in seen.times_in(Area(area.polygon), by_overlap=by_overlap).items():
                found.setdefault(person, []).extend(_spans(times))
    return found


def _judge_window(
    hall: Hall, window: Window, people: dict[str, _People], end_s: float
) -> tuple[list[TrueEvent], list[TrueSession]]:
    limits, settings = hall.limits_of(window), hall.session_of(window)
    subject = f"window/{window.id}"
    clerk: list[Span] = [(0.0, end_s)]
    events: list[TrueEvent] = []
    if window.staffed:
        overlap = hall.presence_of(window).overlap
        by_person = _in_areas(window.clerk_area or [], window.camera, people, by_overlap=overlap)
        clerk = sorted(span for spans in by_person.values() for span in spans)
        for start, end in gaps(clerk, end_s):
            if end - start >= limits.clerk_absent:
                events.append(TrueEvent("clerk_absent", subject, start, end if end < end_s else None))
    sessions = []
    customers = _in_areas(window.customer_area or [], window.camera, people)
    for start, end in sorted(span for spans in customers.values() for span in spans):
        began = next((max(start, a) for a, b in clerk if b > start and max(start, a) < end), None)
        if began is None or end - began < settings.open_after:
            continue
        if end < end_s:
            sessions.append(TrueSession(window.id, began, end))
        if end - began >= limits.overtime_case:
            events.append(TrueEvent("overtime_case", subject, began, end if end < end_s else None))
    return events, sessions


def _long_waits(hall: Hall, zone: Zone, spans: Sequence[Span], end_s: float) -> Iterator[TrueEvent]:
    """One event per zone for as long as somebody is over the limit."""
    limits = hall.limits_of(zone)
    if zone.kind != "waiting":
        return
    over = sorted((start + limits.long_wait, start, end) for start, end in spans if end - start >= limits.long_wait)
    while over:
        _, began, until = over.pop(0)
        while over and over[0][0] <= until + limits.clear_hold:
            until = max(until, over.pop(0)[2])
        yield TrueEvent("long_wait", f"zone/{zone.id}", began, until if until < end_s else None)

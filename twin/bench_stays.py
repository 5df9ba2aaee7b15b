"""Stays through misses, occlusions and exchanged ids: the ledger beside plain track dwell, on the same input.

The input is the waiting area of a full hall as camera 2 sees it, without pixels. The boxes are exact but for the
jitter of the default detector; then three things are done to them, and nothing else:

- each box is missed with a chance of one in five, whatever happened in the frame before,
- each person is out of sight now and then for 5 to 30 s: behind somebody, behind a pillar,
- the tracker of a box follows what is left; then each person's track id is exchanged once a minute on average,
  half of the time for a new one, half of the time with that of the nearest person within a metre or so, which is that
  person's exchange too. What the tracker exchanges by itself, most where somebody walks past dense seats, comes on top.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from hall.load import parse_hall
from twin._spans import Span
from twin.scenario import NoiseModel, Scenario, ScenarioStory, built_in, hall_for, load_place, tell
from twin.scenario.bodies import silhouettes
from twin.scenario.place import Floats
from twin.sightings import BLINK_S, PASSING_S
from vision.areas import Area, foot_points
from vision.locate import Locator, People
from vision.stays import LedgerSettings, StayLedger
from vision.types import TENTATIVE, Detections

SCENARIO = "longqueue"
CAMERA = "cam2"
FPS = 2.0
TOLERANCE_S = 5.0
"""A claim that begins and ends within this of a stay's first and last sight is exact."""
_SLACK = 0.1
"""A claim so much shorter or longer than a stay is still of the whole stay."""

_CHUNK = 240
_LONGEST_S = 12 * 3600.0
_NEAR = 0.8
"""Whose ids may be exchanged: so many box heights apart at most."""
_LOOKS_PER_S = 10.0
"""How often the story is looked at for the truth."""


@dataclass(frozen=True, slots=True)
class Rough:
    """What is done to the boxes: share missed, and how often, in seconds, people are hidden and ids exchanged."""

    missed: float = 0.2
    hidden_every_s: float = 180.0
    hidden_s: Span = (5.0, 30.0)
    switch_every_s: float = 60.0
    exchanged: float = 0.5
    jitter: float = NoiseModel().jitter


class StayFigures(msgspec.Struct, frozen=True):
    """How well claims fit the stays. Each stay is matched with at most one claim, so that the overlaps are most.

    Attributes:
        claimed: claims of stays.
        unbroken: share of the stays that one claim covers: at least nine tenths of the time from the first to the
            last sight of the person, and it is at most a tenth longer; or it is exact.
        exact: share of the stays whose claim begins and ends within `TOLERANCE_S` of those sights.
        broken: other stays whose claim is too short, or that have none.
        merged: other stays, whose claim is too long, or as long but displaced.
        duration_error_median_s, duration_error_p95_s: of claims against whole stays, also where somebody came or
            went out of sight; a stay without a claim is wrong by its length.
        wait_p90_s: 90th percentile of the claims' lengths.
        wait_p90_error: how far that is from the truth's, as a share of it.
    """

    claimed: int
    unbroken: float
    exact: float
    broken: int
    merged: int
    duration_error_median_s: float
    duration_error_p95_s: float
    wait_p90_s: float
    wait_p90_error: float


class StayBench(msgspec.Struct, frozen=True):
    """The ledger and plain track dwell on the same input, all seeds together."""

    seeds: list[int]
    stays: int
    longest_s: float
    wait_p90_s: float
    ledger: StayFigures
    track_dwell: StayFigures
    ledger_ms_per_frame: float


@dataclass(slots=True)
class _Case:
    """One seed: true spans, the same as far as they could be seen, and what was claimed, seconds from the start."""

    truth: list[Span] = field(default_factory=list)
    visible: list[Span] = field(default_factory=list)
    ledger: list[Span] = field(default_factory=list)
    dwell: list[Span] = field(default_factory=list)


def bench_stays(seeds: Sequence[int] = (1, 2, 3), *, duration_s: float | None = None) -> StayBench:
    """Measure; `duration_s` cuts the scenario short."""
    scenario = _scenario(duration_s)
    cases, spent_s, frames = [], 0.0, 0
    for seed in seeds:
        case, took_s, count = _run(scenario, seed)
        cases.append(case)
        spent_s += took_s
        frames += count
    truth = [b - a for case in cases for a, b in case.truth]
    return StayBench(
        seeds=list(seeds),
        stays=len(truth),
        longest_s=round(max(truth), 1),
        wait_p90_s=round(float(np.percentile(truth, 90)), 1),
        ledger=_score(cases, [case.ledger for case in cases]),
        track_dwell=_score(cases, [case.dwell for case in cases]),
        ledger_ms_per_frame=round(1000 * spent_s / frames, 3),
    )


def _scenario(duration_s: float | None) -> Scenario:
    scenario = built_in(SCENARIO)
    if duration_s is None:
        return scenario
    return scenario.model_copy(update={"scenario": scenario.scenario.model_copy(update={"duration": duration_s})})


def _run(scenario: Scenario, seed: int) -> tuple[_Case, float, int]:
    story = tell(scenario, seed)
    zone = parse_hall(hall_for(scenario)).floors[0].zones[0]
    area = Area(next(part.polygon for part in zone.areas if part.camera == CAMERA))
    outages = Outages(Rough(), seed)
    case = _Case()
    for person, spans in _true_spans(scenario, story, area).items():
        for span in spans:
            case.truth.append(span)
            case.visible.append(outages.visible(person, span))
    ledger, dwell = StayLedger(), _Dwell()
    spent_s, frames = 0.0, 0
    for people in rough_people(scenario, story, seed, outages):
        began = time.thread_time()
        ended = ledger.step(people.at, people.sightings(area))
        spent_s += time.thread_time() - began
        frames += 1
        case.ledger += [(f.stay.started_at, f.stay.until) for f in ended]
        dwell.step(people, area)
    case.ledger += [(stay.started_at, stay.until) for stay in ledger.stays]
    case.dwell = dwell.spans
    return case, spent_s, frames


def _true_spans(scenario: Scenario, story: ScenarioStory, area: Area) -> dict[str, list[Span]]:
    """When each person was in the area by the exact foot point; who only passed is left out."""
    place = load_place(scenario.scenario.hall)
    camera = place.cameras[CAMERA]
    found: dict[str, list[float]] = {}
    total = int(story.duration_s * _LOOKS_PER_S) + 1
    for first in range(0, total, 5 * _CHUNK):
        times = np.arange(first, min(first + 5 * _CHUNK, total)) / _LOOKS_PER_S
        people = silhouettes(place, camera, [story.at(float(t)) for t in times])
        inside = area.contains(foot_points(people.full_px.astype(np.float32), camera.size_px))
        at_s = times[people.frame[inside]]
        for person, t in zip(people.person[inside].tolist(), at_s.tolist(), strict=True):
            found.setdefault(person, []).append(t)
    return {person: _spans(times) for person, times in found.items()}


def _spans(times: Sequence[float]) -> list[Span]:
    """Uninterrupted times, passers-by left out."""
    edges = [i for i in range(1, len(times)) if times[i] - times[i - 1] > BLINK_S]
    parts = [(times[a], times[b - 1]) for a, b in zip([0, *edges], [*edges, len(times)], strict=True)]
    return [(a, b) for a, b in parts if b - a >= PASSING_S]


class Outages:
    """When each person is out of sight, and when ids are exchanged: chance of its own for each person.

    Args:
        rough: how often and how long.
        seed: of the chance.
    """

    def __init__(self, rough: Rough, seed: int) -> None:
        self.rough = rough
        self._seed = seed
        self._hidden: dict[str, list[Span]] = {}
        self._switches: dict[str, list[float]] = {}

    def hidden(self, person: str) -> list[Span]:
        """Occlusions of a person: gaps between them are exponential, their lengths even."""
        if person not in self._hidden:
            rng, at_s, spans = self._rng(1, person), 0.0, []
            while at_s < _LONGEST_S:
                at_s += float(rng.exponential(self.rough.hidden_every_s))
                spans.append((at_s, at_s + float(rng.uniform(*self.rough.hidden_s))))
                at_s = spans[-1][1]
            self._hidden[person] = spans
        return self._hidden[person]

    def switched(self, person: str, since_s: float, until_s: float) -> bool:
        """Whether the id of a person is exchanged within (since, until]."""
        if person not in self._switches:
            rng = self._rng(2, person)
            count = int(2 * _LONGEST_S / self.rough.switch_every_s)
            self._switches[person] = np.cumsum(rng.exponential(self.rough.switch_every_s, count)).tolist()
        times = self._switches[person]
        return bisect_right(times, until_s) > bisect_right(times, since_s)

    def visible(self, person: str, span: Span) -> Span:
        """A stay from the first to the last moment at which the person was not hidden."""
        start, end = span
        for a, b in self.hidden(person):
            if a <= start < b:
                start = b
            if a < end <= b:
                end = a
        return (start, end) if start <= end else span

    def _rng(self, *stream: int | str) -> np.random.Generator:
        parts = [part.encode() if isinstance(part, str) else [part] for part in stream]
        return np.random.default_rng([self._seed, *(n for part in parts for n in part)])


def rough_people(scenario: Scenario, story: ScenarioStory, seed: int, outages: Outages) -> Iterator[People]:
    """What the tracker of a box makes of the degraded boxes of camera 2, ids exchanged behind it; ids of people."""
    place = load_place(scenario.scenario.hall)
    camera = place.cameras[CAMERA]
    rough, rng = outages.rough, np.random.default_rng([seed, 3])
    locator, switcher = Locator(), _Switcher(outages, np.random.default_rng([seed, 4]))
    total = int(story.duration_s * FPS) + 1
    for first in range(0, total, _CHUNK):
        times = [k / FPS for k in range(first, min(first + _CHUNK, total))]
        people = silhouettes(place, camera, [story.at(t) for t in times])
        boxes = _jittered(people.seen_px, rough.jitter, rng, camera.size_px)
        found = rng.random(len(people)) >= rough.missed
        scores = rng.uniform(NoiseModel().score_low, NoiseModel().score_high, len(people)).astype(np.float32)
        ends = np.searchsorted(people.frame, np.arange(len(times) + 1))
        for k, at_s in enumerate(times):
            rows = [
                i
                for i in range(ends[k], ends[k + 1])
                if found[i] and not any(a <= at_s < b for a, b in outages.hidden(people.person[i]))
            ]
            seen = Detections(boxes[rows], scores[rows], np.zeros(len(rows), np.int64), camera.size_px)
            yield switcher.switched(locator.locate(at_s, seen), seen, people.person[rows].tolist())


def _jittered(boxes: Floats, jitter: float, rng: np.random.Generator, size_px: tuple[int, int]) -> NDArray[np.float32]:
    boxes = boxes + rng.normal(0, jitter, boxes.shape) * (boxes[:, 3:] - boxes[:, 1:2])
    low, high = np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])
    return np.asarray(np.clip(np.concatenate([low, high], axis=1), 0, [*size_px, *size_px]), dtype=np.float32)


class _Switcher:
    """Gives tracks other ids than the tracker gave them, at the moments at which that happens to their people."""

    def __init__(self, outages: Outages, rng: np.random.Generator) -> None:
        self._outages, self._rng = outages, rng
        self._names: dict[int, int] = {}
        self._born_at: dict[int, float] = {}
        self._seen_at: dict[str, float] = {}
        self._had: Counter[str] = Counter()
        self._next = 1

    def switched(self, people: People, seen: Detections, persons: Sequence[str]) -> People:
        """The same people under other ids."""
        person_of = {box.tobytes(): person for box, person in zip(seen.boxes_px, persons, strict=True)}
        ids = people.tracks.ids.tolist()
        rows = [row for row, track in enumerate(ids) if track != TENTATIVE]
        for row in rows:
            if ids[row] not in self._names:
                self._rename(ids[row], self._born(people, row))
        for row in rows:
            person = person_of[people.tracks.boxes_px[row].tobytes()]
            since_s = self._seen_at.get(person, people.at)
            self._seen_at[person] = people.at
            if not self._outages.switched(person, since_s, people.at):
                continue
            if self._had[person]:
                self._had[person] -= 1
                continue
            other = self._switch(people, rows, row)
            if other is not None:
                self._had[person_of[people.tracks.boxes_px[other].tobytes()]] += 1
        renamed = np.array([self._names.get(track, TENTATIVE) for track in ids], np.int64)
        born_at = np.array([self._born_at.get(name, np.nan) for name in renamed.tolist()])
        return replace(people, tracks=replace(people.tracks, ids=renamed), born_at=born_at)

    def _rename(self, track: int, born_at: float) -> None:
        self._names[track] = self._next
        self._born_at[self._next] = born_at
        self._next += 1

    def _switch(self, people: People, rows: Sequence[int], row: int) -> int | None:
        """Give a track another id; returns the row of the one whose id it got."""
        boxes, ids = people.tracks.boxes_px, people.tracks.ids
        height = float(boxes[row, 3] - boxes[row, 1])
        # A box height is 1.3 m of somebody seated, 1.7 m of somebody standing.
        apart = {r: float(np.hypot(*(boxes[r, :2] - boxes[row, :2]))) / height for r in rows if r != row}
        nearest = min(apart, key=lambda r: apart[r], default=None)
        if nearest is not None and apart[nearest] < _NEAR and self._rng.random() < self._outages.rough.exchanged:
            a, b = int(ids[row]), int(ids[nearest])
            self._names[a], self._names[b] = self._names[b], self._names[a]
            return nearest
        self._rename(int(ids[row]), people.at)
        return None

    @staticmethod
    def _born(people: People, row: int) -> float:
        return people.at if people.born_at is None else float(people.born_at[row])


class _Dwell:
    """Each track's time in the area, as if a track were a person."""

    def __init__(self) -> None:
        self._first: dict[int, float] = {}
        self._last: dict[int, float] = {}

    def step(self, people: People, area: Area) -> None:
        inside = area.contains(people.feet) & (people.tracks.ids != TENTATIVE)
        for track in people.tracks.ids[inside].tolist():
            self._first.setdefault(track, people.at)
            self._last[track] = people.at

    @property
    def spans(self) -> list[Span]:
        """Passers-by left out, as the ledger leaves them out."""
        least_s = LedgerSettings().enter_hold_s
        every = [(first, self._last[track]) for track, first in self._first.items()]
        return [(a, b) for a, b in every if b - a >= least_s]


def _score(cases: Sequence[_Case], claims: Sequence[Sequence[Span]]) -> StayFigures:
    unbroken, exact, broken, merged, errors = 0, 0, 0, 0, []
    for case, claimed in zip(cases, claims, strict=True):
        match = _matched(case.visible, claimed)
        for i, (truth, visible) in enumerate(zip(case.truth, case.visible, strict=True)):
            length = truth[1] - truth[0]
            claim = claimed[match[i]] if i in match else None
            errors.append(length if claim is None else abs(claim[1] - claim[0] - length))
            exact += claim is not None and _exact(claim, visible)
            if claim is not None and (_exact(claim, visible) or _covers(claim, visible)):
                unbroken += 1
            elif claim is None or claim[1] - claim[0] < visible[1] - visible[0] - TOLERANCE_S:
                broken += 1
            else:
                merged += 1
    truth_p90 = float(np.percentile([b - a for case in cases for a, b in case.truth], 90))
    claim_p90 = float(np.percentile([b - a for claimed in claims for a, b in claimed], 90))
    return StayFigures(
        claimed=sum(map(len, claims)),
        unbroken=round(unbroken / max(1, len(errors)), 4),
        exact=round(exact / max(1, len(errors)), 4),
        broken=broken,
        merged=merged,
        duration_error_median_s=round(median(errors), 2),
        duration_error_p95_s=round(float(np.percentile(errors, 95)), 1),
        wait_p90_s=round(claim_p90, 1),
        wait_p90_error=round(abs(claim_p90 - truth_p90) / truth_p90, 4),
    )


def _exact(claim: Span, visible: Span) -> bool:
    return max(abs(claim[0] - visible[0]), abs(claim[1] - visible[1])) <= TOLERANCE_S


def _covers(claim: Span, visible: Span) -> bool:
    length = visible[1] - visible[0]
    common = min(claim[1], visible[1]) - max(claim[0], visible[0])
    return common >= (1 - _SLACK) * length and claim[1] - claim[0] <= (1 + _SLACK) * length


def _matched(truth: Sequence[Span], claimed: Sequence[Span]) -> dict[int, int]:
    """Which claim belongs to which stay: the sum of common time over joint time is most."""
    a, b = np.array(truth).reshape(-1, 1, 2), np.array(claimed).reshape(1, -1, 2)
    common = np.minimum(a[..., 1], b[..., 1]) - np.maximum(a[..., 0], b[..., 0])
    joint = np.maximum(a[..., 1], b[..., 1]) - np.minimum(a[..., 0], b[..., 0])
    share = np.clip(common, 0, None) / np.maximum(joint, 1e-9)
    rows, columns = linear_sum_assignment(share, maximize=True)
    return {int(i): int(j) for i, j in zip(rows, columns, strict=True) if share[i, j] > 0}

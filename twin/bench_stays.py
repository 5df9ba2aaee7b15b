"""Stays through misses, occlusions and exchanged ids: the ledger beside plain track dwell, on the same input.

The input is the waiting area of a full hall as camera 2 sees it, without pixels, with the bad sight of `twin._rough`:
once with nothing else, and once behind the tracker of a box, whose own mistakes come on top: about as many exchanges
again, most where somebody walks past dense seats.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

import msgspec
import numpy as np
from scipy.optimize import linear_sum_assignment

from hall.load import parse_hall
from twin._rough import Outages, Rough, rough_people
from twin._spans import Span
from twin.scenario import Scenario, ScenarioStory, built_in, hall_for, load_place, tell
from twin.scenario.bodies import silhouettes
from twin.sightings import BLINK_S, PASSING_S
from vision.areas import Area, foot_points
from vision.locate import People
from vision.stays import LedgerSettings, StayLedger
from vision.types import TENTATIVE

SCENARIO = "longqueue"
CAMERA = "cam2"
TOLERANCE_S = 5.0
"""A claim that begins and ends within this of a stay's first and last sight is exact."""
_SLACK = 0.1
"""A claim so much shorter or longer than a stay is still of the whole stay."""

_CHUNK = 1200
_LOOKS_PER_S = 10.0
"""How often the story is looked at for the truth."""


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
    """The ledger and plain track dwell on the same input, all seeds together, also behind the tracker of a box."""

    seeds: list[int]
    stays: int
    longest_s: float
    wait_p90_s: float
    ledger: StayFigures
    track_dwell: StayFigures
    tracked_ledger: StayFigures
    tracked_dwell: StayFigures
    ledger_ms_per_frame: float


@dataclass(slots=True)
class _Claims:
    """What was claimed, seconds from the start, and what that took."""

    ledger: list[Span] = field(default_factory=list)
    dwell: list[Span] = field(default_factory=list)
    spent_s: float = 0.0
    frames: int = 0


@dataclass(slots=True)
class _Case:
    """One seed: true spans, the same as far as they could be seen, and what was claimed of them."""

    truth: list[Span]
    visible: list[Span]
    plain: _Claims
    tracked: _Claims


def bench_stays(seeds: Sequence[int] = (1, 2, 3), *, duration_s: float | None = None) -> StayBench:
    """Measure; `duration_s` cuts the scenario short."""
    scenario = _scenario(duration_s)
    cases = [_run(scenario, seed) for seed in seeds]
    truth = [b - a for case in cases for a, b in case.truth]
    every = [claims for case in cases for claims in (case.plain, case.tracked)]
    return StayBench(
        seeds=list(seeds),
        stays=len(truth),
        longest_s=round(max(truth), 1),
        wait_p90_s=round(float(np.percentile(truth, 90)), 1),
        ledger=_score(cases, [case.plain.ledger for case in cases]),
        track_dwell=_score(cases, [case.plain.dwell for case in cases]),
        tracked_ledger=_score(cases, [case.tracked.ledger for case in cases]),
        tracked_dwell=_score(cases, [case.tracked.dwell for case in cases]),
        ledger_ms_per_frame=round(1000 * sum(c.spent_s for c in every) / sum(c.frames for c in every), 3),
    )


def _scenario(duration_s: float | None) -> Scenario:
    scenario = built_in(SCENARIO)
    if duration_s is None:
        return scenario
    return scenario.model_copy(update={"scenario": scenario.scenario.model_copy(update={"duration": duration_s})})


def _run(scenario: Scenario, seed: int) -> _Case:
    story = tell(scenario, seed)
    zone = parse_hall(hall_for(scenario)).floors[0].zones[0]
    area = Area(next(part.polygon for part in zone.areas if part.camera == CAMERA))
    outages = Outages(Rough(), seed)
    truth, visible = [], []
    for person, spans in _true_spans(scenario, story, area).items():
        truth += spans
        visible += [outages.visible(person, span) for span in spans]
    plain, tracked = (
        _claims(rough_people(scenario, story, CAMERA, seed, outages, tracked=tracked), area)
        for tracked in (False, True)
    )
    return _Case(truth, visible, plain, tracked)


def _claims(frames: Iterable[People], area: Area) -> _Claims:
    claims, ledger, dwell = _Claims(), StayLedger(), _Dwell()
    for people in frames:
        began = time.thread_time()
        ended = ledger.step(people.at, people.sightings(area), people.glimpses(area))
        claims.spent_s += time.thread_time() - began
        claims.frames += 1
        claims.ledger += [(f.stay.started_at, f.stay.until) for f in ended]
        dwell.step(people, area)
    claims.ledger += [(f.stay.started_at, f.stay.until) for f in ledger.finish()]
    claims.ledger += [(stay.started_at, stay.until) for stay in ledger.stays]
    claims.dwell = dwell.spans
    return claims


def _true_spans(scenario: Scenario, story: ScenarioStory, area: Area) -> dict[str, list[Span]]:
    """When each person was in the area by the exact foot point; who only passed is left out."""
    place = load_place(scenario.scenario.hall)
    camera = place.cameras[CAMERA]
    found: dict[str, list[float]] = {}
    total = int(story.duration_s * _LOOKS_PER_S) + 1
    for first in range(0, total, _CHUNK):
        times = np.arange(first, min(first + _CHUNK, total)) / _LOOKS_PER_S
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

"""Bad sight made on purpose: a waiting area with boxes missed, people out of sight and ids exchanged.

Boxes are exact but for the jitter of the default detector; then three things are done to them, and nothing else:

- each box is missed with a chance of one in five, whatever happened in the frame before,
- each person is out of sight now and then for 5 to 30 s: behind somebody, behind a pillar,
- each person's track id is exchanged once a minute on average, half of the time for a new one, half of the time with
  that of the nearest person within a metre or so, which is that person's exchange too.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import nan

import numpy as np
from numpy.typing import NDArray

from twin._spans import Span
from twin.scenario import NoiseModel, Scenario, ScenarioStory, load_place
from twin.scenario.bodies import silhouettes
from twin.scenario.place import Floats
from vision.areas import foot_points
from vision.locate import Locator, People
from vision.types import TENTATIVE, Detections, Tracks

FPS = 2.0
LONGEST_S = 12 * 3600.0
_CHUNK = 240
_NEAR = 0.8
"""Whose ids may be exchanged: so many box heights apart at most."""
_FORGETS_S = 2.5
"""Who is out of sight for longer has another id afterwards."""


@dataclass(frozen=True, slots=True)
class Rough:
    """What is done to the boxes: share missed, and how often, in seconds, people are hidden and ids exchanged."""

    missed: float = 0.2
    hidden_every_s: float = 180.0
    hidden_s: Span = (5.0, 30.0)
    between_s: float = 10.0  # two occlusions with a look between them would be one, and longer than that
    switch_every_s: float = 60.0
    exchanged: float = 0.5
    jitter: float = NoiseModel().jitter


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
            while at_s < LONGEST_S:
                at_s += self.rough.between_s
                at_s += float(rng.exponential(self.rough.hidden_every_s - self.rough.between_s))
                spans.append((at_s, at_s + float(rng.uniform(*self.rough.hidden_s))))
                at_s = spans[-1][1]
            self._hidden[person] = spans
        return self._hidden[person]

    def switched(self, person: str, since_s: float, until_s: float) -> bool:
        """Whether the id of a person is exchanged within (since, until]."""
        if person not in self._switches:
            rng = self._rng(2, person)
            count = int(2 * LONGEST_S / self.rough.switch_every_s)
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


class TrueTracker:
    """What a tracker says that takes nobody for somebody else: it forgets who was not seen for long, no more."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._seen_at: dict[str, float] = {}
        self._born_at: dict[str, float] = {}
        self._next = 1

    def follow(self, at: float, seen: Detections, persons: Sequence[str]) -> People:
        """People of a frame, each known by name; who is seen for the first time is tentative."""
        for person in persons:
            if at - self._seen_at.get(person, -LONGEST_S) > _FORGETS_S:
                self._ids[person], self._born_at[person] = TENTATIVE, at
            elif self._ids[person] == TENTATIVE:
                self._ids[person] = self._next
                self._next += 1
            self._seen_at[person] = at
        ids = np.array([self._ids[person] for person in persons], np.int64)
        born_at = [nan if self._ids[person] == TENTATIVE else self._born_at[person] for person in persons]
        feet = foot_points(seen.boxes_px, seen.size_px)
        tracks = Tracks(ids, seen.boxes_px, seen.scores, seen.size_px)
        return People(at, tracks, feet, None, np.array(born_at, np.float64))


def rough_people(
    scenario: Scenario, story: ScenarioStory, camera: str, seed: int, outages: Outages, *, tracked: bool
) -> Iterator[People]:
    """What is made of the degraded boxes of a camera, ids exchanged behind it; ids of people.

    Args:
        scenario: the hall.
        story: who is where.
        camera: of the hall.
        seed: of the chance.
        outages: who is hidden, and whose ids are exchanged.
        tracked: whether the tracker of a box follows the boxes, with mistakes of its own, or `TrueTracker`.
    """
    place = load_place(scenario.scenario.hall)
    view = place.cameras[camera]
    rough, rng = outages.rough, np.random.default_rng([seed, 3])
    locator, known, switcher = Locator(), TrueTracker(), _Switcher(outages, np.random.default_rng([seed, 4]))
    total = int(story.duration_s * FPS) + 1
    for first in range(0, total, _CHUNK):
        times = [k / FPS for k in range(first, min(first + _CHUNK, total))]
        people = silhouettes(place, view, [story.at(t) for t in times])
        boxes = _jittered(people.seen_px, rough.jitter, rng, view.size_px)
        found = rng.random(len(people)) >= rough.missed
        scores = rng.uniform(NoiseModel().score_low, NoiseModel().score_high, len(people)).astype(np.float32)
        ends = np.searchsorted(people.frame, np.arange(len(times) + 1))
        for k, at_s in enumerate(times):
            rows = [
                i
                for i in range(ends[k], ends[k + 1])
                if found[i] and not any(a <= at_s < b for a, b in outages.hidden(people.person[i]))
            ]
            seen = Detections(boxes[rows], scores[rows], np.zeros(len(rows), np.int64), view.size_px)
            persons: list[str] = people.person[rows].tolist()
            followed = locator.locate(at_s, seen) if tracked else known.follow(at_s, seen, persons)
            yield switcher.switched(followed, seen, persons)


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

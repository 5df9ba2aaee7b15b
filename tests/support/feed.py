"""What two cameras of a small hall find over hours, drawn by hand and seeded: everything a box tells happens in it."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np

from hall.clock import Instant
from vision.types import Detections

FPS = 2
SIZE = (1000, 500)
HALL = """\
hall: {id: test, name: 测试大厅}
limits: {clerk_absent: 20s, long_wait: 30s, overtime_case: 15s, clear_hold: 2s, camera_lost: 60s}
presence: {window: 4s}
session: {open_after: 3s, close_after: 4s}
floors:
  - id: f1
    cameras:
      - {id: desk, source: desk.mp4}
      - {id: seats, source: seats.mp4}
    windows:
      - {id: w1, label: "1", camera: desk, clerk_anchor: foot,
         clerk_area: [[0, 0], [0.4, 0], [0.4, 1], [0, 1]], customer_area: [[0.6, 0], [1, 0], [1, 1], [0.6, 1]]}
    zones:
      - {id: waiting, serves: [w1], areas: [{camera: seats, polygon: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}]}
    entrances:
      - {id: door, camera: seats, line: [[0.75, 1], [0.75, 0]]}
"""

Observation = tuple[str, Instant, Detections]


def observations(seed: int, start: Instant, count: int) -> Iterator[Observation]:
    """So many looks, the cameras in turn: clerks come and go, citizens are served, wait, and walk through the door."""
    rng, at = random.Random(seed), 0.0
    clerk = citizen = waiting = walker = 0.0
    for number in range(count):
        at = number / (2 * FPS)
        if number % 2 == 0:
            clerk = _turn(rng, at, clerk, there_s=(10, 60), away_s=(5, 40))
            citizen = _turn(rng, at, citizen, there_s=(6, 50), away_s=(6, 20))
            people = [(200.0, 400.0)] * (clerk > 0) + [(800.0, 420.0)] * (citizen > 0)
        else:
            waiting = _turn(rng, at, waiting, there_s=(8, 70), away_s=(5, 30))
            if walker <= at - 8 and rng.random() < 0.05:
                walker = at
            people = [(250.0, 380.0)] * (waiting > 0)
            if at - walker < 4:
                people.append((950.0 - 100.0 * (at - walker), 420.0))
        jittered = [(x + rng.uniform(-3, 3), y + rng.uniform(-3, 3)) for x, y in people]
        yield ("desk", "seats")[number % 2], start + at, found(jittered)


def _turn(
    rng: random.Random, at: float, until: float, there_s: tuple[float, float], away_s: tuple[float, float]
) -> float:
    """Somebody who is there until a moment (positive) or away until one (negative)."""
    if at < abs(until):
        return until
    return -(at + rng.uniform(*away_s)) if until > 0 else at + rng.uniform(*there_s)


def found(people: list[tuple[float, float]]) -> Detections:
    """People of 200 px by foot point."""
    boxes = np.array([(x - 30, y - 200, x + 30, y) for x, y in people], np.float32).reshape(-1, 4)
    return Detections(boxes, np.full(len(people), 0.8, np.float32), np.zeros(len(people), np.int64), SIZE)

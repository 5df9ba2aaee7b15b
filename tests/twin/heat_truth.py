"""Heat beside the truth: what heat messages say of each square metre, and who was there in the story."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from edge.heat import square_metre
from hall.messages import HeatBody
from twin.actors import Story
from twin.scenario.hallfile import PLAN_OFFSET_M

Grid = NDArray[np.float64]
STEP_S = 0.5


def claimed(bodies: Iterable[HeatBody], width_m: int, depth_m: int) -> Grid:
    """Person-seconds by cell (depth, width) of heat messages on the plan."""
    grid = np.zeros((depth_m, width_m))
    for body in bodies:
        for cell in body.cells if body.camera is None else ():
            if 0 <= cell.x < width_m and 0 <= cell.y < depth_m:
                grid[cell.y, cell.x] += cell.person_s
    return grid


def truth(story: Story, width_m: int, depth_m: int, duration_s: float | None = None, *, shared: bool = True) -> Grid:
    """The same of everybody in the story, whether a camera sees them or not.

    Args:
        story: who is where.
        width_m: of the plan.
        depth_m: of the plan.
        duration_s: of the story; all of it by default.
        shared: whether somebody takes up a square metre, as in messages, or is a point in one cell.
    """
    grid = np.zeros((depth_m, width_m))
    for step in range(int((story.duration_s if duration_s is None else duration_s) / STEP_S)):
        for actor in story.at(step * STEP_S):
            x, y = actor.x_m + PLAN_OFFSET_M, actor.y_m + PLAN_OFFSET_M
            shares = square_metre(x, y) if shared else [((math.floor(x), math.floor(y)), 1.0)]
            for (i, j), share in shares:
                if 0 <= i < width_m and 0 <= j < depth_m:
                    grid[j, i] += STEP_S * share
    return grid


def correlation(a: Grid, b: Grid) -> float:
    """Pearson's, over all cells of the plan."""
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])

"""The truth of rendered clips and `sim://` cameras: from what was written down, person by person, while rendering."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import dist
from pathlib import Path
from typing import Any

import numpy as np

from hall.errors import InputError
from hall.layout import Hall
from twin.judge import judge
from twin.sightings import Picture, Sightings
from twin.truth import Truth

_UNIFORM = "clerk_"
"""Figures who wear one are staff."""

_HIDDEN = 0.8
"""Who shows less than this share of the most that was seen of them at a place is hidden by somebody."""

_SAME_PLACE_M = 0.3
"""Who has moved no further is still there, though hidden."""


def clip_truth(hall: Hall, clips: Mapping[str, Path]) -> Truth:
    """What the rules of a hall must say about rendered clips.

    Args:
        hall: areas and limits; always open.
        clips: by camera id, the truth that was written while the clip was rendered.

    Raises:
        InputError: a file is no such truth.
    """
    return judge_rendered(hall, {camera: _read(path) for camera, path in clips.items()})


def judge_rendered(hall: Hall, cameras: Mapping[str, Mapping[str, Any]]) -> Truth:
    """The same, from what `SimSource.truth` gave for each camera."""
    seen = {name: _picture(data) for name, data in cameras.items()}
    staff = {
        person["id"]
        for data in cameras.values()
        for frame in data["frames"]
        for person in frame["people"]
        if person["figure"].startswith(_UNIFORM)
    }
    end_s = max(float(data["frames"][-1]["t"]) for data in cameras.values())
    step_s = 1 / min(float(data["fps"]) for data in cameras.values())
    blind = {name: [(float(a), float(b)) for a, b in data.get("blind", [])] for name, data in cameras.items()}
    return judge(hall, Sightings(seen, frozenset(staff), end_s, step_s, blind))


def _read(path: Path) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        _picture(data)
        float(data["frames"][-1]["t"]), float(data["fps"])
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError) as exc:
        raise InputError(f"{path}: {exc!r}; expected the truth of a rendered clip") from exc
    return data


def _picture(data: Mapping[str, Any]) -> Picture:
    unhidden = _Unhidden()
    rows = [
        (float(frame["t"]), person["id"], person["bbox_full"], unhidden.box(person))
        for frame in data["frames"]
        for person in frame["people"]
    ]
    return Picture(
        np.array([row[0] for row in rows], np.float64),
        np.array([row[1] for row in rows], np.object_),
        np.array([row[2] for row in rows], np.float32).reshape(-1, 4),
        np.array([row[3] for row in rows], np.float32).reshape(-1, 4),
        (int(data["size"][0]), int(data["size"][1])),
    )


class _Unhidden:
    """What would be seen of a person if nobody stood in front: what was seen of them at that place before.

    The id buffer knows what is seen, not by whom the rest is hidden; furniture does not move.
    """

    def __init__(self) -> None:
        self._last: dict[str, tuple[tuple[float, float], str, float, list[float]]] = {}

    def box(self, person: Mapping[str, Any]) -> list[float]:
        """The box by which to judge the person in this frame; an empty one for whom furniture hides altogether."""
        place, pose, share = (float(person["world"][0]), float(person["world"][1])), person["pose"], person["visible"]
        last = self._last.get(person["id"])
        stays = last is not None and last[1] == pose and dist(last[0], place) <= _SAME_PLACE_M
        if last is not None and stays and share < _HIDDEN * last[2]:
            return last[3]
        if person["bbox"] is None:
            return [-1.0, -1.0, -1.0, -1.0]
        box = [float(value) for value in person["bbox"]]
        self._last[person["id"]] = place, pose, share, box
        return box

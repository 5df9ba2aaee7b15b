"""From tracks to people on the floor: foot points, and places on the plan where the camera is calibrated."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hall.clock import Instant
from vision._doubles import entangled, shadowed, touching
from vision.areas import Area, foot_points
from vision.bodies import Bodies
from vision.calibration import Calibration
from vision.stays import Sighting
from vision.tracker import Tracker, TrackerSettings
from vision.types import PERSON_M, TENTATIVE, Detections, Tracks

FAR_M = 1.0
"""Who is outside an area and further from its border than this is said to be so far: how much further tells nothing."""


class _Confirmed(NamedTuple):
    """A confirmed track: `foot` in fractions, and as seen from an area that is `FAR_M` away."""

    track: int
    foot: tuple[float, float]
    metres_per_px: float
    far: Sighting


@dataclass(frozen=True)
class People:
    """The people of one frame.

    Attributes:
        at: capture time.
        tracks: N tracks, with the boxes as measured.
        feet: (N, 2) foot points, fractions of the image.
        floor_m: (N, 2) where their bodies are on the floor plan, NaN beyond the horizon; None where not calibrated.
        born_at: (N,) when each track was seen first, NaN for tentative ones; None where unknown.
        boxes: of `tracks`, xyxy in pixels, row by row.
        points: `feet` row by row.
    """

    at: Instant
    tracks: Tracks
    feet: NDArray[np.float64]
    floor_m: NDArray[np.float64] | None
    born_at: NDArray[np.float64] | None = None
    boxes: list[list[float]] = field(init=False)
    points: list[list[float]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "boxes", self.tracks.boxes_px.tolist())
        object.__setattr__(self, "points", self.feet.tolist())

    def sightings(self, area: Area) -> list[Sighting]:
        """The confirmed tracks as a ledger of stays in `area` wants them."""
        return [self._seen_from(area, person) for person in self.confirmed]

    def glimpses(self, area: Area) -> list[Sighting]:
        """Those who were seen once so far, near `area`: who walks is often seen but once under one id.

        One sight alone may be a mistake; those upon others are left out.
        """
        seen = [self._seen_from(area, person) for person in self._glimpsed]
        return [person for person in seen if person.inside or person.border_m < FAR_M]

    def _seen_from(self, area: Area, person: _Confirmed) -> Sighting:
        size_px = self.tracks.size_px
        if area.is_far(*person.foot, size_px, FAR_M / person.metres_per_px):
            return person.far
        return Sighting(
            person.track,
            person.far.x,
            person.far.y,
            person.far.scale_m,
            area.holds(*person.foot),
            area.border_px(*person.foot, size_px) * person.metres_per_px,
            person.far.shadowed,
            person.far.upon,
            person.far.born_at,
        )

    @cached_property
    def confirmed(self) -> list[_Confirmed]:
        """What every area wants to know of the confirmed tracks, worked out once for all of them."""
        ids: list[int] = self.tracks.ids.tolist()
        return self._described([i for i, track in enumerate(ids) if track != TENTATIVE])

    @cached_property
    def _glimpsed(self) -> list[_Confirmed]:
        """The same of tentative tracks that are upon nobody."""
        ids: list[int] = self.tracks.ids.tolist()
        if TENTATIVE not in ids:
            return []
        touches = touching(self.boxes)
        upon = entangled(touches).keys() | shadowed(touches, self.boxes, self.tracks.scores.tolist())
        return self._described([i for i, track in enumerate(ids) if track == TENTATIVE and i not in upon])

    def _described(self, rows: list[int]) -> list[_Confirmed]:
        if not rows:
            return []
        ids: list[int] = self.tracks.ids.tolist()
        boxes, born = [self.boxes[i] for i in rows], None if self.born_at is None else self.born_at.tolist()
        shadows, upon = self._doubles(rows, boxes, [ids[i] for i in rows])
        high_px = self.tracks.size_px[1]
        return [
            _Confirmed(
                ids[i],
                (self.points[i][0], self.points[i][1]),
                per_px := PERSON_M / max(bottom - top, 1.0),
                Sighting(
                    ids[i],
                    # In heights of the image, so that places hold through a change of resolution.
                    (left + right) / 2 / high_px,
                    top / high_px,
                    per_px * high_px,
                    inside=False,
                    border_m=FAR_M,
                    shadowed=shadow,
                    upon=others,
                    born_at=self.at if born is None or ids[i] == TENTATIVE else born[i],
                ),
            )
            for i, (left, top, right, bottom), shadow, others in zip(rows, boxes, shadows, upon, strict=True)
        ]

    def _doubles(
        self, rows: list[int], boxes: list[list[float]], ids: list[int]
    ) -> tuple[list[bool], list[tuple[int, ...]]]:
        """Per confirmed track whether it is shadowed, and upon which others it lies."""
        touches = touching(boxes)
        if not touches:
            return [False] * len(rows), [()] * len(rows)
        scores = self.tracks.scores.tolist()
        shadows = shadowed(touches, boxes, [scores[i] for i in rows])
        upon = entangled(touches)
        return [k in shadows for k in range(len(rows))], [
            tuple(ids[other] for other in upon.get(k, ())) for k in range(len(rows))
        ]


class Locator:
    """Follows the people of one camera.

    Args:
        calibration: the camera's floor homography, if it has one.
        settings: thresholds of the tracker.
    """

    def __init__(self, calibration: Calibration | None = None, settings: TrackerSettings | None = None) -> None:
        self.calibration = calibration
        self._tracker = Tracker(settings)
        self._bodies: tuple[tuple[int, int], Bodies | None] | None = None

    @property
    def expected(self) -> list[tuple[float, float, float, float]]:
        """Boxes of everybody who is followed, also of who was missed in the last frame: x1, y1, x2, y2 in pixels."""
        return self._tracker.expected

    def locate(self, at: Instant, detections: Detections) -> People:
        """People of a frame from its detections, those of low score included."""
        tracks = self._tracker.update(at, detections)
        feet = foot_points(tracks.boxes_px, tracks.size_px)
        return People(at, tracks, feet, self._on_floor(tracks, feet), self._tracker.born_at(tracks.ids))

    def _on_floor(self, tracks: Tracks, feet: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Where bodies are; where feet would be, if the floor points say nothing of the vertical."""
        if self.calibration is None:
            return None
        if self._bodies is None or self._bodies[0] != tracks.size_px:
            self._bodies = tracks.size_px, Bodies.of(self.calibration, tracks.size_px)
        bodies = self._bodies[1]
        return self.calibration.to_floor(feet) if bodies is None else bodies.places(tracks.boxes_px.tolist())

    def born_foot(self, track: int, size_px: tuple[int, int]) -> tuple[float, float] | None:
        """Foot point of a track at its first sight, in fractions of an image of that size; None if none is followed."""
        box = self._tracker.born_box(track)
        if box is None:
            return None
        (wide_px, high_px), (x, y, _, height) = size_px, box
        return x / wide_px, min((y + height / 2) / high_px, 1.0)

"""Multi-object tracking of one camera: Kalman filter in seconds, association in stages.

As in ByteTrack (Zhang et al., ECCV 2022) sure detections come first, then the unsure ones against the tracks that
are left, so that a clerk bent over a phone is not lost. Sure ones are matched twice (Yang et al., C-BIoU, WACV
2023): by their overlap, then, where that leaves some over, by the overlap of enlarged boxes, because at two frames
per second a walking person leaves his own box between frames. Confirmed tracks choose before tentative ones, and the
claim of a track fades while it is unseen: somebody hidden takes no box of who stands before him.

The filter's noise does not depend on the rate of frames. Noise of place and size is what public detections are off by
against the truth of TUD-Campus, TUD-Stadtmitte and PETS09-S2L1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, nan
from typing import Self

import numpy as np
from numpy.typing import NDArray

from vision._assign import alike, assign, corners
from vision._doubles import second, touching
from vision._filter import Box, BoxFilter
from vision.types import TENTATIVE, Detections, Tracks


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """Thresholds of association; times in seconds, lengths in box heights."""

    high_score: float = 0.37
    low_score: float = 0.2
    min_overlap: float = 0.3  # IoU of a sure box and a track,
    min_similarity: float = 0.2  # or of both enlarged, where nothing is nearer
    min_overlap_low: float = 0.4  # IoU of an unsure box and a track
    fading: float = 0.2  # the claim of an unseen track falls by this share per second
    max_lost_s: float = 2.5
    max_lost_low_s: float = 0.3  # for so long an unsure box continues a track that was lost
    max_tentative_s: float = 1.2
    place_noise: float = 0.04  # standard deviation of a measured centre,
    size_noise: float = 0.08  # and of a measured width or height
    speed_change: float = 0.15  # standard deviation of the change of speed (heights per second) within a second,
    size_change: float = 0.1  # and of that of the growth of width and height

    @classmethod
    def for_model(cls, score: float) -> Self:
        """Thresholds for a model whose detections count by themselves from this score on."""
        return cls(high_score=score, low_score=0.54 * score)


_ALONE = 0.3
"""What it is worth to leave a track alone, as a share of the least overlap of a pair."""


class _Track:
    """Somebody who is followed: `box` is where he is expected, `claim` what its overlap with a box counts."""

    __slots__ = ("born_at", "born_box", "box", "claim", "id", "motion", "seen_at")

    def __init__(self, at: float, box: Box, motion: BoxFilter) -> None:
        self.id = TENTATIVE
        self.seen_at = self.born_at = at
        self.box, self.motion = box, motion
        self.born_box = box
        self.claim = 1.0


class Tracker:
    """Tracks the people of one camera; nothing is shared between two trackers."""

    def __init__(self, settings: TrackerSettings | None = None) -> None:
        self.settings = settings or TrackerSettings()
        # Scores are of single precision: one that is just the threshold counts.
        self._high, self._low = (float(np.float32(s)) for s in (self.settings.high_score, self.settings.low_score))
        self._next_id = 1
        self._at: float | None = None
        self._size_px: tuple[int, int] | None = None
        self._tracks: list[_Track] = []

    def update(self, at: float, detections: Detections) -> Tracks:
        """Take the detections of one frame.

        Args:
            at: capture time, Unix seconds; a frame older than the last one changes nothing.
            detections: people of the frame, those of low score included.

        Returns:
            The tracks that were seen in this frame, with the measured boxes; a track seen for the first time
            has the id TENTATIVE.
        """
        if self._size_px != detections.size_px:
            self._tracks = []  # another resolution is another picture
            self._size_px = detections.size_px
        if self._at is not None and at <= self._at:
            return Tracks.empty(detections.size_px)
        dt = 0.0 if self._at is None else at - self._at
        self._at = at
        self._pass_time(at, dt)
        boxes, sure, unsure = self._sorted(detections)
        found = self._associate(dt, boxes, sure, unsure)
        for track, column in found:
            self._see(at, track, boxes[column])
        taken = {column for _, column in found}
        fresh = [column for column in sure if column not in taken]
        self._tracks += [_Track(at, boxes[column], self._motion(boxes[column])) for column in fresh]
        shown = [column for _, column in found] + fresh
        if not shown:
            return Tracks.empty(detections.size_px)
        ids = np.array([track.id for track, _ in found] + [TENTATIVE] * len(fresh), np.int64)
        boxes_px, scores = detections.boxes_px.take(shown, axis=0), detections.scores.take(shown)
        return Tracks(ids, boxes_px, scores, detections.size_px)

    @property
    def expected(self) -> list[tuple[float, float, float, float]]:
        """Where everybody who is followed is, seen in the last frame or expected there: x1, y1, x2, y2 in pixels."""
        return [
            (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
            for x, y, width, height in (track.box for track in self._tracks)
        ]

    def born_at(self, ids: NDArray[np.int64]) -> NDArray[np.float64]:
        """When each of some tracks was seen first, tentative or not; NaN for tracks that are not followed."""
        born = {track.id: track.born_at for track in self._tracks}
        born[TENTATIVE] = nan
        return np.array([born.get(track, nan) for track in ids.tolist()], np.float64)

    def born_box(self, track: int) -> Box | None:
        """The box of a track at its first sight, when it was tentative still; None for one that is not followed."""
        return next((known.born_box for known in self._tracks if known.id == track), None)

    def _pass_time(self, at: float, dt: float) -> None:
        """Forget who has not been seen for long; move the others on."""
        settings, kept = self.settings, []
        for track in self._tracks:
            unseen_s = at - track.seen_at
            if unseen_s > (settings.max_tentative_s if track.id == TENTATIVE else settings.max_lost_s):
                continue
            track.box = track.motion.predict(dt)
            track.claim = exp(-settings.fading * max(unseen_s - dt, 0.0))
            kept.append(track)
        self._tracks = kept

    def _sorted(self, detections: Detections) -> tuple[list[Box], list[int], list[int]]:
        """Boxes in centre form, and which of them are sure and which are not.

        A second box on one person has a good score often enough, so it counts as unsure.
        """
        rows: list[list[float]] = detections.boxes_px.tolist()
        scores: list[float] = detections.scores.tolist()
        seen = [i for i, score in enumerate(scores) if score >= self._low]
        seen_rows = [rows[i] for i in seen]
        doubles = second(touching(seen_rows), seen_rows, [scores[i] for i in seen])
        sure = [i for k, i in enumerate(seen) if scores[i] >= self._high and k not in doubles]
        unsure = [i for k, i in enumerate(seen) if scores[i] < self._high or k in doubles]
        boxes = [((x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0) for x0, y0, x1, y1 in rows]
        return boxes, sure, unsure

    def _associate(
        self, dt: float, boxes: Sequence[Box], sure: Sequence[int], unsure: Sequence[int]
    ) -> list[tuple[_Track, int]]:
        """Tracks and the boxes that belong to them."""
        settings, pairs = self.settings, _Pairs(boxes)
        # Between two frames a walker moves about 0.8 box heights per second, two or more box widths.
        buffer = min(0.1 + 0.6 * dt, 0.5)
        known: Sequence[_Track] = [track for track in self._tracks if track.id != TENTATIVE]
        new: Sequence[_Track] = [track for track in self._tracks if track.id == TENTATIVE]
        known, sure = pairs.add(known, sure, settings.min_overlap)
        known, sure = pairs.add(known, sure, settings.min_similarity, buffer)
        new, sure = pairs.add(new, sure, settings.min_overlap)
        pairs.add(new, sure, settings.min_similarity, buffer)
        # Unsure boxes only continue tracks that are sure themselves, and where and when they are: no leaps.
        recent_s = max(settings.max_lost_low_s, 1.01 * dt)
        recent = [track for track in known if (self._at or 0.0) - track.seen_at <= recent_s]
        pairs.add(recent, unsure, settings.min_overlap_low)
        return pairs.found

    def _see(self, at: float, track: _Track, box: Box) -> None:
        track.motion.correct(box)
        track.seen_at = at
        if track.id == TENTATIVE:
            track.id = self._next_id
            self._next_id += 1

    def _motion(self, box: Box) -> BoxFilter:
        s = self.settings
        return BoxFilter(
            box,
            place_noise=s.place_noise,
            size_noise=s.size_noise,
            speed_change=s.speed_change,
            size_change=s.size_change,
        )


def _above(shares: dict[int, float], least: float) -> dict[int, float]:
    """What pairs are worth: two poor ones must not be worth more than a good one and a track that stays alone."""
    return {column: share - _ALONE * least for column, share in shares.items()}


class _Pairs:
    """Tracks and boxes, matched one stage after another.

    Attributes:
        found: tracks with their boxes, stage by stage.
    """

    def __init__(self, boxes: Sequence[Box]) -> None:
        self._boxes = boxes
        self.found: list[tuple[_Track, int]] = []

    def add(
        self, tracks: Sequence[_Track], columns: Sequence[int], least: float, buffer: float = 0.0
    ) -> tuple[Sequence[_Track], Sequence[int]]:
        """Match tracks with boxes, both enlarged by `buffer`, that overlap by `least`; returns those left over."""
        if not tracks or not columns:
            return tracks, columns
        boxes = [(column, corners(self._boxes[column], buffer)) for column in columns]
        worth = [_above(alike(corners(track.box, buffer), boxes, least, track.claim), least) for track in tracks]
        pairs = assign(worth)
        self.found += [(tracks[row], column) for row, column in pairs]
        rows, taken = {row for row, _ in pairs}, {column for _, column in pairs}
        return (
            [track for row, track in enumerate(tracks) if row not in rows],
            [column for column in columns if column not in taken],
        )

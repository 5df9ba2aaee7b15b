"""Multi-object tracking of one camera: Kalman filter in seconds, association in stages.

As in ByteTrack (Zhang et al., ECCV 2022) sure detections come first, then the unsure ones against the tracks that
are left, so that a clerk bent over a phone is not lost. Sure ones are matched twice (Yang et al., C-BIoU, WACV
2023): by their overlap, then, where that leaves some over, by the overlap of enlarged boxes, because at two frames
per second a walking person leaves his own box between frames. Confirmed tracks choose before tentative ones, and the
claim of a track fades while it is unseen: somebody hidden takes no box of who stands before him.

The filter's noise does not depend on the rate of frames: speed is a random walk in continuous time (Bar-Shalom,
Estimation with Applications, 6.2.2). Noise of place and size is what public detections are off by against the truth
of TUD-Campus, TUD-Stadtmitte and PETS09-S2L1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from vision._doubles import second
from vision.types import TENTATIVE, Detections, Tracks

Floats = NDArray[np.float64]


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


class Tracker:
    """Tracks the people of one camera; nothing is shared between two trackers."""

    def __init__(self, settings: TrackerSettings | None = None) -> None:
        self.settings = settings or TrackerSettings()
        place, size = self.settings.place_noise, self.settings.size_noise
        self._noise: Floats = np.array([place, place, size, size])
        speed, growth = self.settings.speed_change, self.settings.size_change
        self._change: Floats = np.array([speed, speed, growth, growth])
        self._next_id = 1
        self._at: float | None = None
        self._size_px: tuple[int, int] | None = None
        self._clear()

    def _clear(self) -> None:
        """Per track: cx, cy, w, h and their speeds, each filtered alone with a 2x2 covariance (p00, p01, p11)."""
        self._x: Floats = np.zeros((0, 4))
        self._v: Floats = np.zeros((0, 4))
        self._p: Floats = np.zeros((0, 4, 3))
        self._ids = np.zeros(0, np.int64)
        self._seen_at: Floats = np.zeros(0)
        self._born_at: Floats = np.zeros(0)

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
            self._clear()  # another resolution is another picture
            self._size_px = detections.size_px
        if self._at is not None and at <= self._at:
            return Tracks.empty(detections.size_px)
        dt = 0.0 if self._at is None else at - self._at
        self._at = at
        self._forget(at)
        self._predict(dt)
        measured, sure, unsure = self._sorted(detections)
        rows, columns = self._associate(measured, sure, unsure, dt)
        self._correct(rows, measured[columns])
        self._seen_at[rows] = at
        confirmed = rows[self._ids[rows] == TENTATIVE]
        self._ids[confirmed] = np.arange(self._next_id, self._next_id + len(confirmed))
        self._next_id += len(confirmed)
        sure[columns] = False
        fresh = self._births(at, measured, np.flatnonzero(sure))
        shown = np.concatenate([columns, fresh])
        ids = np.concatenate([self._ids[rows], np.full(len(fresh), TENTATIVE, np.int64)])
        return Tracks(ids, detections.boxes_px[shown], detections.scores[shown], detections.size_px)

    def born_at(self, ids: NDArray[np.int64]) -> Floats:
        """When each of some tracks was seen first, tentative or not; NaN for tracks that are not followed."""
        born = dict(zip(self._ids.tolist(), self._born_at.tolist(), strict=True)) | {TENTATIVE: np.nan}
        return np.array([born.get(track, np.nan) for track in ids.tolist()], dtype=np.float64)

    def _sorted(self, detections: Detections) -> tuple[Floats, NDArray[np.bool_], NDArray[np.bool_]]:
        """Boxes in centre form, and which of them are sure and which are not.

        A second box on one person has a good score often enough, so it counts as unsure.
        """
        seen = detections.scores >= self.settings.low_score
        double = np.zeros(len(detections), np.bool_)
        double[seen] = second(detections.boxes_px[seen], detections.scores[seen])
        sure = (detections.scores >= self.settings.high_score) & ~double
        return _to_centre(detections.boxes_px), sure, seen & ~sure

    def _forget(self, at: float) -> None:
        age = at - self._seen_at
        limit = np.where(self._ids == TENTATIVE, self.settings.max_tentative_s, self.settings.max_lost_s)
        self._keep(age <= limit)

    def _keep(self, mask: NDArray[np.bool_]) -> None:
        self._x, self._v, self._p = self._x[mask], self._v[mask], self._p[mask]
        self._ids, self._seen_at, self._born_at = self._ids[mask], self._seen_at[mask], self._born_at[mask]

    def _predict(self, dt: float) -> None:
        """Constant speed, changed by continuous white acceleration."""
        self._x = self._x + self._v * dt
        p00, p01, p11 = self._p[..., 0], self._p[..., 1], self._p[..., 2]
        q = (self._change * self._x[:, 3:4]) ** 2
        self._p = np.stack(
            [
                p00 + 2 * dt * p01 + dt**2 * p11 + q * dt**3 / 3,
                p01 + dt * p11 + q * dt**2 / 2,
                p11 + q * dt,
            ],
            axis=-1,
        )
        self._x[:, 2:] = np.maximum(self._x[:, 2:], 1.0)

    def _correct(self, rows: NDArray[np.int64], measured: Floats) -> None:
        if len(rows) == 0:
            return
        p00, p01, p11 = (self._p[rows, :, i] for i in range(3))
        r = (self._noise * measured[:, 3:4]) ** 2
        k0, k1 = p00 / (p00 + r), p01 / (p00 + r)
        residual = measured - self._x[rows]
        self._x[rows] += k0 * residual
        self._v[rows] += k1 * residual
        self._p[rows] = np.stack([(1 - k0) * p00, (1 - k0) * p01, p11 - k1 * p01], axis=-1)

    def _associate(
        self, measured: Floats, sure: NDArray[np.bool_], unsure: NDArray[np.bool_], dt: float
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Rows of tracks and columns of detections that belong together."""
        settings, pairs = self.settings, _Pairs(len(self._x), len(measured))
        if len(self._x) == 0 or len(measured) == 0:
            return pairs.found()
        overlap = _buffered_iou(self._x, measured, 0.0)
        unseen_s = (self._at or 0.0) - self._seen_at
        fading = np.exp(-settings.fading * np.maximum(unseen_s - dt, 0.0))
        # Between two frames a walker moves about 0.8 box heights per second, two or more box widths.
        buffer = min(0.1 + 0.6 * dt, 0.5)
        known = self._ids != TENTATIVE
        for group in (known, ~known):
            rows, columns = pairs.left(group, sure)
            pairs.add(rows, columns, overlap[np.ix_(rows, columns)], settings.min_overlap, fading)
            rows, columns = pairs.left(group, sure)
            if len(rows) and len(columns):
                similarity = _buffered_iou(self._x[rows], measured[columns], buffer)
                pairs.add(rows, columns, similarity, settings.min_similarity, fading)
        # Unsure boxes only continue tracks that are sure themselves, and where and when they are: no leaps.
        recent = unseen_s <= max(settings.max_lost_low_s, 1.01 * dt)
        rows, columns = pairs.left(known & recent, unsure)
        pairs.add(rows, columns, overlap[np.ix_(rows, columns)], settings.min_overlap_low, fading)
        return pairs.found()

    def _births(self, at: float, measured: Floats, fresh: NDArray[np.intp]) -> NDArray[np.intp]:
        n = len(fresh)
        if n == 0:
            return fresh
        height = measured[fresh, 3:4]
        position = (self._noise * height) ** 2
        # A person walks in at up to about one box height per second; box sizes change slowly.
        speed = (height * np.array([1.0, 0.6, 0.2, 0.2])) ** 2
        self._x = np.concatenate([self._x, measured[fresh]])
        self._v = np.concatenate([self._v, np.zeros((n, 4))])
        self._p = np.concatenate([self._p, np.stack([position, np.zeros((n, 4)), speed], axis=-1)])
        self._ids = np.concatenate([self._ids, np.full(n, TENTATIVE, np.int64)])
        self._seen_at = np.concatenate([self._seen_at, np.full(n, at)])
        self._born_at = np.concatenate([self._born_at, np.full(n, at)])
        return fresh


def _to_centre(boxes: NDArray[np.float32]) -> Floats:
    """Boxes xyxy (N, 4) as centre, width and height."""
    b = boxes.astype(np.float64)
    return np.stack([(b[:, 0] + b[:, 2]) / 2, (b[:, 1] + b[:, 3]) / 2, b[:, 2] - b[:, 0], b[:, 3] - b[:, 1]], axis=1)


def _buffered_iou(a: Floats, b: Floats, buffer: float) -> Floats:
    """IoU (N, M) of boxes in centre form, each enlarged on every side by `buffer` of its size."""
    half_a, half_b = a[:, None, 2:] * (0.5 + buffer), b[None, :, 2:] * (0.5 + buffer)
    low = np.maximum(a[:, None, :2] - half_a, b[None, :, :2] - half_b)
    high = np.minimum(a[:, None, :2] + half_a, b[None, :, :2] + half_b)
    overlap = np.clip(high - low, 0, None).prod(axis=-1)
    union = 4 * (half_a.prod(axis=-1) + half_b.prod(axis=-1)) - overlap
    return np.asarray(overlap / np.maximum(union, 1e-9))


class _Pairs:
    """Rows of tracks and columns of detections, matched one stage after another."""

    def __init__(self, rows: int, columns: int) -> None:
        self._free_rows = np.ones(rows, np.bool_)
        self._free_columns = np.ones(columns, np.bool_)
        self._found: list[tuple[NDArray[np.intp], NDArray[np.intp]]] = []

    def left(self, rows: NDArray[np.bool_], columns: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Those of some rows and columns that have no partner yet."""
        return np.flatnonzero(rows & self._free_rows), np.flatnonzero(columns & self._free_columns)

    def add(
        self, rows: NDArray[np.intp], columns: NDArray[np.intp], similarity: Floats, least: float, weight: Floats
    ) -> None:
        """Match rows with columns; pairs below `least` stay apart, each row counts with its weight."""
        worth = np.where(similarity >= least, similarity * weight[rows, None], 0.0)
        if not worth.any():
            return
        i, j = linear_sum_assignment(worth, maximize=True)
        good = worth[i, j] > 0
        i, j = rows[i[good]], columns[j[good]]
        self._free_rows[i] = self._free_columns[j] = False
        self._found.append((i, j))

    def found(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """All pairs."""
        none = np.zeros(0, np.intp)
        return (
            np.concatenate([none, *(rows for rows, _ in self._found)]),
            np.concatenate([none, *(columns for _, columns in self._found)]),
        )

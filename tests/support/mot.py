"""MOTChallenge sequences of the development data, our tracker on them, and the scores of its tracks.

trackeval needs opencv's GUI build, which may not stand beside our headless one, so its measures are computed here
from their papers; `make trackers` prints trackeval's own figures for the same tracks, and fails where they differ.
"""

from __future__ import annotations

import configparser
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from vision.tracker import Tracker, TrackerSettings
from vision.types import TENTATIVE, Detections

SEQUENCES = ("TUD-Campus", "TUD-Stadtmitte", "PETS09-S2L1")
SETTINGS = TrackerSettings.for_model(0.6)
"""The public detections are those of a score of 0.5 and more; the peers take 0.6 for sure by default, too."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Boxes:
    """Boxes of a sequence, one row each: frame from 1, id, left, top, width, height, score."""

    rows: Floats

    @classmethod
    def read(cls, path: Path) -> Boxes:
        return cls(np.loadtxt(path, delimiter=",", ndmin=2)[:, :7])

    def of_frame(self, frame: int) -> Floats:
        return np.asarray(self.rows[self.rows[:, 0] == frame])

    def of_known(self) -> Boxes:
        """Without what MOTChallenge marks as not to be counted."""
        return Boxes(self.rows[self.rows[:, 6] != 0])


@dataclass(frozen=True)
class Sequence:
    """One sequence; the frames of its truth are those of its detections."""

    name: str
    fps: float
    length: int
    size_px: tuple[int, int]
    detections: Boxes
    truth: Boxes

    def frames(self) -> Iterator[tuple[float, Detections]]:
        """Capture time and detections of each frame."""
        for frame in range(1, self.length + 1):
            rows = self.detections.of_frame(frame)
            boxes = rows[:, 2:6].copy()
            boxes[:, 2:] += boxes[:, :2]
            scores, labels = rows[:, 6].astype(np.float32), np.zeros(len(rows), np.int64)
            yield frame / self.fps, Detections(boxes.astype(np.float32), scores, labels, self.size_px)


def read_sequence(data: Path, name: str) -> Sequence:
    folder = data / "mot" / name
    ini = configparser.ConfigParser()
    ini.read_string((folder / "seqinfo.ini").read_text())
    info = ini["Sequence"]
    return Sequence(
        name,
        float(info["frameRate"]),
        int(info["seqLength"]),
        (int(info["imWidth"]), int(info["imHeight"])),
        Boxes.read(folder / "det" / "det.txt"),
        Boxes.read(folder / "gt" / "gt.txt").of_known(),
    )


def track(sequence: Sequence, settings: TrackerSettings = SETTINGS) -> tuple[Boxes, float]:
    """What later stages see of our tracker: confirmed tracks; and its processor time per frame in seconds."""
    tracker, found, spent_s = Tracker(settings), [np.zeros((0, 7))], 0.0
    for number, (at, detections) in enumerate(sequence.frames(), 1):
        began = time.thread_time()
        tracks = tracker.update(at, detections)
        spent_s += time.thread_time() - began
        tracks = tracks.select(tracks.ids != TENTATIVE)
        boxes = tracks.boxes_px.astype(np.float64)
        boxes[:, 2:] -= boxes[:, :2]
        ones = np.ones(len(tracks))
        found.append(np.column_stack([ones * number, tracks.ids, boxes, tracks.scores]))
    return Boxes(np.concatenate(found)), spent_s / sequence.length


@dataclass(frozen=True)
class Scores:
    """HOTA, IDF1 and MOTA in percent, and how often a person's id changes."""

    hota: float
    idf1: float
    mota: float
    switches: int


def score(tracks: Boxes, sequence: Sequence) -> Scores:
    """Scores of tracks against the truth of a sequence."""
    frames = _compared(tracks, sequence)
    truth_n, tracks_n = _number(sequence.truth), _number(tracks)
    mota, switches = _clear(frames, len(truth_n))
    return Scores(_hota(frames, truth_n, tracks_n), _idf1(frames, truth_n, tracks_n), mota, switches)


@dataclass(frozen=True)
class _Frame:
    """Rows of people and tracks in one frame, and the IoU of each pair."""

    people: NDArray[np.intp]
    tracks: NDArray[np.intp]
    overlap: Floats


def _number(boxes: Boxes) -> Floats:
    """How many boxes each id has, by row of the id."""
    return np.unique(boxes.rows[:, 1], return_counts=True)[1].astype(np.float64)


def _compared(tracks: Boxes, sequence: Sequence) -> list[_Frame]:
    people_ids, track_ids = np.unique(sequence.truth.rows[:, 1]), np.unique(tracks.rows[:, 1])
    frames = []
    for number in range(1, sequence.length + 1):
        people, found = sequence.truth.of_frame(number), tracks.of_frame(number)
        rows = np.searchsorted(people_ids, people[:, 1]), np.searchsorted(track_ids, found[:, 1])
        frames.append(_Frame(*rows, _iou(people[:, 2:6], found[:, 2:6])))
    return frames


def _iou(a: Floats, b: Floats) -> Floats:
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum((a[:, :2] + a[:, 2:])[:, None], (b[:, :2] + b[:, 2:])[None])
    overlap = np.clip(high - low, 0, None).prod(axis=-1)
    return np.asarray(overlap / (a[:, 2:].prod(axis=1)[:, None] + b[:, 2:].prod(axis=1)[None] - overlap))


def _idf1(frames: list[_Frame], people_n: Floats, tracks_n: Floats) -> float:
    """Ristani et al., ECCV 2016 workshops: one track for one person over the whole sequence, IoU from 0.5 on."""
    together = np.zeros((len(people_n), len(tracks_n)))
    for frame in frames:
        i, j = np.nonzero(frame.overlap >= 0.5)
        together[frame.people[i], frame.tracks[j]] += 1
    best = together[linear_sum_assignment(together, maximize=True)].sum()
    return float(200 * best / (people_n.sum() + tracks_n.sum()))


def _clear(frames: list[_Frame], people: int) -> tuple[float, int]:
    """Bernardin and Stiefelhagen, 2008: MOTA and id switches; last frame's pairs hold as long as they may."""
    last, before = np.full(people, -1), np.full(people, -1)
    hits = wrong = switches = truth = 0
    for frame in frames:
        kept = before[frame.people][:, None] == frame.tracks[None]
        i, j = linear_sum_assignment(np.where(frame.overlap >= 0.5, 1000.0 * kept + frame.overlap, 0.0), maximize=True)
        good = frame.overlap[i, j] >= 0.5
        person, track = frame.people[i[good]], frame.tracks[j[good]]
        switches += int(((last[person] >= 0) & (last[person] != track)).sum())
        last[person] = track
        before[:] = -1
        before[person] = track
        hits, wrong, truth = hits + len(person), wrong + len(frame.tracks) - len(person), truth + len(frame.people)
    return 100 * (hits - wrong - switches) / truth, switches


def _hota(frames: list[_Frame], people_n: Floats, tracks_n: Floats) -> float:
    """Luiten et al., IJCV 2021: mean over IoU thresholds of sqrt(detection accuracy x association accuracy)."""
    alike = np.zeros((len(people_n), len(tracks_n)))
    for frame in frames:
        shared = frame.overlap.sum(0)[None] + frame.overlap.sum(1)[:, None] - frame.overlap
        alike[np.ix_(frame.people, frame.tracks)] += frame.overlap / np.maximum(shared, 1e-12)
    either = people_n[:, None] + tracks_n[None]
    alike /= either - alike
    pairs = []
    for frame in frames:
        i, j = linear_sum_assignment(alike[np.ix_(frame.people, frame.tracks)] * frame.overlap, maximize=True)
        pairs.append(np.column_stack([frame.people[i], frame.tracks[j], frame.overlap[i, j]]))
    person, track, overlap = np.concatenate(pairs).T
    values = []
    for least in np.arange(0.05, 0.99, 0.05):
        good = overlap >= least - 1e-9
        together = np.zeros_like(alike)
        np.add.at(together, (person[good].astype(int), track[good].astype(int)), 1)
        hits = together.sum()
        association = (together * together / np.maximum(either - together, 1)).sum() / max(hits, 1)
        values.append(np.sqrt(hits / (people_n.sum() + tracks_n.sum() - hits) * association))
    return float(100 * np.mean(values))

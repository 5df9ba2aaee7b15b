"""Detections kept by the content of the picture: what is behind the detector may change, nothing is inferred twice."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vision.types import Detections

Image = NDArray[np.uint8]
_COMMIT_EVERY = 200


class Detects(Protocol):
    """A detector."""

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """People of each image."""
        ...


class CachedDetector:
    """A detector that remembers, in a file that several processes may share.

    Args:
        detector: asked for what is not known yet.
        path: the file, an SQLite database.
        model: what tells models apart, such as the sha256 of the weights.

    Attributes:
        hits, misses: images so far.
    """

    def __init__(self, detector: Detects, path: Path, *, model: str) -> None:
        self._detector, self._model = detector, model.encode()
        self.hits = self.misses = 0
        self._waiting: list[tuple[bytes, bytes]] = []
        # Two processes write now and then; autocommit, so that a lock is held only for one batch of rows.
        self._file = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute("PRAGMA synchronous = NORMAL")
        self._file.execute("CREATE TABLE IF NOT EXISTS detections (image BLOB PRIMARY KEY, found BLOB) WITHOUT ROWID")

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """People of each image."""
        keys = [self._key(image) for image in images]
        known = [self._known(key, image) for key, image in zip(keys, images, strict=True)]
        missing = [i for i, found in enumerate(known) if found is None]
        self.hits, self.misses = self.hits + len(images) - len(missing), self.misses + len(missing)
        for i, found in zip(
            missing, self._detector.detect([images[i] for i in missing]) if missing else [], strict=True
        ):
            known[i] = found
            self._waiting.append((keys[i], _packed(found)))
        if len(self._waiting) >= _COMMIT_EVERY:
            self.flush()
        return [found for found in known if found is not None]

    def flush(self) -> None:
        """Write what is not yet in the file."""
        if self._waiting:
            self._file.execute("BEGIN IMMEDIATE")
            self._file.executemany("INSERT OR IGNORE INTO detections VALUES (?, ?)", self._waiting)
            self._file.execute("COMMIT")
            self._waiting.clear()

    def close(self) -> None:
        """Write the rest and let go of the file."""
        self.flush()
        self._file.close()

    def _key(self, image: Image) -> bytes:
        digest = hashlib.blake2b(self._model + repr(image.shape).encode(), digest_size=16)
        digest.update(np.ascontiguousarray(image).data)
        return digest.digest()

    def _known(self, key: bytes, image: Image) -> Detections | None:
        row = self._file.execute("SELECT found FROM detections WHERE image = ?", (key,)).fetchone()
        return None if row is None else _unpacked(row[0], (image.shape[1], image.shape[0]))


def _packed(found: Detections) -> bytes:
    """N rows of x1 y1 x2 y2 score label, float32."""
    rows = np.column_stack([found.boxes_px, found.scores, found.labels]).astype("<f4")
    return rows.tobytes()


def _unpacked(data: bytes, size_px: tuple[int, int]) -> Detections:
    rows = np.frombuffer(data, "<f4").reshape(-1, 6)
    return Detections(rows[:, :4].copy(), rows[:, 4].copy(), rows[:, 5].astype(np.int64), size_px)

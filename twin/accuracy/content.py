"""What a result depends on, as one hash: the code that makes it, the assets it draws, the libraries it runs on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

_LIBRARIES = ("numpy", "onnxruntime", "opencv-python-headless", "scipy")

JUDGES = (
    "twin/_state_score.py",
    "twin/accuracy",
    "twin/assets/clips",
    "twin/assets/scenarios",
    "twin/bench.py",
    "twin/clip_truth.py",
    "twin/evaluate.py",
    "twin/judge.py",
    "twin/matching.py",
    "twin/scenario/noise.py",
    "twin/scenario/observe.py",
    "twin/scenario/truth.py",
    "twin/sightings.py",
    "twin/timeline.py",
    "twin/truth.py",
)
"""What judges the messages of a replay and has no part in them: a change of it renders nothing again."""


def content_hash(root: Path, parts: Sequence[str], *, without: Iterable[str] = JUDGES) -> str:
    """A hash over the files below some folders, names and contents, and the versions of the libraries.

    Args:
        root: where the packages lie.
        parts: folders and files in it, such as `hall` and `cli/replay.py`.
        without: folders and files in it that do not count.
    """
    digest = hashlib.blake2b(digest_size=16)
    skipped = tuple(without)
    for name in _LIBRARIES:
        digest.update(f"{name}={version(name)}\n".encode())
    for part in parts:
        path = root / part
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            name = file.relative_to(root).as_posix()
            left_out = any(name == s or name.startswith(f"{s}/") for s in skipped)
            if file.is_file() and not left_out and "__pycache__" not in file.parts:
                digest.update(f"{name} {file.stat().st_size}\n".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()

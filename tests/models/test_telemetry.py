"""Nothing leaves the box: onnxruntime has a reporter of its own, which must never start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def leftovers(folder: Path, code: str) -> list[str]:
    """Files that a fresh process leaves where onnxruntime's reporter keeps its session."""
    environ = {k: v for k, v in os.environ.items() if k not in {"ORT_DISABLE_TELEMETRY", "CI"}}
    subprocess.run([sys.executable, "-c", code], check=True, env=environ | {"TMPDIR": str(folder), "HOME": str(folder)})
    return [path.name for path in folder.rglob("*")]


def test_the_reporter_of_onnxruntime_does_not_start(tmp_path: Path) -> None:
    # Seen to fail without the variable that models/__init__.py sets: then there is a file `.ses`.
    code = "from models.zoo import resolve; from vision.detector import Detector; Detector(resolve('auto'))"
    assert leftovers(tmp_path, code) == []

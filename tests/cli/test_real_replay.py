"""Real clips through `hallwatch replay` and `evaluate`. The clips stay outside the repository."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import call
from tests.support.servers import require

pytestmark = [pytest.mark.data, pytest.mark.usefixtures("replay_remembers")]

TABLE = "[[0.4818, 0.8102], [0.6641, 0.8102], [0.6641, 0.9606], [0.4818, 0.9606]]"
SIX = f"""
hall: {{id: six, name: six}}
limits: {{clerk_absent: 4s}}
presence: {{window: 2s}}
session: {{open_after: 3s, close_after: 3s}}
floors:
  - id: f1
    cameras: [{{id: c, source: six.mp4, analyse_fps: 5}}]
    windows:
      - {{id: table, label: table, camera: c, staffed: false, customer_area: {TABLE}}}
      - {{id: clerk, label: clerk, camera: c, clerk_anchor: foot, clerk_area: {TABLE}}}
"""
PETS = """
hall: {id: pets, name: pets}
floors:
  - id: f1
    cameras: [{id: c, source: vtest.avi, analyse_fps: 10}]
    zones:
      - id: crossroads
        kind: general
        areas: [{camera: c, polygon: [[0.42969, 0.29514], [0.625, 0.29514], [0.625, 0.45139], [0.42969, 0.45139]]}]
    entrances:
      - {id: middle, camera: c, line: [[0.5, 1.0], [0.5, 0.0]]}
"""


def figures(folder: Path, hall: str, video: Path, truth: dict[str, Any]) -> dict[str, Any]:
    """Replay a clip and score it."""
    (folder / "hall.yaml").write_text(hall)
    (folder / "truth.json").write_text(json.dumps(truth))
    replay = ["replay", str(folder / "hall.yaml"), "--source", f"c={video}", "--out", str(folder / "out.jsonl")]
    scored = ["evaluate", str(folder / "out.jsonl"), str(folder / "truth.json"), "--json"]
    for arguments in (replay, scored):
        done = call(*arguments)
        assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_six_people_at_a_table(data_dir: Path, tmp_path: Path) -> None:
    """Six sessions within 1.0 s; as a clerk area, one absence for every gap longer than the limit, and nothing else."""
    known = json.loads((data_dir / "video" / "pedestrian_six.truth.json").read_text())
    truth = {
        "sessions": [{"window": "table", "start_s": a, "end_s": b} for a, b in known["feet_in_zone_s"]],
        "events": [
            {"rule": "clerk_absent", "subject": "window/clerk", "start_s": a, "end_s": b}
            for a, b in known["empty_gaps_zone_s"]
            if b - a > 4.0
        ],
    }
    found = figures(tmp_path, SIX, data_dir / "video" / "pedestrian_six.mp4", truth)
    sessions, absences = found["sessions"], found["events"]["clerk_absent"]
    assert (sessions["truth"], sessions["claimed"], sessions["matched"]) == (6, 6, 6)
    assert sessions["duration_error_p95_s"] <= 1.0
    assert (absences["claimed"], absences["matched"]) == (absences["truth"], absences["truth"])
    assert absences["start_error_p95_s"] <= 1.0
    assert absences["end_error_p95_s"] <= 1.0
    assert all(score["claimed"] == 0 for rule, score in found["events"].items() if rule != "clerk_absent")


def test_people_outdoors_cross_a_line_and_stand_in_a_zone(data_dir: Path, tmp_path: Path) -> None:
    """PETS09-S2L1: crossings off by at most 2 each way, head count off by at most 0.3 people on average."""
    known = json.loads((data_dir / "video" / "pets_s2l1.truth.json").read_text())
    counts = [0] * known["frames"]
    for _, first, last in known["zone_sessions_id_first_last_frame"]:
        for frame in range(first, min(last + 1, len(counts))):
            counts[frame] += 1
    rate = known["fps_header"]
    ways = {"LR": "in", "RL": "out"}
    truth = {
        "counts": [{"zone": "crossroads", "at_s": i / rate, "count": n} for i, n in enumerate(counts)],
        "crossings": [
            {"entrance": "middle", "direction": ways[way], "at_s": frame / rate}
            for frame, _, way in known["line_x384_crossings_frame_id_dir"]
        ],
    }
    found = figures(tmp_path, PETS, vtest(), truth)
    assert found["counts"]["crossroads"]["mean_absolute_error"] <= 0.3
    for way, true in (("in", 14), ("out", 18)):
        score = found["crossings"][f"middle/{way}"]
        assert score["truth"] == true
        assert abs(score["claimed"] - true) <= 2, found["crossings"]


def vtest() -> Path:
    """OpenCV's sample video, from Debian's package."""
    listed = subprocess.run([require("dpkg", "dpkg"), "-L", "opencv-doc"], capture_output=True, text=True, check=False)
    found = [line for line in listed.stdout.splitlines() if line.endswith("/vtest.avi")]
    assert found, "vtest.avi is not here: apt-get install opencv-doc (make test does it)"
    return Path(found[0])

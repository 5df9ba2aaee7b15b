"""Run the peers on the detections of a folder and score all tracks in it with trackeval; prints JSON.

Runs in an environment of its own (`make trackers`), which knows nothing of hallwatch. The folder holds
`truth/SEQUENCE/{det.txt,seqinfo.ini,gt/gt.txt}` and `tracks/NAME/data/SEQUENCE.txt`.
"""

from __future__ import annotations

import configparser
import contextlib
import io
import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import supervision as sv
import trackeval
from trackers import ByteTrackTracker, OCSORTTracker

PEERS: dict[str, Callable[[float], Any]] = {
    "ByteTrack": lambda _: ByteTrackTracker(),
    "ByteTrack, fps": lambda fps: ByteTrackTracker(frame_rate=fps),
    "OC-SORT": lambda _: OCSORTTracker(),
    "OC-SORT, fps": lambda fps: OCSORTTracker(frame_rate=fps),
}
"""Defaults throughout; with `fps` the tracker is told the frame rate and scales how long it keeps a lost track."""


def follow(peer: str, folder: Path, out: Path) -> float:
    """Write the tracks of a sequence; returns processor seconds per frame."""
    ini = configparser.ConfigParser()
    ini.read_string((folder / "seqinfo.ini").read_text())
    tracker = PEERS[peer](float(ini["Sequence"]["frameRate"]))
    detections = np.loadtxt(folder / "det.txt", delimiter=",", ndmin=2)
    lines, spent_s, length = [], 0.0, int(ini["Sequence"]["seqLength"])
    for frame in range(1, length + 1):
        rows = detections[detections[:, 0] == frame]
        xyxy = np.column_stack([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]]).astype(np.float32)
        found = sv.Detections(xyxy=xyxy, confidence=rows[:, 6].astype(np.float32))
        began = time.thread_time()
        tracks = tracker.update(found)
        spent_s += time.thread_time() - began
        for (left, top, right, bottom), track in zip(tracks.xyxy.tolist(), tracks.tracker_id.tolist(), strict=True):
            if track >= 0:
                lines.append(f"{frame},{track + 1},{left},{top},{right - left},{bottom - top},1,-1,-1,-1")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("\n".join(lines) + "\n")
    return spent_s / length


def scores(folder: Path) -> dict[str, dict[str, dict[str, float]]]:
    """HOTA, IDF1 and MOTA in percent and id switches, by tracker and sequence."""
    sequences = sorted(path.name for path in (folder / "truth").iterdir())
    dataset = trackeval.datasets.MotChallenge2DBox(
        {
            "GT_FOLDER": str(folder / "truth"),
            "TRACKERS_FOLDER": str(folder / "tracks"),
            "BENCHMARK": "MOT15",
            "SEQ_INFO": dict.fromkeys(sequences),
            "SKIP_SPLIT_FOL": True,
            "PRINT_CONFIG": False,
        }
    )
    quiet = dict.fromkeys(("PRINT_RESULTS", "PRINT_CONFIG", "TIME_PROGRESS", "PLOT_CURVES"), False)
    quiet |= {"OUTPUT_SUMMARY": False, "OUTPUT_DETAILED": False}
    metrics = [trackeval.metrics.HOTA(), trackeval.metrics.Identity(), trackeval.metrics.CLEAR()]
    results, _ = trackeval.Evaluator({**quiet, "LOG_ON_ERROR": None}).evaluate([dataset], metrics)
    return {
        tracker: {sequence: _four(by[sequence]["pedestrian"]) for sequence in sequences}
        for tracker, by in results["MotChallenge2DBox"].items()
    }


def _four(found: dict[str, dict[str, Any]]) -> dict[str, float]:
    return {
        "hota": 100 * float(np.mean(found["HOTA"]["HOTA"])),
        "idf1": 100 * float(found["Identity"]["IDF1"]),
        "mota": 100 * float(found["CLEAR"]["MOTA"]),
        "switches": float(found["CLEAR"]["IDSW"]),
    }


def main() -> None:
    """`_peers.py FOLDER [--score]`."""
    folder = Path(sys.argv[1])
    spent = {
        peer: {
            path.name: follow(peer, path, folder / "tracks" / peer / "data" / f"{path.name}.txt")
            for path in sorted((folder / "truth").iterdir())
        }
        for peer in PEERS
    }
    with contextlib.redirect_stdout(io.StringIO()):  # trackeval talks
        scored = scores(folder) if "--score" in sys.argv else {}
    sys.stdout.write(json.dumps({"frame_s": spent, "scores": scored}) + "\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()

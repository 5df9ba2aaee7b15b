"""Our tracker beside roboflow's ByteTrack and OC-SORT: same detections, same run, scored by trackeval.

`make trackers` runs it; HALLWATCH_DATA names the folder with `mot/`. Fails where ours is below the better peer in
HOTA or IDF1 on any sequence, or where the scores that the tests compute differ from trackeval's.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from tests.support.mot import SEQUENCES, Boxes, Scores, Sequence, read_sequence, score, track

OURS = "hallwatch"
_PEERS = Path(__file__).with_name("_peers.py")
_ALIKE = 0.01
"""How far our own scores may be from trackeval's, in percent."""


def main() -> None:
    """Print the table; exit 1 where a figure is not what it should be."""
    parser = argparse.ArgumentParser(description="Our tracker beside ByteTrack and OC-SORT.")
    parser.add_argument("--peers", required=True, help="interpreter of the environment with trackers and trackeval")
    parser.add_argument("--rounds", type=int, default=3, help="how often to measure time")
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    given = parser.parse_args()
    if "HALLWATCH_DATA" not in os.environ:
        sys.exit("HALLWATCH_DATA: not set; expected the folder that holds mot/")
    data = Path(os.environ["HALLWATCH_DATA"])
    figures, faults = measure([read_sequence(data, name) for name in SEQUENCES], given.peers, given.rounds)
    if given.json:
        print(json.dumps(figures, indent=1))
    else:
        _print(figures)
    if faults:
        sys.exit("\n".join(faults))


def measure(sequences: list[Sequence], peers: str, rounds: int) -> tuple[dict[str, Any], list[str]]:
    """Figures, and what is wrong with them; rounds of ours and of the peers take turns."""
    frame_s: dict[str, list[float]] = {}
    own: dict[str, Scores] = {}
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        for sequence in sequences:
            _write_truth(folder / "truth" / sequence.name, sequence)
        for number in range(rounds):
            for sequence in sequences:
                boxes, spent_s = track(sequence)
                frame_s.setdefault(OURS, []).append(spent_s)
                _write(folder / "tracks" / OURS / "data" / f"{sequence.name}.txt", boxes)
                own[sequence.name] = score(boxes, sequence)
            found = _ask_peers(peers, folder, *(["--score"] if number == rounds - 1 else []))
            for peer, by in found["frame_s"].items():
                frame_s.setdefault(peer, []).extend(by[sequence.name] for sequence in sequences)
    figures = {
        "scores": found["scores"],
        "better_peer": _better(found["scores"]),
        "ratio_to_peer": {name: _ratio(frame_s[OURS], times) for name, times in frame_s.items() if name != OURS},
        "frame_ms": {name: round(1000 * median(times), 3) for name, times in frame_s.items()},
    }
    return figures, _faults(figures, own)


def _ask_peers(peers: str, folder: Path, *options: str) -> dict[str, Any]:
    told = subprocess.run(
        [peers, "-I", str(_PEERS), str(folder), *options], check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return round(median(a / b for a, b in zip(ours, theirs, strict=True)), 2)


def _write_truth(folder: Path, sequence: Sequence) -> None:
    _write(folder / "gt" / "gt.txt", sequence.truth)
    _write(folder / "det.txt", sequence.detections)
    width, height = sequence.size_px
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nname={sequence.name}\nframeRate={sequence.fps}\nseqLength={sequence.length}\n"
        f"imWidth={width}\nimHeight={height}\n"
    )


def _write(path: Path, boxes: Boxes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = np.column_stack([boxes.rows, np.full((len(boxes.rows), 3), -1)])
    np.savetxt(path, rows, delimiter=",", fmt=["%d", "%d", *["%.6f"] * 5, *["%d"] * 3])


def _better(scores: dict[str, dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """The best figure of any peer, by sequence and measure."""
    peers = [by for name, by in scores.items() if name != OURS]
    return {
        sequence: {measure: max(by[sequence][measure] for by in peers) for measure in ("hota", "idf1")}
        for sequence in scores[OURS]
    }


def _faults(figures: dict[str, Any], own: dict[str, Scores]) -> list[str]:
    faults = []
    for sequence, ours in figures["scores"][OURS].items():
        for measure, theirs in figures["better_peer"][sequence].items():
            if ours[measure] < theirs:
                faults.append(f"{sequence}: {measure} {ours[measure]:.1f}; the better peer has {theirs:.1f}")
        for measure, value in asdict(own[sequence]).items():
            if abs(value - ours[measure]) > _ALIKE:
                faults.append(f"{sequence}: {measure} {value:.3f} in tests.support.mot; trackeval: {ours[measure]:.3f}")
    return faults


def _print(figures: dict[str, Any]) -> None:
    scores = figures["scores"]
    print(f"{'HOTA / IDF1 / MOTA / switches':31}" + "".join(f"{name:>28}" for name in SEQUENCES))
    for tracker in sorted(scores, key=lambda name: (name == OURS, name)):
        cells = [scores[tracker][name] for name in SEQUENCES]
        row = [f"{c['hota']:.1f} / {c['idf1']:.1f} / {c['mota']:.1f} / {c['switches']:.0f}" for c in cells]
        print(f"{tracker:31}" + "".join(f"{cell:>28}" for cell in row))
    gains = [
        " / ".join(f"{scores[OURS][name][m] - figures['better_peer'][name][m]:+.1f}" for m in ("hota", "idf1"))
        for name in SEQUENCES
    ]
    print(f"{'ours less the better peer':31}" + "".join(f"{gain:>28}" for gain in gains))
    print("processor time per frame, ms: " + ", ".join(f"{n} {ms}" for n, ms in figures["frame_ms"].items()))
    print("ratio_to_peer (time): " + ", ".join(f"{n} {ratio}" for n, ratio in figures["ratio_to_peer"].items()))


if __name__ == "__main__":
    main()

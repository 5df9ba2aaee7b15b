"""Heatmaps of a rendered scenario beside the truth: how well their cells correlate, and a picture of both.

    python -m tests.benchmarks.bench_heat --hall lowdesk --seed 1 --out build/heat

The box's whole pipeline sees the pixels of both cameras, as `hallwatch replay` does; its heat messages are summed.
About three minutes of processor time for ten minutes of a hall. `--messages FILE.jsonl` takes what a replay wrote.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from typer.testing import CliRunner

from cli.main import app
from hall.messages import HeatBody, decode
from tests.twin.heat_truth import Grid, claimed, correlation, truth
from twin.scenario import Scenario, built_in, hall_for, tell

WIDTH_M, DEPTH_M = 12, 14
LEAST = 0.95
_CELL_PX = 44
_GAP_PX = 24


def main() -> None:
    """Print the figures, write the picture, and fail below the limit."""
    asked = _arguments()
    scenario = built_in(asked.scenario, asked.hall)
    story = tell(scenario, asked.seed)
    asked.out.mkdir(parents=True, exist_ok=True)
    seen = claimed(_messages(asked, scenario), WIDTH_M, DEPTH_M)
    true = truth(story, WIDTH_M, DEPTH_M, scenario.scenario.duration)
    points = truth(story, WIDTH_M, DEPTH_M, scenario.scenario.duration, shared=False)
    name = f"{asked.scenario}-{asked.hall}-{asked.seed}"
    figures = {
        "scenario": name,
        "correlation": round(correlation(seen, true), 4),
        "correlation_with_points": round(correlation(seen, points), 4),
        "person_s": [round(float(seen.sum())), round(float(true.sum()))],
        "ratio_to_limit": round(correlation(seen, true) / LEAST, 4),
    }
    print(json.dumps(figures))
    cv2.imwrite(str(asked.out / f"{name}.png"), _picture(seen, true, figures["correlation"]))
    if correlation(seen, true) < LEAST:
        raise SystemExit(f"correlation {correlation(seen, true):.3f}; expected {LEAST} at least")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hall", default="lowdesk", choices=("lowdesk", "tallcounter"))
    parser.add_argument("--scenario", default="morning")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--messages", type=Path)
    parser.add_argument("--out", type=Path, default=Path("build/heat"))
    return parser.parse_args()


def _messages(asked: argparse.Namespace, scenario: Scenario) -> Iterator[HeatBody]:
    with tempfile.TemporaryDirectory() as folder:
        written = asked.messages or _replay(scenario, asked.seed, Path(folder))
        for line in written.read_bytes().splitlines():
            body = decode(line).body
            if isinstance(body, HeatBody):
                yield body


def _replay(scenario: Scenario, seed: int, folder: Path) -> Path:
    hall, out = folder / "hall.yaml", folder / "out.jsonl"
    hall.write_text(hall_for(scenario, seed=seed))
    result = CliRunner().invoke(app, ["replay", str(hall), "--out", str(out)])
    if result.exit_code != 0:
        raise SystemExit(result.output)
    return out


def _picture(seen: Grid, true: Grid, found: object) -> NDArray[np.uint8]:
    """Both maps side by side, in one scale of colours; north is up, a cell is a square metre."""
    most = max(float(seen.max()), float(true.max()))
    maps = [_coloured(grid / most) for grid in (seen, true)]
    gap = np.full((maps[0].shape[0], _GAP_PX, 3), 255, np.uint8)
    both = np.hstack([maps[0], gap, maps[1]])
    head = np.full((40, both.shape[1], 3), 255, np.uint8)
    names: Sequence[tuple[str, int]] = (("heat messages", 8), ("truth", maps[0].shape[1] + _GAP_PX + 8))
    for words, left in (*names, (f"r = {found}", both.shape[1] - 150)):
        cv2.putText(head, words, (left, 27), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (40, 30, 20), 1, cv2.LINE_AA)
    return np.vstack([head, both])


def _coloured(share: Grid) -> NDArray[np.uint8]:
    grey = np.round(255 * np.sqrt(share[::-1])).astype(np.uint8)
    large = cv2.resize(grey, None, fx=_CELL_PX, fy=_CELL_PX, interpolation=cv2.INTER_NEAREST)
    return np.asarray(cv2.applyColorMap(large, cv2.COLORMAP_INFERNO), np.uint8)


if __name__ == "__main__":
    main()

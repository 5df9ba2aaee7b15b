"""Render the atlas: every figure in every pose from sixteen sides, and pack it.

python -m scripts.render.figures [--out FOLDER] [--raw FOLDER] [--only NAME ...] [--poses POSE ...] [--yaws DEG ...]
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from pathlib import Path

from scripts.render.people import PEOPLE, Person
from scripts.render.sheets import pack
from scripts.render.studio import Actor, Studio

_STEP_DEG = 22.5
_COARSE = {"stand2"}
"""Poses from eight sides only."""
_AT_DESK = {"sit_desk", "sit_phone"}


def main() -> None:
    """Render what is not in the raw folder yet, then pack all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("twin/assets/figures"), help="where sheets and meta.json go")
    parser.add_argument("--raw", type=Path, default=Path("render-raw/figures"), help="where PNG files are kept")
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=[], help="figures; then nothing is packed")
    parser.add_argument("--poses", nargs="*", default=[], help="poses; then nothing is packed")
    parser.add_argument("--yaws", nargs="*", type=float, default=[], help="degrees; then nothing is packed")
    given = parser.parse_args()
    given.raw.mkdir(parents=True, exist_ok=True)
    studio = Studio(samples=given.samples, threads=given.threads)
    for person in PEOPLE:
        if not given.only or person.name in given.only:
            poses = [pose for pose in person.poses if not given.poses or pose in given.poses]
            _render(studio, person, poses, given.yaws, given.raw)
    if not (given.only or given.poses or given.yaws):
        pack(given.raw, given.out)


def _render(studio: Studio, person: Person, poses: list[str], yaws: list[float], raw: Path) -> None:
    began, count = time.monotonic(), 0
    actor = Actor(person)
    for pose in poses:
        actor.pose(pose)
        for yaw in yaws or _yaws(pose):
            path = raw / f"{person.name}_{pose}_{round(yaw * 10):04d}.png"
            if path.exists():
                continue
            actor.show(math.radians(yaw))
            studio.turn_desk(math.radians(yaw))
            studio.shoot(path)
            if person.role == "clerk" and pose in _AT_DESK and min(yaw, 360 - yaw) <= 91:
                studio.shoot(path.with_stem(path.stem + "_over"), above_desk=True)
            count += 1
    actor.pose("stand")
    height_m = max(float(part[:, 2].max()) for part in actor.vertices)
    described = {"role": person.role, "height_m": round(height_m, 3), "anchor": list(studio.anchor_px)}
    (raw / f"{person.name}.json").write_text(json.dumps(described), encoding="utf-8")
    actor.remove()
    sys.stderr.write(f"{person.name}: {count} views, {time.monotonic() - began:.1f} s\n")


def _yaws(pose: str) -> list[float]:
    step = 2 * _STEP_DEG if pose in _COARSE else _STEP_DEG
    return [k * step for k in range(round(360 / step))]


if __name__ == "__main__":
    main()

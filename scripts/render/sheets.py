"""Put the views of each figure on one WebP sheet, and write `meta.json`."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from scripts.render.people import PEOPLE
from scripts.render.sizes import AIM_M, DISTANCE_M, OFFICE_SEAT_Z, PITCH_DEG, PX_PER_M, SEAT_Z

_PAD, _WIDTH, _QUALITY = 4, 2048, 85
_FAINTEST, _SOLID, _LEAST_PX = 10, 128, 20


@dataclass
class _Cut:
    """A view without its empty rim."""

    key: str
    image: Any
    anchor: list[float]
    box: list[int]


def pack(raw: Path, out: Path) -> None:
    """Sheets of all figures that were rendered."""
    out.mkdir(parents=True, exist_ok=True)
    meta: dict[str, Any] = {
        "px_per_m": PX_PER_M,
        "pitch": PITCH_DEG,
        "dist": DISTANCE_M,
        "up_px_1_7m": round(_upright_px(1.7), 2),
        "yaw": "degrees counter-clockwise seen from above, 0 = facing the camera",
        "figures": {},
    }
    for person in PEOPLE:
        given = json.loads((raw / f"{person.name}.json").read_text(encoding="utf-8"))
        prefix = len(person.name) + 1
        views = {path.stem[prefix:]: path for path in sorted(raw.glob(f"{person.name}_*.png"))}
        placed = _sheet(views, given["anchor"], out / f"{person.name}.webp")
        on_phone = OFFICE_SEAT_Z if person.role == "clerk" else SEAT_Z
        meta["figures"][person.name] = {
            "sheet": f"{person.name}.webp",
            "role": given["role"],
            "height_m": given["height_m"],
            "seat_z": {"sit": SEAT_Z, "sit_desk": OFFICE_SEAT_Z, "sit_phone": on_phone},
            "poses": _by_pose(placed),
        }
    (out / "meta.json").write_text(json.dumps(meta, separators=(",", ":")), encoding="utf-8")


def _by_pose(placed: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """From `sit_desk_0225_over` to poses, yaws and what is above a desk."""
    poses: dict[str, dict[str, Any]] = {}
    for key, place in sorted(placed.items()):
        is_over = key.endswith("_over")
        pose, yaw = key.removesuffix("_over").rsplit("_", 1)
        view = poses.setdefault(pose, {}).setdefault(f"{int(yaw) / 10:g}", {})
        view |= {"over": place} if is_over else place
    return poses


def _upright_px(height_m: float) -> float:
    """Height in the picture of a vertical line that stands on the anchor."""
    pitch = math.radians(PITCH_DEG)
    cos, sin = math.cos(pitch), math.sin(pitch)
    eye = np.array([0, -DISTANCE_M * cos, AIM_M + DISTANCE_M * sin])
    ends = [np.array([0, 0, z]) - eye for z in (0.0, height_m)]
    down = [PX_PER_M * DISTANCE_M * (end @ [0, -sin, -cos]) / (end @ [0, cos, -sin]) for end in ends]
    return float(down[0] - down[1])


def _sheet(views: Mapping[str, Path], anchor: list[float], path: Path) -> dict[str, dict[str, Any]]:
    """Write a sheet, the tallest views first; gives the place of each."""
    cuts = [cut for key, file in views.items() if (cut := _cut(key, file, anchor))]
    cuts.sort(key=lambda cut: -cut.image.shape[0])
    x = y = _PAD
    row = 0
    placed = {}
    for cut in cuts:
        height, width = cut.image.shape[:2]
        if x + width + _PAD > _WIDTH:
            x, y, row = _PAD, y + row + _PAD, 0
        placed[cut.key] = {"rect": [x, y, width, height], "anchor": cut.anchor, "bbox": cut.box}
        x, row = x + width + _PAD, max(row, height)
    sheet = np.zeros((y + row + _PAD, _WIDTH, 4), np.uint8)
    for cut in cuts:
        left, top, width, height = placed[cut.key]["rect"]
        sheet[top : top + height, left : left + width] = cut.image
    if not cv2.imwrite(str(path), sheet, [cv2.IMWRITE_WEBP_QUALITY, _QUALITY]):
        sys.exit(f"{path}: cannot be written")
    return placed


def _cut(key: str, path: Path, anchor: list[float]) -> _Cut | None:
    """A view cut to what shows; None where nothing does."""
    image: Any = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    image[image[..., 3] < _FAINTEST] = 0
    alpha = image[..., 3]
    if (alpha >= _SOLID).sum() < _LEAST_PX:
        return None
    rows, columns = np.nonzero(alpha)
    left, top, right, bottom = (int(v) for v in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
    if left == 0 or top == 0 or right == alpha.shape[1] or bottom == alpha.shape[0]:
        sys.exit(f"{path}: touches the edge of the picture")
    rows, columns = np.nonzero(alpha[top:bottom, left:right] >= _SOLID)
    box = [int(v) for v in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)]
    at = [round(anchor[0] - left, 2), round(anchor[1] - top, 2)]
    return _Cut(key, _bled(image[top:bottom, left:right]), at, box)


def _bled(image: Any) -> Any:
    """Transparent pixels take the colour of their neighbours, so that lossy coding leaves no dark rim."""
    alpha = image[..., 3].astype(np.float32) / 255
    colour = image[..., :3].astype(np.float32) * alpha[..., None]
    bled = image.copy()
    for size in (3, 9, 21):
        near = cv2.GaussianBlur(alpha, (size, size), 0)[..., None]
        mean = cv2.GaussianBlur(colour, (size, size), 0) / np.maximum(near, 1e-3)
        empty = (bled[..., 3] == 0) & (near[..., 0] > 1e-3) & (bled[..., :3].sum(2) == 0)
        bled[..., :3][empty] = mean[empty].clip(0, 255).astype(np.uint8)
    return bled

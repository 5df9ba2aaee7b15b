"""Render the halls: a background per camera, the layers that may stand before people, `halls.json`.

python -m scripts.render.halls HALL [--out FOLDER] [--raw FOLDER] [--samples N] [--threads N] [--only NAME ...]
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy
import cv2
import numpy as np
from mathutils import Vector

from scripts.render.plans import FIELD_DEG, NEARER, PLANS, SIZE_PX, Camera, Plan, describe
from scripts.render.room import PANE, build

_QUALITY = 92
_FAINTEST = 8
"""Alpha below it is noise of the renderer."""
_MIRROR = "_mirror"
"""Ends the name of the picture of what a pane reflects."""
_TINT = (0.90, 0.91, 0.88)
"""What a pane lets through besides its reflections: blue, green, red."""
_FACES = 4
"""Two panes with a gap between them, as screens of counters have."""
_INDEX = 1.52
"""Refractive index of float glass."""


def main() -> None:
    """Render what is not in the raw folder yet, then pack all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hall", choices=sorted(PLANS))
    parser.add_argument("--out", type=Path, help="where the WebP files and halls.json go; twin/assets/halls/HALL")
    parser.add_argument("--raw", type=Path, default=Path("render-raw"), help="where rendered PNG files are kept")
    parser.add_argument("--samples", type=int, default=24)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=[], help="pictures such as cam1_bg; then nothing is packed")
    given = parser.parse_args()
    raw = given.raw / given.hall
    raw.mkdir(parents=True, exist_ok=True)
    render(PLANS[given.hall], raw, samples=given.samples, threads=given.threads, only=given.only)
    if not given.only:
        pack(PLANS[given.hall], raw, given.out or Path("twin/assets/halls") / given.hall)


def render(plan: Plan, raw: Path, *, samples: int, threads: int, only: Sequence[str] = ()) -> None:
    """Every picture of a hall that is not there yet, as PNG."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    layers = build(plan)
    eye = _set_up(samples, threads)
    objects = [each for each in bpy.data.objects if each.type in {"MESH", "FONT"}]
    occluders = describe(plan)["occluders"]
    glass = [each for o in occluders if o.get("see_through") for each in layers[o["layer"]]]
    for name, camera in plan.cameras.items():
        eye.location = camera.position
        eye.rotation_euler = Vector(camera.matrices()[1][2]).to_track_quat("-Z", "Y").to_euler()
        pictures: list[tuple[str, list[Any] | None, list[Any]]] = [("bg", None, [])]
        for layer in (o["layer"] for o in occluders if o["camera"] == name):
            nearer = [each for other in NEARER.get(layer, ()) for each in layers[other]]
            panes = [each for each in layers[layer] if each in glass and each.name.startswith(PANE)]
            pictures.append((layer, [each for each in layers[layer] if each not in panes], nearer))
            pictures += [(layer + _MIRROR, panes, nearer)] if panes else []
        for what, shown, nearer in pictures:
            path = raw / f"{name}_{what}.png"
            if path.exists() or (only and path.stem not in only):
                continue
            began = time.monotonic()
            _show(objects, shown, nearer, glass)
            _limit(camera, shown)
            bpy.context.scene.render.filepath = str(path)
            bpy.ops.render.render(write_still=True)
            sys.stderr.write(f"{path.stem}: {time.monotonic() - began:.1f} s\n")


def _set_up(samples: int, threads: int) -> Any:
    """Settings of the renderer; gives the camera."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.max_bounces = samples, 4
    scene.cycles.use_denoising, scene.cycles.denoiser = True, "OPENIMAGEDENOISE"
    scene.render.resolution_x, scene.render.resolution_y = SIZE_PX
    scene.render.use_persistent_data = True
    scene.render.threads_mode, scene.render.threads = "FIXED", threads
    scene.view_settings.view_transform = "Standard"
    lens = bpy.data.cameras.new("camera")
    lens.sensor_fit, lens.angle = "HORIZONTAL", math.radians(FIELD_DEG)
    eye = bpy.data.objects.new("camera", lens)
    scene.collection.objects.link(eye)
    scene.camera = eye
    return eye


def _show(objects: Sequence[Any], shown: Sequence[Any] | None, nearer: Sequence[Any], glass: Sequence[Any]) -> None:
    """Everything but glass (None), or a layer before nothing, with what always stands before it cut out.

    Glass is never part of a background: it is painted over whoever is behind it, once. Its panes are mirrors here,
    so they would also keep light from the rest.
    """
    bpy.context.scene.render.film_transparent = shown is not None
    for each in objects:
        each.hide_render = each in glass and (shown is None or each not in shown)
        each.visible_camera = shown is None or each in shown or each in nearer
        each.is_holdout = each in nearer


def _limit(camera: Camera, shown: Sequence[Any] | None) -> None:
    """Render only where a layer is in the picture."""
    settings = bpy.context.scene.render
    settings.use_border, settings.use_crop_to_border = shown is not None, False
    if shown is None:
        return
    bpy.context.view_layer.update()
    k, rotation, offset = camera.matrices()
    corners = np.array([each.matrix_world @ Vector(corner) for each in shown for corner in each.bound_box])
    seen = (corners @ rotation.T + offset) @ k.T
    x, y = seen[:, 0] / seen[:, 2] / SIZE_PX[0], seen[:, 1] / seen[:, 2] / SIZE_PX[1]
    settings.border_min_x, settings.border_max_x = max(0.0, x.min() - 0.01), min(1.0, x.max() + 0.01)
    settings.border_min_y, settings.border_max_y = max(0.0, 0.99 - y.max()), min(1.0, 1.01 - y.min())


def pack(plan: Plan, raw: Path, out: Path) -> None:
    """Crop the layers, write everything as WebP, and `halls.json`."""
    out.mkdir(parents=True, exist_ok=True)
    described = describe(plan)
    for name in plan.cameras:
        _write(out / f"{name}_bg.webp", _read(raw / f"{name}_bg.png")[..., :3])
    for occluder in described["occluders"]:
        layer, camera = occluder["layer"], occluder["camera"]
        picture = _read(raw / f"{camera}_{layer}.png")
        if occluder.get("see_through"):
            picture = _over_glass(picture, _read(raw / f"{camera}_{layer}{_MIRROR}.png"), plan.cameras[camera])
        picture[picture[..., 3] < _FAINTEST] = 0
        rows, columns = np.nonzero(picture[..., 3])
        left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        file = f"{camera}_{layer}.webp"
        _write(out / file, picture[top:bottom, left:right])
        described["layers"][layer] = {
            "file": file,
            "camera": camera,
            "xy": [int(left), int(top)],
            "size": [int(right - left), int(bottom - top)],
        }
    (out / "halls.json").write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")


def _over_glass(frame: Any, mirror: Any, camera: Camera) -> Any:
    """What holds a pane, over the pane: straight alpha, of what comes through tint and reflections."""
    k, rotation, _ = camera.matrices()
    height, width = mirror.shape[:2]
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    rays = np.stack([x, y, np.ones_like(x)], axis=-1) @ np.linalg.inv(k).T @ rotation
    share = _reflected(np.abs(rays[..., 1]) / np.linalg.norm(rays, axis=-1))[..., None]
    glazed = mirror[..., 3:] / 255.0
    through = 1 - glazed + glazed * (1 - share) * np.mean(_TINT)
    # A pane takes a little more of the red: as colour of its own, since alpha is one number.
    own = glazed * (share * mirror[..., :3] + (1 - share) * (np.array(_TINT) - np.mean(_TINT)).clip(0) * 128)
    solid = frame[..., 3:] / 255.0
    alpha = solid + (1 - solid) * (1 - through)
    colour = (solid * frame[..., :3] + (1 - solid) * own) / np.maximum(alpha, 1e-3)
    return np.concatenate([colour, alpha * 255], axis=-1).round().clip(0, 255).astype(np.uint8)


def _reflected(cosine: Any) -> Any:
    """Share of unpolarised light that all faces reflect (Fresnel; Hecht, Optics, section 4.6), without interference."""
    inner = np.sqrt(1 - (1 - cosine**2) / _INDEX**2)
    across = ((cosine - _INDEX * inner) / (cosine + _INDEX * inner)) ** 2
    along = ((_INDEX * cosine - inner) / (_INDEX * cosine + inner)) ** 2
    face = (across + along) / 2
    return _FACES * face / (1 + (_FACES - 1) * face)


def _read(path: Path) -> Any:
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None:
        sys.exit(f"{path}: no picture; render it first")
    return picture


def _write(path: Path, picture: Any) -> None:
    if not cv2.imwrite(str(path), picture, [cv2.IMWRITE_WEBP_QUALITY, _QUALITY]):
        sys.exit(f"{path}: cannot be written")


if __name__ == "__main__":
    main()

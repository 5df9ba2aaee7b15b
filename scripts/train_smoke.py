"""`make train-smoke`: one epoch on a few small pictures of the rendered hall, export, bench, evaluate.

It needs the extra `train`, in an environment of its own. Figures mean nothing here: this is a test that the road can
be travelled.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import cv2

from twin.source import FPS, open_sim

SOURCES = ("sim://lowdesk?camera=cam1", "sim://lowdesk?camera=cam2")


def write_labelled(folder: Path, *, pictures: int, width_px: int, every_s: float = 2.0) -> int:
    """Write images/ and labels/ of so many pictures of each camera, and data.yaml; returns how many people are in them.

    Args:
        folder: made where it is missing.
        pictures: of each camera.
        width_px: of a picture; the height follows.
        every_s: seconds of the story between two pictures.
    """
    people = 0
    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for number, address in enumerate(SOURCES):
        source = open_sim(address)
        width, height = source.size_px
        for i in range(pictures):
            shown = source.rendered(round(i * every_s * FPS) % source.count)
            boxes = [person.box for person in shown.people if person.box is not None]
            lines = [
                f"0 {(x1 + x2) / 2 / width:.6f} {(y1 + y2) / 2 / height:.6f}"
                f" {(x2 - x1) / width:.6f} {(y2 - y1) / height:.6f}"
                for x1, y1, x2, y2 in boxes
            ]
            small = cv2.resize(shown.image, (width_px, round(width_px * height / width)), interpolation=cv2.INTER_AREA)
            name = f"cam{number}_{i:03d}"
            cv2.imwrite(str(folder / "images" / f"{name}.png"), small)
            (folder / "labels" / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            people += len(lines)
    (folder / "data.yaml").write_text("names:\n  0: person\n", encoding="utf-8")
    return people


def smoke(folder: Path, weights: str) -> None:
    """Write pictures, train one epoch on them, export, and let the box's own detector read what came out.

    Raises:
        SystemExit: a step failed.
    """
    people = write_labelled(folder / "labelled", pictures=12, width_px=160)
    sys.stdout.write(f"{people} people in {folder / 'labelled'}\n")
    made = folder / "made"
    for words in (
        ["train", str(folder / "labelled"), "--weights", weights, "--out", str(made), "--epochs", "1", "--size", "160"],
        ["export", str(made / "best.pt"), "--out", str(made / "wide.onnx"), "--size", "160x96"],
        ["export", "yolo26n.yaml", "--out", str(made / "end2end.onnx"), "--size", "160x96", "--end2end"],
        ["bench", str(made / "wide.onnx"), str(made / "end2end.onnx"), "--threads", "1", "--seconds", "0.5"],
        ["evaluate", str(folder / "labelled"), "--model", str(made / "wide.onnx")],
    ):
        sys.stdout.write(f"hallwatch models {' '.join(words)}\n")
        sys.stdout.flush()
        if code := subprocess.run([sys.executable, "-m", "cli.main", "models", *words], check=False).returncode:  # noqa: S603
            sys.exit(code)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="hallwatch-train-") as made_here:
        smoke(Path(made_here), sys.argv[1] if len(sys.argv) > 1 else "yolo11n.yaml")

"""The hall of the rendered clips, with the limits a test wants."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import av
from ruamel.yaml import YAML

from hall.layout import Hall
from hall.load import load_hall

ROOT = Path(__file__).resolve().parents[2]
CLIPS = ROOT / "twin" / "assets" / "clips"
CAMERAS = ("cam1", "cam2")


def hastened(folder: Path, speed: int) -> Path:
    """A folder with the clips, the same pictures in a fraction of the time."""
    for camera in CAMERAS:
        with av.open(str(CLIPS / f"{camera}.mp4")) as slow, av.open(str(folder / f"{camera}.mp4"), "w") as fast:
            stream = fast.add_stream_from_template(slow.streams.video[0])
            for packet in slow.demux(video=0):
                if packet.dts is None or packet.pts is None:
                    continue  # the end
                packet.pts, packet.dts = packet.pts // speed, packet.dts // speed
                packet.stream = stream
                fast.mux(packet)
    return folder


def clip_hall_text(clips: Path = CLIPS, analyse_fps: float | None = None, /, **changes: Any) -> str:
    """twin/assets/clips/hall.yaml with whole blocks replaced, and the clips by their full path.

    The windows' own limits go too, so that the limits of the hall hold everywhere.
    """
    yaml = YAML(typ="rt")
    data = yaml.load((CLIPS / "hall.yaml").read_text(encoding="utf-8"))
    data.update(changes)
    for floor in data["floors"]:
        for camera in floor["cameras"]:
            camera["analyse_fps"] = analyse_fps or camera["analyse_fps"]
            camera["source"] = str(clips / f"{camera['id']}.mp4")
        for item in [*floor["windows"], *floor["zones"]]:
            item.pop("limits", None)
    out = StringIO()
    yaml.dump(data, out)
    return out.getvalue()


def clip_hall(
    folder: Path, clips: Path = CLIPS, analyse_fps: float | None = None, /, **changes: Any
) -> tuple[Path, Hall]:
    """The same as a file, and loaded."""
    path = folder / "hall.yaml"
    path.write_text(clip_hall_text(clips, analyse_fps, **changes), encoding="utf-8")
    return path, load_hall(path)


def clip_truths() -> dict[str, Path]:
    """What was rendered, by camera."""
    return {camera: CLIPS / f"{camera}_truth.json" for camera in CAMERAS}

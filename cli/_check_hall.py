"""Does every camera of a hall see what its file says?"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import typer

from cli.models import model_folders
from edge.pictures import draw_areas
from edge.sources import grab_frame, probe
from hall.errors import InputError, ModelError
from hall.layout import Camera, Floor, Hall
from models.zoo import ModelEntry, resolve
from vision.calibration import Calibration
from vision.zoom import ZoomPlan, looks_of, plan_zoom

_AT_ONCE = 8
"""Cameras opened side by side: a hall with a dead switch must not take a timeout for each of them."""


def check_hall(hall: Hall, out: Path, *, sources: bool, timeout_s: float) -> bool:
    """Say what each camera of a hall sees, and whether all of it is right.

    Args:
        hall: the hall.
        out: folder for the pictures.
        sources: whether cameras are opened; only what the file says is checked otherwise.
        timeout_s: how long a camera has for its first picture.
    """
    typer.echo(_summary(hall))
    model = _model_of(hall) if sources else None
    right = _check_cameras(hall, model, out if sources else None, timeout_s)
    return right and (not sources or model is not None)


def _summary(hall: Hall) -> str:
    counts = {
        "floor": len(hall.floors),
        "camera": sum(len(floor.cameras) for floor in hall.floors),
        "window": sum(len(floor.windows) for floor in hall.floors),
        "zone": sum(len(floor.zones) for floor in hall.floors),
        "entrance": sum(len(floor.entrances) for floor in hall.floors),
    }
    parts = [f"{count} {name}{'' if count == 1 else 's'}" for name, count in counts.items()]
    return f"{hall.hall.id} {hall.hall.name}: {', '.join(parts)}"


def _model_of(hall: Hall) -> ModelEntry | None:
    """The hall's model; one that is not here is told, and None."""
    try:
        return resolve(hall.model, model_folders()).entry
    except ModelError as exc:
        typer.echo(f"model {hall.model}: {exc}", err=True)
        return None


_SHAPE_OFF = 0.03
"""Width over height of two streams may differ by that share: sizes are rounded to whole blocks."""


class _Place(NamedTuple):
    floor: Floor
    camera: Camera


@dataclass(frozen=True, slots=True)
class _Finding:
    """What came of one camera."""

    report: str
    faults: tuple[str, ...] = ()


def _check_cameras(hall: Hall, model: ModelEntry | None, out: Path | None, timeout_s: float) -> bool:
    """Whether every camera is right; says what each one shows, in the order of the file."""
    right = True
    for finding in _look_at_all(hall, model, out, timeout_s):
        if finding.report:
            typer.echo(finding.report)
        for fault in finding.faults:
            typer.echo(fault, err=True)
            right = False
    return right


def _look_at_all(hall: Hall, model: ModelEntry | None, out: Path | None, timeout_s: float) -> Iterator[_Finding]:
    cameras = [_Place(floor, camera) for floor in hall.floors for camera in floor.cameras]
    with ThreadPoolExecutor(min(_AT_ONCE, len(cameras)), thread_name_prefix="check") as pool:
        yield from pool.map(lambda place: _check_camera(place, model, out, timeout_s), cameras)


def _check_camera(place: _Place, model: ModelEntry | None, out: Path | None, timeout_s: float) -> _Finding:
    faults = []
    fitted = None
    if place.camera.floor_points:
        try:
            fitted = Calibration.fit(place.camera.floor_points)
        except InputError as exc:
            faults.append(f"camera {place.camera.id}: {exc}")
    seen = _Finding("") if out is None else _look(place, fitted, model, out, timeout_s)
    if out is not None:
        faults += _substream_faults(place.camera, timeout_s)
    return _Finding(seen.report, (*faults, *seen.faults))


def _substream_faults(camera: Camera, timeout_s: float) -> list[str]:
    """A substream that cannot be opened, or shows the view in another shape: areas would not fit it."""
    if camera.substream is None:
        return []
    try:
        main, sub = (probe(s.get_secret_value(), timeout_s).size_px for s in (camera.source, camera.substream))
    except InputError as exc:
        return [f"camera {camera.id}, substream: {exc}"]
    if min(*main, *sub) > 0 and abs(main[0] / main[1] - sub[0] / sub[1]) > _SHAPE_OFF * main[0] / main[1]:
        shapes = f"found {sub[0]}x{sub[1]} beside {main[0]}x{main[1]}"
        return [f"camera {camera.id}, substream: {shapes}; expected the same view in the same shape"]
    return []


def _look(
    place: _Place, calibration: Calibration | None, model: ModelEntry | None, out: Path, timeout_s: float
) -> _Finding:
    floor, camera = place
    source = camera.source.get_secret_value()
    try:
        fps = probe(source, timeout_s).fps
        image = grab_frame(source, timeout_s)
    except InputError as exc:
        return _Finding("", (f"camera {camera.id}: {exc}",))
    path = out / f"{camera.id}.png"
    rate = "unknown rate" if fps is None else f"{fps:g} fps"
    size_px = image.shape[1], image.shape[0]
    zoom = plan_zoom(looks_of(floor, camera.id), calibration, size_px, model, camera.desk_zoom) if model else ZoomPlan()
    report = f"{camera.id}  {camera.address}  {size_px[0]}x{size_px[1]}  {rate}"
    written = cv2.imwrite(str(path), draw_areas(image, floor, camera.id, zoom))
    shown = [f"{report}  {path}" if written else report, *([_fit(calibration)] if calibration else [])]
    lines = ["  ".join(shown), *(f"  {area}" for area in zoom.areas if area.is_small)]
    fault = f"camera {camera.id}: {path} cannot be written; expected a folder that can"
    return _Finding("\n".join(lines), () if written else (fault,))


def _fit(calibration: Calibration) -> str:
    if calibration.points == 4:
        return "4 floor points, which always fit: a fifth would show the error"
    return f"{calibration.points} floor points, error {calibration.error_m:.2f} m"

"""What the commands of the edge share: the detector of a hall, its recordings."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import cv2
import typer
from onnxruntime import get_available_providers

from cli.models import model_folders
from edge.media import Address, MediaSource, OpenRequest, Picture, SourceInfo
from edge.sources import register_scheme
from hall.errors import InputError
from hall.layout import Hall
from models.providers import installed_names, short_name
from models.zoo import resolve
from vision.detector import Detector

ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="A detector of `hallwatch models list`, instead of the hall file's; auto takes rtmdet-nano-person "
        "where it was pulled, else the one that comes along.",
    ),
]

ProviderOption = Annotated[
    str,
    typer.Option(
        "--provider",
        envvar="HALLWATCH_PROVIDER",
        help="What runs the model: cpu, openvino, cuda or tensorrt; auto takes the best that is there.",
    ),
]

if TYPE_CHECKING:
    from twin.source import SimSource


def open_detector(
    hall: Hall, threads: int, model: str | None = None, provider: str = "auto", *, parallel: int = 1
) -> Detector:
    """The hall's detector, or another, checked and warmed up; says which one it is, and on what it runs.

    Raises:
        ModelError: the model is not what it should be, or the provider is not there.
    """
    cv2.setNumThreads(1)  # cameras and inference share the cores already
    wanted = model or hall.model
    detector = Detector(resolve(wanted, model_folders()), threads=threads, parallel=parallel, providers=[provider])
    asked = f"{wanted}: " if wanted != detector.name else ""
    there = ", ".join(installed_names(get_available_providers()))
    at_work = f"{short_name(detector.provider)} ({'forced' if provider != 'auto' else 'chosen'}; installed: {there})"
    at_a_time = f"{parallel} at a time, " if parallel > 1 else ""
    print(f"detector {asked}{detector.name} on {at_work}, {at_a_time}{threads} thread(s)", file=sys.stderr)
    return detector


def recordings(hall: Hall, given: list[str]) -> dict[str, str]:
    """Recordings by camera id: those given as CAMERA=FILE, else the files and rendered cameras of the hall file.

    Raises:
        InputError: what was given is no CAMERA=FILE.
    """
    chosen: dict[str, str] = {}
    for text in given:
        camera, equals, path = text.partition("=")
        if not equals or not camera or not path:
            raise InputError(f"--source {text}: expected CAMERA=FILE")
        chosen[camera] = path
    if chosen:
        return chosen
    every = [camera for floor in hall.floors for camera in floor.cameras]
    sources = {camera.id: camera.source.get_secret_value() for camera in every}
    return {name: source for name, source in sources.items() if Address(source).scheme in {"file", "sim"}}


class _Rendered:
    """A camera of the twin as the edge knows sources."""

    skipped = 0

    def __init__(self, sim: SimSource) -> None:
        self._sim = sim
        self.info = SourceInfo(sim.size_px, sim.fps, sim.duration_s, "rendered", recorded=True)

    @property
    def busy_s(self) -> float:
        """Seconds spent on rendering so far."""
        return self._sim.busy_s

    def __iter__(self) -> Iterator[Picture]:
        return (Picture(picture.time_s, picture.render) for picture in self._sim)

    def close(self) -> None:
        """Let go of the twin."""
        self._sim.close()


def _open_sim(request: OpenRequest) -> MediaSource:
    from twin.source import open_sim  # noqa: PLC0415 - a box with real cameras needs no twin

    return _Rendered(open_sim(request.address.text, request.cancelled))


def register_sim() -> None:
    """Teach the edge `sim://HALL?camera=…`: cameras of a rendered hall."""
    register_scheme("sim", _open_sim)

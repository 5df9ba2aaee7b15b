"""What the commands of the edge share: the detector of a hall, its recordings."""

from __future__ import annotations

import sys

import cv2

from cli.models import model_folders
from edge.media import Address
from hall.errors import InputError
from hall.layout import Hall
from models.zoo import resolve
from vision.detector import Detector


def open_detector(hall: Hall, threads: int) -> Detector:
    """The hall's detector, checked and warmed up.

    Raises:
        ModelError: the model is not what it should be.
    """
    cv2.setNumThreads(1)  # cameras and inference share the cores already
    detector = Detector(resolve(hall.model, model_folders()), threads=threads)
    print(f"detector {detector.name} on {detector.provider}, {threads} thread(s)", file=sys.stderr)
    return detector


def recordings(hall: Hall, given: list[str]) -> dict[str, str]:
    """Recordings by camera id: those given as CAMERA=FILE, else the files that the hall file names.

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
    return {name: source for name, source in sources.items() if Address(source).scheme == "file"}

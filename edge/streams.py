"""Which stream of a camera a box reads, and why."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr

from edge.zoom import DeskZoom
from hall.layout import Camera


@dataclass(frozen=True, slots=True)
class Stream:
    """One of the two streams of a camera; the reason is for people."""

    source: SecretStr
    reason: str


def choose_stream(camera: Camera, zoom: DeskZoom) -> Stream:
    """The substream where there is one, unless crops need the pixels of the main stream, or the hall file decides."""
    if camera.substream is None:
        return Stream(camera.source, "main stream: there is no other")
    if camera.stream == "main":
        return Stream(camera.source, "main stream: the hall file says so")
    if camera.stream == "sub":
        return Stream(camera.substream, "substream: the hall file says so")
    if zoom.wants_crops:
        return Stream(camera.source, "main stream: crops of it are looked at")
    return Stream(camera.substream, "substream: people are large enough for the model")

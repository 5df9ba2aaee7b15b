"""Which stream of a camera a box reads, and why."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr

from edge.zoom import DeskZoom
from hall.layout import Camera
from hall.messages import StreamName


@dataclass(frozen=True, slots=True)
class Stream:
    """One of the two streams of a camera; the reason is for people."""

    name: StreamName
    source: SecretStr
    reason: str


@dataclass(frozen=True, slots=True)
class Streams:
    """The streams of a camera: the one to read, and the one to read while that fails, where there is one."""

    chosen: Stream
    other: Stream | None

    @property
    def sources(self) -> tuple[SecretStr, SecretStr | None]:
        """Both addresses."""
        return self.chosen.source, None if self.other is None else self.other.source

    def reading(self, because: str | None) -> Stream:
        """What is read.

        Args:
            because: what is wrong with the chosen one; None where that is read.
        """
        if self.other is None or because is None:
            return self.chosen
        return Stream(self.other.name, self.other.source, f"{self.other.reason}: {because}")


def choose_stream(camera: Camera, zoom: DeskZoom) -> Streams:
    """The substream where there is one, unless crops need the pixels of the main stream, or the hall file decides."""
    if camera.substream is None:
        return Streams(Stream("main", camera.source, "main stream: there is no other"), None)
    if camera.stream == "main":
        return _main(camera.source, camera.substream, "the hall file says so")
    if camera.stream == "sub":
        return _sub(camera.source, camera.substream, "the hall file says so")
    if zoom.wants_crops:
        return _main(camera.source, camera.substream, "crops of it are looked at")
    return _sub(camera.source, camera.substream, "people are large enough for the model")


def _main(main: SecretStr, sub: SecretStr, reason: str) -> Streams:
    chosen = Stream("main", main, f"main stream: {reason}")
    return Streams(chosen, Stream("substream", sub, "substream, as the main stream fails"))


def _sub(main: SecretStr, sub: SecretStr, reason: str) -> Streams:
    chosen = Stream("substream", sub, f"substream: {reason}")
    return Streams(chosen, Stream("main", main, "main stream, as the substream fails"))

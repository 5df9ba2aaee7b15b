"""Sources by their scheme: addresses, what is said when nothing is there, schemes of our own."""

from __future__ import annotations

import itertools
import traceback
from pathlib import Path

import numpy as np
import pytest

from edge.capture import open_file
from edge.media import Address, Image, MediaSource, OpenRequest, Picture, Size, SourceInfo, shrink_to
from edge.sources import grab_frame, open_source, probe, register_scheme
from hall.errors import SourceError
from tests.support.servers import free_port
from tests.support.videos import encode

START = 1_767_600_000.0


def test_a_file_address(tmp_path: Path) -> None:
    video = encode(tmp_path / "一号 窗口.mp4", count=10)
    assert probe(video.as_uri()).size_px == (160, 96)
    with pytest.raises(SourceError, match="found host 'nas'"):
        probe(f"file://nas{video}")


def test_grab_frame_is_the_first_picture_in_full_size(clips: Path) -> None:
    image = grab_frame(str(clips / "cam1.mp4"))
    assert image.shape == (720, 1280, 3)
    assert image.dtype == np.uint8
    assert image.std() > 10


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("gopher://u:geheim@host/x", "found scheme gopher://; expected a file, a device number, or one of .*rtsp://"),
        ("", "found nothing"),
        ("93", "found no such file or directory; expected a video device"),
        ("/dev/video93", "found no such file or directory; expected a video device"),
        ("rtsp://u:geheim@127.0.0.1:{port}/x?key=geheim", "found connection refused; expected a camera that"),
        ("http://u:geheim@127.0.0.1:{port}/x", "found connection refused; expected a camera that"),
    ],
)
def test_sources_that_are_not_there(source: str, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        grab_frame(source.format(port=free_port()), timeout_s=2)
    trace = "".join(traceback.format_exception(caught.value))
    assert "geheim" not in trace
    assert caught.value.__context__ is None, "libav's own error carries the whole address"


def test_an_address_never_shows_its_password() -> None:
    address = Address("rtsp://admin:geheim@10.0.0.1/sub?token=geheim")
    assert "geheim" not in f"{address} {address!r} {OpenRequest(address)!r} {[address]}"
    assert "10.0.0.1/sub" in str(address)


class Drawn:
    """A source that draws its pictures, as the twin does."""

    info = SourceInfo((40, 30), 10.0, 2.0, "drawn", recorded=True)
    skipped = 0
    busy_s = 0.0

    def __init__(self) -> None:
        self.closed = False

    def __iter__(self) -> itertools.starmap[Picture]:
        return itertools.starmap(self._picture, ((k,) for k in range(20)))

    def _picture(self, number: int) -> Picture:
        def render(fit: Size | None) -> Image:
            width, height = shrink_to((40, 30), fit)
            return np.full((height, width, 3), number, np.uint8)

        return Picture(number / 10, render)

    def close(self) -> None:
        self.closed = True


def open_drawn(request: OpenRequest) -> MediaSource:
    assert request.address.text == "drawn://hall?seed=1"
    return Drawn()


def test_a_scheme_of_our_own() -> None:
    register_scheme("drawn", open_drawn)
    register_scheme("drawn", open_drawn)
    frames = list(open_file("c1", "drawn://hall?seed=1", analyse_fps=5, start=START, fit=(20, 20)))
    assert [int(frame.image[0, 0, 0]) for frame in frames] == list(range(0, 20, 2))
    assert frames[1].captured_at == START + 0.2
    assert frames[0].size_px == (20, 15)
    with pytest.raises(ValueError, match="'rtsp' is taken"):
        register_scheme("rtsp", open_drawn)


def test_replay_needs_a_timeline() -> None:
    class Live(Drawn):
        info = SourceInfo((40, 30), 10.0, None, "drawn", recorded=False)

    opened: list[Live] = []

    def opener(request: OpenRequest) -> MediaSource:
        opened.append(Live())
        return opened[-1]

    register_scheme("alive", opener)
    with pytest.raises(SourceError, match="found a live source; expected a recording"):
        open_file("c1", "alive://x", analyse_fps=5, start=0.0)
    assert opened[0].closed
    assert open_source(OpenRequest(Address("alive://x"))).info.fps == 10.0

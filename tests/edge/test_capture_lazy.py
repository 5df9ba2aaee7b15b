"""What is decoded of a live camera, and when."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edge import _libav
from edge._reader import REST_EVERY_S, Due, Pace
from edge.media import Address, Image, LazySource, OpenRequest
from edge.sources import open_source
from hall.clock import ManualClock
from tests.support.videos import encode, index_of

Wants = Callable[[bool], bool]


def moving_noise(path: Path, *, gop: int, count: int = 60) -> Path:
    """A coarsely coded pattern that moves, 25 pictures a second: something to deblock."""
    pattern = np.random.default_rng(1).integers(0, 255, (30, 40, 3), np.uint8)
    big = np.asarray(cv2.resize(pattern, (480, 360), interpolation=cv2.INTER_CUBIC), np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.codec_context.gop_size = gop
        stream.codec_context.options = {"preset": "veryfast", "bf": "0", "qp": "34", "threads": "1"}
        for k in range(count):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(big[k : k + 240, k : k + 320]), format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def last_picture(video: Path, *, coarse: bool) -> Image:
    source = open_source(OpenRequest(Address(str(video)), coarse=lambda _size: coarse))
    assert isinstance(source, LazySource)
    images = [picture.render((80, 60)) for picture in source.follow(lambda _key: True)]
    source.close()
    return images[-1]


def test_pictures_that_are_shrunk_are_not_deblocked(tmp_path: Path) -> None:
    video = moving_noise(tmp_path / "a.mp4", gop=25)
    exact, coarse = (last_picture(video, coarse=coarse).astype(float) for coarse in (False, True))
    off = np.abs(exact - coarse)
    assert 0 < off.mean() < 2.5, "a little else, which nobody sees at this size"


def test_where_key_frames_are_far_apart_they_are(tmp_path: Path) -> None:
    """What is left out adds up until the next one."""
    video = moving_noise(tmp_path / "a.mp4", gop=57, count=118)
    assert np.array_equal(last_picture(video, coarse=False), last_picture(video, coarse=True))


@pytest.mark.parametrize("coarse", [False, True])
def test_one_decoder_at_a_time(tmp_path: Path, *, coarse: bool) -> None:
    """Each keeps some whole pictures, which are most of the memory of a camera."""
    source = open_source(
        OpenRequest(Address(str(moving_noise(tmp_path / "a.mp4", gop=25))), coarse=lambda _size: coarse)
    )
    assert isinstance(source, _libav._AvSource)
    assert len(list(source.follow(lambda _key: True))) == 60
    assert not source._stream.codec_context.is_open
    source.close()


def follow(video: Path, due: Wants) -> Iterator[tuple[float, int, int]]:
    """Time and number of each picture, and how many had come by then."""
    source = open_source(OpenRequest(Address(str(video))))
    assert isinstance(source, LazySource)
    for picture in source.follow(due):
        yield picture.time_s, index_of(picture.render(None)), source.received
    source.close()


def nth(*numbers: int) -> Wants:
    """Whether it is the turn of a packet."""
    counted = iter(range(1000))
    return lambda _key: next(counted) in numbers


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each packet that was decoded is a key frame."""
    packets: list[bool] = []
    kept = _libav._AvSource._decode

    def decode(self: _libav._AvSource, packet: av.Packet) -> list[av.VideoFrame]:  # type: ignore[type-arg]
        packets.append(packet.is_keyframe)
        return kept(self, packet)

    monkeypatch.setattr(_libav._AvSource, "_decode", decode)
    return packets


def test_pictures_that_are_due_are_those_of_the_stream(tmp_path: Path, decoded: list[bool]) -> None:
    video = encode(tmp_path / "a.mp4", count=30, gop=10)
    found = list(follow(video, nth(0, 7, 13, 29)))
    assert [(round(time_s, 1), number) for time_s, number, _ in found] == [(0.0, 0), (0.7, 7), (1.3, 13), (2.9, 29)]
    assert [received for *_, received in found] == [1, 8, 14, 30]
    assert len(decoded) == 8 + 4 + 10, "what a key frame has overtaken is left alone"


def test_key_frames_alone(tmp_path: Path, decoded: list[bool]) -> None:
    video = encode(tmp_path / "a.mp4", count=30, gop=10)
    assert [number for _, number, _ in follow(video, lambda key: key)] == [0, 10, 20]
    assert decoded == [True] * 3


def test_b_frames_come_a_little_later_but_come(tmp_path: Path) -> None:
    video = encode(tmp_path / "a.mp4", count=40, gop=10, b_frames=2)
    owed = False
    asked: list[int] = []

    def due(_key: bool) -> bool:
        nonlocal owed
        asked.append(len(asked))
        owed = owed or (len(asked) - 1) % 8 == 0
        return owed

    found = []
    for time_s, number, _ in follow(video, due):
        owed = False
        found.append((round(time_s * 10), number))
    assert len(found) >= 5
    assert all(time == number for time, number in found), "each picture with the time it was taken"
    assert [number for _, number in found] == sorted(number for _, number in found)


def test_a_stream_that_nobody_looks_at_for_long_is_decoded_now_and_then(tmp_path: Path, decoded: list[bool]) -> None:
    """Else the picture that is wanted at last would be late."""
    video = encode(tmp_path / "a.mp4", count=50, gop=100)
    list(follow(video, lambda _key: False))
    assert len(decoded) == 50


def due_times(due: Due, clock: ManualClock, seconds: float, key_every: int, fps: int = 25) -> list[float]:
    found, start = [], clock.now()
    for k in range(int(seconds * fps)):
        if due(k % key_every == 0):
            due.came()
            found.append(round(clock.now() - start, 2))
        clock.advance(1 / fps)
    return found


def test_cameras_of_one_box_take_turns() -> None:
    times = []
    for phase in (0.0, 0.5):
        clock = ManualClock(1000.0)
        times.append(due_times(Due(Pace(2.0, phase), clock, 25.0), clock, 3, 50))
    assert times[0][:3] == [0.0, 0.48, 1.0]
    assert times[1][:3] == [0.0, 0.24, 0.76], "at once first, then in its own turn"


def test_while_it_rests_key_frames_are_enough() -> None:
    clock, pace = ManualClock(1000.0), Pace(2.0)
    due = Due(pace, clock, 25.0)
    pace.resting = True
    assert due_times(due, clock, 6, 25) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert due_times(due, clock, 2, 5)[1:] == [0.6, 1.0, 1.6], "no more than are wanted"
    far = due_times(due, clock, 8, 10_000)
    assert max(b - a for a, b in itertools.pairwise(far)) <= REST_EVERY_S + 0.04, "key frames far apart"
    pace.resting = False
    assert len(due_times(due, clock, 3, 10_000)) == 6


def test_a_picture_that_cannot_be_shown_yet_is_asked_for_again() -> None:
    clock = ManualClock(1000.0)
    due = Due(Pace(2.0), clock, 25.0)
    assert due(True)
    clock.advance(0.04)
    assert due(False), "none came yet"
    due.came()
    clock.advance(0.04)
    assert not due(False)

"""How many cameras a box holds: the search, the streams, and a short look at two real RTSP cameras."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import av
import pytest

from cli._density import CLIPS, hall_text, most
from cli.models import model_folders
from edge.density import DensityJob, Load, measure_box, measure_limit
from hall.load import parse_hall
from twin.streams import make_stream, rtsp_cameras

CLIP = Path(__file__).parents[2] / "twin" / "assets" / "clips"


def load(number: int, *, kept_up: bool) -> Load:
    return Load(number, 1.0 if kept_up else 0.9, 1.0, 0.1, 0.1 * number, {})


@pytest.mark.parametrize("guess", [None, 1, 7, 30, 128])
@pytest.mark.parametrize("capacity", [0, 1, 7, 23, 60])
def test_the_most_cameras(capacity: int, guess: int | None) -> None:
    tried: list[int] = []

    def measure(number: int) -> Load:
        tried.append(number)
        return load(number, kept_up=number <= capacity)

    found = most(measure, guess)
    assert capacity - max(1, capacity // 20) < found.cameras <= capacity or found.cameras == capacity
    assert len(tried) < 45


def test_a_number_fails_only_twice() -> None:
    """Somebody else on the machine took the first look at four cameras away."""
    seen: list[int] = []

    def measure(number: int) -> Load:
        seen.append(number)
        return load(number, kept_up=number <= 5 and seen != [4])

    assert most(measure, 4).cameras == 5


def test_a_hall_of_many_cameras() -> None:
    hall = parse_hall(hall_text(["rtsp://127.0.0.1/a", "rtsp://127.0.0.1/b", "rtsp://127.0.0.1/c"], 2.0))
    floor = hall.floors[0]
    assert [camera.analyse_fps for camera in floor.cameras] == [2.0] * 3
    assert len(floor.windows) == 6
    assert [zone.areas[0].camera for zone in floor.zones] == ["c1", "c1"]


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Four seconds of each clip, small."""
    folder = tmp_path_factory.mktemp("streams")
    made = [folder / f"{clip}.mp4" for clip in CLIPS]
    for clip, out in zip(CLIPS, made, strict=True):
        make_stream(CLIP / f"{clip}.mp4", out, size_px=(320, 180), fps=10, bit_rate=200_000, duration_s=4.0)
    return made


def test_a_stream_is_like_that_of_a_camera(streams: list[Path]) -> None:
    """No B-frames, a key frame every two seconds, no two pictures alike though the clip has fewer."""
    with av.open(str(streams[0])) as container:
        frames = list(container.decode(container.streams.video[0]))
    assert len(frames) == 40
    assert {av.video.frame.PictureType(frame.pict_type).name for frame in frames} == {"I", "P"}
    assert [i for i, frame in enumerate(frames) if frame.key_frame][:2] == [0, 20]
    assert all((a.to_ndarray() != b.to_ndarray()).any() for a, b in pairwise(frames))


def test_box_and_limit_on_real_cameras(streams: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two cameras are no load: every picture is decoded, every frame looked at, by both."""
    monkeypatch.chdir(tmp_path)
    with rtsp_cameras(streams) as addresses:
        hall = hall_text(addresses, 2.0)
        job = DensityJob(hall, 10.0, 2.0, 2.0, "default", model_folders(), provider="cpu", warm_s=1.0)
        for measure in (measure_limit, measure_box):
            found = measure(job)
            assert found.cameras == 2
            assert found.received > 0.5
            assert found.analysed > 0.5
            assert found.stages["inference"] > 0
            assert found.stages["decode"] > 0

"""The choice between main stream and substream."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.streams import choose_stream
from edge.zoom import DeskZoom
from hall.errors import ConfigError
from hall.load import load_hall, parse_hall
from models.zoo import load_zoo

HALL = """\
hall: {id: test, name: 测试大厅}
floors:
  - id: f1
    cameras:
      - {id: c1, source: "rtsp://cam/main"EXTRA}
    windows:
      - {id: w1, label: "1", camera: c1, clerk_area: AREA}
"""
SMALL, LARGE = "[[0.3, 0.4], [0.4, 0.4], [0.4, 0.6], [0.3, 0.6]]", "[[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]]"
SUB = ', substream: "rtsp://cam/sub"'


@pytest.mark.parametrize(
    ("extra", "area", "taken", "why"),
    [
        ("", LARGE, "main", "there is no other"),
        (SUB, LARGE, "sub", "large enough"),
        (SUB, SMALL, "main", "crops of it"),
        (SUB + ", stream: sub", SMALL, "sub", "the hall file says so"),
        (SUB + ", stream: main", LARGE, "main", "the hall file says so"),
        (SUB + ", desk_zoom: off", SMALL, "sub", "large enough"),
    ],
)
def test_which_and_why(extra: str, area: str, taken: str, why: str) -> None:
    floor = parse_hall(HALL.replace("EXTRA", extra).replace("AREA", area)).floors[0]
    model = load_zoo().named("nanodet-g_416_int8")
    streams = choose_stream(floor.cameras[0], DeskZoom(floor.cameras[0], floor, None, model))
    assert streams.chosen.source.get_secret_value() == f"rtsp://cam/{taken}"
    assert streams.chosen.name == ("main" if taken == "main" else "substream")
    assert why in streams.chosen.reason
    assert streams.reading(None) == streams.chosen
    assert (streams.other is None) == (not extra)
    if streams.other is not None:
        assert {source.get_secret_value() for source in streams.sources if source} == {
            "rtsp://cam/main",
            "rtsp://cam/sub",
        }
        assert streams.reading("refused") == streams.other.__class__(
            streams.other.name, streams.other.source, f"{streams.other.reason}: refused"
        )


def test_a_substream_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match="a `substream` for `stream: sub`"):
        parse_hall(HALL.replace("EXTRA", ", stream: sub").replace("AREA", LARGE))


def test_a_substream_that_is_a_file_starts_at_the_hall_file_and_is_a_secret(tmp_path: Path) -> None:
    (tmp_path / "hall.yaml").write_text(HALL.replace("EXTRA", ", substream: small.mp4").replace("AREA", LARGE))
    camera = load_hall(tmp_path / "hall.yaml").floors[0].cameras[0]
    assert camera.substream is not None
    assert camera.substream.get_secret_value() == str(tmp_path / "small.mp4")
    assert "small.mp4" not in repr(camera)

"""The areas of one camera, read from a hall file and put back into its text."""

from __future__ import annotations

import difflib
from pathlib import Path

import msgspec
import pytest

from hall.areas import CameraAreas, EntranceLine, WindowAreas, ZoneAreas, areas_of, with_areas
from hall.errors import InputError
from hall.load import Anything, parse_hall, plain_values
from hall.masking import has_secret, portable, shown
from hall.patch import patched

DOCS = Path(__file__).parents[2] / "docs" / "hall-yaml.md"
FILE = DOCS.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
"""The example of docs/hall-yaml.md: two cameras, a window that both see, comments."""
SQUARE = [(0.1, 0.1), (0.2, 0.1), (0.2, 0.2)]


def written(camera: str, areas: CameraAreas, text: str = FILE) -> str:
    """The text with these areas, which is a right hall file."""
    made = patched(text, with_areas(plain_values(text), "f1", camera, areas))
    parse_hall(made, environ=Anything())
    assert areas_of(plain_values(made), "f1", camera) == areas
    return made


def lines(after: str, before: str = FILE) -> list[str]:
    found = difflib.ndiff(before.splitlines(), after.splitlines())
    return [f"{line[0]} {line[2:].strip()}" for line in found if line[:2] in {"- ", "+ "}]


def areas(camera: str = "c1", text: str = FILE) -> CameraAreas:
    return areas_of(plain_values(text), "f1", camera)


def test_each_camera_has_its_own_polygons() -> None:
    first, second = areas("c1"), areas("c2")
    assert [w.id for w in first.windows] == [w.id for w in second.windows] == ["w01", "w02", "w03"]
    assert [w.clerk is None for w in first.windows] == [False, False, True]
    assert [w.clerk is None for w in second.windows] == [True, False, True]
    assert second.windows[1].clerk == [(0.80, 0.10), (0.90, 0.10), (0.90, 0.30), (0.80, 0.30)]
    assert (first.entrances, [e.id for e in second.entrances]) == ([], ["door"])
    assert (len(first.floor_points), len(second.floor_points)) == (5, 0)
    assert first.zones[0].polygon is None


def test_what_is_put_back_as_it_was_changes_nothing() -> None:
    for camera in ("c1", "c2"):
        assert patched(FILE, with_areas(plain_values(FILE), "f1", camera, areas(camera))) == FILE


def test_a_corner_moves_where_two_cameras_see_it() -> None:
    """In the file the window has one polygon for each of them."""
    changed = areas("c2")
    assert changed.windows[1].clerk is not None
    changed.windows[1].clerk[0] = (0.75, 0.12345)
    with pytest.raises(AssertionError):
        written("c2", changed)  # four digits are written
    changed.windows[1].clerk[0] = (0.75, 0.1234)
    assert lines(written("c2", changed)) == [
        "- - {camera: c2, polygon: [[0.80, 0.10], [0.90, 0.10], [0.90, 0.30], [0.80, 0.30]]}",
        "+ - {camera: c2, polygon: [[0.75, 0.1234], [0.90, 0.10], [0.90, 0.30], [0.80, 0.30]]}",
    ]


def test_a_window_of_another_camera_is_seen_here_too() -> None:
    changed = areas("c2")
    changed.windows[0].customer = SQUARE
    assert lines(written("c2", changed)) == [
        "- customer_area: [[0.10, 0.61], [0.31, 0.61], [0.29, 0.90], [0.05, 0.90]]",
        "+ customer_area: [{polygon: [[0.1, 0.61], [0.31, 0.61], [0.29, 0.9], [0.05, 0.9]]}, "
        "{camera: c2, polygon: [[0.1, 0.1], [0.2, 0.1], [0.2, 0.2]]}]",
    ]


def test_new_ones_are_written_in_the_manner_of_the_file() -> None:
    changed = areas("c2")
    changed.windows.append(WindowAreas(id="w04", label="4号窗口", clerk=SQUARE))
    changed.zones.append(ZoneAreas(id="quiet", label="静候区", serves=["w04"], polygon=SQUARE))
    changed.entrances.append(EntranceLine(id="side", label="侧门", line=[(0, 0.5), (0.1, 1)]))
    changed.floor_points += [((x, y), (x * 9, y * 4)) for x in (0.25, 0.75) for y in (0.5, 1.0)]
    assert lines(written("c2", changed)) == [
        '- - {id: c2, source: "rtsp://hallwatch:${CAM_PW}@10.0.0.12/sub"}',
        '+ - {id: c2, source: "rtsp://hallwatch:${CAM_PW}@10.0.0.12/sub", floor_points: [[[0.25, 0.5], [2.25, 2]], '
        "[[0.25, 1], [2.25, 4]], [[0.75, 0.5], [6.75, 2]], [[0.75, 1], [6.75, 4]]]}",
        "+ - {id: w04, label: 4号窗口, camera: c2, clerk_area: [[0.1, 0.1], [0.2, 0.1], [0.2, 0.2]]}",
        "+ - {id: quiet, label: 静候区, kind: waiting, serves: [w04], "
        "areas: [{camera: c2, polygon: [[0.1, 0.1], [0.2, 0.1], [0.2, 0.2]]}]}",
        "+ - {id: side, label: 侧门, camera: c2, line: [[0, 0.5], [0.1, 1]]}",
    ]


def test_names_change_and_what_goes_takes_its_lines_with_it() -> None:
    changed = areas("c1")
    changed.windows[0].label = "社保 1号"
    changed.windows[1].customer = None
    changed.zones[0].serves = ["w01"]
    del changed.windows[2]
    changed.floor_points = []
    assert lines(written("c1", changed)) == [
        "- floor_points:              # where a point of the picture is on the plan",
        "- - [[0.12, 0.80], [2.0, 9.5]]",
        "- - [[0.88, 0.80], [8.0, 9.5]]",
        "- - [[0.70, 0.45], [8.0, 13.0]]",
        "- - [[0.30, 0.45], [2.0, 13.0]]",
        "- - [[0.50, 0.60], [5.0, 11.3]]",
        "- label: 1号窗口",
        "+ label: 社保 1号",
        "- customer_area: [[0.40, 0.61], [0.60, 0.61], [0.61, 0.90], [0.39, 0.90]]",
        "- - {id: w03, label: 自助终端, camera: c2, staffed: false,",
        "- customer_area: [[0.58, 0.30], [0.64, 0.30], [0.64, 0.45], [0.58, 0.45]]}",
        "- - {id: waiting, label: 等候区, kind: waiting, serves: [w01, w02],",
        "+ - {id: waiting, label: 等候区, kind: waiting, serves: [w01],",
    ]


def test_points_that_were_more_exact_stay_so() -> None:
    text = FILE.replace("[0.15, 0.33], [0.27, 0.33]", "[0.1500001, 0.33], [0.27, 0.33]")
    changed = areas(text=text)
    assert changed.windows[0].clerk is not None
    changed.windows[0].clerk[1] = (0.28, 0.33)
    made = patched(text, with_areas(plain_values(text), "f1", "c1", changed))
    assert "clerk_area: [[0.1500001, 0.33], [0.28, 0.33], [0.27, 0.56], [0.15, 0.56]]" in made


def test_faults_can_be_put_in_and_are_told_by_the_check() -> None:
    """What is drawn halfway is written too, and no file is made of it: the check says what is wrong."""
    changed = areas("c2")
    changed.zones[0].polygon = [(0.1, 0.1), (0.9, 0.9)]
    text = patched(FILE, with_areas(plain_values(FILE), "f1", "c2", changed))
    with pytest.raises(InputError, match=r"zones\[0\].areas\[0\].polygon .*a polygon of at least 3 points"):
        parse_hall(text, environ=Anything())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (FILE, "floor f1, camera c9"),
        (FILE.replace("[[0.15, 0.33],", "[[here, 0.33],"), "cannot be drawn"),
        (FILE.replace("id: w01", "ide: w01"), "without an id"),
    ],
)
def test_what_cannot_be_drawn(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        areas_of(plain_values(text), "f1", "c9" if "c9" in words else "c1")


def test_an_id_twice() -> None:
    changed = areas()
    changed.windows.append(msgspec.structs.replace(changed.windows[0]))
    with pytest.raises(InputError, match="id w01 a second time"):
        with_areas(plain_values(FILE), "f1", "c1", changed)


@pytest.mark.parametrize(
    ("address", "secret"),
    [
        ("rtsp://hallwatch:${CAM_PW}@10.0.0.11/sub", False),
        ("rtsp://${CAM_USER}:${CAM_PW}@10.0.0.11/sub", False),
        ("rtsp://${CAM_LOGIN}@10.0.0.11/sub", False),
        ("rtsp://10.0.0.11/cam/realmonitor?channel=1&subtype=0", False),
        ("rtsp://u:${PW}@10.0.0.11/s?channel=1&unicast=true", False),
        ("sim://lowdesk?camera=cam1&story=round", False),
        ("morning.mp4", False),
        ("rtsp://admin:12345@10.0.0.11/sub", True),
        ("rtsp://admin:a${X}@10.0.0.11/sub", True),
        ("rtsp://TOKEN@10.0.0.11/sub", True),
        ("http://10.0.0.11/video?user=u&pwd=secret", True),
        ("http://10.0.0.11/video?a@b", True),
        ("admin:12345@10.0.0.11/sub", True),
    ],
)
def test_secrets_in_addresses(address: str, secret: bool) -> None:
    assert has_secret(address) is secret


SECRETS = """\
# before: rtsp://admin:old1@10.0.0.1/ and rtsp://v:${PW}@10.0.0.1/
cameras: [{id: c1, source: "rtsp://admin:pa:ss@10.0.0.1/sub", substream: 'rtsp://v:${PW}@10.0.0.1/2'},
  {id: c2, source: http://10.0.0.2/v?pwd=geheim}]
"""


def test_nobody_sees_a_login() -> None:
    text = shown(SECRETS)
    assert [word for word in ("old1", "pa:ss", "admin", "geheim", "${PW}") if word in text] == []
    assert text.count("\n") == SECRETS.count("\n")
    assert "id: c2" in text
    assert plain_values(text)["cameras"][0]["source"] == "rtsp://***@10.0.0.1/sub"


def test_a_copy_to_take_along_has_variables_for_secrets() -> None:
    assert portable(FILE) == FILE
    text = portable(SECRETS)
    assert [word for word in ("old1", "pa:ss", "geheim") if word in text] == []
    first, second = plain_values(text)["cameras"]
    assert (first["source"], first["substream"]) == ("${SOURCE_1}", "rtsp://v:${PW}@10.0.0.1/2")
    assert second["source"] == "${SOURCE_3}"
    assert "rtsp://v:${PW}@10.0.0.1/" in text.splitlines()[0]

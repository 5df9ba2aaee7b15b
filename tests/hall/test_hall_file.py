"""hall.yaml: what is wrong is said at once, with path, line, what was found and what would be right."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hall.errors import ConfigError, Fault, InputError
from hall.load import load_hall, parse_hall, show_path
from tests.support.halls import ENVIRON, HALL_YAML, changed

CLERK = "[[0.1, 0.1], [0.3, 0.1], [0.3, 0.3]]"


def faults_of(text: str) -> tuple[Fault, ...]:
    with pytest.raises(ConfigError) as caught:
        parse_hall(text, environ=ENVIRON)
    return caught.value.faults


def test_a_right_file_has_no_fault() -> None:
    hall = parse_hall(HALL_YAML, environ=ENVIRON)
    assert [window.label for _, window in hall.windows()] == ["1号窗口"]


ONE_FAULT = [
    # A letter slips: the key that was meant is named.
    ("limits: {long_wait", "limits: {longwait", "limits.longwait", 6, "unknown key longwait", "long_wait"),
    # A key that resembles none: all of its block are named.
    ("label: 1号窗口", "label: A\n        colour: red", "floors[0].windows[0].colour", 15, "colour", "session"),
    # The whole block has a wrong name.
    ("limits: {", "limit: {", "limit", 6, "the unknown key limit", "limits"),
    # Day keys share their block with `holidays`: a slip there is a slip, not a weekday.
    ("holidays: CN", "hollidays: CN", "hours.hollidays", 4, "the unknown key hollidays", "holidays"),
    ("mon-fri:", "mon-fry:", "hours.mon-fry", 3, "the unknown key mon-fry", "weekdays such as mon-fri"),
    # `days` is our own field for the day keys and means nothing in the file.
    ("holidays: CN", "days: {}", "hours.days", 4, "'days'", "weekdays such as mon-fri"),
    # A key is missing.
    ("        label: 1号窗口\n", "", "floors[0].windows[0].label", 13, "nothing", "this key"),
    # A key without its value.
    ("limits: {long_wait: 30min}", "limits:", "limits", 6, "nothing", "a block of keys"),
    # Two points make no polygon, one number no point, three numbers neither.
    (CLERK, "[[0.1, 0.1], [0.3, 0.1]]", "floors[0].windows[0].clerk_area", 16, "[[0.1", "at least 3 points"),
    (CLERK, "[]", "floors[0].windows[0].clerk_area", 16, "[]", "at least 3 points"),
    ("[0.3, 0.3]]", "[0.3]]", "floors[0].windows[0].clerk_area[2][1]", 16, "nothing", "a pair [x, y]"),
    ("[0.3, 0.3]]", "[0.3, 0.3, 0]]", "floors[0].windows[0].clerk_area[2]", 16, "[0.3, 0.3, 0]", "a pair"),
    ("[0.3, 0.3]]", "[0.3, left]]", "floors[0].windows[0].clerk_area[2][1]", 16, "'left'", "a number"),
    # A bow tie: corners in the wrong order.
    (
        CLERK,
        "[[0.1, 0.1], [0.3, 0.3], [0.3, 0.1], [0.1, 0.3]]",
        "floors[0].windows[0].clerk_area",
        16,
        "[[0.1",
        "does not cross itself (edges 0 and 2 do)",
    ),
    # All corners on one line.
    (CLERK, "[[0.1, 0.1], [0.2, 0.2], [0.3, 0.3]]", "floors[0].windows[0].clerk_area", 16, "[[0.1", "an area"),
    # A point beside the picture: pixels where fractions belong, or a slip of the mouse.
    ("[0.3, 0.3]]", "[192, 0.3]]", "floors[0].windows[0].clerk_area[2][0]", 16, "192", "from 0 to 1"),
    ("[1, 1], [0, 1]]", "[1, 1], [0, -0.1]]", "floors[0].zones[0].areas[0].polygon[3][1]", 22, "-0.1", "0 to 1"),
    ("[0.4, 0.9]]", "[0.4, 1.9]]", "floors[0].entrances[0].line[1][1]", 24, "1.9", "from 0 to 1"),
    # No number at all, written so that YAML takes it for one.
    ("[0.3, 0.3]]", "[0.3, .nan]]", "floors[0].windows[0].clerk_area[2][1]", 16, "nan", "number"),
    # A line of no length.
    ("line: [[0.1, 0.9], [0.4, 0.9]]", "line: [[0, 0], [0, 0]]", "floors[0].entrances[0]", 24, "line", "two diff"),
    # A camera that the floor does not have: of a window, a zone's area, an entrance, one area of a window.
    ("        camera: c1", "        camera: c9", "floors[0].windows[0].camera", 15, "'c9'", "one of c1, c2"),
    ("{camera: c2, poly", "{camera: c9, poly", "floors[0].zones[0].areas[0].camera", 22, "'c9'", "one of c1, c2"),
    ("id: door, camera: c2", "id: door, camera: c9", "floors[0].entrances[0].camera", 24, "'c9'", "one of c1, c2"),
    (CLERK, f"[{{camera: c9, polygon: {CLERK}}}]", "floors[0].windows[0].clerk_area[0].camera", 16, "c9", "c1, c2"),
    # A zone has no camera of its own, so its areas must name theirs.
    ("{camera: c2, poly", "{poly", "floors[0].zones[0].areas[0]", 22, "without a camera", "the id of the camera"),
    # A window that is not there.
    ("serves: [w01]", "serves: [w02]", "floors[0].zones[0].serves[0]", 20, "window 'w02'", "one of w01"),
    # Two polygons of one area in the same camera.
    (
        CLERK,
        f"[{{polygon: {CLERK}}}, {{camera: c1, polygon: {CLERK}}}]",
        "floors[0].windows[0].clerk_area[1]",
        16,
        "a second polygon in camera c1",
        "one polygon for each camera",
    ),
    # One id twice.
    (
        "hall.mp4}",
        "hall.mp4}\n      - {id: c1, source: b.mp4}",
        "floors[0].cameras[2].id",
        12,
        "'c1' a second time",
        "no other camera",
    ),
    # An id that no topic can hold.
    ("id: demo", "id: a/b", "hall.id", 1, "'a/b'", "letters, digits"),
    ("id: demo", "id: 12", "hall.id", 1, "12", "text"),
    # Durations: without a unit, with an unknown one, of no length, negative, a fraction without a unit, endless.
    ("30min", "30", "limits.long_wait", 6, "30", "a number with a unit"),
    ("30min", "0.5", "limits.long_wait", 6, "0.5", "a number with a unit"),
    ("30min", "30days", "limits.long_wait", 6, "'30days'", "a number with a unit"),
    ("30min", "0s", "limits.long_wait", 6, "'0s'", "longer than zero"),
    ("30min", "-5min", "limits.long_wait", 6, "'-5min'", "a number with a unit"),
    ("30min", "9" * 400 + "h", "limits.long_wait", 6, "999", "a duration that ends"),
    ("30min", ".inf", "limits.long_wait", 6, "inf", "a number with a unit"),
    # Hours: no minutes, an hour that no day has, an end that is the start, one text instead of a list.
    ('"13:30-17:30"', '"13-17"', "hours.mon-fri[1]", 3, "'13-17'", 'hours such as "09:00-12:00"'),
    ('"13:30-17:30"', '"13:30-25:00"', "hours.mon-fri[1]", 3, "'13:30-25:00'", "hours such as"),
    ('"13:30-17:30"', '"13:30-13:30"', "hours.mon-fri[1]", 3, "'13:30-13:30'", "an end that differs"),
    ('["09:00-12:00", "13:30-17:30"]', '"09:00-12:00"', "hours.mon-fri", 3, "'09:00-12:00'", "a list"),
    # The afternoon begins before the morning ends.
    ('"13:30-17:30"', '"11:30-17:30"', "hours", 2, "a block with mon-fri", "mon 09:00-12:00 and mon 11:30-17:30"),
    # The same day under two keys.
    ("holidays: CN", 'fri: ["10:00-11:00"]', "hours", 2, "mon-fri, fri", "fri 09:00-12:00 and fri 10:00-11:00"),
    # A night shift reaches into the next morning, from Sunday even into Monday.
    ("holidays: CN", 'sun: ["22:00-09:30"]', "hours", 2, "sun", "sun 22:00-09:30 and mon 09:00-12:00"),
    # A country without known holidays; a day that no calendar has; a number; a day in words.
    ("holidays: CN", "holidays: XX", "hours.holidays", 4, "'XX'", "a country code"),
    ("[2026-03-05]", "[2026-02-30]", "hours.closed[0]", 5, "'2026-02-30'", "a date such as 2026-02-14"),
    ("[2026-03-05]", "[20260305]", "hours.closed[0]", 5, "20260305", "a date such as 2026-02-14"),
    ("[2026-03-05]", "[国庆]", "hours.closed[0]", 5, "'国庆'", "a date such as 2026-02-14"),
    # No such place on the clock.
    ("id: demo,", "id: demo, timezone: Asia/Peking,", "hall.timezone", 1, "'Asia/Peking'", "Asia/Shanghai"),
    # A secret that nobody set.
    ("${CAM_PW}", "${CAM_PASSWORD}", "floors[0].cameras[0].source", 10, "${CAM_PASSWORD}", "CAM_PASSWORD to be set"),
    # Too few points to calibrate, a point beside the picture, a floor without end.
    (
        "source: hall.mp4",
        "source: hall.mp4, floor_points: [[[0, 0], [0, 0]]]",
        "floors[0].cameras[1].floor_points",
        11,
        "[[[0, 0]",
        "at least 4 floor points, or none",
    ),
    (
        "source: hall.mp4",
        "source: hall.mp4, floor_points: [[[0, 2], [0, 0]]]",
        "floors[0].cameras[1].floor_points[0][0][1]",
        11,
        "2",
        "a fraction of the image",
    ),
    (
        "source: hall.mp4",
        "source: hall.mp4, floor_points: [[[0, 1], [0, .inf]]]",
        "floors[0].cameras[1].floor_points[0][1][1]",
        11,
        "inf",
        "a finite number",
    ),
    # Points along one row of tiles: three on a line and one beside it fix no plane, on the floor or in the picture.
    (
        "source: hall.mp4",
        "source: hall.mp4, floor_points: [[[0, 0], [0, 0]], [[1, 0], [1, 0]], [[1, 1], [2, 0]], [[0, 1], [0, 9]]]",
        "floors[0].cameras[1].floor_points",
        11,
        "[[[0, 0]",
        "spread over the floor",
    ),
    (
        "source: hall.mp4",
        "source: hall.mp4, floor_points: [[[0, 0], [0, 0]], [[0.5, 0], [9, 0]], [[1, 0], [9, 9]], [[0, 1], [0, 9]]]",
        "floors[0].cameras[1].floor_points",
        11,
        "[[[0, 0]",
        "spread over the floor",
    ),
    # A staffed window without a place for its clerk, a terminal without one for the citizen.
    (f"        clerk_area: {CLERK}\n", "", "floors[0].windows[0]", 13, "a block with id", "a `clerk_area`, or"),
    (
        "customer_area: [[0.1, 0.5], [0.3, 0.5], [0.3, 0.9]]",
        "staffed: false",
        "floors[0].windows[0]",
        13,
        "a block with id",
        "a `customer_area`",
    ),
    # Thresholds the wrong way round, one that no share can reach.
    ("limits: {long_wait: 30min}", "presence: {on: 0.1, off: 0.5}", "presence", 6, "on, off", "`off` below `on`"),
    ("limits: {long_wait: 30min}", "presence: {on: 1.5}", "presence.on", 6, "1.5", "less than or equal to 1"),
    # A word that is none of the choices.
    ("serves: [w01]", "kind: wait", "floors[0].zones[0].kind", 20, "'wait'", "'waiting' or 'general'"),
    # No frame rate, a name that is empty, a source that is empty.
    ("source: hall.mp4", "source: hall.mp4, analyse_fps: 0", "floors[0].cameras[1].analyse_fps", 11, "0", "greater"),
    ("name: 演示大厅", "name: ''", "hall.name", 1, "''", "text that is not empty"),
    # A window seen by the cameras of two boxes: neither could judge it.
    (
        "source: hall.mp4}\n",
        "source: hall.mp4, node: box2}\n",
        "floors[0].windows[0]",
        13,
        "cameras of the nodes box2, edge-f1",
        "cameras that one node runs",
    ),
]


@pytest.mark.parametrize(("old", "new", "path", "line", "found", "expected"), ONE_FAULT)
def test_one_fault(old: str, new: str, path: str, line: int, found: str, expected: str) -> None:
    edits = [(old, new)]
    if "node: box2" in new:
        edits.append((CLERK, f"[{{camera: c2, polygon: {CLERK}}}]"))
    (fault,) = faults_of(changed(*edits))
    assert (fault.path, fault.line) == (path, line)
    assert found in fault.found
    assert expected in fault.expected


def test_all_faults_at_once_in_the_order_of_the_file() -> None:
    text = changed(
        ("id: demo", "id: de mo"),
        ("holidays: CN", "holidays: XX"),
        ("30min", "30"),
        ("${CAM_PW}", "${NOBODY_SET_THIS}"),
        (CLERK, "[[0.1, 0.1], [0.3, 0.1]]"),
        ("serves: [w01]", "serves: [w07]"),
        ("id: door, camera: c2", "id: door, camera: c7"),
    )
    with pytest.raises(ConfigError) as caught:
        parse_hall(text, name="my.yaml", environ={})
    assert [fault.line for fault in caught.value.faults] == [1, 4, 6, 10, 16, 20, 24]
    lines = str(caught.value).splitlines()
    assert lines[0] == "my.yaml: 7 faults"
    assert lines[3] == (
        "  limits.long_wait (line 6): found 30; expected a number with a unit: 250ms, 10s, 5min or 1.5h"
    )


WHOLE_FILE = [
    # Nothing in it.
    ("", None, "nothing", "a block of keys"),
    # A comment is nothing too.
    ("# our hall\n", None, "nothing", "a block of keys"),
    # A list where a block belongs.
    ("- hall\n- floors\n", None, "['hall', 'floors']", "a block of keys"),
    # A letter to us.
    ("please watch the hall", None, "'please watch the hall'", "a block of keys"),
    # A tab for indentation.
    ("hall:\n\tid: demo\n", 2, "character '\\t'", "YAML 1.2"),
    # A bracket that stays open.
    ("hall: {id: demo\nfloors: []\n", 2, "expected ',' or '}'", "YAML 1.2"),
    # One key twice.
    ("hall: {id: a, name: A}\nhall: {id: b, name: B}\n", 2, "the key hall a second time", "once"),
    # Two halls in one file.
    (HALL_YAML + "---\n" + HALL_YAML, 25, "another document", "YAML 1.2"),
    # Bytes that are no text.
    ("hall: \0", None, "unacceptable character", "YAML 1.2"),
    # Brackets without end, which would overrun the stack.
    ("hall: " + "[" * 1000, None, "nested without end", "a hall file"),
    # A few lines of aliases that stand for ten thousand million values.
    (
        "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10)),
        None,
        "more than 200000 values",
        "a hall file",
    ),
]


@pytest.mark.parametrize(("text", "line", "found", "expected"), WHOLE_FILE)
def test_not_a_hall_file(text: str, line: int | None, found: str, expected: str) -> None:
    (fault,) = faults_of(text)
    assert (fault.path, fault.line) == ("the file", line)
    assert found in fault.found
    assert expected in fault.expected


def test_a_floor_without_cameras_and_a_hall_without_floors() -> None:
    (fault,) = faults_of("hall: {id: a, name: A}\nfloors: []\n")
    assert str(fault) == "floors (line 2): found []; expected at least one of them"
    (fault,) = faults_of("hall: {id: a, name: A}\nfloors:\n  - {id: f1, cameras: []}\n")
    assert fault.path == "floors[0].cameras"


def test_ids_are_unique_in_the_hall_and_a_node_belongs_to_one_floor() -> None:
    floor = "  - {id: %s, cameras: [{id: %s, source: a.mp4, node: box}]}\n"
    text = "hall: {id: a, name: A}\nfloors:\n" + floor % ("f1", "c1") + floor % ("f1", "c1")
    faults = faults_of(text)
    assert [(fault.path, fault.line) for fault in faults] == [
        ("floors[1].cameras[0].id", 4),
        ("floors[1].cameras[0].node", 4),
        ("floors[1].id", 4),
    ]


def test_dates_may_be_quoted_or_not() -> None:
    hall = parse_hall(changed(("[2026-03-05]", '[2026-03-05, "2026-03-06"]')), environ=ENVIRON)
    assert hall.hours is not None
    assert [day.isoformat() for day in hall.hours.closed] == ["2026-03-05", "2026-03-06"]


def test_a_device_number_needs_no_quotes() -> None:
    hall = parse_hall(changed(("source: hall.mp4", "source: 0")), environ=ENVIRON)
    assert hall.floors[0].cameras[1].address == "0"


# A recording is meant from the hall file on, wherever hallwatch was started; everything else as it stands.
SOURCES = [
    ("hall.mp4", "{}/hall.mp4"),
    ("clips/hall.mp4", "{}/clips/hall.mp4"),
    ("/srv/hall.mp4", "/srv/hall.mp4"),
    ("file:///srv/hall.mp4", "file:///srv/hall.mp4"),
    ("rtsp://10.0.0.12/sub", "rtsp://10.0.0.12/sub"),
    ("0", "0"),
    ("'0'", "0"),
]


@pytest.mark.parametrize(("written", "meant"), SOURCES)
def test_recordings_are_beside_the_hall_file(tmp_path: Path, written: str, meant: str) -> None:
    path = tmp_path / "hall.yaml"
    path.write_text(changed(("source: hall.mp4", f"source: {written}")), encoding="utf-8")
    source = load_hall(path, ENVIRON).floors[0].cameras[1].source
    assert source.get_secret_value() == meant.format(tmp_path)


def test_aliases_save_writing() -> None:
    text = changed((CLERK, "&seat " + CLERK), ("[[0.1, 0.5], [0.3, 0.5], [0.3, 0.9]]", "*seat"))
    window = parse_hall(text, environ=ENVIRON).floors[0].windows[0]
    assert window.clerk_area == window.customer_area


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.yaml: cannot be read.*expected a hall file in UTF-8"):
        load_hall(tmp_path / "nowhere.yaml")


def test_a_file_in_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "hall.yaml"
    path.write_bytes(HALL_YAML.encode("gb18030"))
    with pytest.raises(InputError, match=r"cannot be read.*UTF-8"):
        load_hall(path, ENVIRON)


def test_a_folder_instead_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_hall(tmp_path)


def test_a_file_is_read_with_the_environment_of_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "hall.yaml"
    path.write_text("\ufeff" + HALL_YAML, encoding="utf-8")  # some editors write a byte order mark
    monkeypatch.setenv("CAM_PW", "from the process")
    source = load_hall(path).floors[0].cameras[0].source.get_secret_value()
    assert source == "rtsp://user:from the process@10.0.0.11/sub"
    monkeypatch.delenv("CAM_PW")
    with pytest.raises(ConfigError, match=r"hall\.yaml: 1 fault\n"):
        load_hall(path)


def test_paths_read_as_people_write_them() -> None:
    assert show_path(("floors", 0, "windows", 2, "clerk_area", 1)) == "floors[0].windows[2].clerk_area[1]"
    assert show_path(()) == "the file"


_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(["c1", "5min", "mon-fri", "09:00-12:00", "${CAM_PW}", "${NONE}", "2026-02-30", ""]),
)
_KEYS = """
hall hours mon-fri days limits presence floors id name cameras source floor_points windows camera clerk_area
zones areas polygon serves entrances line
"""
_keys = st.sampled_from(sorted(_KEYS.split()))
_trees = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_keys, inner, max_size=5),
    max_leaves=30,
)


@given(st.dictionaries(_keys, _trees, max_size=6))
def test_whatever_stands_in_the_file_only_a_config_error_comes_out(tree: dict[str, object]) -> None:
    text = _as_yaml(tree)
    with contextlib.suppress(ConfigError):
        parse_hall(text, environ=ENVIRON)


def _as_yaml(node: object) -> str:
    """Flow style; floats and texts as YAML 1.2 writes them."""
    if isinstance(node, dict):
        return "{" + ", ".join(f"{key}: {_as_yaml(value)}" for key, value in node.items()) + "}"
    if isinstance(node, list):
        return "[" + ", ".join(map(_as_yaml, node)) + "]"
    if isinstance(node, float):
        text = repr(node)
        return {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(text, text)
    if isinstance(node, bool) or node is None:
        return {True: "true", False: "false", None: "null"}[node]
    return f'"{node}"' if node == "" or str(node).startswith("$") else str(node)


@given(st.text(alphabet=st.sampled_from("hal:floids \n-[]{}&*!|>%@`'\"#,?\t\0é中\ud800"), max_size=80))
def test_any_text_only_gives_a_config_error(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_hall(text, environ={})


@pytest.mark.parametrize(
    "line",
    [
        "{secret}: 1",  # somebody forgot `source:`
        "{secret}: 1\n        {secret}: 2",
        "source: {{{secret}: 1}}",
        "sourc: {secret}",
        "source: [{secret}]",
    ],
)
def test_an_address_where_none_should_be_shows_no_password(line: str) -> None:
    secret = '"rtsp://user:hunter2@10.0.0.11/sub"'
    floors = "floors:\n  - id: f1\n    cameras:\n      - id: c1\n        " + line.format(secret=secret)
    with pytest.raises(ConfigError) as caught:
        parse_hall(f"hall: {{id: demo, name: x, timezone: Asia/Shanghai}}\n{floors}\n", environ={})
    assert "hunter2" not in str(caught.value)

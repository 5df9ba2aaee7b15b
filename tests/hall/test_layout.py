"""What the checked layout answers: overrides, nodes, and addresses that keep their secrets."""

from __future__ import annotations

import pickle

import pytest

from hall.errors import ConfigError
from hall.layout import Limits, mask_address
from hall.load import parse_hall
from tests.support.halls import ENVIRON, HALL_YAML, changed

WINDOW = "        camera: c1\n"


def test_defaults_without_a_word_in_the_file() -> None:
    hall = parse_hall(changed(("limits: {long_wait: 30min}\n", "")), environ=ENVIRON)
    window, zone = hall.floors[0].windows[0], hall.floors[0].zones[0]
    limits = hall.limits_of(window)
    assert (limits.clerk_absent, limits.long_wait, limits.overtime_case) == (300.0, 1800.0, 1200.0)
    assert hall.presence_of(zone).window == 10.0
    assert (hall.session_of(window).open_after, hall.session_of(window).close_after) == (10.0, 15.0)


def test_a_window_overrides_what_it_states_and_keeps_the_rest() -> None:
    own = WINDOW + (
        "        limits: {overtime_case: 15min}\n        presence: {window: 4s}\n        session: {close_after: 1min}\n"
    )
    text = changed((WINDOW, own), ("limits: {long_wait: 30min}", "limits: {clerk_absent: 90s}\npresence: {on: 0.6}"))
    hall = parse_hall(text, environ=ENVIRON)
    window = hall.floors[0].windows[0]
    # 15 min of its own; 90 s of the hall; 30 min by default.
    assert hall.limits_of(window) == Limits(overtime_case=900.0, clerk_absent=90.0)
    presence = hall.presence_of(window)
    assert (presence.window, presence.on, presence.off) == (4.0, 0.6, 0.1)
    session = hall.session_of(window)
    assert (session.open_after, session.close_after) == (10.0, 60.0)


def test_a_window_may_restate_the_default_against_the_hall() -> None:
    text = changed(
        ("limits: {long_wait: 30min}", "limits: {long_wait: 10min}"),
        (WINDOW, WINDOW + "        limits: {long_wait: 30min}\n"),
    )
    hall = parse_hall(text, environ=ENVIRON)
    assert hall.limits_of(hall.floors[0].windows[0]).long_wait == 1800.0
    assert hall.limits_of(hall.floors[0].zones[0]).long_wait == 600.0


def test_a_zone_overrides_too() -> None:
    text = changed(
        ("serves: [w01]", "serves: [w01]\n        limits: {long_wait: 45min}\n        presence: {stale: 5s}")
    )
    hall = parse_hall(text, environ=ENVIRON)
    zone = hall.floors[0].zones[0]
    assert hall.limits_of(zone).long_wait == 2700.0
    assert hall.presence_of(zone).stale == 5.0


def test_a_box_per_floor_unless_a_camera_names_its_own() -> None:
    text = changed(("source: hall.mp4}", "source: hall.mp4, node: box2}"))
    hall = parse_hall(text, environ=ENVIRON)
    floor = hall.floors[0]
    assert floor.nodes == ("edge-f1", "box2")
    assert (floor.node_of("c1"), floor.node_of("c2")) == ("edge-f1", "box2")
    assert hall.floor_of("box2") is floor
    assert hall.floor_of("box3") is None


def test_an_area_seen_by_two_cameras() -> None:
    areas = "[{polygon: [[0, 0], [1, 0], [1, 1]]}, {camera: c2, polygon: [[0, 0], [1, 0], [0, 1]]}]"
    hall = parse_hall(changed(("[[0.1, 0.1], [0.3, 0.1], [0.3, 0.3]]", areas)), environ=ENVIRON)
    seen = hall.floors[0].windows[0].clerk_area
    assert seen is not None
    # None stands for the window's own camera.
    assert [area.camera for area in seen] == [None, "c2"]


def test_a_self_service_terminal_needs_no_clerk_area() -> None:
    text = changed(("        clerk_area: [[0.1, 0.1], [0.3, 0.1], [0.3, 0.3]]\n", "        staffed: false\n"))
    window = parse_hall(text, environ=ENVIRON).floors[0].windows[0]
    assert (window.staffed, window.clerk_area) == (False, None)


def test_a_hall_without_hours_is_always_open() -> None:
    text = "hall: {id: a, name: A}\nfloors: [{id: f1, cameras: [{id: c1, source: a.mp4}]}]\n"
    schedule = parse_hall(text).schedule
    assert schedule.is_open(0.0)
    assert schedule.open_seconds(0.0, 1e6) == 1e6
    assert schedule.next_open(0.0) is None


def test_the_layout_does_not_change() -> None:
    hall = parse_hall(HALL_YAML, environ=ENVIRON)
    with pytest.raises(ValueError, match="frozen"):
        hall.model = "other"  # type: ignore[misc]


SECRET = "hunter2"
SHOWN = [
    # The usual camera.
    ("rtsp://user:hunter2@10.0.0.11/sub", "rtsp://***@10.0.0.11/sub"),
    # A password with the characters that end a host.
    ("rtsp://user:hun@ter2@10.0.0.11/sub", "rtsp://***@10.0.0.11/sub"),
    ("rtsp://user:a/hunter2@10.0.0.11:554/sub", "rtsp://***@10.0.0.11:554/sub"),
    ("rtsp://user:a b?hunter2@10.0.0.11/sub", "rtsp://***"),
    # A gateway that takes its secret in the query.
    ("http://10.0.0.11/live?token=hunter2", "http://10.0.0.11/live?***"),
    ("rtsp://10.0.0.11/live?user=a@b&pw=hunter2", "rtsp://***"),
    # The scheme forgotten.
    ("user:hunter2@10.0.0.11/sub", "***@10.0.0.11/sub"),
    ("/srv/halls/user:hunter2@10.0.0.11/sub", "/srv/halls/***@10.0.0.11/sub"),
    # Nothing to hide.
    ("rtsp://10.0.0.11/sub", "rtsp://10.0.0.11/sub"),
    ("clips/hall.mp4", "clips/hall.mp4"),
    ("clips/who?@home.mp4", "clips/who?@home.mp4"),
    ("sim://lowdesk?seed=1", "sim://lowdesk?seed=1"),
    ("0", "0"),
]


@pytest.mark.parametrize(("source", "shown"), SHOWN)
def test_addresses_are_shown_without_secrets(source: str, shown: str) -> None:
    assert mask_address(source) == shown
    assert SECRET not in mask_address(source)


def test_a_secret_is_in_no_print_of_the_hall() -> None:
    hall = parse_hall(HALL_YAML, environ={"CAM_PW": SECRET})
    camera = hall.floors[0].cameras[0]
    assert camera.source.get_secret_value() == "rtsp://user:hunter2@10.0.0.11/sub"
    assert camera.address == "rtsp://***@10.0.0.11/sub"
    for printed in (repr(hall), str(hall), repr(camera), str(hall.model_dump()), hall.model_dump_json()):
        assert SECRET not in printed
    # Handing the hall to another process keeps the source whole.
    assert pickle.loads(pickle.dumps(hall)).floors[0].cameras[0].source == camera.source


LEAKS = [
    # The camera line has a fault of another kind.
    ("id: c1, source", "id: c 1, source"),
    # The camera is not a block, but its bare address.
    ('{id: c1, source: "rtsp://user:${CAM_PW}@10.0.0.11/sub"}', '"rtsp://user:hunter2@10.0.0.11/sub"'),
    # A list of addresses, the password written into the file.
    ('"rtsp://user:${CAM_PW}@10.0.0.11/sub"', '["rtsp://user:hunter2@10.0.0.11/sub"]'),
    # The key slipped.
    ('source: "rtsp', 'sauce: "rtsp'),
    # The source twice; YAML's own words would quote both.
    ('sub"}', 'sub", source: "rtsp://user:hunter2@10.0.0.11/main"}'),
    # The secret where something else belongs.
    ("30min", '"${CAM_PW}"'),
    ("holidays: CN", 'holidays: "${CAM_PW}"'),
    ("[2026-03-05]", '["${CAM_PW}"]'),
    ("id: demo", 'id: "-${CAM_PW}"'),
    ("id: demo,", 'id: demo, timezone: "${CAM_PW}",'),
    # Another secret is missing.
    ("${CAM_PW}@", "${CAM_PW}${OTHER}@"),
]


@pytest.mark.parametrize(("old", "new"), LEAKS)
def test_a_secret_is_in_no_error(old: str, new: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_hall(changed((old, new)), environ={"CAM_PW": SECRET})
    error: BaseException | None = caught.value
    while error is not None:  # the cause is printed too
        assert SECRET not in str(error)
        assert SECRET not in repr(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)

"""What is known of a window or a zone: several cameras, anchors, frames out of order, restarts."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from edge.watch import AreaStays, SavedWindow, ServiceTimes, WindowWatch, ZoneWatch
from hall.figures import percentile
from hall.layout import CameraPolygon, Presence, Session, Window, Zone
from vision.areas import foot_points
from vision.locate import People
from vision.types import TENTATIVE, Tracks

SIZE = (1000, 500)
LEFT = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]
RIGHT = [(0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)]
PRESENCE = Presence(window=2.0, stale=10.0)


def people(at: float, *persons: tuple[int, float, float]) -> People:
    """Persons of 200 px by track and foot point in pixels."""
    boxes = np.array([(x - 30, y - 200, x + 30, y) for _, x, y in persons], np.float32).reshape(-1, 4)
    ids = np.array([track for track, *_ in persons], np.int64)
    tracks = Tracks(ids, boxes, np.full(len(persons), 0.8, np.float32), SIZE)
    return People(at, tracks, foot_points(boxes, SIZE), None)


def window(**changes: object) -> Window:
    return Window.model_validate(
        {"id": "w1", "label": "1", "camera": "a", "clerk_area": LEFT, "customer_area": RIGHT} | changes
    )


def watch(of: Window, saved: SavedWindow | None = None) -> WindowWatch:
    return WindowWatch(of, PRESENCE, Session(open_after=2.0, close_after=3.0), saved)


def test_anchors() -> None:
    """A clerk behind the desk: most of the box in the area, the feet below it."""
    upper = [(0.0, 0.0), (0.5, 0.0), (0.5, 0.7), (0.0, 0.7)]
    for anchor, expected in (("overlap", "present"), ("foot", "absent")):
        desk = watch(window(clerk_area=upper, clerk_anchor=anchor))
        for i in range(30):
            desk.step("a", people(i / 5, (1, 200, 400)), on_duty=True)
        assert desk.clerk(5.8).seen == expected


def test_a_clerk_seen_once_a_time_is_there() -> None:
    """Presence never asks for track ids: a new tentative track in every frame is somebody."""
    desk = watch(window())
    for i in range(30):
        desk.step("a", people(i / 5, (TENTATIVE, 200, 400)), on_duty=True)
    assert (desk.clerk(5.8).seen, desk.clerk(5.8).since) == ("present", 0.0)
    assert desk.customers.stays == []


def test_somebody_before_the_clerk_hides_them() -> None:
    """Nobody is missed where nobody could be seen; an absence that is known goes on."""
    upper = [(0.0, 0.0), (0.5, 0.0), (0.5, 0.55), (0.0, 0.55)]
    desk = watch(window(clerk_area=upper, clerk_anchor="foot"))
    for i in range(30):
        desk.step("a", people(i / 5, (1, 200, 250)), on_duty=True)
    for i in range(30, 70):  # covers three quarters of the clerk
        desk.step("a", people(i / 5, (2, 205, 290)), on_duty=True)
    assert desk.clerk(13.8).seen == "present"
    assert desk.clerk(16.0).seen == "unknown"
    for i in range(70, 90):
        desk.step("a", people(i / 5), on_duty=True)
    assert (desk.clerk(17.8).seen, desk.clerk(17.8).since) == ("absent", 5.8)
    for i in range(90, 150):
        desk.step("a", people(i / 5, (2, 205, 290)), on_duty=True)
    assert desk.clerk(29.8).seen == "absent"


def test_a_clerk_who_leaves_is_not_hidden_where_they_were_seen_last() -> None:
    """The last box is that of somebody on the way out; a citizen in front of that place hides no clerk."""
    upper = [(0.0, 0.0), (0.5, 0.0), (0.5, 0.55), (0.0, 0.55)]
    desk = watch(window(clerk_area=upper, clerk_anchor="foot"))
    for i in range(30):
        desk.step("a", people(i / 5, (1, 200, 250)), on_duty=True)
    desk.step("a", people(6.0, (1, 280, 250)), on_duty=True)
    for i in range(31, 61):
        desk.step("a", people(i / 5, (2, 285, 290)), on_duty=True)
    assert (desk.clerk(12.0).seen, desk.clerk(12.0).since) == ("absent", 6.0)


def served(*persons: tuple[int, float, float], seconds: float, desk: WindowWatch, since: float) -> float:
    """The same people before a window, twice a second; returns when that ends."""
    for i in range(round(2 * seconds)):
        desk.step("a", people(since + i / 2, *persons), on_duty=True)
    return since + seconds


def stays_of(desk: WindowWatch) -> list[float]:
    return [stay.started_at for stay in desk.customers.stays]


def test_who_steps_out_and_is_seen_no_more_has_left() -> None:
    """A foot just over the border, then nobody: three seconds later the window is free."""
    desk = watch(window())
    now = served((1, 520, 400), seconds=20, desk=desk, since=0.0)
    now = served((1, 490, 400), seconds=1, desk=desk, since=now)
    assert stays_of(desk) == [0.0]
    served(seconds=4, desk=desk, since=now)
    assert stays_of(desk) == []


def test_who_walks_out_as_another_comes_up_has_left() -> None:
    """The next one passes by just then: who goes is still who was served."""
    desk = watch(window())
    served((1, 520, 400), (2, 350, 400), seconds=20, desk=desk, since=0.0)
    for i in range(5):
        desk.step("a", people(20.0 + i / 2, (1, 430 - 60 * i, 400)), on_duty=True)
    assert stays_of(desk) == []


def test_the_next_one_is_seen_beside_the_border_first() -> None:
    """One is gone unseen; four seconds later another is seen a step outside, then on the same spot."""
    desk = watch(window())
    now = served((1, 540, 400), seconds=20, desk=desk, since=0.0)
    now = served(seconds=4, desk=desk, since=now)
    now = served((2, 480, 400), seconds=1, desk=desk, since=now)
    served((2, 540, 400), seconds=4, desk=desk, since=now)
    assert stays_of(desk) == [0.0, 25.0]


def test_an_id_lost_on_the_way_out_is_the_next_ones() -> None:
    """Out by a foot, unseen for two seconds; then the same id comes in: another citizen."""
    desk = watch(window())
    now = served((1, 520, 400), seconds=20, desk=desk, since=0.0)
    now = served((1, 490, 400), seconds=0.5, desk=desk, since=now)
    now = served(seconds=2, desk=desk, since=now)
    now = served((1, 430, 400), seconds=0.5, desk=desk, since=now)
    served((1, 520, 400), seconds=4, desk=desk, since=now)
    assert stays_of(desk) == [23.0]


def test_nobody_hides_without_somebody_in_front() -> None:
    """Out of sight behind somebody, a citizen is still there; out of sight in plain view they have left."""
    for place, expected in (((605, 420), [0.0, 21.0]), ((800, 400), [21.0])):
        desk = watch(window())
        now = served((1, 600, 400), seconds=20, desk=desk, since=0.0)
        now = served((9, 440, 420), seconds=1, desk=desk, since=now)
        served((9, *place), seconds=9, desk=desk, since=now)
        assert stays_of(desk) == expected


def test_two_cameras_see_one_desk() -> None:
    """Present in one is present; absent only in both; unknown where one is blind and the other sees nobody."""
    both = [CameraPolygon(camera=camera, polygon=LEFT) for camera in ("a", "b")]
    desk = watch(window(clerk_area=[area.model_dump() for area in both]))
    for i in range(30):
        desk.step("a", people(i / 5, (1, 200, 400)), on_duty=True)
        desk.step("b", people(i / 5), on_duty=True)
    assert desk.clerk(5.8).seen == "present"
    for i in range(30, 60):
        for camera in ("a", "b"):
            desk.step(camera, people(i / 5), on_duty=True)
    view = desk.clerk(11.8)
    assert (view.seen, view.since) == ("absent", 5.8)
    for i in range(60, 150):
        desk.step("a", people(i / 5), on_duty=True)
    assert desk.clerk(29.8).seen == "unknown"
    desk.step("c", people(30.0, (1, 200, 400)), on_duty=True)  # a camera that does not see it
    assert desk.clerk(29.8).seen == "unknown"


def test_a_terminal_has_no_clerk() -> None:
    terminal = watch(window(staffed=False, clerk_area=None))
    terminal.step("a", people(0.0, (1, 200, 400)), on_duty=True)
    assert terminal.clerk(0.0).seen == "unknown"


def test_a_blind_camera_neither_ends_nor_starts_a_session() -> None:
    """Twelve seconds without frames in the first seconds of a case: it goes on from where it began."""
    desk = watch(window())
    for i in range(15):
        desk.step("a", people(i / 5, (1, 200, 400), (2, 700, 400)), on_duty=True)
        assert desk.follow_session(i / 5) is None
    assert desk.follow_session(14.0) is None
    for i in range(75, 90):
        desk.step("a", people(i / 5, (1, 200, 400), (2, 700, 400)), on_duty=True)
        assert desk.follow_session(i / 5) is None
    running = desk.sessions.running
    assert running is not None
    assert running.started_at == 0.0
    assert running.unknown_s == pytest.approx(12.2)
    assert running.elapsed_s == pytest.approx(5.6)


def area(saved: dict[str, object] | None = None) -> AreaStays:
    polygons = [CameraPolygon(camera="a", polygon=LEFT), CameraPolygon(camera="b", polygon=RIGHT)]
    return AreaStays(polygons, None, 10.0, saved or {})  # type: ignore[arg-type]


def test_an_area_in_two_cameras() -> None:
    """Each sees another part: counts add up; known as long as both look."""
    zone = area()
    assert not zone.known(0.0)
    zone.step("a", people(0.0, (1, 100, 400), (2, 300, 400)))
    assert not zone.known(0.0)
    zone.step("b", people(0.1, (1, 700, 400), (2, 100, 400)))
    assert (zone.count, zone.known(10.0), zone.known(10.1)) == (3, True, False)
    assert zone.observed_at == 0.0
    assert zone.step("c", people(0.2, (1, 100, 400))) == []
    for i in range(1, 20):
        zone.step("a", people(i / 5, (1, 100, 400), (2, 300, 400)))
        zone.step("b", people(i / 5 + 0.1, (1, 700, 400)))
    assert [stay.started_at for stay in zone.stays] == [0.0, 0.0, 0.1]


def test_old_frames_change_nothing() -> None:
    zone = area()
    zone.step("a", people(1.0, (1, 100, 400)))
    for at in (1.0, 0.5):
        zone.step("a", people(at))
    assert zone.count == 1


def test_a_window_survives_a_restart() -> None:
    desk = watch(window())
    for i in range(30):
        desk.step("a", people(i / 5, (1, 200, 400), (2, 700, 400)), on_duty=True)
        desk.follow_session(i / 5)
    saved = msgspec.json.decode(msgspec.json.encode(desk.save()), type=SavedWindow)
    again = watch(window(), saved)
    assert again.clerk(6.0).seen == "unknown"  # until it is seen again
    for i in range(35, 50):
        again.step("a", people(i / 5, (1, 200, 400), (2, 700, 400)), on_duty=True)
        assert again.follow_session(i / 5) is None
    assert again.clerk(9.8).since == 0.0
    assert [stay.started_at for stay in again.customers.stays] == [0.0]
    assert again.sessions.running is not None
    assert again.sessions.running.unknown_s == pytest.approx(1.2)


def test_a_zone_survives_a_restart() -> None:
    zone = Zone.model_validate({"id": "z", "areas": [{"camera": "a", "polygon": LEFT}]})
    first = ZoneWatch(zone, PRESENCE)
    for i in range(20):
        first.area.step("a", people(i / 5, (1, 100, 400)))
    again = ZoneWatch(zone, PRESENCE, first.save())
    again.area.step("a", people(5.0, (7, 100, 400)))
    assert [(stay.started_at, stay.seen_at) for stay in again.area.stays] == [(0.0, 5.0)]


def test_service_times_keep_the_last_twenty() -> None:
    times = ServiceTimes()
    for i in range(30):
        times.add(float(i))
    assert list(times.recent_s) == [float(i) for i in range(10, 30)]


def test_percentiles() -> None:
    assert percentile([], 50) is None
    assert percentile([10.0], 90) == 10.0
    assert percentile([0.0, 10.0, 20.0], 50) == 10.0

"""The console's words and figures, without a browser."""

from __future__ import annotations

import msgspec
import pytest

from dashboards.board import SHOWN_INCIDENTS, Board, build_board
from dashboards.incidents import SEPARATOR, IncidentRow
from dashboards.scene import Elapsed, Snapshot
from dashboards.texts import Lang, format_duration, format_limit, format_time, format_wait, parse_lang
from dashboards.tiles import Tile
from hall.clock import Instant, from_iso
from hall.messages import Seen, StreamName, WindowStatus
from hall.views import IncidentView, NodeView
from tests.dashboards.sample_hall import NOW, busy_morning, incident, node, sample_hall, window, zone

HALL = sample_hall()
FLOOR = HALL.floors[0]


def board(*views: NodeView | IncidentView, lang: Lang = "en", now: Instant = NOW) -> Board:
    nodes = tuple(v for v in views if isinstance(v, NodeView))
    incidents = tuple(v for v in views if isinstance(v, IncidentView))
    return build_board(HALL, FLOOR, lang, Snapshot(nodes, incidents), now)


def first_tile(*views: NodeView | IncidentView, now: Instant = NOW) -> Tile:
    return board(*views, now=now).tiles[0]


def only_row(view: IncidentView, *nodes: NodeView, lang: Lang = "en", now: Instant = NOW) -> IncidentRow:
    (row,) = board(*nodes, view, lang=lang, now=now).incidents
    return row


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [
        (0, "0秒", "0 s"),
        (-3, "0秒", "0 s"),  # a box whose clock runs a little ahead
        (59.9, "59秒", "59 s"),
        (60, "1分00秒", "1 min 00 s"),
        (185, "3分05秒", "3 min 05 s"),
        (3600, "1小时00分", "1 h 00 min"),
        (3899, "1小时04分", "1 h 04 min"),
        (86400 * 2 + 3 * 3600, "2天3小时", "2 d 3 h"),
    ],
)
def test_durations_read_as_people_say_them(seconds: float, zh: str, en: str) -> None:
    assert (format_duration(seconds, "zh"), format_duration(seconds, "en")) == (zh, en)


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [
        (8, "8秒", "8 s"),
        (300, "5分钟", "5 min"),
        (90, "1分30秒", "1 min 30 s"),
        (3600, "1小时", "1 h"),
        (5400, "1小时30分钟", "1 h 30 min"),
    ],
)
def test_limits_leave_out_what_is_zero(seconds: float, zh: str, en: str) -> None:
    assert (format_limit(seconds, "zh"), format_limit(seconds, "en")) == (zh, en)


@pytest.mark.parametrize(
    ("seconds", "words"), [(599, "9 min 59 s"), (600, "10 min"), (2294, "38 min"), (3700, "1 h 1 min")]
)
def test_waits_from_ten_minutes_on_have_no_seconds(seconds: float, words: str) -> None:
    assert format_wait(seconds, "en") == words


@pytest.mark.parametrize(
    ("at", "zh", "en"),
    [
        ("2026-01-05T02:03:10Z", "10:03:10", "10:03:10"),  # today, in the hall's zone
        ("2026-01-04T16:00:00Z", "00:00:00", "00:00:00"),  # its first second
        ("2026-01-04T15:59:59Z", "1月4日 23:59", "Jan 4, 23:59"),  # yesterday there, though today in UTC + 0
    ],
)
def test_times_are_local_and_dated_unless_of_today(at: str, zh: str, en: str) -> None:
    zone_info = HALL.zone_info
    assert format_time(from_iso(at), NOW, zone_info, "zh") == zh
    assert format_time(from_iso(at), NOW, zone_info, "en") == en


@pytest.mark.parametrize(
    ("query", "lang"),
    [(None, "zh"), ("", "zh"), ("zh", "zh"), ("en", "en"), ("EN-gb", "en"), ("fr", "zh"), ("<script>", "zh")],
)
def test_chinese_is_the_language_unless_english_is_asked_for(query: str | None, lang: Lang) -> None:
    assert parse_lang(query) == lang


@pytest.mark.parametrize(
    ("status", "clerk", "session_s", "running", "clerk_too"),
    [
        ("serving", "present", 185.0, 185.0, False),  # a case runs: since it began
        ("serving", "absent", 185.0, 185.0, True),  # the clerk stepped away from it: since when is told too
        ("serving", "present", None, None, False),  # a citizen has just come, no case yet
        ("unstaffed", "absent", None, 48.0, False),  # since the clerk was last seen
        ("unstaffed", "absent", 185.0, 48.0, False),  # the case waits for the clerk
        ("idle", "present", None, None, True),  # nobody can tell since when it is idle; the clerk's time is told
        ("closed", "absent", None, None, False),
        ("unknown", "unknown", None, 48.0, False),
    ],
)
def test_a_tile_tells_since_when(
    status: WindowStatus, clerk: Seen, session_s: float | None, running: float | None, clerk_too: bool
) -> None:
    tile = first_tile(node("edge-f1", window("w01", status, clerk, clerk_for_s=48, session_s=session_s)))
    assert tile.status == status
    assert tile.elapsed == (None if running is None else Elapsed(NOW - running))
    assert tile.clerk_elapsed == (Elapsed(NOW - 48) if clerk_too else None)
    # A case that is not the window's own time stands on a line of its own.
    assert tile.session == (Elapsed(NOW - 185) if session_s and running != session_s else None)


@pytest.mark.parametrize(
    ("status", "zh", "en"),
    [
        ("serving", "办理中", "Serving"),
        ("idle", "空闲", "Idle"),
        ("unstaffed", "无人值守", "Unstaffed"),
        ("closed", "未开放", "Closed"),
        ("unknown", "未知", "Unknown"),
    ],
)
def test_every_state_has_a_word(status: WindowStatus, zh: str, en: str) -> None:
    box = node("edge-f1", window("w01", status))
    assert [board(box, lang=lang).tiles[0].status_word for lang in ("zh", "en")] == [zh, en]
    counts = {count.status: count.count for count in board(box).counts}
    assert counts[status] == (12 if status == "unknown" else 1)
    assert sum(counts.values()) == 12


def test_a_self_service_window_has_no_clerk() -> None:
    tile = board(node("edge-f1b", window("w12", "serving", "unknown", session_s=5.0))).tiles[11]
    assert (tile.clerk, tile.clerk_word, tile.clerk_elapsed) == (None, "Self-service", None)


def test_a_closed_window_says_when_it_opens() -> None:
    lunch = from_iso("2026-01-05T04:30:00Z")
    tile = first_tile(node("edge-f1", window("w01", "closed"), at=lunch), now=lunch)
    assert tile.since == "opens 13:30"
    # In open hours nobody knows: somebody has closed it by hand.
    assert first_tile(node("edge-f1", window("w01", "closed"))).since == ""


def test_before_the_first_message_the_page_says_what_it_waits_for() -> None:
    empty = board()
    assert [n.status for n in empty.nodes] == ["waiting", "waiting"]
    assert empty.notices[0] == "Waiting for the first message of box edge-f1"
    assert board(lang="zh").notices[0] == "正在等待边缘盒 edge-f1 的第一条消息"
    assert {(t.status, t.since) for t in empty.tiles} == {("unknown", "No figures yet")}
    assert {(z.count, z.count_words, z.share) for z in empty.zones} == {("–", "No figures yet", None)}
    assert empty.incidents == ()


@pytest.mark.parametrize(
    ("status", "silent_s", "stale"),
    [
        ("online", 10, False),
        ("online", 59, False),  # some states were lost on the way
        ("online", 61, True),  # said to be online, yet silent
        ("offline", 10, True),  # the last will has come
        ("stopped", 10, True),
    ],
)
def test_figures_of_a_silent_box_are_stale_and_stand_still(status: str, silent_s: float, stale: bool) -> None:
    at = NOW - silent_s
    box = node("edge-f1", window("w01", "serving", now=at, session_s=30), status=status, at=at)
    tile = first_tile(box)
    assert tile.status == "serving"
    assert tile.elapsed == Elapsed(at - 30, at if stale else None)
    assert bool(tile.stale) is stale
    if silent_s == 10 and stale:
        assert tile.stale == "Figures from 10:14:50"
        assert board(box).nodes[0].since == "since 10:14:50"


def test_a_blind_camera_stands_beside_its_box() -> None:
    chip = board(node("edge-f1", window("w01", "unknown"), cameras={"c1": "live", "c2": "lost", "c3": "ended"})).nodes[
        0
    ]
    assert (chip.status, chip.cameras) == ("online", "camera c2: no picture")
    faults = {"c1": "moved by 5.7 % of the picture's width", "c2": "dark", "c3": "moved: it shows another view"}
    box = node("edge-f1", cameras={"c1": "live", "c2": "lost", "c3": "live"}, faults=faults)
    assert board(box).nodes[0].cameras == "camera c2: no picture · camera c1: moved · camera c3: moved"


@pytest.mark.parametrize(
    ("stream", "lang", "words"),
    [
        ("main", "zh", "摄像机 c1 子码流读取失败，改用主码流"),
        ("main", "en", "camera c1: substream fails, main stream is read"),
        ("substream", "en", "camera c1: main stream fails, substream is read"),
    ],
)
def test_a_camera_that_is_read_from_its_other_stream(stream: StreamName, lang: Lang, words: str) -> None:
    box = node("edge-f1", cameras={"c1": "live", "c2": "lost"}, fallback=stream)
    blind = "摄像机 c2 无画面" if lang == "zh" else "camera c2: no picture"
    assert board(box, lang=lang).nodes[0].cameras == f"{blind} · {words}"


@pytest.mark.parametrize(
    ("lang", "words", "row_words"),
    [
        ("zh", "过载，未分析 36% 的画面", ("边缘盒过载", "边缘盒 edge-f1", "未分析画面百分比 36")),
        (
            "en",
            "overloaded: 36 % of the frames are not looked at",
            ("Box overloaded", "Box edge-f1", "percent of the frames not looked at: 36"),
        ),
    ],
)
def test_a_box_that_cannot_keep_up(lang: Lang, words: str, row_words: tuple[str, str, str]) -> None:
    box = node("edge-f1", cameras={"c1": "live"})
    assert box.health is not None
    health = msgspec.structs.replace(box.health, overloaded=True, missed_share=0.364)
    assert board(msgspec.structs.replace(box, health=health), lang=lang).nodes[0].cameras == words
    row = only_row(
        incident("overload", "node/edge-f1", 400, detail={"missed_percent": 36, "load_percent": 97}), lang=lang
    )
    assert (row.rule_word, row.subject, row.detail) == row_words


def test_a_window_belongs_to_the_box_that_spoke_last() -> None:
    old = node("edge-f1", window("w01", "idle"), at=NOW - 20)
    new = node("edge-f1b", window("w01", "serving"), at=NOW - 5)
    assert first_tile(old, new).status == first_tile(new, old).status == "serving"


def test_other_halls_and_floors_stay_out() -> None:
    elsewhere = node("edge-f2", window("w01", "serving"), floor="f2")
    assert first_tile(elsewhere).status == "unknown"
    assert [n.node for n in board(elsewhere).nodes] == ["edge-f1", "edge-f1b"]
    # A box that hall.yaml does not name is shown: somebody plugged it in.
    assert [n.node for n in board(node("edge-new")).nodes][-1] == "edge-new"


def test_a_zone_over_its_limit() -> None:
    box = node("edge-f1", zones=[zone("hall", 17, (38, 14, 31), expected_min=22, over=3)])
    card = board(box).zones[0]
    assert (card.count, card.longest, card.median, card.p90, card.expected) == (
        "17",
        "38 min",
        "14 min",
        "31 min",
        "22 min",
    )
    assert (card.over_words, card.limit) == ("3 over limit", "limit 30 min")
    assert card.share == pytest.approx(38 / 30, abs=0.001)
    assert card.bar == 1.0  # the bar ends at 125 % of the limit


@pytest.mark.parametrize(
    ("count", "words"),
    [(None, "cannot be seen"), (0, "waiting now")],
)
def test_a_zone_that_cannot_be_seen_is_not_an_empty_one(count: int | None, words: str) -> None:
    card = board(node("edge-f1", zones=[zone("hall", count)])).zones[0]
    assert card.count == ("–" if count is None else "0")
    assert card.count_words == words
    assert card.over_words == ("" if count is None else "none over limit")


def test_open_incidents_stand_on_their_window_critical_first() -> None:
    late = incident("overtime_case", "window/w01", 1300, limit_s=1200)
    away = incident("clerk_absent", "window/w01", 400, severity="critical")
    done = incident("clerk_absent", "window/w01", 4000, lasted_s=400)
    tile = first_tile(node("edge-f1", window("w01", "unstaffed", "absent")), late, away, done)
    assert [(a.rule_word, a.severity_word) for a in tile.alerts] == [
        ("Clerk absent", "Critical"),
        ("Overtime", "Warning"),
    ]


def test_an_incident_in_words() -> None:
    view = incident(
        "long_wait",
        "zone/hall",
        2280,
        limit_s=1800,
        detail={"count": 17, "over_limit": 3, "longest_s": 2280.0, "p50_s": 840.0, "later_key": [1, 2]},
    )
    row = only_row(view, lang="zh")
    assert (row.rule_word, row.subject, row.severity_word, row.status_word) == (
        "等候过久",
        "中央等候区",
        "提醒",
        "未结",
    )
    assert (row.since, row.limit, row.outcome) == ("自 09:37:00", "时限 30分钟", "")
    assert row.detail.split(SEPARATOR) == ["超限人数 3", "等候人数 17", "最长等候 38分钟", "等候中位数 14分钟"]
    assert only_row(incident("clerk_absent", "window/w03", 400, detail={"waiting_over_limit": True})).detail == (
        "its waiting area is over the limit"
    )
    assert only_row(incident("clerk_absent", "window/w03", 400)).subject == "3号窗口 · 医保"
    assert only_row(incident("clerk_absent", "window/w99", 400)).subject == "window/w99"  # gone from hall.yaml


@pytest.mark.parametrize(
    ("rule", "reason", "words"),
    [
        ("clerk_absent", "resolved", "cleared 10:05:00 · the clerk is back"),
        ("long_wait", "resolved", "cleared 10:05:00 · waits are back to normal"),
        ("overtime_case", "resolved", "cleared 10:05:00 · the case is finished"),
        ("clerk_absent", "off_duty", "cleared 10:05:00 · the window went off duty"),
        ("clerk_absent", "camera_lost", "cleared 10:05:00 · the camera lost sight"),
        ("clerk_absent", "registered_leave", "cleared 10:05:00 · registered_leave"),  # of a newer box
    ],
)
def test_a_cleared_incident_says_when_and_why(rule: str, reason: str, words: str) -> None:
    view = incident(rule, "window/w01", 1200, lasted_s=600, reason=reason)  # type: ignore[arg-type]
    row = only_row(view)
    assert (row.status, row.outcome) == ("cleared", words)
    assert row.elapsed == Elapsed(NOW - 1200, NOW - 600)


def test_unknown_time_does_not_count() -> None:
    row = only_row(incident("clerk_absent", "window/w01", 700, unknown_s=90))
    assert row.elapsed == Elapsed(NOW - 610)
    assert row.detail == "1 min 30 s of it could not be seen"


def test_an_absence_does_not_count_the_lunch_break() -> None:
    at = from_iso("2026-01-05T05:40:00Z")  # 13:40; gone since 11:58, closed from 12:00 to 13:30
    view = incident("clerk_absent", "window/w01", 102 * 60, now=at)
    assert only_row(view, now=at).elapsed == Elapsed(at - 12 * 60)
    # A case or a wait lasts as long as the people are there.
    view = incident("overtime_case", "window/w01", 102 * 60, now=at)
    assert only_row(view, now=at).elapsed == Elapsed(at - 102 * 60)


def test_an_open_incident_of_a_silent_box_stands_still() -> None:
    box = node("edge-f1", window("w01", "unstaffed", "absent"), status="offline", at=NOW - 100)
    row = only_row(incident("clerk_absent", "window/w01", 700), box)
    assert row.elapsed == Elapsed(NOW - 700, NOW - 100)


def test_incidents_come_newest_first_and_open_ones_never_fall_off() -> None:
    old_open = incident("clerk_absent", "window/w01", 80_000)
    cleared = [incident("clerk_absent", "window/w02", 1000 + 10 * n, lasted_s=400) for n in range(SHOWN_INCIDENTS + 5)]
    rows = board(old_open, *cleared).incidents
    assert len(rows) == SHOWN_INCIDENTS + 1
    assert rows[0].event_id == cleared[0].event_id
    assert rows[-1].event_id == old_open.event_id


def test_a_board_of_one_state_stays_equal_while_time_passes() -> None:
    views = busy_morning(NOW)
    assert board(*views) == board(*views, now=NOW + 4.987)


@pytest.mark.parametrize(
    ("lang", "words", "detail"),
    [
        ("zh", ("摄像机故障", "摄像机 c1"), "已移位 · 移动像素 24 · 画面宽度像素 416"),
        ("en", ("Camera fault", "Camera c1"), "moved · pixels it moved: 24 · pixels across: 416"),
    ],
)
def test_a_camera_fault_in_words(lang: Lang, words: tuple[str, str], detail: str) -> None:
    view = incident("camera_fault", "camera/c1", 40, detail={"fault": "moved", "moved_px": 24.0, "width_px": 416})
    row = only_row(view, lang=lang)
    assert (row.rule_word, row.subject) == words
    assert row.detail.replace("\N{NO-BREAK SPACE}", " ") == detail
    newer = incident("camera_fault", "camera/c1", 40, detail={"fault": "stolen"})
    assert only_row(newer, lang=lang).detail == "", "a newer box may know faults that this console has no word for"


def test_consequences_stand_under_their_cause_and_on_their_own_where_it_is_not_shown() -> None:
    cause = incident("camera_fault", "camera/c1", 900)
    under = msgspec.structs.replace(incident("clerk_absent", "window/w01", 800), head=cause.event_id)
    alone = msgspec.structs.replace(incident("clerk_absent", "window/w02", 700), head="of another day")
    rows = board(cause, under, alone).incidents
    shown = [(row.event_id, [member.event_id for member in row.members]) for row in rows]
    assert shown == [(alone.event_id, []), (cause.event_id, [under.event_id])]

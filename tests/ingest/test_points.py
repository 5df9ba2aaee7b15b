from __future__ import annotations

from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from hall.clock import to_datetime
from hall.messages import (
    AnyBody,
    CameraHealth,
    CrossingBody,
    EventBody,
    HealthBody,
    HeatBody,
    HeatCell,
    SessionBody,
    StateBody,
    StatusBody,
    StayBody,
    StreamName,
    WindowState,
    ZoneState,
)
from ingest._own_points import HandlingPoint, RatingPoint, TicketsPoint
from ingest.points import CODES, MEASUREMENTS, Measurement, points_of, table_markdown
from tests.support.centre import ROOT, T0, Numbered, a_session, an_event

MS = "1767574800000"


def _lines(body: AnyBody, at: float = T0) -> list[str]:
    points = points_of(Numbered().message(at, body), received_at=T0 + 7)
    return [] if points is None else points.lines.decode().split("\n")


def test_state_becomes_a_line_per_window_and_zone() -> None:
    windows = [
        WindowState("w01", "open", "present", to_datetime(T0 - 12.5), 2, 61.5, "serving"),
        WindowState("w02", "closed", "unknown", None, 0, None, "unknown"),
    ]
    zones = [ZoneState("waiting", 5, 99.0, 50.0, 90.0, 120.0, 1), ZoneState("hall", None, None, None, None, None, 0)]
    assert _lines(StateBody(windows, zones)) == [
        f"window,hall=demo,floor=f1,window=w01 duty=1,clerk=1,customers=2,status=2,session_s=61.5 {MS}000000",
        f"window,hall=demo,floor=f1,window=w02 duty=0,clerk=-1,customers=0,status=-1 {MS}000000",
        "zone,hall=demo,floor=f1,zone=waiting over_limit=1,count=5,longest_wait_s=99.0,wait_p50_s=50.0,wait_p90_s=90.0,"
        f"expected_wait_s=120.0 {MS}000000",
        f"zone,hall=demo,floor=f1,zone=hall over_limit=0 {MS}000000",
    ]


def test_health_becomes_cameras_and_a_node() -> None:
    camera = CameraHealth("c1", "live", 4.9, 3.0, 20.5, None, 0.25, 3, 1, fault="dark", stream="substream")
    assert _lines(HealthBody([camera], 7, 900, 2, 150.5, "nanodet", "CPU")) == [
        "camera,hall=demo,floor=f1,node=edge-f1,camera=c1 "
        "state=1,fps=4.9,decode_ms=3.0,inference_ms=20.5,skipped_share=0.25,drops=3,reconnects=1,fault=1,fallback=0,"
        f"stream=1 {MS}000000",
        f"node,hall=demo,floor=f1,node=edge-f1 outbox_depth=7,outbox_bytes=900,thinned=2,rss_mb=150.5,"
        f"load=0.0,overloaded=0,missed_share=0.0 {MS}000000",
    ]


def test_heat_of_the_plan_and_of_a_picture() -> None:
    cells = [HeatCell(3, 4, 12.5)]
    assert _lines(HeatBody(60.0, None, cells)) == [
        f"heat,hall=demo,floor=f1,camera=plan,x=3,y=4 person_s=12.5 {MS}000000"
    ]
    assert _lines(HeatBody(60.0, "c1", cells))[0].startswith("heat,hall=demo,floor=f1,camera=c1,")
    assert _lines(HeatBody(60.0, None, [])) == []


def test_a_session_stands_at_its_end() -> None:
    line = _lines(a_session(0), at=T0 + 500)[0]
    assert line.startswith("session,hall=demo,floor=f1,window=w01 duration_s=60.0,unknown_s=0.0,overtime=0 ")
    assert int(line.rsplit(" ", 1)[1]) // 1_000_000 == (T0 + 60) * 1000


def test_the_phases_of_an_event_never_overwrite_each_other() -> None:
    lines = [_lines(an_event(phase))[0] for phase in ("raised", "updated", "cleared")]
    assert len({line.split(" ")[0] for line in lines}) == 3
    assert "subject=window/w01,phase=raised phase_code=1,severity=1," in lines[0]


LEFT = StayBody("stay-1", "waiting", to_datetime(T0), to_datetime(T0 + 60.25), 60.25, "left")


@pytest.mark.parametrize("body", [LEFT, CrossingBody("door", "in")])
def test_many_in_one_frame_have_milliseconds_of_their_own_in_their_second(body: AnyBody) -> None:
    node = Numbered()
    messages = [node.message(T0 + 60.25, body) for _ in range(1000)]
    lines = [points.lines for message in messages if (points := points_of(message, T0))]
    moments = [int(line.rsplit(b" ", 1)[1]) for line in lines]
    assert sorted(moments) == [int(T0 + 60) * 1_000_000_000 + i * 1_000_000 for i in range(1000)]
    again = [points.lines for message in messages if (points := points_of(message, T0 + 9))]
    assert again == lines


def test_a_last_will_counts_when_it_is_heard() -> None:
    assert _lines(StatusBody("online", "1"), at=T0)[0].endswith(f" status=1 {MS}000000")
    assert _lines(StatusBody("offline", "1"), at=T0)[0].endswith(" status=0 1767574807000000000")


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a b", r"a\ b"),  # a space would end the tags
        ("a,b=c", r"a\,b\=c"),  # so would these begin another
        ("a\nb", r"a\ b"),  # a second line of its own
        ("a\\", "a/"),  # it would escape what follows
        ("", "-"),  # no tag may be empty
        ("窗口", "窗口"),
        ('a",1', 'a"\\,1'),  # lines are made as JSON, in which these would end a text
        ("a,session_s=null", r"a\,session_s\=null"),  # what is left out of fields is no part of a name
    ],
)
def test_names_cannot_break_out_of_a_tag(name: str, written: str) -> None:
    body = StateBody([WindowState(name, "open", "absent", None, 0, None, "idle")], [])
    assert _lines(body)[0].startswith(f"window,hall=demo,floor=f1,window={written} duty=")


def _words(model: type[Any], field: str) -> set[str]:
    return set(get_args(get_type_hints(model)[field]))


def test_every_word_of_the_messages_has_a_number() -> None:
    words = {
        "duty": _words(WindowState, "duty"),
        "clerk": _words(WindowState, "clerk"),
        "window status": _words(WindowState, "status"),
        "severity": _words(EventBody, "severity"),
        "phase": _words(EventBody, "phase"),
        "camera state": _words(CameraHealth, "state"),
        "stream": set(get_args(StreamName)),
        "node status": _words(StatusBody, "status"),
    }
    assert {name: set(codes) for name, codes in CODES.items()} == words
    assert all(len(set(codes.values())) == len(codes) for codes in CODES.values())


ROWS = {
    "window": WindowState,
    "zone": ZoneState,
    "session": SessionBody,
    "event": EventBody,
    "stay": StayBody,
    "crossing": CrossingBody,
    "heat": HeatCell,
    "camera": CameraHealth,
    "node": HealthBody,
    "rating": RatingPoint,
    "tickets": TicketsPoint,
    "incident": HandlingPoint,
}


@pytest.mark.parametrize("measurement", MEASUREMENTS, ids=lambda m: f"{m.name} from {m.kind}")
def test_what_may_be_missing_is_declared(measurement: Measurement[Any]) -> None:
    hints = get_type_hints(StatusBody if measurement.kind == "status" else ROWS[measurement.name])
    for field in measurement.fields:
        if field.value is None:
            hint = hints[field.name]
            assert field.optional == (type(None) in get_args(hint)), field.name
            assert field.whole == (hint is int), field.name


def test_no_measurement_has_a_tag_and_a_field_of_one_name() -> None:
    # InfluxDB 3 refuses such a table.
    for m in MEASUREMENTS:
        names = ["hall", "floor", *(t.name for t in m.tags), *(f.name for f in m.fields)]
        assert len(set(names)) == len(names), m.name


def test_the_page_shows_the_table() -> None:
    page = (Path(ROOT) / "docs" / "store.md").read_text(encoding="utf-8")
    begin, end = "<!-- points: begin -->\n", "\n<!-- points: end -->"
    assert begin in page
    assert page.partition(begin)[2].partition(end)[0] == table_markdown(), (
        "docs/store.md is behind; between its marks must stand the output of python -c "
        '"from ingest.points import table_markdown; print(table_markdown())"'
    )

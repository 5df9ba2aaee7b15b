"""Pages of windows without a browser: figures of a day, spans of states, pictures with their texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import insert

from dashboards.history.charts import bin_minutes, histogram, timeline
from dashboards.history.figures import Span, WindowPast, read_past, read_today, satisfied, spans_of
from dashboards.svg import markup
from hall.clock import Instant
from hall.messages import StateBody, WindowStatus
from ingest._tables_inputs import ratings
from ingest.records import Records
from ingest.rollups import WINDOW_SUMS, Rollup, Sums
from ingest.schema import rollups, sessions
from tests.dashboards.sample_hall import NOW, sample_hall, window

HALL = sample_hall()
DAY_S = 86_400.0


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    found = Records(f"sqlite:///{tmp_path}/records.db")
    _fill(found)
    yield found
    found.close()


def _fill(records: Records) -> None:
    """This morning: 40 minutes with somebody there, 10 without, 5 unknown; four cases; yesterday one case."""
    held: list[tuple[WindowStatus, int]] = [("serving", 30), ("idle", 10), ("unstaffed", 10), ("unknown", 5)]
    start, rows = int(NOW - 3600), []
    place = {"hall": "demo", "floor": "f1", "node": "edge-f1"}
    for status, minutes in held:
        for _ in range(minutes):
            sums = Sums()
            sums.hold(StateBody([window("w01", status)], []), 60.0)
            rows.append({**place, "period": "minute", "start": start, "body": sums.encode()})
            start += 60
    cases = [(NOW - 3000 + 300 * k, lasted, k == 3) for k, lasted in enumerate((120.0, 240.0, 300.0, 1400.0))]
    cases.append((NOW - DAY_S, 600.0, False))
    with records.writing() as connection:
        connection.execute(insert(rollups), rows)
        for k, (at, lasted, over) in enumerate(cases):
            row = {**place, "session_id": f"s{k}", "window": "w01", "started_at": at, "ended_at": at + lasted}
            connection.execute(insert(sessions).values(**row, duration_s=lasted, unknown_s=0.0, overtime=over))
        for k, score in enumerate((5, 4, 3, 2)):
            row = {"hall": "demo", "key": f"r{k}", "floor": "f1", "window": "w01", "score": score, "at": NOW - 100}
            connection.execute(insert(ratings).values(**row))


def test_all_windows_today(records: Records) -> None:
    first, second, *_ = read_today(records, HALL, NOW)
    assert first.presence == pytest.approx(0.8)
    assert (first.sessions, first.overtime, first.unknown_s, first.median_s) == (4, 1, 300.0, 270.0)
    assert first.p90_s == pytest.approx(1070.0)
    assert (second.presence, second.sessions, second.median_s) == (None, 0, None)


def test_a_window_over_a_day_and_thirty(records: Records) -> None:
    floor = HALL.floors[0]
    past = read_past(records, HALL, floor, floor.windows[0], date(2026, 1, 5), NOW)
    assert [(span.status, span.end - span.start) for span in past.spans] == [
        ("serving", 1800),
        ("idle", 600),
        ("unstaffed", 600),
        ("unknown", 300),
    ]
    assert (len(past.cases), len(past.durations_s), len(past.days)) == (4, 5, 30)
    (today, figures, count, share), (_, before, *_), *_ = past.days
    assert (today, figures.sessions, before.sessions, count, share) == (date(2026, 1, 5), 4, 1, 4, 0.75)


def test_a_gap_parts_spans() -> None:
    def minute(start: float) -> Rollup:
        return Rollup("demo", "f1", "edge-f1", start, {"w01": dict.fromkeys(WINDOW_SUMS, 0.0) | {"idle_s": 60.0}}, {})

    assert spans_of([minute(0), minute(60), minute(180)], "w01") == (Span(0, 120, "idle"), Span(180, 240, "idle"))
    assert spans_of([minute(0)], "w02") == ()


def _past(records: Records) -> WindowPast:
    floor = HALL.floors[0]
    return read_past(records, HALL, floor, floor.windows[0], date(2026, 1, 5), NOW)


def _clock(at: Instant) -> str:
    return f"{at:.0f}"


def test_pictures_say_in_words_what_they_show(records: Records) -> None:
    past = _past(records)
    drawn = markup(timeline(past, "时间线", "<状态>", str, _clock))
    assert drawn.count('class="state-unstaffed"') == 1
    assert drawn.count('class="case-over"') == 1
    assert "&lt;状态&gt;" in drawn
    columns = markup(histogram(past.durations_s, past.limit_s, "分布", "说明", "分"))
    assert columns.count('class="case"') == 12
    assert "<title>2–4: 1</title>" in columns
    assert markup(timeline(replace(past, spans=(), cases=()), "空", "", str, _clock)).count("state-") == 0


def test_columns_are_neither_too_many_nor_none() -> None:
    assert [bin_minutes(lasted) for lasted in (0.0, 900.0, 1400.0, 7200.0, 1e6)] == [1, 1, 2, 10, 120]


def test_who_is_satisfied() -> None:
    assert satisfied([]) is None
    assert satisfied([5, 3, 2, 1]) == 0.5

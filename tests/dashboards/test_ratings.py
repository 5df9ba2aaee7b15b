"""The page of ratings without a browser: shares by window and day, the bar of scores in words."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

from sqlalchemy import insert

from dashboards.ratings.page import read_ratings, share, spread
from dashboards.ratings.words import RATING_WORDS
from dashboards.svg import markup
from ingest._tables_inputs import ratings
from ingest.records import Records
from tests.dashboards.sample_hall import NOW, sample_hall

DAY_S = 86_400.0


def test_by_window_and_by_day_of_the_hall(tmp_path: Path) -> None:
    """The newest day first; what is older than thirty days and what is of another hall counts for nothing."""
    given = [
        ("demo", "w01", 5, 60.0),
        ("demo", "w01", 3, DAY_S),
        ("demo", "w02", 1, DAY_S),
        ("demo", "w02", 5, 31 * DAY_S),
        ("other", "w01", 1, 60.0),
    ]
    records = Records(f"sqlite:///{tmp_path}/records.db")
    with records.writing() as connection:
        for k, (hall, window, score, ago_s) in enumerate(given):
            row = {"hall": hall, "key": str(k), "floor": "f1", "window": window, "score": score, "at": NOW - ago_s}
            connection.execute(insert(ratings).values(**row))
    found = read_ratings(records, sample_hall(), NOW)
    records.close()
    assert (found.windows["w01"], found.windows["w02"]) == (Counter({5: 1, 3: 1}), Counter({1: 1}))
    assert list(found.days) == [date(2026, 1, 5), date(2026, 1, 4)]
    assert found.days[date(2026, 1, 4)] == Counter({3: 1, 1: 1})
    assert found.windows["w03"].total() == 0


def test_who_is_satisfied() -> None:
    assert share(Counter()) is None
    assert share(Counter({5: 2, 3: 1, 2: 1})) == 0.75


def test_the_bar_says_its_numbers() -> None:
    drawn = markup(spread(Counter({5: 3, 1: 1}), "<1号>", RATING_WORDS["zh"]))
    assert 'width="180" height="14" class="score-5"' in drawn
    assert "非常满意 3 · 满意 0 · 基本满意 0 · 不满意 0 · 非常不满意 1" in drawn
    assert "<1号>" not in drawn

"""What duty commands make of opening hours."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hall.clock import Instant, from_iso, to_datetime
from hall.duty import DutyCommand, DutyPlan, DutyTable, decode_table, encode_table
from hall.errors import InputError
from hall.messages import DutyOrder, WindowDuty

NINE = from_iso("2026-01-05T01:00:00Z")


def order(duty: DutyOrder, since_s: float, until_s: float | None = None, window: str = "w01") -> DutyCommand:
    until = None if until_s is None else to_datetime(NINE + until_s)
    return DutyCommand(window, duty, to_datetime(NINE + since_s), until)


def always(start: Instant, end: Instant) -> float:
    return end - start


@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        # until something is said, the hours count
        ([], ["open", "open", "open", "open"]),
        # a pause lasts until the next command
        ([order("paused", 10), order("open", 30)], ["open", "paused", "open", "open"]),
        # leave ends by itself
        ([order("leave", 10, 30)], ["open", "leave", "open", "open"]),
        # the command with the latest time counts, in whatever order they came
        ([order("open", 30), order("paused", 10)], ["open", "paused", "open", "open"]),
        # of the same time, the one that came last
        ([order("paused", 10), order("leave", 10, 30)], ["open", "leave", "open", "open"]),
        # another window
        ([order("paused", 10, window="w02")], ["open", "open", "open", "open"]),
        # a leave is cut short, and what it was cut by ends before the leave would have
        ([order("leave", 10, 100), order("paused", 20, 40)], ["open", "paused", "open", "open"]),
    ],
)
def test_what_a_window_should_do(commands: list[DutyCommand], expected: list[WindowDuty]) -> None:
    plan = DutyPlan(commands)
    found = [plan.duty("w01", NINE + at, is_open=True) for at in (9.9, 25, 50, 200)]
    if commands and commands[0].until is None and len(commands) == 1:
        assert plan.duty("w02", NINE + 11, is_open=True) == "paused"
    assert found == expected
    assert plan.duty("w01", NINE + 25, is_open=False) == "closed"


def test_ends_are_exact() -> None:
    plan = DutyPlan([order("leave", 10, 30)])
    assert [plan.duty("w01", NINE + at, is_open=True) for at in (9.999, 10, 29.999, 30)] == [
        "open",
        "leave",
        "leave",
        "open",
    ]


def test_time_off_by_command_is_no_open_time() -> None:
    seconds = DutyPlan([order("leave", 10, 30), order("paused", 50)]).open_seconds("w01", always)
    assert seconds(NINE, NINE + 100) == 30
    assert seconds(NINE + 15, NINE + 25) == 0
    assert seconds(NINE + 60, NINE + 100) == 0
    assert DutyPlan().open_seconds("w01", always)(NINE, NINE + 100) == 100


def test_a_window_on_demand_is_open_only_by_command() -> None:
    plan = DutyPlan([order("open", 10, 30), order("paused", 20, 25)], on_demand={"w01"})
    assert [plan.duty("w01", NINE + at, is_open=True) for at in (9, 10, 22, 26, 30)] == [
        "closed",
        "open",
        "paused",
        "closed",
        "closed",
    ]
    assert plan.duty("w01", NINE + 15, is_open=False) == "closed"
    assert plan.duty("w02", NINE, is_open=True) == "open"
    assert DutyPlan(on_demand={"w01"}).duty("w01", NINE, is_open=True) == "closed"


orders = st.builds(
    order,
    st.sampled_from(("open", "paused", "leave")),
    st.integers(0, 100),
    st.one_of(st.none(), st.integers(0, 120)),
)


@given(st.lists(orders, max_size=8), st.booleans())
def test_seconds_agree_with_moments(commands: list[DutyCommand], on_demand: bool) -> None:
    """Whatever was commanded, the open seconds are those at which the window is open."""
    plan = DutyPlan(commands, ["w01"] if on_demand else [])
    open_s = sum(plan.duty("w01", NINE + second + 0.5, is_open=True) == "open" for second in range(200))
    assert plan.open_seconds("w01", always)(NINE, NINE + 200) == open_s


@given(st.lists(orders, max_size=8), st.integers(0, 2**63 - 1))
def test_a_table_comes_back(commands: list[DutyCommand], revision: int) -> None:
    table = DutyTable(revision, commands)
    assert decode_table(encode_table(table)) == table


@given(st.binary(max_size=200))
def test_anything_else_is_refused(payload: bytes) -> None:
    try:
        decode_table(payload)
    except InputError as exc:
        assert "duty/set" in str(exc)  # noqa: PT017 - most of them are no table, some are


def test_what_is_wrong_is_said() -> None:
    command = {"window": "w01", "duty": "asleep", "since": "2026-01-05T01:00:00Z"}
    with pytest.raises(InputError, match=re.escape("$.commands[0].duty")):
        decode_table(json.dumps({"revision": 1, "commands": [command]}).encode())
    with pytest.raises(InputError, match="since"):
        decode_table(b'{"commands": [{"window": "w01", "duty": "open", "since": "2026-01-05T01:00:00"}]}')


def test_the_sample_of_the_page_is_right() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "mqtt.md").read_text(encoding="utf-8")
    section = re.split(r"\n#{2,3} ", page.partition("\n### duty/set")[2])[0]
    (sample,) = re.findall(r"```json\n(.*?)```", section, re.DOTALL)
    assert [command.window for command in decode_table(sample.encode()).commands] == ["w01", "w02"]

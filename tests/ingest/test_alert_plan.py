from __future__ import annotations

from dataclasses import replace

import pytest

from ingest._alert_plan import Entry, Pace, Waiting, entries_of, fit

NOW = 1000.0


def _alert(number: int, event: str = "", phase: str = "raised", opening: int = 1, next_at: float = NOW) -> Waiting:
    return Waiting(number, event or f"e{number}", phase, opening, "title", "body", NOW - 10, next_at, 0)


def _entries(*alerts: Waiting, merge: bool = True, told_at: dict[str, float] | None = None) -> list[list[int]]:
    found = entries_of(alerts, NOW, merge=merge, cooldown_s=300.0, told_at=told_at or {})
    return [[alert.id for alert in entry.alerts] for entry in found]


@pytest.mark.parametrize(
    ("alerts", "people", "machine"),
    [
        # two incidents
        ([_alert(1), _alert(2)], [[1], [2]], [[1], [2]]),
        # one that was over before it could be told
        ([_alert(1, "a"), _alert(2), _alert(3, "a", "cleared")], [[1, 3], [2]], [[1], [2], [3]]),
        # its first alert was refused and waits: the second never overtakes it
        ([_alert(1, "a", next_at=NOW + 1), _alert(2, "a", "cleared"), _alert(3)], [[3]], [[3]]),
        # its first alert is due, its second was refused
        ([_alert(1, "a"), _alert(2, "a", "cleared", next_at=NOW + 1)], [], [[1]]),
        # its first alert was refused before the clock was set back by an hour
        ([_alert(1, "a", next_at=NOW + 3602), _alert(2, "a", "cleared")], [[1, 2]], [[1], [2]]),
        # it is held until the end of quiet hours
        ([replace(_alert(1, "a", next_at=NOW + 3602), held_until=NOW + 3602)], [], []),
    ],
)
def test_what_is_said_to_people_and_to_machines(
    alerts: list[Waiting], people: list[list[int]], machine: list[list[int]]
) -> None:
    assert _entries(*alerts) == people
    assert _entries(*alerts, merge=False) == machine


@pytest.mark.parametrize(
    ("alerts", "told_at", "said"),
    [
        # it opened again four minutes after it was told: that waits
        ([_alert(2, "a", opening=2)], {"a": NOW - 240}, []),
        # and goes when five are over
        ([_alert(2, "a", opening=2)], {"a": NOW - 300}, [[2]]),
        # it was never told, as nothing could be sent: no reason to wait
        ([_alert(1, "a"), _alert(2, "a", "cleared"), _alert(3, "a", opening=2)], {}, [[1, 2, 3]]),
        # the clock was set back since
        ([_alert(2, "a", opening=2)], {"a": NOW + 3600}, [[2]]),
        # that it is over is told at once
        ([_alert(2, "a", "cleared")], {"a": NOW - 1}, [[2]]),
    ],
)
def test_the_cooldown_is_spent_on_what_was_sent(
    alerts: list[Waiting], told_at: dict[str, float], said: list[list[int]]
) -> None:
    assert _entries(*alerts, told_at=told_at) == said


@pytest.mark.parametrize(
    ("waiting", "sent_at", "messages"),
    [
        # a quiet minute: one by one
        (15, [], [1] * 15),
        (16, [], [16]),
        (3, [NOW - 5] * 12, [1, 1, 1]),
        # only what is kept is left: they gather for 12 s, then go together
        (3, [NOW - 5] * 15, []),
        (3, [NOW - 12] * 15, [3]),
        (500, [NOW - 12] * 19, [500]),
        # nothing is left
        (3, [NOW - 59] * 20, []),
        # a minute ago is over; a clock that was set back does not silence a channel
        (3, [NOW - 60] * 20, [1, 1, 1]),
        (3, [NOW + 60] * 20, [1, 1, 1]),
    ],
)
def test_a_channel_is_written_to_20_times_a_minute(waiting: int, sent_at: list[float], messages: list[int]) -> None:
    entries = [Entry(_alert(number)) for number in range(waiting)]
    assert [len(some) for some in Pace(20).messages(entries, sent_at, NOW)] == messages
    assert [len(some) for some in Pace(None).messages(entries, sent_at, NOW)] == [1] * waiting


def test_lines_fill_texts_up_to_their_limit() -> None:
    assert fit(["窗口"] * 5, 14) == [2, 2, 1]
    assert fit(["a" * 50, "b"], 14) == [1, 1]
    assert fit([], 14) == []

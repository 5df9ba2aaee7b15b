"""When a state is told again."""

from __future__ import annotations

from edge._pace import StatePace


class Told:
    """A state whose gist may change."""

    def __init__(self) -> None:
        self.pace, self.gist = StatePace(), 0

    def at(self, now: float, *, urgent: bool = False) -> bool:
        return self.pace.is_due(now, lambda: [self.gist], urgent=urgent)


def test_nothing_new_is_told_every_ten_seconds() -> None:
    told = Told()
    assert [at_s for at_s in range(31) if told.at(float(at_s))] == [0, 10, 20, 30]


def test_what_changed_is_told_at_once_but_twice_a_second_at_most() -> None:
    told = Told()
    due = []
    for step in range(20):
        told.gist += step >= 3
        due.append(told.at(0.2 * step))
    assert [step for step, yes in enumerate(due) if yes] == [0, 3, 6, 9, 12, 15, 18]


def test_a_state_never_lags_behind_an_event() -> None:
    told = Told()
    assert told.at(0.0)
    assert told.at(0.1, urgent=True)
    assert not told.at(0.2)


def test_of_one_moment_there_is_one_state_and_what_was_urgent_follows() -> None:
    """A second camera's frame of the same moment, or an older one."""
    told = Told()
    assert told.at(5.0)
    assert not told.at(5.0, urgent=True)
    assert not told.at(4.0)
    assert told.at(5.1), "the urgent one is owed"
    assert not told.at(5.2)

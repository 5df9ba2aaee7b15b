"""Chains: which one, and which steps when."""

from __future__ import annotations

from typing import Any

import pytest

from hall.schedule import Schedule
from ingest.escalation import Chain, ChainStep, Outcome, Standing, chain_for, step
from ingest.incidents import Incident, changed, merge
from tests.support.centre import T0, Numbered, an_event

AT_ONCE = ChainStep(0.0, ("desk",))
LATER = ChainStep(300.0, ("manager",))
AT_LAST = ChainStep(1800.0, ("director",), unless="cleared")
CHAIN = Chain("all", (AT_ONCE, LATER, AT_LAST))


@pytest.mark.parametrize(
    ("standing", "after_s", "expected"),
    [
        # it opens
        (Standing(0, T0), 0, Outcome(1, (AT_ONCE,), T0 + 300)),
        # nobody has come yet, and it is not time
        (Standing(1, T0), 299, Outcome(1, (), T0 + 300)),
        (Standing(1, T0), 300, Outcome(2, (LATER,), T0 + 1800)),
        # somebody sees to it: the step passes without anybody being told
        (Standing(1, T0, is_acknowledged=True), 300, Outcome(2, (), T0 + 1800)),
        # and it still goes on
        (Standing(2, T0, is_acknowledged=True), 1800, Outcome(3, (AT_LAST,), None)),
        # the centre was down: what is due is taken together
        (Standing(1, T0), 5000, Outcome(3, (LATER, AT_LAST), None)),
        # all is done
        (Standing(3, T0), 9000, Outcome(3, (), None)),
        # it is over
        (Standing(1, T0, is_over=True), 300, Outcome(1, (), None)),
        # the chain was made shorter meanwhile
        (Standing(7, T0), 300, Outcome(3, (), None)),
        # the clock was set back
        (Standing(1, T0), -500, Outcome(1, (), T0 + 300)),
    ],
)
def test_steps(standing: Standing, after_s: float, expected: Outcome) -> None:
    assert step(CHAIN, standing, T0 + after_s) == expected


def _incident(**values: Any) -> Incident:
    return changed(merge(None, Numbered().message(T0, an_event("raised"))), **({"opened_at": T0} | values))


DAY = Schedule({0: [(9 * 60, 17 * 60)]}, "Asia/Shanghai")
"""Open from T0 on."""


@pytest.mark.parametrize(
    ("conditions", "values", "fits"),
    [
        ({}, {}, True),
        ({"rules": {"clerk_absent", "long_wait"}}, {}, True),
        ({"rules": {"long_wait"}}, {}, False),
        ({"severities": {"critical"}}, {}, False),
        ({"severities": {"critical"}}, {"severity": "critical"}, True),
        ({"halls": {"demo"}, "floors": {"f1"}}, {}, True),
        ({"halls": {"demo"}, "floors": {"f2"}}, {}, False),
        ({"halls": {"other"}}, {}, False),
        ({"during": DAY}, {}, True),
        ({"outside": DAY}, {}, False),
        ({"outside": DAY}, {"opened_at": T0 - 1}, True),
        ({"during": DAY}, {"opened_at": T0 - 1}, False),
    ],
)
def test_which_incidents_a_chain_is_for(conditions: dict[str, Any], values: dict[str, Any], fits: bool) -> None:
    sets: dict[str, Any] = {
        key: frozenset(value) if isinstance(value, set) else value for key, value in conditions.items()
    }
    assert Chain("one", (LATER,), **sets).fits(_incident(**values)) is fits


def test_the_first_chain_that_fits() -> None:
    waits = Chain("waits", (LATER,), rules=frozenset({"long_wait"}))
    absent = Chain("absent", (LATER,), rules=frozenset({"clerk_absent"}))
    rest = Chain("rest", (LATER,))
    assert chain_for([waits, absent, rest], _incident()) is absent
    assert chain_for([waits, rest, absent], _incident()) is rest
    assert chain_for([waits], _incident()) is None

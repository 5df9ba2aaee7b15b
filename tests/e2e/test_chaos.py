"""A short `make chaos`: killed a few times while the broker comes and goes, and what is judged wrong."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tests.support.chaos import chaos, expected_messages, judge
from tests.support.feed import observations


def test_what_arrives_is_what_a_replay_says_each_once(tmp_path: Path) -> None:
    verdict = chaos(tmp_path, seed=11, kills=8, longest_life_s=0.5)
    assert verdict.wrong == []
    assert verdict.kills == 8
    assert verdict.broker_stops >= 1
    assert verdict.expected > 20


def test_a_far_end_that_lacks_doubles_or_mixes_something_is_wrong() -> None:
    feed = list(observations(1, 1_767_574_800.0, 600))
    told = expected_messages(feed, [("a", 0), ("b", 250), ("c", 250)], 600)
    assert {m.boot for m in told} == {"a", "c"}
    assert judge(told, [*told[:30], *told[20:30], *told[30:]]) == (10, [])
    (missing,) = judge(told, told[1:])[1]
    assert missing == "1 are missing, the first ('a', 1)"
    (more,) = judge(told[:-1], told)[1]
    assert "none of the replay's" in more
    other = msgspec.structs.replace(told[3], captured_at=told[4].captured_at)
    assert any("differ" in wrong for wrong in judge(told, [*told[:3], other, *told[4:]])[1])
    assert any("another message" in wrong for wrong in judge(told, [*told, other])[1])
    assert judge(told, [told[1], told[0], *told[2:]])[1] == ["they came in another order"]

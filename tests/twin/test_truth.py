"""The truth that follows from the rendered clips."""

from __future__ import annotations

from pathlib import Path

import pytest

from hall.errors import InputError
from tests.support.clips import clip_hall, clip_truths
from twin.clip_truth import clip_truth

LIMITS = {
    "limits": {"clerk_absent": "8s", "long_wait": "10s", "overtime_case": "10s"},
    "session": {"open_after": "2s", "close_after": "2s"},
}


def test_the_story_of_the_clips(tmp_path: Path) -> None:
    """As it was written: clerk 1 away 6.6 to 23.8 s, nobody else; cit_check until 10.0, cit_old until 7.5."""
    _, hall = clip_hall(tmp_path, **LIMITS)
    truth = clip_truth(hall, clip_truths())
    absences = [e for e in truth.events if e.rule == "clerk_absent"]
    assert [e.subject for e in absences] == ["window/w01"]
    assert absences[0].start_s == pytest.approx(6.6, abs=0.2)
    assert absences[0].end_s == pytest.approx(23.8, abs=0.2)
    ended = {(s.window, s.start_s): s.end_s for s in truth.sessions}
    assert ended == {("w02", 0.0): pytest.approx(10.0, abs=0.5), ("w03", 0.0): pytest.approx(7.5, abs=0.5)}
    over = {e.subject for e in truth.events if e.rule == "overtime_case"}
    assert over == {"window/w01", "window/w02"}
    left = {s.zone: s.end_s for s in truth.stays}
    assert left == {"front": pytest.approx(9.9, abs=0.5), "back": pytest.approx(22.0, abs=0.5)}


def test_limits_decide(tmp_path: Path) -> None:
    """With a limit longer than the absence there is none."""
    _, hall = clip_hall(tmp_path, limits={"clerk_absent": "20s"})
    assert not [e for e in clip_truth(hall, clip_truths()).events if e.rule == "clerk_absent"]


def test_no_truth_file(tmp_path: Path) -> None:
    _, hall = clip_hall(tmp_path, **LIMITS)
    with pytest.raises(InputError, match="missing"):
        clip_truth(hall, {"cam1": tmp_path / "missing.json"})

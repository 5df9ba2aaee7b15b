"""`hallwatch replay` and `evaluate` on the rendered clips, as a user calls them."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hall.messages import EventBody, Message, SessionBody, StateBody
from tests.support.clips import CLIPS, clip_hall, clip_truths
from tests.support.command import call
from twin.clip_truth import clip_truth
from twin.evaluate import read_messages

SHOW = {
    "limits": {"clerk_absent": "8s", "long_wait": "10s", "overtime_case": "10s", "clear_hold": "2s"},
    "presence": {"window": "4s"},
    "session": {"open_after": "2s", "close_after": "2s"},
}


def hallwatch(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Messages of the clips and their truth under the limits of issue 2."""
    folder = tmp_path_factory.mktemp("replay")
    hall_file, hall = clip_hall(folder, **SHOW)
    out, truth = folder / "out.jsonl", folder / "truth.json"
    truth.write_bytes(msgspec.json.encode(clip_truth(hall, clip_truths())))
    done = hallwatch("replay", hall_file, "--out", out)
    assert done.returncode == 0, done.stderr
    return out, truth


def events(messages: list[Message]) -> list[EventBody]:
    return [message.body for message in messages if isinstance(message.body, EventBody)]


def test_one_absence_critical_and_on_time(replayed: tuple[Path, Path]) -> None:
    """Clerk 1 leaves at 6.6 s with a citizen at the window and is back at 23.8 s; nobody else is absent."""
    messages = read_messages(replayed[0])
    began = 1767574800.0
    absences = [event for event in events(messages) if event.rule == "clerk_absent"]
    assert {event.subject for event in absences} == {"window/w01"}
    assert [event.phase for event in absences] == ["raised", "cleared"]
    raised, cleared = absences
    assert raised.severity == "critical"
    assert raised.started_at.timestamp() - began == pytest.approx(6.6, abs=1.0)
    assert cleared.ended_at is not None
    assert cleared.ended_at.timestamp() - began == pytest.approx(23.8, abs=1.0)
    assert cleared.reason == "resolved"


def test_figures_against_the_truth(replayed: tuple[Path, Path]) -> None:
    """Events, sessions and stays are those of the truth, within 1.5 s, and no others."""
    out, truth = replayed
    done = call("evaluate", out, truth, "--json")
    assert done.returncode == 0, done.stderr
    figures: dict[str, Any] = json.loads(done.stdout)
    scores = {**figures["events"], "sessions": figures["sessions"], "stays": figures["stays"]}
    for name, score in scores.items():
        assert score["truth"] > 0, name
        assert (score["precision"], score["recall"]) == (1.0, 1.0), (name, score)
        assert score["start_error_p95_s"] <= 1.5, (name, score)
        for error in (score.get("end_error_p95_s"), score.get("duration_error_p95_s")):
            assert error is None or error <= 1.5, (name, score)


def test_the_table_is_for_people(replayed: tuple[Path, Path]) -> None:
    done = call("evaluate", *replayed)
    assert "clerk_absent" in done.stdout
    assert "precision" in done.stdout


def test_messages_are_numbered_and_in_order(replayed: tuple[Path, Path]) -> None:
    messages = read_messages(replayed[0])
    assert [message.seq for message in messages] == list(range(1, len(messages) + 1))
    assert all(a.captured_at <= b.captured_at for a, b in pairwise(messages))
    assert any(isinstance(message.body, StateBody) for message in messages)
    assert any(isinstance(message.body, SessionBody) for message in messages)


@pytest.mark.usefixtures("replay_remembers")
def test_a_replay_again_gives_the_same_bytes(replayed: tuple[Path, Path], tmp_path: Path) -> None:
    hall_file, _ = clip_hall(tmp_path, **SHOW)
    out = tmp_path / "again.jsonl"
    assert call("replay", hall_file, "--out", out).returncode == 0
    assert out.read_bytes() == replayed[0].read_bytes()


@pytest.mark.usefixtures("replay_remembers")
def test_duty_commands_count_by_the_time_of_the_pictures(tmp_path: Path) -> None:
    """The clerk has leave from 5 s to 15 s and is back at 23.8 s: absent for 8.8 s, of which 5 are allowed."""
    hall_file, _ = clip_hall(tmp_path, **SHOW)
    duty, out = tmp_path / "duty.json", tmp_path / "out.jsonl"
    leave = {"window": "w01", "duty": "leave", "since": "2026-01-05T01:00:05Z", "until": "2026-01-05T01:00:15Z"}
    duty.write_text(json.dumps({"commands": [leave]}), encoding="utf-8")
    assert call("replay", hall_file, "--out", out, "--duty", duty).returncode == 0
    raised = next(event for event in events(read_messages(out)) if event.rule == "clerk_absent")
    assert raised.started_at.timestamp() - 1767574800.0 == pytest.approx(15.0, abs=0.5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        # the recording is not there
        (["--source", "cam1=missing.mp4"], ["missing.mp4", "no such file"]),
        # a camera that the hall does not have
        (["--source", f"cam9={CLIPS / 'cam1.mp4'}"], ["cam9", "cam1, cam2"]),
        # no CAMERA=FILE
        (["--source", "cam1"], ["CAMERA=FILE"]),
        # no time
        (["--start", "tomorrow"], ["tomorrow", "ISO 8601"]),
        # no duty commands
        (["--duty", "missing.json"], ["missing.json", "No such file"]),
        (["--duty", __file__], ["test_replay.py", "duty/set", "expected a table of duty commands"]),
        # an output nobody can write
        (["--out", "/nowhere/out.jsonl"], ["/nowhere/out.jsonl"]),
    ],
)
def test_wrong_input_is_said_and_exits_with_1(tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    hall_file, _ = clip_hall(tmp_path, **SHOW)
    out = [] if "--out" in arguments else ["--out", tmp_path / "out.jsonl"]
    done = call("replay", hall_file, *out, *arguments)
    assert done.returncode == 1
    assert all(word in done.stderr for word in words), done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.usefixtures("replay_remembers")
@pytest.mark.parametrize("kind", ["zero", "truncated"])
def test_a_damaged_recording_is_a_fault_and_the_other_camera_goes_on(tmp_path: Path, kind: str) -> None:
    hall_file, _ = clip_hall(tmp_path, **SHOW)
    whole = (CLIPS / "cam2.mp4").read_bytes()
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(b"" if kind == "zero" else whole[: len(whole) // 2])
    sources = ["--source", f"cam1={CLIPS / 'cam1.mp4'}", "--source", f"cam2={damaged}"]
    out = tmp_path / "out.jsonl"
    done = call("replay", hall_file, "--out", out, *sources)
    assert done.returncode == 1
    assert "damaged.mp4" in done.stderr
    if out.exists():  # a file that could be opened is replayed as far as it goes
        assert any(event.rule == "clerk_absent" for event in events(read_messages(out)))


def test_usage_exits_with_2() -> None:
    assert call("replay").returncode == 2


def test_evaluate_names_the_bad_line(replayed: tuple[Path, Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_bytes(replayed[0].read_bytes().splitlines()[0] + b"\n{half\n")
    done = call("evaluate", broken, replayed[1])
    assert done.returncode == 1
    assert "line 2" in done.stderr

"""`hallwatch edge` as a process: live against replay, killed and started again, stopped politely."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hall.messages import EventBody, HealthBody, Message, SessionBody, StatusBody
from tests.support.clips import clip_hall, hastened
from tests.support.command import call
from tests.support.mqtt import recording
from tests.support.servers import Server, wait_until
from twin.evaluate import read_messages

HASTE = 2
LIMITS = {
    "limits": {"clerk_absent": "2s", "long_wait": "5s", "overtime_case": "5s", "clear_hold": "1s"},
    "presence": {"window": "2s"},
    "session": {"open_after": "1s", "close_after": "1s"},
}


class Box:
    """`hallwatch edge` on the rendered clips, which pass in half their time.

    At this rate a frame waits 0.8 s before it is dropped: other work on the machine costs none.
    """

    def __init__(self, folder: Path, broker_port: int, *options: str, snapshots: bool = True) -> None:
        clips = hastened(folder, HASTE)
        hall_file, _ = clip_hall(folder, clips, 2.5, **LIMITS, evidence={"snapshots": snapshots})
        self.log = folder / "edge.log"
        self.command = [sys.executable, "-m", "cli.main", "edge", str(hall_file), *options]
        self.command += ["--broker", f"mqtt://127.0.0.1:{broker_port}", "--data", str(folder / "data")]

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """Start it; kill it at the end if it still runs."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(self.command, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def events(messages: list[Message], rule: str) -> list[EventBody]:
    return [m.body for m in messages if isinstance(m.body, EventBody) and m.body.rule == rule]


def refused(messages: list[Message]) -> list[str]:
    """What boxes said of hall files that they did not take."""
    configs = [m.body.config for m in messages if isinstance(m.body, HealthBody)]
    return [config.error for config in configs if config is not None and config.error is not None]


def data(messages: list[Message]) -> list[Message]:
    """What the centre counts: each (boot, seq) once; a box sends again what it is not sure of."""
    return list({(m.boot, m.seq): m for m in messages if m.kind != "status"}.values())


def test_killed_in_an_absence_it_goes_on_with_the_same_event(broker: Server, tmp_path: Path) -> None:
    """kill -9 while clerk 1 is away: the same event id, the outage is unknown time, no second incident."""
    box = Box(tmp_path, broker.port, "--loop")
    with recording(broker.port) as heard:
        with box.running() as first:
            wait_until(lambda: events(heard.messages(), "clerk_absent"), "an absence is raised", 40)
            # A hall file with a fault, taken in the middle of it by SIGHUP, changes nothing.
            hall_file, right = Path(box.command[4]), Path(box.command[4]).read_text(encoding="utf-8")
            hall_file.write_text("hall: {}", encoding="utf-8")
            first.send_signal(signal.SIGHUP)
            wait_until(lambda: refused(heard.messages()), "health says that it was refused")
            hall_file.write_text(right, encoding="utf-8")
            first.send_signal(signal.SIGKILL)
            first.wait()
            killed_at = time.monotonic()
        with box.running() as second:  # which takes a while
            wait_until(
                lambda: any(e.phase == "cleared" for e in events(heard.messages(), "clerk_absent")), "it clears", 60
            )
            outage_s = time.monotonic() - killed_at
            second.send_signal(signal.SIGTERM)
            assert second.wait(20) == 0
        absences = events(data(heard.messages()), "clerk_absent")
        first_event = absences[0]
        of_it = [event for event in absences if event.event_id == first_event.event_id]
        assert [event.phase for event in of_it].count("raised") == 1
        assert first_event.snapshot == f"{first_event.event_id}.jpg"
        assert list(tmp_path.glob(f"data/*/evidence/{first_event.snapshot}"))
        cleared = next(event for event in absences if event.phase == "cleared")
        assert cleared.event_id == first_event.event_id
        assert cleared.reason == "resolved"
        assert 0.5 <= cleared.unknown_s <= outage_s
        assert cleared.ended_at is not None
        whole_s = (cleared.ended_at - cleared.started_at).total_seconds()
        assert cleared.elapsed_s + cleared.unknown_s == pytest.approx(whole_s, abs=0.01)
        assert len({m.boot for m in data(heard.messages())}) == 2


@pytest.mark.usefixtures("replay_remembers")
def test_live_says_what_replay_says_and_sigterm_loses_nothing(broker: Server, tmp_path: Path) -> None:
    """The clips played once, live: every message arrives numbered without a gap, and the box says it stopped."""
    # On a busy machine the time that a picture of an event takes may cost a frame.
    box = Box(tmp_path, broker.port, snapshots=False)
    out = tmp_path / "replay.jsonl"
    with recording(broker.port) as heard, box.running() as process:
        wait_until(lambda: any(m.kind == "health" for m in heard.messages()), "health is told", 40)
        assert process.wait(60) == 0  # both recordings are over
        wait_until(lambda: statuses(heard.messages())[-1:] == ["stopped"], "it says that it stopped")
        messages = data(heard.messages())
    assert call("replay", box.command[4], "--out", out).returncode == 0
    told = read_messages(out)
    assert [m.seq for m in messages] == list(range(1, len(messages) + 1))
    assert sorted(shape(messages)) == sorted(shape(told))
    sessions = [m.body for m in messages if isinstance(m.body, SessionBody)]
    replayed = [m.body for m in told if isinstance(m.body, SessionBody)]
    assert [s.duration_s for s in sessions] == pytest.approx([s.duration_s for s in replayed], abs=0.5)
    health = next(m.body for m in messages if isinstance(m.body, HealthBody))
    assert {c.camera for c in health.cameras} == {"cam1", "cam2"}
    assert health.model.startswith("nanodet")


def test_sigterm_while_the_broker_is_away_keeps_the_messages(broker: Server, tmp_path: Path) -> None:
    """The broker is away from the start: the box works, stops when told, and delivers all of it the next time."""
    broker.stop()
    box = Box(tmp_path, broker.port)
    with box.running() as process:
        wait_until(lambda: "cam2: live" in box.log.read_text(), "both cameras are looked at", 30)
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    log = box.log.read_text()
    assert "stopped" in log
    assert "wait for the broker" in log
    broker.start()
    with recording(broker.port) as heard, box.running() as again:
        wait_until(lambda: len({m.boot for m in data(heard.messages())}) == 2, "both runs are told", 40)
        again.send_signal(signal.SIGTERM)
        assert again.wait(30) == 0
        wait_until(lambda: statuses(heard.messages())[-1:] == ["stopped"], "it says that it stopped")
        first = [m for m in data(heard.messages()) if m.boot == data(heard.messages())[0].boot]
        assert [m.seq for m in first] == list(range(1, len(first) + 1))


def statuses(messages: list[Message]) -> list[str]:
    return [m.body.status for m in messages if isinstance(m.body, StatusBody)]


def shape(messages: list[Message]) -> list[tuple[str, ...]]:
    """What happened, without when."""
    found: list[tuple[str, ...]] = []
    for message in messages:
        body = message.body
        if isinstance(body, EventBody):
            found.append(("event", body.rule, body.subject, body.phase, body.severity))
        elif isinstance(body, SessionBody):
            found.append(("session", body.window))
    return found

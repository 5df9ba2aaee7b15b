"""Worker processes of a command: none outlives it, and what they gave before it ended is there."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.servers import wait_until

COMMAND = """
import signal, time
from pathlib import Path
from cli._workers import workers

def work(name):
    Path(name).touch()
    while name != "short":
        time.sleep(600)
    return name

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs behind without it
    with workers(2) as pool:
        short = pool.submit(work, "short")
        long = [pool.submit(work, name) for name in ("long-1", "long-2", "waiting-1", "waiting-2", "waiting-3")]
        print(short.result(), flush=True)
        for future in long:
            future.result()
"""


@pytest.fixture
def command(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A command with two busy workers, in a group of its own as in a terminal."""
    script = tmp_path / "command.py"
    script.write_text(COMMAND)
    process = subprocess.Popen(
        [sys.executable, script], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}, start_new_session=True,
    )  # fmt: skip
    try:
        wait_until(lambda: (tmp_path / "long-1").exists() and (tmp_path / "long-2").exists(), "two workers at work")
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def terminal(process: subprocess.Popen[str]) -> None:
    """Ctrl-C: the whole group is told, in any order; the command comes last, and late."""
    for worker in psutil.Process(process.pid).children():
        worker.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)


def told(number: signal.Signals) -> Callable[[subprocess.Popen[str]], None]:
    """The command alone is told."""
    return lambda process: process.send_signal(number)


@pytest.mark.parametrize(
    ("end", "status"),
    [
        # systemd, `timeout`, a person
        (told(signal.SIGTERM), 128 + signal.SIGTERM),
        # a person at a terminal; Python ends with the signal itself
        (terminal, -signal.SIGINT),
        (told(signal.SIGINT), -signal.SIGINT),
        # a machine without memory
        (told(signal.SIGKILL), -signal.SIGKILL),
    ],
)
def test_no_worker_outlives_the_command(
    command: subprocess.Popen[str], tmp_path: Path, end: Callable[[subprocess.Popen[str]], None], status: int
) -> None:
    family = psutil.Process(command.pid).children(recursive=True)
    assert len(family) >= 2, family
    end(command)
    out, err = command.communicate(timeout=60)
    assert command.returncode == status
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive
    assert out == "short\n"
    assert err.count("Traceback") == (status == -signal.SIGINT), "only Python's own word on Ctrl-C"
    assert {path.name for path in tmp_path.iterdir()} == {"command.py", "short", "long-1", "long-2"}

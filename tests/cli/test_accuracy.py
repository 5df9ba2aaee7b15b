"""`hallwatch accuracy`: the slice of the suite that every test run takes, on pixels and with the default model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from cli.main import app
from hall.errors import InputError
from tests.support.servers import wait_until

BRIEF = ("accuracy", "--only", "brief", "--seeds", "1,2", "--model", "default", "--json", "--out")


def started(*arguments: object) -> subprocess.Popen[str]:
    """The command line in a process of its own."""
    command = [sys.executable, "-m", "cli.main", *map(str, arguments)]
    # The default model, whatever else lies on this machine.
    environment = {key: value for key, value in os.environ.items() if key != "HALLWATCH_MODELS"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], str]:
    """Three minutes twice: the folder, the figures, what was told meanwhile."""
    out = tmp_path_factory.mktemp("accuracy")
    process = started(*BRIEF, out)
    figures, told = process.communicate(timeout=900)
    assert process.returncode == 0, told
    return out, json.loads(figures), told


def test_events_sessions_and_blind_time(ran: tuple[Path, dict[str, Any], str]) -> None:
    """Every event and session of both days and no other, on time; nothing while the camera stalls."""
    _, figures, _ = ran
    assert [(case["scenario"], case["seed"], case["wrong"]) for case in figures["scenarios"]] == [
        ("brief", 1, []),
        ("brief", 2, []),
    ]
    total = figures["total"]
    for rule, score in total["events"].items():
        assert score["truth"] >= 2, rule
        assert (score["precision"], score["recall"]) == (1.0, 1.0), rule
    assert total["start_error_p95_s"] <= 2.0
    assert total["sessions"]["claimed"] == total["sessions"]["truth"] >= 10
    assert total["sessions"]["duration_error_p95_s"] <= 2.0
    assert total["raised_blind"] == 0
    assert total["unknown_error_p95_s"] <= 5.0


def test_what_is_done_is_not_done_again(ran: tuple[Path, dict[str, Any], str]) -> None:
    """One case is forgotten: it alone runs again, even after SIGTERM, and its pictures are not inferred twice."""
    out, figures, told = ran
    assert "0 of 2 scenarios are there already" in told
    (out / "runs" / "brief-2.key").unlink()
    terminated = started(*BRIEF, out)
    command = psutil.Process(terminated.pid)
    wait_until(lambda: len(command.children()) > 1, "a worker beside multiprocessing's own process", 60)
    family = command.children()
    terminated.terminate()
    told = terminated.communicate(timeout=60)[1]
    assert (terminated.returncode, "Traceback" in told) == (128 + signal.SIGTERM, False)
    assert not psutil.wait_procs(family, timeout=10)[1]
    again = started(*BRIEF, out)
    same, told = again.communicate(timeout=900)
    assert "1 of 2 scenarios are there already" in told
    assert "brief-2: " in told
    assert "100% of detections known" in told
    assert "brief-1: " not in told
    assert json.loads(same) == figures
    page = (out / "index.html").read_text(encoding="utf-8")
    assert page.count("<svg class=") == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        # no seeds
        (["--seeds", "few"], "--seeds few"),
        # a scenario that does not come along
        (["--only", "party"], "'party'"),
        # nowhere to write
        (["--out", "/dev/null/x"], "/dev/null/x"),
    ],
)
def test_wrong_input_is_said(tmp_path: Path, arguments: list[str], words: str) -> None:
    out = [] if "--out" in arguments else ["--out", str(tmp_path)]
    with pytest.raises(InputError, match=words):
        CliRunner().invoke(app, ["accuracy", *arguments, *out], catch_exceptions=False)

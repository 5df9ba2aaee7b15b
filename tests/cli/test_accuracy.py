"""`hallwatch accuracy`: the slice of the suite that every test run takes, on pixels and with the default model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from hall.errors import InputError


def hallwatch(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "cli.main", *map(str, arguments)]
    # The default model, whatever else lies on this machine.
    environment = {key: value for key, value in os.environ.items() if key != "HALLWATCH_MODELS"}
    return subprocess.run(command, capture_output=True, text=True, timeout=900, check=False, env=environment)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], str]:
    """Three minutes twice: the folder, the figures, what was told meanwhile."""
    out = tmp_path_factory.mktemp("accuracy")
    done = hallwatch("accuracy", "--only", "brief", "--seeds", "1,2", "--out", out, "--model", "default", "--json")
    assert done.returncode == 0, done.stderr
    return out, json.loads(done.stdout), done.stderr


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
    """One case is forgotten: it alone runs again, and its pictures are not inferred twice."""
    out, figures, told = ran
    assert "0 of 2 scenarios are there already" in told
    (out / "runs" / "brief-2.key").unlink()
    again = hallwatch("accuracy", "--only", "brief", "--seeds", "1,2", "--out", out, "--model", "default", "--json")
    assert "1 of 2 scenarios are there already" in again.stderr
    assert "brief-2: " in again.stderr
    assert "100% of detections known" in again.stderr
    assert "brief-1: " not in again.stderr
    assert json.loads(again.stdout) == figures
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

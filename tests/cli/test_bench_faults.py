"""`hallwatch bench faults`: the part that needs no network and no patience."""

from __future__ import annotations

from typer.testing import CliRunner

from cli._faults import FaultFigures, FaultRow, _picture_fault, fault_table
from cli.main import app


def test_a_cover_is_told_after_its_limit_and_cleared_after_its_hold() -> None:
    row = _picture_fault("covered")
    assert row.noticed_s is not None
    assert row.recovered_s is not None
    assert 9.5 <= row.noticed_s <= 11.0
    assert 5.0 <= row.recovered_s <= 7.0
    assert row.said.startswith("camera_fault covered from ")


def test_it_is_a_command() -> None:
    """Also what stands beside it: one command that cannot be built takes all with it."""
    done = CliRunner().invoke(app, ["bench", "--help"])
    assert done.exit_code == 0, done.output
    assert {"replay", "density", "faults"} <= set(done.output.split())


def test_the_table() -> None:
    rows = [
        FaultRow("server killed", 0.04, 12.5, "connection refused", 3.4, 2.6),
        FaultRow("lossy", None, 0.0, "goes on"),
    ]
    _, killed, lossy = fault_table(FaultFigures(rows)).splitlines()
    assert killed.split() == ["server", "killed", "0.0", "s", "12.5", "s", "3,", "3", "ms", "connection", "refused"]
    assert lossy.split() == ["lossy", "-", "0.0", "s", "goes", "on"]

"""The list of commands: quick, so that nothing is imported for it, and true."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cli.main import _COMMANDS, _imported
from tests.support.command import call

_LISTED = """
import sys
from cli.main import app
try:
    app(["--help"])
except SystemExit:
    print(sorted({"av", "cv2", "numpy", "onnxruntime", "scipy", "sqlalchemy", "nicegui"} & sys.modules.keys()))
"""


def test_the_list_imports_no_command() -> None:
    done = subprocess.run([sys.executable, "-c", _LISTED], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_list_is_whole() -> None:
    """On a terminal of 80 columns no line is cut or broken."""
    listed = call("--help").stdout.partition("Commands:\n")[2].splitlines()
    assert [line.split(maxsplit=1) for line in listed] == [[name, e.summary] for name, e in _COMMANDS.items()]


@pytest.mark.parametrize("name", _COMMANDS)
def test_a_summary_is_how_the_command_s_own_help_begins(name: str) -> None:
    told = " ".join((_imported(name).help or "").split())
    assert told.startswith(_COMMANDS[name].summary.removesuffix("."))

"""Each role starts with nothing but its own lock: what the other role needs is hidden from it here."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]

_RUN = """
import sys
from importlib.abc import MetaPathFinder
hidden = set(sys.argv.pop(1).split(","))
class Hide(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"hidden from this role: {name}", name=name)
sys.meta_path.insert(0, Hide())
from cli.main import main
main()
"""


def hidden_from(lock: str) -> list[str]:
    """Top-level modules that are installed here and that a lock does not bring."""
    locked = re.findall(r"^([\w.-]+)==", (ROOT / lock).read_text(), re.MULTILINE)
    allowed = {canonicalize_name(name) for name in ["hallwatch", *locked]}
    return sorted(
        module
        for module, owners in packages_distributions().items()
        if not {canonicalize_name(owner) for owner in owners} & allowed and (ROOT / module).is_dir() is False
    )


def hallwatch(lock: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line where only what a lock brings is installed."""
    hidden = hidden_from(lock)
    assert ("nicegui" if "edge" in lock else "av") in hidden
    command = [sys.executable, "-c", _RUN, ",".join(hidden), *arguments]
    return subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)


@pytest.mark.parametrize(
    ("lock", "arguments"),
    [
        ("docker/edge.lock", ["edge", "--help"]),
        ("docker/edge.lock", ["check", "--help"]),
        ("docker/edge.lock", ["replay", "--help"]),
        ("docker/edge.lock", ["models", "list"]),
        ("docker/centre.lock", ["ingest", "--help"]),
        ("docker/centre.lock", ["report", "--help"]),
    ],
)
def test_a_role_needs_only_its_lock(lock: str, arguments: list[str]) -> None:
    done = hallwatch(lock, *arguments)
    assert done.returncode == 0, done.stderr[-2000:]
    if arguments != ["models", "list"]:
        assert "Usage: " in done.stdout


@pytest.mark.parametrize(("lock", "extra"), [("docker/edge.lock", "ingest"), ("docker/centre.lock", "edge")])
def test_the_list_of_commands_says_which_are_not_installed(lock: str, extra: str) -> None:
    done = hallwatch(lock, "--help")
    assert done.returncode == 0, done.stderr[-2000:]
    listed = dict(line.split(maxsplit=1) for line in done.stdout.partition("Commands:\n")[2].splitlines())
    there = {"ingest": "edge", "edge": "ingest"}[extra]
    assert listed[extra] == f"Not installed here: needs the extra {extra}."
    assert listed["demo"] == "Not installed here: needs the extra demo."
    assert listed[there].startswith(("Watch ", "Take "))


def test_a_command_of_another_role_says_which_extra_it_needs() -> None:
    done = hallwatch("docker/edge.lock", "ingest")
    assert done.returncode == 1
    assert "hallwatch[ingest]" in done.stderr
    assert "Traceback" not in done.stderr

"""The lock files: complete, agreeing with each other and with pyproject.toml, and naming no place."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts.lock import BUILD, CENTRE, DEV, EDGE, PEERS, RUN, wanted

ROOT = Path(__file__).resolve().parents[2]
LOCKS = (RUN, BUILD, DEV, EDGE, CENTRE, PEERS)
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.MULTILINE)
each_lock = pytest.mark.parametrize("name", LOCKS)


def pins(name: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Version and hashes by package."""
    found = _PIN.findall((ROOT / name).read_text())
    return {canonicalize_name(n): (version, frozenset(hashes.split(" \\\n"))) for n, version, hashes in found}


@each_lock
def test_every_line_is_a_pin_with_hashes_or_a_comment(name: str) -> None:
    rest = _PIN.sub("", (ROOT / name).read_text())
    assert [line for line in rest.splitlines() if line and not line.lstrip().startswith("#")] == []


@each_lock
def test_no_address_and_no_place_of_a_machine(name: str) -> None:
    assert not re.search(
        r"://|--index|--find-links|--trusted-host|/home/|/opt/|/root/|/tmp/", (ROOT / name).read_text()
    )


@each_lock
def test_what_pyproject_asks_for_is_pinned_and_fits(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    have = pins(name)
    for line in wanted(project)[name]:
        requirement = Requirement(line)
        version, _ = have.get(canonicalize_name(requirement.name), (None, None))
        assert version is not None, f"{line}: not in {name}; run `make lock`"
        assert requirement.specifier.contains(version), f"{line}: {name} has {version}; run `make lock`"


def test_all_locks_name_the_same_version_of_a_package() -> None:
    seen: dict[str, tuple[str, frozenset[str]]] = {}
    for name in LOCKS:
        for package, pin in pins(name).items():
            assert seen.setdefault(package, pin) == pin, f"{package} in {name}"


def test_a_box_needs_no_heavy_thing() -> None:
    heavy = {"torch", "torchvision", "ultralytics", "nicegui", "fastapi", "sqlalchemy", "psycopg", "opencv-python"}
    assert heavy & pins(EDGE).keys() == set()
    assert {"torch", "torchvision", "ultralytics", "opencv-python"} & pins(RUN).keys() == set()
    assert {"onnxruntime", "av", "opencv-python-headless"} & pins(CENTRE).keys() == set()

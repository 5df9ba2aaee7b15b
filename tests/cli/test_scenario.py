"""`hallwatch scenario`: a hall to try things on, with its truth."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from hall.errors import InputError
from hall.load import load_hall
from twin.evaluate import read_truth
from twin.scenario import built_in
from twin.stories import make_story, story_names


def run(*arguments: object) -> None:
    """Call the command; errors come out as they are."""
    CliRunner().invoke(app, ["scenario", *map(str, arguments)], catch_exceptions=False)


def test_it_writes_a_hall_that_renders_and_its_truth(tmp_path: Path) -> None:
    hall_file, truth_file = tmp_path / "hall.yaml", tmp_path / "truth.json"
    run("lowdesk", "--seed", 3, "--hall-out", hall_file, "--truth-out", truth_file)
    hall = load_hall(hall_file)
    sources = [camera.source.get_secret_value() for camera in hall.floors[0].cameras]
    assert all(source.startswith("sim://lowdesk?") and "seed=3" in source for source in sources)
    truth = read_truth(truth_file)
    assert {event.rule for event in truth.events} == {"clerk_absent", "long_wait", "overtime_case"}
    assert len(truth.sessions) > 5


def test_seeds_differ_and_repeat(tmp_path: Path) -> None:
    texts = []
    for number, seed in enumerate([1, 1, 2]):
        truth_file = tmp_path / f"{number}.json"
        run("lowdesk", "--seed", seed, "--hall-out", tmp_path / "hall.yaml", "--truth-out", truth_file)
        texts.append(truth_file.read_text())
    assert texts[0] == texts[1] != texts[2]


def test_the_story_of_the_hall_file_is_known_everywhere() -> None:
    """The cameras name it; no path of the machine that wrote the file is in it."""
    assert "morning" in story_names()
    assert make_story("morning", "lowdesk", 1).duration_s == built_in("morning").scenario.duration


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        # a hall that nobody rendered
        (["palace"], "expected one of lowdesk"),
        # a scenario file that is not there
        (["lowdesk", "--file", "missing.yaml"], "missing.yaml"),
        # nowhere to write
        (["lowdesk", "--hall-out", "/nowhere/hall.yaml"], "/nowhere/hall.yaml"),
    ],
)
def test_wrong_input_is_said(tmp_path: Path, arguments: list[str], words: str) -> None:
    out = [] if "--hall-out" in arguments else ["--hall-out", tmp_path / "hall.yaml"]
    with pytest.raises(InputError, match=words):
        run(*arguments, *out, "--truth-out", tmp_path / "truth.json")

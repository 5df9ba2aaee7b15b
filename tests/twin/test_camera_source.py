"""`sim://` as a source like any other: addresses, times, pictures, truth."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cli._edge import recordings, register_sim
from edge.capture import open_file
from edge.media import Address, OpenRequest
from edge.sources import grab_frame, open_source, probe
from hall.errors import SourceError
from hall.load import load_hall
from twin.bench import bench_twin
from twin.clip_truth import clip_truth
from twin.source import SimAddress, open_sim
from twin.stories import make_story, register_story, story_names

START = 1_767_600_000.0


@pytest.fixture(autouse=True)
def _registered() -> None:
    register_sim()


def test_defaults_and_settings() -> None:
    assert SimAddress.parse("sim://lowdesk") == SimAddress("lowdesk", "cam1", 1, 1.0, "demo", None)
    everything = "sim://lowdesk?camera=cam2&seed=7&speed=2.5&story=demo&jpeg=30"
    assert SimAddress.parse(everything) == SimAddress("lowdesk", "cam2", 7, 2.5, "demo", 30)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sim://", "hall: found ''; expected one of lowdesk"),
        ("sim://highdesk?seed=1", "hall: found 'highdesk'; expected one of lowdesk"),
        ("sim://lowdesk?camera=cam9", "found camera 'cam9'; expected one of cam1, cam2"),
        ("sim://lowdesk?story=war", "story: found 'war'; expected one of .*demo"),
        ("sim://lowdesk?seed=one", "found seed 'one'; expected a whole number from 0"),
        ("sim://lowdesk?seed=-1", "found seed '-1'; expected a whole number from 0"),
        ("sim://lowdesk?seed=", "found seed ''; expected a whole number"),
        ("sim://lowdesk?speed=0", "found speed '0'; expected a number from 0.1 to 1000"),
        ("sim://lowdesk?speed=nan", "found speed 'nan'; expected a number"),
        ("sim://lowdesk?jpeg=0", "found jpeg '0'; expected a whole number from 1 to 100"),
        ("sim://lowdesk?sed=1", "found setting 'sed'; expected camera, seed, speed, story or jpeg"),
        ("sim://lowdesk?seed=1&seed=2", "found a setting twice"),
        ("sim://lowdesk/cam1", "found path '/cam1'; expected sim://HALL"),
    ],
)
def test_addresses_that_name_nothing(text: str, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        probe(text)
    assert str(caught.value).startswith("sim://")


def test_the_edge_reads_it_like_a_recording() -> None:
    info = probe("sim://lowdesk?camera=cam2")
    assert (info.size_px, info.fps, info.duration_s, info.recorded) == ((1280, 720), 12.0, 30.0, True)
    with open_file("c1", "sim://lowdesk?speed=60", analyse_fps=4, start=START, fit=(416, 416)) as recording:
        frames = list(recording)
        assert recording.busy_s > 0
    assert [frame.captured_at - START for frame in frames] == [0.0, 0.25]
    assert frames[0].size_px == (416, 234)
    assert not np.array_equal(frames[0].image, frames[1].image)
    assert grab_frame("sim://lowdesk").shape == (720, 1280, 3)


def test_speed_shortens_the_story() -> None:
    slow, fast = open_sim("sim://lowdesk?speed=0.5"), open_sim("sim://lowdesk?speed=10")
    assert (slow.duration_s, slow.count) == (60.0, 720)
    assert (fast.duration_s, fast.count) == (3.0, 36)
    moment = {seen.actor.person: seen.actor for seen in fast.rendered(12).people}
    assert moment == {seen.actor.person: seen.actor for seen in slow.rendered(240).people}
    assert moment["cit_check"].pose.startswith("walk")


def test_iteration_ends_when_cancelled() -> None:
    wanted = [False, False, True]
    opened = open_source(OpenRequest(Address("sim://lowdesk"), cancelled=lambda: wanted.pop(0)))
    times = [picture.time_s for picture in opened]
    opened.close()
    assert times == [0.0, pytest.approx(1 / 12)]


def test_pictures_may_be_rendered_in_any_order() -> None:
    pictures = list(open_sim("sim://lowdesk?seed=3&speed=10"))
    backwards = [picture.render((320, 180)) for picture in reversed(pictures)][::-1]
    again = [picture.render((320, 180)) for picture in open_sim("sim://lowdesk?seed=3&speed=10")]
    assert len(pictures) == 36
    assert all(np.array_equal(a, b) for a, b in zip(backwards, again, strict=True))


def test_its_truth_says_what_that_of_the_clips_says(tmp_path: Path, clips: Path) -> None:
    hall = load_hall(clips / "hall.yaml")
    written = {}
    for camera in ("cam1", "cam2"):
        written[camera] = tmp_path / f"{camera}.json"
        written[camera].write_text(json.dumps(open_sim(f"sim://lowdesk?camera={camera}").truth()))
    shipped = clip_truth(hall, {camera: clips / f"{camera}_truth.json" for camera in written})
    rendered = clip_truth(hall, written)
    assert len(rendered.events) == len(shipped.events) > 0
    for ours, theirs in zip(rendered.events, shipped.events, strict=True):
        assert (ours.rule, ours.subject) == (theirs.rule, theirs.subject)
        assert ours.start_s == pytest.approx(theirs.start_s, abs=0.2)
    for session, their_session in zip(rendered.sessions, shipped.sessions, strict=True):
        assert session.window == their_session.window
        assert session.end_s == pytest.approx(their_session.end_s, abs=0.2)
    assert [s.zone for s in rendered.stays] == [s.zone for s in shipped.stays]


def test_rendered_cameras_of_a_hall_file_can_be_replayed(tmp_path: Path, clips: Path) -> None:
    text = (clips / "hall.yaml").read_text(encoding="utf-8")
    hall_file = tmp_path / "hall.yaml"
    hall_file.write_text(text.replace("cam1.mp4", "sim://lowdesk?camera=cam1&seed=1"), encoding="utf-8")
    assert recordings(load_hall(hall_file), [])["cam1"] == "sim://lowdesk?camera=cam1&seed=1"


def test_a_scenario_file_is_a_story(tmp_path: Path) -> None:
    path = tmp_path / "morning.yaml"
    path.write_text("scenario: {id: morning, hall: lowdesk, duration: 2min}\narrivals: {waiting: 3}\n")
    opened = open_sim(f"sim://lowdesk?camera=cam2&seed=5&speed=4&story={path}")
    assert opened.duration_s == 30.0
    people = {seen.actor.person for number in range(0, 360, 30) for seen in opened.rendered(number).people}
    assert len(people) >= 3
    with pytest.raises(SourceError, match=r"nothing\.yaml: cannot be read"):
        probe("sim://lowdesk?story=nothing.yaml")


def test_a_name_has_one_story() -> None:
    assert "demo" in story_names()
    with pytest.raises(ValueError, match="'demo' is taken"):
        register_story("demo", lambda hall, seed: make_story("demo", hall, seed))


def test_the_benchmark_measures() -> None:
    figures = bench_twin(rounds=1, seconds=0.5)
    assert figures.frames == 12
    assert 0 < figures.copy_ms < figures.story_ms
    assert figures.ratio_to_copy > 1
    assert figures.frames_per_second > 0

"""The default detector on clips whose truth is known: rendered ones here, filmed ones where the data is.

Each clip is detected once; halls are then judged from its detections.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.capture import open_file
from edge.pipeline import Emitted, Pipeline
from hall.clock import from_iso
from hall.layout import CameraPolygon, Hall
from hall.load import parse_hall
from hall.messages import CrossingBody, EventBody, Rule, SessionBody, StayBody
from vision.areas import Area
from vision.detector import Detector
from vision.types import Detections

START = from_iso("2026-01-05T01:00:00Z")
ROOT = Path(__file__).resolve().parents[2]
VTEST = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")

Found = list[tuple[float, Detections]]
Span = tuple[float, float]


def look(detector: Detector, path: Path, analyse_fps: float, *, whole: bool = False) -> Found:
    """What the detector finds in a clip; its frames are shrunk as a box does, or, as where it makes crops, whole."""
    fit = None if whole else detector.input_size
    with open_file("c", path, analyse_fps=analyse_fps, start=START, fit=fit) as frames:
        return [(frame.captured_at, detector.detect([frame.image])[0]) for frame in frames]


class Detected:
    """Stands for a detector where the pipeline is given detections."""

    def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
        raise AssertionError(f"{len(images)} images to detect; expected none")


@dataclass
class Told:
    """What a pipeline said of a clip, in seconds from its start."""

    pipeline: Pipeline
    emitted: list[Emitted] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    def events(self, rule: Rule) -> list[EventBody]:
        return [e.body for e in self.emitted if isinstance(e.body, EventBody) and e.body.rule == rule]

    def raised(self, rule: Rule) -> list[tuple[str, float]]:
        """Subject and start of each event."""
        bodies = [body for body in self.events(rule) if body.phase == "raised"]
        return sorted((body.subject, body.started_at.timestamp() - START) for body in bodies)

    def cleared(self, rule: Rule) -> list[tuple[str, Span]]:
        """Subject, start and end of each event that ended."""
        return sorted((body.subject, span(body)) for body in self.events(rule) if body.phase == "cleared")

    def sessions(self, window: str) -> list[Span]:
        bodies = [e.body for e in self.emitted if isinstance(e.body, SessionBody)]
        return sorted(span(body) for body in bodies if body.window == window)

    def stays(self, zone: str) -> list[Span]:
        """Stays that ended, and those that go on at the end of the clip."""
        bodies = [e.body for e in self.emitted if isinstance(e.body, StayBody)]
        running = self.pipeline._zones[zone].area.stays
        going_on = [(stay.started_at - START, stay.until - START) for stay in running]
        return sorted([*(span(body) for body in bodies if body.zone == zone), *going_on])


def span(body: SessionBody | StayBody | EventBody) -> Span:
    assert body.ended_at is not None
    return body.started_at.timestamp() - START, body.ended_at.timestamp() - START


def judge(hall: Hall, clips: dict[str, Found], count: str | None = None) -> Told:
    """Judge the detections of some cameras; the people of the zone `count` are counted at every frame."""
    pipeline = Pipeline(hall, hall.floors[0].nodes[0], Detected())
    told = Told(pipeline)
    frames = [(at, camera, seen) for camera, clip in clips.items() for at, seen in clip]
    for at, camera, seen in sorted(frames, key=lambda frame: frame[:2]):
        told.emitted += pipeline.observe(camera, at, seen)
        if count is not None:
            told.counts.append(pipeline.count(count))
    told.emitted += pipeline.finish(max(at for at, _, _ in frames))
    return told


def same(found: list[Span], truth: list[Span], within_s: float) -> None:
    """Every span of the truth once, with start and end near enough, and no other."""
    assert len(found) == len(truth), f"found {found}; expected {truth}"
    for one, other in zip(sorted(found), sorted(truth), strict=True):
        assert one == pytest.approx(other, abs=within_s), f"found {found}; expected {truth}"


# -- the rendered clips ----------------------------------------------------------------------------------------

ALL_SEATS = "[[0.4458, 0.4828], [0.2358, 0.6195], [0.5331, 0.9628], [0.7296, 0.6608]]"
CLIP_S = 30.0
SIZE_PX = (1280, 720)
WITHIN_S = 1.5


@pytest.fixture(scope="module")
def rendered(detector: Detector, clips: Path) -> dict[str, Found]:
    return {camera: look(detector, clips / f"{camera}.mp4", 5.0) for camera in ("cam1", "cam2")}


def demo_hall(*, limit: str | None = None, zones: str | None = None) -> Hall:
    """The hall of the clips, with other limits for waits and cases, or other zones."""
    text = (ROOT / "twin" / "assets" / "clips" / "hall.yaml").read_text()
    if zones is not None:
        before, _, after = text.partition("    zones:\n")
        text = f"{before}    zones:\n{zones}{after[after.index('    entrances:') :]}"
    if limit is not None:
        text = text.replace("long_wait: 18s, overtime_case: 10s", f"long_wait: {limit}, overtime_case: {limit}")
        text = text.replace("limits: {long_wait: 10min}", "limits: {}").replace(
            "limits: {overtime_case: 1h}", "limits: {}"
        )
    return parse_hall(text)


def true_visits(truth: Any, area: CameraPolygon, least_s: float = 2.0) -> list[Span]:
    """When somebody's feet were in an area, from the boxes of the renderer; a second outside ends a visit."""
    polygon, times = Area(area.polygon), dict[str, list[float]]()
    for frame in truth["frames"]:
        for person in frame["people"]:
            if person["bbox"] is not None:
                x0, _, x1, y1 = person["bbox_full"]
                foot = np.array([[(x0 + x1) / 2 / SIZE_PX[0], min(y1 / SIZE_PX[1], 1.0)]])
                if polygon.contains(foot)[0]:
                    times.setdefault(person["id"], []).append(frame["t"])
    visits: list[Span] = []
    for seen in times.values():
        breaks = [i for i, (a, b) in enumerate(pairwise(seen), start=1) if b - a > 1.0]
        parts = np.split(np.array(seen), breaks)
        visits += [(float(part[0]), float(part[-1])) for part in parts if part[-1] - part[0] >= least_s]
    return sorted(visits)


@pytest.fixture(scope="module")
def truths(clips: Path) -> dict[str, Any]:
    return {camera: json.loads((clips / f"{camera}_truth.json").read_text()) for camera in ("cam1", "cam2")}


def test_rendered_absence(rendered: dict[str, Found]) -> None:
    """Clerk 1 is away from 6.6 to 23.8 s while somebody stands at the window. He walks behind windows 2 and 3,
    and clerk 3 bends over a phone: nothing there."""
    told = judge(demo_hall(), rendered)
    ((subject, found),) = told.cleared("clerk_absent")
    assert subject == "window/w01"
    same([found], [(6.6, 23.8)], 1.0)
    assert [(body.phase, body.severity) for body in told.events("clerk_absent")] == [
        ("raised", "critical"),
        ("cleared", "critical"),
    ]


def test_rendered_sessions(rendered: dict[str, Found], truths: dict[str, Any]) -> None:
    """Finished ones as the truth has them; who still stands at a window at the end has no finished session."""
    hall = demo_hall()
    told = judge(hall, rendered)
    for window in hall.floors[0].windows:
        assert window.customer_area is not None
        visits = true_visits(truths["cam1"], window.customer_area[0])
        same(told.sessions(window.id), [visit for visit in visits if visit[1] < CLIP_S - 3], WITHIN_S)


@pytest.mark.parametrize(
    "zones",
    [
        pytest.param(None, id="two rows"),
        pytest.param(f"      - {{id: seats, areas: [{{camera: cam2, polygon: {ALL_SEATS}}}]}}\n", id="all seats"),
    ],
)
def test_rendered_stays(rendered: dict[str, Found], truths: dict[str, Any], zones: str | None) -> None:
    """Seated people among chairs that look like people, one called away, one who walks past the others to a seat."""
    hall = demo_hall(zones=zones)
    told = judge(hall, rendered)
    for zone in hall.floors[0].zones:
        same(told.stays(zone.id), true_visits(truths["cam2"], zone.areas[0]), WITHIN_S)


def test_rendered_long_waits(rendered: dict[str, Found], truths: dict[str, Any]) -> None:
    """With a limit of 10 s: in each zone an event while somebody has been there for longer, and nowhere else."""
    hall = demo_hall(limit="10s")
    told = judge(hall, rendered)
    expected: list[tuple[str, float]] = []
    for zone in hall.floors[0].zones:
        over_until = -10.0
        for start, end in true_visits(truths["cam2"], zone.areas[0]):
            if end - start >= 10.0 and start + 10.0 > over_until + 2.0:  # clear_hold
                expected.append((f"zone/{zone.id}", start))
            over_until = max(over_until, end)
    found = told.raised("long_wait")
    assert [subject for subject, _ in found] == [subject for subject, _ in sorted(expected)]
    assert [start for _, start in found] == pytest.approx([start for _, start in sorted(expected)], abs=WITHIN_S)
    ((subject, found_back),) = told.cleared("long_wait")
    assert subject == "zone/back"
    same([found_back], [(0.0, 21.9)], WITHIN_S)


def test_rendered_overtime_cases(rendered: dict[str, Found], truths: dict[str, Any]) -> None:
    """With a limit of 10 s: every visit to a window that is longer, and no other."""
    hall = demo_hall(limit="10s")
    told = judge(hall, rendered)
    visits = {w.id: true_visits(truths["cam1"], w.customer_area[0]) for w in hall.floors[0].windows if w.customer_area}
    expected = sorted(
        (f"window/{w}", start) for w, found in visits.items() for start, end in found if end - start >= 10
    )
    found = told.raised("overtime_case")
    assert [subject for subject, _ in found] == [subject for subject, _ in expected]
    assert [start for _, start in found] == pytest.approx([start for _, start in expected], abs=WITHIN_S)


# -- filmed clips ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def six(detector: Detector, data_dir: Path) -> Found:
    return look(detector, data_dir / "video" / "pedestrian_six.mp4", 5.0, whole=True)


@pytest.fixture(scope="module")
def six_truth(data_dir: Path) -> Any:
    return json.loads((data_dir / "video" / "pedestrian_six.truth.json").read_text())


def fractions(points: list[list[float]], size: tuple[int, int]) -> list[list[float]]:
    return [[x / size[0], y / size[1]] for x, y in points]


@pytest.mark.data
def test_six_people_at_a_terminal(six: Found, six_truth: Any) -> None:
    """Six people step up to a table one after another: six sessions, each within a second."""
    area = fractions(six_truth["zone_table_px"], six_truth["size"])
    hall = parse_hall(
        "hall: {id: six, name: six}\nsession: {open_after: 3s, close_after: 3s}\nfloors:\n  - id: f1\n"
        "    cameras: [{id: c, source: six.mp4, analyse_fps: 5}]\n"
        f'    windows: [{{id: w1, label: "1", camera: c, staffed: false, customer_area: {area}}}]\n'
    )
    told = judge(hall, {"c": six})
    truth = [(a, b) for a, b in six_truth["feet_in_zone_s"]]
    same(told.sessions("w1"), truth, 1.0)
    lengths = [b - a for a, b in told.sessions("w1")]
    assert lengths == pytest.approx([b - a for a, b in truth], abs=1.0)
    assert not [e for e in told.emitted if isinstance(e.body, EventBody)]


@pytest.mark.data
def test_the_gaps_between_six_people(six: Found, six_truth: Any) -> None:
    """The same place as a clerk's: an absence for every gap of more than four seconds."""
    area = fractions(six_truth["zone_table_px"], six_truth["size"])
    hall = parse_hall(
        "hall: {id: six, name: six}\npresence: {window: 2s}\nlimits: {clerk_absent: 4s}\nfloors:\n  - id: f1\n"
        "    cameras: [{id: c, source: six.mp4, analyse_fps: 5}]\n"
        f'    windows: [{{id: w1, label: "1", camera: c, clerk_anchor: foot, clerk_area: {area}}}]\n'
    )
    told = judge(hall, {"c": six})
    gaps = [(a, b) for a, b in six_truth["empty_gaps_zone_s"] if b - a > 4]
    assert [start for _, start in told.raised("clerk_absent")] == pytest.approx([a for a, _ in gaps], abs=1.0)
    # The clip ends in the last gap.
    same([found for _, found in told.cleared("clerk_absent")], gaps[:-1], 1.0)
    assert {e.body.rule for e in told.emitted if isinstance(e.body, EventBody)} == {"clerk_absent"}


@pytest.fixture(scope="module")
def outdoors(detector: Detector) -> Found:
    assert VTEST.is_file(), f"{VTEST} is missing: apt-get install opencv-doc"
    return look(detector, VTEST, 10.0)


@pytest.mark.data
def test_outdoors(outdoors: Found, data_dir: Path) -> None:
    """A crossing outdoors, people small and in groups: crossings of a line, and heads in a zone."""
    truth = json.loads((data_dir / "video" / "pets_s2l1.truth.json").read_text())
    hall = parse_hall(
        "hall: {id: pets, name: pets}\nfloors:\n  - id: f1\n"
        "    cameras: [{id: c, source: vtest.avi, analyse_fps: 10}]\n"
        "    zones:\n      - {id: z, kind: general, areas: [{camera: c, polygon: "
        f"{fractions(truth['zone_px'], (768, 576))}}}]}}\n"
        "    entrances: [{id: line, camera: c, line: [[0.5, 1], [0.5, 0]]}]\n"
    )
    told = judge(hall, {"c": outdoors}, count="z")
    assert len(told.counts) == truth["frames"]

    ways = [e.body.direction for e in told.emitted if isinstance(e.body, CrossingBody)]
    true_ways = [{"LR": "in", "RL": "out"}[way] for _, _, way in truth["line_x384_crossings_frame_id_dir"]]
    for way in ("in", "out"):
        assert ways.count(way) == pytest.approx(true_ways.count(way), abs=2)

    heads = np.zeros(truth["frames"])
    for _, first, last in truth["zone_sessions_id_first_last_frame"]:
        heads[first : last + 1] += 1
    assert np.abs(heads - told.counts).mean() <= 0.3

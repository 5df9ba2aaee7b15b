"""overload: raised, updated and cleared once each, also over a restart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from edge.load import LoadControl, missed_share
from edge.overload import BoxLoad, OverloadWatch
from edge.pipeline import Emitted, Pipeline
from edge.rules import Change
from hall.layout import Camera
from hall.load import parse_hall
from hall.messages import EventBody, event_id
from tests.support.feed import HALL
from vision.types import Detections

LIMIT_S = 60.0
WELL, BUSY, LOST = BoxLoad(overloaded=False), BoxLoad(overloaded=True), BoxLoad(overloaded=True, lost=True)


class Film:
    """One box, and the rule once a second."""

    def __init__(self) -> None:
        self.watch, self.now, self.told = OverloadWatch(LIMIT_S), 0.0, list[Change]()

    def play(self, seconds: float, load: BoxLoad) -> Film:
        for _ in range(round(seconds)):
            self.watch.told(load)
            self.told += self.watch.step(self.now)
            self.now += 1
        return self

    def restart(self, seconds: float) -> Film:
        self.watch = OverloadWatch(LIMIT_S, self.watch.state)
        self.now += seconds
        return self

    def said(self) -> list[tuple[str, str, float, float]]:
        return [(c.reason or c.phase, c.severity, c.started_at, round(c.elapsed_s)) for c in self.told]


@pytest.mark.parametrize(
    ("film", "said"),
    [
        # A box that keeps up, and one that is overloaded for a moment now and then, say nothing.
        (Film().play(500, WELL), []),
        (Film().play(10, WELL).play(59, BUSY).play(1, WELL).play(59, BUSY).play(9, WELL), []),
        # Raised after the limit from its beginning; cleared after as long, dated back.
        (
            Film().play(10, WELL).play(100, BUSY).play(61, WELL),
            [("raised", "warning", 10, 60), ("resolved", "warning", 10, 100)],
        ),
        # It tries now and then whether there is room: still one event.
        (
            Film().play(70, BUSY).play(59, WELL).play(5, BUSY).play(59, WELL).play(5, BUSY).play(61, WELL),
            [("raised", "warning", 0, 60), ("resolved", "warning", 0, 198)],
        ),
        # At the lowest rates, and frames are lost all the same: critical, once that has lasted as well.
        (
            Film().play(30, BUSY).play(50, LOST).play(5, BUSY).play(70, LOST).play(40, BUSY).play(61, WELL),
            [("raised", "warning", 0, 60), ("updated", "critical", 0, 145), ("resolved", "critical", 0, 195)],
        ),
        (Film().play(70, LOST), [("raised", "critical", 0, 60)]),
        # A restart: what is raised goes on, less the time in which nobody knew; what is not begins anew.
        (
            Film().play(70, BUSY).restart(1000).play(30, BUSY).play(61, WELL),
            [("raised", "warning", 0, 60), ("resolved", "warning", 0, 99)],
        ),
        (Film().play(70, BUSY).play(20, LOST).restart(100).play(59, LOST), [("raised", "warning", 0, 60)]),
        (Film().play(50, BUSY).restart(30).play(59, BUSY).play(9, WELL), []),
        (
            Film().play(70, BUSY).restart(5).play(70, WELL),
            [("raised", "warning", 0, 60), ("resolved", "warning", 0, 69)],
        ),
    ],
)
def test_when_it_is_told(film: Film, said: list[tuple[str, str, float, float]]) -> None:
    assert film.said() == said


def test_the_event_says_how_many_frames_are_missed() -> None:
    (raised,) = Film().play(61, BoxLoad(overloaded=True, detail={"missed_percent": 36})).told
    assert raised.detail == {"missed_percent": 36}


def test_a_longer_limit_leaves_an_open_event_open() -> None:
    film = Film().play(70, BUSY)
    film.watch = OverloadWatch(600, film.watch.state)
    film.play(30, BUSY).play(601, WELL)
    assert [c.phase for c in film.told] == ["raised", "cleared"]


class _NoDetector:
    def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
        raise AssertionError(f"expected detections, got {len(images)} pictures")


def _events(emitted: list[Emitted]) -> list[EventBody]:
    return [item.body for item in emitted if isinstance(item.body, EventBody) and item.body.rule == "overload"]


def test_a_pipeline_tells_it_of_its_node_and_keeps_it() -> None:
    start = 1_767_600_000.0
    box = Pipeline(parse_hall(HALL), "edge-f1", _NoDetector())
    box.overload.told(BUSY)
    told = _events([item for k in range(70) for item in box.tick(start + k)])
    assert [(e.subject, e.phase, e.event_id) for e in told] == [
        ("node/edge-f1", "raised", event_id("test", "node/edge-f1", "overload", start))
    ]
    again = box.changed(parse_hall(HALL.replace("limits: {", "limits: {overload: 30s, ")))
    assert _events(again.tick(start + 70)) == []
    after = Pipeline(parse_hall(HALL), "edge-f1", _NoDetector(), again.save())
    assert [(e.phase, e.reason) for e in _events(after.abandon(start + 80))] == [("cleared", "clock_set")]
    after.overload.told(WELL)
    cleared = _events([item for k in range(62) for item in after.tick(start + 71 + k)])
    assert [(e.phase, e.reason) for e in cleared] == [("cleared", "resolved")]


def test_which_share_of_the_frames_is_missed() -> None:
    cameras = [
        Camera.model_validate({"id": name, "source": "a.mp4", "analyse_fps": fps, "floor_fps": floor})
        for name, fps, floor in (("a", 4, 1), ("b", 4, 4))
    ]
    load = LoadControl(0.25)
    assert missed_share(cameras, load) == 0
    load.factor = 0.5
    assert missed_share(cameras, load) == 0.25, "b may not be lowered"
    load.dropped_share = 0.5
    assert missed_share(cameras, load) == 0.625
    assert missed_share([], load) == 0


def test_frames_that_are_lost_at_the_lowest_rates() -> None:
    load, drops = LoadControl(0.7), 0
    load.judge(0.0, drops)
    seen = []
    for k in range(1, 5):
        load.worked(5.0, [0.1] * 30)
        drops += 10
        load.judge(5.0 * k, drops)
        seen.append((round(load.factor, 2), load.overloaded, load.lost, load.dropped_share))
    assert seen == [
        (0.8, True, False, 0.25),
        (0.7, True, False, 0.25),
        (0.7, True, True, 0.25),
        (0.7, True, True, 0.25),
    ]

"""One judge: the truth of rendered pictures and that of the story behind them say the same."""

from __future__ import annotations

from hall.load import parse_hall
from twin.clip_truth import judge_rendered
from twin.scenario import hall_for, parse_scenario, story_truth, tell
from twin.source import SimAddress, SimSource
from twin.truth import Truth

SCENARIO = """
scenario: {id: agree, duration: 100s}
limits: {clerk_absent: 30s, long_wait: 60s, overtime_case: 40s}
arrivals: {waiting: 2}
windows:
  - {id: w01, service: {mean: 50s, spread: 1s}}
  - {id: w03, service: {mean: 50s, spread: 1s}, away: [{from: 15s, until: 60s}]}
blockers: [{window: w01, from: 35s, until: 50s}]
sitters: [{from: 0s, until: 80s}]
faults: [{camera: cam1, kind: covered, from: 70s, until: 85s}]
"""


def lines(truth: Truth, step_s: float) -> dict[str, list[tuple[str, int, int]]]:
    """Everything with a start and an end, in units of a step, by kind."""

    def rounded(value: float | None) -> int:
        return -1 if value is None or value >= 100 - 2 * step_s else round(value / step_s)

    kinds: dict[str, list[tuple[str, float, float | None]]] = {
        "events": [(f"{e.rule} {e.subject}", e.start_s, e.end_s) for e in truth.events],
        "sessions": [(s.window, s.start_s, s.end_s) for s in truth.sessions],
        "stays": [(s.zone, s.start_s, s.end_s) for s in truth.stays],
        "presence": [(p.window, p.start_s, p.end_s) for p in truth.presence],
        "blind": [(b.camera, b.start_s, b.end_s) for b in truth.blind],
    }
    return {kind: sorted((who, rounded(a), rounded(b)) for who, a, b in spans) for kind, spans in kinds.items()}


def test_who_is_hidden_has_not_left() -> None:
    """Somebody stands before the clerk for 40 s, and for a part of it nothing of the clerk can be seen."""
    hall = parse_hall(hall_for(parse_scenario("scenario: {id: s}\nwindows: [{id: w01}]\nlimits: {clerk_absent: 20s}")))
    clerk = {
        "id": "c",
        "figure": "clerk_f1",
        "pose": "sit_desk",
        "world": [-2.88, 6.16],
        "bbox_full": [237, 284, 301, 481],
    }
    seen, edge, gone = ([237, 284, 300, 390], 0.5), ([290, 380, 300, 390], 0.02), (None, 0.0)
    shown = [seen] * 20 + [edge] * 10 + [gone] * 30 + [seen] * 20
    frames = [
        {"frame": i, "t": float(i), "people": [{**clerk, "bbox": box, "visible": visible}]}
        for i, (box, visible) in enumerate(shown)
    ]
    truth = judge_rendered(hall, {"cam1": {"fps": 1, "size": [1280, 720], "frames": frames}})
    assert [(p.start_s, p.end_s) for p in truth.presence] == [(0.0, 79.0)]
    assert truth.events == []


def test_pictures_and_story() -> None:
    """A clerk who is hidden is there, one who left is not; times agree within a second."""
    scenario = parse_scenario(SCENARIO)
    hall, story = parse_hall(hall_for(scenario)), tell(scenario, 1)
    cameras = {}
    for camera in ("cam1", "cam2"):
        source = SimSource(SimAddress("lowdesk", camera), story, lambda: False)
        cameras[camera] = {**source.truth(every=4), "blind": scenario.blind(camera)}
    rendered, told = judge_rendered(hall, cameras), story_truth(hall, scenario, story, fps=3.0)
    ours, theirs = lines(rendered, 1 / 3), lines(told, 1 / 3)
    assert {e.rule for e in told.events} == {"clerk_absent", "long_wait", "overtime_case", "camera_fault"}
    assert ours["blind"] == theirs["blind"] != []
    for kind in ("events", "sessions", "stays", "presence"):
        assert [line[0] for line in ours[kind]] == [line[0] for line in theirs[kind]], kind
        for line, other in zip(ours[kind], theirs[kind], strict=True):
            assert all(abs(a - b) <= 3 for a, b in zip(line[1:], other[1:], strict=True)), (kind, line, other)

"""The heatmap of a scenario is that of its story. `tests/benchmarks/bench_heat.py` shows it with pixels."""

from __future__ import annotations

import pytest

from edge.heat import HeatMap
from hall.load import parse_hall
from tests.twin.heat_truth import claimed, correlation, truth
from twin.scenario import NoiseModel, hall_for, observations, parse_scenario, tell
from vision.calibration import Calibration
from vision.locate import Locator


@pytest.mark.parametrize("name", ["lowdesk", "tallcounter"])
def test_heat_of_a_scenario(name: str) -> None:
    """Four minutes, with the default detector's misses and jitter: cells correlate with the truth by 0.95 and more."""
    scenario = parse_scenario(
        f"scenario: {{id: warm, hall: {name}, duration: 4min}}\n"
        "arrivals: {rate: [{at: 0s, per_hour: 90}], waiting: 6}\n"
        "windows: [{id: w01}, {id: w02, away: [{from: 1min, until: 3min}]}, {id: w03}]\n"
    )
    story, hall = tell(scenario, 3), parse_hall(hall_for(scenario, seed=3))
    locators = {camera.id: Locator(Calibration.fit(camera.floor_points)) for camera in hall.floors[0].cameras}
    heat = HeatMap(dict.fromkeys(locators, True), every_s=60.0)
    bodies = heat.due(0.0)
    for seen in observations(scenario, story, seed=3, noise=NoiseModel()):
        heat.add(seen.camera, locators[seen.camera].locate(seen.at_s, seen.detections))
        bodies += heat.due(seen.at_s)
    bodies += heat.due(story.duration_s + 60)
    assert correlation(claimed(bodies, 12, 14), truth(story, 12, 14)) >= 0.95

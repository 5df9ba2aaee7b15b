from __future__ import annotations

from cli._alerts_bench import AlertFigures, _hall_text, alerts_text
from hall.load import parse_hall


def test_every_window_of_the_box_passes_its_limit_at_a_moment_of_its_own() -> None:
    floor = parse_hall(_hall_text("cam1.mp4", 50, 2.0)).floors[0]
    assert len(floor.windows) == 50
    assert {camera.analyse_fps for camera in floor.cameras} == {2.0}
    limits = [window.limits.clerk_absent for window in floor.windows if window.limits is not None]
    assert len(set(limits)) == 50
    areas = {(window.camera, str(window.clerk_area)) for window in floor.windows}
    assert len(areas) == 50


def test_the_figures_say_what_they_are() -> None:
    assert alerts_text(AlertFigures(50, 2.0, 50, 0.6, 1.1, 1.2)) == (
        "50 alerts of 50 windows at 2 frames per second\n"
        "from the limit to the webhook: p50 0.60 s, p95 1.10 s, longest 1.20 s"
    )

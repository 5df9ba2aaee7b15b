"""The hall file that belongs to a scenario: cameras, areas and zones of the rendered hall."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from twin.scenario.file import Scenario
from twin.scenario.place import Camera, Counter, Place, load_place

PLAN_OFFSET_M = 6.0
"""The floor plan's origin is so far left of and nearer than that of the world."""

_LABELS = {"w01": ("1号窗口", "社保"), "w02": ("2号窗口", "公积金"), "w03": ("3号窗口", "不动产")}
_WAITING = ((-1.5, -3.75), (2.5, -3.75), (2.5, 0.25), (-1.5, 0.25))
_DOOR_LINE = ((-0.8, -4.0), (-4.2, -4.0))
_FLOOR_POINTS = {
    "cam1": ((-3.0, 5.0), (3.0, 5.0), (0.0, 4.0), (-1.5, 4.0), (1.5, 4.0)),
    "cam2": ((0.0, 0.0), (2.0, 0.0), (2.0, -3.0), (0.0, -3.0), (-2.5, -5.5), (-4.0, -1.0)),
}


def hall_for(
    scenario: Scenario,
    *,
    seed: int = 1,
    story: str | None = None,
    limits: Mapping[str, str] | None = None,
    extra: Mapping[str, Mapping[str, Any]] | None = None,
    fps: float = 2.0,
) -> str:
    """The text of a hall file that watches a scenario.

    Args:
        scenario: which windows are open, and the id of the hall.
        seed: of the story the cameras show.
        story: name or file of that story; the scenario's id by default.
        limits: as in hall.yaml, with units; those of the scenario where left out.
        extra: further blocks, such as `{"presence": {"window": "4s"}}`.
        fps: `analyse_fps` of the cameras.
    """
    place = load_place(scenario.scenario.hall)
    own = {name: f"{limit_s:g}s" for name, limit_s in scenario.limits.model_dump().items()}
    lines = [
        f"hall: {{id: {scenario.scenario.id}, name: 演示政务服务中心, timezone: Asia/Shanghai}}",
        f"limits: {_block(own if limits is None else limits)}",
        *([f"hours: {_block(scenario.hours)}"] if scenario.hours else []),
        *(f"{key}: {_block(values)}" for key, values in (extra or {}).items()),
        "floors:",
        "  - id: f1",
        "    plan: {width_m: 12, depth_m: 14}",
        "    cameras:",
    ]
    for camera in place.cameras.values():
        source = f"sim://{scenario.scenario.hall}?camera={camera.id}&seed={seed}&story={story or scenario.scenario.id}"
        lines += [
            f"      - id: {camera.id}",
            f'        source: "{source}"',
            f"        analyse_fps: {fps:g}",
            f"        floor_points: {_floor_points(camera)}",
        ]
    lines.append("    windows:" if scenario.windows else "    windows: []")
    for desk in scenario.windows:
        lines += _window(place, place.counter(desk.id))
    served = ", ".join(desk.id for desk in scenario.windows)
    waiting = _on_floor(place.cameras["cam2"], _WAITING)
    lines += [
        "    zones:",
        f"      - {{id: waiting, label: 等候区, kind: waiting, serves: [{served}],",
        f"         areas: [{{camera: cam2, polygon: {waiting}}}]}}",
        "    entrances:",
        f"      - {{id: door, label: 正门, camera: cam2, line: {_on_floor(place.cameras['cam2'], _DOOR_LINE)}}}",
    ]
    return "\n".join(lines) + "\n"


def _block(values: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in values.items()) + "}"


def _window(place: Place, counter: Counter) -> list[str]:
    label, service = _LABELS[counter.id]
    camera = place.cameras["cam1"]
    x, _ = counter.seat
    far = counter.front_y_m + 0.045
    customers = _on_floor(camera, ((x - 1.1, 4.3), (x + 1.1, 4.3), (x + 1.1, far), (x - 1.1, far)))
    return [
        f"      - id: {counter.id}",
        f"        label: {label}",
        f"        service: {service}",
        "        camera: cam1",
        f"        clerk_area: {_clerk_area(camera, counter)}",
        f"        customer_area: {customers}",
    ]


def _clerk_area(camera: Camera, counter: Counter) -> list[list[float]]:
    """From the desk top to above somebody who stands there, as wide as the place of one person.

    The lower edge is where arms on the desk end: lower, and half of a tall citizen's box would lie in the area.
    """
    x, y = counter.seat
    front_y = counter.back_y_m - counter.arms_m
    pixels, _ = camera.project(
        np.array([(x - 0.56, y, 1.0), (x + 0.56, y, 1.0), (x, y, 1.75), (x, front_y, counter.top_m)])
    )
    left, right = sorted((float(pixels[0, 0]), float(pixels[1, 0])))
    top, bottom = float(pixels[2, 1]), float(pixels[3, 1])
    return _fractions(camera, [(left, top), (right, top), (right, bottom), (left, bottom)])


def _on_floor(camera: Camera, points: tuple[tuple[float, float], ...]) -> list[list[float]]:
    pixels, _ = camera.project(np.array([(x, y, 0.0) for x, y in points]))
    return _fractions(camera, pixels.tolist())


def _fractions(camera: Camera, pixels: list[tuple[float, float]]) -> list[list[float]]:
    width, height = camera.size_px
    return [[round(min(max(x / width, 0), 1), 4), round(min(max(y / height, 0), 1), 4)] for x, y in pixels]


def _floor_points(camera: Camera) -> list[list[list[float]]]:
    places = _FLOOR_POINTS[camera.id]
    image = _on_floor(camera, places)
    return [[point, [x + PLAN_OFFSET_M, y + PLAN_OFFSET_M]] for point, (x, y) in zip(image, places, strict=True)]

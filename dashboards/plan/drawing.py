"""The plan as SVG, in metres; what stands in pixels, such as signs, is scaled back by the browser.

Parts that change are found by `data-window` and `data-zone`; the browser fills them from a `PlanView`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dashboards.plan.geometry import EntrancePlace, FloorPlan, WindowPlace, ZonePlace
from dashboards.plan.words import PlanWords
from dashboards.plan_picture import grid_path
from dashboards.svg import Shape, picture, shape, words
from hall.geometry import Point

_MOST_GRID_M = 200.0
_SIGN_PX = 15
"""Radius of the sign of a window."""


def draw(plan: FloorPlan, texts: PlanWords, image: str | None) -> Shape:
    """The plan without anything that changes.

    Args:
        plan: where everything is.
        texts: in the reader's language.
        image: address of the picture of the plan; lines every metre where there is none.
    """
    described = texts.described.format(
        floor=plan.floor,
        width=plan.width_m,
        depth=plan.depth_m,
        windows=len(plan.windows),
        zones=len(plan.zones),
    )
    title = f"{texts.title} {plan.floor}"
    return picture(
        plan.width_m,
        plan.depth_m,
        title,
        described,
        _ground(plan, image),
        shape("g", class_="plan-heat"),
        *(_entrance(plan, entrance) for entrance in plan.entrances),
        *(_zone_area(plan, zone) for zone in plan.zones),
        *(_window_floor(plan, window) for window in plan.windows if window.floor),
        *(_zone_sign(plan, zone) for zone in plan.zones),
        *(_window_sign(plan, window) for window in plan.windows),
        class_="plan-svg",
        data_depth=plan.depth_m,
        data_width=plan.width_m,
        data_spacing=_spacing(plan.windows),
    )


def _ground(plan: FloorPlan, image: str | None) -> Shape:
    outline = shape("rect", class_="plan-outline", width=plan.width_m, height=plan.depth_m)
    if image is not None:
        shown = shape("image", href=image, width=plan.width_m, height=plan.depth_m, preserveAspectRatio="none")
        return shape("g", shown, outline)
    if max(plan.width_m, plan.depth_m) > _MOST_GRID_M:
        return outline
    return shape("g", outline, shape("path", class_="plan-grid", d=grid_path(plan.width_m, plan.depth_m)))


def _entrance(plan: FloorPlan, entrance: EntrancePlace) -> Shape:
    (x1, y1), (x2, y2) = plan.down(entrance.start), plan.down(entrance.end)
    line = shape("line", class_="plan-entrance", x1=x1, y1=y1, x2=x2, y2=y2)
    sign = words("text", entrance.label, class_="plan-text plan-entrance-text", y=16)
    return shape("g", line, _sign(((x1 + x2) / 2, (y1 + y2) / 2), sign))


def _zone_area(plan: FloorPlan, zone: ZonePlace) -> Shape:
    parts = (shape("polygon", class_="plan-zone", points=_points(plan, part)) for part in zone.parts)
    return shape("g", *parts, data_zone=zone.zone)


def _zone_sign(plan: FloorPlan, zone: ZonePlace) -> Shape:
    name = words("text", zone.label, class_="plan-text plan-zone-name", y=-4)
    count = words("text", "", class_="plan-text plan-zone-count", y=14, data_text=zone.zone)
    return _sign(plan.down(zone.at), name, count)


def _window_floor(plan: FloorPlan, window: WindowPlace) -> Shape:
    return shape("polygon", class_="plan-before", points=_points(plan, window.floor), data_window=window.window)


def _window_sign(plan: FloorPlan, window: WindowPlace) -> Shape:
    marks = shape(
        "g",
        words("title", window.label),
        shape("circle", class_="plan-alert", r=_SIGN_PX + 4),
        shape("circle", class_="plan-sign", r=_SIGN_PX),
        words("text", "", class_="plan-icon material-icons", data_icon=window.window),
        words("text", window.label, class_="plan-text plan-label", y=_SIGN_PX + 15),
        words("text", short_label(window.label), class_="plan-text plan-short", y=_SIGN_PX + 15),
        class_="plan-mark",
        data_window=window.window,
        data_label=window.label,
    )
    return _sign(plan.down(window.at), marks)


def _sign(at: Point, *inside: Shape) -> Shape:
    """What is drawn in pixels around a point of the plan."""
    return shape("g", shape("g", *inside, class_="plan-px"), transform=f"translate({at[0]:.4g} {at[1]:.4g})")


def _points(plan: FloorPlan, corners: Sequence[Point]) -> str:
    return " ".join(f"{x:.4g},{y:.4g}" for x, y in map(plan.down, corners))


def short_label(label: str) -> str:
    """What is left of a label where signs stand close: its number, else its first letters."""
    number = re.search(r"\d+", label)
    return number.group() if number else label[:2]


def _spacing(windows: Sequence[WindowPlace]) -> float:
    """How close two signs stand, in metres, at the closest."""
    places = [window.at for window in windows]
    gaps = [max(abs(x - u), abs(y - v)) for i, (x, y) in enumerate(places) for u, v in places[i + 1 :]]
    return min(gaps, default=1000.0)

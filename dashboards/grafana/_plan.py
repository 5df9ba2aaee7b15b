"""The floor plan below a heatmap, on Grafana's canvas panel: a picture, and a rectangle for every square metre.

Everything stands at shares of the panel (`scale`), so the cells keep their places whatever size it has. A cell takes
its colour from the series of its name; where there is none, nobody was there and it is transparent.
"""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape

from grafana_foundation_sdk.models import canvas, common

from dashboards.grafana.spec import Cell, PlanPicture
from dashboards.plan_picture import grid_path, read_picture
from hall.errors import InputError
from hall.layout import Plan

_MOST_CELLS = 5_000


def plan_picture(plan: Plan, folder: Path, place: str) -> PlanPicture:
    """The picture of a plan as an address that needs no server; without one, the outline with lines every metre.

    Raises:
        InputError: the picture cannot be read, is too large or of an unknown kind, or the floor has too many cells.
    """
    picture = PlanPicture("", plan.width_m, plan.depth_m)
    if len(picture.cells) > _MOST_CELLS:
        raise InputError(f"{place}: {len(picture.cells)} square metres; a board shows {_MOST_CELLS} at most")
    inside = _grid(plan) if plan.image is None else _embedded(folder / plan.image, place)
    size = f'width="{plan.width_m:g}" height="{plan.depth_m:g}" viewBox="0 0 {plan.width_m:g} {plan.depth_m:g}"'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" preserveAspectRatio="none" {size}>{inside}</svg>'
    # Grafana takes an address with ":/" in it as it stands, and puts its own path before any other: that of the SVG's
    # name space has to stay readable.
    return PlanPicture(f"data:image/svg+xml,{quote(svg, safe=':/=')}", plan.width_m, plan.depth_m)


def _embedded(path: Path, place: str) -> str:
    kind, data = read_picture(path, place)
    address = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    return f'<image width="100%" height="100%" preserveAspectRatio="none" href="{escape(address)}"/>'


def _grid(plan: Plan) -> str:
    outline = '<rect width="100%" height="100%" fill="none" stroke="#888" stroke-width="0.1"/>'
    lines = grid_path(plan.width_m, plan.depth_m)
    return f'{outline}<path d="{lines}" stroke="#888" stroke-width="0.02" fill="none"/>'


def canvas_root(plan: PlanPicture) -> canvas.CanvasOptionsRoot:
    """What lies on the canvas: the picture, then the cells."""
    return canvas.CanvasOptionsRoot(
        name="plan", elements=[_background(plan), *(_cell(cell, plan) for cell in plan.cells)]
    )


def _background(plan: PlanPicture) -> canvas.CanvasElementOptions:
    picture = common.ResourceDimensionConfig(mode=common.ResourceDimensionMode.FIXED, fixed=plan.address)
    return _rectangle(
        "floor plan",
        canvas.Placement(left=0, right=0, top=0, bottom=0),
        canvas.BackgroundConfig(
            color=common.ColorDimensionConfig(fixed="transparent"),
            image=picture,
            size=canvas.BackgroundImageSize.FILL,
        ),
    )


def _cell(cell: Cell, plan: PlanPicture) -> canvas.CanvasElementOptions:
    """Shares in percent; y counts from the bottom of the plan, the canvas from its top."""
    right, top = min(cell.x + 1, plan.width_m), min(cell.y + 1, plan.depth_m)
    placement = canvas.Placement(
        left=_percent(cell.x, plan.width_m),
        right=_percent(plan.width_m - right, plan.width_m),
        top=_percent(plan.depth_m - top, plan.depth_m),
        bottom=_percent(cell.y, plan.depth_m),
    )
    colour = common.ColorDimensionConfig(fixed="transparent", field=cell.series)
    return _rectangle(cell.series, placement, canvas.BackgroundConfig(color=colour))


def _percent(part: float, whole: float) -> float:
    return round(100 * part / whole, 3)


def _rectangle(
    name: str, placement: canvas.Placement, background: canvas.BackgroundConfig
) -> canvas.CanvasElementOptions:
    return canvas.CanvasElementOptions(
        name=name,
        type_val="rectangle",
        config={},
        constraint=canvas.Constraint(
            horizontal=canvas.HorizontalConstraint.SCALE, vertical=canvas.VerticalConstraint.SCALE
        ),
        placement=placement,
        background=background,
        border=canvas.LineConfig(color=common.ColorDimensionConfig(fixed="transparent"), width=0),
    )

"""The pictures of the demo with its areas drawn over them, coloured as the windows and zones stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nicegui.element import Element

from dashboards.board import Tile, ZoneCard
from dashboards.texts import Texts
from dashboards.views import EVERY_S, PATH
from dashboards.widgets import Text, box, put
from dashboards.widgets import worst as worst_of
from hall.layout import Camera, Floor, Polygon


class ViewPanel:
    """The cameras of a floor side by side. The browser fetches the pictures; only changed colours are sent."""

    def __init__(self, floor: Floor, texts: Texts) -> None:
        self._areas: dict[str, list[Element]] = {}
        with box("part views-part", "section", aria_label=texts.view):
            Text("part-title", texts.view, "h2")
            with box("views"):
                for camera in floor.cameras:
                    self._build_view(floor, camera, texts)

    def _build_view(self, floor: Floor, camera: Camera, texts: Texts) -> None:
        with box("card view", "figure", data_testid=f"view-{camera.id}"):
            source = f"{PATH}/{camera.id}"
            box("view-picture", "hall-view", src=source, every=f"{EVERY_S:g}", alt=f"{texts.view} {camera.id}")
            with box("view-areas", "svg", viewBox="0 0 1 1", preserveAspectRatio="none", aria_hidden="true"):
                for key, kind, polygon, _ in _areas_of(floor, camera.id):
                    points = " ".join(f"{x:g},{y:g}" for x, y in polygon)
                    area = box(f"area area-{kind}", "polygon", points=points, data_area=key)
                    self._areas.setdefault(key, []).append(area)
            for key, kind, polygon, label in _areas_of(floor, camera.id):
                if label:
                    sign = Text(f"area-label area-{kind}", label)
                    left, top = _sign_at(kind, polygon)
                    sign.style(f"left: {left * 100:.1f}%; top: {top * 100:.1f}%")
                    self._areas.setdefault(key, []).append(put(sign, data_area=key))

    def show(self, tiles: Sequence[Tile], zones: Sequence[ZoneCard]) -> None:
        """Change the colours that differ."""
        for tile in tiles:
            for area in self._areas.get(f"window/{tile.window}", ()):
                put(area, data_status=tile.status, data_severity=worst_of(tile.alerts))
        for card in zones:
            for area in self._areas.get(f"zone/{card.zone}", ()):
                put(area, data_severity=worst_of(card.alerts))


def _areas_of(floor: Floor, camera: str) -> Iterable[tuple[str, str, Polygon, str]]:
    """Of one camera: subject, kind, polygon and the words on it."""
    for window in floor.windows:
        for kind, areas in (("clerk", window.clerk_area or []), ("customer", window.customer_area or [])):
            for area in areas:
                if (area.camera or window.camera) == camera:
                    yield f"window/{window.id}", kind, area.polygon, window.label if kind == "clerk" else ""
    for zone in floor.zones:
        for area in zone.areas:
            if area.camera == camera:
                yield f"zone/{zone.id}", "zone", area.polygon, zone.label or zone.id


def _sign_at(kind: str, polygon: Polygon) -> tuple[float, float]:
    """Over a clerk; at the corner of a zone that is nearest to the camera, where people hide least of it."""
    if kind == "zone":
        return max(polygon, key=lambda point: point[1])
    xs, ys = [x for x, _ in polygon], [y for _, y in polygon]
    return (min(xs) + max(xs)) / 2, min(ys)

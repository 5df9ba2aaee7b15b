"""The calibration page: areas, entrances and floor points are drawn on the picture of a camera, and go to hall.yaml."""

from __future__ import annotations

from dashboards.calibration.page import add

__all__ = ["add"]

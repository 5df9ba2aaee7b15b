"""The page of devices: boxes and cameras of all floors."""

from dashboards.fleet.page import add

__all__ = ["add"]

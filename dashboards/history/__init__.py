"""The pages of windows: today, a day, thirty days."""

from dashboards.history.page import add

__all__ = ["add"]

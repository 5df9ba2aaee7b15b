"""The guide display for citizens (导览屏): what is free, how long a wait will be, where to go."""

from dashboards.guide.page import add

__all__ = ["add"]

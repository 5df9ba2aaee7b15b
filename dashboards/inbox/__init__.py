"""The incident inbox: what goes wrong in the hall, and what people do about it."""

from dashboards.inbox._page import add

__all__ = ["add"]

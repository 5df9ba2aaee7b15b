"""The page of ratings (好差评)."""

from dashboards.ratings.page import add

__all__ = ["add"]

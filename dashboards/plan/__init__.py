"""The floor plan on the page of a floor: states, people waiting and heat, now and through the last day."""

from __future__ import annotations

from pathlib import Path

from dashboards.markup import head_of
from dashboards.plan.feed import PlanFeed
from dashboards.plan.panel import PlanPanel
from dashboards.plan.routes import add_routes
from dashboards.site import Site

__all__ = ["HEAD_HTML", "PlanFeed", "PlanPanel", "add"]

HEAD_HTML = head_of(Path(__file__).parent / "static")
"""What goes into the head of a page with a plan."""


def add(site: Site) -> dict[str, PlanFeed]:
    """Add what its browsers fetch; the feeds of the floors, by id."""
    feeds = {floor.id: PlanFeed(site, floor) for floor in site.hall.floors}
    add_routes(site, feeds)
    return feeds

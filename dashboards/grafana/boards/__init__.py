"""The boards, one module each."""

from __future__ import annotations

from dashboards.grafana.boards.fleet import FLEET
from dashboards.grafana.boards.floor import floor_board
from dashboards.grafana.boards.incidents import INCIDENTS
from dashboards.grafana.boards.overview import OVERVIEW
from dashboards.grafana.boards.ratings import RATINGS
from dashboards.grafana.boards.waiting import WAITING
from dashboards.grafana.boards.window import WINDOW
from dashboards.grafana.spec import Board

__all__ = ["BOARDS", "floor_board"]

BOARDS: tuple[Board, ...] = (OVERVIEW, floor_board(), WINDOW, WAITING, INCIDENTS, RATINGS, FLEET)
"""Every board for any hall; `floor_board` makes further ones over the plan of a floor."""

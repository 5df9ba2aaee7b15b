"""The page of a floor: windows, waiting areas and incidents; built once, then it takes over what changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from nicegui.element import Element

from dashboards.board import Board, Tile
from dashboards.duty import DutyFeed, DutyPanel
from dashboards.frame import Visit
from dashboards.plan import PlanFeed, PlanPanel
from dashboards.view_panel import ViewPanel
from dashboards.widgets import CountBadge, Icon, IncidentItem, NodeBadge, Text, TileCard, ZonePanel, box, put
from hall.layout import Floor

View_contra = TypeVar("View_contra", contravariant=True)
View = TypeVar("View")


class Widget(Protocol[View_contra]):
    """Shows one view."""

    root: Element

    def show(self, view: View_contra, /) -> None:
        """Take over what changed."""
        ...


class Roster(Generic[View]):
    """A list of widgets that follows a list of views: adds, removes, moves, and updates the rest.

    Args:
        root: the element around them.
        key: what identifies a view.
        make: builds the widget of a view, inside `root`.
    """

    def __init__(self, root: Element, key: Callable[[View], str], make: Callable[[View], Widget[View]]) -> None:
        self.root = root
        self._key = key
        self._make = make
        self._widgets: dict[str, Widget[View]] = {}

    def show(self, views: Sequence[View]) -> None:
        """Make the list be as `views` say, in their order."""
        wanted = {self._key(view): view for view in views}
        for gone in self._widgets.keys() - wanted.keys():
            self._widgets.pop(gone).root.delete()
        for place, (key, view) in enumerate(wanted.items()):
            if key in self._widgets:
                self._widgets[key].show(view)
            else:
                with self.root:
                    self._widgets[key] = self._make(view)
            element = self._widgets[key].root
            if self.root.default_slot.children[place] is not element:
                element.move(target_index=place)


class FloorPage:
    """One open page.

    Args:
        visit: by whom it was opened.
        floor: the floor it shows.
        plan: of that floor.
        duty: commands in force; None where there are no records.
        board: what it shows first.
    """

    def __init__(self, visit: Visit, floor: Floor, plan: PlanFeed, duty: DutyFeed | None, board: Board) -> None:
        self._visit = visit
        self._feed = visit.site.feed
        self._hall = visit.site.hall
        self._floor = floor
        self._texts = visit.texts
        self._board = board
        inbox = visit.site.entries.get("incidents")
        self._inbox = None if inbox is None else inbox.path
        self._duty = DutyPanel(visit, duty)
        self._only_open = False
        self._notices_shown: tuple[str, ...] = ()
        with visit.bar:
            self._build_bar()
        with box("columns"):
            with box("main-column"):
                self._notices = box("notices", role="status")
                self._build_overview()
                self._plan = PlanPanel(visit, floor, plan)
                self._view = ViewPanel(floor, visit.texts) if visit.site.views is not None else None
                self._build_floor()
            self._build_incidents()
        self._show(board)

    async def refresh(self) -> None:
        """Send what changed since last time."""
        board = await self._feed.board(self._floor, self._texts.lang)
        if board is not self._board:
            self._show(board)
        await self._plan.show(board)
        await self._duty.refresh()

    def _show(self, board: Board) -> None:
        self._board = board
        self._nodes.show(board.nodes)
        self._show_notices(board.notices)
        self._counts.show(board.counts)
        self._tiles.show(board.tiles)
        self._zones.show(board.zones)
        self._incidents.show(board.incidents)
        self._show_open(board)
        if self._view is not None:
            self._view.show(board.tiles, board.zones)

    def _show_notices(self, notices: tuple[str, ...]) -> None:
        if notices == self._notices_shown:
            return
        self._notices_shown = notices
        self._notices.clear()
        with self._notices:
            for notice in notices:
                with box("notice"):
                    Icon(name="info")
                    Text(text=notice)

    def _show_open(self, board: Board) -> None:
        count = board.open_incidents
        severities = {row.severity for row in board.incidents if not row.is_over}
        self._open_number.show(str(count))
        worst = "critical" if "critical" in severities else "warning" if severities else None
        put(self._open_badge, data_severity=worst, data_none="true" if count == 0 else None)
        shown = count if self._only_open else len(board.incidents)
        words = self._texts.none_open if self._only_open else self._texts.none_yet
        self._empty.show("" if shown else words)

    def _build_bar(self) -> None:
        here = self._texts.floor.format(floor=self._floor.id)
        Text("page-name visually-hidden" if len(self._hall.floors) > 1 else "page-name", here, "h1")
        if len(self._hall.floors) > 1:
            self._build_floors()
        nodes = box("nodes", "ul", aria_label=self._texts.boxes)
        self._nodes = Roster(nodes, lambda chip: chip.node, NodeBadge)

    def _build_floors(self) -> None:
        with box("floors", "nav", aria_label=self._texts.floors):
            for floor in self._hall.floors:
                here = "page" if floor.id == self._floor.id else None
                link = self._visit.link(f"/floor/{floor.id}")
                with box("floor-link", "a", href=link, aria_current=here):
                    Text(text=self._texts.floor.format(floor=floor.id))

    def _build_overview(self) -> None:
        with box("overview", "section", aria_label=self._texts.overview):
            counts = box("counts", "ul")
            self._open_badge = box("count open-count", "a", href="#incidents", data_testid="open-incidents")
            with self._open_badge:
                Icon(name="notifications")
                Text("count-word", self._texts.open_incidents)
                self._open_number = Text("count-number")
        self._counts = Roster(counts, lambda count: count.status, CountBadge)

    def _build_floor(self) -> None:
        texts = self._texts
        with box("part", "section", aria_label=texts.windows) as windows:
            Text("part-title", texts.windows, "h2")
            tiles = box("tiles", role="list")
        with box("part", "section", aria_label=texts.zones) as zones:
            Text("part-title", texts.zones, "h2")
            panels = box("zones", role="list")
        windows.set_visibility(bool(self._floor.windows))
        zones.set_visibility(bool(self._floor.zones))
        self._tiles = Roster(tiles, lambda tile: tile.window, self._tile)
        self._zones = Roster(panels, lambda card: card.zone, lambda card: ZonePanel(card, texts, self._link_to))

    def _link_to(self, event_id: str) -> str | None:
        return None if self._inbox is None else self._visit.link(f"{self._inbox}/{event_id}")

    def _tile(self, tile: Tile) -> TileCard:
        window = next(window for window in self._floor.windows if window.id == tile.window)
        return TileCard(tile, self._texts, self._link_to, lambda: self._duty.line(window))

    def _build_incidents(self) -> None:
        texts = self._texts
        self._aside = box("incidents card", "section", id="incidents", aria_label=texts.incidents)
        with put(self._aside, data_filter="all"):
            with box("incidents-head"):
                Text("part-title", texts.incidents, "h2")
                if self._inbox is not None:
                    with box("incidents-all", "a", href=self._visit.link(self._inbox)):
                        Text(text=f"{texts.all_floors} →")
                with box("filter", role="group", aria_label=texts.filter):
                    self._all = self._build_filter(texts.all, only_open=False)
                    self._open = self._build_filter(texts.open_only, only_open=True)
            self._empty = Text("empty", tag="p")
            rows = box("incident-list", "ul", aria_live="polite", aria_relevant="additions", tabindex="0")
            put(rows, aria_label=texts.incidents)
        self._incidents = Roster(rows, lambda row: row.event_id, lambda row: IncidentItem(row, texts, self._link_to))

    def _build_filter(self, word: str, *, only_open: bool) -> Element:
        button = box("filter-button", "button", type="button", aria_pressed="false" if only_open else "true")
        put(button, data_testid="filter-open" if only_open else "filter-all")
        with button:
            Text(text=word)
        button.on("click", lambda: self._filter(only_open=only_open))
        return button

    def _filter(self, *, only_open: bool) -> None:
        self._only_open = only_open
        put(self._aside, data_filter="open" if only_open else "all")
        put(self._all, aria_pressed="false" if only_open else "true")
        put(self._open, aria_pressed="true" if only_open else "false")
        self._show_open(self._board)

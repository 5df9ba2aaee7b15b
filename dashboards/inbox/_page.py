"""The page of the inbox: the list, and beside it the incident that is chosen; on a phone one or the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nicegui import ui
from nicegui.events import GenericEventArguments

from dashboards.frame import Content, Visit, add_page
from dashboards.inbox._address import PATH, Address, parse_address, parse_link
from dashboards.inbox._rows import Row, Wording
from dashboards.inbox._shelf import Shelf
from dashboards.inbox._words import INBOX_WORDS
from dashboards.markup import Part, head_of, templates_in
from dashboards.page import Roster
from dashboards.site import Site
from dashboards.widgets import SEVERITY_ICONS, Text, box, put
from ingest.desk import ActKind, needs_note, open_acts
from ingest.inbox import SHOWN, InboxFile, InboxPage, Question, Shown

_HERE = Path(__file__).parent
_TEMPLATES = templates_in(_HERE / "templates")
_TEMPLATES.globals["icons"] = SEVERITY_ICONS
_DIALOGS: tuple[ActKind, ...] = ("assign", "note", "false_alarm", "unlabel", "appeal", "decide", "close")
_NOTED: frozenset[ActKind] = frozenset({"note", "appeal", "decide"})
_GRAVE: frozenset[ActKind] = frozenset({"decide", "close"})
"""What cannot be taken back."""


def add(site: Site) -> None:
    """Add the pages, where there are records."""
    if site.records is None:
        return
    shelf = Shelf(site.records, site.hall.hall.id, site.reads, site.clock)

    async def build(visit: Visit) -> Content:
        query = dict(visit.request.query_params)
        address = parse_address(site.hall.hall.id, visit.request.path_params.get("event_id"), query)
        page = InboxPageView(visit, shelf, address)
        await page.load()
        return page

    head = head_of(_HERE / "static")
    for path in (PATH, f"{PATH}/{{event_id}}"):
        add_page(site, path, build, name="incidents", head=head)


@dataclass(frozen=True, slots=True)
class _RowView:
    """A row as it is sent."""

    event_id: str
    is_chosen: bool
    markup: str
    members: str


class _RowItem:
    def __init__(self, view: _RowView) -> None:
        self._shown: _RowView | None = None
        self.root = box("incident row", "li", data_testid=f"row-{view.event_id}")
        with self.root:
            self._row, self._members = Part("row-main"), Part("row-members")
        self.show(view)

    def show(self, view: _RowView) -> None:
        if view == self._shown:
            return
        self._shown = view
        put(self.root, data_chosen="true" if view.is_chosen else None)
        self._row.show(view.markup)
        self._members.show(view.members)


class InboxPageView:
    """One open inbox.

    Args:
        visit: by whom it was opened.
        shelf: answers that all inboxes share.
        address: what is shown first.
    """

    def __init__(self, visit: Visit, shelf: Shelf, address: Address) -> None:
        self._visit, self._shelf, self._address = visit, shelf, address
        self._words = INBOX_WORDS[visit.lang]
        self._edition: int | None = None
        self._slot: int | None = None
        Text("visually-hidden", self._words.title, "h1")
        with box("inbox", "div", data_loading=None) as self._root:
            self._away = Part("notice inbox-away", tag="p")
            with box("inbox-list card", "section", aria_label=self._words.listed):
                self._filters = Part("filters")
                rows = box("rows", "ul", id="rows", aria_label=self._words.listed)
                self._empty = Part("inbox-empty")
                self._pager = Part("pager-box")
            self._build_file()
        self._rows: Roster[_RowView] = Roster(rows, lambda row: row.event_id, _RowItem)
        self._dialogs = Part("dialogs")
        ui.on("inbox-go", self._go)

    async def load(self) -> None:
        """Show the address."""
        self._edition = await self._shelf.look()
        await self._show()
        if self._visit.may("manager"):
            names = list(dict.fromkeys((self._visit.account.name, *await self._shelf.names())))
            dialogs = self._render("dialogs", kinds=_DIALOGS, names=names, me=self._visit.account.name, grave=_GRAVE)
            self._dialogs.show(dialogs)

    async def refresh(self) -> None:
        """Send what changed since last time."""
        edition = await self._shelf.look()
        slot = int(self._visit.site.clock.now() // 30)
        # Where a box falls silent, what lasts stands still though no incident changed.
        if edition != self._edition or slot != self._slot:
            self._edition, self._slot = edition, slot
            await self._show()

    async def _go(self, event: GenericEventArguments) -> None:
        self._address = parse_link(self._visit.site.hall.hall.id, event.args)
        await self._show()
        ui.run_javascript("hallwatch.inboxShown()")

    async def _show(self) -> None:
        address, shelf = self._address, self._shelf
        page = await shelf.page(address.question, address.part)
        counts = await shelf.counts(address.question)
        found = None if address.event_id is None else await shelf.file(address.event_id)
        self._away.show(self._words.records_away if shelf.failed else "")
        if shelf.failed or address is not self._address:  # the last figures stay; or somebody went on meanwhile
            return
        site = self._visit.site
        wording = Wording(site.hall, self._visit.texts, self._words, site.reads.nodes(), site.clock.now())
        put(self._root, data_view="list" if address.event_id is None else "file")
        self._filters.show(self._render("filters", choices=self._choices(counts), selects=self._selects()))
        self._show_rows(page, wording)
        self._show_file(found, wording)

    def _show_rows(self, page: InboxPage, wording: Wording) -> None:
        address = self._address
        rows = [self._row(view.event_id, wording.row(view, page.members.get(view.event_id, ()))) for view in page.rows]
        self._rows.show(rows)
        is_calm = address.question == Question(address.question.hall)
        nothing = self._words.none_ongoing if is_calm else self._words.none
        empty = self._render("empty", nothing=nothing, is_calm=is_calm)
        self._empty.show("" if rows else empty)
        is_first = address.part.after is None and (address.part.before is None or not page.more)
        is_last = address.part.before is None and not page.more
        newer = "" if is_first or page.first is None else self._link(address.turned(before=page.first))
        older = "" if is_last or page.last is None else self._link(address.turned(after=page.last))
        self._pager.show(self._render("pager", newer=newer, older=older))

    def _row(self, event_id: str, row: Row) -> _RowView:
        members = self._render("members", members=row.members)
        return _RowView(event_id, event_id == self._address.event_id, self._render("row", row=row), members)

    def _build_file(self) -> None:
        with box("inbox-file card", "section", id="file", aria_label=self._words.facts):
            self._hint = Part("inbox-hint")
            self._loading = Text("loading quiet", self._words.loading, "p")
            with box("file-parts") as self._parts:
                self._title, self._acts = Part("file-title"), Part("file-acts")
                with box("file-columns"):
                    with box("file-column"):
                        self._facts, self._relations = Part("file-part"), Part("file-part")
                    with box("file-column"):
                        self._picture, self._history = Part("file-part"), Part("file-part")

    def _show_file(self, found: InboxFile | None, wording: Wording) -> None:
        event_id = self._address.event_id
        self._parts.set_visibility(found is not None)
        self._hint.show("" if found is not None else self._render("hint", is_unknown=event_id is not None))
        if found is None:
            return
        file, view = wording.file(found), found.incident
        self._title.show(self._render("title", file=file, back=self._link(self._address.at(None))))
        acts = open_acts(view) if self._visit.may("manager") else ()
        noted = {kind for kind in acts if needs_note(view, kind)}
        self._acts.show(self._render("acts", acts=acts, event_id=view.event_id, noted=noted))
        self._facts.show(self._render("facts", file=file))
        has_picture = view.snapshot is not None
        self._picture.show(self._render("picture", file=file, event_id=view.event_id, has_picture=has_picture))
        self._relations.show(self._render("relations", file=file))
        self._history.show(self._render("history", file=file))

    def _choices(self, counts: Mapping[Shown, int]) -> list[dict[str, object]]:
        said: dict[str, str] = {str(key): word for key, word in self._visit.texts.incident_status.items()}
        said |= {"ongoing": self._words.ongoing, "appealed": self._words.appealed, "all": self._words.all}
        chosen = self._address.question.shown
        return [
            {
                "key": one,
                "word": said[one],
                "count": counts[one],
                "is_chosen": one == chosen,
                "link": self._link(self._address.asking(shown=one)),
            }
            for one in SHOWN
        ]

    def _selects(self) -> list[dict[str, object]]:
        texts, words, question = self._visit.texts, self._words, self._address.question
        floors = [(floor.id, texts.floor.format(floor=floor.id)) for floor in self._visit.site.hall.floors]
        selects: list[tuple[str, str, str | None, Sequence[tuple[str, str]]]] = [
            ("severity", words.severity, question.severity, list(texts.severity.items())),
            ("rule", words.rule, question.rule, list(texts.rule.items())),
        ]
        selects += [("floor", words.floor, question.floor, floors)] if len(floors) > 1 else []
        return [{"key": key, "name": name, "chosen": chosen, "options": o} for key, name, chosen, o in selects]

    def _link(self, address: Address) -> str:
        return address.link(self._visit.lang)

    def _open(self, event_id: str) -> str:
        return self._link(self._address.at(event_id))

    def _render(self, name: str, **values: object) -> str:
        shared = {"words": self._words, "texts": self._visit.texts, "link": self._open, "noted": _NOTED}
        return _TEMPLATES.get_template(f"{name}.html").render(shared | values).strip()

"""The frame of every page: header, navigation, language, the end of a login, and a look for news each second."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from html import escape
from typing import Protocol

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from nicegui import Client, ui
from nicegui.element import Element

from dashboards.frame_words import FRAME_WORDS, Place
from dashboards.site import Site
from dashboards.texts import EN, ZH, Lang, Texts, parse_lang, texts_in
from dashboards.theme import HEAD_HTML
from dashboards.widgets import Text, box, put
from ingest.login import LOCAL
from ingest.users import Account, Role

REFRESH_S = 1.0
"""So often a page looks whether there is something new."""
CLOCK_SYNC_S = 60.0
"""So often a page is told the time, for browsers that slept."""
_LOGOUT = "() => fetch('/api/logout', {method: 'POST'}).then(() => location.assign('/login'))"


class Content(Protocol):
    """What stands in the frame and changes."""

    async def refresh(self) -> None:
        """Send what changed since last time; asked each second, so it must cost nothing while nothing did."""
        ...


class NoSuchPageError(Exception):
    """There is nothing at this address, such as a floor that the hall does not have; raised before anything is built.

    Args:
        words: what is said, in the reader's language.
    """


@dataclass(frozen=True, slots=True)
class Visit:
    """One page, opened by somebody.

    Attributes:
        site: what pages are built from.
        texts: the words that pages share, in the reader's language.
        account: who reads; `ingest.login.LOCAL` where nobody is asked.
        client: of NiceGUI.
        bar: the second line of the header, for what concerns this page only; hidden while it is empty.
    """

    site: Site
    texts: Texts
    account: Account
    client: Client
    bar: Element

    @property
    def lang(self) -> Lang:
        """The reader's language."""
        return self.texts.lang

    @property
    def request(self) -> Request:
        """By which the page was opened: `path_params`, `query_params`."""
        return self.client.request

    def may(self, role: Role) -> bool:
        """Whether the reader is at least this in the hall that is shown."""
        return self.account.may(role, self.site.hall.hall.id)

    def link(self, path: str) -> str:
        """An address of the console, in the reader's language."""
        return f"{path}{'&' if '?' in path else '?'}lang={self.lang}"


Build = Callable[[Visit], Awaitable[Content | None]]
"""Builds what stands in the frame, within the current slot."""


def add_page(
    site: Site,
    path: str,
    build: Build,
    *,
    name: Place,
    role: Role = "viewer",
    head: str = "",
    check: Callable[[Request, Texts], None] | None = None,
) -> None:
    """Add a page with our frame around it; the first one of a place without parameters is where the navigation leads.

    Args:
        site: what pages are built from.
        path: of the route, parameters in braces.
        build: builds what stands in the frame.
        name: its place in the navigation.
        role: who may see it at least.
        head: style and script of its own, as HTML.
        check: raises NoSuchPageError where there is nothing at an address.
    """
    if "{" not in path:
        site.lead_to(name, path, role)
    title = f"{site.hall.hall.name} · hallwatch"

    @ui.page(path, title=title)
    async def open_page(client: Client, lang: str = "") -> Response | None:
        texts = texts_in(parse_lang(lang))
        account = getattr(client.request.state, "account", LOCAL)
        if not account.may(role, site.hall.hall.id):
            return _says(403, FRAME_WORDS[texts.lang].not_allowed.format(name=account.name), texts)
        try:
            if check is not None:
                check(client.request, texts)
        except NoSuchPageError as exc:
            return _says(404, str(exc), texts)
        # A page has one language in NiceGUI; ours is the reader's choice, so each reader has a page of his own.
        client.page = copy.copy(client.page)
        client.page.language = texts.html_lang
        client.page.title = f"{FRAME_WORDS[texts.lang].places[name]} · {title}"
        ui.add_head_html(HEAD_HTML + head)
        await _open(site, client, texts, account, name, build)
        return None


def _says(status: int, words: str, texts: Texts) -> Response:
    back = FRAME_WORDS[texts.lang].back
    return HTMLResponse(
        f'<!doctype html><html lang="{texts.html_lang}"><meta charset="utf-8"><title>{status}</title>'
        f'<p>{escape(words)}</p><p><a href="/?lang={texts.lang}">{back}</a></p>',
        status_code=status,
    )


async def _open(site: Site, client: Client, texts: Texts, account: Account, name: Place, build: Build) -> None:
    client.content.classes("console")
    frame = _Frame(site, texts, account, name)
    visit = Visit(site, texts, account, client, frame.bar)
    with box("page", id="content", tabindex="-1"):  # NiceGUI puts it into a <main>
        content = await build(visit)
    frame.bar.set_visibility(bool(frame.bar.default_slot.children))

    async def refresh() -> None:
        if site.may_stay is not None and not await asyncio.to_thread(site.may_stay, client.request):
            timer.deactivate()
            client.open("/login")
            client.content.clear()
            return
        frame.refresh()
        if content is not None:
            await content.refresh()

    timer = ui.timer(REFRESH_S, refresh, immediate=False)


class _Frame:
    """Header and navigation of one page."""

    def __init__(self, site: Site, texts: Texts, account: Account, name: Place) -> None:
        self._site, self._texts, self._account, self._name = site, texts, account, name
        self._words = FRAME_WORDS[texts.lang]
        self._told_at = site.clock.now()
        with box("skip", "a", href="#content"):
            Text(text=self._words.to_content)
        with box("top", "header"):
            with box("brand"):
                Text("hall-name", site.hall.hall.name, "span")
            self._build_places()
            with box("top-end"):
                now = f"{self._told_at:.3f}"
                self._clock = box("clock", "hall-clock", zone=site.hall.hall.timezone, now=now)
                self._build_switch()
                if site.may_stay is not None:
                    self._build_logout()
            self.bar = box("bar")
        box("said", "div", id="said", role="status", aria_live="polite")

    def refresh(self) -> None:
        """Tell the browser the time, now and then."""
        now = self._site.clock.now()
        if abs(now - self._told_at) >= CLOCK_SYNC_S:
            self._told_at = now
            put(self._clock, now=f"{now:.3f}")

    def _build_places(self) -> None:
        hall = self._site.hall.hall.id
        shown = [
            (entry, word)
            for place, word in self._words.places.items()
            if (entry := self._site.entries.get(place)) is not None and self._account.may(entry.role, hall)
        ]
        if len(shown) < 2:
            return
        with box("places", "nav", aria_label=self._words.navigation):
            for entry, word in shown:
                here = "page" if entry.place == self._name else None
                link = f"{entry.path}?lang={self._texts.lang}"
                with box("place", "a", href=link, aria_current=here, data_place=entry.place):
                    Text(text=word)

    def _build_switch(self) -> None:
        other = ZH if self._texts is EN else EN
        link = box("lang", "a", href=f"?lang={other.lang}", data_testid="lang-switch", lang=other.html_lang)
        with put(link, title=self._texts.switch):
            Text(text=other.own_name)

    def _build_logout(self) -> None:
        button = box("lang", "button", type="button", data_testid="logout")
        with button:
            Text(text=self._texts.logout)
        button.on("click", js_handler=_LOGOUT)

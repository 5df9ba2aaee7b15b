"""`/users`, `/audit` and `/account`: forms over the HTTP API, which checks roles and keeps the audit log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from nicegui import ui

from dashboards.frame import Build, Content, Visit, add_page
from dashboards.markup import head_of
from dashboards.people.words import WORDS
from dashboards.site import Site
from dashboards.widgets import Text, box

_HEAD = head_of(Path(__file__).parent / "static")

Page = Literal["users", "audit", "account"]


def add(site: Site) -> None:
    """Add them; users and accounts only where the centre asks for a login."""
    if site.records is None:
        return
    add_page(site, "/audit", _build("audit"), name="audit", role="admin", head=_HEAD)
    if site.may_stay is not None:
        add_page(site, "/users", _build("users"), name="users", role="admin", head=_HEAD)
        add_page(site, "/account", _build("account"), name="account", head=_HEAD)


def _build(page: Page) -> Build:
    async def build(visit: Visit) -> Content | None:
        words = WORDS[visit.lang]
        with box("people", "section", aria_label=words["title"][page]):
            Text("people-title", words["title"][page], "h1")
            if page != "account" and visit.account.halls is not None:
                Text("people-none", words["everywhere_only"], "p")
                return None
            ui.element("hall-people").props["data-page"] = page
            told = {
                "words": words,
                "zone": visit.site.hall.hall.timezone,
                "hall": visit.site.hall.hall.id,
                "me": visit.account.name,
            }
            # Words of ours only; "<" is written so that nothing in it can end the script.
            text = json.dumps(told, ensure_ascii=False).replace("<", "\\u003c")
        ui.add_head_html(f'<script type="application/json" id="people-words">{text}</script>')
        return None

    return build

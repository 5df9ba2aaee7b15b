"""Parts of pages that are written as templates: what changes together is one element, and little is sent for it.

Templates escape whatever is put into them, so whatever hall.yaml or people say is shown as it stands there.
"""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from nicegui import ui

_FORMS = Path(__file__).parent / "static" / "forms.css"


def templates_in(folder: Path) -> Environment:
    """The templates of a room."""
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def head_of(*folders: Path) -> str:
    """Style and script of some rooms, for the head of a page: all `*.css` and `*.js` of their folders, by name."""
    styles = [_FORMS, *(path for folder in folders for path in sorted(folder.glob("*.css")))]
    scripts = (path for folder in folders for path in sorted(folder.glob("*.js")))
    texts = (
        *(f"<style>{path.read_text(encoding='utf-8')}</style>" for path in styles),
        *(f"<script>{path.read_text(encoding='utf-8')}</script>" for path in scripts),
    )
    return "\n".join(texts)


class Part(ui.html):
    """An element with what a template made; sent only where it differs.

    Args:
        classes: of the element.
        markup: made by a template of `templates_in`, which has escaped what was put into it.
        tag: of the element.
    """

    def __init__(self, classes: str = "", markup: str = "", tag: str = "div") -> None:
        super().__init__(markup, sanitize=False, tag=tag)
        self.classes(classes)
        self.set_visibility(bool(markup))

    def show(self, markup: str) -> None:
        """Change it; hidden while it is empty."""
        if markup != self.content:
            self.set_content(markup)
            self.set_visibility(bool(markup))

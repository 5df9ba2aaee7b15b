"""The look: style and script of the page, both served from here."""

from __future__ import annotations

from pathlib import Path

_STATIC = Path(__file__).parent / "static"

HEAD_HTML = "\n".join(
    (
        *(f"<style>{(_STATIC / name).read_text(encoding='utf-8')}</style>" for name in ("console.css", "sheet.css")),
        f"<script>{(_STATIC / 'console.js').read_text(encoding='utf-8')}</script>",
    )
)
"""What goes into the head of every page."""

FAVICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect width="32" height="32" rx="7" fill="#0b4f96"/>'
    '<path d="M6 21h20v4H6z" fill="#fff"/><circle cx="16" cy="11" r="5" fill="#fff"/>'
    '<path d="M8 19a8 6 0 0 1 16 0z" fill="#9cc7f2"/></svg>'
)
"""Icon of the browser tab: a clerk behind a counter."""

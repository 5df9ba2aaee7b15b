"""The page behind a link in an alert: what it is about, and a form by which somebody says that they see to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from urllib.parse import parse_qs

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse

from hall.words import Language
from ingest._alert_text import alert_text
from ingest.incidents import Incident
from ingest.labels import Labels
from ingest.links import LinkError, LinkExpired, LinkPast, Links, LinkUsed

_MAX_BODY_BYTES = 2_000
_MAX_NAME = 40

_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
}

_STYLE = (
    ":root{color-scheme:light dark;font:17px/1.5 system-ui,'Noto Sans CJK SC',sans-serif}"
    "body{margin:0;padding:24px 20px;max-width:560px;margin-inline:auto}"
    "h1{font-size:22px;line-height:1.35;margin:0 0 16px}"
    ".card{border:1px solid #8886;border-radius:14px;padding:16px 18px;margin-bottom:24px}"
    ".card p{margin:0 0 8px;overflow-wrap:anywhere}.card p:last-child{margin:0;opacity:.65;font-size:15px}"
    "label{display:block;font-weight:600;margin-bottom:6px}"
    "input{box-sizing:border-box;width:100%;font:inherit;padding:12px 14px;border:1px solid #888;border-radius:10px}"
    "button{box-sizing:border-box;width:100%;font:inherit;font-weight:600;padding:14px;margin-top:14px;border:0;"
    "border-radius:10px;background:#1558d6;color:#fff}"
    ".said{border-left:5px solid #1a7f37;padding:8px 14px;margin:0 0 24px}.said.no{border-color:#b3261e}"
    "footer{margin-top:32px;font-size:15px}a{color:inherit}"
)


@dataclass(frozen=True, slots=True)
class _Words:
    html_lang: str
    other: Language
    other_name: str
    title: str
    name: str
    name_missing: str
    button: str
    done: str
    before: str
    used: str
    expired: str
    past: str
    forged: str


_WORDS: dict[Language, _Words] = {
    "zh": _Words(
        "zh-CN",
        "en",
        "English",
        "事件确认",
        "您的姓名",
        "请填写姓名，最多 40 个字。",
        "我来处理",
        "已确认：{by}，{at}。",
        "{by} 已于 {at} 确认。",
        "此链接已使用。",
        "此链接已过期，请到控制台查看。",
        "此事件之后已关闭或再次发生，请以最新消息为准。",
        "此链接无效。",
    ),
    "en": _Words(
        "en",
        "zh",
        "中文",
        "Acknowledge an incident",
        "Your name",
        "Please give your name, 40 letters at most.",
        "I see to it",
        "Acknowledged by {by} at {at}.",
        "{by} acknowledged it at {at}.",
        "This link was used.",
        "This link is too old; see the console.",
        "The incident was closed or opened again since; go by the newest message.",
        "This link is not valid.",
    ),
}


def add_link_page(app: FastAPI, links: Links, labels: Labels, on_change: Callable[[], None]) -> None:
    """Serve `/a/{token}`.

    Args:
        app: the HTTP side.
        links: who makes and takes them.
        labels: what people call the parts of the hall.
        on_change: called when an incident was acknowledged.
    """

    @app.get("/a/{token}", include_in_schema=False)
    def show(token: str, lang: Language = "zh") -> HTMLResponse:
        page = _Page(lang, labels)
        try:
            incident = links.open(token)
        except LinkError as exc:
            return page.refused(exc)
        return page.form(incident)

    @app.post("/a/{token}", include_in_schema=False)
    async def confirm(token: str, request: Request, lang: Language = "zh") -> HTMLResponse:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > _MAX_BODY_BYTES:
                break
        return await run_in_threadpool(take, token, body[:_MAX_BODY_BYTES], lang)

    def take(token: str, body: bytes, lang: Language) -> HTMLResponse:
        page = _Page(lang, labels)
        by = " ".join(parse_qs(body.decode(errors="replace")).get("by", [""])[0].split())
        try:
            incident = links.open(token)
            if not 0 < len(by) <= _MAX_NAME or not by.isprintable():
                return page.form(incident, missing=True)
            incident = links.use(token, by)
        except LinkError as exc:
            return page.refused(exc)
        on_change()
        return page.done(incident)


class _Page:
    """The page in one language."""

    def __init__(self, language: Language, labels: Labels) -> None:
        self._language = language
        self._labels = labels
        self._words = _WORDS[language]

    def form(self, incident: Incident, *, missing: bool = False) -> HTMLResponse:
        words = self._words
        said = self._who(words.before, incident)
        trouble = f'<p class="said no">{words.name_missing}</p>' if missing else ""
        form = (
            f'<form method="post" action="?lang={self._language}"><label for="by">{words.name}</label>'
            f'<input id="by" name="by" required maxlength="{_MAX_NAME}" autocomplete="name">'
            f'<button type="submit">{words.button}</button></form>'
        )
        return self._answer(f"{said}{self._card(incident)}{trouble}{form}", 422 if missing else 200)

    def done(self, incident: Incident) -> HTMLResponse:
        return self._answer(f"{self._who(self._words.done, incident)}{self._card(incident)}", 200)

    def refused(self, error: LinkError) -> HTMLResponse:
        words = self._words
        texts = {LinkUsed: words.used, LinkExpired: words.expired, LinkPast: words.past}
        text = texts.get(type(error), words.forged)
        who = "" if error.incident is None else self._who(words.before, error.incident)
        status = 410 if type(error) in texts else 404
        return self._answer(f'<p class="said no">{text}</p>{who}', status)

    def _card(self, incident: Incident) -> str:
        text = alert_text(incident, "raised" if incident.holds else "cleared", self._language, self._labels, late=False)
        lines = "".join(f"<p>{escape(line)}</p>" for line in text.body.splitlines())
        return f'<h1>{escape(text.title)}</h1><div class="card">{lines}</div>'

    def _who(self, template: str, incident: Incident) -> str:
        """Who sees to it; nothing where nobody does."""
        if incident.acknowledged_at is None:
            return ""
        at = self._labels.local(incident.hall, incident.acknowledged_at)
        return f'<p class="said">{escape(template.format(by=incident.acknowledged_by, at=at))}</p>'

    def _answer(self, content: str, status: int) -> HTMLResponse:
        words = self._words
        page = (
            f'<!doctype html><html lang="{words.html_lang}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{words.title}</title><style>{_STYLE}</style></head><body><main>{content}</main>"
            f'<footer><a href="?lang={words.other}" lang="{_WORDS[words.other].html_lang}">{words.other_name}</a>'
            "</footer></body></html>"
        )
        return HTMLResponse(page, status, _HEADERS)

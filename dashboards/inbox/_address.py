"""Addresses of the inbox: which incidents are listed, and which one is open beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar, get_args
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from hall.messages import Rule, Severity
from ingest.inbox import SHOWN, Part, Question, Shown

ROWS = 30
"""Incidents of one page: more than a screen, few enough for a phone."""
PATH = "/incidents"
_BEGINNING = Part(ROWS)
_T = TypeVar("_T", bound=str)


@dataclass(frozen=True, slots=True)
class Address:
    """Where somebody is in the inbox."""

    question: Question
    part: Part = _BEGINNING
    event_id: str | None = None

    def link(self, lang: str) -> str:
        """The address as a path with a query."""
        asked, part = self.question, self.part
        query = {
            "status": None if asked.shown == "ongoing" else asked.shown,
            "severity": asked.severity,
            "rule": asked.rule,
            "floor": asked.floor,
            "after": part.after,
            "before": part.before,
            "lang": lang,
        }
        path = PATH if self.event_id is None else f"{PATH}/{quote(self.event_id, safe='')}"
        return f"{path}?{urlencode({name: value for name, value in query.items() if value})}"

    def at(self, event_id: str | None) -> Address:
        """The same list with another incident open."""
        return replace(self, event_id=event_id)

    def asking(self, **values: str | None) -> Address:
        """Another question from its beginning, nothing open."""
        return Address(replace(self.question, **values))  # type: ignore[arg-type]

    def turned(self, *, after: str | None = None, before: str | None = None) -> Address:
        """Another page of the same list."""
        return replace(self, part=Part(ROWS, after, before), event_id=None)


def parse_address(hall: str, event_id: str | None, query: Mapping[str, str]) -> Address:
    """The address that a request is for; what it does not know is as if it were not said."""
    floor = query.get("floor") or None
    shown: Shown = _known(query.get("status"), SHOWN) or "ongoing"
    severity: Severity | None = _known(query.get("severity"), get_args(Severity))
    rule: Rule | None = _known(query.get("rule"), get_args(Rule))
    part = Part(ROWS, query.get("after") or None, query.get("before") or None)
    return Address(Question(hall, shown, severity, rule, floor), part, event_id)


def parse_link(hall: str, link: object) -> Address:
    """The address that a browser says it went to; anything that is none is the inbox itself."""
    found = urlsplit(link if isinstance(link, str) else PATH)
    named = re.fullmatch(rf"{PATH}/([A-Za-z0-9-]{{1,64}})", found.path)
    return parse_address(hall, named.group(1) if named else None, dict(parse_qsl(found.query)))


def _known(word: str | None, words: tuple[_T, ...]) -> _T | None:
    return next((one for one in words if one == word), None)

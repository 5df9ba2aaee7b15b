"""`/ratings`: 好差评 of thirty days, by window and by day. Windows are told, never people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import select

from dashboards.frame import Content, Visit, add_page
from dashboards.history.figures import DAYS, SATISFIED
from dashboards.kept import Kept, Look
from dashboards.markup import Part, head_of, templates_in
from dashboards.ratings.words import RATING_WORDS, RatingWords
from dashboards.reports.weeks import local_day, midnight
from dashboards.site import Site
from dashboards.svg import Shape, markup, picture, shape, words
from dashboards.widgets import Text, box
from hall.clock import Instant
from hall.layout import Hall
from ingest._tables_inputs import ratings
from ingest.records import Records

EVERY_S = 30.0
_HERE = Path(__file__).parent
_TEMPLATES = templates_in(_HERE / "templates")
_WIDE, _HIGH = 240.0, 14.0
Scores = Counter[int]


@dataclass(frozen=True, slots=True)
class Ratings:
    """How many of each score, by window and by day, the newest first."""

    windows: Mapping[str, Scores]
    days: Mapping[date, Scores]


def add(site: Site) -> None:
    """Add the page, where there are records."""
    records, hall = site.records, site.hall
    if records is None:
        return
    kept: Kept[None, Ratings] = Kept(lambda _: read_ratings(records, hall, site.clock.now()), site.clock, EVERY_S)

    async def build(visit: Visit) -> Content:
        page = _Page(visit, kept)
        await page.refresh()
        return page

    add_page(site, "/ratings", build, name="ratings", head=head_of(_HERE / "static"))


def read_ratings(records: Records, hall: Hall, now: Instant) -> Ratings:
    """The ratings of the last thirty days.

    Raises:
        RecordsError: the records cannot be read.
    """
    zone = hall.zone_info
    first = midnight(local_day(now, zone) - timedelta(days=DAYS - 1), zone)
    c = ratings.c
    statement = select(c.window, c.at, c.score).where(c.hall == hall.hall.id, c.at >= first, c.at <= now)
    windows: dict[str, Scores] = {window.id: Counter() for _, window in hall.windows()}
    days: dict[date, Scores] = {}
    with records.reading() as connection:
        for window, at, score in connection.execute(statement.order_by(c.at.desc())):
            windows.setdefault(window, Counter())[score] += 1
            days.setdefault(local_day(at, zone), Counter())[score] += 1
    return Ratings(windows, days)


def share(scores: Scores) -> float | None:
    """Share of those who are satisfied; None of none."""
    total = scores.total()
    return sum(count for score, count in scores.items() if score >= SATISFIED) / total if total else None


def spread(scores: Scores, title: str, texts: RatingWords) -> Shape:
    """How many gave which score, as one bar from very good to very bad; its tip says the numbers."""
    told = " · ".join(f"{name} {scores[5 - k]}" for k, name in enumerate(texts.scores))
    parts, left = [], 0.0
    for k, name in enumerate(texts.scores):
        width = _WIDE * scores[5 - k] / max(1, scores.total())
        tip = words("title", f"{name} {scores[5 - k]}")
        if width:
            parts.append(shape("rect", tip, x=left, width=width, height=_HIGH, class_=f"score-{5 - k}"))
        left += width
    return picture(_WIDE, _HIGH, f"{title}: {told}", told, *parts, class_="spread", preserveAspectRatio="none")


class _Page:
    def __init__(self, visit: Visit, kept: Kept[None, Ratings]) -> None:
        self._visit, self._kept = visit, kept
        self._shown: Look[Ratings] | None = None
        with visit.bar:
            Text("page-name", RATING_WORDS[visit.lang].title, "h1")
        with box("ratings"):
            self._part = Part("ratings-all")

    async def refresh(self) -> None:
        """Send what changed since last time."""
        look = await self._kept.get(None)
        if look is not self._shown:
            self._shown = look
            self._part.show(self._render(look))

    def _render(self, look: Look[Ratings]) -> str:
        texts, found = RATING_WORDS[self._visit.lang], look.value or Ratings({}, {})
        labels = {window.id: window.label for _, window in self._visit.site.hall.windows()}
        windows = [_row(labels.get(name, name), scores, texts) for name, scores in found.windows.items()]
        days = [_row(str(day), scores, texts) for day, scores in found.days.items()]
        template = _TEMPLATES.get_template("ratings.html")
        return template.render(words=texts, windows=windows, days=days, failed=look.failed).strip()


def _row(name: str, scores: Scores, texts: RatingWords) -> dict[str, str]:
    found = share(scores)
    bad = sum(count for score, count in scores.items() if score < SATISFIED)
    return {
        "name": name,
        "count": str(scores.total()),
        "share": texts.none if found is None else f"{found:.0%}",
        "bad": str(bad),
        "spread": markup(spread(scores, name, texts)) if scores.total() else "",
    }

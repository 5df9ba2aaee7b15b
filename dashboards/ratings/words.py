"""What the page of ratings says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hall.words import Language


@dataclass(frozen=True, slots=True)
class RatingWords:
    """Every text of the page in one language; `scores` from 5 to 1."""

    title: str
    windows: str
    days: str
    window: str
    date: str
    count: str
    satisfied: str
    satisfied_more: str
    bad: str
    spread: str
    empty: str
    records_away: str
    none: str
    scores: tuple[str, str, str, str, str]


RATING_WORDS: Mapping[Language, RatingWords] = {
    "zh": RatingWords(
        title="好差评",
        windows="各窗口（近 30 天）",
        days="各日（全部窗口）",
        window="窗口",
        date="日期",
        count="评价数",
        satisfied="满意率",
        satisfied_more="非常满意、满意、基本满意所占比例；不满意和非常不满意为差评。评价不含任何姓名。",
        bad="差评",
        spread="分布",
        empty="近 30 天没有评价",
        records_away="暂时读不到记录，以下为上一次读到的数据",
        none="–",
        scores=("非常满意", "满意", "基本满意", "不满意", "非常不满意"),
    ),
    "en": RatingWords(
        title="Ratings",
        windows="By window (30 days)",
        days="By day (all windows)",
        window="Window",
        date="Date",
        count="Ratings",
        satisfied="Satisfied",
        satisfied_more="Share of very, just and fairly satisfied; the other two are bad. No names are kept.",
        bad="Bad",
        spread="Spread",
        empty="No rating within 30 days",
        records_away="The records cannot be read at the moment; these are the last figures read",
        none="–",
        scores=("very satisfied", "satisfied", "fairly satisfied", "dissatisfied", "very dissatisfied"),
    ),
}

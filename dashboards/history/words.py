"""What the pages of windows say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hall.words import Language


@dataclass(frozen=True, slots=True)
class HistoryWords:
    """Every text of the pages in one language."""

    title: str
    of: str
    window: str
    service: str
    floor: str
    presence: str
    presence_more: str
    absences: str
    sessions: str
    median: str
    p90: str
    overtime: str
    unknown: str
    none: str
    empty: str
    records_away: str
    no_window: str
    back: str
    day: str
    earlier: str
    later: str
    timeline: str
    timeline_more: str
    no_minutes: str
    histogram: str
    histogram_more: str
    minutes: str
    limit: str
    month: str
    date: str
    satisfied: str
    ratings: str
    case: str
    table: str
    start: str
    lasted: str
    what: str


HISTORY_WORDS: Mapping[Language, HistoryWords] = {
    "zh": HistoryWords(
        title="窗口历史",
        of="今日各窗口（{day}）",
        window="窗口",
        service="业务",
        floor="楼层",
        presence="在岗率",
        presence_more="开放时间内有人值守的时间占已知时间的比例",
        absences="离岗次数",
        sessions="办件数",
        median="办理中位数",
        p90="九成不超过",
        overtime="超时",
        unknown="未知时间",
        none="–",
        empty="今日尚无记录",
        records_away="暂时读不到记录，以下为上一次读到的数据",
        no_window="本大厅没有窗口 {window}",
        back="全部窗口",
        day="当日情况",
        earlier="前一天",
        later="后一天",
        timeline="状态时间线",
        timeline_more="{label} {day} 的状态：每分钟一格；下方为办件（超时为红色）和事件",
        no_minutes="当日没有分钟记录（分钟记录保留 7 天）",
        histogram="办理时长分布",
        histogram_more="{label} 近 30 天 {count} 件的办理时长，每格 {step} 分钟",
        minutes="{count} 分",
        limit="时限 {limit}",
        month="近 30 天",
        date="日期",
        satisfied="满意率",
        ratings="评价数",
        case="办件",
        table="数据表",
        start="开始",
        lasted="时长",
        what="内容",
    ),
    "en": HistoryWords(
        title="Windows",
        of="Windows today ({day})",
        window="Window",
        service="Service",
        floor="Floor",
        presence="Attended",
        presence_more="Share of the known open time in which somebody was there",
        absences="Absences",
        sessions="Cases",
        median="Median case",
        p90="9 in 10 under",
        overtime="Overtime",
        unknown="Unknown",
        none="–",
        empty="Nothing on record today",
        records_away="The records cannot be read at the moment; these are the last figures read",
        no_window="This hall has no window {window}",
        back="All windows",
        day="The day",
        earlier="Day before",
        later="Day after",
        timeline="Timeline",
        timeline_more="State of {label} on {day}, minute by minute; below it cases (red: overtime) and incidents",
        no_minutes="No minutes on record for this day (they are kept for 7 days)",
        histogram="How long cases take",
        histogram_more="{count} cases of {label} in 30 days, {step} minutes a column",
        minutes="{count} min",
        limit="limit {limit}",
        month="30 days",
        date="Date",
        satisfied="Satisfied",
        ratings="Ratings",
        case="Case",
        table="Table",
        start="Start",
        lasted="Lasted",
        what="What",
    ),
}

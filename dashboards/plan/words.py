"""What the floor plan says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hall.words import Language


@dataclass(frozen=True, slots=True)
class PlanWords:
    """Every text of the floor plan in one language."""

    title: str
    described: str
    no_plan: str
    no_place: str
    heat: str
    heat_unit: str
    heat_when: str
    no_heat: str
    grid: str
    past: str
    now: str
    live: str
    time: str
    earlier: str
    later: str
    failed: str
    loading: str
    people: str
    unseen: str
    none_kept: str
    about: str
    table: str
    subject: str
    state: str
    cell: str


PLAN_WORDS: Mapping[Language, PlanWords] = {
    "zh": PlanWords(
        title="楼层平面图",
        described="楼层 {floor} 的平面图，{width:g} 米 × {depth:g} 米：{windows} 个窗口、{zones} 个等候区，"
        "颜色和图标表示窗口状态。同样的内容见下方数据表。",
        no_plan="本楼层的摄像机尚未标定地面点，无法绘制平面图；窗口状态见下方。请在“标定”页面标出地面点。",
        no_place="未标定，不在图上：{labels}",
        heat="热力图",
        heat_unit="人/平方米（平均）",
        heat_when="人员热力：{start}–{end} 平均",
        no_heat="该时段没有人员热力记录",
        grid="每格 1 米",
        past="正在查看 {time} 的情况，并非实时状态",
        now="回到现在",
        live="实时",
        time="查看过去 24 小时",
        earlier="前 10 分钟",
        later="后 10 分钟",
        failed="暂时读不到 {time} 的记录，图上仍是上一次的内容",
        loading="正在读取 {time} 的记录…",
        people="{count} 人",
        unseen="无法看到",
        none_kept="无记录",
        about="约 {count} 人",
        table="数据表",
        subject="窗口或区域",
        state="状态",
        cell="{people:.2f} 人/平方米",
    ),
    "en": PlanWords(
        title="Floor plan",
        described="Plan of floor {floor}, {width:g} m by {depth:g} m: {windows} windows and {zones} waiting areas, "
        "colours and icons tell the state of the windows. The table below says the same.",
        no_plan="No camera of this floor has floor points, so there is no plan to draw; the windows are below. "
        "Mark floor points on the calibration page.",
        no_place="Not calibrated, so not on the plan: {labels}",
        heat="Heat",
        heat_unit="people per m² (mean)",
        heat_when="Heat: mean of {start}–{end}",
        no_heat="No heat on record for this time",
        grid="1 m per square",
        past="This is how it was at {time}, not how it is now",
        now="Back to now",
        live="Live",
        time="Look back 24 hours",
        earlier="10 min earlier",
        later="10 min later",
        failed="The records of {time} cannot be read at the moment; the plan still shows what was read last",
        loading="Reading the records of {time}…",
        people="{count} people",
        unseen="cannot be seen",
        none_kept="no record",
        about="about {count} people",
        table="Table",
        subject="Window or area",
        state="State",
        cell="{people:.2f} people per m²",
    ),
}

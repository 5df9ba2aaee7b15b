"""Alert rules of Grafana: they watch the watchers.

What happens in a hall raises incidents at the boxes, and the centre alerts people of those. These rules are for what
the boxes and the centre cannot say of themselves: a box that went silent, a store that gets nothing.

Rules have no variables: each series is judged by itself. A series that vanishes would resolve its alert, so silence is
a rule of its own, which looks back a day; what the others do without data is said for each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dashboards.grafana._targets import PLUGINS
from dashboards.grafana.query import Dialect, Query
from dashboards.grafana.spec import DATA_SOURCE_UID, FOLDER_UID, LANGUAGES, Text
from hall.words import Language
from ingest.points import CODES

RECEIVER = "hallwatch"
GROUP = "hallwatch"
ORIGIN = ("origin", "hallwatch")
"""The label of every rule of ours, by which the notification policy knows them."""
EVERY_S = 60
_DAY_S = 86_400


@dataclass(frozen=True)
class Rule:
    """An alert rule.

    Attributes:
        uid: its id in Grafana.
        query: what is judged, a value for each series; None for `silent_after_s`.
        silent_after_s: judges instead whether a series of the last day had no sample for so long.
        above: alerts where the value is greater; `below` where it is less.
        back_s: how far the query looks back.
        hold_s: how long it must be so.
        no_data: what it is while nothing at all answers.
        error: what it is while the store cannot be asked.
    """

    uid: str
    title: Text
    summary: Text
    back_s: int
    hold_s: int
    severity: Literal["warning", "critical"]
    query: Query
    above: float | None = None
    below: float | None = None
    silent_after_s: int | None = None
    no_data: Literal["OK", "NoData", "Alerting"] = "OK"
    error: Literal["OK", "Error", "Alerting"] = "Error"

    def text(self, dialect: Dialect) -> str:
        """Its query."""
        if self.silent_after_s is not None:
            return _silence(self.query, self.silent_after_s, dialect)
        return self.query.text(dialect)


def _silence(query: Query, after_s: int, dialect: Dialect) -> str:
    """More than 0 where samples came of late, for every series that had one within a day; 0 where it fell silent."""
    if dialect == "influxql":
        tags = ", ".join(f'"{tag}"' for tag in query.tags)
        # The step that has just begun may be empty: only two of them together tell.
        return (
            f'SELECT moving_average(count("{query.column}"), 2) FROM "{query.measurement}" WHERE $timeFilter '
            f"GROUP BY time({after_s // 2}s), {tags} fill(0)"
        )
    name = f"{query.measurement}_{query.column}"
    return f"count_over_time({name}[{after_s}s]) or 0 * count_over_time({name}[{_DAY_S}s])"


_NO_FILTER: tuple[str, ...] = ()
_BOX = "{{ $labels.hall }} / {{ $labels.floor }} / {{ $labels.node }}"
_CAMERA = f"{_BOX} / {{{{ $labels.camera }}}}"

RULES: tuple[Rule, ...] = (
    Rule(
        "hallwatch-silent",
        Text("边缘盒无数据", "A box is silent"),
        Text(f"{_BOX} 已两分钟没有上报", f"{_BOX} has said nothing for two minutes"),
        back_s=_DAY_S,
        hold_s=120,
        severity="critical",
        query=Query("node.rss_mb", filters=_NO_FILTER),
        silent_after_s=120,
        below=0.1,
        # Nothing at all: the centre or the store is away, or no box ever spoke.
        no_data="Alerting",
        error="Alerting",
    ),
    Rule(
        "hallwatch-camera",
        Text("摄像机无画面", "A camera has no picture"),
        Text(f"{_CAMERA} 近十分钟多数时间无画面", f"{_CAMERA} had no picture for most of ten minutes"),
        back_s=600,
        hold_s=300,
        severity="warning",
        query=Query("camera.state", "mean", share_of=CODES["camera state"]["live"], filters=_NO_FILTER),
        below=0.5,
    ),
    Rule(
        "hallwatch-overload",
        Text("边缘盒过载", "A box is overloaded"),
        Text(f"{_BOX} 近十五分钟多数时间过载", f"{_BOX} was overloaded for most of a quarter of an hour"),
        back_s=900,
        hold_s=300,
        severity="warning",
        query=Query("node.overloaded", "mean", filters=_NO_FILTER),
        above=0.5,
    ),
    Rule(
        "hallwatch-outbox",
        Text("消息积压", "Messages pile up"),
        Text(f"{_BOX} 待发送消息持续超过一千条", f"{_BOX} keeps more than a thousand messages that the broker lacks"),
        back_s=600,
        hold_s=300,
        severity="warning",
        query=Query("node.outbox_depth", "min", filters=_NO_FILTER),
        above=1_000,
    ),
    Rule(
        "hallwatch-unknown",
        Text("未知时间过多", "Much is unknown"),
        Text(
            "{{ $labels.hall }} / {{ $labels.floor }} 近一小时未知时间占比 {{ $values.B.Value }}",
            "{{ $labels.hall }} / {{ $labels.floor }}: share of unknown time in the last hour {{ $values.B.Value }}",
        ),
        back_s=3_600,
        hold_s=900,
        severity="warning",
        query=Query(
            "window.clerk",
            "mean",
            "mean",
            by=("hall", "floor"),
            share_of=CODES["clerk"]["unknown"],
            filters=_NO_FILTER,
        ),
        above=0.3,
    ),
    Rule(
        "hallwatch-waiting",
        Text("持续有人超时等候", "Somebody waits past the limit"),
        Text(
            "{{ $labels.hall }} / {{ $labels.floor }} / {{ $labels.zone }} 十五分钟内一直有人超时等候",
            "{{ $labels.hall }} / {{ $labels.floor }} / {{ $labels.zone }}: for fifteen minutes somebody was over it",
        ),
        back_s=900,
        hold_s=0,
        severity="warning",
        query=Query("zone.over_limit", "min", filters=_NO_FILTER),
        above=0,
    ),
)


def rule_json(rule: Rule, dialect: Dialect, language: Language) -> dict[str, Any]:
    """A rule as Grafana's provisioning API takes it."""
    compared = ("gt", rule.above) if rule.above is not None else ("lt", rule.below)
    return {
        "uid": rule.uid,
        "orgID": 1,
        "folderUID": FOLDER_UID,
        "ruleGroup": GROUP,
        "title": rule.title[language],
        "condition": "C",
        "data": [
            _stage("A", DATA_SOURCE_UID, rule.back_s, _model(rule, dialect)),
            _stage("B", "__expr__", 0, {"type": "reduce", "expression": "A", "reducer": "last"}),
            _stage("C", "__expr__", 0, _threshold(*compared)),
        ],
        "noDataState": rule.no_data,
        "execErrState": rule.error,
        "for": f"{rule.hold_s}s",
        "labels": {ORIGIN[0]: ORIGIN[1], "severity": rule.severity},
        "annotations": {"summary": rule.summary[language]},
        "isPaused": False,
    }


def _threshold(kind: str, limit: float | None) -> dict[str, Any]:
    return {
        "type": "threshold",
        "expression": "B",
        "conditions": [{"type": "query", "evaluator": {"type": kind, "params": [limit]}}],
    }


def _stage(ref_id: str, source: str, back_s: int, model: dict[str, Any]) -> dict[str, Any]:
    return {
        "refId": ref_id,
        "datasourceUid": source,
        "queryType": "",
        "relativeTimeRange": {"from": back_s, "to": 0},
        "model": {"refId": ref_id, **model},
    }


def _model(rule: Rule, dialect: Dialect) -> dict[str, Any]:
    source = {"type": PLUGINS[dialect], "uid": DATA_SOURCE_UID}
    text = rule.text(dialect)
    if dialect == "influxql":
        return {"datasource": source, "query": text, "rawQuery": True, "resultFormat": "time_series"}
    return {"datasource": source, "expr": text, "instant": True, "range": False, "legendFormat": "__auto"}


def contact_point(address: str) -> dict[str, Any]:
    """Where alerts of ours go: a webhook, which is what every relay of WeCom, DingTalk and Feishu takes."""
    settings = {"url": address, "httpMethod": "POST"}
    return {
        "uid": "hallwatch",
        "name": RECEIVER,
        "type": "webhook",
        "settings": settings,
        "disableResolveMessage": False,
    }


def route() -> dict[str, Any]:
    """The part of the notification policies that is ours: alerts that have our label."""
    return {
        "receiver": RECEIVER,
        "object_matchers": [[ORIGIN[0], "=", ORIGIN[1]]],
        "group_by": ["alertname", "hall", "floor"],
        "group_wait": "30s",
        "group_interval": "5m",
        "repeat_interval": "4h",
    }


def with_route(tree: dict[str, Any]) -> dict[str, Any]:
    """Notification policies in which ours is the first route; those of others stay as they are."""
    mine = route()["object_matchers"]
    others = [one for one in tree.get("routes") or [] if one.get("object_matchers") != mine]
    return {**tree, "routes": [route(), *others]}


def provisioning(dialect: Dialect, language: Language, address: str) -> dict[str, dict[str, Any]]:
    """Files for Grafana's provisioning folder `alerting`, by name."""
    rules = [rule_json(rule, dialect, language) for rule in RULES]
    for rule in rules:
        for only_by_api in ("orgID", "folderUID", "ruleGroup"):
            del rule[only_by_api]
    group = {
        "orgId": 1,
        "name": GROUP,
        "folder": Text("hallwatch 告警", "hallwatch alerts")[language],
        "interval": f"{EVERY_S}s",
        "rules": rules,
    }
    point = contact_point(address)
    receiver = {key: point[key] for key in ("uid", "type", "settings", "disableResolveMessage")}
    # A file replaces the whole tree of policies: this one is for a Grafana of its own.
    tree = {"orgId": 1, "receiver": RECEIVER, "group_by": ["alertname"], "routes": [route()]}
    return {
        "rules": {"apiVersion": 1, "groups": [group]},
        "contact-points": {"apiVersion": 1, "contactPoints": [{"orgId": 1, "name": RECEIVER, "receivers": [receiver]}]},
        "policies": {"apiVersion": 1, "policies": [tree]},
    }


def lint_rules(rules: Sequence[Rule] = RULES) -> list[str]:
    """Faults of rules that Grafana would find late or never."""
    faults = [
        f"{rule.uid}: expected either `above` or `below`"
        for rule in rules
        if (rule.above is None) == (rule.below is None)
    ]
    faults += [f"{rule.uid}: more than 40 characters" for rule in rules if len(rule.uid) > 40]
    if len({rule.uid for rule in rules}) < len(rules):
        faults.append("two rules have one uid")
    for rule in rules:
        for language in LANGUAGES:
            for tag in _labels(rule.summary[language]):
                if tag not in rule.query.kept:
                    faults.append(
                        f"{rule.uid}: label {tag!r} is none of its series; expected {', '.join(rule.query.kept)}"
                    )
        if rule.query.filters or "$" in rule.text("promql").replace("$__range", ""):
            faults.append(f"{rule.uid}: a rule has no variables")
        if rule.query.every:
            faults.append(f"{rule.uid}: a rule judges one value of each series")
        if rule.hold_s % EVERY_S:
            faults.append(f"{rule.uid}: holds for {rule.hold_s} s; expected a multiple of {EVERY_S}")
    return faults


def _labels(text: str) -> list[str]:
    return [part.partition(" ")[0] for part in text.split("$labels.")[1:]]

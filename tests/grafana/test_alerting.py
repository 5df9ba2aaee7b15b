"""Alert rules judge real stores, say what no data means, and leave what is not theirs alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dashboards.grafana.alerting import RULES, Rule, lint_rules, provisioning, route, rule_json, with_route
from dashboards.grafana.query import DIALECTS, Dialect, Query
from dashboards.grafana.spec import LANGUAGES, Text
from tests.grafana import day
from tests.grafana.conftest import Stores
from tests.grafana.reference import Span


def _asked(rule: Rule, dialect: Dialect) -> dict[str, Any]:
    made = rule_json(rule, dialect, "zh")
    assert [stage["refId"] for stage in made["data"]] == ["A", "B", "C"]
    model: dict[str, Any] = made["data"][0]["model"]
    return model


def _ended(after_s: float, back_s: int) -> Span:
    end = day.END + after_s
    return Span(int((end - back_s) * 1000), int(end * 1000), 60)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("rule", [r for r in RULES if r.silent_after_s is None], ids=lambda rule: rule.uid)
def test_a_rule_judges_what_was_written(stores: Stores, rule: Rule, dialect: Dialect) -> None:
    span = _ended(0, rule.back_s)
    expected = stores.points.answer(rule.query, span, {}, dialect)
    asked = {**_asked(rule, dialect)}
    answer = stores.of(dialect).ask(asked, rule.query, span, {})
    assert answer.keys() == expected.keys() != set()
    for tags, steps in expected.items():
        assert answer[tags] == pytest.approx(steps), tags


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("after_s", "silent"), [(0, False), (300, True), (80_000, True)])
def test_a_box_that_fell_silent_is_noticed_for_a_day(
    stores: Stores, after_s: float, silent: bool, dialect: Dialect
) -> None:
    (rule,) = (r for r in RULES if r.silent_after_s is not None)
    span = _ended(after_s, rule.back_s)
    counted = stores.of(dialect).last(_asked(rule, dialect), span)
    assert counted.keys() == {("demo", "f1", "edge-f1"), ("demo", "f2", "edge-f2")}
    assert rule.below is not None
    assert all((count < rule.below) is silent for count in counted.values()), counted


def test_what_no_data_means_is_said() -> None:
    states = {rule.uid: (rule.no_data, rule.error) for rule in RULES}
    assert states.pop("hallwatch-silent") == ("Alerting", "Alerting")
    assert set(states.values()) == {("OK", "Error")}


def test_rules_have_no_faults_and_faults_are_found() -> None:
    assert lint_rules() == []
    good = RULES[1]
    bad = [
        (replace(good, above=1), "either `above` or `below`"),
        (replace(good, uid="h" * 41), "more than 40"),
        (replace(good, hold_s=90), "a multiple of 60"),
        (replace(good, query=Query("camera.state")), "no variables"),
        (replace(good, query=replace(good.query, every=True)), "one value of each series"),
        (replace(good, summary=Text("{{ $labels.zone }}", "")), "label 'zone'"),
    ]
    for rule, said in bad:
        assert said in " ".join(lint_rules([rule]))
    assert lint_rules([good, good]) == ["two rules have one uid"]


def test_policies_of_others_stay() -> None:
    theirs = {"receiver": "them", "object_matchers": [["team", "=", "x"]]}
    tree = {"receiver": "default", "group_by": ["alertname"], "routes": [theirs]}
    once = with_route(tree)
    assert once == {**tree, "routes": [route(), theirs]}
    assert with_route(once) == once
    assert with_route({"receiver": "default"})["routes"] == [route()]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_provisioning_has_rules_a_contact_point_and_the_way_to_it(dialect: Dialect, language: Any) -> None:
    made = provisioning(dialect, language, "${HOOK}")
    (group,) = made["rules"]["groups"]
    assert [rule["uid"] for rule in group["rules"]] == [rule.uid for rule in RULES]
    (point,) = made["contact-points"]["contactPoints"]
    (tree,) = made["policies"]["policies"]
    assert tree["receiver"] == tree["routes"][0]["receiver"] == point["name"]
    assert point["receivers"][0]["settings"]["url"] == "${HOOK}"
    ((label, operator, value),) = tree["routes"][0]["object_matchers"]
    assert operator == "="
    assert all(rule["labels"][label] == value for rule in group["rules"])

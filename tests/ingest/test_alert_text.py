from __future__ import annotations

from typing import Any, get_args

import pytest

from hall.layout import Hall
from hall.messages import CameraFault, Phase, Rule
from hall.words import WORDS, Language
from ingest._alert_text import alert_text, duration
from ingest.incidents import Incident, merge
from ingest.labels import Labels
from tests.support.centre import T0, Numbered, an_event

LANGUAGES = get_args(Language)


def _incident(phase: Phase = "raised", **more: Any) -> Incident:
    event = an_event(phase, event_id="0123456789", **more)
    return merge(None, Numbered().message(T0, event))


def test_an_alert_says_what_where_since_when_how_long_and_how_to_act(hall: Hall) -> None:
    incident = _incident(severity="critical", unknown_s=12.0)
    text = alert_text(incident, "raised", "en", Labels(hall), late=False)
    assert text.title == "[Clerk absent, Critical] 1号窗口"
    assert text.body == (
        "1号窗口: nobody attends the window since 2026-01-05 09:00:00, for 5 min (limit 5 min).\n"
        "Besides, nothing could be seen for 12 s, which does not count.\n"
        "Where: 演示政务服务中心 f1\n"
        "What to do: Call the clerk back or send a stand-in; if the window pauses, put up its sign and lead people to "
        "other windows.\n"
        "No. 01234567"
    )


def test_a_cleared_alert_says_since_and_until_when_and_why(hall: Hall) -> None:
    incident = _incident("cleared", elapsed_s=492.0)
    text = alert_text(incident, "cleared", "en", Labels(hall), late=True)
    assert text.title == "[Cleared] 1号窗口, clerk absent (reported late)"
    assert text.body == (
        "1号窗口: clerk absent is over: resolved.\n"
        "From 2026-01-05 09:00:00 to 2026-01-05 09:08:12, for 8 min 12 s.\n"
        "Where: 演示政务服务中心 f1\nNo. 01234567"
    )


@pytest.mark.parametrize(
    ("language", "title"),
    [("zh", "【离岗·提醒】1号窗口（补报）"), ("en", "[Clerk absent, Warning] 1号窗口 (reported late)")],
)
def test_history_says_that_it_is(language: Language, title: str, hall: Hall) -> None:
    assert alert_text(_incident(), "raised", language, Labels(hall), late=True).title == title


@pytest.mark.parametrize(
    ("language", "title", "first", "action"),
    [
        (
            "zh",
            "【摄像机故障·提醒】摄像机 c1",
            "摄像机 c1 被遮挡，自 2026-01-05 09:00:00 起",
            "处理：请移开遮挡物，并清洁镜头。",
        ),
        (
            "en",
            "[Camera fault, Warning] Camera c1",
            "Camera c1: covered since 2026-01-05 09:00:00",
            "What to do: Take away what covers it and clean the lens.",
        ),
    ],
)
def test_a_camera_fault_says_which(language: Language, title: str, first: str, action: str, hall: Hall) -> None:
    fault = _incident(rule="camera_fault", subject="camera/c1", detail={"fault": "covered"})
    text = alert_text(fault, "raised", language, Labels(hall), late=False)
    assert text.title == title
    assert text.body.startswith(first)
    assert action in text.body


def test_an_overload_names_its_box(hall: Hall) -> None:
    overload = _incident(rule="overload", subject="node/edge-f1")
    text = alert_text(overload, "raised", "zh", Labels(hall), late=False)
    assert text.title == "【边缘盒过载·提醒】边缘盒 edge-f1"
    assert text.body.startswith("边缘盒 edge-f1 未能分析全部画面，自 2026-01-05 09:00:00 起")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("rule", get_args(Rule))
@pytest.mark.parametrize("fault", ["tomorrow's", *get_args(CameraFault)])
def test_there_are_words_for_every_rule_and_fault(language: Language, rule: Rule, fault: str) -> None:
    words = WORDS[language]
    incident = _incident(rule=rule, detail={"fault": fault})
    raised = alert_text(incident, "raised", language, Labels(), late=False)
    assert words.rules[rule] in raised.title
    assert words.faults.get(fault, words.what[rule]) in raised.body or rule != "camera_fault"  # type: ignore[call-overload]
    assert words.actions[rule] in raised.body or rule == "camera_fault"
    assert "demo f1" in raised.body
    assert "2026-01-05 01:00:00 UTC" in raised.body
    assert alert_text(incident, "cleared", language, Labels(), late=False).title


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [
        (0.4, "0 秒", "0 s"),
        (59.6, "1 分钟", "1 min"),
        (300, "5 分钟", "5 min"),
        (492, "8 分 12 秒", "8 min 12 s"),
        (3600, "1 小时", "1 h"),
        (3750, "1 小时 2 分钟", "1 h 2 min"),
    ],
)
def test_durations_as_people_say_them(seconds: float, zh: str, en: str) -> None:
    assert (duration(seconds, "zh"), duration(seconds, "en")) == (zh, en)

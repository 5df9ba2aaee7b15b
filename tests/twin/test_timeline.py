"""Timelines: well-formed, loading nothing, each claim in the colour it deserves."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from twin._state_score import Claimed
from twin.evaluate import Comparison
from twin.matching import Pair, Spell
from twin.timeline import LEGEND, clock, page, timeline
from twin.truth import TrueBlind, TruePresence, Truth

W01, ZONE = "window/w01", "zone/<back>"
PAIRS = [
    Pair("clerk_absent", W01, Spell(10.0, 40.0), Spell(10.5, 40.0, raised_s=30.0)),
    Pair("session", W01, Spell(0.0, 30.0), Spell(0.0, 39.5)),
    Pair("session", W01, None, Spell(50.0, 60.0)),
    Pair("long_wait", ZONE, Spell(5.0, None), None),
    Pair("stay", ZONE, Spell(0.0, 20.0), Spell(0.5, 20.0)),
    Pair("stay", ZONE, Spell(10.0, 25.0), Spell(10.0, 25.0)),
]
STATES = {W01: Claimed([(0.0, 5.0, "unknown"), (5.0, 100.0, "present")])}
TRUTH = Truth(duration_s=100.0, presence=[TruePresence("w01", 0.0, 10.0)], blind=[TrueBlind("cam1", 60.0, 80.0, [W01])])


def bars() -> dict[str, list[tuple[float, float, str]]]:
    """By colour: x, width and tooltip."""
    svg = ET.fromstring(timeline(Comparison(PAIRS, STATES, 100.0), TRUTH))
    found: dict[str, list[tuple[float, float, str]]] = {}
    for rect in svg.iter("rect"):
        title = rect.findtext("title") or ""
        found.setdefault(rect.get("class", ""), []).append(
            (float(rect.get("x", 0)), float(rect.get("width", 0)), title)
        )
    return found


def test_colours_and_tooltips() -> None:
    found = bars()
    assert len(found["good"]) == 6
    assert [title.splitlines()[0] for _, _, title in found["off"]] == ["办理 sessions window/w01"] * 2
    assert "end +9.50 s" in found["off"][0][2]
    assert [title.splitlines()[-1] for _, _, title in found["bad"]] == ["wrong 误报"]
    assert [title.splitlines()[-1] for _, _, title in found["missed"]] == ["missed 漏报"]
    assert "raised 0:30" in found["good"][0][2]
    assert [title for _, _, title in found["blind"]] == ["blind 不可知 1:00 – 1:20 (20.0 s)"]
    assert [title.split(":")[0] for _, _, title in found["unknown"]] == ["truth 真值", "claim 上报"]


def test_places_on_the_axis() -> None:
    """What goes on ends with the recording; widths are in proportion."""
    found = bars()
    (x, width, _), (blind_x, blind_width, _) = found["missed"][0], found["blind"][0]
    assert round(blind_width / 20, 2) == round(width / 95, 2)
    assert round(x + width) == round(blind_x + blind_width * 2)


def test_nothing_is_loaded_and_names_are_text() -> None:
    text = page("a <b>", LEGEND + timeline(Comparison(PAIRS, STATES, 100.0), TRUTH))
    assert "<script" not in text
    assert "http" not in text.replace("http://www.w3.org", "")
    assert "<back>" not in text
    assert "<title>a &lt;b&gt;</title>" in text


def test_clock() -> None:
    assert [clock(s) for s in (0, 4.25, 65, 3599.96)] == ["0:00", "0:04.2", "1:05", "60:00"]

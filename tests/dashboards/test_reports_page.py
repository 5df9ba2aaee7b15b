"""The report as a page and as PDF: whole, in both languages, and whatever a label says is text in it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from random import Random

import pytest

from dashboards.reports.compare import Change
from dashboards.reports.figures import Report, make_report
from dashboards.reports.page import render
from dashboards.reports.pdf import to_pdf, to_pdf_apart
from dashboards.reports.shelf import OVER_S, RUNNING_S, Asked, Shelf
from dashboards.reports.weeks import Week, midnight
from hall.clock import ManualClock
from hall.errors import InputError
from hall.layout import Hall
from hall.load import parse_hall
from hall.words import Language
from ingest.records import Records
from tests.support.command import call
from tests.support.weeks import Weeks, hall_text

WEEK = Week(2026, 10)
EVIL = "<script>window.pwned=1</script>&amp;\"'{{7*7}}"
HALL_TEXT = hall_text(4, labels={"w02": EVIL, "hall": f"{EVIL}区"})
_VOID = {"meta", "link", "br", "input", "img", "hr"}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hall, Records, str]]:
    """Three weeks of a hall in which something of everything happens."""
    hall = parse_hall(HALL_TEXT)
    url = f"sqlite:///{tmp_path_factory.mktemp('reports') / 'records.db'}"
    records = Records(url)
    weeks, random = Weeks(records, hall), Random(3)
    for back in range(3):
        for day in WEEK.earlier(back).days[:5]:
            begin = midnight(day, hall.zone_info)
            for hour in (9, 10, 11, 14, 15, 16):
                start = begin + 3600 * hour
                weeks.zone(start, "hall", known_s=3600)
                for number in range(3):  # nothing is ever heard of the fourth
                    gone_s = random.uniform(0, 900) if number < 2 else 0.0
                    weeks.window(start, f"w0{number + 1}", serving_s=3600 - gone_s, unstaffed_s=gone_s)
                    for case in range(4):
                        seconds = random.uniform(300, 1400)
                        begun = start + 600 * case
                        weeks.session(f"w0{number + 1}", begun, seconds, overtime=seconds > 1200)
                        weeks.stay("hall", begun, random.uniform(60, 1000 + 600 * back))
            for gone in (11.6, 14.0):
                weeks.incident("clerk_absent", "window/w02", begin + 3600 * gone, begin + 3600 * gone + 900)
            weeks.incident("long_wait", "zone/hall", begin + 3600 * 14, begin + 3600 * 14.5)
            weeks.rating("w01", begin + 3600 * 10, 4)
    weeks.incident("camera_fault", "camera/c1", begin, begin + 86400)
    weeks.write()
    yield hall, records, url
    records.close()


@pytest.fixture(scope="module")
def report(filled: tuple[Hall, Records, str]) -> Report:
    hall, records, _ = filled
    start, end = WEEK.span(hall.zone_info)
    return make_report(records, hall, WEEK, end, Change(start, EVIL))


class _Tags(HTMLParser):
    """The elements of a page; fails where they do not close in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not [name for name, _ in attrs if name.startswith("on")]
        self.seen.append(tag)
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"{tag} at {self.getpos()}"

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_page_is_whole_and_its_labels_are_text(report: Report, lang: Language) -> None:
    page = render(report, lang)
    assert page.startswith("<!doctype html>")
    tags = _Tags(page)
    assert "script" not in tags.seen
    assert tags.seen.count("h1") == 1
    assert tags.seen.count("svg") >= 2  # waits by day, and days around the change
    assert EVIL in tags.text
    for missing in ("None", "nan", "{", "}"):
        assert missing not in tags.text.replace(EVIL, ""), missing
    # Nothing comes from anywhere else.
    assert "http" not in page
    assert "url(" not in page


def test_it_says_what_is_there(report: Report) -> None:
    text = _Tags(render(report, "zh")).text
    for part in (
        "一、发现",
        "二、分析",
        "三、优化",
        "四、评估",
        "2026年第10周（3月2日至3月8日）",
        "离岗最多的是",
        "不参加排序",
    ):
        assert part in text, part
    english = _Tags(render(report, "en")).text
    assert "Week 10 of 2026 (2 Mar to 8 Mar)" in english
    assert "Waits" in english


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_week_without_data_says_so(filled: tuple[Hall, Records, str], lang: Language) -> None:
    hall, records, _ = filled
    week = WEEK.earlier(9)
    tags = _Tags(render(make_report(records, hall, week, week.span(hall.zone_info)[1]), lang))
    assert ("本周没有任何记录" if lang == "zh" else "Nothing is on record for this week") in tags.text
    assert "table" not in tags.seen


def test_a_pdf_has_its_fonts_text_tags_and_page_numbers(report: Report, tmp_path: Path) -> None:
    made = tmp_path / "report.pdf"
    made.write_bytes(to_pdf_apart(render(report, "zh")))

    def tool(*command: str) -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    text = "".join(tool("pdftotext", str(made), "-").split())
    assert "本周概要" in text
    assert "<script>window.pwned=1</script>" in text
    told = dict(line.split(":", 1) for line in tool("pdfinfo", str(made)).splitlines() if ":" in line)
    pages = int(told["Pages"])
    assert told["Tagged"].strip() == "yes"
    assert told["JavaScript"].strip() == "no"
    assert "2026-W10" in told["Title"]
    for page in range(1, pages + 1):
        assert f"第{page}页，共{pages}页" in text
    fonts = tool("pdffonts", str(made)).splitlines()[2:]
    assert any("CJK" in font for font in fonts)
    assert {font.split()[-5] for font in fonts} == {"yes"}  # embedded


def test_without_weasyprint_a_pdf_is_refused_and_html_is_not(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    page = render(report, "en")
    with pytest.raises(InputError, match=r"pip install 'hallwatch\[reports\]'.*libpango"):
        to_pdf(page)


class _Counting(Shelf):
    """Counts what is drawn; nothing is drawn."""

    def __init__(self, records: Records, hall: Hall, clock: ManualClock) -> None:
        self.drawn = 0
        super().__init__(records, hall, clock, draw=self._count)

    def _count(self, page: str) -> bytes:
        assert page.startswith("<!doctype html>")
        self.drawn += 1
        return b"%PDF"


def test_a_report_is_kept_for_a_while(filled: tuple[Hall, Records, str]) -> None:
    hall, records, _ = filled
    clock = ManualClock(WEEK.span(hall.zone_info)[1] + 60)
    shelf = _Counting(records, hall, clock)
    asked = Asked(WEEK, "en")
    first = shelf.page(asked)
    assert shelf.page(asked) is first
    assert shelf.pdf(asked) == b"%PDF"
    assert shelf.pdf(asked) == b"%PDF"
    assert shelf.drawn == 1
    assert shelf.page(Asked(WEEK, "zh")) != first
    clock.advance(OVER_S + 1)
    assert shelf.page(asked) is not first  # an appeal may have been decided
    shelf.pdf(asked)
    assert shelf.drawn == 2


def test_a_week_that_goes_on_is_made_again_soon(filled: tuple[Hall, Records, str]) -> None:
    hall, records, _ = filled
    clock = ManualClock(WEEK.span(hall.zone_info)[0] + 2 * 86400)
    shelf = _Counting(records, hall, clock)
    first = shelf.page(Asked(WEEK, "en"))
    assert "2026-03-04 00:00" in first
    clock.advance(RUNNING_S + 1)
    assert "2026-03-04 00:01" in shelf.page(Asked(WEEK, "en"))
    assert shelf.weeks() == (WEEK, WEEK.earlier(), WEEK.earlier(2))
    assert [shelf.is_over(week) for week in shelf.weeks()] == [False, True, True]


def test_the_command(filled: tuple[Hall, Records, str], tmp_path: Path) -> None:
    _, _, url = filled
    hall_file, out = tmp_path / "hall.yaml", tmp_path / "w10.html"
    hall_file.write_text(HALL_TEXT)
    command = ["report", str(hall_file), "--records", url, "--week", "2026-W10"]
    done = call(*command, "--out", str(out), "--change", "2026-03-02T08:00", "--about", "w03 opened at lunch")
    assert (done.returncode, done.stdout.strip()) == (0, str(out))
    page = out.read_text()
    assert 'lang="zh-CN"' in page
    assert "w03 opened at lunch" in page
    for wrong, said in (
        (["--out", "x.doc"], "expected FILE.html or FILE.pdf"),
        (["--lang", "de"], "expected one of zh, en"),
        (["--about", "x"], "--about goes with --change"),
        (["--change", "soon"], "expected a time such as"),
        (["--out", str(tmp_path / "no" / "x.html")], "No such file"),
    ):
        failed = call(*command, *wrong)
        assert failed.returncode == 1
        assert said in failed.stderr

"""index.html: the figures and a timeline of every scenario, in one file that loads nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

from twin.accuracy.results import CaseResult, Suite
from twin.evaluate import Comparison, EventScore, SpanScore
from twin.timeline import LABELS, LEGEND, page, timeline
from twin.truth import Truth

_COLUMNS = (
    "",
    "真值 truth",
    "上报 claimed",
    "精确率 precision",
    "召回率 recall",
    "起点误差 start p95",
    "时长误差 length p95",
)


def write_page(path: Path, suite: Suite, truths: Mapping[str, Truth]) -> None:
    """Write the page.

    Args:
        path: the file.
        suite: what is in it.
        truths: by the name of the case.
    """
    body = [*_totals(suite), LEGEND]
    for result in suite.scenarios:
        body += _case(result, truths[result.name])
    path.write_text(page("hallwatch accuracy", "".join(body)), encoding="utf-8")


def _totals(suite: Suite) -> Iterator[str]:
    total = suite.total
    heads = "".join(f"<th>{column}</th>" for column in _COLUMNS)
    yield (
        f"<p><b>{total.passed} / {total.scenarios}</b> scenarios as asked · {total.simulated_s / 60:.0f} simulated "
        f"minutes · {escape(suite.model)} · {suite.fps:g} fps</p><table><tr>{heads}</tr>"
    )
    for rule, score in total.events.items():
        yield _line(LABELS.get(rule, rule), score, score.end_error_p95_s)
    yield _line(LABELS["session"], total.sessions, total.sessions.duration_error_p95_s)
    yield _line(LABELS["stay"], total.stays, total.stays.duration_error_p95_s)
    yield (
        f"</table><p>events raised while blind 盲区误报 <b>{total.raised_blind}</b> · start of events "
        f"p95 <b>{_seconds(total.start_error_p95_s)}</b> · "
        f"unknown time p95 <b>{_seconds(total.unknown_error_p95_s)}</b></p>"
    )


def _line(name: str, score: EventScore | SpanScore, last: float | None) -> str:
    cells = (
        name,
        score.truth,
        score.claimed,
        f"{score.precision:.3f}",
        f"{score.recall:.3f}",
        _seconds(score.start_error_p95_s),
        _seconds(last),
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _case(result: CaseResult, truth: Truth) -> Iterator[str]:
    state = '<b class="ok">✓</b>' if not result.wrong else '<b class="no">✗</b>'
    wrong = escape("; ".join(result.wrong))
    compared = Comparison(result.pairs, result.states, result.duration_s)
    yield f'<details id="{result.name}"{" open" if result.wrong else ""}>'
    yield f'<summary>{state} <b>{escape(result.name)}</b> <span class="small">{wrong}</span></summary>'
    yield f"{timeline(compared, truth)}</details>"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} s"

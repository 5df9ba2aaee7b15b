"""Figures of one scenario and of all of them together."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hall.messages import Message
from twin._state_score import Claimed, p95
from twin.accuracy.suite import Case
from twin.evaluate import (
    EventScore,
    Figures,
    SpanScore,
    compare,
    evaluate,
    event_scores,
    raised_blind,
    span_score,
    unknown_errors_s,
)
from twin.matching import SESSION, STAY, Pair
from twin.truth import Truth

START_S, LENGTH_S, UNKNOWN_S = 2.0, 2.0, 5.0
"""What is asked of start errors of events, of the length of sessions (both 95th percentiles), of unknown time."""


class CaseResult(msgspec.Struct, frozen=True):
    """One scenario with one seed; `wrong` says in words what is not as asked."""

    name: str
    scenario: str
    seed: int
    duration_s: float
    figures: Figures
    wrong: list[str]
    pairs: list[Pair]
    states: dict[str, Claimed]


class Total(msgspec.Struct, frozen=True):
    """All scenarios as one: rates over all events, errors over all matches."""

    scenarios: int
    passed: int
    simulated_s: float
    events: dict[str, EventScore]
    start_error_p95_s: float | None
    sessions: SpanScore
    stays: SpanScore
    raised_blind: int
    unknown_error_p95_s: float | None


class Suite(msgspec.Struct, frozen=True):
    """results.json."""

    model: str
    fps: float
    total: Total
    scenarios: list[CaseResult]


def judge_case(case: Case, messages: Sequence[Message], truth: Truth) -> CaseResult:
    """The figures of one case."""
    compared = compare(messages, truth)
    figures = evaluate(messages, truth)
    wrong = list(_wrong(figures, compared.pairs))
    return CaseResult(
        case.name, case.scenario, case.seed, truth.duration_s or 0.0, figures, wrong, compared.pairs, compared.states
    )


def _wrong(figures: Figures, pairs: Sequence[Pair]) -> list[str]:
    faults = [_told(pair) for pair in pairs if _is_event(pair) and not pair.is_match]
    for rule, score in figures.events.items():
        if score.start_error_p95_s is not None and score.start_error_p95_s > START_S:
            faults.append(f"{rule} starts {score.start_error_p95_s:.1f} s off (p95)")
    sessions = figures.sessions
    if sessions.claimed != sessions.truth:
        faults.append(f"{sessions.claimed} sessions instead of {sessions.truth}")
    if sessions.duration_error_p95_s is not None and sessions.duration_error_p95_s > LENGTH_S:
        faults.append(f"length of sessions {sessions.duration_error_p95_s:.1f} s off (p95)")
    if figures.raised_blind:
        faults.append(f"{figures.raised_blind} events raised while blind")
    unknown_s = figures.unknown_error_p95_s
    if unknown_s is not None and unknown_s > UNKNOWN_S:
        faults.append(f"unknown time {unknown_s:.1f} s off (p95)")
    return faults


def _is_event(pair: Pair) -> bool:
    return pair.kind not in {SESSION, STAY}


def _told(pair: Pair) -> str:
    spell, what = (pair.true, "missed") if pair.claimed is None else (pair.claimed, "wrong")
    assert spell is not None
    end = "…" if spell.end_s is None else f"{spell.end_s:.1f}"
    return f"{what}: {pair.kind} {pair.subject} {spell.start_s:.1f}-{end} s"


def suite_result(results: Sequence[CaseResult], truths: Sequence[Truth], *, model: str, fps: float) -> Suite:
    """All of them, in order of name, and their total."""
    pairs = [pair for result in results for pair in result.pairs]
    blind = sum(len(raised_blind(r.pairs, truth)) for r, truth in zip(results, truths, strict=True))
    starts = [pair.start_error_s for pair in pairs if _is_event(pair) and pair.start_error_s is not None]
    total = Total(
        scenarios=len(results),
        passed=sum(not result.wrong for result in results),
        simulated_s=sum(result.duration_s for result in results),
        events=event_scores(pairs),
        start_error_p95_s=p95(starts),
        sessions=span_score(pairs, SESSION),
        stays=span_score(pairs, STAY),
        raised_blind=blind,
        unknown_error_p95_s=p95(unknown_errors_s(pairs)),
    )
    return Suite(model, fps, total, sorted(results, key=lambda r: (r.scenario, r.seed)))


def summary(suite: Suite) -> str:
    """For people: what is wrong where, then the total."""
    lines = [f"{r.name:24} {'ok' if not r.wrong else '; '.join(r.wrong)}" for r in suite.scenarios]
    total = suite.total
    lines.append("")
    lines.append(f"{'':24} {'truth':>6} {'claimed':>8} {'precision':>10} {'recall':>7} {'start p95':>10}")
    rows: list[tuple[str, EventScore | SpanScore]] = [*total.events.items()]
    for name, score in [*rows, ("sessions", total.sessions), ("stays", total.stays)]:
        lines.append(
            f"{name:24} {score.truth:6} {score.claimed:8} {score.precision:10.3f} {score.recall:7.3f} "
            f"{_seconds(score.start_error_p95_s):>10}"
        )
    lines.append(
        f"{total.passed} of {total.scenarios} scenarios as asked, {total.simulated_s / 60:.0f} simulated minutes, "
        f"{suite.model} at {suite.fps:g} frames a second"
    )
    lines.append(
        f"start of events p95 {_seconds(total.start_error_p95_s)}, length of sessions p95 "
        f"{_seconds(total.sessions.duration_error_p95_s)}, of stays {_seconds(total.stays.duration_error_p95_s)}, "
        f"raised while blind {total.raised_blind}, unknown time p95 {_seconds(total.unknown_error_p95_s)}"
    )
    return "\n".join(lines)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} s"

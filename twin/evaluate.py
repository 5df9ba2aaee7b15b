"""Score what hallwatch claimed against what was true."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
from scipy.optimize import linear_sum_assignment

from hall.clock import Instant, from_iso
from hall.errors import InputError, MessageError
from hall.messages import CrossingBody, EventBody, Message, SessionBody, StateBody, StayBody, decode
from twin.truth import Truth

TOLERANCE_S = 5.0
"""A claim that starts further from a truth than this is another thing."""

T = TypeVar("T")


class EventScore(msgspec.Struct, frozen=True):
    """Events of one rule; errors in seconds, null where nothing matched. Nothing claimed of nothing is right."""

    truth: int
    claimed: int
    matched: int
    precision: float
    recall: float
    start_error_p95_s: float | None
    end_error_p95_s: float | None


class SpanScore(msgspec.Struct, frozen=True):
    """Sessions or stays."""

    truth: int
    claimed: int
    matched: int
    precision: float
    recall: float
    start_error_p95_s: float | None
    duration_error_p95_s: float | None


class CountScore(msgspec.Struct, frozen=True):
    """Head count of one zone, compared at every true change: mean absolute error in people."""

    samples: int
    mean_absolute_error: float | None


class CrossingScore(msgspec.Struct, frozen=True):
    """Crossings of one entrance in one direction."""

    truth: int
    claimed: int


class Figures(msgspec.Struct, frozen=True):
    """All scores; events by rule, counts by zone, crossings by `entrance/direction`."""

    events: dict[str, EventScore]
    sessions: SpanScore
    stays: SpanScore
    counts: dict[str, CountScore]
    crossings: dict[str, CrossingScore]


class _Span(msgspec.Struct, frozen=True):
    subject: str
    start_s: float
    end_s: float | None


def read_messages(path: Path) -> list[Message]:
    """The messages of a replay.

    Raises:
        InputError: the file cannot be read or a line is no message; names the line.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as exc:
        raise InputError(f"{path}: {exc.strerror}; expected a file that replay wrote") from exc
    messages = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                messages.append(decode(line))
            except MessageError as exc:
                raise InputError(f"{path}, line {number}: {exc}; expected one message per line") from exc
    return messages


def read_truth(path: Path) -> Truth:
    """A truth file.

    Raises:
        InputError: the file cannot be read or is no truth.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Truth)
    except OSError as exc:
        raise InputError(f"{path}: {exc.strerror}; expected a truth file") from exc
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise InputError(f"{path}: {exc}; expected a truth file (docs/evaluate.md)") from exc


def evaluate(messages: Iterable[Message], truth: Truth, *, start: Instant | None = None) -> Figures:
    """Compare claims with the truth.

    Claims and truths of one rule and subject are matched so that the sum of start errors is least; a pair whose
    starts are further apart than `TOLERANCE_S` is none.

    Args:
        messages: of one hall.
        truth: what was true.
        start: when the recording began; what the truth says by default.
    """
    began = from_iso(truth.start) if start is None else start
    every = list(messages)
    bodies = [message.body for message in every]
    return Figures(
        events=_event_scores(bodies, truth, began),
        sessions=_span_score(
            [_Span(s.window, s.start_s, s.end_s) for s in truth.sessions],
            [_Span(b.window, *_times(b, began)) for b in bodies if isinstance(b, SessionBody)],
        ),
        stays=_span_score(
            [_Span(s.zone, s.start_s, s.end_s) for s in truth.stays],
            [_Span(b.zone, *_times(b, began)) for b in bodies if isinstance(b, StayBody)],
        ),
        counts=_count_scores(every, truth, began),
        crossings=_crossing_scores(bodies, truth),
    )


def _times(body: SessionBody | StayBody, began: Instant) -> tuple[float, float]:
    return body.started_at.timestamp() - began, body.ended_at.timestamp() - began


def _event_scores(bodies: Sequence[object], truth: Truth, began: Instant) -> dict[str, EventScore]:
    claims: dict[str, tuple[str, _Span]] = {}
    for body in bodies:
        if isinstance(body, EventBody):
            end = None if body.ended_at is None else body.ended_at.timestamp() - began
            span = _Span(body.subject, body.started_at.timestamp() - began, end)
            claims[body.event_id] = body.rule, span
    rules = dict.fromkeys(["clerk_absent", "long_wait", "overtime_case", *(e.rule for e in truth.events)])
    scores: dict[str, EventScore] = {}
    for rule in rules:
        true = [_Span(e.subject, e.start_s, e.end_s) for e in truth.events if e.rule == rule]
        claimed = [span for of_rule, span in claims.values() if of_rule == rule]
        pairs = list(_match(true, claimed))
        scores[rule] = EventScore(
            *_rates(true, claimed, pairs),
            _p95([abs(a.start_s - b.start_s) for a, b in pairs]),
            _p95([abs(a.end_s - b.end_s) for a, b in pairs if a.end_s is not None and b.end_s is not None]),
        )
    return scores


def _span_score(true: list[_Span], claimed: list[_Span]) -> SpanScore:
    pairs = list(_match(true, claimed))
    return SpanScore(
        *_rates(true, claimed, pairs),
        _p95([abs(a.start_s - b.start_s) for a, b in pairs]),
        _p95([abs(_length(a) - _length(b)) for a, b in pairs]),
    )


def _length(span: _Span) -> float:
    return (span.end_s if span.end_s is not None else span.start_s) - span.start_s


def _match(true: Sequence[_Span], claimed: Sequence[_Span]) -> Iterator[tuple[_Span, _Span]]:
    for subject in dict.fromkeys(span.subject for span in true):
        a = [span for span in true if span.subject == subject]
        b = [span for span in claimed if span.subject == subject]
        if not b:
            continue
        errors = np.abs(np.subtract.outer([s.start_s for s in a], [s.start_s for s in b]))
        # Beyond the tolerance no pair is better than another, and none is worth giving up a good one.
        rows, columns = linear_sum_assignment(np.where(errors <= TOLERANCE_S, errors, 1e6))
        yield from ((a[i], b[j]) for i, j in zip(rows, columns, strict=True) if errors[i, j] <= TOLERANCE_S)


def _rates(true: Sequence[T], claimed: Sequence[T], pairs: Sequence[object]) -> tuple[int, int, int, float, float]:
    precision = len(pairs) / len(claimed) if claimed else 1.0
    recall = len(pairs) / len(true) if true else 1.0
    return len(true), len(claimed), len(pairs), round(precision, 4), round(recall, 4)


def _p95(errors: Sequence[float]) -> float | None:
    return round(float(np.percentile(errors, 95)), 3) if errors else None


def _count_scores(messages: Sequence[Message], truth: Truth, began: Instant) -> dict[str, CountScore]:
    scores = {}
    for zone in dict.fromkeys(c.zone for c in truth.counts):
        steps = [
            (message.captured_at.timestamp() - began, state.count)
            for message in messages
            if isinstance(message.body, StateBody)
            for state in message.body.zones
            if state.zone == zone and state.count is not None
        ]
        at = np.array([step[0] for step in steps])
        errors = []
        for true in (c for c in truth.counts if c.zone == zone):
            place = int(np.searchsorted(at, true.at_s, side="right")) - 1
            if place >= 0:
                errors.append(abs(steps[place][1] - true.count))
        scores[zone] = CountScore(len(errors), round(float(np.mean(errors)), 4) if errors else None)
    return scores


def _crossing_scores(bodies: Sequence[object], truth: Truth) -> dict[str, CrossingScore]:
    true = [(c.entrance, c.direction) for c in truth.crossings]
    claimed = [(b.entrance, str(b.direction)) for b in bodies if isinstance(b, CrossingBody)]
    keys = sorted({*true, *claimed})
    return {f"{e}/{d}": CrossingScore(true.count((e, d)), claimed.count((e, d))) for e, d in keys}


def table(figures: Figures) -> str:
    """The figures for people."""
    lines = [
        f"{'':16} {'truth':>6} {'claimed':>8} {'precision':>10} {'recall':>7} {'start p95':>10} {'length p95':>11}"
    ]
    rows: list[tuple[str, EventScore | SpanScore, float | None]] = [
        (rule, score, score.end_error_p95_s) for rule, score in figures.events.items()
    ]
    rows += [
        (name, s, s.duration_error_p95_s) for name, s in (("sessions", figures.sessions), ("stays", figures.stays))
    ]
    for name, score, last in rows:
        lines.append(
            f"{name:16} {score.truth:6} {score.claimed:8} {score.precision:10.2f} {score.recall:7.2f} "
            f"{_seconds(score.start_error_p95_s):>10} {_seconds(last):>11}"
        )
    lines += [
        f"count {zone}: mean absolute error {_people(s.mean_absolute_error)}" for zone, s in figures.counts.items()
    ]
    lines += [f"crossings {name}: truth {s.truth}, claimed {s.claimed}" for name, s in figures.crossings.items()]
    return "\n".join(lines)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} s"


def _people(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"

"""Score what hallwatch claimed against what was true."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from hall.clock import Instant, from_iso
from hall.errors import InputError, MessageError
from hall.messages import CrossingBody, Message, StateBody, decode
from twin._state_score import (
    Claimed,
    PresenceScore,
    ZoneScore,
    blind_of,
    claimed_states,
    p95,
    presence_scores,
    zone_scores,
)
from twin.matching import RULES, SESSION, STAY, Pair, Spell, claimed_spells, pair_up, true_spells
from twin.truth import Truth


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
    """All scores; events by rule, counts and zones by zone, crossings by `entrance/direction`, presence by window.

    `raised_blind` counts events that were raised while nothing could be known of their window or zone;
    `unknown_error_p95_s` is of the unknown time within events, sessions and stays that have some.
    """

    events: dict[str, EventScore]
    sessions: SpanScore
    stays: SpanScore
    counts: dict[str, CountScore]
    crossings: dict[str, CrossingScore]
    presence: dict[str, PresenceScore] = {}
    zones: dict[str, ZoneScore] = {}
    raised_blind: int = 0
    unknown_error_p95_s: float | None = None


class Comparison(msgspec.Struct, frozen=True):
    """Claims beside truths: pairs of events, sessions and stays, and what was said of each subject over time."""

    pairs: list[Pair]
    states: dict[str, Claimed]
    end_s: float


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


def compare(messages: Sequence[Message], truth: Truth, *, start: Instant | None = None) -> Comparison:
    """Put claims beside the truth.

    Claims and truths of one rule and subject are matched so that the sum of their errors is least, a second at the end
    counting a tenth of one at the start; a pair whose starts are further apart than `TOLERANCE_S` is none.

    Args:
        messages: of one hall.
        truth: what was true.
        start: when the recording began; what the truth says by default.
    """
    began = from_iso(truth.start) if start is None else start
    end_s = truth.duration_s
    if end_s is None:
        end_s = max((message.captured_at.timestamp() - began for message in messages), default=0.0)
    pairs = pair_up(true_spells(truth), claimed_spells(messages, began))
    return Comparison(pairs, claimed_states(messages, began, end_s), end_s)


def evaluate(messages: Iterable[Message], truth: Truth, *, start: Instant | None = None) -> Figures:
    """The scores of what was claimed; see `compare` for the arguments."""
    every = list(messages)
    began = from_iso(truth.start) if start is None else start
    compared = compare(every, truth, start=start)
    bodies = [message.body for message in every]
    return Figures(
        events=event_scores(compared.pairs),
        sessions=span_score(compared.pairs, SESSION),
        stays=span_score(compared.pairs, STAY),
        counts=_count_scores(every, truth, began),
        crossings=_crossing_scores(bodies, truth),
        presence=presence_scores(compared.states, truth),
        zones=zone_scores(compared.states, truth),
        raised_blind=len(raised_blind(compared.pairs, truth)),
        unknown_error_p95_s=p95(unknown_errors_s(compared.pairs)),
    )


def event_scores(pairs: Sequence[Pair]) -> dict[str, EventScore]:
    """By rule."""
    scores: dict[str, EventScore] = {}
    for rule in dict.fromkeys([*RULES, *(pair.kind for pair in pairs if pair.kind not in {SESSION, STAY})]):
        own = [pair for pair in pairs if pair.kind == rule]
        ends = [abs(a.end_s - b.end_s) for a, b in _matched(own) if a.end_s is not None and b.end_s is not None]
        scores[rule] = EventScore(*_rates(own), p95(_start_errors(own)), p95(ends))
    return scores


def span_score(pairs: Sequence[Pair], kind: str) -> SpanScore:
    """Sessions, or stays."""
    own = [pair for pair in pairs if pair.kind == kind]
    lengths = [abs((a.length_s or 0.0) - (b.length_s or 0.0)) for a, b in _matched(own)]
    return SpanScore(*_rates(own), p95(_start_errors(own)), p95(lengths))


def raised_blind(pairs: Sequence[Pair], truth: Truth) -> list[Pair]:
    """Claimed events that were raised while a camera of their window or zone was blind."""
    return [
        pair
        for pair in pairs
        if pair.claimed is not None
        and (at_s := pair.claimed.raised_s) is not None
        and any(start <= at_s < end for start, end in blind_of(truth, pair.subject))
    ]


def unknown_errors_s(pairs: Sequence[Pair]) -> list[float]:
    """Of all that ended, matched and has unknown time in it: how wrong that is."""
    return [
        abs(a.unknown_s - b.unknown_s)
        for a, b in _matched(pairs)
        if a.end_s is not None and b.end_s is not None and (a.unknown_s > 0 or b.unknown_s > 0)
    ]


def _matched(pairs: Sequence[Pair]) -> list[tuple[Spell, Spell]]:
    return [(pair.true, pair.claimed) for pair in pairs if pair.true is not None and pair.claimed is not None]


def _start_errors(pairs: Sequence[Pair]) -> list[float]:
    return [a.start_error_s(b) for a, b in _matched(pairs)]


def _rates(pairs: Sequence[Pair]) -> tuple[int, int, int, float, float]:
    true = sum(pair.true is not None for pair in pairs)
    claimed = sum(pair.claimed is not None for pair in pairs)
    matched = len(_matched(pairs))
    precision = matched / claimed if claimed else 1.0
    recall = matched / true if true else 1.0
    return true, claimed, matched, round(precision, 4), round(recall, 4)


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
    lines += [
        f"clerk {window}: right {_share(s.share_right)} of the time, changes within {_seconds(s.change_error_p95_s)}, "
        f"unknown {s.unknown_s:.1f} s of {s.true_unknown_s:.1f} s"
        for window, s in figures.presence.items()
    ]
    lines += [
        f"zone {zone}: unknown {s.unknown_s:.1f} s of {s.true_unknown_s:.1f} s" for zone, s in figures.zones.items()
    ]
    lines.append(
        f"raised while blind: {figures.raised_blind}; unknown time p95 {_seconds(figures.unknown_error_p95_s)}"
    )
    return "\n".join(lines)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} s"


def _people(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"

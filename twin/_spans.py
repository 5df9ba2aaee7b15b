"""Spans of time, seconds: merged, cut, measured."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from hall.clock import Instant
from hall.schedule import Schedule

Span = tuple[float, float]
Spans = list[Span]
OpenSpan = tuple[float, float | None]
"""None: it goes on."""


def merged(spans: Iterable[Span]) -> Spans:
    """In order and apart."""
    out: Spans = []
    for start, end in sorted(spans):
        if out and start <= out[-1][1]:
            out[-1] = out[-1][0], max(out[-1][1], end)
        else:
            out.append((start, end))
    return out


def clip(spans: Iterable[Span], holes: Sequence[Span]) -> Spans:
    """What the holes leave of the spans."""
    out = list(spans)
    for a, b in holes:
        cut: Spans = []
        for start, end in out:
            if end <= a or start >= b:
                cut.append((start, end))
                continue
            cut += [(start, a)] if start < a else []
            cut += [(b, end)] if end > b else []
        out = cut
    return out


def gaps(spans: Sequence[Span], end_s: float) -> Iterator[Span]:
    """What is between 0 and `end_s` and in no span."""
    last = 0.0
    for start, end in spans:
        if start > last:
            yield last, start
        last = max(last, end)
    if last < end_s:
        yield last, end_s


def overlap_s(span: Span, holes: Sequence[Span]) -> float:
    """How much of a span lies in holes that are apart."""
    return sum(max(0.0, min(span[1], b) - max(span[0], a)) for a, b in holes)


def meet(a: OpenSpan, b: OpenSpan) -> bool:
    """Whether two spans share a moment."""
    a_end, b_end = (math.inf if span[1] is None else span[1] for span in (a, b))
    return a[0] <= b_end and b[0] <= a_end


def closed_spans(schedule: Schedule, began: Instant, end_s: float) -> Spans:
    """When a hall is closed, up to `end_s` after `began`, which is at a full minute, as hours are."""
    minutes = range(math.ceil(end_s / 60))
    return merged((60.0 * m, 60.0 * (m + 1)) for m in minutes if not schedule.is_open(began + 60 * m))

"""What a query should answer, worked out in Python from the lines that were written."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from dashboards.grafana.query import Dialect, Query

Tags = tuple[tuple[str, str], ...]
Answer = dict[Tags, dict[int, float]]
"""By tags and by the number of the step; of a question about the whole range there is one step."""


@dataclass(frozen=True)
class Span:
    """A time range as Grafana asks for it, in ms; from and to fall between two steps."""

    start_ms: int
    end_ms: int
    step_s: int

    @property
    def steps(self) -> int:
        return (self.end_ms - self.start_ms) // (1000 * self.step_s)


@dataclass(frozen=True)
class Sample:
    """One field of one line."""

    tags: Mapping[str, str]
    at_ms: float
    value: float


class Points:
    """Line protocol, read again."""

    def __init__(self, text: bytes) -> None:
        self._lines = text.decode().splitlines()

    @cached_property
    def _samples(self) -> dict[str, list[Sample]]:
        found: dict[str, list[Sample]] = defaultdict(list)
        for line in self._lines:
            head, fields, at_ns = line.split(" ")
            name, *tags = head.split(",")
            mapped = dict(tag.split("=", 1) for tag in tags)
            for field in fields.split(","):
                column, value = field.split("=")
                found[f"{name}.{column}"].append(Sample(mapped, int(at_ns) / 1e6, float(value)))
        return found

    def answer(self, query: Query, span: Span, variables: Mapping[str, str], dialect: Dialect) -> Answer:
        """What a query should answer."""
        series: dict[Tags, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
        for sample in self._within(query, span, variables):
            step = int(sample.at_ms - span.start_ms) // (1000 * span.step_s) if query.every else 0
            tags = tuple((tag, sample.tags[tag]) for tag in query.tags if tag in sample.tags)
            series[tags][step].append(sample.value)
        if query.raw:
            return {
                tags: dict(enumerate(sorted(v for vs in steps.values() for v in vs))) for tags, steps in series.items()
            }
        return _reduced(query, series, dialect, (span.end_ms - span.start_ms) / 1000)

    def _within(self, query: Query, span: Span, variables: Mapping[str, str]) -> Iterator[Sample]:
        for sample in sorted(self._samples[query.field], key=lambda s: s.at_ms):
            chosen = all(re.fullmatch(variables[tag], sample.tags[tag]) for tag in query.filters)
            fixed = all(sample.tags.get(tag) == value for tag, value in query.where)
            if chosen and fixed and span.start_ms <= sample.at_ms <= span.end_ms:
                yield sample


def _reduced(
    query: Query, series: Mapping[Tags, Mapping[int, list[float]]], dialect: Dialect, range_s: float
) -> Answer:
    over = _over(query, dialect)
    pooled = query.over == "mean" and query.across == "mean"
    groups: dict[Tags, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for tags, steps in series.items():
        key = tuple((tag, dict(tags)[tag]) for tag in query.kept if tag in dict(tags))
        for step, values in steps.items():
            groups[key][step] += values if pooled else [over(values)]
    across = over if pooled else _across(query)
    answer: Answer = {}
    for key, steps in groups.items():
        for step, values in steps.items():
            kept = [value for value in values if query.equals is None or value == query.equals]
            if kept:
                answer.setdefault(key, {})[step] = across(kept) / (range_s if query.per_second else 1)
    return answer


def _over(query: Query, dialect: Dialect) -> Callable[[Sequence[float]], float]:
    if query.share_of is not None:
        return lambda values: fmean(value == query.share_of for value in values)
    match query.over:
        case "last":
            return lambda values: values[-1]
        case "mean":
            return fmean
        case "min":
            return min
        case "max":
            return max
        case "sum":
            return math.fsum
        case "count":
            return len
        case "p50" | "p90":
            share = int(query.over[1:]) / 100
            return lambda values: (_nearest if dialect == "influxql" else _between)(sorted(values), share)


def _across(query: Query) -> Callable[[Sequence[float]], float]:
    if query.across is None:
        return lambda values: values[0] if len(values) == 1 else math.nan
    return {"sum": math.fsum, "max": max, "min": min, "mean": fmean, "count": len}[query.across]  # type: ignore[return-value]


def _nearest(values: Sequence[float], share: float) -> float:
    """Nearest rank, as InfluxDB 1.x has it."""
    return values[max(0, math.floor(len(values) * share + 0.5) - 1)]


def _between(values: Sequence[float], share: float) -> float:
    place = share * (len(values) - 1)
    low, high = math.floor(place), math.ceil(place)
    return values[low] + (values[high] - values[low]) * (place - low)

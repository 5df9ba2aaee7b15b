"""What a panel asks the store, said once, and written in InfluxQL and in PromQL.

A query names a field of `ingest.points`, how the samples of one series become one value (`over`), and how the values
of several series become one (`across`, for each combination of the tags in `by`). It is asked for each step of the
time axis (`every`) or for the whole time range.

VictoriaMetrics has functions that Prometheus lacks; only `share_of` uses one (`count_eq_over_time`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from ingest.points import CODES, MEASUREMENTS, Field

Dialect = Literal["influxql", "promql"]
DIALECTS: tuple[Dialect, ...] = ("influxql", "promql")
Over = Literal["last", "mean", "min", "max", "sum", "count", "p50", "p90"]
Across = Literal["sum", "max", "min", "mean", "count"]

_POOLED = {("sum", "sum"), ("max", "max"), ("min", "min"), ("mean", "mean"), ("count", "sum")}
"""What comes out the same when the samples of all series are taken together; a mean of means would not, so it is."""
_PROM_OVER = {
    "last": "last_over_time({0})",
    "mean": "avg_over_time({0})",
    "min": "min_over_time({0})",
    "max": "max_over_time({0})",
    "sum": "sum_over_time({0})",
    "count": "count_over_time({0})",
    "p50": "quantile_over_time(0.5, {0})",
    "p90": "quantile_over_time(0.9, {0})",
}
_RANGE_S = "((${__to} - ${__from}) / 1000)"


@dataclass(frozen=True)
class Query:
    """One question to the store.

    Attributes:
        field: MEASUREMENT.FIELD, as `window.status`.
        over: how the samples of a series become one; by nearest rank in InfluxQL and interpolated in PromQL for p50.
        across: how series become one for each combination of `by`; left out, every series stays by itself.
        every: a value for each `$__interval`; otherwise one for the time range.
        filters: tags that the variable of the same name restricts.
        where: tags that have one value.
        equals: only series whose value this is; `across` counts them.
        share_of: a code: the share of samples that have it takes the place of the field's value.
        per_second: divided by the seconds of the time range.
        raw: every sample as it was written; nothing is reduced.
        legend: what a series is called; `{tag}` stands for its tag.
    """

    field: str
    over: Over = "last"
    across: Across | None = None
    by: tuple[str, ...] = ()
    every: bool = False
    filters: tuple[str, ...] = ("hall", "floor")
    where: tuple[tuple[str, str], ...] = ()
    equals: int | None = None
    share_of: int | None = None
    per_second: bool = False
    raw: bool = False
    legend: str = ""

    def __post_init__(self) -> None:
        unknown = {*self.by, *self.filters, *(tag for tag, _ in self.where)} - set(self.tags)
        if unknown:
            raise ValueError(f"{self.field}: tags {sorted(unknown)}; expected some of {', '.join(self.tags)}")
        if self.by and self.across is None:
            raise ValueError(f"{self.field}: `by` without `across`; series that are not reduced keep all tags")
        if self.equals is not None and self.across != "count":
            raise ValueError(f"{self.field}: `equals` only where `across` counts")
        if self.share_of is not None and (self.over, self.across) not in {("mean", None), ("mean", "mean")}:
            raise ValueError(f"{self.field}: `share_of` is a mean")

    @property
    def measurement(self) -> str:
        """Its name."""
        return self.field.partition(".")[0]

    @property
    def column(self) -> str:
        """Name of the field in its measurement."""
        return self.field.partition(".")[2]

    @cached_property
    def declared(self) -> Field[Any]:
        """The field as `ingest.points` declares it.

        Raises:
            ValueError: there is none of that name.
        """
        of_name = [m for m in MEASUREMENTS if m.name == self.measurement]
        found = [f for m in of_name for f in m.fields if f.name == self.column]
        if not found:
            known = sorted(f"{m.name}.{f.name}" for m in MEASUREMENTS for f in m.fields)
            raise ValueError(f"{self.field}: no such field; expected one of {', '.join(known)}")
        return found[0]

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """Every tag of its points."""
        assert self.declared
        has = [m for m in MEASUREMENTS if m.name == self.measurement and self.declared in m.fields]
        return ("hall", "floor", *(tag.name for tag in has[0].tags))

    @property
    def kept(self) -> tuple[str, ...]:
        """Tags that the answer has."""
        return self.tags if self.across is None else self.by

    @cached_property
    def codes(self) -> tuple[int, ...]:
        """The numbers that the field may have, where it is a code."""
        return tuple(sorted(CODES[self.declared.code].values())) if self.declared.code else ()

    @property
    def influxql(self) -> str:
        """The query in InfluxQL, with Grafana's macros and variables."""
        if self.raw:
            return f"SELECT {_name(self.column)} FROM {_name(self.measurement)} WHERE {self._influx_where}"
        if self.across is None or (self.over, self.across) in _POOLED:
            return self._influx_select(self.kept, per_second=self.per_second)
        inner = self._influx_select(self.tags, alias=' AS "v"')
        value = f'{self.across}("v")' + (f" / {_RANGE_S}" if self.per_second else "")
        only = f' AND "v" = {self.equals}' if self.equals is not None else ""
        return f"SELECT {value} FROM ({inner}) WHERE $timeFilter{only}{self._influx_group(self.by)}"

    def _influx_select(self, tags: Sequence[str], alias: str = "", *, per_second: bool = False) -> str:
        source, column, where = _name(self.measurement), _name(self.column), self._influx_where
        if self.share_of is not None:
            inside = f'SELECT {_indicator(column, self.share_of, self.codes)} AS "is" FROM {source} WHERE {where}'
            source, column, where = f"({inside} GROUP BY {_names(self.tags)})", _name("is"), "$timeFilter"
        share = {"p50": 50, "p90": 90}.get(self.over)
        value = f"{self.over}({column})" if share is None else f"percentile({column}, {share})"
        value += f" / {_RANGE_S}" if per_second else ""
        return f"SELECT {value}{alias} FROM {source} WHERE {where}{self._influx_group(tags)}"

    @property
    def _influx_where(self) -> str:
        variables = [f"{_name(tag)} =~ /^(?:${{{tag}:regex}})$/" for tag in self.filters]
        return " AND ".join(["$timeFilter", *variables, *(f"{_name(tag)} = '{value}'" for tag, value in self.where)])

    def _influx_group(self, tags: Sequence[str]) -> str:
        parts = [*(["time($__interval)"] if self.every else []), *map(_name, tags)]
        return f" GROUP BY {', '.join(parts)}{' fill(none)' if self.every else ''}" if parts else ""

    @property
    def promql(self) -> str:
        """The query in PromQL, with Grafana's macros and variables."""
        matchers = [f'{tag}=~"${{{tag}:regex}}"' for tag in self.filters]
        matchers += [f'{tag}="{value}"' for tag, value in self.where]
        samples = f"{self.measurement}_{self.column}{{{','.join(matchers)}}}[{self.window}]"
        if self.raw:
            return samples
        value = self._prom_value(samples)
        return f"{value} / {_RANGE_S}" if self.per_second else value

    def _prom_value(self, samples: str) -> str:
        by = f" by ({', '.join(self.by)})"
        count = f"count_over_time({samples})"
        if self.over == "mean" and (self.across == "mean" or self.share_of is not None):
            total = f"sum_over_time({samples})"
            if self.share_of is not None:
                total = f"count_eq_over_time({samples}, {self.share_of})"
            return f"sum{by} ({total}) / sum{by} ({count})" if self.across else f"{total} / {count}"
        value = _PROM_OVER[self.over].format(samples)
        if self.equals is not None:
            value = f"{value} == {self.equals}"
        return f"{self.across}{by} ({value})" if self.across else value

    @property
    def window(self) -> str:
        """How far a value of PromQL looks back."""
        return "$__interval" if self.every else "$__range"

    def text(self, dialect: Dialect) -> str:
        """The query in one dialect."""
        return self.influxql if dialect == "influxql" else self.promql


def legend_in(legend: str, dialect: Dialect) -> str:
    """What a series is called, `{tag}` standing for its tag, as a data source of the dialect is told."""
    mark = ("[[tag_", "]]") if dialect == "influxql" else ("{{", "}}")
    return legend.replace("{", mark[0]).replace("}", mark[1])


def _indicator(column: str, code: int, codes: Sequence[int]) -> str:
    """A polynomial that is 1 for one code and 0 for the others (Lagrange): InfluxQL compares only in WHERE."""
    others = [other for other in codes if other != code]
    factors = [f"({column} - {other})" if other >= 0 else f"({column} + {-other})" for other in others]
    bottom = 1
    for other in others:
        bottom *= code - other
    return f"{' * '.join(factors)} / {bottom}" if bottom > 0 else f"{' * '.join(factors)} / ({bottom})"


def _name(text: str) -> str:
    return f'"{text}"'


def _names(names: Sequence[str]) -> str:
    return ", ".join(map(_name, names))

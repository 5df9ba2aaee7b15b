"""Queries of panels, variables and annotations, as each data source wants them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common, dashboard, prometheus

from dashboards.grafana.query import Dialect, legend_in
from dashboards.grafana.spec import DATA_SOURCE_UID, Target, VariableName
from hall.words import Language

PLUGINS: dict[Dialect, str] = {"influxql": "influxdb", "promql": "prometheus"}
"""Type of the data source; VictoriaMetrics answers as Prometheus does."""


class InfluxQuery(Dataquery):
    """A query in InfluxQL; the SDK has no type for it."""

    def __init__(self, query: str, *, ref_id: str, alias: str = "", table: bool = False, **more: object) -> None:
        self._fields: dict[str, object] = {
            "datasource": data_source("influxql"),
            "refId": ref_id,
            "query": query,
            "rawQuery": True,
            "resultFormat": "table" if table else "time_series",
        }
        if alias:
            self._fields["alias"] = alias
        self._fields.update(more)

    def to_json(self) -> dict[str, object]:
        """What Grafana's InfluxDB data source takes."""
        return self._fields


def data_source(dialect: Dialect) -> common.DataSourceRef:
    """The one data source of all panels."""
    return common.DataSourceRef(type_val=PLUGINS[dialect], uid=DATA_SOURCE_UID)


def target_of(target: Target, ref_id: str, dialect: Dialect, language: Language, *, as_table: bool) -> Any:
    """A query of a panel."""
    query = target.query
    legend = legend_in(target.legend[language] if target.legend else query.legend, dialect)
    if dialect == "influxql":
        return InfluxQuery(query.influxql, ref_id=ref_id, alias="" if as_table else legend, table=as_table)
    return prometheus.Dataquery(
        datasource=data_source(dialect),
        ref_id=ref_id,
        expr=query.promql,
        legend_format=legend or "__auto",
        format_val=prometheus.PromQueryFormat.TABLE if as_table else prometheus.PromQueryFormat.TIME_SERIES,
        instant=not query.every,
        range_val=query.every,
        editor_mode=prometheus.QueryEditorMode.CODE,
    )


def variable_query(name: VariableName, before: Sequence[VariableName], dialect: Dialect) -> str:
    """What a variable may be: the tags of the windows; a floor without a window has no clerk to show."""
    if dialect == "influxql":
        where = " AND ".join(f'"{tag}" =~ /^(?:${{{tag}:regex}})$/' for tag in before)
        return f'SHOW TAG VALUES FROM "window" WITH KEY = "{name}"' + (f" WHERE {where}" if where else "")
    matchers = ",".join(f'{tag}=~"${{{tag}:regex}}"' for tag in before)
    return f"label_values(window_status{f'{{{matchers}}}' if matchers else ''}, {name})"


def annotation_of(phase: str, name: str, colour: str, dialect: Dialect) -> dashboard.AnnotationQuery:
    """A mark at every event that was raised or cleared."""
    made = dashboard.AnnotationQuery(
        name=name, datasource=data_source(dialect), enable=True, icon_color=colour, hide=False
    )
    if dialect == "influxql":
        filters = " AND ".join(f'"{tag}" =~ /^(?:${{{tag}:regex}})$/' for tag in ("hall", "floor"))
        which = f"{filters} AND \"phase\" = '{phase}'"
        made.target = InfluxQuery(
            f'SELECT "severity", "rule", "subject" FROM "event" WHERE $timeFilter AND {which}',
            ref_id="Anno",
            table=True,
            fromAnnotations=True,
            textColumn="subject",
            tagsColumn="rule",
            titleColumn="",
            timeEndColumn="",
        )
        return made
    matchers = f'hall=~"${{hall:regex}}",floor=~"${{floor:regex}}",phase="{phase}"'
    made.expr = f"count_over_time(event_severity{{{matchers}}}[$__interval])"
    made.target = prometheus.Dataquery(
        datasource=data_source(dialect), ref_id="Anno", expr=made.expr, range_val=True, instant=False
    )
    made.title_format, made.text_format, made.tag_keys = name, "{{subject}}", "rule"
    made.step = "60s"
    return made

"""The store as a data source of Grafana."""

from __future__ import annotations

from typing import Any

from dashboards.grafana._targets import PLUGINS
from dashboards.grafana.query import Dialect
from dashboards.grafana.spec import DATA_SOURCE_UID


def victoria(url: str) -> dict[str, Any]:
    """A VictoriaMetrics, which answers as Prometheus does."""
    return _source("promql", url, {"httpMethod": "POST", "prometheusType": "Prometheus", "timeInterval": "10s"}, {})


def influx1(url: str, database: str, user: str | None = None, password: str | None = None) -> dict[str, Any]:
    """An InfluxDB 1.x."""
    made = _source("influxql", url, _influx(database), {"password": password} if password else {})
    return {**made, "user": user} if user else made


def influx2(url: str, bucket: str, token: str) -> dict[str, Any]:
    """An InfluxDB 2 or 3, whose bucket answers InfluxQL under its own name."""
    settings = {**_influx(bucket), "httpHeaderName1": "Authorization"}
    return _source("influxql", url, settings, {"httpHeaderValue1": f"Token {token}"})


def _influx(database: str) -> dict[str, Any]:
    return {"version": "InfluxQL", "dbName": database, "httpMode": "POST"}


def _source(dialect: Dialect, url: str, settings: dict[str, Any], secrets: dict[str, str]) -> dict[str, Any]:
    return {
        "uid": DATA_SOURCE_UID,
        "name": "hallwatch",
        "type": PLUGINS[dialect],
        "access": "proxy",
        "url": url,
        "jsonData": settings,
        "secureJsonData": secrets,
    }

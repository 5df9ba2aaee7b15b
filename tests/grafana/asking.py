"""Asks a store what a panel asks it: Grafana's variables and macros filled in, its answer as the reference has it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Protocol

import httpx

from dashboards.grafana.query import Query
from tests.grafana.reference import Answer, Span, Tags
from tests.support.servers import influx_query

DATABASE = "hallwatch"


class Asker(Protocol):
    """A store that answers the text of a panel's query."""

    def ask(self, target: Mapping[str, Any], query: Query, span: Span, variables: Mapping[str, str]) -> Answer:
        """The answer, in the shape of the reference."""
        ...


def filled(text: str, span: Span, variables: Mapping[str, str]) -> str:
    """The text with what Grafana puts in place of variables and macros. Nothing may be left over."""
    macros = {
        "$timeFilter": f"time >= {span.start_ms}ms and time <= {span.end_ms}ms",
        "$__interval": f"{span.step_s}s",
        "$__range": f"{(span.end_ms - span.start_ms) // 1000}s",
        "${__from}": str(span.start_ms),
        "${__to}": str(span.end_ms),
    }
    for name, value in variables.items():
        macros[f"${{{name}:regex}}"] = value
    for macro, value in macros.items():
        text = text.replace(macro, value)
    assert not re.search(r"\$(?!/)", text), f"left over: {text}"
    return text


class Influx:
    """An InfluxDB 1.x."""

    def __init__(self, port: int) -> None:
        self._port = port

    def series(self, text: str) -> list[dict[str, Any]]:
        """The series of an answer."""
        (result,) = json.loads(influx_query(self._port, text, DATABASE))["results"]
        assert "error" not in result, f"{result['error']}: {text}"
        found: list[dict[str, Any]] = result.get("series", [])
        return found

    def ask(self, target: Mapping[str, Any], query: Query, span: Span, variables: Mapping[str, str]) -> Answer:
        """See `Asker`."""
        found = self.series(filled(target["query"], span, variables))
        if query.raw:
            values = sorted(row[1] for one in found for row in one["values"])
            return {(): dict(enumerate(values))}
        answer: Answer = {}
        for one in found:
            tags = _tags(query, one.get("tags", {}))
            for at, value in one["values"]:
                step = (at - span.start_ms) // (1000 * span.step_s) if query.every else 0
                assert step not in answer.setdefault(tags, {}), f"two values of one step: {one}"
                answer[tags][step] = value
        return answer

    def last(self, model: Mapping[str, Any], span: Span) -> dict[tuple[str, ...], float]:
        """The last value of each series of an alert rule, by its box."""
        found = self.series(filled(model["query"], span, {}))
        return {_box(one["tags"]): one["values"][-1][1] for one in found}

    def values(self, text: str) -> list[str]:
        """What a variable offers."""
        return sorted(row[1] for one in self.series(text) for row in one["values"])

    def marks(self, target: Mapping[str, Any], span: Span, variables: Mapping[str, str]) -> int:
        """How many marks an annotation makes; each says what it is about."""
        found = self.series(filled(target["query"], span, variables))
        places = [one["columns"].index(target[key]) for one in found for key in ("textColumn", "tagsColumn")]
        rows = [row for one in found for row in one["values"]]
        assert all(row[place] for row in rows for place in places)
        return len(rows)


class Victoria:
    """A VictoriaMetrics."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def flush(self) -> None:
        """What was written can be read."""
        httpx.get(f"{self._url}/internal/force_flush").raise_for_status()

    def get(self, path: str, **values: object) -> Any:
        """`data` of an answer."""
        answer = httpx.get(f"{self._url}/api/v1/{path}", params={k: str(v) for k, v in values.items()}, timeout=20)
        assert answer.status_code == 200, f"{answer.text}: {values}"
        return answer.json()["data"]

    def ask(self, target: Mapping[str, Any], query: Query, span: Span, variables: Mapping[str, str]) -> Answer:
        """See `Asker`."""
        text = filled(target["expr"], span, variables)
        assert target["instant"] is not query.every
        assert target["range"] is query.every
        if not query.every:
            found = self.get("query", query=text, time=span.end_ms / 1000)["result"]
            if query.raw:
                values = sorted(float(value) for one in found for _, value in one["values"])
                return {(): dict(enumerate(values))}
            return {_tags(query, one["metric"]): {0: float(one["value"][1])} for one in found}
        # The value of a step looks back to its beginning, so it stands at its end.
        start, end = span.start_ms // 1000 + span.step_s, span.end_ms // 1000
        found = self.get("query_range", query=text, start=start, end=end, step=span.step_s, nocache=1)["result"]
        return {
            _tags(query, one["metric"]): {(int(at) - start) // span.step_s: float(value) for at, value in one["values"]}
            for one in found
        }

    def last(self, model: Mapping[str, Any], span: Span) -> dict[tuple[str, ...], float]:
        """The last value of each series of an alert rule, by its box."""
        found = self.get("query", query=filled(model["expr"], span, {}), time=span.end_ms / 1000)["result"]
        return {_box(one["metric"]): float(one["value"][1]) for one in found}

    def values(self, text: str) -> list[str]:
        """What a variable offers: Grafana turns `label_values` into this request."""
        asked = re.fullmatch(r"label_values\((.+), (\w+)\)", text)
        assert asked is not None
        found = self.get(f"label/{asked[2]}/values", **{"match[]": asked[1], "start": 0})
        return sorted(found)

    def marks(self, target: Mapping[str, Any], span: Span, variables: Mapping[str, str]) -> int:
        """How many marks an annotation makes; each says what it is about."""
        text = filled(target["expr"], span, variables)
        start, end = span.start_ms // 1000 + span.step_s, span.end_ms // 1000
        found = self.get("query_range", query=text, start=start, end=end, step=span.step_s, nocache=1)["result"]
        assert all(one["metric"]["subject"] and one["metric"]["rule"] for one in found)
        return sum(int(value) for one in found for _, value in one["values"])


def _box(tags: Mapping[str, str]) -> tuple[str, ...]:
    return tags["hall"], tags["floor"], tags["node"]


def _tags(query: Query, tags: Mapping[str, str]) -> Tags:
    return tuple((tag, tags[tag]) for tag in query.kept if tags.get(tag))

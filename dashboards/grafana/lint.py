"""What Grafana would swallow without a word, and the SDK's types too: found before it is committed or pushed.

A misspelt panel type is an empty panel, an option that does not exist is dropped, a variable that is not there stays
in the query as text, and a field that nobody writes gives no data.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, get_args

from dashboards.grafana import _schema
from dashboards.grafana.spec import DATA_SOURCE_UID, Kind
from ingest.points import MEASUREMENTS

_BUILT_IN = {"__interval", "__range", "__from", "__to", "__url_time_range", "__field", "timeFilter", "__rate_interval"}
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?:[.:][^}]*)?\}|(\w+))")
_PROM_FIELD = re.compile(r"\b([a-z]+(?:_[a-z0-9]+)*)\{")
_FIELDS = {f"{m.name}_{f.name}" for m in MEASUREMENTS for f in m.fields}
_ALIASES = {"v", "is"}


def lint(board: Mapping[str, Any], known_uids: Collection[str]) -> list[str]:
    """Faults of one board, each with its place; `known_uids` are the boards that links may lead to."""
    return [f"{board['uid']}: {fault}" for fault in _faults(board, known_uids)]


def _faults(board: Mapping[str, Any], known_uids: Collection[str]) -> Iterator[str]:
    variables = {variable["name"] for variable in board["templating"]["list"]}
    if len(board["uid"]) > 40:
        yield f"its uid has {len(board['uid'])} characters; expected 40 at most"
    yield from _schema.faults(board)
    for variable in board["templating"]["list"]:
        yield from (f"variable {variable['name']}: {fault}" for fault in _query_faults(variable["query"], variables))
    for annotation in board["annotations"].get("list") or []:
        yield from (f"annotation {annotation['name']}: {f}" for f in _target_faults(annotation["target"], variables))
    ids = [panel["id"] for panel in board["panels"]]
    if len(set(ids)) < len(ids):
        yield f"panel ids {ids}; expected different ones"
    for panel in board["panels"]:
        if panel["type"] != "row":
            yield from (f"panel {panel['title']!r}: {fault}" for fault in _panel_faults(panel, variables, known_uids))


def _panel_faults(panel: Mapping[str, Any], variables: Collection[str], known_uids: Collection[str]) -> Iterator[str]:
    if panel["type"] not in get_args(Kind):
        yield f"type {panel['type']!r}; expected one of {', '.join(get_args(Kind))}"
        return
    if not panel.get("targets"):
        yield "no query"
    if panel["gridPos"]["x"] + panel["gridPos"]["w"] > 24:
        yield f"reaches column {panel['gridPos']['x'] + panel['gridPos']['w']} of 24"
    if "noValue" not in panel["fieldConfig"]["defaults"]:
        yield "no word for no data"
    refs = [target["refId"] for target in panel.get("targets", [])]
    if len(set(refs)) < len(refs):
        yield f"queries {refs}; expected different letters"
    for target in panel.get("targets", []):
        yield from (f"query {target['refId']}: {fault}" for fault in _target_faults(target, variables))
    for link in panel["fieldConfig"]["defaults"].get("links") or []:
        yield from _link_faults(link["url"], variables, known_uids)


def _link_faults(url: str, variables: Collection[str], known_uids: Collection[str]) -> Iterator[str]:
    yield from _dangling(url, variables)
    uid = url.removeprefix("/d/").partition("?")[0]
    if uid not in known_uids:
        yield f"a link to {uid!r}; expected one of {', '.join(sorted(known_uids))}"
    for name in re.findall(r"var-(\w+)=", url):
        if name not in {"hall", "floor", "window"}:
            yield f"a link sets {name!r}; expected hall, floor or window"


def _target_faults(target: Mapping[str, Any], variables: Collection[str]) -> Iterator[str]:
    if target["datasource"]["uid"] != DATA_SOURCE_UID:
        yield f"data source {target['datasource']['uid']!r}; expected {DATA_SOURCE_UID!r}"
    text = target.get("expr") or target.get("query")
    if not text:
        yield "no text"
        return
    yield from _query_faults(text, variables)


def _query_faults(text: str, variables: Collection[str]) -> Iterator[str]:
    yield from _dangling(text, variables)
    if text.startswith(("SELECT", "SHOW")):
        yield from _influx_faults(text)
    else:
        for name in _PROM_FIELD.findall(text):
            if name not in _FIELDS:
                yield f"field {name!r} is written by nobody"


def _dangling(text: str, variables: Collection[str]) -> Iterator[str]:
    for braced, bare in _VARIABLE.findall(text):
        name = braced or bare
        if name not in _BUILT_IN and name not in variables:
            yield f"variable ${name}; expected one of {', '.join(sorted(variables))}"


def _influx_faults(text: str) -> Iterator[str]:
    sources = re.findall(r'FROM "(\w+)"', text)
    declared = [m for m in MEASUREMENTS if m.name in sources]
    for source in set(sources) - {m.name for m in declared}:
        yield f"measurement {source!r} is written by nobody"
    fields = {f.name for m in declared for f in m.fields}
    tags = {"hall", "floor", *(tag.name for m in declared for tag in m.tags)}
    for name in re.findall(r'"(\w+)"', text):
        if name not in fields | tags | _ALIASES | set(sources):
            yield f"field {name!r} is written by nobody"

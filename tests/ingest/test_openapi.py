"""What the OpenAPI says holds: questions made from it get an answer that it has, in the shape that it has."""

from __future__ import annotations

import functools
import random
import string
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import jsonschema
import pytest
from fastapi import FastAPI

from hall.broker import parse_broker
from hall.clock import ManualClock
from hall.load import parse_hall
from hall.messages import encode
from ingest._passwords import Passwords
from ingest.api import create_app
from ingest.arrivals import Arrival
from ingest.intake import Intake
from ingest.service import Centre
from ingest.users import Users
from tests.support.asking import ask, key_of
from tests.support.boxes import WillingBoxes
from tests.support.centre import HALL_TEXT, T0, Numbered, a_state, an_event
from tests.support.servers import free_port

_TRIES = 12
_ODD = (
    "",
    "\x00",
    "0",
    "-1",
    "1e999",
    "w01",
    "demo",
    "null",
    "演示",
    "'--",
    "\u202e",
    "x" * 300,
    "2026-01-05T01:00:00Z",
)
_KNOWN = {
    "hall": "demo",
    "event_id": an_event("raised").event_id,
    "name": "li",
    "identity": "0" * 12,
    "floor": "f1",
    "camera": "c1",
}
_ENDLESS = "/api/events"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FastAPI, Mapping[str, str | None]]]:
    folder: Path = tmp_path_factory.mktemp("openapi")
    clock, broker = ManualClock(T0), parse_broker(f"mqtt://127.0.0.1:{free_port()}")
    centre = Centre([parse_hall(HALL_TEXT)], broker, records=f"sqlite:///{folder}/records.db", clock=clock)
    centre.boxes = WillingBoxes()
    users = Users(centre.records, clock, Passwords(time_cost=1, memory_kib=8))
    keys = {"viewer": key_of(users, "wang", "viewer", None), "nobody": None}
    users.add("admin", "li", "viewer")
    key_of(users, "chief", "admin", None)
    keys["admin"] = key_of(users, "boss", "admin", None)
    node = Numbered()
    said = [node.message(T0, a_state(2)), node.message(T0, an_event("raised"))]
    Intake(centre.records, None, centre.metrics, clock).take([Arrival.of(m.topic, encode(m), T0) for m in said])
    yield create_app(centre, users), keys
    centre.stop()


@pytest.mark.parametrize("who", ["admin", "viewer", "nobody"])
def test_every_answer_is_one_that_is_told(house: tuple[FastAPI, Mapping[str, str | None]], who: str) -> None:
    app, keys = house
    document = app.openapi()
    dice = random.Random(who)
    tried = 0
    for path, methods in document["paths"].items():
        if path == _ENDLESS:
            continue
        for method, operation in methods.items():
            for _ in range(_TRIES):
                question = _question(document, path, operation, dice)
                # Whoever asks must stay who they are.
                if question[0].startswith("/api/users/boss") or path == "/api/logout":
                    continue
                answer = ask(app, method.upper(), question[0], keys[who], **question[1])
                _check(document, operation, answer.status_code, answer, f"{method} {question}")
                tried += 1
    assert tried > 300


def _check(document: Mapping[str, Any], operation: Mapping[str, Any], status: int, answer: Any, name: str) -> None:
    if status == 503 and answer.request.url.path != "/healthz":
        raise AssertionError(f"{name}: {answer.text}")
    told = operation["responses"].get(str(status))
    assert told is not None, f"{name}: answers {status}, which is not told; {answer.text}"
    schema = told.get("content", {}).get("application/json", {}).get("schema")
    if schema is not None:
        assert answer.headers["content-type"] == "application/json", f"{name}: {answer.text}"
        whole = {**schema, "components": document["components"]}
        jsonschema.Draft202012Validator(whole).validate(answer.json())


def _question(
    document: Mapping[str, Any], path: str, operation: Mapping[str, Any], dice: random.Random
) -> tuple[str, dict[str, Any]]:
    make = functools.partial(_value, document, dice=dice)
    query, headers = {}, {}
    for parameter in operation.get("parameters", ()):
        name, place = parameter["name"], parameter["in"]
        value = make(parameter["schema"])
        if place == "path":
            value = _KNOWN[name] if dice.random() < 0.7 else value
            path = path.replace(f"{{{name}}}", quote(str(value), safe="") or "-")
        elif parameter.get("required") or dice.random() < 0.4:
            if place == "query":
                query[name] = value
            elif str(value).isascii() and str(value).isprintable():
                headers[name] = str(value)
    more: dict[str, Any] = {"headers": headers}
    body = operation.get("requestBody")
    if body is not None:
        more["json"] = make(body["content"]["application/json"]["schema"])
    return path + (f"?{urlencode(query)}" if query else ""), more


def _value(document: Mapping[str, Any], schema: Mapping[str, Any], *, dice: random.Random) -> Any:
    """Something that a schema asks for, or now and then something else."""
    again = functools.partial(_value, document, dice=dice)
    if dice.random() < 0.08:
        return dice.choice([None, True, 7, 2.5, [], {}, *_ODD])
    if "$ref" in schema:
        found: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return again(found)
    for choice in ("anyOf", "enum"):
        if choice in schema:
            found = dice.choice(schema[choice])
            return again(found) if choice == "anyOf" else found
    if schema.get("type") == "object":
        wanted = set(schema.get("required", ()))
        fields = schema.get("properties", {}).items()
        return {name: again(one) for name, one in fields if name in wanted or dice.random() < 0.5}
    if schema.get("type") == "array":
        return [again(schema["items"]) for _ in range(dice.randint(0, 3))]
    return _plain(schema.get("type"), dice)


def _plain(kind: str | None, dice: random.Random) -> Any:
    word = "".join(dice.choices(string.ascii_lowercase, k=dice.randint(1, 12)))
    some: dict[str | None, list[Any]] = {
        "integer": [0, 1, 5, 100, 2**31, 2**63, -1],
        "number": [0, 1.5, T0, 1e18],
        "boolean": [False, True],
        "null": [None],
    }
    return dice.choice(some.get(kind, [word, word, word, *_ODD]))

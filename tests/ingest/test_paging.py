from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

import httpx
import pytest
from fastapi import FastAPI, Response
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Float, Integer, MetaData, RowMapping, String, Table, create_engine, insert, select

from hall.errors import InputError
from ingest._answers import Asked, answers, reply, speak_plainly
from ingest._paging import Order, Page, Part

_things = Table("things", MetaData(), Column("at", Float), Column("name", String), Column("n", Integer))
_ORDER = Order((_things.c.at, _things.c.name, _things.c.n), descending=(_things.c.at,))
_keys = st.lists(st.tuples(st.sampled_from([0.1, 0.2, 1e9]), st.sampled_from("ab"), st.integers(0, 9)), unique=True)


class _Things:
    """A list in a database of its own."""

    def __init__(self, keys: list[tuple[float, str, int]]) -> None:
        self._engine = create_engine("sqlite://")
        with self._engine.begin() as connection:
            _things.create(connection)
        self.add(keys)

    def add(self, keys: list[tuple[float, str, int]]) -> None:
        with self._engine.begin() as connection:
            for at, name, n in keys:
                connection.execute(insert(_things).values(at=at, name=name, n=n))

    def page(self, part: Part) -> Page[tuple[Any, ...]]:
        with self._engine.begin() as connection:
            return _ORDER.page(connection, select(_things), part, _view)

    def close(self) -> None:
        self._engine.dispose()


def _view(row: RowMapping) -> tuple[Any, ...]:
    return row["at"], row["name"], row["n"]


def _sorted(keys: list[tuple[float, str, int]]) -> list[tuple[float, str, int]]:
    return sorted(keys, key=lambda key: (-key[0], key[1], key[2]))


@settings(max_examples=40)
@given(_keys, st.integers(1, 5))
def test_pages_in_either_direction_are_the_list(keys: list[tuple[float, str, int]], limit: int) -> None:
    things = _Things(keys)
    found: list[Any] = []
    page = things.page(Part(limit))
    found += page.items
    while page.more:
        page = things.page(Part(limit, after=page.last))
        found += page.items
    assert found == _sorted(keys)
    if page.first is not None:
        back = list(page.items)
        page = things.page(Part(limit, before=page.first))
        back[:0] = page.items
        while page.more:
            page = things.page(Part(limit, before=page.first))
            back[:0] = page.items
        assert back == _sorted(keys)
    things.close()


@settings(max_examples=40)
@given(_keys, _keys, st.integers(1, 5))
def test_what_is_put_in_between_pages_moves_nothing(
    keys: list[tuple[float, str, int]], more: list[tuple[float, str, int]], limit: int
) -> None:
    things = _Things(keys)
    first = things.page(Part(limit))
    new = [key for key in more if key not in keys]
    things.add(new)
    rest = things.page(Part(1000, after=first.last))
    if first.last is not None:
        between = things.page(Part(1000, after=first.first, before=first.last)).items
        assert between == [one for one in _sorted([*keys, *new]) if one in between]
        assert set(first.items[1:-1]) <= set(between)
        assert not {first.items[0], first.items[-1]} & set(between)
        ahead = [key for key in new if _sorted([key, first.items[-1]])[0] == key]
        assert [*first.items, *rest.items] == _sorted([key for key in [*keys, *new] if key not in ahead])
    things.close()


@pytest.mark.parametrize(
    "cursor", ["", "!", "abc", "W10", "WzEsMl0", "WyIxIiwiYSIsMV0", "bnVsbA", "WzEsImEiLDFlOTk5XQ"]
)
def test_a_cursor_that_is_none_is_refused(cursor: str) -> None:
    things = _Things([(0.1, "a", 1)])
    with pytest.raises(InputError, match="expected `first` or `last`"):
        things.page(Part(1, after=cursor))
    things.close()


def test_a_route_says_what_it_answers_and_every_error_is_a_text() -> None:
    app = FastAPI()
    speak_plainly(app)

    @app.get("/list", responses=answers(Page[int], 404, 422))
    def list_(part: Asked, n: Annotated[int, "a number"]) -> Response:
        return reply(Page(list(range(n)), None, None, more=False))

    @app.post("/list")
    def add() -> None: ...

    async def ask(path: str, method: str = "GET") -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://centre") as client:
            return await client.request(method, path)

    said = app.openapi()
    answered = said["paths"]["/list"]["get"]["responses"]
    assert answered["200"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Page_int_"}
    assert set(answered) == {"200", "404", "422"}
    assert set(said["components"]["schemas"]) == {"Page_int_", "Problem"}
    assert "x-components" not in json.dumps(said)
    assert asyncio.run(ask("/list?n=2")).json()["items"] == [0, 1]
    for path, words in (
        ("/list?n=2&limit=1001", "query limit: Input should be less than or equal to 1000; found '1001'"),
        ("/list", "query n: Field required"),
        ("/list?n=x", "query n: Input should be a valid integer, unable to parse string as an integer; found 'x'"),
    ):
        answer = asyncio.run(ask(path))
        assert (answer.status_code, answer.json()) == (422, {"detail": words})
    refused = asyncio.run(ask("/list", method="DELETE"))
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, POST")
    assert (asyncio.run(ask("/none")).status_code, asyncio.run(ask("/none")).json()) == (404, {"detail": "Not Found"})

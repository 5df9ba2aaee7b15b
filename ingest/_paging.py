"""Lists a page at a time: each item has a place in the order, which a cursor names, so inserts move nothing.

A cursor is opaque to who asks: the sort key of one item. `after` it comes what follows in the order of the list,
`before` it what precedes, and nothing is told twice or left out though others write meanwhile.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, or_

from hall.errors import InputError

T = TypeVar("T")
MOST = 1_000


class CursorError(InputError):
    """A cursor that names no place in this list."""


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Part of a list, in its order.

    `?after=` and the cursor `last` ask for what follows, `?before=` and `first` for what precedes; both are null where
    there is no item. `more` says whether there is more in the direction that was asked for.
    """

    items: Sequence[T]
    first: str | None
    last: str | None
    more: bool


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a list is asked for; with both `after` and `before`, what lies between, from its beginning."""

    limit: int = 100
    after: str | None = None
    before: str | None = None


@dataclass(frozen=True)
class Order:
    """The order of a list.

    Args:
        columns: what it is sorted by, the first first; together they tell every two items apart, and none is null.
        descending: those of them that go from large to small.
    """

    columns: Sequence[ColumnElement[Any]]
    descending: Sequence[ColumnElement[Any]] = ()

    def page(
        self, connection: Connection, statement: Select[Any], part: Part, view: Callable[[RowMapping], T]
    ) -> Page[T]:
        """Part of what a statement selects.

        Args:
            connection: a transaction, reading is enough.
            statement: without order and limit; selects all columns of the order.
            part: which.
            view: an item from its row.

        Raises:
            CursorError: the cursor is none of this list.
        """
        backwards = part.before is not None and part.after is None
        for cursor, towards_start in ((part.after, False), (part.before, True)):
            if cursor is not None:
                statement = statement.where(self._beyond(self._read(cursor), backwards=towards_start))
        for column in self.columns:
            statement = statement.order_by(column.desc() if self._falls(column) != backwards else column.asc())
        rows = connection.execute(statement.limit(part.limit + 1)).mappings().all()
        more, rows = len(rows) > part.limit, rows[: part.limit]
        if backwards:
            rows = rows[::-1]
        first, last = (self._cursor(rows[0]), self._cursor(rows[-1])) if rows else (None, None)
        return Page([view(row) for row in rows], first, last, more)

    def _falls(self, column: ColumnElement[Any]) -> bool:
        return any(column is one for one in self.descending)

    def _beyond(self, key: Sequence[Any], *, backwards: bool) -> ColumnElement[bool]:
        """What lies past a key: further in the first column, or the same there and further in the next, and so on."""
        ways = []
        for i, column in enumerate(self.columns):
            past = column < key[i] if self._falls(column) != backwards else column > key[i]
            same = [one == value for one, value in zip(self.columns[:i], key[:i], strict=True)]
            ways.append(and_(*same, past))
        return or_(*ways)

    def _cursor(self, row: RowMapping) -> str:
        return _encoded([row[column] for column in self.columns])

    def _read(self, cursor: str) -> Sequence[Any]:
        return _decoded(cursor, [_plain(column) for column in self.columns])


def _encoded(key: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def _decoded(cursor: str, kinds: Sequence[Any]) -> Sequence[Any]:
    try:
        text = cursor.encode("ascii", "replace") + b"=" * (-len(cursor) % 4)
        said = msgspec.json.decode(base64.b64decode(text, altchars=b"-_", validate=True), type=list[Any])
        if len(said) == len(kinds):
            return [msgspec.convert(one, kind) for one, kind in zip(said, kinds, strict=True)]
    except (binascii.Error, msgspec.MsgspecError, UnicodeDecodeError):
        pass
    raise CursorError(f"cursor {cursor[:40]!r}: not understood; expected `first` or `last` of a page of this list")


def _plain(column: ColumnElement[Any]) -> Any:
    """What stands in a cursor for a column. Numbers as large as PostgreSQL's, and no text that it refuses."""
    kind = column.type.python_type
    if kind is int:
        return Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
    return Annotated[str, msgspec.Meta(pattern=r"^[^\x00]*$")] if kind is str else kind


def part_of(items: Mapping[str, T], part: Part) -> Page[T]:
    """Part of a list in memory, by the names of its items.

    Raises:
        CursorError: the cursor is none.
    """
    after, before = (None if one is None else _decoded(one, [str])[0] for one in (part.after, part.before))
    names = sorted(n for n in items if (after is None or n > after) and (before is None or n < before))
    more = len(names) > part.limit
    names = names[-part.limit :] if after is None and before is not None else names[: part.limit]
    first, last = (_encoded([names[0]]), _encoded([names[-1]])) if names else (None, None)
    return Page([items[name] for name in names], first, last, more)

"""Lines of line protocol, written column by column from a declared table.

A floor of fifty windows makes hundreds of numbers every ten seconds, and most of what the centre computes is to write
them down. So the text of all lines but for the values is made once for each node and kept; each field is taken from
all rows at once, and msgspec writes texts and numbers in one go, as a list of JSON (`repr` of a float alone takes
eight times as long). The commas of that list are taken out again, for which those of the texts stand aside
meanwhile: a tenth of what a loop over rows and fields takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any, Protocol

import msgspec

_TAG_ESCAPES = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ ", "\n": r"\ ", "\r": r"\ ", "\t": r"\ ", "\\": "/"})
_KNOWN_TAGS = 100_000
_KNOWN_ROWS = 100_000
"""Rows whose text is kept, about 800 bytes each."""

_COMMA = b"\xff"
"""Stands for a comma in texts that are kept: no byte of UTF-8."""
_COMMAS = bytes(range(0xFF)) + b","
_NOTHING: Any = msgspec.Raw(b"")

_encoder = msgspec.json.Encoder()


class Tags(dict[str, str]):
    """Tag values as they are written; each is worked out once.

    A backslash cannot be escaped in all stores, so it becomes a slash; none is empty.
    """

    def __missing__(self, text: str) -> str:
        if len(self) >= _KNOWN_TAGS:
            self.clear()
        written = self[text] = text.translate(_TAG_ESCAPES) or "-"
        return written


TAGS = Tags()


class TagColumn(Protocol):
    """A tag of a row: the attribute of its name, unless `value` works it out."""

    @property
    def name(self) -> str: ...

    @property
    def value(self) -> Callable[[Any, Any], Any] | None: ...


class FieldColumn(TagColumn, Protocol):
    """A field of a row, likewise; `optional` where it may be None, which leaves it out."""

    @property
    def optional(self) -> bool: ...


class LineWriter:
    """Writes the rows of a measurement.

    Args:
        name: what the measurement is called.
        tags: tags of a row, beside those of the message.
        fields: the first one is not optional.
        codes: for fields that are words, the number of each.
    """

    def __init__(
        self,
        name: str,
        tags: Sequence[TagColumn],
        fields: Sequence[FieldColumn],
        codes: Mapping[str, Mapping[str, int]],
    ) -> None:
        self._name = name
        self._tags = [(f",{tag.name}=", _column(tag)) for tag in tags]
        self._columns = [(_word(f, codes[f.name]) if f.name in codes else _column(f), f.optional) for f in fields]
        self._first = f" {fields[0].name}="
        self._names = [_text(f",{field.name}=") for field in fields]
        self._step = 2 * len(fields) + 1
        self._kept: dict[tuple[Any, ...], list[Any]] = {}
        self._kept_rows = 0

    def __call__(self, message: Any, rows: Sequence[Any], head: str, end: str) -> bytes:
        """A line for each row.

        Args:
            message: what `value` refers to.
            rows: at least one.
            head: the tags of the message.
            end: what ends each line: the time.
        """
        parts = self._frame(message, rows, head)
        for i, (column, optional) in enumerate(self._columns):
            values = list(column(message, rows))
            if optional and None in values:
                parts[2 * i :: self._step] = [_NOTHING if one is None else self._names[i] for one in values]
                values = [_NOTHING if one is None else one for one in values]
            parts[2 * i + 1 :: self._step] = values
        parts[self._step - 1 :: self._step] = [msgspec.Raw(end.encode())] * len(rows)
        return _encoder.encode(parts)[1:-1].translate(_COMMAS, b",")

    def _frame(self, message: Any, rows: Sequence[Any], head: str) -> list[Any]:
        """All lines without their values, each of which has a place."""
        key = (head, *chain.from_iterable([column(message, rows) for _, column in self._tags]))
        kept = self._kept.get(key)
        if kept is None:
            if self._kept_rows > _KNOWN_ROWS:
                self._kept.clear()
                self._kept_rows = 0
            kept = self._kept[key] = self._make_frame(head, key[1:], len(rows))
            self._kept_rows += len(rows)
        return kept.copy()

    def _make_frame(self, head: str, tags: Sequence[str], count: int) -> list[Any]:
        frame: list[Any] = []
        for i in range(count):
            own = "".join(f"{name}{TAGS[tags[k * count + i]]}" for k, (name, _) in enumerate(self._tags))
            frame += [_text(("\n" if i else "") + self._name + head + own + self._first), None]
            frame += [part for name in self._names[1:] for part in (name, None)]
            frame.append(None)
        return frame


def _text(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode().replace(b",", _COMMA))


_Values = Callable[[Any, Sequence[Any]], Iterable[Any]]


def _column(column: TagColumn) -> _Values:
    """The values of one column, of all rows."""
    if (value := column.value) is not None:
        return lambda message, rows: [value(message, row) for row in rows]
    get = attrgetter(column.name)
    return lambda _message, rows: map(get, rows)


def _word(field: TagColumn, codes: Mapping[str, int]) -> _Values:
    values = _column(field)
    return lambda message, rows: map(codes.__getitem__, values(message, rows))

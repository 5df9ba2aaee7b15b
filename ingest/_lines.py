"""Lines of line protocol, written column by column from a declared table.

A floor of fifty windows makes hundreds of numbers every ten seconds, and most of what the centre computes is to write
them down. So the text of all lines but for the values is made once for each node and kept; each field is taken from
all rows at once, numbers become text by msgspec (`repr` of a float takes eight times as long), and everything is
joined in one go: a fifth of what a loop over rows and fields takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from operator import attrgetter
from typing import Any, Protocol

import msgspec

_TAG_ESCAPES = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ ", "\n": r"\ ", "\r": r"\ ", "\t": r"\ ", "\\": "/"})
_KNOWN_TAGS = 100_000
_KNOWN_ROWS = 100_000
"""Rows whose text is kept, about 800 bytes each."""

_encoder = msgspec.json.Encoder()
_seconds = timedelta.total_seconds


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
    """A field of a row, likewise, or the seconds from the instant `since` to that of the message."""

    @property
    def since(self) -> str: ...


class LineWriter:
    """Writes the rows of a measurement.

    Args:
        name: what the measurement is called.
        tags: tags of a row, beside those of the message.
        fields: the first one is in every row; where another one is None, it is left out.
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
        numbers = [f for f in fields if f.name not in codes]
        self._numbers = [_ages(f.since) if f.since else _column(f) for f in numbers]
        self._words = [_word(f, codes[f.name]) for f in fields if f.name in codes]
        self._places = [2 * fields.index(f) + 1 for f in numbers]
        self._word_places = [2 * i + 1 for i, f in enumerate(fields) if f.name in codes]
        self._between = [("," if i else " ") + f"{field.name}=" for i, field in enumerate(fields)]
        self._step = 2 * len(fields) + 1
        self._kept: dict[tuple[Any, ...], list[str]] = {}
        self._kept_rows = 0

    def __call__(self, message: Any, rows: Sequence[Any], head: str, end: str) -> str:
        """A line for each row.

        Args:
            message: what `value` and `since` refer to.
            rows: at least one.
            head: the tags of the message.
            end: what ends each line: the time.
        """
        count = len(rows)
        parts = self._frame(message, rows, head)
        data = _encoder.encode(list(chain.from_iterable([column(message, rows) for column in self._numbers])))
        texts = data[1:-1].decode().split(",")
        for i, place in enumerate(self._places):
            parts[place :: self._step] = texts[i * count : (i + 1) * count]
        if b"null" in data:
            self._leave_out(parts, texts, count)
        for place, column in zip(self._word_places, self._words, strict=True):
            parts[place :: self._step] = column(message, rows)
        parts[self._step - 1 :: self._step] = [f"{end}\n"] * count
        parts[-1] = end
        return "".join(parts)

    def _leave_out(self, parts: list[str], texts: Sequence[str], count: int) -> None:
        """Take the fields out that have no number, and their names with them."""
        at = -1
        for _ in range(texts.count("null")):
            at = texts.index("null", at + 1)
            column, row = divmod(at, count)
            place = row * self._step + self._places[column]
            parts[place - 1] = parts[place] = ""

    def _frame(self, message: Any, rows: Sequence[Any], head: str) -> list[str]:
        """All lines without their values, each of which has a place."""
        key = (head, *(value for _, column in self._tags for value in column(message, rows)))
        kept = self._kept.get(key)
        if kept is None:
            if self._kept_rows > _KNOWN_ROWS:
                self._kept.clear()
                self._kept_rows = 0
            kept = self._kept[key] = self._make_frame(head, key[1:], len(rows))
            self._kept_rows += len(rows)
        return kept.copy()

    def _make_frame(self, head: str, tags: Sequence[str], count: int) -> list[str]:
        frame: list[str] = []
        for i in range(count):
            own = "".join(f"{name}{TAGS[tags[k * count + i]]}" for k, (name, _) in enumerate(self._tags))
            first, *others = self._between
            frame += [f"{self._name}{head}{own}{first}", ""]
            frame += [part for between in others for part in (between, "")]
            frame.append("")
        return frame


_Values = Callable[[Any, Sequence[Any]], Iterable[Any]]


def _column(column: TagColumn) -> _Values:
    """The values of one column, of all rows."""
    if (value := column.value) is not None:
        return lambda message, rows: [value(message, row) for row in rows]
    get = attrgetter(column.name)
    return lambda _message, rows: map(get, rows)


def _ages(since: str) -> _Values:
    get = attrgetter(since)

    def ages(message: Any, rows: Sequence[Any]) -> Iterable[float | None]:
        at: datetime = message.captured_at
        try:
            return list(map(_seconds, map(at.__sub__, map(get, rows))))
        except TypeError:  # one of them is None
            return [None if (then := get(row)) is None else (at - then).total_seconds() for row in rows]

    return ages


def _word(field: TagColumn, codes: Mapping[str, int]) -> _Values:
    values = _column(field)
    numbers = {word: str(number) for word, number in codes.items()}
    return lambda message, rows: map(numbers.__getitem__, values(message, rows))

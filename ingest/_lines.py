"""Lines of line protocol, by functions that are made once from a declared table.

A floor of fifty windows makes hundreds of numbers every ten seconds, and most of what the centre computes is to write
them down. So the table is made into functions of one f-string each, whose source is built from names in our own
declaration and from nothing else; and numbers become text by msgspec, all of a message at once, for `repr` of a float
takes eight times as long. Together that is five times faster than a loop over the table.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

WriteLines = Callable[[Any, Sequence[Any], str, str], str]
"""Message, rows (at least one), head (the tags of the message) and end (the time) to a line for each row."""

_TAG_ESCAPES = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ ", "\n": r"\ ", "\r": r"\ ", "\t": r"\ ", "\\": "/"})
_KNOWN_TAGS = 100_000
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
    """A field of a row, likewise, or the seconds from the instant `since` to that of the message.

    One that is `whole` is always there, and an int.
    """

    @property
    def since(self) -> str: ...

    @property
    def whole(self) -> bool: ...


def make_writer(
    name: str, tags: Sequence[TagColumn], fields: Sequence[FieldColumn], codes: Mapping[str, Mapping[str, int]]
) -> WriteLines:
    """The function that writes the rows of a measurement.

    Args:
        name: what the measurement is called.
        tags: tags of a row, beside those of the message.
        fields: the first one is a number in every row; where another one is None, it is left out.
        codes: for fields that are words, the number of each.
    """
    known: dict[str, Any] = {"tags": TAGS, "encode": _encoder.encode, "leave_out": _leave_out}
    head = "".join(f",{_name(tag.name)}={{tags[{_source(tag, known)}]}}" for tag in tags)
    numbers = [f for f in fields if f.name not in codes and not f.whole]
    written = {f.name: f"{{text_{i}}}" for i, f in enumerate(numbers)}
    written |= {f.name: f"{{{_source(f, known)}}}" for f in fields if f.whole}
    written |= {f.name: _word(f, codes[f.name], known) for f in fields if f.name in codes}
    line = f"{_name(name)}{{head}}{head} " + ",".join(f"{_name(f.name)}={written[f.name]}" for f in fields) + "{end}"
    known["names"] = tuple(f.name for f in numbers)
    code = _without_numbers(line) if not numbers else _with_numbers(line, [_source(f, known) for f in numbers])
    exec(compile(code, f"<lines of {name}>", "exec"), known)  # noqa: S102 - made of names in this room only
    write: WriteLines = known["write"]
    return write


def _without_numbers(line: str) -> str:
    return f"""
def write(message, rows, head, end):
    return "\\n".join([f'{line}' for row in rows])
"""


def _with_numbers(line: str, sources: Sequence[str]) -> str:
    step = len(sources)
    columns = "".join(f", text_{i}" for i in range(step))
    slices = "".join(f", texts[{i}::{step}]" for i in range(step))
    return f"""
def write(message, rows, head, end):
    at = message.captured_at
    data = encode([number for row in rows for number in ({", ".join(sources)},)])
    texts = data[1:-1].decode().split(",")
    lines = "\\n".join([f'{line}' for row{columns} in zip(rows{slices})])
    return leave_out(lines, names) if b"null" in data else lines
"""


def _word(field: FieldColumn, codes: Mapping[str, int], known: dict[str, Any]) -> str:
    known[f"code_{_name(field.name)}"] = {word: str(number) for word, number in codes.items()}
    return f"{{code_{field.name}[{_source(field, known)}]}}"


def _source(column: TagColumn, known: dict[str, Any]) -> str:
    if since := getattr(column, "since", ""):
        row_since = f"row.{_name(since)}"
        return f"None if {row_since} is None else (at - {row_since}).total_seconds()"
    if column.value is None:
        return f"row.{_name(column.name)}"
    name = f"value_{_name(column.name)}"
    known[name] = column.value
    return f"{name}(message, row)"


def _leave_out(lines: str, names: Iterable[str]) -> str:
    """Lines without those of these fields that have no number. Tags escape `=`, so no tag can look like one."""
    for name in names:
        lines = lines.replace(f",{name}=null", "")
    return lines


def _name(text: str) -> str:
    if not text.isidentifier() or keyword.iskeyword(text):
        raise ValueError(f"{text!r} in the table of points; expected a name")
    return text

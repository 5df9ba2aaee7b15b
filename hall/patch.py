"""Change values in a YAML file and leave every other character as it stands: comments, order, spacing, quotes.

`patched` is told the values as they should be, and puts only what differs into the text, at the places that ruamel.yaml
says. What it made is read again and compared; where it is not as it should be (an alias in between, a layout that
nobody foresaw), ruamel.yaml writes the file anew by its round trip, which keeps comments and order, but not spacing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from hall.errors import ConfigError, InputError
from hall.load import plain_values

_INDENT = 2


def patched(text: str, values: Any) -> str:
    """The text with other values.

    Args:
        text: YAML 1.2, as `hall.load.parse_hall` takes it.
        values: plain ones, all that the file should say.

    Raises:
        ConfigError: the text is no YAML.
        InputError: nobody can write it so, because of merged blocks.
    """
    if _same(_values(text), values):
        return text
    made = _by_places(text, values)
    if made is None or not _says(made, values):
        made = _by_round_trip(text, values)
        if not _says(made, values):
            raise InputError("hall.yaml: its layout cannot be changed here; expected one without merged blocks (`<<`)")
    return made


def spans(text: str, keys: frozenset[str]) -> list[tuple[int, int, str]]:
    """Where the texts under some keys stand, wherever they are in the file: beginning, end, value."""
    root = _composed(text)
    found: dict[int, tuple[int, int, str]] = {}
    for node in _nodes(root):
        if isinstance(node, MappingNode):
            for key, value in node.value:
                if key.value in keys and isinstance(value, ScalarNode):
                    start = _start(value)
                    found[start] = start, int(value.end_mark.index), value.value
    return sorted(found.values())


@lru_cache(maxsize=2)
def _values(text: str) -> Any:
    """Plain values, not to be changed. One file is patched many times while somebody draws."""
    return plain_values(text)


@lru_cache(maxsize=2)
def _composed(text: str) -> Node | None:
    """The nodes, not to be changed."""
    root = YAML(typ="rt").compose(StringIO(text))
    assert root is None or isinstance(root, Node)
    return root


def _nodes(node: Node | None) -> Iterator[Node]:
    if node is None:
        return
    yield node
    if isinstance(node, MappingNode):
        for key, value in node.value:
            yield from _nodes(key)
            yield from _nodes(value)
    elif isinstance(node, SequenceNode):
        for value in node.value:
            yield from _nodes(value)


def _says(text: str, values: Any) -> bool:
    try:
        return _same(plain_values(text), values)
    except ConfigError:
        return False


def _same(a: Any, b: Any) -> bool:
    """As `==`, but true is not 1."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_same, a, b))
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)


def _by_places(text: str, values: Any) -> str | None:
    """With the places of what differs replaced; None where one of them cannot be."""
    root = _composed(text)
    if root is None:
        return None
    patch = _Patch(text)
    try:
        patch.change(root, _values(text), values)
        return patch.applied()
    except _CannotError:
        return None


class _CannotError(Exception):
    """Not to be done at places."""


@dataclass(frozen=True, slots=True)
class _Put:
    """A piece of text instead of another."""

    start: int
    end: int
    text: str


class _Patch:
    """Pieces to replace, found by comparing the nodes of a text, what they say and what they should say."""

    def __init__(self, text: str) -> None:
        self._text, self._newline = text, "\r\n" if "\r\n" in text else "\n"
        self._puts: list[_Put] = []

    def applied(self) -> str:
        """The text with all of them."""
        out, at = [], 0
        for put in sorted(self._puts, key=lambda put: (put.start, put.end)):
            if put.start < at:
                raise _CannotError
            out += [self._text[at : put.start], put.text]
            at = put.end
        return "".join([*out, self._text[at:]])

    def change(self, node: Node, old: Any, new: Any) -> None:
        """Make a node say `new`, which says `old`."""
        if _same(old, new):
            return
        if isinstance(node, MappingNode) and _alike(node, new):
            self._change_mapping(node, old, new)
        elif isinstance(node, SequenceNode) and _alike(node, new):
            self._change_sequence(node, old, new)
        elif _is_block(node) and not self._text[self._line_start(_start(node)) : _start(node)].strip():
            raise _CannotError
        else:
            self._puts.append(_Put(_start(node), _end(node), _flow(new)))

    def _change_mapping(self, node: MappingNode, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        names = [str(key.value) for key, _ in node.value]
        if names != list(old) or [n for n in new if n in old] != [n for n in old if n in new]:
            raise _CannotError
        for (key, value), name in zip(node.value, names, strict=True):
            if name not in new:
                continue
            if _is_block(value) and not _alike(value, new[name]):
                self._puts.append(_Put(_end(key), _end(value), f": {_flow(new[name])}"))
            else:
                self.change(value, old[name], new[name])
        gone = [i for i, name in enumerate(names) if name not in new]
        entries = [(_start(key), _end(value)) for key, value in node.value]
        self._remove(node, entries, gone)
        added = [name for name in new if name not in old]
        if not added:
            return
        if list(new)[: len(new) - len(added)] != [name for name in names if name in new]:
            raise _CannotError  # in between: nobody asks for that
        after = max((i for i in range(len(names)) if i not in gone), default=None)
        if after is None:
            raise _CannotError
        pieces = [f"{_flow(name)}: {_flow(new[name])}" for name in added]
        self._insert(node, entries[after][1], pieces, node.value[0][0].start_mark.column)

    def _change_sequence(self, node: SequenceNode, old: Sequence[Any], new: Sequence[Any]) -> None:
        pairs = _aligned(old, new)
        for i, j in pairs:
            if i is not None and j is not None:
                self.change(node.value[i], old[i], new[j])
        gone = [i for i, j in pairs if j is None and i is not None]
        entries = [(_start(item), _end(item)) for item in node.value]
        last: int | None = None
        fresh: dict[int | None, list[Any]] = {}
        for i, j in pairs:
            if i is None and j is not None:
                fresh.setdefault(last, []).append(new[j])
            elif i is not None and i not in gone:
                last = i
        if len(gone) == len(old):
            raise _CannotError
        self._remove(node, entries, gone)
        for after, values in fresh.items():
            self._add_items(node, entries, after, values)

    def _add_items(
        self, node: SequenceNode, entries: Sequence[tuple[int, int]], after: int | None, values: Sequence[Any]
    ) -> None:
        if not _is_block(node):
            pieces = [_flow(value) for value in values]
            if after is None:
                at = entries[0][0]
                self._puts.append(_Put(at, at, "".join(f"{piece}, " for piece in pieces)))
            else:
                self._insert(node, entries[after][1], pieces, 0)
            return
        dash = self._dash(entries[0][0])
        column = dash - self._line_start(dash)
        block = _is_block(node.value[-1 if after is None else after])
        lines = [_block_item(value, self._newline + " " * (column + _INDENT), as_block=block) for value in values]
        if after is None:
            at = self._line_start(dash)
            self._puts.append(_Put(at, at, "".join(f"{' ' * column}{line}{self._newline}" for line in lines)))
        else:
            self._insert(node, entries[after][1], lines, column)

    def _insert(self, node: Node, after: int, pieces: Sequence[str], column: int) -> None:
        """Behind an entry: on its line in a flow, on lines of their own in a block."""
        if not _is_block(node):
            self._puts.append(_Put(after, after, "".join(f", {piece}" for piece in pieces)))
            return
        at = self._line_end(after)
        self._puts.append(_Put(at, at, "".join(f"{self._newline}{' ' * column}{piece}" for piece in pieces)))

    def _remove(self, node: Node, entries: Sequence[tuple[int, int]], gone: Sequence[int]) -> None:
        if _is_block(node):
            for i in gone:
                start, end = entries[i]
                self._remove_lines(self._dash(start) if isinstance(node, SequenceNode) else start, end)
            return
        last = max((i for i in range(len(entries)) if i not in gone), default=-1)
        for i in gone:
            if i < last:
                self._puts.append(_Put(entries[i][0], entries[i + 1][0], ""))
        if 0 <= last < len(entries) - 1:
            before, start, end = entries[last][1], entries[last + 1][0], entries[-1][1]
            # Behind a comma may stand a comment, which then keeps its line; a comma at the end is allowed.
            self._puts.append(_Put(start if "#" in self._text[before:start] else before, end, ""))

    def _remove_lines(self, start: int, end: int) -> None:
        first, last = self._line_start(start), self._line_end(end)
        if self._text[first:start].strip():
            raise _CannotError
        # With the line end before it, so that something may be put behind it at the same time.
        if first:
            first -= len(self._newline)
        elif last < len(self._text):
            last += len(self._newline)
        self._puts.append(_Put(first, last, ""))

    def _dash(self, start: int) -> int:
        """Where the dash of a block item stands."""
        at = self._text.rfind("-", 0, start)
        if at < 0 or self._text[at + 1 : start].strip(" "):
            raise _CannotError
        return at

    def _line_start(self, at: int) -> int:
        return self._text.rfind("\n", 0, at) + 1

    def _line_end(self, at: int) -> int:
        end = self._text.find(self._newline, at)
        return len(self._text) if end < 0 else end


def _aligned(old: Sequence[Any], new: Sequence[Any]) -> list[tuple[int | None, int | None]]:
    """Which items belong together: those of one id, else what is left between what is the same at both ends."""
    names = [[item.get("id") if isinstance(item, Mapping) else None for item in items] for items in (old, new)]
    if None not in names[0] and None not in names[1] and all(len(set(ids)) == len(ids) for ids in names):
        return _by_name(*names)
    head = 0
    while head < min(len(old), len(new)) and _same(old[head], new[head]):
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and _same(old[-1 - tail], new[-1 - tail]):
        tail += 1
    middle_old, middle_new = range(head, len(old) - tail), range(head, len(new) - tail)
    both = min(len(middle_old), len(middle_new))
    pairs: list[tuple[int | None, int | None]] = [(i, i) for i in range(head)]
    pairs += zip(middle_old[:both], middle_new[:both], strict=True)
    pairs += [(i, None) for i in middle_old[both:]] + [(None, j) for j in middle_new[both:]]
    return pairs + [(len(old) - k, len(new) - k) for k in range(tail, 0, -1)]


def _by_name(old: Sequence[Any], new: Sequence[Any]) -> list[tuple[int | None, int | None]]:
    if [n for n in old if n in new] != [n for n in new if n in old]:
        raise _CannotError
    pairs: list[tuple[int | None, int | None]] = []
    at = 0
    for j, name in enumerate(new):
        if name in old:
            i = old.index(name)
            pairs += [(k, None) for k in range(at, i)]
            pairs.append((i, j))
            at = i + 1
        else:
            pairs.append((None, j))
    return pairs + [(k, None) for k in range(at, len(old))]


def _is_block(node: Node) -> bool:
    return isinstance(node, MappingNode | SequenceNode) and not node.flow_style


def _alike(node: Node, value: Any) -> bool:
    """Whether both are mappings, or both lists, with something in them."""
    kind = isinstance(node, MappingNode), isinstance(node, SequenceNode)
    return any(kind) and bool(node.value and value) and kind == (isinstance(value, Mapping), isinstance(value, list))


def _start(node: Node) -> int:
    return int(node.start_mark.index)


def _end(node: Node) -> int:
    """Where it really ends: ruamel counts blank lines and comments behind a block as its own."""
    if _is_block(node) and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    if isinstance(node, ScalarNode) and node.style in {"|", ">"}:
        raise _CannotError
    return int(node.end_mark.index)


def _flow(value: Any) -> str:
    """A value as it may stand within brackets, on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() and abs(value) < 1e9 else repr(value)
    yaml = YAML(typ="rt")
    yaml.default_flow_style, yaml.width = True, 100_000
    out = StringIO()
    yaml.dump([value], out)
    return out.getvalue().strip()[1:-1].strip()


def _block_item(value: Any, line: str, *, as_block: bool) -> str:
    """An item of a block list: on one line, or as the one beside it with a line for each key."""
    if not as_block or not isinstance(value, Mapping) or not value:
        return f"- {_flow(value)}"
    return "- " + line.join(f"{_flow(key)}: {_flow(item)}" for key, item in value.items())


def _by_round_trip(text: str, values: Any) -> str:
    yaml = YAML(typ="rt")
    yaml.preserve_quotes, yaml.width = True, 100_000
    out = StringIO()
    yaml.dump(_merged(yaml.load(StringIO(text)), values), out)
    return out.getvalue()


def _merged(marked: Any, values: Any) -> Any:
    """The values that ruamel read, with their comments, changed to say something else."""
    if not _same(marked, values) and isinstance(marked, CommentedMap | CommentedSeq) and marked.anchor.value:
        return values  # it stands in other places too, which are to stay
    if isinstance(marked, CommentedMap) and isinstance(values, Mapping):
        for key in [key for key in marked if str(key) not in values]:
            del marked[key]
        known = {str(key): key for key in marked}
        for name, value in values.items():
            key = known.get(name, name)
            marked[key] = _merged(marked[key], value) if name in known else value
        return marked
    if isinstance(marked, CommentedSeq) and isinstance(values, list):
        del marked[len(values) :]
        for i, value in enumerate(values):
            if i < len(marked):
                marked[i] = _merged(marked[i], value)
            else:
                marked.append(value)
        return marked
    return marked if _same(marked, values) else values

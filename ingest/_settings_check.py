"""What the parts of a centre.yaml say about each other. Works on the raw data, whatever else is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hall.references import Finding
from hall.units import parse_duration


def check_names(raw: Any) -> Iterator[Finding]:
    """Names that nothing has or that two things have, and steps that are out of order."""
    hours, channels, people = (_block(raw, key) for key in ("hours", "channels", "people"))
    for name in people:
        if name in channels:
            yield ("people", name), f"the name {name}, which a channel has, too", "another name"
    for kind, block in (("channels", channels), ("people", people)):
        for name, told in block.items():
            yield from _unknown((kind, name, "hours"), _value(told, "hours"), hours, "hours")
    for name, told in people.items():
        for i, channel in _items(told, "channels"):
            yield from _unknown(("people", name, "channels", i), channel, channels, "channels")
    yield from _chains(raw, hours, {**people, **channels})


def _chains(raw: Any, hours: Mapping[str, Any], receivers: Mapping[str, Any]) -> Iterator[Finding]:
    seen: set[object] = set()
    for i, chain in _items(raw, "chains"):
        name = _value(chain, "name")
        if isinstance(name, str) and name in seen:
            yield ("chains", i, "name"), f"a second chain {name}", "another name"
        seen.add(name)
        for key in ("during", "outside"):
            yield from _unknown(("chains", i, key), _value(chain, key), hours, "hours")
        for j, step in _items(chain, "steps"):
            for k, told in _items(step, "tell"):
                place = ("chains", i, "steps", j, "tell", k)
                yield from _unknown(place, told, receivers, "people and channels")
        yield from _disorder(chain, i)


def _disorder(chain: Any, number: int) -> Iterator[Finding]:
    last = 0.0
    for j, step in _items(chain, "steps"):
        after = _value(step, "after")
        try:
            after_s = 0.0 if after is None else parse_duration(after)
        except ValueError:
            return  # which pydantic says
        if after_s < last:
            place = ("chains", number, "steps", j, "after")
            yield place, "a step before the one above it" if after is None else repr(after), "steps in order of time"
        last = after_s


def _unknown(place: tuple[int | str, ...], value: Any, known: Mapping[str, Any], what: str) -> Iterator[Finding]:
    if isinstance(value, str) and value not in known:
        yield place, f"the unknown name {value}", f"one of the {what}: {', '.join(known) or 'there are none'}"


def _block(node: Any, key: str) -> Mapping[str, Any]:
    value = _value(node, key)
    return value if isinstance(value, dict) else {}


def _value(node: Any, key: str) -> Any:
    return node.get(key) if isinstance(node, dict) else None


def _items(node: Any, key: str) -> list[tuple[int, Any]]:
    value = _value(node, key)
    return list(enumerate(value)) if isinstance(value, list) else []

"""JSON beside the types of grafana-foundation-sdk, which write JSON but take whatever they are given.

The SDK ships no JSON schema; its classes say by their annotations what each key may hold, so those are compared:
unknown keys, wrong types, and words that are none of an enumeration.
"""

from __future__ import annotations

import enum
import re
import types
import typing
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any

from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import dashboard, prometheus

_PLAIN: tuple[tuple[Any, tuple[type, ...]], ...] = (
    (bool, (bool,)),
    (int, (int,)),
    (float, (int, float)),
    (str, (str,)),
)


def faults(board: Mapping[str, Any]) -> Iterator[str]:
    """What of a board is not as the SDK's types have it."""
    yield from _check(board, dashboard.Dashboard, "")
    for number, panel in enumerate(board["panels"]):
        place = f"panels.{number}"
        module = _module(panel["type"])
        if module is None:
            continue
        yield from _check(panel["options"], module.Options, f"{place}.options")
        custom = panel["fieldConfig"]["defaults"].get("custom")
        if custom is not None:
            wanted = getattr(module, "FieldConfig", None)
            # A time series takes the field configuration that all graphs share.
            wanted = wanted or import_module("grafana_foundation_sdk.models.common").GraphFieldConfig
            yield from _check(custom, wanted, f"{place}.custom")
        for target in panel["targets"]:
            if target["datasource"]["type"] == "prometheus":
                yield from _check(target, prometheus.Dataquery, f"{place}.{target['refId']}")


def _module(panel_type: str) -> Any:
    name = panel_type.replace("-", "")
    try:
        return import_module(f"grafana_foundation_sdk.models.{name}")
    except ModuleNotFoundError:
        return None


def _check(value: Any, wanted: Any, place: str) -> Iterator[str]:
    origin = typing.get_origin(wanted)
    inner = typing.get_args(wanted)
    if wanted in {object, Any, Dataquery}:
        return
    if origin in {typing.Union, types.UnionType}:
        # The fault of the first one, which is not the None of an optional key, says most.
        if all(list(_check(value, option, place)) for option in inner):
            yield from _check(value, inner[0], place)
    elif origin in {list, dict}:
        yield from _many(value, origin, inner[-1], place)
    else:
        words = _words(wanted)
        if words is None:
            yield from _plain(value, wanted, place)
        elif value not in words:
            yield f"{place}: {value!r}; expected one of {', '.join(map(str, words))}"


def _many(value: Any, wanted: Any, inner: Any, place: str) -> Iterator[str]:
    if not isinstance(value, wanted):
        yield f"{place}: {value!r}; expected a {wanted.__name__}"
        return
    for key, one in value.items() if isinstance(value, dict) else enumerate(value):
        yield from _check(one, inner, f"{place}.{key}")


def _words(wanted: Any) -> list[object] | None:
    """What a type that lists its values allows."""
    if wanted is types.NoneType:
        return [None]
    if typing.get_origin(wanted) is typing.Literal:
        return list(typing.get_args(wanted))
    return [one.value for one in wanted] if isinstance(wanted, type) and issubclass(wanted, enum.Enum) else None


def _plain(value: Any, wanted: Any, place: str) -> Iterator[str]:
    for known, accepted in _PLAIN:
        if wanted is known:
            if not isinstance(value, accepted) or (isinstance(value, bool) and known is not bool):
                yield f"{place}: {value!r}; expected {known.__name__}"
            return
    if not isinstance(value, dict):
        yield f"{place}: {value!r}; expected {wanted.__name__}"
        return
    keys = _keys(wanted)
    for key, one in value.items():
        if key not in keys:
            yield f"{place}.{key}: no key of {wanted.__name__}"
        else:
            yield from _check(one, keys[key], f"{place}.{key}".lstrip("."))


@cache
def _keys(wanted: Any) -> dict[str, Any]:
    """Keys of a class in JSON with their types."""
    module = import_module(wanted.__module__)
    hints = typing.get_type_hints(wanted, vars(module))
    return {_camel(name): hint for name, hint in hints.items()}


def _camel(name: str) -> str:
    plain = name.removesuffix("_val")
    return re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), plain)

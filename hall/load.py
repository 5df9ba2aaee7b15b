"""Read hall.yaml: every fault at once, each with its path and line, what was found, what would be right."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError, RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from hall.errors import ConfigError, Fault, InputError
from hall.layout import Hall, mask_address
from hall.references import Finding, check_references
from hall.units import FROM_FILE

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_EXPECTED = {
    "missing": "this key",
    "string_type": "text",
    "list_type": "a list",
    "model_type": "a block of keys",
    "model_attributes_type": "a block of keys",
    "dict_type": "a block of keys",
    "float_type": "a number",
    "float_parsing": "a number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a pair [x, y]",
    "too_long": "a pair [x, y]",
    "too_short": "at least one of them",
    "string_too_short": "text that is not empty",
    "string_pattern_mismatch": "letters, digits, - and _, starting with a letter or digit, 64 at most",
}
_POINTS = {"polygon", "line", "floor_points"}
"""Keys whose numbers are fractions where they have bounds."""
_MAX_VALUES = 200_000
"""The largest halls have some 10 000 values; aliases can turn a short file into more than memory holds."""

Loc = tuple[int | str, ...]
M = TypeVar("M", bound=BaseModel)


class Anything(Mapping[str, str]):
    """An environment that has every variable, for a hall file whose secrets are not needed."""

    def __getitem__(self, key: str) -> str:
        return key

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


class _TooManyError(Exception):
    """More values than any hall has."""


class _Constructor(RoundTripConstructor):
    """Dates stay text, so that our own check can say where a wrong one stands."""


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", RoundTripConstructor.construct_yaml_str)


def load_hall(path: Path, environ: Mapping[str, str] | None = None) -> Hall:
    """Read and check a hall file.

    Args:
        path: hall.yaml.
        environ: where `${NAME}` is looked up; the process environment by default.

    Raises:
        InputError: the file cannot be read.
        ConfigError: what it says is wrong; carries every fault.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(f"{path}: cannot be read: {exc}; expected a hall file in UTF-8") from exc
    return parse_hall(text, name=str(path), environ=environ, base=path.parent)


def parse_hall(
    text: str, *, name: str = "hall.yaml", environ: Mapping[str, str] | None = None, base: Path | None = None
) -> Hall:
    """Check the text of a hall file; see `load_hall`. Files that are sources are looked for from `base` on."""
    marked, raw = _read(text, name, "a hall file")
    faults: list[Fault] = []
    data = _substitute(raw, os.environ if environ is None else environ, (), faults, marked)
    if base is not None:
        _anchor_sources(data, base)
    return _checked(Hall, data, _Source(name, marked, raw), faults, check_references(raw))


def plain_values(text: str, *, name: str = "hall.yaml") -> Any:
    """What a YAML file says, unchecked; `${NAME}` stays as it stands.

    Raises:
        ConfigError: it is no YAML.
    """
    return _read(text, name, "a hall file")[1]


def parse_model(
    text: str,
    model: type[M],
    *,
    name: str,
    what: str,
    environ: Mapping[str, str] | None = None,
    check: Callable[[Any], Iterable[Finding]] = lambda _: (),
) -> M:
    """Check the text of another YAML file by the same rules, with faults as those of a hall file.

    Args:
        text: YAML 1.2.
        model: what the file must be; unknown keys are refused where the model does.
        name: the file as the user named it.
        what: what was expected where there is no such file at all, such as `a scenario file`.
        environ: where `${NAME}` is looked up; without it, that has no meaning.
        check: what else is wrong with the plain values, `${NAME}` still in them.

    Raises:
        ConfigError: what it says is wrong; carries every fault.
    """
    marked, raw = _read(text, name, what)
    faults: list[Fault] = []
    data = raw if environ is None else _substitute(raw, environ, (), faults, marked)
    return _checked(model, data, _Source(name, marked, raw), faults, check(raw))


class _Source(NamedTuple):
    """A file as it was read: its name, the values with their lines, the plain values."""

    name: str
    marked: Any
    raw: Any


def _read(text: str, name: str, what: str) -> tuple[Any, Any]:
    """Values with their lines, and plain ones."""
    try:
        marked = _parse_yaml(text, name)
        return marked, _plain(marked, iter(range(_MAX_VALUES)))
    except RecursionError as exc:
        raise ConfigError(name, [Fault("the file", "blocks nested without end", what)]) from exc
    except _TooManyError as exc:
        raise ConfigError(name, [Fault("the file", f"more than {_MAX_VALUES} values", what)]) from exc


def _checked(model: type[M], data: Any, source: _Source, faults: list[Fault], findings: Iterable[Finding]) -> M:
    found: M | None = None
    try:
        found = model.model_validate(data, context=FROM_FILE)
    except ValidationError as exc:
        faults += [_fault(error, source, model) for error in exc.errors()]
    faults += [Fault(show_path(loc), text, right, _line(source.marked, loc)) for loc, text, right in findings]
    if faults or found is None:
        raise ConfigError(source.name, sorted(faults, key=lambda f: (f.line or 0, f.path)))
    return found


def _anchor_sources(data: Any, base: Path) -> None:
    """Paths of recordings are meant from the hall file on, wherever hallwatch was started."""
    for floor in _blocks(data, "floors"):
        for camera in _blocks(floor, "cameras"):
            for key in ("source", "substream"):
                source = camera.get(key)
                if isinstance(source, str) and source and "://" not in source and not source.isdecimal():
                    camera[key] = str(base / source)


def _blocks(node: Any, key: str) -> Iterator[dict[str, Any]]:
    values = node.get(key) if isinstance(node, dict) else None
    return (value for value in (values if isinstance(values, list) else []) if isinstance(value, dict))


def show_path(loc: Loc) -> str:
    """A place in the file, such as `floors[0].windows[2].clerk_area[1]`."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{mask_address(part)}" for part in loc]
    return "".join(parts).removeprefix(".") or "the file"


def _parse_yaml(text: str, name: str) -> Any:
    try:
        # YAML 1.2: `on` and `off` are words here, not booleans, and 09:00 is no number in base 60.
        yaml = YAML(typ="rt")
        yaml.Constructor = _Constructor
        return yaml.load(StringIO(text))
    except DuplicateKeyError as exc:
        # Its own words quote both values, and one of them may be a password.
        key = re.search(r'duplicate key "([^"]*)"', str(exc.problem))
        found = f"the key {mask_address(key[1]) if key else ''} a second time"
        line = exc.problem_mark.line + 1 if exc.problem_mark is not None else None
        raise ConfigError(name, [Fault("the file", found, "each key of a block once", line)]) from None
    except MarkedYAMLError as exc:
        mark = exc.problem_mark
        line = mark.line + 1 if mark is not None else None
        problem = re.sub(r"^(but )?found ", "", " ".join(str(exc.problem or exc.context or "no YAML").split()))
        raise ConfigError(name, [Fault("the file", problem, "YAML 1.2", line)]) from exc
    except YAMLError as exc:
        raise ConfigError(name, [Fault("the file", " ".join(str(exc).split()), "YAML 1.2")]) from exc


def _plain(node: Any, budget: Iterator[int]) -> Any:
    """Plain values from the marked ones that ruamel reads; no more of them than the budget has."""
    if next(budget, None) is None:
        raise _TooManyError
    if isinstance(node, Mapping):
        return {str(key): _plain(value, budget) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value, budget) for value in node]
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node


def _substitute(node: Any, environ: Mapping[str, str], loc: Loc, faults: list[Fault], marked: Any) -> Any:
    if isinstance(node, dict):
        return {k: _substitute(v, environ, (*loc, k), faults, marked) for k, v in node.items()}
    if isinstance(node, list):
        return [_substitute(v, environ, (*loc, i), faults, marked) for i, v in enumerate(node)]
    if not isinstance(node, str):
        return node
    for variable in dict.fromkeys(_VARIABLE.findall(node)):
        if variable not in environ:
            expected = f"the environment variable {variable} to be set"
            faults.append(Fault(show_path(loc), f"${{{variable}}}, which is not set", expected, _line(marked, loc)))
    return _VARIABLE.sub(lambda m: environ.get(m[1], ""), node)


def _fault(error: Any, source: _Source, model: type[BaseModel]) -> Fault:
    """One pydantic error in our words. The value shown is the one in the file, before secrets went in."""
    loc, value, exists = _walk(source.raw, tuple(error["loc"]))
    kind = error["type"]
    line = _line(source.marked, loc)
    if kind == "extra_forbidden":
        return Fault(show_path(loc), f"the unknown key {mask_address(str(loc[-1]))}", _key_hint(loc, model), line)
    expected = _EXPECTED.get(kind)
    if kind == "value_error":
        expected = str(error["ctx"]["error"])
    elif kind in {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}:
        expected = error["msg"].replace("Input should be", "a number")
        if _POINTS.intersection(error["loc"]):
            expected = "a fraction of the image, from 0 to 1"
    elif kind == "missing" and isinstance(loc[-1], int):
        expected = "a pair [x, y]"
    if expected is None:
        expected = error["msg"].replace("Input should be ", "").replace("Input should have ", "")
    return Fault(show_path(loc), _show_value(value) if exists and kind != "missing" else "nothing", expected, line)


def _walk(raw: Any, loc: Loc) -> tuple[Loc, Any, bool]:
    """Follow pydantic's place in the file's own data; parts that the models add themselves are left out."""
    node, rest = raw, list(loc)
    path: list[int | str] = []
    while rest:
        part = rest.pop(0)
        if part == "days" and isinstance(node, dict) and "days" not in node:
            continue
        if part == "[key]":
            return tuple(path), path[-1] if path else None, True
        # A bare polygon was wrapped into [{polygon: …}]: `[0].polygon` is ours.
        if part == 0 and rest[:1] == ["polygon"] and _is_bare(node):
            rest.pop(0)
            continue
        path.append(part)
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            return tuple(path), None, False
    return tuple(path), node, True


def _is_bare(node: Any) -> bool:
    return isinstance(node, list) and not any(isinstance(part, dict) for part in node)


def _show_value(value: Any) -> str:
    if isinstance(value, dict):
        return "a block with " + (", ".join(mask_address(str(key)) for key in value) or "nothing in it")
    if value is None:
        return "nothing"
    text = mask_address(repr(value) if isinstance(value, str) else str(value))
    return text if len(text) <= 80 else text[:77] + "..."


def _key_hint(loc: Loc, model: type[BaseModel]) -> str:
    known = _known_keys(loc[:-1], model)
    days = "days" in known  # the field that hall.yaml writes as mon-fri, sat, ...
    known = [key for key in known if key != "days"]
    close: list[str] = get_close_matches(str(loc[-1]), known, n=1)
    if close:
        return close[0]
    return f"one of the keys {', '.join(known)}" + (" or weekdays such as mon-fri, sat" if days else "")


def _known_keys(loc: Loc, model: type[BaseModel]) -> list[str]:
    """The keys that the model at a place of the file has."""
    for part in loc:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        found = next(_models_in(field.annotation), None) if field else None
        if found is None:
            break
        model = found
    return list(model.model_fields)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _line(marked: Any, loc: Loc) -> int | None:
    """Line of a place, or of the nearest one above it that the file has."""
    node, line = marked, None
    for part in loc:
        try:
            if isinstance(node, CommentedMap):
                line = node.lc.key(part)[0] + 1
            elif isinstance(node, CommentedSeq):
                line = node.lc.item(part)[0] + 1
            node = node[part]
        except (KeyError, IndexError, TypeError):
            break
    return line

"""Read hall.yaml: every fault at once, each with its path and line, what was found, what would be right."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from io import StringIO
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from hall.errors import ConfigError, Fault, InputError
from hall.layout import Hall
from hall.references import check_references

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
}

Loc = tuple[int | str, ...]


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
    return parse_hall(text, name=str(path), environ=environ)


def parse_hall(text: str, *, name: str = "hall.yaml", environ: Mapping[str, str] | None = None) -> Hall:
    """Check the text of a hall file; see `load_hall`."""
    marked = _parse_yaml(text, name)
    raw = _plain(marked)
    faults: list[Fault] = []
    data = _substitute(raw, os.environ if environ is None else environ, (), faults, marked)
    hall: Hall | None = None
    try:
        hall = Hall.model_validate(data)
    except ValidationError as exc:
        faults += [_fault(error, raw, marked) for error in exc.errors()]
    faults += [
        Fault(show_path(loc), found, expected, _line(marked, loc))
        for loc, found, expected in check_references(raw)
    ]
    if faults or hall is None:
        raise ConfigError(name, sorted(faults, key=lambda f: (f.line or 0, f.path)))
    return hall


def show_path(loc: Loc) -> str:
    """A place in the file, such as `floors[0].windows[2].clerk_area[1]`."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc]
    return "".join(parts).removeprefix(".") or "the file"


def _parse_yaml(text: str, name: str) -> Any:
    try:
        # YAML 1.2: `on` and `off` are words here, not booleans, and 09:00 is no number in base 60.
        return YAML(typ="rt").load(StringIO(text))
    except MarkedYAMLError as exc:
        mark = exc.problem_mark
        line = mark.line + 1 if mark is not None else None
        problem = " ".join(str(exc.problem or exc.context or "no YAML").split())
        raise ConfigError(name, [Fault("the file", problem, "YAML 1.2", line)]) from exc
    except YAMLError as exc:
        raise ConfigError(name, [Fault("the file", " ".join(str(exc).split()), "YAML 1.2")]) from exc


def _plain(node: Any) -> Any:
    """Plain values from the marked ones that ruamel reads."""
    if isinstance(node, Mapping):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
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
            faults.append(
                Fault(show_path(loc), f"${{{variable}}}, which is not set", expected, _line(marked, loc))
            )
    return _VARIABLE.sub(lambda m: environ.get(m[1], ""), node)


def _fault(error: Any, raw: Any, marked: Any) -> Fault:
    """One pydantic error in our words. The value shown is the one in the file, before secrets went in."""
    loc, value, exists = _walk(raw, tuple(error["loc"]))
    kind = error["type"]
    line = _line(marked, loc)
    if kind == "extra_forbidden":
        known = _known_keys(loc[:-1])
        close = get_close_matches(str(loc[-1]), known, n=1)
        hint = f"{close[0]}" if close else f"one of the keys {', '.join(known)}"
        return Fault(show_path(loc), f"the unknown key {loc[-1]}", hint, line)
    expected = _EXPECTED.get(kind)
    if kind == "value_error":
        expected = str(error["ctx"]["error"])
    elif kind in {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}:
        expected = error["msg"].replace("Input should be", "a number")
        if set(map(str, error["ctx"].values())) <= {"0", "1", "0.0", "1.0"} and "polygon" in map(
            str, error["loc"]
        ):
            expected = "a fraction of the image, from 0 to 1"
    elif kind == "string_pattern_mismatch":
        expected = "letters, digits, - and _, starting with a letter or digit, 64 at most"
    elif kind == "missing" and isinstance(loc[-1], int):
        expected = "a pair [x, y]"
    if expected is None:
        expected = error["msg"].replace("Input should be ", "").replace("Input should have ", "")
    return Fault(
        show_path(loc), _show_value(value) if exists and kind != "missing" else "nothing", expected, line
    )


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
        if part == 0 and rest[:1] == ["polygon"] and isinstance(node, list) and not isinstance(node[0], dict):
            rest.pop(0)
            continue
        path.append(part)
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            return tuple(path), None, False
    return tuple(path), node, True


def _show_value(value: Any) -> str:
    if isinstance(value, dict):
        return "a block with " + (", ".join(map(str, value)) or "nothing in it")
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _known_keys(loc: Loc) -> list[str]:
    """The keys that the model at a place of the file has."""
    model: type[BaseModel] = Hall
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

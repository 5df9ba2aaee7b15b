"""Values of a YAML file changed in its text: what changed is there, and every other character stands as it stood."""

from __future__ import annotations

import difflib
from io import StringIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from hall.errors import InputError
from hall.load import plain_values
from hall.patch import patched, spans

FILE = """\
# The hall.
hall: {id: demo, name: '演示'}   # one
floors:
  - id: f1
    cameras:
      - id: c1
        source: "rtsp://u:${PW}@h/1"
        floor_points:          # measured
          - [[0.1, 0.7], [3, 11]]   # door
          - [[0.8, 0.7], [9, 11]]
          - [[0.5, 0.8], [6, 10]]

          # the last one
          - [[0.3, 0.8], [4, 10]]
    windows:
      # the first
      - id: w01
        label: 1号窗口
        area: [[0.10, 0.20], [0.30, 0.20],   # top
               [0.30, 0.40]]                 # right
        limits: {overtime_case: 2min}   # longer
      - {id: w02, label: 2号窗口, area: [[0, 0], [1, 0], [1, 1]]}

    zones: [{id: z, areas: [{camera: c1, polygon: [[0, 0], [1, 0], [1, 1]]}]}]
# The end.
"""


def changed(*path: Any, value: Any = None) -> Any:
    """The values of FILE with one of them put, or taken away where there is none."""
    values = plain_values(FILE)
    node = values
    for part in path[:-1]:
        node = node[part]
    if value is None:
        del node[path[-1]]
    elif isinstance(node, list) and path[-1] == len(node):
        node.append(value)
    else:
        node[path[-1]] = value
    return values


def difference(before: str, after: str) -> list[str]:
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line.rstrip() for line in lines if line[:2] in {"- ", "+ "}]


F = ("floors", 0)
W = (*F, "windows")
P = (*F, "cameras", 0, "floor_points")


@pytest.mark.parametrize(
    ("values", "lines"),
    [
        # a corner moves: only its number changes, the comments of its lines stay
        (
            changed(*W, 0, "area", 0, 0, value=0.15),
            [
                "-         area: [[0.10, 0.20], [0.30, 0.20],   # top",
                "+         area: [[0.15, 0.20], [0.30, 0.20],   # top",
            ],
        ),
        # a corner more, behind the one before it
        (
            changed(*W, 0, "area", 3, value=[0.1, 0.4]),
            [
                "-                [0.30, 0.40]]                 # right",
                "+                [0.30, 0.40], [0.1, 0.4]]                 # right",
            ],
        ),
        # the last corner goes, the comment behind the comma before it does not
        (
            changed(*W, 0, "area", 2),
            [
                "-                [0.30, 0.40]]                 # right",
                "+                ]                 # right",
            ],
        ),
        # the first of a flow
        (
            changed(*W, 1, "area", value=[[1, 0], [1, 1]]),
            [
                "-       - {id: w02, label: 2号窗口, area: [[0, 0], [1, 0], [1, 1]]}",
                "+       - {id: w02, label: 2号窗口, area: [[1, 0], [1, 1]]}",
            ],
        ),
        # a key more: a line of its own in a block, behind the last in a flow
        (changed(*W, 0, "customer", value=[[0, 0.5]]), ["+         customer: [[0, 0.5]]"]),
        (
            changed(*W, 1, "customer", value=[[0, 0.5]]),
            [
                "-       - {id: w02, label: 2号窗口, area: [[0, 0], [1, 0], [1, 1]]}",
                "+       - {id: w02, label: 2号窗口, area: [[0, 0], [1, 0], [1, 1]], customer: [[0, 0.5]]}",
            ],
        ),
        # a text that YAML would take for something else is quoted, and so is one that a flow would break at
        (changed(*W, 0, "label", value="on, 1"), ["-         label: 1号窗口", "+         label: 'on, 1'"]),
        (changed(*W, 0, "label", value="12"), ["-         label: 1号窗口", "+         label: '12'"]),
        # an item more, written as the one before it
        (changed(*W, 2, value={"id": "w03", "label": "三"}), ["+       - {id: w03, label: 三}"]),
        (changed(*P, 4, value=[[0.5, 0.5], [1, 2]]), ["+           - [[0.5, 0.5], [1, 2]]"]),
        # an item less: its lines go, comments on lines of their own stay
        (changed(*P, 3), ["-           - [[0.3, 0.8], [4, 10]]"]),
        (changed(*W, 1), ["-       - {id: w02, label: 2号窗口, area: [[0, 0], [1, 0], [1, 1]]}"]),
        (
            changed(*F, "zones"),
            ["-     zones: [{id: z, areas: [{camera: c1, polygon: [[0, 0], [1, 0], [1, 1]]}]}]"],
        ),
        (changed(*F, "entrances", value=[{"id": "d"}]), ["+     entrances: [{id: d}]"]),
    ],
)
def test_only_what_differs_is_written(values: Any, lines: list[str]) -> None:
    after = patched(FILE, values)
    assert plain_values(after) == values
    assert difference(FILE, after) == lines


def test_the_block_beside_it_is_the_pattern() -> None:
    values = plain_values("a:\n- id: x\n  n: 1\n- id: y\n  n: 2 # two\n")
    values["a"].insert(1, {"id": "new", "n": 3})
    after = patched("a:\n- id: x\n  n: 1\n- id: y\n  n: 2 # two\n", values)
    assert after == "a:\n- id: x\n  n: 1\n- id: new\n  n: 3\n- id: y\n  n: 2 # two\n"
    values["a"].insert(0, {"id": "first"})
    assert patched(after, values).startswith("a:\n- id: first\n- id: x\n  n: 1\n- id: new\n")


def test_lines_end_as_they_ended() -> None:
    text = "a: [1, 2]\r\nb:\r\n  - {id: x}\r\n"
    after = patched(text, {"a": [1, 2, 3], "b": [{"id": "x"}, {"id": "y"}]})
    assert after == "a: [1, 2, 3]\r\nb:\r\n  - {id: x}\r\n  - {id: y}\r\n"


def test_a_file_without_a_last_line_end_gets_a_line() -> None:
    assert patched("b:\n  - x", {"b": ["x", "y"]}) == "b:\n  - x\n  - y"


@pytest.mark.parametrize(
    "text",
    [
        "a: &seat [[0, 0], [1, 1]]\nb: *seat  # the same\n",
        "b: &seat [[0, 0], [1, 1]]  # the same\na: *seat\n",
    ],
)
def test_an_alias_goes_its_own_way(text: str) -> None:
    """What stands under a name elsewhere is not changed with it."""
    values = plain_values(text)
    values["a"] = [[0, 0.5], [1, 1]]
    after = patched(text, values)
    assert plain_values(after) == values
    assert "# the same" in after


def test_merged_blocks_are_refused() -> None:
    text = "base: &base {x: 1, y: 2}\na: {<<: *base}\n"
    values = plain_values(text)
    assert patched(text, values) == text
    del values["a"]["x"]
    with pytest.raises(InputError, match="merged blocks"):
        patched(text, values)


def test_places_of_texts() -> None:
    found = [(FILE[start:end], value) for start, end, value in spans(FILE, frozenset({"source"}))]
    assert found == [('"rtsp://u:${PW}@h/1"', "rtsp://u:${PW}@h/1")]


_NAMES = st.text("abcdxyz", min_size=1, max_size=3)
_LEAVES = st.one_of(
    st.integers(-9, 9), st.floats(0, 1).map(lambda v: round(v, 3)), st.booleans(), st.none(), st.text(max_size=4)
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_NAMES, inner, max_size=4)),
    max_leaves=15,
)


def _told(value: Any) -> Any:
    """As a YAML file gives it back."""
    yaml, out = YAML(typ="rt"), StringIO()
    yaml.dump({"top": value}, out)
    return plain_values(out.getvalue())


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(_NAMES, _VALUES, min_size=1, max_size=4), _VALUES, st.booleans())
def test_whatever_changes_is_what_the_text_says_then(before: Any, put: Any, flow: bool) -> None:
    yaml, out = YAML(typ="rt"), StringIO()
    yaml.default_flow_style = flow
    yaml.dump(before, out)
    text = "# first\n" + out.getvalue() + "# last\n"
    values = plain_values(text)
    values[next(iter(values))] = _told(put)["top"]
    values["added"] = 1
    after = patched(text, values)
    assert plain_values(after) == values
    assert after.startswith("# first\n")

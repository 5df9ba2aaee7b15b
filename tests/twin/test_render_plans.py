"""The generator's plans, which need no renderer, say what the halls that come along say."""

from __future__ import annotations

import json

import pytest

from scripts.render.plans import PLANS, describe
from twin.camera import scene_names
from twin.camera.assets import assets


@pytest.mark.parametrize("name", sorted(PLANS))
def test_halls_are_those_of_the_plans(name: str) -> None:
    shipped = json.loads((assets() / "halls" / name / "halls.json").read_bytes())
    planned = json.loads(json.dumps(describe(PLANS[name])))
    assert shipped["layers"].keys() == {part["layer"] for part in planned["occluders"]}
    del shipped["layers"], planned["layers"]
    for part in shipped["occluders"]:
        part.pop("then", None)  # a remark of the file that the first generator wrote
    assert flat(planned) == pytest.approx(flat(shipped), abs=1e-9)


def test_every_hall_has_a_plan() -> None:
    assert sorted(PLANS) == scene_names()


def flat(value: object, at: str = "") -> dict[str, object]:
    """Every number and word by its path."""
    if isinstance(value, dict):
        return {key: leaf for name, part in value.items() for key, leaf in flat(part, f"{at}.{name}").items()}
    if isinstance(value, list):
        return {key: leaf for i, part in enumerate(value) for key, leaf in flat(part, f"{at}.{i}").items()}
    return {at: value}

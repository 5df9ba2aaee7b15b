"""docs/hall-yaml.md and docs/mqtt.md cannot rot: examples are loaded, tables compared with the models."""

from __future__ import annotations

import json
import re
import typing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from hall import duty, labels, layout, messages, pictures
from hall.load import parse_hall
from hall.topics import RETAINED
from hall.units import parse_duration

ROOT = Path(__file__).resolve().parents[2]
HALL_PAGE = (ROOT / "docs" / "hall-yaml.md").read_text(encoding="utf-8")
MQTT_PAGE = (ROOT / "docs" / "mqtt.md").read_text(encoding="utf-8")
GOLDEN = Path(__file__).parent / "golden"

BLOCKS: dict[str, type[BaseModel]] = {
    "The file": layout.Hall,
    "hall": layout.HallInfo,
    "hours": layout.Hours,
    "limits": layout.Limits,
    "presence": layout.Presence,
    "session": layout.Session,
    "evidence": layout.Evidence,
    "floors": layout.Floor,
    "plan": layout.Plan,
    "cameras": layout.Camera,
    "windows": layout.Window,
    "zones": layout.Zone,
    "entrances": layout.Entrance,
    "areas": layout.CameraPolygon,
}


def section(page: str, title: str) -> str:
    found = re.search(rf"^##+ {re.escape(title)}\n(.*?)(?=^##|\Z)", page, re.DOTALL | re.MULTILINE)
    assert found, f"no section {title!r}"
    return found[1]


def table(page: str, title: str) -> dict[str, list[str]]:
    """Rows of the table of a section, by the name in their first cell."""
    rows = [line.strip("|").split(" | ") for line in section(page, title).splitlines() if line.startswith("| `")]
    return {re.findall("`([^`]+)`", row[0])[0]: [cell.strip() for cell in row[1:]] for row in rows}


def test_every_model_of_the_file_has_a_section() -> None:
    def models(annotation: Any) -> set[type[BaseModel]]:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return {annotation}.union(*(models(field.annotation) for field in annotation.model_fields.values()))
        return set().union(*(models(part) for part in typing.get_args(annotation)))

    assert models(layout.Hall) == set(BLOCKS.values())


@pytest.mark.parametrize("title", BLOCKS)
def test_every_key_is_documented(title: str) -> None:
    rows = table(HALL_PAGE, title)
    fields = dict(BLOCKS[title].model_fields)
    if title == "hours":
        fields["mon-fri"] = fields.pop("days")  # what the file writes as day keys
    assert rows.keys() == fields.keys()
    for name, field in fields.items():
        kind, default, meaning = rows[name]
        assert kind
        assert meaning
        if name not in {"mon-fri", "node"} and (title, name) != ("areas", "camera"):
            assert_default(field, kind, default)


def assert_default(field: FieldInfo, kind: str, documented: str) -> None:
    """The default in the table is the one in the code, in the words of the page."""
    if field.is_required():
        assert documented == "required"
        return
    default = field.default if field.default is not PydanticUndefined else None
    value = documented.strip("`")
    match default:
        case bool():
            assert value == str(default).lower()
        case int() | float():
            assert (parse_duration(value) if kind == "duration" else float(value)) == default
        case "":
            assert documented == "empty"
        case str():
            assert value == default
        case BaseModel():
            assert documented == "all defaults"
            assert default == type(default)()
        case _:
            assert default in (None, [])
            assert documented in {"none", "the hall's"}


def test_the_example_is_a_right_hall_file() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", HALL_PAGE, re.DOTALL)
    hall = parse_hall(example, name="docs/hall-yaml.md", environ={"CAM_PW": "x"})
    assert [window.id for _, window in hall.windows()] == ["w01", "w02", "w03"]


def test_the_faults_shown_are_those_that_are_printed() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", HALL_PAGE, re.DOTALL)
    broken = example.replace("long_wait: 30min", "long_wait: 30").replace("[w01, w02]", "[w01, w3]")
    (console,) = re.findall(r"```console\n\$ hallwatch check hall.yaml\n(.*?)```", HALL_PAGE, re.DOTALL)
    with pytest.raises(Exception, match="2 faults") as caught:
        parse_hall(broken, environ={"CAM_PW": "x"})
    assert str(caught.value) == console.rstrip("\n")


STRUCTS: dict[str, type[msgspec.Struct]] = {
    **messages.BODIES,
    "cameras of health": messages.CameraHealth,
    "crops of health": messages.CropHealth,
    "windows of state": messages.WindowState,
    "zones of state": messages.ZoneState,
    "cells of heat": messages.HeatCell,
    "duty/set": duty.DutyTable,
    "commands of duty/set": duty.DutyCommand,
    "label/set": labels.LabelTable,
    "labels of label/set": labels.EventLabel,
    "evidence/get": pictures.EvidenceRequest,
    "frame/get": pictures.FrameRequest,
    "The envelope": messages.Message,
}


@pytest.mark.parametrize("title", STRUCTS)
def test_every_field_of_a_message_is_documented(title: str) -> None:
    rows = table(MQTT_PAGE, title)
    fields = {field.name: field.type for field in msgspec.structs.fields(STRUCTS[title])}
    assert list(rows) == list(fields)  # also in the order of the wire
    for name, annotation in fields.items():
        kind, meaning = rows[name]
        assert meaning
        nullable = type(None) in typing.get_args(annotation)
        assert ("null" in kind) == nullable, f"{title}.{name}"
        # Every word that may stand there is named.
        for word in words_of(annotation):
            assert f"`{word}`" in meaning, f"{title}.{name}: {word}"


def words_of(annotation: Any) -> list[str]:
    if typing.get_origin(annotation) is typing.Literal:
        return [word for word in typing.get_args(annotation) if word is not None]
    return [word for part in typing.get_args(annotation) for word in words_of(part)]


@pytest.mark.parametrize("kind", messages.BODIES)
def test_the_samples_are_the_golden_files(kind: str) -> None:
    (sample,) = re.findall(r"```json\n(.*?)```", section(MQTT_PAGE, kind), re.DOTALL)
    golden = json.loads((GOLDEN / f"{kind}.json").read_text(encoding="utf-8"))
    assert json.loads(sample) == golden
    assert list(json.loads(sample)["body"]) == list(golden["body"])


def test_the_table_of_topics() -> None:
    rows = table(MQTT_PAGE, "Topics")
    assert list(rows) == list(messages.BODIES)
    assert {kind for kind, row in rows.items() if row[0] == "yes"} == RETAINED

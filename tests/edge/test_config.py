"""Which hall file is in force: accepted whole or refused whole, kept over a restart, given way to an edited file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge.config import (
    ConfigRequest,
    HallConfig,
    check_change,
    reply_to,
)
from hall.clock import ManualClock
from hall.config_set import REQUEST, fingerprint, signature_of
from hall.errors import ConfigError, InputError, RecordsError
from hall.load import parse_hall
from hall.topics import Address

ADDRESS = Address("test", "f1", "edge-f1")
TOPIC = ADDRESS.topic(REQUEST)
HALL = """\
hall: {id: test, name: 测试大厅}
limits: {clerk_absent: 20s}
floors:
  - id: f1
    cameras:
      - {id: desk, source: "rtsp://u:${CAM_PW}@10.0.0.11/sub"}
    windows:
      - {id: w1, label: "1", camera: desk, clerk_area: [[0, 0], [0.4, 0], [0.4, 1], [0, 1]]}
"""
LONGER = HALL.replace("20s", "40s")
ENVIRON = {"CAM_PW": "Sesame", "HALLWATCH_BROKER": "mqtt://edge:Sesame2@h"}


@pytest.fixture
def hall_file(tmp_path: Path) -> Path:
    path = tmp_path / "etc" / "hall.yaml"
    path.parent.mkdir()
    path.write_text(HALL, encoding="utf-8")
    return path


def opened(hall_file: Path, *, key: str | None = None) -> HallConfig:
    return HallConfig(hall_file, hall_file.parent.parent / "data", ManualClock(1e9), key=key, environ=ENVIRON)


def sent(text: str, **properties: str) -> ConfigRequest:
    return ConfigRequest(text.encode(), TOPIC, base=properties.get("base"), signature=properties.get("signature"))


def limit(config: HallConfig) -> float:
    return config.hall.limits.clerk_absent


def test_what_came_by_message_holds_after_a_restart_without_its_secrets(hall_file: Path) -> None:
    config = opened(hall_file)
    assert (limit(config), config.health.origin, config.sha256) == (20, "file", fingerprint(HALL))
    config.accept(config.read(sent(LONGER)))
    assert (limit(config), config.health.origin, config.sha256) == (40, "message", fingerprint(LONGER))
    kept = hall_file.parent.parent / "data" / "config.json"
    assert "Sesame" not in kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600
    again = opened(hall_file)
    assert (limit(again), again.health.origin, again.sha256) == (40, "message", fingerprint(LONGER))
    assert again.hall.floors[0].cameras[0].source.get_secret_value() == "rtsp://u:Sesame@10.0.0.11/sub"


def test_a_file_that_was_edited_since_is_in_force(hall_file: Path) -> None:
    config = opened(hall_file)
    config.accept(config.read(sent(LONGER)))
    hall_file.write_text(HALL.replace("20s", "60s"), encoding="utf-8")
    assert (limit(opened(hall_file)), opened(hall_file).health.origin) == (60, "file")


def test_the_file_read_again_replaces_what_came_by_message(hall_file: Path) -> None:
    config = opened(hall_file)
    config.accept(config.read(sent(LONGER)))
    config.accept(config.read(None))
    assert (limit(config), limit(opened(hall_file))) == (20, 20)
    hall_file.write_text(HALL.replace("20s", "60s"), encoding="utf-8")
    config.accept(config.read(None))
    assert (limit(config), config.health.origin) == (60, "file")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param(HALL.replace("20s", "20"), "limits.clerk_absent", id="no unit"),
        pytest.param("hall: {id: [", "YAML", id="no YAML"),
        pytest.param(
            HALL.replace("CAM_PW", "HALLWATCH_BROKER"), r"variables of the file on the box: CAM_PW", id="secret"
        ),
        pytest.param(HALL + "colour: red\n", "unknown key colour", id="unknown key"),
        pytest.param(HALL + "#" * 1_000_001, "1000000 at most", id="too large"),
    ],
)
def test_a_wrong_one_is_refused_whole_and_says_why(hall_file: Path, text: str, fault: str) -> None:
    config = opened(hall_file)
    config.accept(config.read(sent(LONGER)))
    with pytest.raises(InputError, match=fault) as caught:
        config.read(sent(text))
    config.refuse(caught.value)
    assert (limit(config), config.sha256) == (40, fingerprint(LONGER))
    assert config.health.error == str(caught.value)
    assert "Sesame" not in str(caught.value)
    reply = reply_to(ConfigRequest(b"", TOPIC, b"\xff\x01"), caught.value, config.sha256, []).body
    assert (reply.accepted, reply.correlation, reply.error) == (False, "ff01", str(caught.value))
    config.accept(config.read(sent(HALL)))
    assert config.health.error is None


def test_with_a_key_only_who_has_it_and_knows_what_is_in_force_may_change_it(hall_file: Path) -> None:
    config = opened(hall_file, key="k" * 32)
    base = fingerprint(HALL)
    right = signature_of("k" * 32, TOPIC, base, LONGER.encode())
    for wrong in (
        sent(LONGER),
        sent(LONGER, base=base),
        sent(LONGER, base=base, signature="0" * 64),
        sent(LONGER, signature=right),
        sent(HALL, base=base, signature=right),
        ConfigRequest(LONGER.encode(), TOPIC.replace("f1", "f2"), None, base, right),
    ):
        with pytest.raises(InputError, match="signature is wrong"):
            config.read(wrong)
    config.accept(config.read(sent(LONGER, base=base, signature=right)))
    config.accept(config.read(None))
    config.accept(config.read(sent(LONGER, base=base, signature=right)))
    # Once another one is in force, what was signed for an earlier one is worth nothing.
    with pytest.raises(InputError, match=f"expected {fingerprint(LONGER)}: another one came before it"):
        config.read(sent(LONGER, base=base, signature=right))


def test_damage_to_what_was_kept_is_said_and_the_file_is_in_force(hall_file: Path) -> None:
    config = opened(hall_file)
    config.accept(config.read(sent(LONGER)))
    kept = hall_file.parent.parent / "data" / "config.json"
    data = kept.read_bytes()
    for broken in (data[:-3], b"", data.replace(b"40s", b"40")):
        kept.write_bytes(broken)
        again = opened(hall_file)
        assert limit(again) == 20
        assert "config.json" in str(again.health.error)


def test_what_cannot_be_kept_is_not_taken(hall_file: Path) -> None:
    config = opened(hall_file)
    (hall_file.parent.parent / "data").touch()
    with pytest.raises(RecordsError, match=r"config\.json"):
        config.accept(config.read(sent(LONGER)))
    assert (limit(config), config.sha256) == (20, fingerprint(HALL))


def test_a_running_box_keeps_its_place_and_its_detector() -> None:
    old = parse_hall(HALL, environ=ENVIRON)
    check_change(old, parse_hall(LONGER, environ=ENVIRON), ADDRESS)
    text = HALL.replace("id: test", "id: other").replace("id: f1", "id: f2") + "model: other\n"
    with pytest.raises(ConfigError, match="3 faults") as caught:
        check_change(old, parse_hall(text, environ=ENVIRON), ADDRESS)
    assert json.dumps(str(caught.value))
    assert [fault.path for fault in caught.value.faults] == ["hall.id", "floors", "model"]

"""The compose file and the images, as far as they can be judged without a container engine."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
COMPOSE: dict[str, Any] = YAML(typ="safe").load(DOCKER / "compose.yml")
SCALE: dict[str, Any] = YAML(typ="safe").load(DOCKER / "compose.scale.yml")
SERVICES: dict[str, dict[str, Any]] = {**SCALE["services"], **COMPOSE["services"]}
for _part in ("secrets", "volumes"):
    COMPOSE[_part] |= SCALE[_part]
each_service = pytest.mark.parametrize("name", sorted(SERVICES))
each_image = pytest.mark.parametrize("name", ["edge", "centre"])


@each_service
def test_every_service_runs_with_as_little_as_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert int(service["user"].split(":")[0]) > 0, "a number, so that nobody needs the image's names"
    assert service["restart"] == "unless-stopped"
    assert service["deploy"]["resources"]["limits"]["memory"]
    assert service["logging"]["options"]["max-size"], "a full disk is how such machines die"
    assert not {"privileged", "cap_add", "network_mode", "pid", "devices"} & service.keys()
    assert any(entry.split(":")[0] == "/tmp" for entry in service["tmpfs"])


@each_service
def test_every_service_has_a_health_check_and_waits_for_what_it_needs(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]
    for other, how in SERVICES[name].get("depends_on", {}).items():
        assert other in SERVICES
        assert how == {"condition": "service_healthy"}


def test_who_waits_for_whom() -> None:
    waits = {name: set(service.get("depends_on", {})) for name, service in SERVICES.items()}
    assert waits["ingest"] == {"mosquitto", "influxdb"}
    assert waits["edge"] == {"mosquitto"}
    assert waits["grafana"] == {"influxdb"}


def test_two_processes_share_the_work_under_names_of_their_own() -> None:
    added, second = SCALE["services"]["ingest"], SCALE["services"]["ingest-2"]
    names = [one["environment"].pop("HALLWATCH_NAME") for one in (added, second)]
    assert len(set(names)) == 2, "what waits at the broker waits under the name"
    assert added["environment"] == second["environment"] == {"HALLWATCH_SHARE": "centre", "HALLWATCH_SPOOL": "/data"}
    whole = [*COMPOSE["services"]["ingest"]["secrets"], *added["secrets"]]
    assert sorted(whole, key=str) == sorted(second["secrets"], key=str)
    data = [
        v["source"] for one in (COMPOSE["services"]["ingest"], second) for v in one["volumes"] if v["target"] == "/data"
    ]
    assert len(set(data)) == 2, "each has points that wait of its own"


@each_service
def test_ports_are_published_on_loopback_unless_told_otherwise(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert re.fullmatch(r"\$\{HALLWATCH_BIND_\w+:-127\.0\.0\.1\}:\d+:\d+", port), port


@each_service
def test_everything_named_is_declared(name: str) -> None:
    service = SERVICES[name]
    for secret in service["secrets"]:
        assert (secret if isinstance(secret, str) else secret["source"]) in COMPOSE["secrets"]
    for volume in service["volumes"]:
        if volume["type"] == "volume":
            assert volume["source"] in COMPOSE["volumes"]
        else:
            assert volume["read_only"] is True
    assert set(service["networks"]) <= COMPOSE["networks"].keys()


def test_no_secret_stands_in_the_file() -> None:
    assert all(entry["file"].startswith("./secrets/") for entry in COMPOSE["secrets"].values())
    for service in SERVICES.values():
        for variable in service.get("environment", {}):
            assert not re.search(r"(PASSWORD|TOKEN|SECRET)$", variable), f"{variable}: expected {variable}_FILE"


def test_the_store_is_not_reached_from_outside() -> None:
    assert COMPOSE["networks"]["store"] == {"internal": True}
    assert SERVICES["influxdb"]["networks"] == ["store"]
    assert "ports" not in SERVICES["influxdb"]


def test_secrets_and_bind_mounts_are_made_or_committed(tmp_path: Path) -> None:
    environ = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin", "HALLWATCH_SECRETS_DIR": str(tmp_path / "secrets")}
    subprocess.run([str(DOCKER / "make-secrets.sh"), "demo/f1/edge-f1"], env=environ, check=True, capture_output=True)
    settings = dict(line.split("=") for line in (tmp_path / "secrets" / "compose.env").read_text().splitlines())
    for entry in COMPOSE["secrets"].values():
        file = re.sub(r"\$\{(\w+)(:[^}]*)?\}", lambda match: settings[match[1]], entry["file"])
        assert (tmp_path / file).is_file(), file
    assert settings == {"HALLWATCH_FLOOR": "demo.f1", "HALLWATCH_NODE": "edge-f1"}
    for service in SERVICES.values():
        for volume in service["volumes"]:
            source = volume["source"]
            source = re.sub(r"^\$\{HALLWATCH_BOARDS:-(.*)\}$", r"\1", source)
            if volume["type"] == "bind" and "HALLWATCH_HALL" not in source:
                assert ((tmp_path if "secrets" in source else DOCKER) / source).exists(), source


def test_the_data_source_has_the_bucket_and_the_token_of_the_store() -> None:
    path = DOCKER / "grafana" / "provisioning" / "datasources" / "hallwatch.yaml"
    (source,) = YAML(typ="safe").load(path)["datasources"]
    influxdb = SERVICES["influxdb"]
    assert source["jsonData"]["dbName"] == influxdb["environment"]["DOCKER_INFLUXDB_INIT_BUCKET"]
    token = influxdb["environment"]["DOCKER_INFLUXDB_INIT_ADMIN_TOKEN_FILE"]
    assert source["secureJsonData"]["httpHeaderValue1"] == f"Token $__file{{{token}}}"
    assert "influxdb_token" in SERVICES["grafana"]["secrets"]


def test_grafana_finds_its_boards_and_rules() -> None:
    provisioning = DOCKER / "grafana" / "provisioning"
    (provider,) = YAML(typ="safe").load(provisioning / "dashboards" / "hallwatch.yaml")["providers"]
    targets = {volume["target"]: volume["source"] for volume in SERVICES["grafana"]["volumes"]}
    assert provider["options"]["path"] in targets
    assert (provider["folderUid"], provider["type"]) == ("hallwatch", "file")
    # A folder can be mounted below one that is read-only only where it is there.
    assert (provisioning / "alerting").is_dir()
    rules = DOCKER / targets["/etc/grafana/provisioning/alerting"]
    assert {path.name for path in rules.iterdir()} == {"rules.json", "contact-points.json", "policies.json"}
    (source,) = YAML(typ="safe").load(provisioning / "datasources" / "hallwatch.yaml")["datasources"]
    asked = json.loads((rules / "rules.json").read_text())["groups"][0]["rules"][0]["data"][0]
    assert (asked["datasourceUid"], asked["model"]["datasource"]["type"]) == (source["uid"], source["type"])
    wanted = re.findall(r"\$\{(\w+)\}", (rules / "contact-points.json").read_text())
    assert set(wanted) == {"HALLWATCH_GRAFANA_WEBHOOK"} <= SERVICES["grafana"]["environment"].keys()


@each_image
def test_an_image_runs_without_root_pip_or_a_moving_dependency(name: str) -> None:
    build, final = (DOCKER / f"{name}.Dockerfile").read_text().split("\n\nFROM ")
    assert f"--require-hashes --only-binary :all: -r {name}.lock" in build
    assert "--require-hashes -r requirements-build.lock" in build
    assert re.search(r"^USER 10001:10001$", final, re.MULTILINE)
    assert "pip uninstall" in final
    assert "HEALTHCHECK" in final
    for source in re.findall(r"^COPY (?!--from)(.*) \S+$", build + final, re.MULTILINE):
        for path in re.sub(r"--\S+ ", "", source).split():
            assert (ROOT / path).exists(), path


def test_images_and_compose_check_health_in_the_same_way() -> None:
    for image, service in (("edge", "edge"), ("centre", "ingest")):
        check = SERVICES[service]["healthcheck"]["test"][-1]
        assert check in (DOCKER / f"{image}.Dockerfile").read_text()


def entry(environ: dict[str, str], *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the entry point with a `hallwatch` that prints its variables and arguments."""
    fake = folder / "bin" / "hallwatch"
    fake.parent.mkdir(exist_ok=True)
    fake.write_text('#!/bin/sh\nenv\necho "arguments: $*"\n')
    fake.chmod(0o755)
    full = {"PATH": f"{fake.parent}:{os.environ['PATH']}", **environ}
    command = [str(DOCKER / "entrypoint.sh"), *arguments]
    return subprocess.run(command, env=full, text=True, capture_output=True, check=False)


def test_the_entry_point_turns_secrets_into_variables(tmp_path: Path) -> None:
    service, hall = tmp_path / "service", tmp_path / "hall"
    service.mkdir()
    hall.mkdir()
    (service / "HALLWATCH_BROKER").write_text("mqtts://a:b c$d@mosquitto:8883\n")
    (service / "HALLWATCH_ALERT").write_text("")
    (service / "ca.crt").write_text("no variable")
    (hall / "CAM_PW").write_text("p'w\"1")
    (hall / "1NOT").write_text("no variable")
    done = entry(
        {"HALLWATCH_SECRETS": str(service), "HALLWATCH_HALL_SECRETS": str(hall)}, "edge", "x y", folder=tmp_path
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "HALLWATCH_BROKER=mqtts://a:b c$d@mosquitto:8883" in lines
    assert "HALLWATCH_ALERT=" in lines
    assert "CAM_PW=p'w\"1" in lines
    assert "arguments: edge x y" in lines
    assert not any("no variable" in line for line in lines)


def test_the_entry_point_works_without_secrets(tmp_path: Path) -> None:
    none = {"HALLWATCH_SECRETS": str(tmp_path / "a"), "HALLWATCH_HALL_SECRETS": str(tmp_path / "b")}
    assert "arguments: --help" in entry(none, "--help", folder=tmp_path).stdout

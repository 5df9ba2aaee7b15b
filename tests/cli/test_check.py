"""`hallwatch check`: all faults at once, a picture per camera, no password in any line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
import typer
from typer.testing import CliRunner, Result

from cli.check import check
from tests.support.halls import HALL_YAML
from tests.support.servers import free_port
from tests.support.videos import encode

POINTS = "[[0, 0], [0, 0]], [[1, 0], [10, 0]], [[1, 1], [10, 5]], [[0, 1], [0, 5]]"


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.command()(check)
    return app


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return encode(tmp_path / "hall.mp4", count=5, fps=5)


def write(folder: Path, first: object, second: object, points: str = "") -> Path:
    path = folder / "hall.yaml"
    text = HALL_YAML.replace('"rtsp://user:${CAM_PW}@10.0.0.11/sub"', f'"{first}"')
    path.write_text(text.replace("source: hall.mp4", f'source: "{second}", floor_points: [{points}]'))
    return path


def run(app: typer.Typer, *arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_right_hall_gets_a_line_and_a_picture_per_camera(app: typer.Typer, tmp_path: Path, video: Path) -> None:
    out = tmp_path / "pictures" / "today"
    result = run(app, write(tmp_path, video, video), "--out", out)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    assert result.stdout.splitlines() == [
        "demo 演示大厅: 1 floor, 2 cameras, 1 window, 1 zone, 1 entrance",
        f"c1  {video}  160x96  5 fps  {out / 'c1.png'}",
        "  w01/clerk: a person is 67 px in the model's picture (by area height), zoom: 125 px in a crop",
        f"c2  {video}  160x96  5 fps  {out / 'c2.png'}",
    ]
    first, second = (cv2.imread(str(out / name)) for name in ("c1.png", "c2.png"))
    assert first is not None
    assert second is not None
    assert first.shape == second.shape == (96, 160, 3)
    assert (first != second).any()  # each has its own areas


CALIBRATIONS = [
    # Four points always fit, which says nothing.
    (POINTS, "4 floor points, which always fit: a fifth would show the error"),
    # A fifth in the middle, where it should be; one that is 0.5 m off.
    (POINTS + ", [[0.5, 0.5], [5, 2.5]]", "5 floor points, error 0.00 m"),
    (POINTS + ", [[0.5, 0.5], [5, 3.0]]", "5 floor points, error 0.16 m"),
]


@pytest.mark.parametrize(("points", "says"), CALIBRATIONS)
def test_the_calibration_has_an_error(app: typer.Typer, tmp_path: Path, video: Path, points: str, says: str) -> None:
    result = run(app, write(tmp_path, video, video, points), "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1].endswith(f"c2.png  {says}")


@pytest.mark.parametrize("option", ["--sources", "--no-sources"])
def test_floor_points_that_cannot_be_are_a_fault(app: typer.Typer, tmp_path: Path, video: Path, option: str) -> None:
    # Two corners changed places: the floor would have to twist.
    points = POINTS.replace("[10, 5]", "[x]").replace("[0, 5]", "[10, 5]").replace("[x]", "[0, 5]")
    result = run(app, write(tmp_path, video, video, points), "--out", tmp_path, option)
    assert result.exit_code == 1
    assert "camera c2: floor_points: some lie beyond the horizon" in result.stderr


def test_all_faults_of_the_file_go_to_stderr(app: typer.Typer, tmp_path: Path) -> None:
    path = tmp_path / "hall.yaml"
    path.write_text(HALL_YAML.replace("30min", "30").replace("serves: [w01]", "serves: [w07]"))
    result = run(app, path, "--out", tmp_path / "none")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        f"{path}: 3 faults",
        "  limits.long_wait (line 6): found 30; expected a number with a unit: 250ms, 10s, 5min or 1.5h",
        "  floors[0].cameras[0].source (line 10): found ${CAM_PW}, which is not set; "
        "expected the environment variable CAM_PW to be set",
        "  floors[0].zones[0].serves[0] (line 20): found the unknown window 'w07'; expected one of w01",
    ]
    assert not (tmp_path / "none").exists()


def test_no_such_file(app: typer.Typer, tmp_path: Path) -> None:
    result = run(app, tmp_path / "none.yaml")
    assert result.exit_code == 1
    assert "none.yaml: cannot be read" in result.stderr


def test_sources_that_cannot_be_opened_are_faults_and_the_others_go_on(
    app: typer.Typer, tmp_path: Path, video: Path
) -> None:
    address = f"rtsp://admin:hunter2@127.0.0.1:{free_port()}/sub"
    result = run(app, write(tmp_path, address, video), "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "camera c1: rtsp://***@127.0.0.1:" in result.stderr
    assert "hunter2" not in result.output
    assert f"c2  {video}  160x96" in result.stdout
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["c2.png"]


def test_a_substream_of_another_shape_is_a_fault(app: typer.Typer, tmp_path: Path, video: Path) -> None:
    square = encode(tmp_path / "square.mp4", count=5, fps=5, size_px=(96, 96))
    small = encode(tmp_path / "small.mp4", count=5, fps=5, size_px=(80, 48))
    for sub, fault in ((small, None), (square, "found 96x96 beside 160x96"), (tmp_path / "none.mp4", "no such file")):
        path = write(tmp_path, video, video)
        path.write_text(path.read_text().replace(f'source: "{video}"', f'source: "{video}", substream: "{sub}"', 1))
        result = run(app, path, "--out", tmp_path)
        assert (result.exit_code == 0) is (fault is None)
        assert fault is None or f"camera c1, substream: {fault}" in result.stderr.replace(f"{sub}: found ", "")


def test_every_broken_source_is_named(app: typer.Typer, tmp_path: Path, video: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(video.read_bytes()[:300])
    result = run(app, write(tmp_path, tmp_path / "none.mp4", cut), "--out", tmp_path / "out")
    assert result.exit_code == 1
    first, second = result.stderr.splitlines()
    assert first.startswith(f"camera c1: {tmp_path / 'none.mp4'}: found no such file; expected")
    assert second.startswith(f"camera c2: {cut}: found no video")


def test_without_sources_nothing_is_opened_or_written(
    app: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(app, write(tmp_path, "rtsp://127.0.0.1:9/none", "none.mp4"), "--no-sources")
    assert result.exit_code == 0, result.output
    assert [path.name for path in tmp_path.iterdir()] == ["hall.yaml"]


def test_a_folder_that_cannot_be_made(app: typer.Typer, tmp_path: Path, video: Path) -> None:
    result = run(app, write(tmp_path, video, video), "--out", video / "pictures")
    assert result.exit_code == 1
    assert "expected a folder that can be written" in result.stderr


def test_a_picture_that_cannot_be_written(app: typer.Typer, tmp_path: Path, video: Path) -> None:
    (tmp_path / "c1.png").mkdir()
    result = run(app, write(tmp_path, video, video), "--out", tmp_path)
    assert result.exit_code == 1
    assert f"camera c1: {tmp_path / 'c1.png'} cannot be written" in result.stderr
    assert (tmp_path / "c2.png").is_file()


def test_a_wrong_option_is_a_matter_of_usage(app: typer.Typer, tmp_path: Path) -> None:
    assert run(app, tmp_path / "hall.yaml", "--timeout", "0").exit_code == 2
    assert run(app).exit_code == 2


def test_the_command_as_people_start_it(tmp_path: Path, video: Path) -> None:
    write(tmp_path, video.name, tmp_path / "none.mp4")
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "check", "hall.yaml"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    # A recording is looked for beside the hall file; pictures go to the folder people are in.
    assert f"c1  {video.name}  160x96  5 fps  check-pictures/c1.png" in done.stdout
    assert done.stderr.startswith(f"camera c2: {tmp_path / 'none.mp4'}: found no such file; expected")
    assert [path.name for path in (tmp_path / "check-pictures").iterdir()] == ["c1.png"]


def test_settings_of_a_centre(app: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "hush")
    settings = tmp_path / "centre.yaml"
    settings.write_text(
        'channels: {group: {address: "wecombot://${KEY}", everything: true}, robot: {address: "dingtalk://${KEY}"}}\n'
        "people: {li: {name: 李, channels: [robot]}}\n"
        "chains: [{name: rest, steps: [{tell: [li]}]}]\n"
    )
    result = run(app, "--settings", settings)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{settings}: 2 channels, 3 names, 1 chain\n"
    settings.write_text("chains: [{name: rest, steps: [{tell: [wang]}]}]\nnode_ofline: 1min\n")
    hall = write(tmp_path, "a.mp4", "b.mp4")
    result = run(app, hall, "--no-sources", "--settings", settings)
    assert result.exit_code == 1
    assert result.stdout.startswith("demo 演示大厅: ")  # the other file is right, and said so
    assert "chains[0].steps[0].tell[0] (line 1): found the unknown name wang; expected one of the" in result.stderr
    assert "node_ofline (line 2): found the unknown key node_ofline; expected" in result.stderr


def test_nothing_to_check_is_wrong_usage(app: typer.Typer) -> None:
    result = run(app)
    assert result.exit_code == 2
    assert "nothing to check; expected HALL.yaml" in result.stderr


def test_a_role_that_is_not_installed_is_said(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['ingest.settings'] = None; sys.argv = ['hallwatch', 'check', '--settings', 'x'];"
        "from cli.main import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert "expected hallwatch with its extra ingest" in done.stderr

"""The watch of a camera's picture: every fault of a rendered camera is named, and no real clip is one."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame

from edge.capture import open_file
from tests.support.scenes import HEIGHT_PX, WIDTH_PX, Image, Scene
from twin.source import FPS, open_sim
from vision.picture import PictureSettings, PictureWatch

FIT = (416, 416)
LOOKS_A_SECOND = 2
SPANS = {"dim": (6, 22), "frozen": (26, 36), "dark": (40, 46), "covered": (50, 58), "bumped": (62, 70)}
VTEST = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")
CLIPS = Path(__file__).resolve().parents[2] / "twin" / "assets" / "clips"
SETTINGS = PictureSettings()


def named(watch: PictureWatch, pictures: Iterator[tuple[float, Image]]) -> list[tuple[float, str]]:
    """The faults of each picture, by their first word."""
    looks = [(at, watch.judge(at, image).fault) for at, image in pictures]
    return [(at, fault.split()[0]) for at, fault in looks if fault is not None]


@pytest.mark.parametrize(("camera", "seed"), [("cam1", 1), ("cam2", 2)])
def test_faults_of_a_rendered_camera(tmp_path: Path, camera: str, seed: int) -> None:
    """Each within its hold, dated back to its first frame, over within a second; half the light is none."""
    story = tmp_path / "faults.yaml"
    lines = ["scenario: {id: faults, hall: lowdesk, duration: 76s}", "arrivals: {waiting: 4}", "faults:"]
    lines += [f"  - {{camera: {camera}, kind: {kind}, from: {a}s, until: {b}s}}" for kind, (a, b) in SPANS.items()]
    story.write_text("\n".join(lines), encoding="utf-8")
    source = open_sim(f"sim://lowdesk?camera={camera}&seed={seed}&story={story}")
    numbers = range(0, source.count, FPS // LOOKS_A_SECOND)
    watch, found, shift = PictureWatch(), [], []
    for number in numbers:
        look = watch.judge(number / FPS, source._image(number, FIT))
        if look.fault is not None:
            found.append((number / FPS, look.state, look.since))
            shift += [look.shift] if look.shift is not None else []
    holds_s = {
        "frozen": SETTINGS.frozen_s + 0.5,
        "dark": SETTINGS.dark_s,
        "covered": SETTINGS.covered_s,
        "bumped": SETTINGS.moved_s,
    }
    for kind, hold_s in holds_s.items():
        start, end = SPANS[kind]
        own = [(at, since) for at, state, since in found if state == ("moved" if kind == "bumped" else kind)]
        assert own[0][0] == pytest.approx(start + hold_s, abs=0.6), kind
        assert end - 1 <= own[-1][0] <= end + SETTINGS.recover_s, kind
        assert {since for _, since in own} <= {start, start + 0.5}, kind
        found = [one for one in found if one[1] != ("moved" if kind == "bumped" else kind)]
    assert found == []
    assert 0.02 <= min(shift) <= max(shift) <= 0.13


def film(path: Path, analyse_fps: float) -> Iterator[tuple[float, Image]]:
    with open_file("c", path, analyse_fps=analyse_fps, start=0.0, fit=FIT) as frames:
        for frame in frames:
            yield frame.captured_at, frame.image


@pytest.mark.parametrize("name", ["cam1.mp4", "cam2.mp4"])
def test_no_alarm_on_the_rendered_clips(name: str) -> None:
    assert named(PictureWatch(), film(CLIPS / name, 5)) == []


@pytest.mark.data
@pytest.mark.parametrize("analyse_fps", [1, 5])
@pytest.mark.parametrize("name", ["pedestrian_six.mp4", "vtest.avi"])
def test_no_alarm_on_real_clips(data_dir: Path, name: str, analyse_fps: float) -> None:
    """Empty gaps with skipped blocks; a crowd; people before the camera."""
    path = VTEST if name == VTEST.name else data_dir / "video" / name
    assert named(PictureWatch(), film(path, analyse_fps)) == []


@pytest.mark.data
@pytest.mark.parametrize("name", ["pedestrian_six.mp4", "vtest.avi"])
def test_a_bump_of_a_real_clip(data_dir: Path, name: str) -> None:
    """By 3 % of the width and by 10 %, turned a little, while people walk; back again it is as before."""
    path = VTEST if name == VTEST.name else data_dir / "video" / name
    for share, turn_deg in ((0.03, 1.0), (0.1, -3.0)):

        def bumped(share: float = share, turn_deg: float = turn_deg) -> Iterator[tuple[float, Image]]:
            for at, image in film(path, 2):
                width, height = image.shape[1], image.shape[0]
                matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn_deg, 1.0)
                matrix[:, 2] += 0.7 * share * width
                turned = cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
                if at < 60:
                    yield at, np.asarray(turned, np.uint8) if 20 <= at < 40 else image

        times = [at for at, fault in named(PictureWatch(), bumped()) if fault == "moved"]
        assert times, f"{share} not noticed"
        assert 20 + SETTINGS.moved_s <= times[0] <= 25
        assert 39 <= times[-1] <= 40 + SETTINGS.recover_s
        assert len(times) >= 2 * (times[-1] - times[0]), "once noticed it stays noticed"


def test_a_quiet_night_has_noise() -> None:
    """Nothing moves for five minutes, and single grey levels of noise are all that changes."""
    scene = Scene(noise=0.7)
    assert named(PictureWatch(), ((i / 2, scene.look()) for i in range(600))) == []


def test_a_quiet_night_through_an_encoder(tmp_path: Path) -> None:
    """H.264 leaves nothing of the noise between two key frames, 4 s apart."""
    path, scene = tmp_path / "night.mp4", Scene()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        stream.codec_context.gop_size = 40
        stream.codec_context.options = {"preset": "ultrafast", "crf": "32", "threads": "1"}
        for index in range(400):
            frame = VideoFrame.from_ndarray(scene.look(), format="bgr24")
            frame.time_base, frame.pts = Fraction(1, 10), index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    watch, states = PictureWatch(), []
    for at, image in film(path, 2):
        states.append(watch.judge(at, image).state)
    assert set(states) == {"seen", "still"}
    assert states.count("still") > 40, "or this shows nothing"


def test_an_encoder_that_refreshes_seldom_is_learnt() -> None:
    """Every 12 s: taken for frozen twice, and then known."""
    scene, watch = Scene(), PictureWatch()
    pictures = ((i / 2, scene.look() if i % 24 == 0 else scene.frozen()) for i in range(2 * 120))
    times = [at for at, _ in named(watch, pictures)]
    assert times
    assert max(times) < 36


def someone_near(image: Image) -> Image:
    """Seven tenths of the picture are a coat."""
    cv2.rectangle(image, (0, 30), (int(0.78 * WIDTH_PX), HEIGHT_PX), (60, 50, 45), -1)
    return image


def crowd(seed: int, image: Image) -> Image:
    """Twenty-five people in all colours."""
    rng = np.random.default_rng(seed)
    for _ in range(25):
        x, y = (int(v) for v in rng.uniform(0, (WIDTH_PX, HEIGHT_PX)))
        cv2.ellipse(image, (x, y), (9, 28), 0, 0, 360, rng.integers(20, 240, 3).tolist(), -1)
    return image


def half_lit(image: Image) -> Image:
    return (image * 0.45).astype(np.uint8)


def half_the_lamps(image: Image) -> Image:
    """One side of the hall is lit."""
    return (image * np.linspace(1.0, 0.3, WIDTH_PX)[None, :, None]).astype(np.uint8)


@pytest.mark.parametrize("what", ["near", "crowd", "dim", "lamps", "sudden"])
def test_what_is_no_fault(what: str) -> None:
    """For half a minute in the middle, from one frame to the next."""
    scene, watch = Scene(), PictureWatch()

    def pictures() -> Iterator[tuple[float, Image]]:
        for i in range(180):
            if not 60 <= i < 120:
                yield i / 2, scene.look()
            elif what == "crowd":
                yield i / 2, scene.look(lambda image, i=i: crowd(i // 6, image))  # type: ignore[misc]
            elif what == "sudden":
                yield i / 2, scene.covered() if i == 90 else scene.dark() if i == 100 else scene.look()
            else:
                change = {"near": someone_near, "dim": half_lit, "lamps": half_the_lamps}[what]
                yield i / 2, scene.look(change)

    assert named(watch, pictures()) == []


def test_another_view_is_no_hall() -> None:
    """Turned so far that nothing is where it was, and nothing of it anywhere."""
    scene, other, watch = Scene(), Scene(seed=7), PictureWatch()
    pictures = ((i / 2, scene.look() if i < 40 or i >= 100 else other.look()) for i in range(120))
    found = [(at, look.fault) for at, image in pictures if (look := watch.judge(at, image)).fault]
    assert {fault for _, fault in found} == {"moved: it shows another view"}
    assert found[0][0] == 20 + SETTINGS.lost_s
    assert found[-1][0] < 50 + SETTINGS.recover_s


def test_a_camera_that_stays_moved_stays_moved() -> None:
    """It is not learnt, however long it lasts, and however small the move was."""
    scene, watch = Scene(), PictureWatch()
    pictures = ((i / 2, scene.look(shift_px=(0, 0) if i < 40 else (10, 0))) for i in range(600))
    found = named(watch, pictures)
    assert found[0] == (22.0, "moved")
    assert len(found) == 600 - 44
    assert watch.look.fault == "moved by 3.1 % of the picture's width"


def test_a_watch_that_begins_in_the_dark_or_under_a_cover() -> None:
    for blind in (Scene.dark, Scene.covered):
        scene, watch = Scene(), PictureWatch()
        pictures = ((i / 2, blind(scene) if i < 20 else scene.look()) for i in range(40))
        found = named(watch, pictures)
        assert {fault for _, fault in found} == {blind.__name__}
        assert found[0][0] <= 3.0
        assert found[-1][0] < 10 + SETTINGS.recover_s


def test_an_old_frame_changes_nothing() -> None:
    scene, watch = Scene(), PictureWatch()
    first = watch.judge(10.0, scene.look())
    for _ in range(20):
        assert watch.judge(9.0, scene.dark()) == first
    assert watch.judge(10.5, scene.look()).state == "seen"

"""Pictures of events: nobody to be recognised, the hall still there, nothing else on the disk, sealed, gone in time."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import wait
from functools import cache, partial
from pathlib import Path

import av
import cv2
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from edge._stages import Emitted
from edge.blur import anonymous, blurred
from edge.capture import open_file
from edge.clip import ClipRing
from edge.evidence import KEPT_FOLDER, EvidenceStore, EvidenceTaker, evidence_key
from edge.seal import Seal, sealed, verified
from edge.service import EdgeService
from hall.broker import parse_broker
from hall.clock import ManualClock, to_datetime
from hall.errors import InputError
from hall.labels import EventLabel, LabelTable
from hall.layout import Evidence
from hall.messages import ClipBody, EventBody, decode, event_id
from hall.topics import Address
from tests.support.cascade import Cascade
from tests.support.clips import CLIPS, clip_hall
from tests.support.command import call
from tests.support.detections import RememberingDetector
from tests.support.inotify import FolderWatch
from vision.detector import Detector
from vision.types import Detections, Frame

START = 1_767_574_800.0
CLIPS_FROM_S = 21.0
"""They cost five inferences a picture."""
FACES = "/usr/share/doc/opencv-doc/examples/data/messi5.jpg"
LIMITS = {
    "limits": {"clerk_absent": "4s", "long_wait": "10s", "overtime_case": "10s", "clear_hold": "2s"},
    "presence": {"window": "2s"},
    "session": {"open_after": "2s", "close_after": "2s"},
}

Image = NDArray[np.uint8]


def image_of(data: bytes) -> Image:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image, np.uint8)


@cache
def cascade() -> Cascade:
    return Cascade("haarcascade_frontalface_default")


def faces(image: Image) -> list[tuple[int, int, int, int]]:
    return cascade().faces(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8))


def people(detector: Detector, image: Image) -> list[float]:
    """Scores of all who may be people, down to half of what counts."""
    scores: list[float] = detector.detect([image])[0].scores.tolist()
    return [score for score in scores if score >= 0.54 * detector.score]


class Run:
    """A box that has looked at the rendered clips, with its folder watched from before its start."""

    def __init__(self, folder: Path, detector: RememberingDetector) -> None:
        _, hall = clip_hall(folder, **LIMITS)
        self.data, self.raw = folder / "data", list[Frame]()
        (self.data / "tmp").mkdir(parents=True)
        clock = ManualClock(START)
        with FolderWatch(self.data) as watch:
            settings = parse_broker("mqtt://127.0.0.1:1")
            service = EdgeService(hall, "edge-f1", detector, settings, self.data, clock=clock)
            for frame in self._frames(service):
                clock.advance(frame.captured_at - clock.now())
                if frame.captured_at >= START + CLIPS_FROM_S:
                    service._evidence.store.settings = Evidence(clip=3.0)
                service._turn([frame])
                wait(behind := service._evidence._behind)  # the recording plays faster than time
                assert [future.exception() for future in behind] == [None] * len(behind)
            service._evidence.close()
            service._commit(service._evidence.clips())
            rows = service._outbox.next_batch(100_000)
            self.files = {path: path.read_bytes() for path in watch.names() if path.exists()}
            self.gone = [path for path in watch.names() if not path.exists()]
            service._publisher.stop(0)
            service._outbox.close()
        bodies = [decode(row.payload).body for row in rows]
        self.raised = [body for body in bodies if isinstance(body, EventBody) and body.phase == "raised"]
        self.clips = [body for body in bodies if isinstance(body, ClipBody)]
        self.others = [body for body in bodies if isinstance(body, EventBody) and body.phase != "raised"]
        self.key = (self.data / "evidence.key").read_bytes()

    def _frames(self, service: EdgeService) -> Iterator[Frame]:
        streams = []
        for camera in service._pipeline.cameras:
            source = str(CLIPS / f"{camera.id}.mp4")
            fit = partial(service._fit, camera.id)
            streams.append(open_file(camera.id, source, analyse_fps=2, start=START, fit=fit))
        for frame in sorted((frame for stream in streams for frame in stream), key=lambda f: f.captured_at):
            self.raw.append(frame)
            yield frame

    def picture(self, event: EventBody) -> bytes:
        return (self.data / "evidence" / str(event.snapshot)).read_bytes()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, detector: RememberingDetector) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("evidence")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder / "data" / "tmp"))
        patch.setattr("tempfile.tempdir", None)
        patch.delenv("HALLWATCH_EVIDENCE_KEY", raising=False)
        yield Run(folder, detector)


def test_every_event_has_a_picture_in_which_nobody_is_found(run: Run, detector: RememberingDetector) -> None:
    assert {event.rule for event in run.raised} == {"clerk_absent", "long_wait", "overtime_case"}
    assert all(event.snapshot is None for event in run.others)
    cameras: set[str] = set()
    shown = {run.picture(event)[500:]: event for event in run.raised}
    for event in shown.values():
        image = image_of(run.picture(event))
        assert people(detector, image) == []
        seal = verified(run.picture(event), run.key, "picture")
        if seal.camera not in cameras:
            assert faces(image) == []  # takes a second, so one of each camera
        cameras.add(seal.camera)
        raw = next(f for f in run.raw if f.camera_id == seal.camera and abs(f.captured_at - _at(seal)) < 0.01)
        assert len(people(detector, raw.image)) >= 3, "there was nobody to blur"
        # What was blurred is a part of it: walls, counters and signs are as they were, but for the JPEG.
        apart = np.abs(image.astype(int) - raw.image.astype(int)).max(axis=2)
        assert (apart > 24).mean() < 0.35
        assert np.median(apart) < 6
        assert abs(_at(seal) - event.started_at.timestamp()) < 20
    assert cameras == {"cam1", "cam2"}


def _at(seal: Seal) -> float:
    return float(np.datetime64(seal.captured_at.removesuffix("Z"), "ms").astype(np.int64)) / 1000


def test_nothing_else_of_a_picture_ever_touched_the_disk(run: Run, detector: RememberingDetector) -> None:
    """Every file that was ever made in the folder is opened: sealed pictures, the outbox, nothing that shows more."""
    pictures = {path for path in run.files if path.parent.name == "evidence"}
    assert {path.name for path in pictures} == {e.snapshot for e in run.raised} | {c.clip for c in run.clips}
    assert len(pictures) > len(run.raised) >= 3
    assert {path.name for path in run.files if path not in pictures} == {"outbox.db", "outbox.db-wal", "evidence.key"}
    # What is gone was written under another name first, and is one of those by now; or is the journal of the outbox.
    assert {path.with_suffix("") for path in run.gone if path.suffix != ".db-journal"} <= set(run.files)
    rows = [frame.image[row, 100:164].tobytes() for frame in run.raw for row in (60, 150)]
    jpegs = [(data := cv2.imencode(".jpg", frame.image)[1].tobytes())[len(data) // 2 :][:64] for frame in run.raw[::10]]
    for path, data in run.files.items():
        assert not any(part in data for part in (*rows, *jpegs)), path
        if path not in pictures:
            assert b"\xff\xd8\xff" not in data, path
            assert b"\x89PNG" not in data, path
        else:
            verified(data, run.key, path.name)
            if path.suffix == ".jpg":
                assert people(detector, image_of(data)) == []
    assert (run.data / "evidence.key").stat().st_mode & 0o777 == 0o600
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in pictures)


def test_a_clip_shows_the_seconds_around_an_event_and_nobody_in_them(run: Run, detector: RememberingDetector) -> None:
    assert run.clips
    events = {event.event_id: event for event in run.raised}
    for told in run.clips:
        event = events[told.event_id]
        camera = verified(run.picture(event), run.key, "picture").camera
        data = (run.data / "evidence" / told.clip).read_bytes()
        seal = verified(data, run.key, "clip")
        assert (seal.event_id, seal.camera) == (event.event_id, camera)
        assert seal.until is not None
        with av.open(io.BytesIO(data), "r") as container:
            frames = [(f.time, np.asarray(f.to_ndarray(format="bgr24"), np.uint8)) for f in container.decode(video=0)]
        # Three seconds before and after, twice a second; the recording ends sooner.
        assert 5 <= len(frames) <= 13
        assert frames[-1][0] == pytest.approx((told.ended_at - told.started_at).total_seconds(), abs=0.01)
        assert frames[-1][0] == pytest.approx((len(frames) - 1) / 2, abs=0.3)
        for _, image in frames[::2]:
            assert [score for score in people(detector, image) if score >= detector.score] == []
        moved = np.abs(frames[0][1].astype(int) - frames[-1][1].astype(int)).mean()
        assert 0 < moved < 20
        with pytest.raises(InputError):
            verified(data[:5000] + b"\0" + data[5001:], run.key, "clip")


def test_who_is_found_a_moment_late_is_blurred_from_when_they_came() -> None:
    ring, image = ClipRing(_Blind(), 0.37, 10.0), _noise()
    for number, known in enumerate([[], [(40.0, 20.0, 60.0, 80.0)], [], [], []]):
        ring.see(Frame("c", number, START + number, image), list(known))
    kept = [image_of(frame.jpeg)[25:75, 42:58].std() for frame in ring.between(0, START + 99)]
    assert [round(std / image[25:75, 42:58].std(), 1) < 0.4 for std in kept] == [True, True, True, False]
    for number in range(5, 40):
        ring.see(Frame("c", number, START + number, image), [])
    assert [frame.at - START for frame in ring.between(0, START + 99)] == list(range(28, 39))


def test_a_picture_that_cannot_be_blurred_is_left_out_of_a_clip_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    finds, calls = _Blind(), 0

    def fails_once(images: Sequence[Image]) -> list[Detections]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise RuntimeError("no memory")
        return finds(images)

    store = EvidenceStore(tmp_path, Evidence(clip=3.0))
    taker = EvidenceTaker(store, b"k" * 16, Address("demo", "f1", "edge-f1"), fails_once, 0.37)
    for number in range(5):
        taker.see(Frame("c", number, START + number, _noise()), [])
        wait(taker._behind)
    assert [frame.at - START for frame in taker._rings["c"].between(0, START + 99)] == [1, 2, 3]
    assert "clip of c: no memory" in caplog.text
    taker.close()


def test_a_face_is_found_before_and_not_after(detector: RememberingDetector) -> None:
    """A photograph of a player, as Debian's opencv-doc has it: the check itself must be able to fail."""
    photo = np.ascontiguousarray(np.asarray(cv2.imread(FACES), np.uint8)[30:270, 170:400])
    assert faces(photo)
    assert people(detector, photo)
    out = anonymous(photo, [], detector.detect, detector.score)
    assert faces(out) == []
    assert people(detector, out) == []


@pytest.mark.data
def test_people_of_a_real_hall_are_not_found_either(data_dir: Path, detector: RememberingDetector) -> None:
    source = str(data_dir / "video" / "pedestrian_six.mp4")
    recording = open_file("cam", source, analyse_fps=2, start=0.0, fit=None)
    frame = next(frame for frame in recording if frame.captured_at >= 62)
    recording.close()
    assert people(detector, frame.image)
    out = anonymous(frame.image, [], detector.detect, detector.score)
    assert people(detector, out) == []
    assert faces(out) == []
    assert (np.abs(out.astype(int) - frame.image.astype(int)).max(axis=2) > 24).mean() < 0.6


class _Blind:
    """Finds nobody in any picture but the first so many."""

    def __init__(self, finds: int = 0) -> None:
        self.finds = finds

    def __call__(self, images: Sequence[Image]) -> list[Detections]:
        found = []
        for image in images:
            size = image.shape[1], image.shape[0]
            self.finds -= 1
            box = np.array([[40, 20, 60, 80]] if self.finds >= 0 else [], np.float32).reshape(-1, 4)
            found.append(Detections(box, np.full(len(box), 0.9, np.float32), np.zeros(len(box), np.int64), size))
        return found


def _noise() -> Image:
    return np.asarray(np.random.default_rng(3).integers(0, 255, (120, 200, 3)), np.uint8)


def test_who_is_followed_and_was_missed_is_blurred_too() -> None:
    image = _noise()
    out = anonymous(image, [(40, 20, 60, 80)], _Blind(), 0.37)
    assert out[15:80, 40:60].std() < 0.3 * image[15:80, 40:60].std()
    assert np.array_equal(out[:, 80:], image[:, 80:])
    assert np.array_equal(anonymous(image, [], _Blind(), 0.37), image)


def test_what_is_found_to_the_end_blurs_all() -> None:
    out = anonymous(_noise(), [], _Blind(finds=1000), 0.37)
    assert out.std() < 0.2 * _noise().std()


def test_where_two_overlap_the_larger_blocks_hold() -> None:
    image = _noise()
    near, far = (20.0, 0.0, 100.0, 120.0), (50.0, 10.0, 60.0, 40.0)
    together = blurred(image, [near, far])
    assert np.array_equal(together[0:100, 25:95], blurred(image, [near])[0:100, 25:95])
    assert np.array_equal(blurred(image, [far, near]), together)
    outside = blurred(image, [(-500.0, -500.0, -400.0, -400.0), (900.0, 20.0, 950.0, 60.0)])
    assert np.array_equal(outside, image)


SEAL = Seal("e", "clerk_absent", "window/w1", "warning", "2026-01-05T01:00:00Z", "demo", "f1", "n", "c1", "2026-01-05")


def test_any_change_is_found(run: Run) -> None:
    data, key = run.picture(run.raised[0]), run.key
    assert verified(data, key, "picture").event_id == run.raised[0].event_id
    image_of(data)
    rng = random.Random(7)
    for place in [*range(0, 700, 3), *(rng.randrange(len(data)) for _ in range(200)), len(data) - 1]:
        changed = data[:place] + bytes([data[place] ^ (1 << rng.randrange(8))]) + data[place + 1 :]
        with pytest.raises(InputError, match=r"signature is wrong|no seal"):
            verified(changed, key, "picture")
    other = next(run.picture(event) for event in run.raised if run.picture(event)[500:] != data[500:])
    for wrong in (data[:-1], data + b"x", b"", b"\xff\xd8\xff\xfe", data[: len(data) - 500] + other[-500:]):
        with pytest.raises(InputError):
            verified(wrong, key, "picture")
    with pytest.raises(InputError, match="another key"):
        verified(data, key[::-1], "picture")
    again = sealed(b"\xff\xd8\xff\xd9", SEAL, key)
    forged = again.replace(
        b'"rule":"clerk_absent"', b'"rule":"overtime_case"'.replace(b"overtime_case", b"clerk_abcent")
    )
    assert verified(again, key, "x") == SEAL
    with pytest.raises(InputError, match="signature"):
        verified(forged, key, "x")


def test_the_command_says_what_a_picture_shows_and_when_it_was_changed(run: Run, tmp_path: Path) -> None:
    event = run.raised[0]
    path = run.data / "evidence" / str(event.snapshot)
    shown = call("evidence", "verify", path)
    assert shown.returncode == 0
    assert f"unchanged. {event.rule} at {event.subject} of demo/f1" in shown.stdout
    copy = tmp_path / "copy.jpg"
    copy.write_bytes(path.read_bytes()[:-1] + b"\0")
    wrong = call("evidence", "verify", copy, "--key-file", run.data / "evidence.key")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "copy.jpg: the signature is wrong" in wrong.stderr
    assert "evidence.key: No such file" in call("evidence", "verify", copy).stderr


def test_what_is_too_old_or_too_much_goes_the_oldest_first(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path / "evidence", Evidence(keep_days=2, quota_mb=0.05))
    assert store.expire(START) == 0
    clock = ManualClock(START)
    for number in range(8):
        store.put(f"{number}.jpg", bytes(10_000), clock.now())
        clock.advance(3600)
    # The fifth fills the quota.
    assert sorted(path.name for path in (tmp_path / "evidence").iterdir()) == [f"{n}.jpg" for n in range(3, 8)]
    clock.advance(2 * 86400 - 4 * 3600 - 1)
    assert store.expire(clock.now()) == 1
    clock.advance(86400)
    assert store.expire(clock.now()) == 4
    assert list((tmp_path / "evidence").iterdir()) == []


def test_what_is_no_false_alarm_any_more_goes_in_time_again(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path / "evidence", Evidence(keep_days=2))
    taker = EvidenceTaker(store, b"k" * 16, Address("demo", "f1", "edge-f1"), _Blind(), 0.37)
    events = [event_id("demo", "window/w01", "clerk_absent", START + number) for number in range(3)]
    for event in events:
        store.put(f"{event}.jpg", b"sealed", START)
        store.put(f"{event}.mp4", b"sealed", START)
    taker.label(LabelTable([EventLabel(event, "false_alarm") for event in events]))
    # Of the third nothing more is said: there are many labels, and the table has the newest only.
    for _ in range(2):  # a retained table comes again
        taker.label(LabelTable([EventLabel(events[1], "false_alarm")], [events[0]]))
    kept = {f"{event}{ending}" for event in events[1:] for ending in (".jpg", ".mp4")}
    assert _names(tmp_path / "evidence") == {f"{events[0]}.jpg", f"{events[0]}.mp4"}
    assert _names(tmp_path / KEPT_FOLDER) == kept
    taker.tick(START + 3 * 86_400)
    assert _names(tmp_path / "evidence") == set()
    assert _names(tmp_path / KEPT_FOLDER) == kept
    taker.close()


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_key_of_its_own_is_made_once(tmp_path: Path) -> None:
    key = evidence_key(tmp_path, {})
    assert len(key) == 64
    assert evidence_key(tmp_path, {}) == key
    assert (tmp_path / "evidence.key").stat().st_mode & 0o777 == 0o600
    assert evidence_key(tmp_path, {"HALLWATCH_EVIDENCE_KEY": "k" * 16}) == b"k" * 16
    with pytest.raises(InputError, match="found 3 characters; expected 16 at least"):
        evidence_key(tmp_path, {"HALLWATCH_EVIDENCE_KEY": "abc"})


def test_a_disk_that_is_full_costs_the_picture_and_not_the_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    _, hall = clip_hall(tmp_path, **LIMITS)
    address, store = Address("demo", "f1", "edge-f1"), EvidenceStore(tmp_path / "evidence", Evidence())
    taker = EvidenceTaker(store, b"k" * 16, address, _Blind(), 0.37)
    taker.see(Frame("cam1", 0, START, _noise()), [])
    began = to_datetime(START)
    event = EventBody("e", "clerk_absent", "window/w01", "raised", "warning", began, 4.0, 0.0, 4.0)
    monkeypatch.setattr("edge.evidence.write_whole", full)
    emitted = [Emitted(START, event)]
    assert taker.taken(emitted, hall.floors[0]) == emitted
    assert taker.taken(emitted, hall.floors[0]) == emitted
    assert caplog.text.count("No space left on device; the event goes on without it") == 1
    monkeypatch.undo()
    assert taker.taken(emitted, hall.floors[0])[0].body == msgspec.structs.replace(event, snapshot="e.jpg")
    # A picture from long before, or of a camera at fault, shows something else; and they may be switched off.
    assert taker.taken([Emitted(START + 60, event)], hall.floors[0])[0].body == event
    fault = msgspec.structs.replace(event, rule="camera_fault", subject="camera/cam1")
    assert taker.taken([Emitted(START, fault)], hall.floors[0])[0].body == fault
    store.settings = Evidence(snapshots=False)
    assert taker.taken(emitted, hall.floors[0]) == emitted

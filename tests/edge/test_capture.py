"""Recordings: which frames are taken, when they were, and what is said of files that are not what they should be."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import av
import pytest

from edge.capture import Recording, Sampler, open_file
from edge.media import (
    IncompleteSourceError,
    Size,
    SourceInfo,
    Timeline,
    shrink_to,
)
from hall.errors import SourceError
from tests.support.videos import encode, index_of
from vision.types import Frame

START = 1_767_600_000.0


def read_all(recording: Recording) -> tuple[list[Frame], SourceError | None]:
    """Every frame, and the error at the end if there is one."""
    frames: list[Frame] = []
    try:
        for frame in recording:
            frames.append(frame)  # noqa: PERF402 - what came before an error is kept
    except SourceError as exc:
        return frames, exc
    return frames, None


# ---- which frames, and when


@pytest.mark.parametrize(
    ("analyse_fps", "count"),
    [
        (5.0, 150),  # 12 pictures a second are no multiple of 5: two or three apart, yet no drift in 30 s
        (2.0, 60),  # every sixth
    ],
)
def test_the_clip_is_sampled_by_its_own_time(clips: Path, analyse_fps: float, count: int) -> None:
    recording = open_file("c1", clips / "cam1.mp4", analyse_fps=analyse_fps, start=START, fit=(640, 640))
    frames = list(recording)
    assert [frame.seq for frame in frames] == list(range(count))
    assert {frame.camera_id for frame in frames} == {"c1"}
    assert {frame.size_px for frame in frames} == {(640, 360)}
    assert frames[0].captured_at == START
    off_s = [frame.captured_at - START - k / analyse_fps for k, frame in enumerate(frames)]
    assert max(map(abs, off_s)) <= 0.5 / 12 + 1e-6
    assert recording.skipped == 0
    assert recording.info == SourceInfo((1280, 720), 12.0, 30.0, "h264", recorded=True)
    assert recording.busy_s > 0


@pytest.mark.parametrize("b_frames", [0, 3])
@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts"])
def test_each_frame_has_the_time_of_its_picture(tmp_path: Path, ending: str, b_frames: int) -> None:
    video = encode(tmp_path / f"v.{ending}", count=30, fps=10, b_frames=b_frames, gop=15)
    frames = list(open_file("c1", video, analyse_fps=5, start=START))
    seen = [(index_of(frame.image), round(frame.captured_at - START, 3)) for frame in frames]
    assert seen == [(2 * k, round(0.2 * k, 3)) for k in range(15)]


def test_a_video_slower_than_asked_gives_every_picture(tmp_path: Path) -> None:
    video = encode(tmp_path / "v.mp4", count=20, fps=4)
    frames = list(open_file("c1", video, analyse_fps=5, start=0.0))
    assert [index_of(frame.image) for frame in frames] == list(range(20))
    assert frames[-1].captured_at == pytest.approx(19 / 4)


def test_a_hole_in_the_recording_is_a_hole_in_time(tmp_path: Path) -> None:
    """A recorder that stops while nothing moves: no burst of frames afterwards to make up for it."""
    times_s = [k / 10 for k in range(10)] + [6 + k / 10 for k in range(10)]
    video = encode(tmp_path / "v.mp4", count=20, times_s=times_s)
    frames = list(open_file("c1", video, analyse_fps=2, start=0.0))
    assert [round(frame.captured_at, 1) for frame in frames] == [0.0, 0.5, 6.0, 6.5]


@pytest.mark.parametrize(
    ("fps", "source_fps", "times_s", "taken"),
    [
        # every second picture of ten
        (5, 10, [0, 0.1, 0.2, 0.3, 0.4], [0, 0.2, 0.4]),
        # nearest to the schedule: 0.25 lies between 0.2 and 0.3, and 0.2 comes first
        (4, 10, [0, 0.1, 0.2, 0.3, 0.4, 0.5], [0, 0.2, 0.5]),
        # jitter of arrival does not push the schedule on
        (1, 10, [0, 0.9, 1.04, 1.9, 1.97, 2.1, 2.98], [0, 1.04, 1.97, 2.98]),
        # a burst after a stall: one, not five
        (5, 10, [0, 3.0, 3.01, 3.02, 3.03, 3.2], [0, 3.0, 3.2]),
        # rate unknown: never early
        (2, None, [0, 0.49, 0.5, 0.99, 1.0], [0, 0.5, 1.0]),
        # the same time twice is one picture
        (10, 10, [0, 0, 0.1, 0.1], [0, 0.1]),
        # a source that claims one picture a second and has ten
        (5, 1, [0, 0.1, 0.2, 0.3, 0.4, 0.5], [0, 0.1, 0.3, 0.5]),
    ],
)
def test_sampler(fps: float, source_fps: float | None, times_s: list[float], taken: list[float]) -> None:
    sampler = Sampler(fps, source_fps)
    assert [time_s for time_s in times_s if sampler.take(time_s)] == taken


def test_sampler_keeps_its_rate_for_days() -> None:
    sampler = Sampler(2, 12)
    first = 3 * 86400 * 12
    assert sampler.take(first / 12)
    assert sum(sampler.take(k / 12) for k in range(first + 1, first + 12 * 600)) == 2 * 600 - 1


@pytest.mark.parametrize(
    ("stamps_s", "placed_s"),
    [
        # the first picture is the origin
        ([7.0, 7.1, 7.2], [0, 0.1, 0.2]),
        # no stamps at all: by the rate
        ([None, None, None], [0, 0.1, 0.2]),
        # one missing
        ([7.0, None, 7.2], [0, 0.1, 0.2]),
        # stamps that only begin later
        ([None, 50.0, 50.1], [0, 0.1, 0.2]),
        # a small step back is a repeated picture
        ([7.0, 7.1, 7.05, 7.2], [0, 0.1, 0.1, 0.2]),
        # a large one is a new beginning
        ([7.0, 9.0, 0.0, 0.1], [0, 2.0, 2.1, 2.2]),
    ],
)
def test_timeline(stamps_s: list[float | None], placed_s: list[float]) -> None:
    timeline = Timeline(0.1)
    assert [timeline.place(stamp_s) for stamp_s in stamps_s] == pytest.approx(placed_s)


def test_a_stream_without_times_is_played_at_its_rate(tmp_path: Path) -> None:
    video = encode(tmp_path / "v.h264", count=30, fps=25)
    frames = list(open_file("c1", video, analyse_fps=5, start=0.0))
    assert [round(frame.captured_at, 3) for frame in frames] == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]


def test_joined_recordings_go_on_with_a_new_size(tmp_path: Path) -> None:
    """The camera was switched to its main stream: times start over, and the pictures are larger."""
    first = encode(tmp_path / "a.ts", count=30)
    second = encode(tmp_path / "b.ts", count=20, size_px=(320, 240))
    joined = tmp_path / "joined.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    frames = list(open_file("c1", joined, analyse_fps=10, start=0.0, fit=(200, 200)))
    assert [round(frame.captured_at, 3) for frame in frames] == [round(k / 10, 3) for k in range(50)]
    assert [frame.size_px for frame in frames] == [(160, 96)] * 30 + [(200, 150)] * 20


@pytest.mark.parametrize(
    ("size_px", "fit", "result"),
    [
        ((1280, 720), None, (1280, 720)),  # as it is
        ((1280, 720), (640, 640), (640, 360)),  # width decides
        ((720, 1280), (640, 640), (360, 640)),  # height decides
        ((320, 180), (640, 640), (320, 180)),  # never larger
        ((4000, 2), (400, 400), (400, 1)),  # never nothing
    ],
)
def test_shrink_to(size_px: Size, fit: Size | None, result: Size) -> None:
    assert shrink_to(size_px, fit) == result


def test_a_phone_held_upright_is_shown_upright(tmp_path: Path) -> None:
    video = encode(tmp_path / "v.mp4", count=5, size_px=(160, 96))
    data = bytearray(video.read_bytes())
    # The matrix in the track header: turn by 90 degrees clockwise when shown.
    matrix = data.index(b"tkhd") + 4 + 40
    one = 1 << 16
    data[matrix : matrix + 36] = struct.pack(">9i", 0, one, 0, -one, 0, 0, 96 * one, 0, 1 << 30)
    video.write_bytes(data)
    frame = next(open_file("c1", video, analyse_fps=5, start=0.0, fit=(60, 80)))
    assert frame.size_px == (48, 80)
    assert frame.image.flags.c_contiguous
    bright = frame.image[:15, -8:].mean(), frame.image[:15, :8].mean()
    assert bright[0] > 200 > bright[1], "the mark was in the upper left corner, now it is upper right"


# ---- files that are not what they should be


def cut(video: Path, share: float) -> Path:
    """The first part of a file's bytes."""
    data = video.read_bytes()
    part = video.with_name(f"cut_{video.name}")
    part.write_bytes(data[: int(len(data) * share)])
    return part


def audio_only(folder: Path) -> Path:
    """A sound recording in a container for video."""
    sound, video = folder / "s.wav", folder / "sound.mkv"
    with wave.open(str(sound), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(bytes(16000))
    with av.open(str(sound)) as source, av.open(str(video), "w") as target:
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return video


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone\.mp4: found no such file; expected the path of a video"):
        open_file("c1", tmp_path / "gone.mp4", analyse_fps=5, start=0.0)


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="found something that is no file"):
        open_file("c1", tmp_path, analyse_fps=5, start=0.0)


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "v.mp4").touch()
    with pytest.raises(SourceError, match=r"v\.mp4: found an empty file \(0 bytes\); expected a whole video"):
        open_file("c1", tmp_path / "v.mp4", analyse_fps=5, start=0.0)


@pytest.mark.parametrize("name", ["notes.txt", "notes.mp4"])
def test_a_text_file(tmp_path: Path, name: str) -> None:
    """By its ending alone libav takes .txt for ANSI art and renders it."""
    (tmp_path / name).write_text("no video at all\n" * 100)
    with pytest.raises(SourceError, match=f"{name}: found no video that can be read"):
        open_file("c1", tmp_path / name, analyse_fps=5, start=0.0)


def test_a_playlist_opens_no_other_file(tmp_path: Path) -> None:
    encode(tmp_path / "v.ts", count=10)
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\nv.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(SourceError, match="found no video that can be read"):
        open_file("c1", tmp_path / "list.m3u8", analyse_fps=5, start=0.0)


def test_sound_only(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"sound\.mkv: found no picture track \(only audio\)"):
        open_file("c1", audio_only(tmp_path), analyse_fps=5, start=0.0)


@pytest.mark.parametrize(
    ("share", "found"),
    [
        (0.3, "no video that can be read"),  # nothing of the index is there
        (0.9, "a picture track whose codec is not known"),  # half of the index is there
    ],
)
def test_a_recording_without_its_index(tmp_path: Path, share: float, found: str) -> None:
    """The recorder lost power: an mp4 has its index at the end, so nothing of it can be opened."""
    video = cut(encode(tmp_path / "v.mp4", count=30), share)
    with pytest.raises(SourceError, match=f"found {found}; .* cut off has no index"):
        open_file("c1", video, analyse_fps=5, start=0.0)


def test_half_of_the_clip(tmp_path: Path, clips: Path) -> None:
    """The index stands in front: every picture that is there comes, then the error says what is missing."""
    data = (clips / "cam1.mp4").read_bytes()
    video = tmp_path / "half.mp4"
    video.write_bytes(data[: len(data) // 2])
    recording = open_file("c1", video, analyse_fps=5, start=0.0, fit=(320, 320))
    frames, error = read_all(recording)
    assert isinstance(error, IncompleteSourceError)
    assert str(error).startswith(f"{video}: found pictures up to second 12.8 of 30.0 s (")
    assert error.read_s == pytest.approx(12.75, abs=0.1)
    assert error.promised_s == 30.0
    assert len(frames) == 64
    assert frames[-1].captured_at == pytest.approx(12.6, abs=0.1)


def test_half_of_a_matroska_file(tmp_path: Path) -> None:
    frames, error = read_all(open_file("c1", cut(encode(tmp_path / "v.mkv", count=50), 0.5), analyse_fps=5, start=0.0))
    assert isinstance(error, IncompleteSourceError)
    assert 5 < len(frames) < 20
    assert error.promised_s == pytest.approx(5.0, abs=0.1)
    assert error.read_s == pytest.approx(frames[-1].captured_at, abs=0.25)


def test_a_last_picture_that_stands_long_is_no_damage(tmp_path: Path) -> None:
    """Screen recordings: the last picture lasts until the end."""
    video, longer = encode(tmp_path / "v.mp4", count=10), tmp_path / "longer.mp4"
    with av.open(str(video)) as source, av.open(str(longer), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        packets = [packet for packet in source.demux(video=0) if packet.size]
        assert packets[-1].duration is not None
        packets[-1].duration *= 80
        for packet in packets:
            packet.stream = stream
            target.mux(packet)
    recording = open_file("c1", longer, analyse_fps=5, start=0.0)
    assert recording.info.duration_s == pytest.approx(8.9)
    frames, error = read_all(recording)
    assert error is None
    assert frames[-1].captured_at == pytest.approx(0.8)


def test_damage_in_the_middle_is_left_out_and_counted(tmp_path: Path) -> None:
    video = encode(tmp_path / "v.mp4", count=50, gop=5)
    with av.open(str(video)) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    data = bytearray(video.read_bytes())
    for position, size in packets[20:23]:
        assert position is not None
        data[position : position + size] = bytes(b ^ 0x5A for b in data[position : position + size])
    video.write_bytes(data)
    recording = open_file("c1", video, analyse_fps=10, start=0.0)
    frames, error = read_all(recording)
    assert error is None
    assert recording.skipped == 3
    indices = [index_of(frame.image) for frame in frames]
    assert indices[:20] == list(range(20))
    assert indices[-25:] == list(range(25, 50)), "from the next key frame on everything is there again"
    assert frames[-1].captured_at == pytest.approx(4.9)


def test_nothing_but_damage(tmp_path: Path) -> None:
    video = encode(tmp_path / "v.mp4", count=10)
    data = bytearray(video.read_bytes())
    begin = data.index(b"mdat") + 4
    end = data.index(b"moov") - 4
    data[begin:end] = b"\x5a" * (end - begin)
    video.write_bytes(data)
    with pytest.raises(SourceError, match="found no picture in 10 packets of video"):
        list(open_file("c1", video, analyse_fps=10, start=0.0))


def test_a_closed_recording_gives_no_frames(tmp_path: Path) -> None:
    video = encode(tmp_path / "v.mp4", count=10)
    with open_file("c1", video, analyse_fps=10, start=0.0) as recording:
        next(recording)
    assert list(recording) == []


def test_a_stream_that_changes_its_size_goes_on(tmp_path: Path) -> None:
    """A camera that is set to another size while it is watched: each picture is shrunk by what it is."""
    large = encode(tmp_path / "a.h264", count=10, size_px=(320, 192))
    small = encode(tmp_path / "b.h264", count=10, size_px=(160, 128))
    both = tmp_path / "both.h264"
    both.write_bytes(large.read_bytes() + small.read_bytes())

    def half(size_px: tuple[int, int]) -> tuple[int, int]:
        return size_px[0] // 2, size_px[1] // 2

    with open_file("c1", both, analyse_fps=50, start=0.0, fit=half) as recording:
        frames = list(recording)
        assert recording.info.size_px == (160, 128)
    assert [frame.size_px for frame in frames] == [(160, 96)] * 10 + [(80, 64)] * 10

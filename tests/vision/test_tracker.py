"""The tracker: who is who from frame to frame, in seconds and not in frames."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from vision.tracker import Tracker, TrackerSettings
from vision.types import TENTATIVE, Detections, Tracks

SIZE = (1280, 720)
Box = tuple[float, float, float, float]


def person(x: float, foot: float = 500.0, height: float = 200.0) -> Box:
    """A standing person by foot point."""
    return x - height / 5, foot - height, x + height / 5, foot


def found(*boxes: Box, scores: tuple[float, ...] = (), size: tuple[int, int] = SIZE) -> Detections:
    count = len(boxes)
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(scores or (0.8,) * count, np.float32),
        np.zeros(count, np.int64),
        size,
    )


def play(
    scene: Callable[[float], Detections], fps: float, until: float, tracker: Tracker | None = None
) -> list[Tracks]:
    tracker = tracker or Tracker()
    return [tracker.update(i / fps, scene(i / fps)) for i in range(round(until * fps) + 1)]


def id_at(tracks: Tracks, x: float) -> int:
    """Id of the person whose box has its middle nearest to x."""
    middle = (tracks.boxes_px[:, 0] + tracks.boxes_px[:, 2]) / 2
    return int(tracks.ids[np.abs(middle - x).argmin()])


def test_seen_once_is_tentative() -> None:
    """A mistake of the detector in one frame is nobody; the second sight makes a person."""
    tracker = Tracker()
    assert tracker.update(0.0, found(person(300))).ids.tolist() == [TENTATIVE]
    assert tracker.update(0.2, found()).ids.tolist() == []
    assert tracker.update(2.0, found(person(300))).ids.tolist() == [TENTATIVE]
    assert tracker.update(2.2, found(person(300))).ids.tolist() == [1]


def test_two_people_cross() -> None:
    """They walk through each other's picture at 1 m/s, one a bit nearer, and keep their ids."""

    def scene(t: float) -> Detections:
        return found(person(300 + 110 * t), person(900 - 110 * t, foot=530, height=210))

    frames = play(scene, 5, 5.4)
    assert id_at(frames[2], 300) == id_at(frames[-1], 900) == 1
    assert id_at(frames[2], 900) == id_at(frames[-1], 300) == 2


@pytest.mark.parametrize("speed_px_s", [60, 120, 180])
def test_walkers_at_two_frames_a_second(speed_px_s: float) -> None:
    """180 px/s at 200 px height are 1.5 m/s: more than a box width between two frames."""
    frames = play(lambda t: found(person(100 + speed_px_s * t)), 2, 5)
    assert [tracks.ids.tolist() for tracks in frames[1:]] == [[1]] * 10


@pytest.mark.parametrize("fps", [2.0, 5.0, 10.0, 25.0])
def test_time_is_seconds(fps: float) -> None:
    """The same scene at any rate gives the same people: two who pass, one who is hidden for two seconds."""

    def scene(t: float) -> Detections:
        boxes = [person(200 + 80 * t), person(800 - 60 * t, foot=420, height=150)]
        return found(*boxes, *([person(1100, foot=600)] if not 3 < t < 5 else []))

    frames = play(scene, fps, 7)
    assert max(tracks.ids.max(initial=0) for tracks in frames) == 3
    assert id_at(frames[-1], 760) == id_at(frames[int(fps) * 2], 360)
    assert id_at(frames[-1], 1100) == id_at(frames[int(fps) * 2], 1100)


def test_hidden_for_too_long_is_somebody_else() -> None:
    frames = play(lambda t: found(*([person(300)] if not 2 < t < 5 else [])), 5, 7)
    assert (frames[5].ids.tolist(), frames[-1].ids.tolist()) == ([1], [2])


def test_unsure_detections_continue_a_track() -> None:
    """A clerk bends over a phone: scores fall below the threshold for a minute."""
    frames = play(lambda t: found(person(300), scores=(0.6 if t < 1 else 0.25,)), 5, 60)
    assert [tracks.ids.tolist() for tracks in frames[1:]] == [[1]] * 300


def test_unsure_detections_start_nothing() -> None:
    """A coat on a chair scores 0.3 all day."""
    assert not any(len(tracks) for tracks in play(lambda _: found(person(300), scores=(0.3,)), 5, 20))


def test_unsure_detections_do_not_confirm() -> None:
    frames = play(lambda t: found(person(300), scores=(0.5 if t == 0 else 0.3,)), 5, 3)
    assert [tracks.ids.tolist() for tracks in frames[:3]] == [[TENTATIVE], [], []]


def test_an_empty_chair_is_not_who_left_it() -> None:
    """She stands up and walks off; half a second later the chair scores 0.3, where she was."""

    def scene(t: float) -> Detections:
        seat: Box = (654, 347, 753, 562)
        if t < 4:
            return found(seat, scores=(0.6,))
        walker = person(900 + 60 * (t - 4), foot=566, height=250)
        chair: Box = (630, 365, 745, 565)
        return found(walker, *([chair] if t > 4.5 else []), scores=(0.7, 0.3)[: 1 + (t > 4.5)])

    frames = play(scene, 5, 7)
    assert [len(tracks) for tracks in frames[-10:]] == [1] * 10


def test_a_double_box_is_no_second_person() -> None:
    """Two boxes on one person share less than half, so suppression leaves both: one track."""

    def scene(t: float) -> Detections:
        jitter = 3 * (round(t * 5) % 2)
        return found((549, 300, 682, 514), (572, 335 + jitter, 729, 567), scores=(0.48, 0.46))

    assert {tuple(tracks.ids.tolist()) for tracks in play(scene, 5, 10)[1:]} == {(1,)}


def test_a_part_and_the_whole_are_somebody() -> None:
    """The upper half is a bit surer than the whole box, all the time: there is a person."""
    frames = play(lambda _: found((549, 300, 682, 614), (560, 302, 670, 450), scores=(0.5, 0.6)), 5, 5)
    assert {tuple(tracks.ids.tolist()) for tracks in frames[1:]} == {(1,)}


def test_side_by_side_they_are_two() -> None:
    """Two who walk arm in arm: boxes a shoulder apart."""
    frames = play(lambda t: found(person(300 + 60 * t), person(350 + 60 * t, foot=505)), 5, 5)
    assert {tuple(sorted(tracks.ids.tolist())) for tracks in frames[1:]} == {(1, 2)}


def test_another_resolution_is_another_picture() -> None:
    """The camera changes from 720p to 1080p: the same pixels are another place, ids go on counting."""
    tracker = Tracker()
    play(lambda _: found(person(600)), 5, 1, tracker)
    other = found(person(600), size=(1920, 1080))
    assert tracker.update(1.2, other).ids.tolist() == [TENTATIVE]
    assert tracker.update(1.4, other).ids.tolist() == [2]


def test_old_frames_change_nothing() -> None:
    tracker = Tracker()
    play(lambda _: found(person(600)), 5, 1, tracker)
    for at in (1.0, 0.5):
        assert len(tracker.update(at, found(person(100)))) == 0
    assert tracker.update(1.2, found(person(600))).ids.tolist() == [1]


def test_trackers_share_nothing() -> None:
    """Two cameras in turn: each counts its own people from 1."""
    one, two = Tracker(), Tracker()
    for i in range(5):
        a = one.update(i / 5, found(person(300 + 10 * i)))
        b = two.update(i / 5, found(person(700), person(300)))
    assert a.ids.tolist() == [1]
    assert sorted(b.ids.tolist()) == [1, 2]
    assert one.update(1.0, found()).ids.tolist() == []


def test_memory_stays_small() -> None:
    """A busy door for an hour of frames: only the people of the last seconds are kept."""
    tracker = Tracker()
    for i in range(2000):
        tracker.update(i * 1.0, found(person(100 + 37 * i % 1100)))
    assert len(tracker._tracks) < 10


def test_thresholds_follow_the_model() -> None:
    """A model whose scores count from 0.2 on: 0.25 starts a track, 0.12 continues it."""
    tracker = Tracker(TrackerSettings.for_model(0.2))
    scene: Callable[[float], Detections] = lambda t: found(person(300), scores=(0.25 if t < 1 else 0.12,))  # noqa: E731
    assert [tracks.ids.tolist() for tracks in play(scene, 5, 3, tracker)[1:]] == [[1]] * 15


def test_two_poor_pairs_are_worth_less_than_a_good_one() -> None:
    """Somebody walks off past another who stands, who keeps the id, though the two swapped would overlap, too."""
    tracker = Tracker()
    still: list[Box] = [(136, 302, 228, 542), (135, 282, 221, 547), (137, 287, 229, 548), (124, 286, 227, 551)]
    walks: list[Box] = [(236, 302, 322, 557), (237, 299, 325, 550), (243, 305, 314, 569), (196, 340, 273, 627)]
    for i, (one, other) in enumerate(zip(still, walks, strict=True)):
        tracks = tracker.update(i / 2, found(one, other, scores=(0.8, 0.6)))
    standing, walking = tracks.ids.tolist()
    after = tracker.update(2.0, found((133, 383, 222, 717), (136, 291, 252, 547), scores=(0.59, 0.81)))
    assert dict(zip(after.boxes_px[:, 1].tolist(), after.ids.tolist(), strict=True)) == {
        291.0: standing,
        383.0: walking,
    }

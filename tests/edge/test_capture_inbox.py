"""The inbox: bounded, the newest frames win, and no camera keeps the others out."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from edge.inbox import FrameInbox
from vision.types import Frame


def frame(camera_id: str, captured_at: float, seq: int = 0) -> Frame:
    return Frame(camera_id, seq, captured_at, np.zeros((2, 2, 3), np.uint8))


def names(frames: list[Frame]) -> list[tuple[str, float]]:
    return [(f.camera_id, f.captured_at) for f in frames]


def test_the_oldest_goes_and_is_counted() -> None:
    inbox = FrameInbox(depth=2)
    for k in range(5):
        inbox.put(frame("c1", float(k)))
    inbox.put(frame("c2", 0.0))
    assert len(inbox) == 3
    assert (inbox.drops("c1"), inbox.drops("c2"), inbox.drops("c3")) == (3, 0, 0)
    taken = [inbox.get(0), inbox.get(0), inbox.get(0), inbox.get(0)]
    assert names([f for f in taken if f]) == [("c2", 0.0), ("c1", 3.0), ("c1", 4.0)]
    assert taken[3] is None


def test_a_batch_has_one_frame_of_each_camera_oldest_first() -> None:
    inbox = FrameInbox()
    for camera_id, captured_at in [("c1", 3.0), ("c1", 4.0), ("c2", 1.0), ("c3", 2.0), ("c3", 5.0)]:
        inbox.put(frame(camera_id, captured_at))
    assert names(inbox.take(8, 0)) == [("c2", 1.0), ("c3", 2.0), ("c1", 3.0)]
    assert names(inbox.take(8, 0)) == [("c1", 4.0), ("c3", 5.0)]
    assert inbox.take(8, 0) == []


def test_cameras_that_are_to_be_left_wait() -> None:
    inbox = FrameInbox()
    for camera_id, captured_at in [("c1", 1.0), ("c2", 2.0), ("c3", 3.0)]:
        inbox.put(frame(camera_id, captured_at))
    assert names(inbox.take(1, 0, ["c1"])) == [("c2", 2.0)]
    assert names(inbox.take(8, 0, ["c1", "c9"])) == [("c3", 3.0)]
    assert inbox.take(8, 0, ["c1"]) == []
    assert names(inbox.take(8, 0)) == [("c1", 1.0)]


def test_a_limit_is_kept() -> None:
    inbox = FrameInbox()
    for k in range(4):
        inbox.put(frame(f"c{k}", float(k)))
    assert names(inbox.take(3, 0)) == [("c0", 0.0), ("c1", 1.0), ("c2", 2.0)]
    assert names(inbox.take(3, 0)) == [("c3", 3.0)]


def test_a_camera_that_lags_behind_keeps_nobody_out() -> None:
    """Its frames are always the oldest; the others get their turn all the same."""
    inbox = FrameInbox()
    served = []
    for k in range(6):
        inbox.put(frame("late", float(k)))
        inbox.put(frame("c2", 100.0 + k))
        got = inbox.get(0)
        assert got is not None
        served.append(got.camera_id)
    assert served == ["late", "c2", "late", "c2", "late", "c2"]


def test_take_waits_for_a_frame() -> None:
    inbox = FrameInbox()
    threading.Timer(0.05, inbox.put, [frame("c1", 1.0)]).start()
    got = inbox.get(10)
    assert got is not None
    assert got.captured_at == 1.0


def test_take_gives_up_in_time() -> None:
    assert FrameInbox().get(0.01) is None


def test_close_wakes_who_waits_and_takes_nothing_more() -> None:
    inbox = FrameInbox()
    threading.Timer(0.05, inbox.close).start()
    assert inbox.take(4, None) == []
    inbox.put(frame("c1", 1.0))
    assert len(inbox) == 0
    assert inbox.get(None) is None


def test_many_cameras_at_once_lose_and_double_nothing() -> None:
    inbox, per_camera = FrameInbox(depth=3), 200
    cameras = [f"c{k}" for k in range(4)]

    def fill(camera_id: str) -> None:
        for k in range(per_camera):
            inbox.put(frame(camera_id, float(k), seq=k))

    threads = [threading.Thread(target=fill, args=[camera_id]) for camera_id in cameras]
    for thread in threads:
        thread.start()
    seen: dict[str, list[int]] = {camera_id: [] for camera_id in cameras}
    while any(thread.is_alive() for thread in threads) or len(inbox):
        for got in inbox.take(4, 0.01):
            seen[got.camera_id].append(got.seq)
    for camera_id in cameras:
        assert seen[camera_id] == sorted(set(seen[camera_id]))
        assert len(seen[camera_id]) + inbox.drops(camera_id) == per_camera
        assert seen[camera_id][-1] == per_camera - 1, "the newest is never the one to go"


def test_depth_is_checked() -> None:
    with pytest.raises(ValueError, match="at least 1, got 0"):
        FrameInbox(depth=0)

"""The accuracy suite: what is kept, what is done again, what counts as wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from hall.errors import InputError
from twin.accuracy import SUITE, CachedDetector, Case, Store, cases, content_hash
from vision.types import Detections


class Counting:
    """A detector that finds one person whose box tells the first pixel of the image."""

    def __init__(self) -> None:
        self.asked = 0

    def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
        self.asked += len(images)
        return [
            Detections(
                np.array([[0, 0, 1, image[0, 0, 0]]], np.float32),
                np.array([0.5], np.float32),
                np.zeros(1, np.int64),
                (image.shape[1], image.shape[0]),
            )
            for image in images
        ]


def picture(value: int, *, width: int = 8) -> np.ndarray:
    return np.full((4, width, 3), value, np.uint8)


def test_a_picture_is_detected_once(tmp_path: Path) -> None:
    """Also by another process that opens the file later, and by content, size and model alone."""
    path = tmp_path / "detections.sqlite"
    first = CachedDetector(Counting(), path, model="a")
    assert [d.boxes_px[0, 3] for d in first.detect([picture(1), picture(2)])] == [1, 2]
    assert [d.boxes_px[0, 3] for d in first.detect([picture(2), picture(3)])] == [2, 3]
    first.close()
    inner = Counting()
    again = CachedDetector(inner, path, model="a")
    found = again.detect([picture(3), picture(4), picture(1)])
    assert [d.boxes_px[0, 3] for d in found] == [3, 4, 1]
    assert (found[0].size_px, str(found[0].labels.dtype), inner.asked) == ((8, 4), "int64", 1)
    assert (again.hits, again.misses) == (2, 1)
    again.detect([picture(3, width=4)])
    assert inner.asked == 2
    other = Counting()
    CachedDetector(other, path, model="b").detect([picture(3)])
    assert other.asked == 1
    again.close()


def test_a_result_counts_for_what_made_it_only(tmp_path: Path) -> None:
    store, case = Store(tmp_path), Case("quiet", 1)
    assert not store.is_done(case, "k1")
    store.done(case, "k1", [b"{}"])
    assert store.is_done(case, "k1")
    assert not store.is_done(case, "k2")
    assert not store.is_done(Case("quiet", 2), "k1")
    assert store.messages(case).read_bytes() == b"{}\n"


def test_the_key_knows_scenario_seed_rate_and_the_rest() -> None:
    base = Case("quiet", 1).key("code", "model")
    others = [Case("phones", 1), Case("quiet", 2), Case("quiet", 1, fps=5.0), Case("quiet", 1, place="tallcounter")]
    assert len({case.name for case in [Case("quiet", 1), others[-1]]}) == 2
    keys = {base, *(case.key("code", "model") for case in others), Case("quiet", 1).key("code", "another")}
    assert len(keys) == 6
    assert Case("quiet", 1).key("code", "model") == base


def test_the_code_counts_and_what_judges_does_not(tmp_path: Path) -> None:
    (tmp_path / "edge").mkdir()
    (tmp_path / "edge" / "a.py").write_text("a = 1")
    (tmp_path / "edge" / "judge.py").write_text("b = 1")
    before = content_hash(tmp_path, ["edge"], without=["edge/judge.py"])
    (tmp_path / "edge" / "judge.py").write_text("b = 2")
    assert content_hash(tmp_path, ["edge"], without=["edge/judge.py"]) == before
    (tmp_path / "edge" / "a.py").write_text("a = 2")
    assert content_hash(tmp_path, ["edge"], without=["edge/judge.py"]) != before


def test_what_judges_is_there() -> None:
    """A name that no file has would let its successor count."""
    from twin.accuracy.content import JUDGES  # noqa: PLC0415

    root = Path(__file__).resolve().parents[2]
    assert [name for name in JUDGES if not (root / name).exists()] == []


def test_the_suite_is_as_large_as_was_asked_for() -> None:
    """At least 30 scenarios of 3 to 20 simulated minutes; every kind of blindness has one."""
    every = cases([1, 2, 3])
    assert len(every) == 3 * len(SUITE) >= 30
    lengths = [case.told().duration_s for case in every]
    assert lengths == sorted(lengths, reverse=True)
    assert 180 <= min(lengths) <= max(lengths) <= 1200
    kinds = {fault.kind for case in every for fault in case.told().faults}
    assert kinds == {"dim", "frozen", "dark", "covered", "bumped", "stalled"}
    with pytest.raises(InputError, match="'nothing'"):
        cases([1], ["nothing"])

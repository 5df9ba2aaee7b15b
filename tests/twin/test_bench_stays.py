"""The bench of stays: what it does to the input is what it says, and the ledger stands it far better than tracks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from twin._rough import FPS, Outages, Rough, TrueTracker
from twin.bench_stays import _covers, _exact, bench_stays
from vision.types import TENTATIVE, Detections


def test_occlusions_are_as_long_and_as_frequent_as_said() -> None:
    outages = Outages(Rough(), 1)
    spans = [span for person in range(30) for span in outages.hidden(f"citizen-{person}") if span[0] < 3600]
    lengths = np.array([b - a for a, b in spans])
    assert (lengths.min(), lengths.max()) == (pytest.approx(6, abs=1), pytest.approx(29, abs=1))
    by_person = [outages.hidden(f"citizen-{person}") for person in range(30)]
    assert min(b[0] - a[1] for spans in by_person for a, b in pairwise(spans)) >= 10.0
    # One every three minutes, less the time in which somebody is hidden already.
    assert len(spans) / 30 == pytest.approx(3600 / 197.5, rel=0.15)


def test_ids_are_exchanged_once_a_minute() -> None:
    outages = Outages(Rough(), 1)
    switched = sum(outages.switched(f"citizen-{p}", t, t + 0.5) for p in range(30) for t in np.arange(0, 1200, 0.5))
    assert switched / 30 == pytest.approx(20, rel=0.15)


def test_a_true_tracker_takes_nobody_for_somebody_else() -> None:
    """Tentative once, then known for as long as the person is seen every so often."""
    tracker, found = TrueTracker(), []
    for k, persons in enumerate(["ab", "ab", "b", "b", "ab", "b", "b", "b", "b", "b", "b", "ab", "ab"]):
        boxes = np.array([[100, 100, 150, 250]] * len(persons), np.float32)
        seen = Detections(boxes, np.full(len(persons), 0.8, np.float32), np.zeros(len(persons), np.int64), (640, 480))
        people = tracker.follow(k / FPS, seen, list(persons))
        found.append(dict(zip(persons, people.tracks.ids.tolist(), strict=True)))
    assert [ids.get("a") for ids in found[:5]] == [TENTATIVE, 1, None, None, 1]
    assert [ids["a"] for ids in found[-2:]] == [TENTATIVE, 3]
    assert {ids["b"] for ids in found[1:]} == {2}


@pytest.mark.parametrize(
    ("span", "hidden", "seen"),
    [
        # hidden in the middle: seen from end to end
        ((10, 60), [(20, 40)], (10, 60)),
        # comes in unseen, goes unseen
        ((10, 60), [(5, 15), (50, 70)], (15, 50)),
        # hidden all the time
        ((10, 20), [(5, 30)], (10, 20)),
    ],
)
def test_what_could_be_seen_of_a_stay(
    span: tuple[float, float], hidden: list[tuple[float, float]], seen: tuple[float, float]
) -> None:
    outages = Outages(Rough(), 1)
    outages._hidden["a"] = hidden
    assert outages.visible("a", span) == seen


@pytest.mark.parametrize(
    ("claim", "covers", "exact"),
    [
        # both ends seen to the second
        ((102, 497), True, True),
        # in one piece, and ends half a minute late
        ((100, 530), True, False),
        # goes on with the next person for a minute
        ((100, 560), False, False),
        # the first eighth of it is another claim
        ((150, 500), False, False),
    ],
)
def test_what_unbroken_means(claim: tuple[float, float], covers: bool, exact: bool) -> None:
    assert (_covers(claim, (100.0, 500.0)), _exact(claim, (100.0, 500.0))) == (covers, exact)


def test_the_ledger_beside_track_dwell() -> None:
    """Twelve minutes of a full hall: most stays in one piece, hardly one by its tracks."""
    figures = bench_stays([3], duration_s=720.0)
    assert figures.stays >= 15
    for ledger, dwell in (
        (figures.ledger, figures.track_dwell),
        (figures.tracked_ledger, figures.tracked_dwell),
    ):
        assert ledger.unbroken >= 0.9
        assert ledger.exact >= 0.9
        assert ledger.unbroken >= dwell.unbroken + 0.4
        assert ledger.claimed <= 1.1 * figures.stays < 4 * figures.stays < dwell.claimed
        assert ledger.duration_error_median_s < 2.0
        assert ledger.wait_p90_error < 0.05
        assert dwell.duration_error_median_s > 60.0

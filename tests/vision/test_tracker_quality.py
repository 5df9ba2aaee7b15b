"""Our tracker on public sequences, against what ByteTrack and OC-SORT reach there; and the scores by themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.mot import Boxes, Sequence, read_sequence, score, track

PEERS = {
    # The better of roboflow trackers 2.6.1 ByteTrack and OC-SORT, as `make trackers` measures them: HOTA, IDF1.
    "TUD-Campus": (48.8, 68.0),
    "TUD-Stadtmitte": (52.8, 76.0),
    "PETS09-S2L1": (35.8, 49.5),
}


@pytest.mark.data
@pytest.mark.parametrize("name", PEERS)
def test_at_least_the_better_peer(data_dir: Path, name: str) -> None:
    sequence = read_sequence(data_dir, name)
    found = score(track(sequence)[0], sequence)
    hota, idf1 = PEERS[name]
    assert found.hota >= hota
    assert found.idf1 >= idf1


def two_people(ids: list[tuple[int, int]], shift_px: float = 0.0) -> Boxes:
    """Two boxes 100 px wide and high, far from each other, with these ids frame by frame."""
    rows = [
        [frame, track_id, 200.0 * place + shift_px, 0, 100, 100, 1]
        for frame, pair in enumerate(ids, 1)
        for place, track_id in enumerate(pair)
    ]
    return Boxes(np.array(rows, np.float64))


def scored(tracks: Boxes) -> tuple[float, float, float, int]:
    truth = two_people([(1, 2)] * 4)
    found = score(tracks, Sequence("two", 1.0, 4, (640, 480), truth, truth))
    return round(found.hota, 1), round(found.idf1, 1), round(found.mota, 1), found.switches


@pytest.mark.parametrize(
    ("tracks", "expected"),
    [
        pytest.param(two_people([(7, 5)] * 4), (100.0, 100.0, 100.0, 0), id="the truth by other names"),
        # Each id has half of each person: association 2 / (4 + 4 - 2); both switch once, 2 of 8 boxes.
        pytest.param(two_people([(1, 2)] * 2 + [(2, 1)] * 2), (57.7, 50.0, 75.0, 2), id="they swap ids half way"),
        # 60 of 140 px shared: IoU .43, so 8 of 19 thresholds hold, and none of those that count from .5 on.
        pytest.param(two_people([(1, 2)] * 4, shift_px=40), (42.1, 0.0, -100.0, 0), id="beside them"),
        # Half of the boxes, each right: the root of 1/2 x 1.
        pytest.param(Boxes(two_people([(1, 2)] * 4).rows[:-1:2]), (50.0 * 2**0.5, 66.7, 50.0, 0), id="one of two"),
    ],
)
def test_scores(tracks: Boxes, expected: tuple[float, float, float, int]) -> None:
    assert scored(tracks) == pytest.approx(expected, abs=0.05)

"""Stays: how long people are in an area, whatever happens to their tracks."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.ledger import STEP_S, Hall, at
from vision.stays import LedgerSettings, Sighting, StayLedger

DECIDES_S = LedgerSettings().decides_s


def test_somebody_comes_and_goes() -> None:
    """In by the border, a minute inside, out again: from the first to the last moment inside."""
    hall = Hall().see(2, at(1, outside_m=1.0)).see(60, at(1)).see(2, at(1, outside_m=1.0))
    assert hall.finished == [(2.0, 59.8, "left")]
    assert hall.running == []


def test_a_passer_by_is_no_stay() -> None:
    """A second and a half through the corner of the area."""
    hall = Hall().see(2, at(1, outside_m=1.0)).see(1.4, at(1)).see(5, at(1, outside_m=1.0))
    assert (hall.running, hall.finished) == ([], [])


def test_walking_along_the_border_is_no_stay() -> None:
    """A second inside, then along just beside the border: being near is not being in."""
    hall = Hall().see(2, at(1, outside_m=1.0)).see(1, at(1)).see(20, at(1, outside_m=0.2)).see(5, at(1, outside_m=1.0))
    assert (hall.running, hall.finished) == ([], [])


def test_foot_points_jitter_at_the_border() -> None:
    """Somebody in stays in while the foot point trembles over the border; leaning out is not leaving."""
    hall = Hall().see(10, at(1))
    for _ in range(60):
        hall.see(0.4, at(1, outside_m=0.1)).see(0.2, at(1))
    assert hall.running == [(0.0, 45.8)]
    hall.see(10, at(1, outside_m=0.3))
    assert hall.running == [(0.0, 55.8)]
    # Half a second outside is no leaving either.
    hall.see(0.6, at(1, outside_m=1.0)).see(10, at(1))
    assert hall.running == [(0.0, 66.4)]
    assert hall.finished == []


def test_ids_switch() -> None:
    """A new id every ten seconds at the same seat: one stay."""
    hall = Hall()
    for track in range(1, 7):
        hall.see(10, at(track, (0.05 * track, 0.0)))
    assert hall.running == [(0.0, 59.8)]
    assert hall.finished == []


def test_hidden_and_found_again() -> None:
    """Twenty seconds behind somebody who stands before the camera; found under another id, a step away."""
    hall = Hall().see(30, at(1), at(9, (5.0, 0.0))).see(20, at(9, (5.0, 0.0)))
    hall.see(0.2, at(2, (0.6, 0.0)), at(9, (5.0, 0.0)))
    assert hall.running == [(0.0, 50.0), (0.0, 50.0)]
    hall.see(9.8, at(2, (0.6, 0.0)), at(9, (5.0, 0.0)))
    assert hall.running == [(0.0, 59.8), (0.0, 59.8)]


def test_hidden_for_ever() -> None:
    """Nobody is found again: lost after three quarters of a minute, dated to the last sight."""
    hall = Hall().see(30, at(1)).see(44)
    assert hall.finished == []
    hall.see(2)
    assert hall.finished == [(0.0, 29.8, "lost")]


def test_walks_out_of_sight_at_the_border() -> None:
    """The border of the area is the door of the hall: who walks there and is gone has left."""
    hall = Hall().see(10, at(1))
    for i in range(5):
        hall.see(STEP_S, Sighting(1, 0.4 * i, 0.0, 1.0, inside=True, border_m=2.0 - 0.4 * i))
    hall.see(4)
    assert hall.running == []
    hall.see(DECIDES_S)
    assert hall.finished == [(0.0, 10.8, "left")]


def test_sits_out_of_sight_at_the_border() -> None:
    """Who sits at the border and is hidden for ten seconds has not left."""
    seat = Sighting(1, 0.0, 0.0, 1.0, inside=True, border_m=0.1)
    assert Hall().see(10, seat).see(10).see(10, seat).running == [(0.0, 29.8)]


def test_the_next_one_is_somebody_else() -> None:
    """One leaves; another, seen outside before, sits down on the same chair."""
    hall = Hall().see(20, at(1), at(2, (3.0, 0.0), outside_m=1.0))
    hall.walk(2, 1, (0.0, 0.0), (3.0, 3.0), at(2, (3.0, 0.0), outside_m=1.0)).see(2, at(1, (3, 3), outside_m=1.0))
    hall.see(20, at(2))
    assert hall.running == [(24.0, 19.8)]
    hall.see(DECIDES_S, at(2))
    assert hall.finished == [(0.0, 21.8, "left")]


def test_one_hides_as_another_walks_in() -> None:
    """Who was seen to walk in takes over nobody's stay, though it stands where somebody is hidden."""
    hall = Hall().see(20, at(1)).see(2, at(1), at(2, (1.6, 0.0), outside_m=1.0))
    hall.walk(1, 2, (1.6, 0.0), (0.3, 0.0)).see(20, at(2, (0.3, 0.0)))
    assert hall.running == [(0.0, 21.8), (22.0, 20.8)]


def test_too_far_to_be_the_same() -> None:
    """Six metres away half a second later: not the one who vanished."""
    hall = Hall().see(20, at(1)).see(0.4).see(2.4, at(2, (6.0, 0.0)))
    assert hall.running == [(0.0, 19.8), (20.4, 2.2)]


def test_a_second_box_on_one_person() -> None:
    """A shadow for a minute, in the same frames: one stay."""
    hall = Hall().see(60, at(1), at(2, (0.3, 0.3), shadowed=True))
    assert hall.running == [(0.0, 59.8)]


def test_a_box_upon_somebody_with_a_stay() -> None:
    """Neither box is much surer and the second never came in: for a minute it starts nothing."""
    hall = Hall().see(5, at(1)).see(60, at(1, upon=2), at(2, (0.2, 0.3), upon=1))
    assert hall.running == [(0.0, 64.8)]


def test_jitter_over_the_border_is_no_coming_in() -> None:
    """The second box of somebody at the border is outside by a hand's breadth in its first frames."""
    hall = Hall().see(5, at(1)).see(1, at(1, upon=2), at(2, (0.2, 0.3), outside_m=0.1, upon=1))
    hall.see(30, at(1, upon=2), at(2, (0.2, 0.3), upon=1))
    assert [start for start, _ in hall.running] == [0.0]


def test_a_box_that_seldom_stands_by_itself() -> None:
    """A chair beside somebody: a shadow in two frames of three."""
    hall = Hall()
    for _ in range(60):
        hall.see(0.4, at(1), at(2, (0.6, 0.3), shadowed=True)).see(0.2, at(1), at(2, (0.6, 0.3)))
    assert hall.running == [(0.0, 35.8)]


def test_boxes_that_shadow_each_other_in_turn() -> None:
    """Two boxes of one person, now one surer, now the other: the older stay is the person."""
    hall = Hall().see(5, at(1))
    for _ in range(30):
        hall.see(1, at(1, upon=2), at(2, (0.2, 0.3), upon=1, shadowed=True))
        hall.see(1, at(1, upon=2, shadowed=True), at(2, (0.2, 0.3), upon=1))
    assert [start for start, _ in hall.running] == [0.0]


def test_two_people_who_stand_close() -> None:
    """The second walked up in plain sight: two stays, though their boxes share half."""
    hall = Hall().see(10, at(1), at(2, (2.0, 0.0), outside_m=1.0)).see(30, at(1, upon=2), at(2, (0.5, 0.0), upon=1))
    assert [start for start, _ in hall.running] == [0.0, 10.0]


def test_a_track_goes_over_to_the_chair_beside() -> None:
    """The track of somebody slips to a second box and stays there, shadowed; the person gets a new track.

    No new stay, and when the chair's box ends the person is still there.
    """
    hall = Hall().see(10, at(1))
    hall.see(0.4, at(1, (0.5, 0.5)), at(2, (0.0, 0.1)))
    hall.see(20, at(1, (0.5, 0.5), shadowed=True), at(2, (0.0, 0.1)))
    assert hall.running == [(0.0, 30.2)]
    hall.see(20, at(2, (0.0, 0.1)))
    assert hall.running == [(0.0, 50.2)]


def test_a_shadow_is_let_go_at_once() -> None:
    """The box that was followed is a shadow by now: the clear one beside it is the person."""
    hall = Hall().see(10, at(1)).see(0.2, at(1, (0.5, 0.5), shadowed=True), at(2, (0.0, 0.1)))
    assert [(stay.number, stay.x, stay.y) for stay in hall.ledger.stays] == [(0, 0.0, 0.1)]


def test_unknown_time_is_no_waiting_time() -> None:
    """A minute without frames: the stay goes on, and knows what it did not see."""
    hall = Hall().see(30, at(1)).blind(60).see(1).see(29, at(5, (0.2, 0.0)))
    (stay,) = hall.ledger.stays
    assert stay.started_at == hall.start
    assert stay.unknown_s == pytest.approx(60.2, abs=0.01)
    assert hall.running == [(0.0, 59.6)]


def test_gone_while_nobody_looked() -> None:
    """After the gap the seat is empty: lost, and the gap is none of the stay."""
    hall = Hall().see(30, at(1), at(9, (6.0, 0.0))).blind(60).see(60, at(9, (6.0, 0.0)))
    assert (0.0, 29.8, "lost") in hall.finished
    assert len(hall.running) == 1
    (gone,) = [f.stay for f in hall.ended]
    assert (round(gone.until - hall.start, 1), gone.unknown_s) == (29.8, 0.0)


def test_restart() -> None:
    """Down for five seconds: stays go on under new ids; the outage is unknown, short as it is."""
    hall = Hall().see(30, at(1), at(2, (3.0, 0.0))).restart(5.0).see(10, at(1, (3.1, 0.0)), at(2, (0.1, 0.0)))
    assert hall.running == [(0.0, 39.6), (0.0, 39.6)]
    assert [round(stay.unknown_s, 1) for stay in hall.ledger.stays] == [5.2, 5.2]


def test_a_hidden_person_survives_a_restart() -> None:
    """Right after a start nobody knows how many heads there are."""
    hall = Hall().see(40, at(1), at(2, (3.0, 0.0))).restart(5.0)
    hall.see(8, at(1), at(3, (9.0, 0.0))).see(10, at(1), at(3, (9.0, 0.0)), at(2, (3.0, 0.0)))
    assert [start for start, _ in hall.running] == [0.0, 0.0, 45.0]


def test_no_more_stays_than_heads() -> None:
    """An id that leaps across the area leaves a hidden stay behind; where one head is seen it goes."""
    hall = Hall().see(60, at(1)).see(10, at(2, (8.0, 0.0)))
    assert [start for start, _ in hall.running] == [60.0]
    assert [how for *_, how in hall.finished] == ["lost"]


def test_old_frames_change_nothing() -> None:
    hall = Hall().see(10, at(1))
    before = msgspec.json.encode(hall.ledger.state)
    for back in (0.2, 3.0):
        assert hall.ledger.step(hall.now - back, [at(7, (5.0, 0.0))]) == []
    assert msgspec.json.encode(hall.ledger.state) == before


def test_memory_stays_small() -> None:
    """A busy corridor beside the area: hundreds of tracks that never come in."""
    hall = Hall()
    for track in range(200):
        hall.see(STEP_S, at(track, outside_m=2.0))
    assert len(hall.ledger.state.pieces) <= 100
    assert len(msgspec.json.encode(hall.ledger.state)) < 100_000


def test_stays_are_numbered() -> None:
    """Two who were there in the first frame differ, also after a restart."""
    hall = Hall().see(5, at(1), at(2, (3.0, 0.0))).restart(1.0).see(5, at(1), at(2, (3.0, 0.0)), at(3, (6.0, 0.0)))
    assert [stay.number for stay in hall.ledger.stays] == [0, 1, 2]


@pytest.mark.parametrize("apart_m", [0.45, 0.6, 1.0])
def test_neighbours_exchange_their_ids(apart_m: float) -> None:
    """Two on adjacent chairs, every ten seconds under each other's id: who is in a place is not what the id says."""
    hall = Hall().see(10, at(1), at(2, (apart_m, 0.0)))
    for _ in range(3):
        hall.see(10, at(2), at(1, (apart_m, 0.0))).see(10, at(1), at(2, (apart_m, 0.0)))
    hall.see(60, at(1))
    assert hall.running == [(0.0, 129.8)]
    assert hall.finished == [(0.0, 69.8, "lost")]


def test_neighbours_flicker() -> None:
    """Two side by side, now this one not found, now that one, and each time found again under a new id."""
    hall, track = Hall(), 1
    for _ in range(20):
        hall.see(3, at(track), at(track + 1, (0.6, 0.0))).see(2, at(track + 1, (0.6, 0.0)))
        hall.see(3, at(track + 2), at(track + 1, (0.6, 0.0))).see(2, at(track + 2))
        track += 4
    assert [start for start, _ in hall.running] == [0.0, 0.0]
    assert hall.finished == []


def test_an_id_goes_off_with_a_passer_by() -> None:
    """Somebody who walked in passes a sitter who is not found for a moment, and takes the id along and out."""
    hall = Hall().see(20, at(1), at(9, (-2.0, 0.5), outside_m=1.0))
    hall.walk(1, 1, (0.4, 0.4), (2.0, 0.4)).walk(1, 1, (2.0, 0.4), (3.0, 0.4), at(5), outside=True)
    hall.see(60, at(5))
    assert hall.running == [(0.0, 81.8)]
    assert hall.finished == []


def test_a_seat_is_taken_by_the_next() -> None:
    """One gets up and walks out in sight; another, who walked in, sits down there and gets a new id in doing so."""
    hall = Hall().see(20, at(1)).walk(2, 1, (0.0, 0.0), (2.4, 0.0)).walk(2, 1, (2.4, 0.0), (4.0, 0.0), outside=True)
    hall.walk(1, 2, (4.0, 0.0), (3.0, 0.0), outside=True).walk(2, 2, (3.0, 0.0), (0.3, 0.0)).see(30, at(3))
    assert hall.finished == [(0.0, 21.8, "left")]
    assert hall.running == [(25.0, 31.8)]


def test_a_long_occlusion_and_misses_around_it() -> None:
    """Half a minute out of sight and some seconds more until the detector finds the person: one stay."""
    hall = Hall().see(30, at(1)).see(38).see(30, at(2))
    assert hall.running == [(0.0, 97.8)]


def test_somebody_else_left() -> None:
    """Two are out of sight when one walks out from between them: the one who is found again has not left."""
    hall = Hall().see(20, at(1), at(2, (0.6, 0.0))).see(1)
    hall.walk(2, 3, (0.5, 0.3), (3.0, 0.3)).walk(2, 3, (3.0, 0.3), (4.0, 0.3), outside=True)
    hall.see(5).see(40, at(4, (0.6, 0.0)))
    assert [(start, how) for start, _, how in hall.finished] == [(0.0, "left")]
    assert hall.finished[0][1] == pytest.approx(22.8, abs=0.5)
    assert [start for start, _ in hall.running] == [0.0]


scenes = st.lists(
    st.tuples(
        st.sampled_from([0.2, 0.5, 1.0, 11.0]),
        st.lists(
            st.builds(
                at,
                st.integers(1, 5),
                st.tuples(st.floats(-5, 5), st.floats(-5, 5)),
                outside_m=st.sampled_from([None, None, 0.2, 1.0]),
                shadowed=st.booleans(),
                upon=st.integers(-1, 5),
            ),
            max_size=4,
            unique_by=lambda sighting: sighting.track,
        ),
        st.integers(1, 20),
    ),
    min_size=1,
    max_size=25,
)


@given(scenes)
def test_whatever_the_tracks_do(scenes: Iterable[tuple[float, list[Sighting], int]]) -> None:
    """Stays lie in the past, are never longer than the time that was seen, and end once."""
    ledger, now, known_s = StayLedger(), 1000.0, 0.0
    numbers: set[int] = set()
    first_inside = float("inf")
    for step_s, people, times in scenes:
        for _ in range(times):
            now += step_s
            known_s += step_s if step_s <= ledger.settings.stale_s else 0.0
            ended = ledger.step(now, people)
            inside = {person.track for person in people if person.inside}
            first_inside = min(first_inside, now if inside else first_inside)
            assert all(stay.started_at >= first_inside for stay in ledger.stays)
            tracks = [s.track for s in ledger.stays if s.track is not None and s.seen_at == now]
            assert len(tracks) == len(set(tracks))
            assert sum(s.seen_at == s.inside_at == now and s.track in inside for s in ledger.stays) <= len(inside)
            for stay in [*ledger.stays, *(f.stay for f in ended)]:
                assert stay.started_at <= stay.inside_at <= stay.seen_at <= now
                assert 0 <= stay.duration_s <= known_s + 1e-6
                assert stay.unknown_s >= 0
            for finished in ended:
                assert finished.stay.number not in numbers
                numbers.add(finished.stay.number)

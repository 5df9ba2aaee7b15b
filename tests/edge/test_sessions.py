"""Sessions at a window: who is served from when to when."""

from __future__ import annotations

import msgspec
import pytest

from edge.sessions import FinishedSession, SessionState, SessionWatch
from hall.layout import Session
from vision.stays import Stay

SETTINGS = Session(open_after=10.0, close_after=15.0)


def stay(started_at: float, until: float, *, track: int = 1, unknown_s: float = 0.0) -> Stay:
    """A citizen in the customer area, last seen at `until`."""
    return Stay(
        number=track,
        started_at=started_at,
        seen_at=until,
        inside_at=until,
        seen_clock_s=until,
        clear_clock_s=until,
        begun_clock_s=started_at,
        x=0.0,
        y=0.0,
        scale_m=1.0,
        border_m=1.0,
        track=track,
        unknown_s=unknown_s,
        confirmed=True,
    )


def follow(
    watch: SessionWatch,
    *spans: tuple[float, float, int],
    until: float,
    start: float = 0.0,
    clerk: tuple[float, float] | None = (-100.0, 1e9),
    hold_s: float = 1.0,
) -> list[tuple[float, float]]:
    """Look once a second at citizens (from, to, track); a stay is known for `hold_s` after it was seen last."""
    found: list[FinishedSession] = []
    for now in range(int(start), int(until) + 1):
        stays = [stay(a, min(now, b), track=track) for a, b, track in spans if a + 2 <= now <= b + hold_s]
        here = clerk is not None and clerk[0] <= now < clerk[1]
        ended = watch.step(float(now), stays, clerk[0] if clerk is not None and here else None)
        found += [ended] if ended else []
    return [(session.started_at, session.ended_at) for session in found]


def staffed(state: SessionState | None = None) -> SessionWatch:
    return SessionWatch(SETTINGS, staffed=True, state=state)


def test_one_citizen() -> None:
    """A case of two minutes: opened ten seconds in, closed fifteen after it ended, dated from first to last sight."""
    watch = staffed()
    assert follow(watch, (5, 125, 1), until=139) == []
    assert watch.running is not None
    assert follow(watch, (5, 125, 1), start=140, until=141) == [(5, 125)]
    assert watch.running is None


def test_too_short_to_be_a_session() -> None:
    """Somebody asks a question for nine seconds."""
    watch = staffed()
    assert follow(watch, (5, 14, 1), until=60) == []
    # Nor is it one though the ledger keeps a hidden stay for half a minute.
    assert follow(staffed(), (5, 14, 1), until=80, hold_s=30) == []


def test_another_takes_the_place() -> None:
    """The next one steps up three seconds later: the first session ends when its citizen was seen last."""
    assert follow(staffed(), (0, 60, 1), (63, 100, 2), until=200) == [(0, 60), (63, 100)]
    # It is told as soon as the next one is known, not after the hold.
    assert follow(staffed(), (0, 60, 1), (63, 100, 2), until=65) == [(0, 60)]


def test_the_next_one_waits_beside_the_first() -> None:
    """Two in the area: the one who came first is served, and the other once that one has gone."""
    assert follow(staffed(), (0, 60, 1), (40, 100, 2), until=200) == [(0, 60), (60, 100)]


def test_two_who_were_there_from_the_first_frame() -> None:
    """The box starts in front of two: when the one who is served goes, the other one's session begins."""
    assert follow(staffed(), (0, 60, 1), (0, 100, 2), until=200) == [(0, 60), (60, 100)]


def test_a_child_beside_a_parent_is_no_case() -> None:
    """They come and go together, the child a little after: one session, not two at the same time."""
    assert follow(staffed(), (0, 60, 1), (1, 64, 2), until=200) == [(0, 60)]


def test_the_same_person_steps_back() -> None:
    """She fetches a paper from two metres behind, still in sight, and is back within the hold: one session."""
    assert follow(staffed(), (0, 60, 1), (66, 100, 1), until=200) == [(0, 100)]


def test_the_same_person_after_the_hold() -> None:
    """Twenty seconds away are another case."""
    assert follow(staffed(), (0, 60, 1), (80, 120, 1), until=200) == [(0, 60), (80, 120)]


def test_the_clerk_comes_later() -> None:
    """A session starts when both are there."""
    assert follow(staffed(), (0, 60, 1), until=100, clerk=(30, 1e9)) == [(30, 60)]


def test_nobody_serves() -> None:
    assert follow(staffed(), (0, 60, 1), until=100, clerk=None) == []


def test_the_clerk_goes_before_it_is_a_session() -> None:
    """Five seconds together are none; it starts when the clerk is back."""
    watch = staffed()
    follow(watch, (0, 80, 1), until=7, clerk=(-10, 5))
    assert watch.running is None
    assert follow(watch, (0, 80, 1), start=8, until=120, clerk=(40, 1e9)) == [(40, 80)]


@pytest.mark.parametrize(
    "gone_at",
    [
        4.0,  # a second before the citizen came
        9.0,  # four seconds after: together for less than it takes
    ],
)
def test_the_clerk_had_gone_already(gone_at: float) -> None:
    """That the clerk left too early is known ten seconds later: no session."""
    watch = staffed()
    for now in range(5, 16):
        watch.step(float(now), [stay(5.0, float(now))], -100.0)
    assert watch.state.open
    watch.step(16.0, [stay(5.0, 16.0)], None, gone_at)
    assert watch.running is None
    watch.step(40.0, [stay(5.0, 40.0)], 30.0)
    assert (watch.state.open, watch.state.started_at) == (True, 30.0)


def test_the_clerk_steps_away() -> None:
    """A clerk who fetches a stamp for half a minute does not end the session."""
    watch = staffed()
    follow(watch, (0, 80, 1), until=30)
    assert follow(watch, (0, 80, 1), start=31, until=60, clerk=None) == []
    assert watch.running is not None
    assert follow(watch, (0, 80, 1), start=61, until=120) == [(0, 80)]


def test_the_clerk_went_when_it_was_a_session() -> None:
    """Ten seconds together are enough."""
    watch = staffed()
    for now in range(5, 17):
        watch.step(float(now), [stay(5.0, float(now))], -100.0)
    watch.step(17.0, [stay(5.0, 17.0)], None, 15.0)
    assert watch.running is not None


def test_self_service() -> None:
    """A terminal needs no clerk."""
    assert follow(SessionWatch(SETTINGS, staffed=False), (0, 60, 1), until=100, clerk=None) == [(0, 60)]


def test_unknown_time_is_left_out() -> None:
    """A minute without pictures inside a session; what was unknown before it began is none of it."""
    watch = staffed()
    for now, until, unknown_s, clerk_since in [
        (10, 10, 30.0, None),
        (20, 20, 30.0, 20.0),
        (31, 31, 30.0, 20.0),
        (91, 91, 90.0, 20.0),
        (120, 120, 90.0, 20.0),
    ]:
        watch.step(float(now), [stay(0.0, float(until), unknown_s=unknown_s)], clerk_since)
    assert watch.running is not None
    assert watch.running.elapsed_s == 40.0
    ended = watch.step(135.0, [], None)
    assert ended == FinishedSession(20.0, 120.0, 60.0)
    assert ended.duration_s == 40.0


def test_unknown_time_is_kept_when_the_person_steps_back() -> None:
    """The stay after it begins with nothing unknown; the session keeps what it had."""
    watch = staffed()
    watch.step(0.0, [stay(0.0, 0.0)], -10.0)
    watch.step(80.0, [stay(0.0, 80.0, unknown_s=60.0)], -10.0)
    watch.step(90.0, [stay(85.0, 90.0)], -10.0)
    watch.step(100.0, [stay(85.0, 100.0, unknown_s=2.0)], -10.0)
    assert watch.step(115.0, [], -10.0) == FinishedSession(0.0, 100.0, 62.0)


def test_running_time_ends_with_the_last_sight() -> None:
    """While nobody knows whether the citizen comes back the session grows no longer."""
    watch = staffed()
    follow(watch, (0, 60, 1), until=70)
    assert watch.running is not None
    assert watch.running.elapsed_s == 60.0


@pytest.mark.parametrize("at", [1, 20, 60, 70])
def test_restart(at: int) -> None:
    """Whenever the box restarts, the session is the same one."""
    watch = staffed()
    found = follow(watch, (0, 60, 1), until=at)
    saved = msgspec.json.decode(msgspec.json.encode(watch.state), type=SessionState)
    found += follow(staffed(saved), (0, 60, 1), start=at + 1, until=100)
    assert found == [(0, 60)]


def test_an_id_that_was_lost_outside_may_be_anothers() -> None:
    """She left unseen; three seconds later her id comes in with the next one: two sessions."""

    def ended(*seen_outside: float, off_m: float = 0.5) -> list[tuple[float, float]]:
        watch, found = staffed(), []
        for half in range(400):
            now = half / 2
            inside = [s for a, s in ((0.0, stay(0, min(now, 60))), (66.0, stay(66, min(now, 100)))) if a + 2 <= now]
            gone = [s for s in inside if now > s.until + 1]
            if watch.state.track is not None:
                if now <= 60 or now >= 66:
                    watch.follow(now, 0.0)
                elif now in seen_outside:
                    watch.follow(now, off_m)
            over = watch.step(now, [s for s in inside if s not in gone], -100.0)
            found += [(over.started_at, over.ended_at)] if over else []
        return found

    assert ended(61.0, 64.0) == [(0, 60), (66, 100)]
    assert ended(61.0, 62.5, 64.0, 65.5) == [(0, 100)]
    # Far out it is somebody who comes in next, even if the id was never lost.
    assert ended(61.0, 62.5, 64.0, 65.5, off_m=0.8) == [(0, 60), (66, 100)]


def test_an_id_lost_outside_stays_lost() -> None:
    """The ledger still holds the stay of who walks out, under an id that was out of sight for too long."""
    watch = staffed()
    for now in range(61):
        watch.step(float(now), [stay(0, now)], -100.0)
    watch.follow(63.0, 0.5)
    watch.step(63.0, [stay(0, 60)], -100.0)
    assert watch.step(64.0, [stay(62, 64)], -100.0) == FinishedSession(0, 60, 0.0)

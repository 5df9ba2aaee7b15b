"""The thread that judges the centre's own rules, and tells how long people with tickets wait, in one process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec
from sqlalchemy import Connection, delete, select, tuple_

from hall.clock import Clock, Instant, to_datetime
from hall.errors import RecordsError
from hall.layout import Hall, Limits
from hall.messages import EventBody, Message, event_id
from ingest import changes
from ingest._hall_view import HallView, look, open_calls
from ingest._own_points import TicketsPoint
from ingest._sql import upsert
from ingest._tables_inputs import duty, rule_states
from ingest.casebook import Casebook, Turn
from ingest.hall_rules import CallState, Change, QueueState, step_called, step_closed_window
from ingest.handling import handling
from ingest.input_book import message_of
from ingest.leader import Leader
from ingest.outlet import Outlet
from ingest.places import Places
from ingest.points import Points, points_of
from ingest.records import Records
from ingest.tickets import ticket_waits

_log = logging.getLogger(__name__)

_EVERY_S = 1.0
_POINTS_EVERY_S = 60.0
_SAVE_EVERY_S = 10.0

StateKey = tuple[str, str, str]
"""Hall, rule and subject."""

_Judged = tuple[StateKey, str, str, list[Change], bytes | None]
"""What was judged, its floor and box, what changed, and the state where that is not as at first."""

_CALLED, _CLOSED = "called_but_no_clerk", "closed_window_with_queue"
S = TypeVar("S", CallState, QueueState)


class HallWatch:
    """Judges once a second.

    Args:
        halls: limits and hours are those of their files, and closed_window_with_queue is judged in them, which must
            know what a zone serves.
        outlet: where points go; None without a time-series store.
        on_change: called after a commit that changed incidents.
        on_alert: called after a commit that made an alert.
    """

    def __init__(
        self,
        records: Records,
        casebook: Casebook,
        leader: Leader,
        clock: Clock,
        halls: Sequence[Hall],
        *,
        outlet: Outlet | None = None,
        on_change: Callable[[], None] = lambda: None,
        on_alert: Callable[[], None] = lambda: None,
    ) -> None:
        self._records, self._casebook, self._leader, self._clock = records, casebook, leader, clock
        self._halls, self._places, self._outlet = {hall.hall.id: hall for hall in halls}, Places(*halls), outlet
        self._on_demand = {hall.hall.id: hall.on_demand for hall in halls if hall.on_demand}
        self._limits = {(h.hall.id, window.id): h.limits_of(window) for h in halls for _, window in h.windows()}
        self._on_change, self._on_alert = on_change, on_alert
        self._states: dict[StateKey, bytes] | None = None
        self._pointed_at = self._saved_at = float("-inf")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hall-watch", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(_EVERY_S):
            try:
                self.judge()
            except RecordsError as exc:
                _log.warning("the centre's rules wait: %s", exc)

    def judge(self) -> None:
        """Judge now, if this process is the one that does.

        Raises:
            RecordsError: the records cannot be read or written; what was not written is judged again.
        """
        if not self._leader.held():
            self._states = None
            return
        now = self._clock.now()
        with self._records.reading() as connection:
            states = _load(connection) if self._states is None else self._states
            calls = open_calls(connection, now)
            halls = {key[0] for key in (*states, *calls)} | self._with_duty(connection)
            view = look(connection, now, halls, calls, self._on_demand) if halls else HallView(now)
            after, told = self._step(connection, view, states)
        # What only says how late it is need not be written each time.
        if told or after.keys() != states.keys() or (after != states and now - self._saved_at >= _SAVE_EVERY_S):
            self._write(after, told, now)
            self._saved_at = now
        self._states = after
        if now - self._pointed_at >= _POINTS_EVERY_S or now < self._pointed_at:
            self._tell_figures(now)
            self._pointed_at = now

    def _with_duty(self, connection: Connection) -> set[str]:
        """The halls of the files in which a window may be closed: one is opened on demand, or there are commands."""
        return set(connection.scalars(select(duty.c.hall).distinct())) & self._halls.keys() | self._on_demand.keys()

    def _step(
        self, connection: Connection, view: HallView, states: Mapping[StateKey, bytes]
    ) -> tuple[dict[StateKey, bytes], list[Message]]:
        after: dict[StateKey, bytes] = {}
        told: list[Message] = []
        for key, floor, node, changed, state in self._judged(connection, view, states):
            if state is not None:
                after[key] = state
            told += [_event(key, floor, node, change, view.at) for change in changed]
        return after, told

    def _judged(self, connection: Connection, view: HallView, states: Mapping[StateKey, bytes]) -> Iterator[_Judged]:
        """Each rule where it has something to judge: what changed, and its state where that is not as at first."""
        windows = {(key[0], key[2].removeprefix("window/")) for key in states if key[1] == _CALLED} | view.calls.keys()
        floors = {hall: self._places.of(hall).windows(connection, hall) for hall in {hall for hall, _ in windows}}
        is_open = {name: hall.schedule.is_open(view.at) for name, hall in self._halls.items()}
        for hall, window in sorted(windows):
            key = hall, _CALLED, f"window/{window}"
            known = view.windows.get((hall, window))
            floor = floors[hall].get(window) or ("" if known is None else known.floor)
            seen = view.call((hall, window), floor, is_open=is_open.get(hall))
            before = _state(states.get(key), CallState)
            call_state, changed = step_called(self._limits.get((hall, window), Limits()), before, seen)
            kept = None if call_state == CallState() else msgspec.json.encode(call_state)
            yield key, floor, "centre" if known is None else known.node, changed, kept
        for file in self._halls.values():
            yield from _judged_zones(file, view, states)

    def _write(self, states: Mapping[StateKey, bytes], told: list[Message], now: Instant) -> None:
        points = [points for message in told if (points := points_of(message, now)) is not None]
        self._send(points)

        def work(connection: Connection) -> Turn:
            place = tuple_(rule_states.c.hall, rule_states.c.rule, rule_states.c.subject)
            if gone := sorted(_load(connection).keys() - states.keys()):
                connection.execute(delete(rule_states).where(place.in_(gone)))
            rows = [
                {"hall": hall, "rule": rule, "subject": subject, "state": state, "updated_at": now}
                for (hall, rule, subject), state in states.items()
            ]
            upsert(connection, rule_states, rows)
            turn = self._casebook.take(connection, told, now)
            changes.note(connection, turn.subjects)
            return turn

        turn = self._records.write(work)
        if turn.touched:
            self._on_change()
        if turn.alerts:
            self._on_alert()

    def _tell_figures(self, now: Instant) -> None:
        """A point for each zone in which there are tickets, and for each rule that raised incidents."""
        if self._outlet is None:
            return
        with self._records.reading() as connection:
            waits, dealt = ticket_waits(connection, now), handling(connection, now)
        told = []
        for (hall, floor, zone), one in waits.items():
            longest_s, p50_s, p90_s = one.longest_now_s, one.wait_p50_s, one.wait_p90_s
            body = TicketsPoint(zone or "", one.waiting, longest_s, one.called, p50_s, p90_s)
            told.append(message_of(hall, floor or "", now, "tickets", body))
        for (hall, floor), rules in dealt.items():
            told += [message_of(hall, floor, now, "incident", rule) for rule in rules]
        self._send([points for message in told if (points := points_of(message, now)) is not None])

    def _send(self, points: list[Points]) -> None:
        if self._outlet is not None and points:
            self._outlet.finish(self._outlet.send(points))


def _judged_zones(hall: Hall, view: HallView, states: Mapping[StateKey, bytes]) -> Iterator[_Judged]:
    own = hall.hall.id
    waiting = [(floor.id, zone) for floor in hall.floors for zone in floor.zones if zone.kind == "waiting"]
    for floor, zone in waiting:
        key = own, _CLOSED, f"zone/{zone.id}"
        limits = hall.limits_of(zone)
        known = view.zones.get((own, zone.id))
        seen = view.queue(hall, floor, zone, limits)
        if key not in states and not seen.closed:
            continue
        state, changed = step_closed_window(limits, _state(states.get(key), QueueState), seen)
        kept = None if state == QueueState(at=seen.at) else msgspec.json.encode(state)
        yield key, floor, "centre" if known is None else known.node, changed, kept


def _event(key: StateKey, floor: str, node: str, change: Change, now: Instant) -> Message:
    hall, _, subject = key
    body = EventBody(
        event_id=event_id(hall, subject, change.rule, change.started_at),
        rule=change.rule,
        subject=subject,
        phase=change.phase,
        severity=change.severity,
        started_at=to_datetime(change.started_at),
        elapsed_s=round(change.elapsed_s, 3),
        unknown_s=round(change.unknown_s, 3),
        limit_s=change.limit_s,
        ended_at=None if change.ended_at is None else to_datetime(change.ended_at),
        reason=change.reason,
        detail=change.detail,
    )
    return msgspec.structs.replace(message_of(hall, floor, now, "event", body), node=node)


def _load(connection: Connection) -> dict[StateKey, bytes]:
    rows = connection.execute(select(rule_states)).mappings()
    return {(row["hall"], row["rule"], row["subject"]): bytes(row["state"]) for row in rows}


def _state(kept: bytes | None, kind: type[S]) -> S:
    """A rule's memory; that of another version is none."""
    if kept is None:
        return kind()
    try:
        return msgspec.json.decode(kept, type=kind)
    except msgspec.MsgspecError as exc:
        _log.warning("the state of a rule cannot be read and begins anew: %s", exc)
        return kind()

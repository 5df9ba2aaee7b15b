"""From what arrived to what is on record: one batch, one transaction.

A batch is taken in two steps, so that the store writes one while the next is read. `prepare` reads its messages, sees
which are new and sends their points on their way. `settle`, in the order of the batches, waits for these and
commits all else: after that every message of the batch is either counted, with all that it causes, or among the dead
letters, and may be acknowledged. A batch that came before changes nothing.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from hall.clock import Clock, Instant
from hall.errors import MessageError
from hall.layout import Hall
from hall.messages import EventBody, HealthBody, Message, ReplyBody, SessionBody, StateBody, StatusBody, StayBody
from ingest import changes, schema
from ingest._rollup_order import sum_up
from ingest._sql import insert_ignore
from ingest.arrivals import Arrival, read_arrival
from ingest.casebook import Casebook, Turn
from ingest.changes import Subject, node_subject
from ingest.channels import Channel
from ingest.dead_letters import DeadLetter, save_dead_letters
from ingest.heat import save_heat
from ingest.labels import Labels
from ingest.live import Live, NodeKey, lock_live, save_live, watch
from ingest.metrics import Metrics
from ingest.outlet import Outlet, Sending
from ingest.points import Points, points_of
from ingest.recipients import Recipient, Roster
from ingest.records import Records
from ingest.rollups import RollupBook, RollupChanges, save_rollups
from ingest.seen import BootKey, Seen, SeenBook, SeenRanges, lock_seen, merge_seen, save_seen

_log = logging.getLogger(__name__)

_READ_AT_ONCE = 25
"""Messages that are read before any of them is worked on: few enough to stay in the processor's cache."""


class _Draft:
    """What is known of a batch so far. Bodies that a newer one replaces are let go: they would fill the memory."""

    def __init__(self, arrivals: Sequence[Arrival]) -> None:
        self.arrivals = arrivals
        self.read_up_to = 0
        self.letters: list[DeadLetter] = []
        self.points: list[Points] = []
        self.kinds: Counter[str] = Counter()
        self.duplicates = 0
        self.summed: list[tuple[Message, Instant]] = []
        self._said: dict[int, tuple[Message, Instant]] = {}
        self._newest: dict[tuple[str, str, str, str], int] = {}

    @property
    def said(self) -> list[tuple[Message, Instant]]:
        """The messages that matter for what follows, in order, and when they came."""
        return list(self._said.values())

    def add(self, message: Message, received_at: Instant) -> None:
        """One more message that is new."""
        self.kinds[message.kind] += 1
        number = len(self._said) if not self._said else next(reversed(self._said)) + 1
        self._said[number] = message, received_at
        if isinstance(message.body, StateBody | HealthBody) and not message.late:
            key = (message.hall, message.floor, message.node, message.kind)
            before = self._newest.get(key)
            if before is not None and self._said[before][0].captured_at <= message.captured_at:
                del self._said[before]
            self._newest[key] = number


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch whose points are on their way; `Intake.settle` does the rest."""

    said: Sequence[tuple[Message, Instant]]
    kinds: Mapping[str, int]
    letters: Sequence[DeadLetter]
    duplicates: int
    seen: Sequence[Seen]
    rollups: RollupChanges
    summed: Sequence[tuple[Message, Instant]]
    """What is yet to be added to the roll-ups, where other processes may have written them meanwhile."""
    sending: Sending | None

    @property
    def is_safe(self) -> bool:
        """Whether its points have arrived, or need not be waited for."""
        return self.sending is None or self.sending.written is None or self.sending.written.done()


@dataclass(slots=True)
class _Batch:
    """What one transaction reads and is about to write."""

    nodes: dict[NodeKey, Live]
    changed_nodes: set[NodeKey] = field(default_factory=set)
    events: list[Message] = field(default_factory=list)
    turn: Turn = field(default_factory=lambda: Turn({}))
    sessions: list[dict[str, Any]] = field(default_factory=list)
    stays: list[dict[str, Any]] = field(default_factory=list)


class Intake:
    """Takes batches of arrivals into the records.

    Args:
        hall: with it, a node that is not in it is refused, and alerts name windows as people do.
        outlet: where points go; None without a time-series store.
        on_change: called after a commit that changed nodes or incidents.
        on_alert: called after a commit that made an alert.
        casebook: runs events as incidents; by default one that tells these channels.
    """

    def __init__(
        self,
        records: Records,
        outlet: Outlet | None,
        metrics: Metrics,
        clock: Clock,
        *,
        halls: Sequence[Hall] = (),
        channels: Sequence[Channel] = (),
        on_change: Callable[[], None] = lambda: None,
        on_alert: Callable[[], None] = lambda: None,
        casebook: Casebook | None = None,
    ) -> None:
        self._records = records
        self._outlet = outlet
        self._book = SeenBook(records)
        self._rollups = RollupBook(records)
        self._draft: _Draft | None = None
        self._metrics = metrics
        self._clock = clock
        self._halls = {hall.hall.id: hall for hall in halls}
        self._casebook = casebook or Casebook(
            Labels(*halls), Roster([Recipient(channel) for channel in channels]), halls=halls
        )
        self._on_change = on_change
        self._on_alert = on_alert

    def take(self, arrivals: Sequence[Arrival]) -> None:
        """Prepare and settle a batch.

        Raises:
            RecordsError: it is not on record; it counts as new no more, so `settle` must be asked again.
        """
        self.settle(self.prepare(arrivals))

    def prepare(self, arrivals: Sequence[Arrival]) -> Prepared:
        """Read a batch and send its points on their way. What is prepared must be settled, in order.

        Raises:
            RecordsError: it is not known what of it is new; prepare the same batch again.
        """
        draft = self._draft if self._draft is not None and self._draft.arrivals is arrivals else _Draft(arrivals)
        self._draft = draft
        while draft.read_up_to < len(arrivals):
            self._read(draft, arrivals[draft.read_up_to : draft.read_up_to + _READ_AT_ONCE])
            draft.read_up_to += _READ_AT_ONCE
        self._draft = None
        return Prepared(
            said=draft.said,
            kinds=draft.kinds,
            letters=draft.letters,
            duplicates=draft.duplicates,
            seen=self._book.take_changes(),
            rollups=self._rollups.take_changes(),
            summed=draft.summed,
            sending=None if self._outlet is None else self._outlet.send(draft.points),
        )

    def _read(self, draft: _Draft, arrivals: Sequence[Arrival]) -> None:
        """Read some more of a batch.

        Raises:
            RecordsError: nothing of it was.
        """
        messages: list[tuple[Message, Arrival]] = []
        letters: list[DeadLetter] = []
        for arrival in arrivals:
            try:
                messages.append((read_arrival(arrival, self._halls), arrival))
            except MessageError as exc:
                letters.append(arrival.refused(exc.reason, str(exc)))
            except (ValueError, OverflowError) as exc:
                letters.append(arrival.refused("body", str(exc)))
        boots = {_boot(message) for message, _ in messages}
        if not self._records.is_shared:
            self._rollups.load({boot[:3] for boot in boots})
        self._book.load(boots)
        draft.letters += letters
        for message, arrival in messages:
            if self._is_new(message):
                self._take_in(draft, message, arrival)
            else:
                draft.duplicates += 1

    def _take_in(self, draft: _Draft, message: Message, arrival: Arrival) -> None:
        """A message that is new."""
        try:
            points = None if self._outlet is None else points_of(message, arrival.received_at)
        except ValueError as exc:
            draft.letters.append(arrival.refused("body", str(exc)))
            return
        if points is not None:
            draft.points.append(points)
        if not self._records.is_shared:
            self._rollups.add(message, arrival.received_at)
        elif isinstance(message.body, StateBody | SessionBody | StayBody):
            draft.summed.append((message, arrival.received_at))
        draft.add(message, arrival.received_at)

    def settle(self, prepared: Prepared) -> None:
        """Wait until the points of a batch are safe and put all else on record.

        Raises:
            RecordsError: it is not; settle it again.
        """
        letters = list(prepared.letters)
        if self._outlet is not None and prepared.sending is not None:
            letters += self._outlet.finish(prepared.sending)
        batch, counted = self._records.write(lambda connection: self._put(connection, prepared, letters))
        self._book.learn(counted)
        self._report(batch, letters, prepared)

    def _put(
        self, connection: Connection, prepared: Prepared, letters: Sequence[DeadLetter]
    ) -> tuple[_Batch, Sequence[Seen]]:
        """Write a batch. Returns also what of its boots is counted by others, where there are others."""
        batch = self._work_out(connection, prepared.said)
        counted, rollups, said = prepared.seen, prepared.rollups, prepared.said
        if self._records.is_shared:
            known = lock_seen(connection, counted)
            counted = merge_seen(counted, known)
            said = _fresh(said, known)
            rollups = self._sum_up(connection, _fresh(prepared.summed, known), counted, batch)
        self._write(connection, batch)
        save_heat(connection, [message for message, _ in said])
        save_seen(connection, counted, self._clock.now())
        save_rollups(connection, rollups)
        save_dead_letters(connection, letters)
        changes.note(connection, _changed(batch))
        return batch, counted if self._records.is_shared else ()

    def _sum_up(
        self,
        connection: Connection,
        fresh: Sequence[tuple[Message, Instant]],
        counted: Sequence[Seen],
        batch: _Batch,
    ) -> RollupChanges:
        """What messages that no other process has added meanwhile add to the roll-ups on record."""
        ranges = {boot[:4]: SeenRanges.from_json(boot.ranges) for boot in counted}
        return sum_up(connection, self._records, fresh, ranges, batch.nodes, self._clock.now())

    def _is_new(self, message: Message) -> bool:
        # Status has no number of its own, for a last will is written in advance; a reply is said once and not kept.
        if isinstance(message.body, StatusBody | ReplyBody):
            return True
        return self._book.add(_boot(message), message.seq)

    def _work_out(self, connection: Connection, said: Sequence[tuple[Message, Instant]]) -> _Batch:
        by_node: defaultdict[NodeKey, list[tuple[Message, Instant]]] = defaultdict(list)
        for message, received_at in said:
            by_node[message.hall, message.floor, message.node].append((message, received_at))
        batch = _Batch(nodes=lock_live(connection, by_node))
        for node, theirs in by_node.items():
            before = after = batch.nodes.get(node)
            for message, received_at in theirs:
                after = watch(after, message, received_at)
            if after is not None and after != before:
                batch.nodes[node] = after
                batch.changed_nodes.add(node)
        for message, _ in said:
            self._count(batch, message)
        return batch

    def _count(self, batch: _Batch, message: Message) -> None:
        match message.body:
            case EventBody():
                batch.events.append(message)
            case SessionBody() as session:
                batch.sessions.append(_session_row(message, session))
            case StayBody() as stay:
                batch.stays.append(_stay_row(message, stay))
            case _:
                pass

    def _write(self, connection: Connection, batch: _Batch) -> None:
        save_live(connection, [batch.nodes[key] for key in batch.changed_nodes])
        batch.turn = self._casebook.take(connection, batch.events, self._clock.now())
        for table, rows in ((schema.sessions, batch.sessions), (schema.stays, batch.stays)):
            insert_ignore(connection, table, rows)

    def _report(self, batch: _Batch, letters: Sequence[DeadLetter], prepared: Prepared) -> None:
        """Tell those who wait, after the commit."""
        for kind, count in prepared.kinds.items():
            self._metrics.messages.labels(kind).inc(count)
        self._metrics.duplicates.inc(prepared.duplicates)
        for letter in letters:
            self._metrics.dead_letters.labels(letter.reason).inc()
        if letters:
            newest = letters[-1]
            _log.warning("%d refused, the last on %s: %s: %s", len(letters), newest.topic, newest.reason, newest.detail)
        if batch.changed_nodes or batch.turn.touched:
            self._on_change()
        if batch.turn.alerts:
            self._on_alert()


def _boot(message: Message) -> BootKey:
    return message.hall, message.floor, message.node, message.boot


def _fresh(
    said: Sequence[tuple[Message, Instant]], known: Mapping[BootKey, SeenRanges]
) -> list[tuple[Message, Instant]]:
    """Those that no other process has counted meanwhile."""
    return [(m, at) for m, at in said if _boot(m) not in known or m.seq not in known[_boot(m)]]


def _changed(batch: _Batch) -> list[Subject]:
    return batch.turn.subjects + [node_subject(node) for node in batch.changed_nodes]


def _session_row(message: Message, body: SessionBody) -> dict[str, Any]:
    return {
        "session_id": body.session_id,
        "hall": message.hall,
        "floor": message.floor,
        "node": message.node,
        "window": body.window,
        "started_at": body.started_at.timestamp(),
        "ended_at": body.ended_at.timestamp(),
        "duration_s": body.duration_s,
        "unknown_s": body.unknown_s,
        "overtime": body.overtime,
    }


def _stay_row(message: Message, body: StayBody) -> dict[str, Any]:
    return {
        "stay_id": body.stay_id,
        "hall": message.hall,
        "floor": message.floor,
        "node": message.node,
        "zone": body.zone,
        "started_at": body.started_at.timestamp(),
        "ended_at": body.ended_at.timestamp(),
        "duration_s": body.duration_s,
        "unknown_s": body.unknown_s,
        "ended": body.ended,
    }

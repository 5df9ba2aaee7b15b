"""node_offline: a box of which nothing is heard is an incident, which its centre raises and clears.

Nothing is heard of a box that its last will calls offline, or that is silent, for some time; one that was stopped on
purpose is not missed. While the centre itself has lost the broker, and for as long after that as a box may be silent,
nothing is judged. The incident began when the box was last heard: whichever process finds it out, it is the same one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Connection, select

from hall.clock import Clock, Instant, to_datetime
from hall.errors import RecordsError
from hall.layout import Hall
from hall.messages import ClearReason, EventBody, Message, Phase, compose, event_id
from hall.topics import Address
from ingest import changes
from ingest.casebook import Casebook
from ingest.incidents import Incident, from_row
from ingest.leader import Leader
from ingest.live import Live, NodeKey, load_live, lock_live
from ingest.records import Records
from ingest.schema import incidents

_log = logging.getLogger(__name__)

NODE_OFFLINE_S = 60.0
_EVERY_S = 2.0
_BOOT = "centre"


def is_missing(live: Live, now: Instant, limit_s: float) -> bool:
    """Whether nothing is heard of a box that should be there."""
    return live.status != "stopped" and live.heard_at is not None and now - live.heard_at >= limit_s


class NodeWatch:
    """Looks every few seconds for boxes that are missing, in the process that runs the timers.

    Args:
        records: where nodes and incidents are.
        casebook: takes what is found.
        leader: says whether this process looks.
        clock: the time.
        hears: whether boxes could be heard now.
        halls: with any, a box that is in none of them is not missed.
        limit_s: how long nothing may be heard.
        on_alert: told after a commit that made alerts.
    """

    def __init__(
        self,
        records: Records,
        casebook: Casebook,
        leader: Leader,
        clock: Clock,
        hears: Callable[[], bool],
        *,
        halls: Sequence[Hall] = (),
        limit_s: float = NODE_OFFLINE_S,
        on_alert: Callable[[], None] = lambda: None,
    ) -> None:
        self._records, self._casebook, self._leader, self._clock = records, casebook, leader, clock
        self._hears, self._limit_s, self._on_alert = hears, limit_s, on_alert
        self._known = {(hall.hall.id, f.id, node) for hall in halls for f in hall.floors for node in f.nodes} or None
        self._since: float | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="node-watch", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """See who is missing, and who is back.

        Raises:
            RecordsError: the records cannot be read or written.
        """
        if not self._hears() or not self._leader.held():
            self._since = None
            return
        if self._since is None:
            self._since = self._clock.monotonic()
        if self._clock.monotonic() - self._since < self._limit_s:
            return
        with self._records.reading() as connection:
            news = self._news(load_live(connection), _open(connection))
        if news:
            self._records.write(lambda connection: self._put(connection, [message.address for message in news]))
            self._on_alert()

    def _put(self, connection: Connection, places: list[Address]) -> None:
        """Look again at some boxes, which nobody else changes meanwhile."""
        live = lock_live(connection, [(one.hall, one.floor, one.node) for one in places])
        news = self._news(live, {key: found for key, found in _open(connection).items() if key in live})
        turn = self._casebook.take(connection, news, self._clock.now())
        changes.note(connection, turn.subjects)

    def _news(self, live: Mapping[NodeKey, Live], known: Mapping[NodeKey, Incident]) -> list[Message]:
        now = self._clock.now()
        found: list[Message] = []
        for key, node in live.items():
            incident = known.get(key)
            missing = is_missing(node, now, self._limit_s) and (self._known is None or key in self._known)
            if missing and incident is None:
                found.append(self._message("raised", key, node.heard_at or now, now))
            elif incident is not None and not missing:
                # Never before it was raised, whatever became of the clock.
                at = max(now, incident.last_raised_at + 0.001)
                reason: ClearReason = "resolved" if self._known is None or key in self._known else "reconfigured"
                found.append(self._message("cleared", key, incident.started_at, at, reason))
        return found

    def _message(
        self, phase: Phase, key: NodeKey, started_at: Instant, at: Instant, reason: ClearReason | None = None
    ) -> Message:
        address = Address(*key)
        subject = f"node/{address.node}"
        began = to_datetime(started_at)
        body = EventBody(
            event_id=event_id(address.hall, subject, "node_offline", began.timestamp()),
            rule="node_offline",
            subject=subject,
            phase=phase,
            severity="warning",
            started_at=began,
            elapsed_s=max(0.0, at - began.timestamp()),
            unknown_s=0.0,
            limit_s=self._limit_s,
            ended_at=to_datetime(at) if phase == "cleared" else None,
            reason=reason,
        )
        return compose(address, _BOOT, 0, at, body)

    def _run(self) -> None:
        while not self._stop.wait(_EVERY_S):
            try:
                self.look()
            except RecordsError as exc:
                _log.warning("boxes are not watched: %s", exc)


def _open(connection: Connection) -> dict[NodeKey, Incident]:
    """The incidents of boxes that are missing."""
    holds = incidents.c.last_cleared_at.is_(None) | (incidents.c.last_raised_at > incidents.c.last_cleared_at)
    rows = connection.execute(select(incidents).where(incidents.c.rule == "node_offline", holds)).mappings()
    return {(row["hall"], row["floor"], row["node"]): from_row(row) for row in rows}

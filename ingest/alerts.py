"""Alerts by apprise: one when an incident opens, one when it clears, on each channel.

An alert is a row, made in the transaction that opens or clears the incident, so a crash can neither lose nor double
it there. It is noted as sent at once when the channel took it (see `_sent_note`); only a crash within the
millisecond between the two sends it twice, and then its key (`event_id:phase`) tells the receiver so.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update

from hall.clock import Clock, Instant
from hall.errors import RecordsError
from ingest._alert_text import AlertPhase, AlertText, alert_text
from ingest._sent_note import SentNote
from ingest._sql import insert_ignore
from ingest.channels import Channel
from ingest.incidents import Incident
from ingest.labels import Labels
from ingest.metrics import Metrics
from ingest.records import Records
from ingest.schema import alerts

_log = logging.getLogger(__name__)

FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 300.0
GIVE_UP_S = 24 * 3600.0
"""An alert older than this helps nobody; it is marked failed."""

_PASS_ROWS = 200


def queue_alert(
    connection: Connection,
    channels: Iterable[Channel],
    incident: Incident,
    phase: AlertPhase,
    labels: Labels,
    now: Instant,
    *,
    late: bool = False,
) -> None:
    """Put an alert before every channel, in its language, once for each opening of the incident."""
    rows = []
    for channel in channels:
        text = alert_text(incident, phase, channel.language, labels, late=late)
        rows.append(
            {
                "event_id": incident.event_id,
                "phase": phase,
                "opening": incident.openings,
                "channel": channel.id,
                "title": text.title,
                "body": text.body,
                "created_at": now,
                "next_at": now,
                "attempts": 0,
                "status": "waiting",
            }
        )
    insert_ignore(connection, alerts, rows)


class AlertSender:
    """The thread that sends the alerts of one channel, oldest first; each event's alerts stay in order."""

    def __init__(
        self,
        channel: Channel,
        records: Records,
        metrics: Metrics,
        clock: Clock,
        *,
        first_wait_s: float = FIRST_WAIT_S,
    ) -> None:
        self._channel = channel
        self._records = records
        self._metrics = metrics
        self._clock = clock
        self._first_wait_s = first_wait_s
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"alerts-{channel.id[:6]}", daemon=True)
        self._note = SentNote(records.path.with_name(f"{records.path.name}-sent-{channel.id}"))

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """There may be something to send."""
        self._wake.set()

    def stop(self) -> None:
        """Send what is due, and end the thread. What is not sent stays on record."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        self._note.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            self._pass()
            self._wake.wait(min(1.0, self._first_wait_s))
        self._pass()

    def _pass(self) -> None:
        """Go once through what waits. Two failures in a row mean that the channel is down: the rest waits."""
        try:
            self._mark_noted()
            held: set[str] = set()
            failures = 0
            for row in self._waiting():
                if row["event_id"] in held or failures == 2:
                    continue
                if row["next_at"] > self._clock.now():
                    held.add(row["event_id"])
                elif self._send(row):
                    failures = 0
                else:
                    failures += 1
                    held.add(row["event_id"])
        except RecordsError as exc:
            _log.warning("alerts wait: %s", exc)

    def _waiting(self) -> Sequence[RowMapping]:
        mine = (alerts.c.status == "waiting") & (alerts.c.channel == self._channel.id)
        statement = select(alerts).where(mine).order_by(alerts.c.id).limit(_PASS_ROWS)
        with self._records.reading() as connection:
            return connection.execute(statement).mappings().all()

    def _send(self, row: RowMapping) -> bool:
        opening = "" if row["opening"] == 1 else f":{row['opening']}"
        sent = self._channel.send(
            AlertText(row["title"], row["body"]),
            key=f"{row['event_id']}:{row['phase']}{opening}",
            event_id=row["event_id"],
            phase=row["phase"],
        )
        if sent:
            self._note.write(row["id"])
            self._mark_noted()
        else:
            self._mark_failed(row)
        return sent

    def _mark_noted(self) -> None:
        """Mark the alert of the note as sent: the one just sent, or the last one before a crash."""
        if (number := self._note.number) is None:
            return
        done = {"status": "sent", "attempts": alerts.c.attempts + 1, "done_at": self._clock.now()}
        mine = (alerts.c.id == number) & (alerts.c.status == "waiting")
        with self._records.writing() as connection:
            connection.execute(update(alerts).where(mine).values(done))
        self._note.clear()
        self._metrics.alerts.labels("sent").inc()

    def _mark_failed(self, row: RowMapping) -> None:
        now = self._clock.now()
        outcome = "failed" if now - row["created_at"] > GIVE_UP_S else "retried"
        wait_s = min(self._first_wait_s * 2 ** min(row["attempts"], 20), LONGEST_WAIT_S)
        values: dict[str, Any] = {"attempts": row["attempts"] + 1, "next_at": now + wait_s}
        if outcome == "failed":
            values |= {"status": "failed", "done_at": now}
        with self._records.writing() as connection:
            connection.execute(update(alerts).where(alerts.c.id == row["id"]).values(values))
        self._metrics.alerts.labels(outcome).inc()
        what = f"{row['event_id']} {row['phase']}"
        _log.warning("%s did not take alert %s (%s): %s", self._channel.name, what, self._channel.trouble, outcome)

"""Alerts by apprise: one when an incident opens, one when it clears, on each channel; digests when there are many.

An alert is a row, made in the transaction that opens or clears the incident, so a crash can neither lose nor double
it there. It is noted as sent at once when the channel took it (see `_sent_note`); only a crash within the
millisecond between the two sends it twice, and then its key (`event_id:phase`) tells the receiver so.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select, update

from hall.clock import Clock, Instant
from hall.errors import RecordsError
from ingest._alert_plan import LONGEST_WAIT_S, MINUTE_S, Entry, Waiting, entries_of, fit
from ingest._alert_text import INBOX_WORDS, LINK_WORDS, AlertPhase, AlertText, alert_text, digest_line, digest_title
from ingest._robots import cut
from ingest._sent_note import SentNote
from ingest._sql import insert_ignore
from ingest.channels import Channel
from ingest.incidents import Incident, load_incidents
from ingest.labels import Labels
from ingest.leader import Leader
from ingest.links import Links
from ingest.metrics import Metrics
from ingest.recipients import Recipient, holds
from ingest.records import Records
from ingest.schema import alert_messages, alerts

_log = logging.getLogger(__name__)

FIRST_WAIT_S = 2.0
GIVE_UP_S = 24 * 3600.0
"""An alert older than this helps nobody; it is marked failed."""

CLAIM_S = 60.0
"""Longer than a message is on its way, and than a process takes to be there again."""

_PASS_ROWS = 2_000
_KEPT_S = 3600.0
_TITLE_BYTES = 240


def queue_alert(
    connection: Connection,
    recipients: Iterable[Recipient],
    incident: Incident,
    phase: AlertPhase,
    labels: Labels,
    now: Instant,
    *,
    late: bool = False,
    level: str = "",
    wait_s: float = 0.0,
) -> None:
    """Put an alert before channels, each in its language, once for each opening of the incident and each level.

    Args:
        connection: a write transaction.
        recipients: who is told; of quiet hours, an alert waits for the end.
        incident: what it is about.
        phase: what is told of it.
        labels: what people call the parts of the hall.
        now: the time.
        late: it is history.
        level: of an escalation.
        wait_s: how long it waits at least, for others that it may go with.
    """
    rows = []
    for channel, until in holds(recipients, incident.severity, now).values():
        text = alert_text(incident, phase, channel.language, labels, late=late, now=now)
        next_at = max(until, now + wait_s)
        rows.append(
            {
                "event_id": incident.event_id,
                "phase": f"{phase}:{level}" if level else phase,
                "opening": incident.openings,
                "channel": channel.id,
                "title": text.title,
                "body": text.body,
                "created_at": now,
                "next_at": next_at,
                "attempts": 0,
                "status": "waiting",
                "held_until": next_at if next_at > now else None,
            }
        )
    insert_ignore(connection, alerts, rows)


class AlertSender:
    """The thread that sends the alerts of one channel, oldest first; each event's alerts stay in order.

    Of several processes with the same records the leader sends. It puts its name on the alerts of a message before
    it sends it, for it may lose the records, and with them the lead, while the message is on its way: another one
    leaves these alone for `CLAIM_S`, in which this one says what became of them, be it after a restart.

    Args:
        leader: says whether this process sends, and its name; None where there is no other.
    """

    def __init__(
        self,
        channel: Channel,
        records: Records,
        metrics: Metrics,
        clock: Clock,
        *,
        labels: Labels | None = None,
        links: Links | None = None,
        leader: Leader | None = None,
        first_wait_s: float = FIRST_WAIT_S,
    ) -> None:
        self._channel = channel
        self._records = records
        self._metrics = metrics
        self._clock = clock
        self._labels = labels or Labels()
        self._links = links
        self._leader = leader
        self._name = "" if leader is None else leader.name
        self._is_shared = leader is not None and records.is_shared
        self._claims = True
        """Whether alerts may have our name on them; an earlier run may have left some."""
        self._first_wait_s = first_wait_s
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"alerts-{channel.id[:6]}", daemon=True)
        self._note = SentNote(records.place.with_name(f"{records.place.name}-sent-{channel.id}"))

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
            self._release()
            if self._leader is not None and not self._leader.held():
                return
            held: set[str] = set()
            failures = 0
            for entries, text in self._messages():
                if failures == 2 or not held.isdisjoint(entry.alert.event_id for entry in entries):
                    continue
                if not self._claim(entries):
                    held.update(entry.alert.event_id for entry in entries)
                elif self._send(entries, text):
                    failures = 0
                else:
                    failures += 1
                    held.update(entry.alert.event_id for entry in entries)
        except RecordsError as exc:
            _log.warning("alerts wait: %s", exc)

    def _claim(self, entries: Sequence[Entry]) -> bool:
        """Put our name on the alerts of a message; False where another process has some of them."""
        if not self._is_shared:
            return True
        mine = alerts.c.id.in_([alert.id for entry in entries for alert in entry.alerts])
        now = self._clock.now()
        self._claims = True
        with self._records.writing() as connection:
            free = select(alerts.c.id).where(mine, alerts.c.status == "waiting", ~self._taken(now))
            found = connection.scalars(free.order_by(alerts.c.id).with_for_update()).all()
            if len(found) < sum(len(entry.alerts) for entry in entries):
                return False
            connection.execute(update(alerts).where(mine).values(claimed_by=self._name, claimed_at=now))
        return True

    def _release(self) -> None:
        """Take our name off what we are not sending: of that we know that it was not sent."""
        if not self._is_shared or not self._claims:
            return
        mine = (alerts.c.channel == self._channel.id) & (alerts.c.claimed_by == self._name)
        free = update(alerts).where(mine, alerts.c.status == "waiting").values(claimed_by=None, claimed_at=None)
        with self._records.writing() as connection:
            connection.execute(free)
        self._claims = False

    def _taken(self, now: Instant) -> ColumnElement[bool]:
        """Alerts that another process sends now."""
        return and_(
            alerts.c.claimed_by.is_not(None),
            alerts.c.claimed_by != self._name,
            alerts.c.claimed_at > now - CLAIM_S,
            alerts.c.claimed_at <= now + CLAIM_S,  # the clock was not set back since
        )

    def _messages(self) -> Iterator[tuple[Sequence[Entry], AlertText]]:
        """What may be sent now, and in which words."""
        channel, now = self._channel, self._clock.now()
        with self._records.reading() as connection:
            waiting = self._waiting(connection)
            if not waiting:
                return
            told_at = self._told_at(connection, waiting) if channel.cooldown_s else {}
            entries = entries_of(waiting, now, merge=channel.merges, cooldown_s=channel.cooldown_s, told_at=told_at)
            mine = (alert_messages.c.channel == channel.id) & alert_messages.c.at.between(now - MINUTE_S, now)
            sent_at = connection.scalars(select(alert_messages.c.at).where(mine)).all()
            together = channel.pace.messages(entries, sent_at, now)
            many = [entry.alert.event_id for some in together if len(some) > 1 for entry in some]
            incidents = load_incidents(connection, sorted(set(many)))
        for some in together:
            if len(some) == 1:
                yield some, self._single(some[0].alert)
            else:
                digests = list(self._digests(some, [self._line(entry, incidents) for entry in some]))
                yield from digests[: channel.pace.room(sent_at, now)]

    def _single(self, alert: Waiting) -> AlertText:
        """An alert as it is; to people, with a link by which they say that they see to it."""
        if self._links is None or alert.word == "cleared" or not self._channel.merges:
            return AlertText(alert.title, alert.body)
        url = self._links.url(alert.event_id, alert.opening, alert.id, self._channel.language)
        line = f"{LINK_WORDS[self._channel.language]}{url}"
        # The link stands last; whatever is too long gives way to it.
        title = cut(alert.title, _TITLE_BYTES)
        room = self._channel.digest_bytes - len(f"{title}\n\n{line}".encode())
        return AlertText(title, f"{cut(alert.body, room)}\n{line}")

    def _line(self, entry: Entry, incidents: dict[str, Incident]) -> str:
        alert, incident = entry.alert, incidents.get(entry.alert.event_id)
        if incident is None:
            return alert.title
        return digest_line(incident, alert.word, self._channel.language, self._labels)

    def _digests(self, entries: Sequence[Entry], lines: Sequence[str]) -> Iterator[tuple[Sequence[Entry], AlertText]]:
        first, language = 0, self._channel.language
        inbox = None if self._links is None or not self._channel.merges else self._links.inbox
        last = [] if inbox is None else [f"{INBOX_WORDS[language]}{inbox}"]
        room = self._channel.digest_bytes - len(digest_title(len(entries), language).encode()) - 1
        for count in fit(lines, room - sum(len(line.encode()) + 1 for line in last)):
            some = slice(first, first + count)
            yield entries[some], AlertText(digest_title(count, language), "\n".join([*lines[some], *last]))
            first += count

    def _waiting(self, connection: Connection) -> list[Waiting]:
        columns = [alerts.c[name] for name in Waiting.__dataclass_fields__]
        mine = (alerts.c.status == "waiting") & (alerts.c.channel == self._channel.id)
        if self._is_shared:
            mine &= alerts.c.event_id.not_in(select(alerts.c.event_id).where(mine, self._taken(self._clock.now())))
        statement = select(*columns).where(mine).order_by(alerts.c.id).limit(_PASS_ROWS)
        return [Waiting(*row) for row in connection.execute(statement)]

    def _told_at(self, connection: Connection, waiting: Sequence[Waiting]) -> dict[str, Instant]:
        """When it was last sent that an incident is open, of those that opened again."""
        again = {alert.event_id for alert in waiting if alert.opening > 1}
        mine = (alerts.c.status == "sent") & (alerts.c.channel == self._channel.id) & (alerts.c.phase == "raised")
        newest = select(alerts.c.event_id, func.max(alerts.c.done_at)).group_by(alerts.c.event_id)
        rows = connection.execute(newest.where(mine, alerts.c.event_id.in_(again)))
        return {row[0]: row[1] for row in rows}

    def _send(self, entries: Sequence[Entry], text: AlertText) -> bool:
        first, keys = entries[0].alert, [entry.alert.key for entry in entries]
        if len(entries) == 1:
            sent = self._channel.send(text, key=keys[0], event_id=first.event_id, phase=first.word)
        else:
            key = f"digest:{hashlib.sha256(' '.join(keys).encode()).hexdigest()[:16]}"
            sent = self._channel.send(text, key=key, event_id="", phase="digest", keys=keys)
        if sent:
            self._note.write([alert.id for entry in entries for alert in entry.alerts])
            self._mark_noted()
        else:
            self._mark_failed(entries)
        return sent

    def _mark_noted(self) -> None:
        """Mark the alerts of the note as sent: those just sent, or those of the last message before a crash."""
        if not (numbers := self._note.numbers):
            return
        now = self._clock.now()
        newest = select(func.max(alerts.c.id)).where(alerts.c.id.in_(numbers)).group_by(alerts.c.event_id)
        mine = alerts.c.id.in_(numbers) & (alerts.c.status == "waiting")
        done = update(alerts).where(mine).values(status="sent", attempts=alerts.c.attempts + 1, done_at=now)
        with self._records.writing() as connection:
            self._count_message(connection, now)
            said = set(connection.scalars(newest)) if self._channel.merges else set(numbers)
            sent = connection.execute(done).rowcount
            if merged := set(numbers) - said:
                connection.execute(update(alerts).where(alerts.c.id.in_(merged)).values(status="merged"))
        self._note.clear()
        self._metrics.alerts.labels("sent").inc(max(0, sent - len(merged)))
        self._metrics.alerts.labels("merged").inc(len(merged))

    def _mark_failed(self, entries: Sequence[Entry]) -> None:
        now = self._clock.now()
        late: list[str] = []
        with self._records.writing() as connection:
            self._count_message(connection, now)
            for alert in (alert for entry in entries for alert in entry.alerts):
                wait_s = min(self._first_wait_s * 2 ** min(alert.attempts, 20), LONGEST_WAIT_S)
                change = update(alerts).where(alerts.c.id == alert.id)
                connection.execute(change.values(attempts=alert.attempts + 1, next_at=now + wait_s))
                if now - (alert.held_until or alert.created_at) > GIVE_UP_S:
                    connection.execute(change.values(status="failed", done_at=now))
                    late.append(alert.key)
        count = sum(len(entry.alerts) for entry in entries)
        self._metrics.alerts.labels("failed").inc(len(late))
        self._metrics.alerts.labels("retried").inc(count - len(late))
        what = entries[0].alert.key if count == 1 else f"{entries[0].alert.key} and {count - 1} more"
        trouble, outcome = self._channel.trouble, f"{len(late)} given up" if late else "tried again later"
        _log.warning("%s did not take alert %s (%s): %s", self._channel.name, what, trouble, outcome)

    def _count_message(self, connection: Connection, now: Instant) -> None:
        """One more message of the channel, taken or not; receivers count both."""
        if self._channel.pace.per_minute is not None:
            old = (alert_messages.c.channel == self._channel.id) & (alert_messages.c.at < now - _KEPT_S)
            connection.execute(delete(alert_messages).where(old))
            connection.execute(insert(alert_messages).values(channel=self._channel.id, at=now))

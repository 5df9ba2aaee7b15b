"""Messages from the outbox to the broker: at least once, in order, whatever the broker does meanwhile.

The outbox is the truth. Each connection starts with its oldest message and hands rows over in order of commit;
a row leaves the outbox when the broker has acknowledged it. What was on its way when a connection broke is sent
again by the next one. So is what the broker acknowledged in its last seconds: a broker that crashes takes
messages with it that it had not passed on (mosquitto writes its memory to disk now and then only). The centre
counts each (node, boot, seq) once.

A row that the broker refuses stays. Where it refuses this one row (too large, malformed), the row is left
behind until the next connection; where it refuses for a reason that lasts (not authorised, over quota), all rows
of this kind are left behind while the other kinds go on, and after a break that grows it is tried again with a
single row, from the oldest one left behind.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Literal

import msgspec
from paho.mqtt.client import MQTTMessage
from paho.mqtt.reasoncodes import ReasonCode

from edge._connection import Connection, LinkError
from edge._flow import Breaks, Flow, Recent, Retry
from edge._replies import Picture, Replies, Reply, Request
from edge.config import ConfigRequest
from edge.duty import DutyRequest
from edge.outbox import Outbox, Row
from hall import duty, labels
from hall.broker import BrokerSettings, tls_context
from hall.clock import Clock
from hall.config_set import REQUEST
from hall.errors import InputError, MessageError
from hall.labels import LabelTable
from hall.messages import StatusBody, compose, decode, encode
from hall.pictures import PICTURES
from hall.topics import Address
from hall.wake import Wake

__all__ = ["Publisher", "Retry"]

Status = Literal["online", "stopped", "offline"]

log = logging.getLogger(__name__)

INFLIGHT = 200
LATE_AFTER_S = 30.0
DRAIN_S = 5.0
_FAREWELL_S = 1.0
"""How long the acknowledgement of `stopped` may take."""

_STATUSES = 2
"""`online` and `stopped` may both be on their way beside the rows."""

_BRIEF = 3
"""So many connections in a row that were accepted and soon lost look like two boxes of one name."""

_TOGETHER = 32
"""So many acknowledgements leave the outbox in one commit; a crash sends up to so many again."""

_THIS_ROW = frozenset({0x90, 0x95, 0x99})
"""Topic name invalid, packet too large, payload format invalid: MQTT 5, section 3.4.2.1."""


class Publisher:
    """Sends what the outbox holds, and says whether the node is there.

    The status topic carries `online` after each connect, `stopped` after `stop`, and `offline` as last will, all
    retained. They have seq 0 and pass by the outbox.

    Args:
        outbox: where the messages wait; data messages are numbered from 1.
        address: the node.
        boot: id of this run.
        version: of hallwatch, for the status.
        settings: the broker.
        clock: wall clock, for the age of messages and the time of the status.
        late_after_s: a message older than this when it is sent is marked `late`. A late `state` is not
            retained, unless there is no newer one.
        inflight: messages that may wait for their acknowledgement; the broker may allow fewer.
        retry: breaks between attempts.
        on_request: told what comes on `config/set`, in the publisher's thread; without it nobody listens there.
        on_duty: the same of `duty/set`.
        on_labels: the same of `label/set`.
        on_picture: the same of what asks for a picture, `hall.pictures`.

    Raises:
        InputError: the CA file holds no certificate.
    """

    def __init__(
        self,
        outbox: Outbox,
        address: Address,
        boot: str,
        version: str,
        settings: BrokerSettings,
        clock: Clock,
        *,
        late_after_s: float = LATE_AFTER_S,
        inflight: int = INFLIGHT,
        retry: Retry | None = None,
        on_request: Callable[[ConfigRequest], None] | None = None,
        on_duty: Callable[[DutyRequest], None] | None = None,
        on_labels: Callable[[LabelTable], None] | None = None,
        on_picture: Callable[[Request], None] | None = None,
    ) -> None:
        if not 1 <= inflight <= 60_000:
            raise ValueError(f"inflight {inflight}; expected 1 to 60000 (packet ids end at 65535)")
        self._outbox = outbox
        self._address = address
        self._boot = boot
        self._version = version
        # Without `/`, which mosquitto refuses in ids where its access list has patterns.
        self._client_id = f"hallwatch:{address.hall}:{address.floor}:{address.node}"
        self._settings = settings
        self._tls = tls_context(settings)
        self._clock = clock
        self._late_after_s = late_after_s
        self._inflight = inflight
        self._retry = retry or Retry()
        self._on_request, self._on_duty, self._on_labels = on_request, on_duty, on_labels
        self._on_picture = on_picture
        self._replies = Replies(address, boot, clock)
        self._wake = Wake()
        self._stopping = threading.Event()
        self._stop_by = 0.0
        self._connected = False
        self._last_error: str | None = None
        self._retained_id = 0
        self._recent = Recent()
        self._flow = Flow()
        self._refusals = Breaks(self._retry)
        self._thread = threading.Thread(target=self._run, name=f"publisher-{address.node}", daemon=True)

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted us and the connection stands."""
        return self._connected

    @property
    def last_error(self) -> str | None:
        """Why nothing or not everything goes out, without any secret; None while all is well."""
        return self._last_error

    def start(self) -> None:
        """Begin; a broker that is away is tried again and again."""
        self._thread.start()

    def notify(self) -> None:
        """Say that something was committed."""
        self._wake.set()

    def reply(self, answer: Reply | Picture) -> None:
        """Answer a request. Replies pass by the outbox, with seq 0: one that is lost is asked for again."""
        self._replies.put(answer)
        self._wake.set()

    def stop(self, drain_s: float = DRAIN_S) -> int:
        """Send what waits, for `drain_s` at most, then say `stopped` and disconnect.

        A connection attempt under way is not cut short and may add 10 s.

        Returns:
            how many messages are left in the outbox for the next start.
        """
        self._stop_by = time.monotonic() + drain_s
        self._stopping.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._wake.close()
        return self._outbox.depth

    # --- the thread

    def _run(self) -> None:
        try:
            self._keep_serving()
        except BaseException as exc:
            # A defect of ours: the thread ends with its traceback, and health must say so.
            self._last_error = f"the sender has died: {exc!r}"
            raise

    def _keep_serving(self) -> None:
        breaks, brief = Breaks(self._retry), 0
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self._serve()
            except LinkError as exc:
                if self._connected:
                    self._recent.lost()
                lived = time.monotonic() - began > self._retry.most_s
                brief = 0 if lived or not self._connected else brief + 1
                # Not every broker tells the session that it ends why it does.
                hint = f"; does another process use the id {self._client_id}?" if brief >= _BRIEF else ""
                self._report(f"{exc}{hint}")
                if lived:
                    breaks.reset()
                self._connected = False
                self._stopping.wait(breaks.take(refused=exc.refused))
            finally:
                self._connected = False

    def _serve(self) -> None:
        """One connection, from the first word to the last."""
        self._flow = Flow(again=self._recent.rows())
        connection = Connection(
            self._settings,
            self._tls,
            client_id=self._client_id,
            will=self._status("offline"),
            window=self._inflight + _STATUSES,
            on_ack=self._judged,
            on_arrival=self._asked,
        )
        try:
            connection.open()
            self._connected = True
            self._last_error = None
            log.info("publisher %s: connected to %s", self._address, self._settings.address)
            self._say(connection, "online")
            for kind in self._heard:
                connection.subscribe(self._address.topic(kind))
            while not self._finished():
                self._replies.send(connection)
                self._send(connection)
                connection.turn(self._until_due(), self._wake)
                # Each time is a commit, so while more is on its way it waits for some company.
                self._settle(_TOGETHER if self._flow.inflight else 1)
            self._say(connection, "stopped")
            deadline = time.monotonic() + _FAREWELL_S
            while self._flow.status is not None and time.monotonic() < deadline:
                connection.turn(deadline - time.monotonic())
            connection.close()
        finally:
            # Acknowledged before the connection broke: these need not be sent again.
            self._settle()
            connection.drop()

    @property
    def _heard(self) -> list[str]:
        told: list[tuple[str, object]] = [(REQUEST, self._on_request), (duty.REQUEST, self._on_duty)]
        told += [(labels.REQUEST, self._on_labels), *((kind, self._on_picture) for kind in sorted(PICTURES))]
        return [kind for kind, handler in told if handler is not None]

    def _asked(self, message: MQTTMessage) -> None:
        kind, payload, properties = self._address.kind_of(message.topic), bytes(message.payload), message.properties
        correlation = getattr(properties, "CorrelationData", None)
        to = self._address.answers(getattr(properties, "ResponseTopic", None))
        if kind == duty.REQUEST and self._on_duty is not None:
            self._on_duty(DutyRequest(payload, correlation, message.retain))
        elif kind == labels.REQUEST:
            self._labelled(payload)
        elif kind in PICTURES and self._on_picture is not None:
            self._on_picture(Request(kind, payload, correlation, to))
        elif kind == REQUEST and self._on_request is not None:
            said = dict(getattr(properties, "UserProperty", []))
            base, signature = said.get("base"), said.get("signature")
            self._on_request(ConfigRequest(payload, str(message.topic), correlation, base, signature, to))

    def _labelled(self, payload: bytes) -> None:
        try:
            table = labels.decode_labels(payload)
        except InputError as exc:
            log.warning("publisher %s: labels not taken: %s", self._address, exc)
            return
        if self._on_labels is not None:
            self._on_labels(table)

    def _finished(self) -> bool:
        if not self._stopping.is_set():
            return False
        flow = self._flow
        drained = not flow.inflight and not flow.again and flow.cursor >= self._outbox.last_id
        return drained or time.monotonic() >= self._stop_by

    def _until_due(self) -> float:
        """Seconds until something is due by itself; the connection looks up more often than the first anyway."""
        due = [60.0]
        # With rows on their way the verdict on these comes first, and wakes by itself.
        if self._flow.blocked and not self._flow.inflight:
            due.append(self._flow.resume_at - time.monotonic())
        if self._stopping.is_set():
            due.append(self._stop_by - time.monotonic())
        return max(0.0, min(due))

    def _send(self, connection: Connection) -> None:
        """Hand over what the window has room for, in order."""
        flow = self._flow
        if flow.blocked and time.monotonic() >= flow.resume_at:
            # What is on its way first gets its verdict, so that no row is there twice.
            if flow.inflight:
                return
            flow.resume()
        if flow.status is not None and connection.window <= _STATUSES:
            return  # a broker that takes this few takes one after the other
        window = 1 if flow.probation else max(1, min(self._inflight, connection.window - _STATUSES))
        room = window - len(flow.inflight)
        # A window that is half empty is filled in one go: one query for many rows.
        if room * 2 < window:
            return
        for row in self._next_rows(room):
            late = self._clock.now() - row.captured_at > self._late_after_s
            self._hand_over(connection, row, late=late)

    def _next_rows(self, room: int) -> list[Row]:
        flow = self._flow
        if flow.again:
            return [flow.again.popleft() for _ in range(min(room, len(flow.again)))]
        last_id = self._outbox.last_id
        if flow.cursor >= last_id:
            flow.probation.clear()  # none of them waits any more
            return []
        rows = self._outbox.next_batch(room, after=flow.cursor)
        if not rows and self._outbox.error is None:
            flow.cursor = last_id  # they have all been sent or thinned
        flow.cursor = rows[-1].id if rows else flow.cursor
        return rows

    def _hand_over(self, connection: Connection, row: Row, *, late: bool) -> None:
        flow = self._flow
        if row.kind in flow.blocked:
            flow.leave(row)
            return
        payload = _marked_late(row) if late else row.payload
        if not connection.fits(row.topic, payload):
            self._report(f"{row.kind} of {len(payload)} bytes is more than {self._settings.address} takes")
            return
        # History must not stand where live state is looked for, unless it is the newest there is.
        newest = row.id >= self._outbox.newest_state_id
        retain = row.retained and row.id >= self._retained_id and (newest or not late)
        flow.inflight[connection.publish(row.topic, payload, retain=retain)] = row

    def _judged(self, mid: int, reason: ReasonCode) -> None:
        """The broker's verdict on a message."""
        flow = self._flow
        if mid == flow.status:
            flow.status = None
        row = flow.inflight.pop(mid, None)
        if reason.is_failure:
            self._report(f"{self._settings.address} refuses {row.kind if row else 'status'}: {reason}")
            if row is not None and reason.value not in _THIS_ROW:
                self._block(row)
        elif row is not None:
            flow.done.append(row.id)
            self._recent.add(row)
            flow.probation.discard(row.kind)
            if row.retained:
                self._retained_id = max(self._retained_id, row.id)
            if not flow.blocked and not flow.probation:
                self._refusals.reset()
                self._last_error = None

    def _block(self, row: Row) -> None:
        flow = self._flow
        flow.leave(row)
        flow.probation.discard(row.kind)
        if not flow.blocked:
            flow.resume_at = time.monotonic() + self._refusals.take()
        flow.blocked.add(row.kind)

    def _settle(self, at_least: int = 1) -> None:
        """Let go of what the broker has taken."""
        if len(self._flow.done) >= at_least:
            self._outbox.acknowledge(self._flow.done)
            self._flow.done = []

    def _say(self, connection: Connection, status: Status) -> None:
        topic, payload = self._status(status)
        self._flow.status = connection.publish(topic, payload, retain=True)

    def _status(self, status: Status) -> tuple[str, bytes]:
        message = compose(
            self._address, self._boot, 0, self._clock.now(), StatusBody(status=status, version=self._version)
        )
        return message.topic, encode(message)

    def _report(self, error: str) -> None:
        if error != self._last_error:
            log.warning("publisher %s: %s", self._address, error)
        self._last_error = error


def _marked_late(row: Row) -> bytes:
    try:
        return encode(msgspec.structs.replace(decode(row.payload), late=True))
    except MessageError as exc:
        # An older hallwatch wrote it before an update: the centre judges it.
        log.warning("outbox row %d cannot be marked late: %s", row.id, exc)
        return row.payload

"""The MQTT side: takes what nodes publish, in batches, and acknowledges a batch when it is on record.

The session is persistent, so what arrives while this process is away waits at the broker; what was delivered but
not acknowledged comes again. The broker keeps at most `RECEIVE_MAXIMUM` messages in flight, and nothing is read
while `_IN_FLIGHT` batches wait for the store, which bounds memory.

A request comes as an `Arrival` with `asked`: where its answer goes and with which correlation data (MQTT 5, 4.10).
Whoever takes it in calls `Subscriber.reply(asked.response_topic, payload, asked.correlation)`, from any thread and
after its commit: what is not on record yet is not answered, and a request that comes again is answered again.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hall.broker import BrokerSettings, tls_context
from hall.clock import Clock
from hall.errors import BrokerError, RecordsError
from hall.topics import SUBSCRIPTION, parse_input_topic
from hall.wake import Wake
from ingest._link import Answer, Link
from ingest.arrivals import Arrival
from ingest.counter import Counter
from ingest.intake import Intake, Prepared
from ingest.metrics import Metrics

_log = logging.getLogger(__name__)

BATCH_MESSAGES = 500
BATCH_BYTES = 4_000_000
BATCH_WAIT_S = 0.05
"""How long a batch may gather: a commit costs a few milliseconds however much is in it."""

_IN_FLIGHT = 3
"""Batches that may wait for the store while the next one is read."""

RECEIVE_MAXIMUM = (_IN_FLIGHT + 1) * BATCH_MESSAGES
_RETRY_S = 1.0
_IDLE_S = 5.0
_MAX_FIELD_BYTES = 65_535
_NODE_DEPTH = SUBSCRIPTION.count("/")
_ANSWERS = 10_000
"""Answers that may wait for the broker; who gets none asks again."""


@dataclass(slots=True)
class _Batch:
    """Messages that are being taken in, and what is to be acknowledged then, on the connection they came by."""

    prepared: Prepared
    requests: deque[Arrival]
    packet_ids: list[int]
    newest: float
    is_settled: bool = False


class Subscriber:
    """Subscribes to every node and feeds the intake, all in one thread.

    Args:
        client_id: names the persistent session; two processes must not share one.
        topics: what to subscribe to; `$share/NAME/...` to share the work with other processes.
        counter: takes in what other systems of the halls ask.
        retry_s: before the first attempt to connect again; it doubles up to ten times as much.
        in_place_of: this one stands in for the owner of the session, which is gone: it takes in what is there and gives
            the subscription back, as long as this says that it is gone.

    Raises:
        InputError: the file with the broker's authority is none.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        client_id: str,
        intake: Intake,
        metrics: Metrics,
        clock: Clock,
        *,
        topics: Sequence[str] = (SUBSCRIPTION,),
        counter: Counter | None = None,
        retry_s: float = 1.0,
        in_place_of: Callable[[], bool] | None = None,
    ) -> None:
        self._counter = counter
        self._in_place_of = in_place_of
        self._settings = settings
        self._context = tls_context(settings)
        self._client_id = client_id
        self._intake = intake
        self._metrics = metrics
        self._clock = clock
        self._topics = tuple(topics)
        self._retry_s = retry_s
        self._pending: deque[_Batch] = deque()
        self._answers: deque[Answer] = deque(maxlen=_ANSWERS)
        self._said: str | None = None
        self._wake = Wake()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
        self.trouble: str | None = "not connected yet"
        """Why no messages come now; None while the broker is there."""
        self.records_trouble: str | None = None
        """Why nothing can be written down now; None while it can."""

    def start(self) -> None:
        """Connect, and again whenever the connection is lost; a broker that is away is waited for."""
        self._thread.start()

    def stop(self) -> None:
        """Put on record what was taken in, acknowledge it and leave. The session stays at the broker."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        self._wake.close()

    def reply(self, topic: str, payload: bytes, correlation: bytes | None = None) -> None:
        """Publish an answer with QoS 1, from any thread, at once or when the broker is there again.

        Nothing is kept over a restart, nor more than 10,000 that wait.

        Args:
            topic: as the request names it. Look at it first: who asks must not make the centre speak anywhere.
            payload: what to say.
            correlation: correlation data of the request.

        Raises:
            ValueError: this cannot be published.
        """
        if (
            not topic
            or set("+#\0") & set(topic)
            or max(len(topic.encode()), len(correlation or b"")) > _MAX_FIELD_BYTES
        ):
            raise ValueError(
                f"topic {topic[:80]!r}, {len(correlation or b'')} bytes of correlation data; expected a topic without "
                f"wildcards, {_MAX_FIELD_BYTES} bytes at most"
            )
        self._answers.append(Answer(topic, payload, correlation))
        self._wake.set()

    def retain(self, topic: str, payload: bytes) -> None:
        """Publish what stands at the broker until something else is retained there; otherwise as `reply`."""
        self._answers.append(Answer(topic, payload, retain=True))
        self._wake.set()

    def _run(self) -> None:
        try:
            wait_s = 0.0
            while not self._stop.wait(wait_s):
                if self._in_place_of is not None and not self._in_place_of():
                    return
                try:
                    self._serve()
                    wait_s = 0.0
                except BrokerError as exc:
                    wait_s = min(max(2 * wait_s, self._retry_s), 10 * self._retry_s) if self.trouble else self._retry_s
                    if not self._stop.is_set():
                        self._lost(str(exc))
        finally:
            if not self._stop.is_set():
                self.records_trouble = "the intake ended on a fault of its own; see the log"

    def _serve(self) -> None:
        """Take in what comes by one connection, until it is lost or it is time to stop."""
        link = Link(self._settings, self._context, self._client_id, RECEIVE_MAXIMUM, self._wake, self._clock)
        try:
            if self._in_place_of is None:
                link.subscribe(self._topics)
            else:
                link.unsubscribe(self._topics)
            while not self._stop.is_set():
                batch = self._gather(link)
                if link.is_subscribed and self.trouble is not None:
                    self._connected()
                if batch:
                    self._begin(link, batch)
                while self._pending and (not batch or self._is_due(self._pending)) and self._finish(link):
                    pass
                self._answer(link)
            while self._pending and self._finish(link):
                pass
            self._answer(link)
            link.leave()
        finally:
            link.close()
            self._answers.extendleft(reversed(link.unpublished))
            # Without the connection nothing of it is acknowledged: it comes again, and is a duplicate where it is
            # on record by then.
            while self._pending and self._settle(self._pending[0]):
                self._pending.popleft()
            self._pending.clear()

    @staticmethod
    def _is_due(pending: deque[_Batch]) -> bool:
        return len(pending) > _IN_FLIGHT or pending[0].prepared.is_safe

    def _gather(self, link: Link) -> list[Arrival]:
        """The next batch; empty where nothing is there and others wait to be finished, or it is time to stop."""
        batch = link.receive(0.0 if self._pending else _IDLE_S, BATCH_MESSAGES, BATCH_BYTES)
        size = sum(len(arrival.payload) for arrival in batch)
        deadline = self._clock.monotonic() + BATCH_WAIT_S
        while batch and len(batch) < BATCH_MESSAGES and size < BATCH_BYTES and not self._stop.is_set():
            left_s = deadline - self._clock.monotonic()
            more = link.receive(left_s, BATCH_MESSAGES - len(batch), BATCH_BYTES - size)
            if not more and left_s <= 0:
                break
            batch += more
            size += sum(len(arrival.payload) for arrival in more)
        return batch

    def _answer(self, link: Link) -> None:
        while self._answers:
            link.publish(self._answers.popleft())

    def _begin(self, link: Link, batch: list[Arrival]) -> None:
        arrivals = batch
        requests: deque[Arrival] = deque()
        if self._counter is not None and any(map(_is_request, arrivals)):
            requests.extend(filter(_is_request, arrivals))
            arrivals = [arrival for arrival in arrivals if not _is_request(arrival)]
        packet_ids = [arrival.packet_id for arrival in batch if arrival.packet_id]
        while True:
            try:
                prepared = self._intake.prepare(arrivals)
            except RecordsError as exc:
                if not self._records_failed(link, exc):
                    return  # not acknowledged, so it comes again
            else:
                self._pending.append(_Batch(prepared, requests, packet_ids, batch[-1].received_at))
                return

    def _finish(self, link: Link) -> bool:
        """Put the oldest batch on record and acknowledge it; False where it is time to stop before that."""
        batch = self._pending[0]
        if not self._settle(batch, link):
            return False
        self._pending.popleft()
        link.acknowledge(batch.packet_ids)
        return True

    def _settle(self, batch: _Batch, link: Link | None = None) -> bool:
        while True:
            try:
                if not batch.is_settled:
                    self._intake.settle(batch.prepared)
                    batch.is_settled = True
                self._take_requests(batch.requests)
            except RecordsError as exc:
                if not self._records_failed(link, exc):
                    return False
            else:
                self.records_trouble = None
                self._metrics.last_message.set(batch.newest)
                return True

    def _take_requests(self, requests: deque[Arrival]) -> None:
        while requests and self._counter is not None:
            self._answers.append(self._counter.answer(requests[0]))
            requests.popleft()

    def _records_failed(self, link: Link | None, error: RecordsError) -> bool:
        """Wait before the next attempt; False where it is time to stop."""
        if self.records_trouble is None:
            _log.error("messages wait at the broker: %s", error)
        self.records_trouble = str(error)
        if link is not None:
            link.keep_alive()
        return not self._stop.wait(_RETRY_S)

    def _connected(self) -> None:
        self.trouble = self._said = None
        self._metrics.connected.set(1)
        _log.info("connected to %s", self._settings.address)

    def _lost(self, why: str) -> None:
        self._metrics.connected.set(0)
        self.trouble = f"{self._settings.address}: {why}"
        if why != self._said:
            self._said = why
            _log.warning("%s; trying again", self.trouble)


def _is_request(arrival: Arrival) -> bool:
    return arrival.topic.count("/") < _NODE_DEPTH and parse_input_topic(arrival.topic) is not None

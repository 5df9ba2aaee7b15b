"""Requests of other systems on record: each counts once, and the same one again gets the same answer.

A request, all that follows from it and its key are written in one transaction; what was refused is a dead letter.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import cast

import msgspec
from sqlalchemy import Connection, RowMapping, insert, select

from hall.clock import Clock, Instant, to_datetime
from hall.errors import Fault
from hall.messages import SCHEMA, AnyBody, Message
from ingest import audit
from ingest._own_points import RatingPoint
from ingest._sql import claim
from ingest._tables_inputs import duty, ratings, requests
from ingest.dead_letters import DeadLetter, save_dead_letters
from ingest.inputs import (
    AnyRequest,
    DutyRequest,
    InputKind,
    RatingRequest,
    RefusedError,
    TicketRequest,
    check_time,
    read_request,
    shown,
    without_secrets,
)
from ingest.metrics import Metrics
from ingest.outlet import Outlet
from ingest.places import Places
from ingest.points import points_of
from ingest.records import Records
from ingest.tickets import put_ticket

_log = logging.getLogger(__name__)

_BACK_S = 7 * 86_400.0
_AHEAD_S = 300.0
_POINTED = 10_000
"""Ratings whose points are known to be sent."""
_DUTY_AHEAD_S = 86_400.0
_LEAVE_MOST_S = 400 * 86_400.0


class InputAnswer(msgspec.Struct, frozen=True):
    """What became of a request; the same one again gets the same answer. `error` says every fault."""

    request: InputKind
    accepted: bool
    key: str | None = None
    error: str | None = None


class RatingView(msgspec.Struct, frozen=True):
    """A rating: 5 is very good, 1 very bad."""

    hall: str
    floor: str
    window: str
    score: int
    ticket: str | None
    at: Instant


def rating_view(row: RowMapping) -> RatingView:
    """A rating from its row."""
    return RatingView(**{name: value for name, value in row.items() if name != "key"})


@dataclass(frozen=True, slots=True)
class Sender:
    """Who asks, and by which way.

    Attributes:
        hall: of which hall it is.
        way: for dead letters: a topic, or a path.
        account: the name of who is logged in; None by MQTT, where a duty command says it itself.
    """

    hall: str
    way: str
    account: str | None = None


class InputBook:
    """Takes requests into the records.

    Args:
        outlet: where the points of ratings go; None without a time-series store.
        places: knows windows and zones.
        on_duty: called after a duty command was put on record.
    """

    def __init__(
        self,
        records: Records,
        outlet: Outlet | None,
        metrics: Metrics,
        clock: Clock,
        places: Places,
        *,
        on_duty: Callable[[], None] = lambda: None,
    ) -> None:
        self._records, self._outlet, self._metrics, self._clock = records, outlet, metrics, clock
        self._places, self._on_duty = places, on_duty
        self._pointed: dict[tuple[str, str], None] = {}

    def take(self, kind: InputKind, payload: bytes, sender: Sender) -> InputAnswer:
        """Put a request on record, once.

        Raises:
            RefusedError: it is not taken; it is a dead letter now.
            RecordsError: it is not on record; ask again.
        """
        now = self._clock.now()
        try:
            request = read_request(kind, payload)
            if not self._was_taken(request, sender):
                self._check(request, sender, now)
                self._take(request, sender, now)
            if isinstance(request, RatingRequest):
                self._send_point(request, sender)
        except RefusedError as exc:
            self._refuse(exc, payload, sender, now, kind)
            raise
        self._metrics.messages.labels(kind).inc()
        return InputAnswer(kind, accepted=True, key=request.key)

    def _was_taken(self, request: AnyRequest, sender: Sender) -> bool:
        """Whether this very request is on record: then it was right when it came.

        Raises:
            RefusedError: another one had its key.
        """
        with self._records.reading() as connection:
            known = _known(connection, request, sender)
        if known is not None and known != _digest(request):
            raise _taken(request)
        return known is not None

    def _check(self, request: AnyRequest, sender: Sender, now: Instant) -> None:
        """Whether a request can be meant, now and in this hall."""
        kind = request.kind
        if self._places.halls is not None:
            _one_of(kind, "hall", sender.hall, self._places.halls)
        is_duty = isinstance(request, DutyRequest)
        latest = now + (_DUTY_AHEAD_S if is_duty else _AHEAD_S)
        if request.at is not None:
            check_time(kind, "at", request.at.timestamp(), earliest=now - _BACK_S, latest=latest)
        if isinstance(request, DutyRequest):
            _check_duty(request, sender, now)
        if request.window is not None:
            with self._records.reading() as connection:
                _one_of(kind, "window", request.window, self._places.of(sender.hall).windows(connection, sender.hall))
        if isinstance(request, TicketRequest):
            places = self._places.of(sender.hall)
            if request.service is not None and places.services is not None:
                _one_of(kind, "service", request.service, places.services)
            if request.zone is not None and places.zones is not None:
                _one_of(kind, "zone", request.zone, places.zones)

    def _take(self, request: AnyRequest, sender: Sender, now: Instant) -> None:
        at = now if request.at is None else request.at.timestamp()
        is_new = self._records.write(lambda connection: self._put(connection, request, sender, at, now))
        if is_new and isinstance(request, DutyRequest):
            self._on_duty()

    def _put(self, connection: Connection, request: AnyRequest, sender: Sender, at: Instant, now: Instant) -> bool:
        """Write down what is asked, unless it was before; whether it was not."""
        row = {"hall": sender.hall, "kind": request.kind, "key": request.key, "digest": _digest(request), "at": now}
        if not claim(connection, requests, row):
            if _known(connection, request, sender) != row["digest"]:
                raise _taken(request)
            return False
        match request:
            case TicketRequest():
                put_ticket(connection, sender.hall, request, at, self._places.of(sender.hall))
            case RatingRequest():
                self._put_rating(connection, request, sender.hall, at)
            case DutyRequest():
                self._put_duty(connection, request, sender, at, now)
        return True

    def _put_rating(self, connection: Connection, request: RatingRequest, hall: str, at: Instant) -> None:
        floor = self._places.of(hall).windows(connection, hall)[request.window]
        row = {"hall": hall, "key": request.key, "floor": floor, "window": request.window, "score": request.score}
        connection.execute(insert(ratings).values(**row, ticket=request.ticket, at=at))

    def _put_duty(
        self, connection: Connection, request: DutyRequest, sender: Sender, since: Instant, now: Instant
    ) -> None:
        by = sender.account or request.by or "mqtt"
        until = None if request.until is None else request.until.timestamp()
        floor = self._places.of(sender.hall).windows(connection, sender.hall)[request.window]
        row = {"hall": sender.hall, "floor": floor, "window": request.window, "duty": request.duty}
        connection.execute(insert(duty).values(**row, since=since, until=until, by=by, received_at=now))
        detail = {"duty": request.duty, "since": since, "until": until, "key": request.key, "way": sender.way}
        audit.append(connection, by, "duty.set", f"window/{sender.hall}/{request.window}", detail, now)

    def _send_point(self, request: RatingRequest, sender: Sender) -> None:
        """Send the point of a rating that is on record, once in the life of this process.

        Who gets no answer because it died asks again, and the same point goes again.
        """
        key = sender.hall, request.key
        if self._outlet is None or key in self._pointed:
            return
        mine = (ratings.c.hall == sender.hall) & (ratings.c.key == request.key)
        with self._records.reading() as connection:
            row = connection.execute(select(ratings).where(mine)).mappings().one_or_none()
        if row is not None:
            body = RatingPoint(request.key, row["window"], row["score"])
            points = points_of(message_of(sender.hall, row["floor"], row["at"], "rating", body), row["at"])
            assert points is not None
            self._outlet.finish(self._outlet.send([points]))
        self._pointed[key] = None
        if len(self._pointed) > _POINTED:
            self._pointed.pop(next(iter(self._pointed)))

    def _refuse(self, error: RefusedError, payload: bytes, sender: Sender, now: Instant, kind: InputKind) -> None:
        letter = DeadLetter.of(now, sender.way, "input", str(error), without_secrets(kind, payload))
        letter = replace(letter, size_bytes=len(payload))
        self._records.write(lambda connection: save_dead_letters(connection, [letter]))
        self._metrics.dead_letters.labels("input").inc()
        _log.warning("refused on %s: %s", sender.way, error)


def message_of(hall: str, floor: str, at: Instant, kind: str, body: object) -> Message:
    """What the centre says itself, as its points are written from messages."""
    return Message(SCHEMA, hall, floor, "", "centre", 0, to_datetime(at), kind, cast("AnyBody", body))


def _check_duty(request: DutyRequest, sender: Sender, now: Instant) -> None:
    if sender.account is not None and request.by is not None:
        raise RefusedError(request.kind, [Fault("by", request.by, f"nothing: it is whoever asks, {sender.account}")])
    if request.until is not None:
        since = now if request.at is None else request.at.timestamp()
        until = request.until.timestamp()
        if not since < until <= now + _LEAVE_MOST_S:
            fault = Fault("until", request.until.isoformat(), "a time after `at`, within 400 days")
            raise RefusedError(request.kind, [fault], conflict=True)


def _one_of(kind: InputKind, name: str, found: str, known: Collection[str]) -> None:
    if found not in known:
        some = ", ".join(sorted(known)[:20]) or "one that a box has told of; none has"
        raise RefusedError(kind, [Fault(name, shown(found), some)], conflict=True)


def _known(connection: Connection, request: AnyRequest, sender: Sender) -> str | None:
    """The digest of the request that had this key; None where none had."""
    key = {"hall": sender.hall, "kind": request.kind, "key": request.key}
    mine = [requests.c[name] == value for name, value in key.items()]
    return connection.scalar(select(requests.c.digest).where(*mine))


def _taken(request: AnyRequest) -> RefusedError:
    fault = Fault("key", f"{request.key}, which another request had", "a key of its own")
    return RefusedError(request.kind, [fault], conflict=True)


def _digest(request: AnyRequest) -> str:
    """What was asked, as it was sent: the time of a request that says none would make it another one."""
    said = request.model_dump(mode="json", exclude_unset=True)
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

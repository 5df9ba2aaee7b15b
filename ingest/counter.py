"""Where other systems of a hall come to by MQTT: their requests are taken in, and answered."""

from __future__ import annotations

from typing import cast

import msgspec

from hall.messages import correlation_text
from hall.topics import parse_input_topic, reply_topic
from ingest._link import Answer
from ingest.arrivals import Arrival
from ingest.input_book import InputAnswer, InputBook, Sender
from ingest.inputs import REQUESTS, InputKind, RefusedError


class RequestReply(InputAnswer, frozen=True, kw_only=True):
    """An answer as it is published; `correlation` is that of the request, hex where it is no text."""

    correlation: str | None = None


class Counter:
    """Takes requests in, one after the other.

    Args:
        book: puts them on record.
    """

    def __init__(self, book: InputBook) -> None:
        self._book = book

    def answer(self, arrival: Arrival) -> Answer:
        """Put a request on record, or among the dead letters, and say what became of it.

        Args:
            arrival: on a topic of `hall.topics.INPUTS`.

        Raises:
            RecordsError: neither; ask again.
        """
        where = parse_input_topic(arrival.topic)
        assert where is not None
        hall, kind = where[0], cast("InputKind", where[1])
        asked = arrival.asked
        try:
            said = self._book.take(kind, arrival.payload, Sender(hall, arrival.topic))
        except RefusedError as exc:
            said = InputAnswer(kind, accepted=False, key=_key(arrival.payload, kind), error=str(exc))
        correlation = None if asked is None else asked.correlation
        reply = RequestReply(**msgspec.structs.asdict(said), correlation=correlation_text(correlation))
        topic = reply_topic(hall, None if asked is None else asked.response_topic)
        return Answer(topic, msgspec.json.encode(reply), correlation)


def _key(payload: bytes, kind: InputKind) -> str | None:
    """The key of a request that is wrong otherwise, so that its sender knows it again."""
    try:
        said = msgspec.json.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    key = said.get("key") if isinstance(said, dict) else None
    return key if isinstance(key, str) and "key" in REQUESTS[kind].model_fields and len(key) <= 64 else None

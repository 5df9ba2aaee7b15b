"""Messages and points that were refused, kept for a person to look at. The table is bounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, func, insert, select

from hall.clock import Instant
from ingest.schema import dead_letters

MAX_ROWS = 10_000
"""The newest are kept: a node gone mad must not fill the disk."""

KEPT_BYTES = 4_096


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Something refused. `payload` is the beginning of it."""

    received_at: Instant
    topic: str
    reason: str
    detail: str
    size_bytes: int
    payload: bytes

    @classmethod
    def of(cls, at: Instant, topic: str, reason: str, detail: str, payload: bytes) -> DeadLetter:
        """A dead letter with payload, topic and detail cut to what is kept."""
        return cls(at, _text(topic, 300), reason, _text(detail, 500), len(payload), payload[:KEPT_BYTES])


def _text(text: str, most: int) -> str:
    """The beginning of a text; PostgreSQL keeps none with the character NUL."""
    return text[:most].replace("\0", "\ufffd")


def save_dead_letters(connection: Connection, letters: Sequence[DeadLetter]) -> None:
    """Write dead letters, and drop the oldest past `MAX_ROWS`."""
    if not letters:
        return
    connection.execute(insert(dead_letters), [asdict(letter) for letter in letters])
    newest = connection.scalar(select(func.max(dead_letters.c.id))) or 0
    connection.execute(delete(dead_letters).where(dead_letters.c.id <= newest - MAX_ROWS))

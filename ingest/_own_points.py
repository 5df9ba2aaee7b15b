"""What the centre says itself, as its points are written; `ingest.points` declares them."""

from __future__ import annotations

import msgspec


class RatingPoint(msgspec.Struct, frozen=True):
    """A rating, as its point is written."""

    key: str
    window: str
    score: int


class TicketsPoint(msgspec.Struct, frozen=True):
    """How long people with tickets wait in a zone, as its point is written."""

    zone: str
    waiting: int
    longest_wait_s: float | None
    called: int
    wait_p50_s: float | None
    wait_p90_s: float | None


class HandlingPoint(msgspec.Struct, frozen=True):
    """How the incidents of a rule on a floor are dealt with, as its point is written."""

    rule: str
    unattended: int
    raised: int
    acknowledged: int
    ack_p50_s: float | None
    ack_p90_s: float | None
    false_alarms: int
    false_share: float | None

"""Duty commands at the box: which table is in force, and what is answered to one that came."""

from __future__ import annotations

from dataclasses import dataclass

from edge._replies import Reply
from edge.pipeline import Pipeline
from hall.duty import REQUEST, DutyTable, decode_table
from hall.errors import InputError
from hall.messages import MAX_BYTES, ReplyBody, correlation_text


@dataclass(frozen=True, slots=True)
class DutyRequest:
    """A table of duty commands that came.

    Attributes:
        payload: JSON of it.
        correlation: what the reply must carry.
        retained: it stood at the broker, so nobody waits for an answer.
    """

    payload: bytes
    correlation: bytes | None = None
    retained: bool = False


def obey(pipeline: Pipeline, request: DutyRequest) -> InputError | None:
    """Go by a table from now on, unless something is wrong with it, which is returned.

    One of the revision that is in force is the same again, and is no error.
    """
    if len(request.payload) > MAX_BYTES:
        return InputError(f"{REQUEST}: {len(request.payload)} bytes; expected {MAX_BYTES} at most")
    try:
        table = decode_table(request.payload)
        check_revision(pipeline.duty, table)
    except InputError as exc:
        return exc
    pipeline.obey(table)
    return None


def check_revision(known: DutyTable, table: DutyTable) -> None:
    """Whether a table may replace the one in force.

    Raises:
        InputError: it is older.
    """
    if table.revision < known.revision:
        raise InputError(
            f"{REQUEST}: revision {table.revision}; expected {known.revision} or more: a newer one is in force"
        )


def duty_reply(request: DutyRequest, error: InputError | None) -> Reply:
    """What a sender is told."""
    said = None if error is None else str(error)
    body = ReplyBody(REQUEST, error is None, correlation_text(request.correlation), said)
    return Reply(body, request.correlation)

"""Labels that people gave to events: the centre hands each box those of its own, so that it keeps their pictures.

They are told as one retained message, `label/set`: a box that was away has them as soon as it is back.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from hall.errors import InputError
from hall.messages import MAX_BYTES

REQUEST = "label/set"
"""Kind of the topic by which a box gets its table."""

MOST_LABELS = 2_000
"""Of one table: the centre sends the newest."""

Label = Literal["false_alarm"]


EventId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")]


class EventLabel(msgspec.Struct, frozen=True):
    """An event, and what somebody says that it was."""

    event_id: EventId
    label: Label


class LabelTable(msgspec.Struct, frozen=True):
    """The labels of some events, oldest first; and those of which a label was taken back (`unlabelled`).

    An event that is in neither keeps what it has: the table has the newest only.
    """

    labels: Annotated[list[EventLabel], msgspec.Meta(max_length=MOST_LABELS)] = []
    unlabelled: Annotated[list[EventId], msgspec.Meta(max_length=MOST_LABELS)] = []


_decoder = msgspec.json.Decoder(LabelTable)


def encode_labels(table: LabelTable) -> bytes:
    """JSON of a table."""
    return msgspec.json.encode(table)


def decode_labels(payload: bytes) -> LabelTable:
    """Read a table.

    Raises:
        InputError: it is none.
    """
    if len(payload) > MAX_BYTES:
        raise InputError(f"{REQUEST}: {len(payload)} bytes; expected {MAX_BYTES} at most")
    try:
        return _decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise InputError(f"{REQUEST}: {str(exc)[:300]}; expected a table of labels, see docs/mqtt.md") from exc

"""What the centre asks of a box that answers with a picture, and how: docs/mqtt.md is the contract.

A picture leaves a box only because somebody asked for it, blurred, and only where the hall file lets it.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec

from hall.errors import InputError
from hall.units import ID_PATTERN

EVIDENCE, FRAME = "evidence/get", "frame/get"
"""Kinds of the topics by which a box is asked for the picture of an event, and for one of now."""

PICTURES = frozenset({EVIDENCE, FRAME})
MAX_REQUEST_BYTES = 1_000
MAX_PICTURE_BYTES = 1_900_000
"""The broker of the compose file takes packets of 2 MiB."""

JPEG = "image/jpeg"
"""Content type of an answer that is a picture; any other one is a `reply`."""


class EvidenceRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The picture of an event."""

    event_id: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")]


class FrameRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a camera shows now."""

    camera: Annotated[str, msgspec.Meta(pattern=f"{ID_PATTERN.removesuffix('$')}\\Z")]


T = TypeVar("T", EvidenceRequest, FrameRequest)


def decode_request(payload: bytes, kind: type[T]) -> T:
    """Read a request.

    Raises:
        InputError: it is none.
    """
    if len(payload) > MAX_REQUEST_BYTES:
        raise InputError(f"the request: {len(payload)} bytes; expected {MAX_REQUEST_BYTES} at most")
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise InputError(f"the request: {str(exc)[:300]}; expected JSON as in docs/mqtt.md") from exc

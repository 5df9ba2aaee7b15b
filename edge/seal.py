"""Pictures and clips that say what they show and whether anybody changed them since.

The seal stands in the file itself, which stays an ordinary JPEG (a comment after its first marker) or MP4 (a box at
its end): a signature, and what was signed besides the picture. It is HMAC-SHA256 over both, with a key of the box.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid

import msgspec

from hall.errors import InputError

_MAGIC = b"hallwatch evidence 1\n"
_SIGNATURE = 64
_JPEG, _COMMENT = b"\xff\xd8", b"\xff\xfe"
_BOX = uuid.uuid5(uuid.NAMESPACE_URL, "hallwatch evidence 1").bytes


class Seal(msgspec.Struct, frozen=True):
    """What a picture or clip shows: which event, of which camera, when."""

    event_id: str
    rule: str
    subject: str
    severity: str
    started_at: str
    hall: str
    floor: str
    node: str
    camera: str
    captured_at: str
    until: str | None = None


def sealed(data: bytes, seal: Seal, key: bytes) -> bytes:
    """A JPEG or MP4 with its seal in it.

    Raises:
        ValueError: it is neither.
    """
    said = msgspec.json.encode(seal)
    note = _MAGIC + _sign(key, said, data) + b"\n" + said
    if data[:2] == _JPEG:
        return _JPEG + _COMMENT + (len(note) + 2).to_bytes(2, "big") + note + data[2:]
    if data[4:8] == b"ftyp":
        return data + (len(note) + 24).to_bytes(4, "big") + b"uuid" + _BOX + note
    raise ValueError(f"sealed: found {data[:8]!r}; expected a JPEG or an MP4")


def verified(data: bytes, key: bytes, name: str) -> Seal:
    """What a file says of itself, if nobody changed anything in it.

    Args:
        data: the file.
        key: of the box that made it.
        name: of the file, for errors.

    Raises:
        InputError: it has no seal, or was changed, or another key sealed it.
    """
    note, bare = _taken_apart(data)
    if note is None:
        raise InputError(f"{name}: found no seal; expected a picture or clip that a box has kept of an event")
    signature, said = note[:_SIGNATURE], note[_SIGNATURE + 1 :]
    if note[_SIGNATURE : _SIGNATURE + 1] != b"\n" or not hmac.compare_digest(signature, _sign(key, said, bare)):
        raise InputError(f"{name}: the signature is wrong: it was changed, or sealed with another key")
    try:
        return msgspec.json.decode(said, type=Seal)
    except msgspec.MsgspecError as exc:
        raise InputError(f"{name}: {exc}; expected a seal of this version of hallwatch") from exc


def _sign(key: bytes, said: bytes, data: bytes) -> bytes:
    signed = hmac.new(key, len(said).to_bytes(4, "big"), hashlib.sha256)
    signed.update(said)
    signed.update(data)
    return signed.hexdigest().encode()


def _taken_apart(data: bytes) -> tuple[bytes | None, bytes]:
    """The seal without its first line, and the file without its seal."""
    note, bare = b"", data
    if data[:4] == _JPEG + _COMMENT:
        end = 4 + int.from_bytes(data[4:6], "big")
        note, bare = data[6:end], _JPEG + data[end:]
    elif data[4:8] == b"ftyp":
        start = data.rfind(b"uuid" + _BOX) - 4
        if start > 0 and int.from_bytes(data[start : start + 4], "big") == len(data) - start:
            note, bare = data[start + 24 :], data[:start]
    return (note.removeprefix(_MAGIC), bare) if note.startswith(_MAGIC) else (None, data)

"""The audit log: who did what, when. Rows are only added, and each is chained to the one before by its hash.

A row's hash is the SHA-256 of the JSON list `[previous, seq, at, actor, action, subject, detail]`, where `previous` is
the hash of the row before (64 zeros for the first). Number and hash of the last row stand in `meta` too, so that rows
missing at the end are noticed. The database refuses UPDATE and DELETE (triggers).

Whoever may write the file can also reckon the whole chain anew. Against that, keep what `verify` says the end is
somewhere else from time to time: a later log must still hold that row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, insert, select, update

from hall.clock import Instant
from ingest import schema
from ingest._paging import Order, Page, Part
from ingest._tables_users import audit

_HEAD = "audit"
"""Key in `meta`: number and hash of the last row."""
_START = "0" * 64
_CHUNK = 1_000
_NEWEST_FIRST = Order((audit.c.seq,), descending=(audit.c.seq,))


class AuditRow(msgspec.Struct, frozen=True):
    """Something that was done."""

    seq: int
    at: Instant
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]


class Verdict(msgspec.Struct, frozen=True):
    """What `verify` found. `end` is the number and hash of the last row, e.g. `12:9f86...`."""

    rows: int
    end: str
    faults: list[str]


def append(
    connection: Connection, actor: str, action: str, subject: str, detail: Mapping[str, object], now: Instant
) -> None:
    """Add a row inside the caller's write transaction: what it tells and the row are committed together.

    Args:
        connection: a write transaction.
        actor: name of the user; `local` for the command line on the machine of the records.
        action: a word and what it is done to, such as `user.add`.
        subject: of what, such as `user/li`.
        detail: more of it; never a secret.
        now: when.

    Raises:
        ValueError: `detail` is no JSON.
    """
    # The head is written first: on a server with many writers its lock is the order of the rows.
    locked = connection.execute(update(schema.meta).where(schema.meta.c.key == _HEAD).values(value=schema.meta.c.value))
    if not locked.rowcount:
        connection.execute(insert(schema.meta).values(key=_HEAD, value=f"0:{_START}"))
    seq, previous = _head(connection)
    row = {
        "seq": seq + 1,
        "at": float(now),
        "actor": actor,
        "action": action,
        "subject": subject,
        "detail": json.dumps(detail, ensure_ascii=False, sort_keys=True, allow_nan=False),
        "previous": previous,
    }
    digest = _hash(row)
    connection.execute(insert(audit).values(**row, hash=digest))
    connection.execute(update(schema.meta).where(schema.meta.c.key == _HEAD).values(value=f"{seq + 1}:{digest}"))


def rows(connection: Connection, *, limit: int = 100) -> Sequence[AuditRow]:
    """The newest rows, newest first."""
    return page(connection, Part(limit)).items


def page(connection: Connection, part: Part, *, actor: str | None = None, subject: str | None = None) -> Page[AuditRow]:
    """Part of the rows, newest first; of one actor or on one subject, where it is named."""
    statement = select(audit)
    for column, word in ((audit.c.actor, actor), (audit.c.subject, subject)):
        if word is not None:
            statement = statement.where(column == word)
    return _NEWEST_FIRST.page(connection, statement, part, _view)


def _view(row: RowMapping) -> AuditRow:
    named = {name: row[name] for name in ("seq", "at", "actor", "action", "subject")}
    return AuditRow(**named, detail=json.loads(row["detail"]))


def verify(connection: Connection, *, expected: str | None = None) -> Verdict:
    """Check every row and the chain.

    Args:
        connection: a transaction, reading is enough.
        expected: an end that an earlier `verify` said, `SEQ:HASH`; the row must still be there.
    """
    faults: list[str] = []
    count, last, chain = 0, 0, _START
    after: int | None = None
    seen_expected = expected is None or expected == f"0:{_START}"
    while chunk := _chunk(connection, after):
        for row in chunk:
            faults += _faults(row, last, chain)
            count, last, chain = count + 1, row["seq"], row["hash"]
            seen_expected = seen_expected or f"{last}:{chain}" == expected
        after = last
    head_seq, head_hash = _head(connection)
    if last < head_seq:
        faults.append(_missing(last + 1, head_seq))
    elif last > head_seq:
        faults.append(f"row {last}: was put in past the end, which is row {head_seq}")
    elif chain != head_hash:
        faults.append(f"row {last}: is not the one that was written last")
    if not seen_expected:
        faults.append(f"no row {expected}: the log was written anew since it ended there")
    return Verdict(count, f"{last}:{chain}", faults)


def _faults(row: Mapping[str, Any], last: int, chain: str) -> list[str]:
    seq = row["seq"]
    if _hash(row) != row["hash"]:
        return [f"row {seq}: was changed ({row['actor']}, {row['action']}, {row['subject']})"]
    if seq <= 0:
        return [f"row {seq}: was put in before the first"]
    if seq != last + 1:
        return [_missing(last + 1, seq - 1)]
    if row["previous"] != chain:
        return [f"row {seq}: does not follow row {last}; one of them was put in or written anew"]
    return []


def _missing(first: int, last: int) -> str:
    return f"row {first}: is missing" if first == last else f"rows {first} to {last}: are missing"


def _chunk(connection: Connection, after: int | None) -> list[dict[str, Any]]:
    statement = select(audit).order_by(audit.c.seq).limit(_CHUNK)
    if after is not None:
        statement = statement.where(audit.c.seq > after)
    return [dict(row) for row in connection.execute(statement).mappings()]


def _head(connection: Connection) -> tuple[int, str]:
    value = connection.scalar(select(schema.meta.c.value).where(schema.meta.c.key == _HEAD)) or f"0:{_START}"
    seq, _, digest = value.partition(":")
    return int(seq), digest


def _hash(row: Mapping[str, Any]) -> str:
    told = [row[name] for name in ("previous", "seq", "at", "actor", "action", "subject", "detail")]
    return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()

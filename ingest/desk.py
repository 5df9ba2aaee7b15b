"""What people do with incidents. So far: say that they see to it."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, select

from hall.clock import Instant
from ingest import audit, changes, schema
from ingest._sql import insert_ignore


class Acknowledgement(msgspec.Struct, frozen=True):
    """Somebody said that they see to an incident. `by` is the name that they gave."""

    by: str
    at: Instant


class Desk:
    """Acts on incidents, each in the caller's transaction."""

    def acknowledge(
        self, connection: Connection, event_id: str, opening: int, by: str, now: Instant
    ) -> Acknowledgement:
        """Somebody sees to an incident. The first who says so counts, once for each opening.

        Args:
            connection: in a write transaction that holds the incident, see `ingest.incidents.load_incidents`.
            event_id: the incident, which must be on record.
            opening: its `openings` when they were told.
            by: who.
            now: the time.

        Returns:
            Who it was first, and when.
        """
        known = self.acknowledgement(connection, event_id, opening)
        if known is not None:
            return known
        row = {"event_id": event_id, "opening": opening, "acknowledged_by": by, "acknowledged_at": now}
        insert_ignore(connection, schema.acknowledgements, [row])
        audit.append(connection, by, "incident.acknowledge", f"incident/{event_id}", {"opening": opening}, now)
        changes.note_incidents(connection, [event_id])
        return Acknowledgement(by, now)

    def acknowledgement(self, connection: Connection, event_id: str, opening: int) -> Acknowledgement | None:
        """Who sees to an incident since that opening; None where nobody said so."""
        table = schema.acknowledgements
        mine = (table.c.event_id == event_id) & (table.c.opening == opening)
        row = connection.execute(select(table.c.acknowledged_by, table.c.acknowledged_at).where(mine)).one_or_none()
        return None if row is None else Acknowledgement(*row)

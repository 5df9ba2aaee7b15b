"""Which incidents on record belong together now; see `ingest.grouping`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select, tuple_

from ingest.grouping import CAUSES, NEAR_S, Sees, heads
from ingest.incidents import Incident, changed, load_incidents
from ingest.schema import alerts, incidents

Place = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Moves:
    """What has another cause than before.

    Attributes:
        joined: those that have one now.
        left: those that have none any more.
        told: of all of them, and of what has a cause, those of whose opening people were told.
    """

    joined: tuple[Incident, ...] = ()
    left: tuple[Incident, ...] = ()
    told: frozenset[str] = frozenset()


def regroup(connection: Connection, known: Mapping[str, Incident], touched: Collection[str], sees: Sees) -> Moves:
    """See what some changed incidents mean for each other and for others. Alerts that need not go any more do not.

    Args:
        connection: a write transaction.
        known: the changed incidents, as they are about to be written, maybe more.
        touched: which of these changed.
        sees: what cameras see.
    """
    joined: list[Incident] = []
    left: list[Incident] = []
    places: dict[Place, list[Incident]] = {}
    for event_id in touched:
        incident = known[event_id]
        places.setdefault((incident.hall, incident.floor, incident.node), []).append(incident)
    for place in sorted(places):
        near = _near(connection, place, places[place], known)
        found = heads(near.values(), sees)
        for event_id in sorted(near):
            incident = near[event_id]
            out_of_sight = event_id not in touched and incident.head is not None and incident.head not in near
            if found[event_id] == incident.head or out_of_sight:
                continue
            after = changed(incident, head=found[event_id])
            (left if after.head is None else joined).append(after)
    told = _told(connection, [*joined, *left, *(i for i in map(known.__getitem__, touched) if i.head is not None)])
    return Moves(tuple(joined), tuple(left), told)


def _near(
    connection: Connection, place: Place, changed_ones: Collection[Incident], known: Mapping[str, Incident]
) -> dict[str, Incident]:
    """All incidents of a box that may have to do with the changed ones; none where nothing is a cause of anything."""
    since = min(incident.started_at for incident in changed_ones) - NEAR_S
    holds = or_(incidents.c.last_cleared_at.is_(None), incidents.c.last_raised_at > incidents.c.last_cleared_at)
    here: ColumnElement[bool] = tuple_(incidents.c.hall, incidents.c.floor, incidents.c.node) == place
    here = and_(here, or_(holds, incidents.c.latest_at >= since))
    causes = select(incidents.c.event_id).where(here, incidents.c.rule.in_(CAUSES)).limit(1)
    is_needed = any(incident.rule in CAUSES or incident.head is not None for incident in changed_ones)
    if not is_needed and connection.scalar(causes) is None:
        return {}
    event_ids = set(connection.scalars(select(incidents.c.event_id).where(here)))
    found = load_incidents(connection, sorted(event_ids), lock=True)
    mine = {i.event_id: i for i in known.values() if (i.hall, i.floor, i.node) == place}
    return found | mine


def _told(connection: Connection, some: Collection[Incident]) -> frozenset[str]:
    """Of whose opening people were told. What still waits of what has a cause is taken back."""
    told: set[str] = set()
    for incident in some:
        mine = (alerts.c.event_id == incident.event_id) & (alerts.c.opening == incident.openings)
        mine &= alerts.c.phase != "cleared"
        if incident.head is not None:
            waits = mine & (alerts.c.status == "waiting") & (alerts.c.attempts == 0) & alerts.c.claimed_by.is_(None)
            connection.execute(delete(alerts).where(waits))
        if connection.scalar(select(alerts.c.id).where(mine).limit(1)) is not None:
            told.add(incident.event_id)
    return frozenset(told)

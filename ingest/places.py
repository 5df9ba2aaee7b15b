"""Where windows and zones are: by the hall file, or without one by what the boxes say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from sqlalchemy import Connection

from hall.clock import Instant
from hall.layout import Hall
from hall.messages import StateBody
from ingest.live import Live, NodeKey, load_live


class Places:
    """Finds floors and zones of all halls.

    Args:
        halls: with some, windows and zones are those of their files, and there are no other halls.
    """

    def __init__(self, *halls: Hall) -> None:
        self._halls = {hall.hall.id: HallPlaces(hall) for hall in halls}
        self._unknown = HallPlaces(None)

    @property
    def halls(self) -> Collection[str] | None:
        """The halls there are; None where any may be."""
        return sorted(self._halls) or None

    def of(self, hall: str) -> HallPlaces:
        """The places of a hall."""
        return self._halls.get(hall, self._unknown)

    def floors_by_node(self, connection: Connection) -> Mapping[NodeKey, str]:
        """Every box that there is, and its floor."""
        if not self._halls:
            return {key: key[1] for key in load_live(connection)}
        return {key: floor for places in self._halls.values() for key, floor in places.floors_by_node().items()}


class HallPlaces:
    """Finds floors and zones of a hall.

    Args:
        hall: its file; without one nothing is known but what boxes say.
    """

    def __init__(self, hall: Hall | None) -> None:
        self._hall = hall
        self._floors = {} if hall is None else {window.id: floor.id for floor, window in hall.windows()}
        zones = [] if hall is None else [(floor.id, zone) for floor in hall.floors for zone in floor.zones]
        self._zone_floors = {zone.id: floor for floor, zone in zones}
        self._zones_of: defaultdict[str, list[str]] = defaultdict(list)
        for _, zone in zones:
            if zone.kind == "waiting":
                for served in zone.serves:
                    self._zones_of[served].append(zone.id)
        self._services: defaultdict[str, list[str]] = defaultdict(list)
        for _, window in [] if hall is None else hall.windows():
            self._services[window.service].append(window.id)

    @property
    def services(self) -> Collection[str] | None:
        """What windows serve; None where nobody knows."""
        return None if self._hall is None else sorted(filter(None, self._services))

    @property
    def zones(self) -> Collection[str] | None:
        """The zones there are; None where any may be."""
        return None if self._hall is None else list(self._zone_floors)

    def windows(self, connection: Connection, hall: str) -> Mapping[str, str]:
        """The floor of each window of a hall.

        Args:
            connection: a transaction.
            hall: its id.
        """
        if self._hall is not None:
            return self._floors
        states = [(key, state_of(live)) for key, live in load_live(connection, halls=[hall]).items()]
        return {w.window: key[1] for key, state in states if state is not None for w in state.windows}

    def floors_by_node(self) -> Mapping[NodeKey, str]:
        """Every box of the file, and its floor."""
        if self._hall is None:
            return {}
        hall = self._hall.hall.id
        return {(hall, floor.id, node): floor.id for floor in self._hall.floors for node in floor.nodes}

    def zone_of(self, window: str | None, service: str | None) -> str | None:
        """The one zone in which people wait for a window, or else for a service; None where that is not one."""
        windows = self._services.get(service or "", []) if window is None else [window]
        zones = {zone for one in windows for zone in self._zones_of.get(one, [])}
        return zones.pop() if len(zones) == 1 else None

    def floor_of_zone(self, zone: str) -> str | None:
        """The floor of a zone; None without a hall file."""
        return self._zone_floors.get(zone)

    def day_of(self, at: Instant) -> str:
        """The day of an instant where the hall is, e.g. `2026-01-05`; in UTC without a hall file."""
        zone = UTC if self._hall is None else self._hall.zone_info
        return datetime.fromtimestamp(at, tz=zone).date().isoformat()


def state_of(live: Live) -> StateBody | None:
    """What a node said last of its windows and zones."""
    return live.view().state

"""What the centre's rules see of a hall at a moment: windows, zones, calls and duty commands together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from hall.clock import Instant
from hall.duty import DutyPlan
from hall.layout import Hall, Limits, Zone
from hall.messages import WindowDuty, WindowState, ZoneState
from ingest._tables_inputs import tickets
from ingest.duty import plans
from ingest.hall_rules import Call, CallSeen, QueueSeen
from ingest.live import load_live
from ingest.places import state_of
from ingest.tickets import TicketWaits, ticket_waits

STALE_S = 45.0
"""A box says its state every 10 s; after so long nobody knows how it is."""

CALL_S = 2 * 3600.0
"""A call that is older, and has no end, was forgotten by the ticket machine."""

WindowKey = tuple[str, str]
"""Hall and window."""


@dataclass(frozen=True, slots=True)
class Known:
    """Something a box said lately, of a window or a zone."""

    floor: str
    node: str
    window: WindowState | None = None
    zone: ZoneState | None = None


@dataclass(frozen=True)
class HallView:
    """What is known at a moment.

    Attributes:
        at: when.
        calls: the newest call to each window that goes on.
        windows, zones: what boxes said of each lately, by hall and id; nothing of those that are silent.
        duty: the commands in force, by hall and floor.
        waits: by ticket, by hall, floor and zone.
        on_demand: the windows of each hall that are closed until a command opens them.
    """

    at: Instant
    calls: Mapping[WindowKey, Call] = field(default_factory=dict)
    windows: Mapping[WindowKey, Known] = field(default_factory=dict)
    zones: Mapping[WindowKey, Known] = field(default_factory=dict)
    duty: Mapping[tuple[str, str], DutyPlan] = field(default_factory=dict)
    waits: Mapping[tuple[str, str | None, str | None], TicketWaits] = field(default_factory=dict)
    on_demand: Mapping[str, Collection[str]] = field(default_factory=dict)

    def call(self, key: WindowKey, floor: str, *, is_open: bool | None) -> CallSeen:
        """A window for called_but_no_clerk.

        Args:
            key: hall and window.
            floor: where it is.
            is_open: whether the hall is open; None where only boxes know.
        """
        known = self.windows.get(key)
        duty = self._duty(key, floor, is_open=is_open)
        if known is None or known.window is None:
            return CallSeen(self.at, self.calls.get(key), duty, "unknown", None)
        since = known.window.clerk_since
        return CallSeen(
            self.at, self.calls.get(key), duty, known.window.clerk, None if since is None else since.timestamp()
        )

    def queue(self, hall: Hall, floor: str, zone: Zone, limits: Limits) -> QueueSeen:
        """A zone for closed_window_with_queue."""
        is_open = hall.schedule.is_open(self.at)
        own = hall.hall.id
        known = self.zones.get((own, zone.id))
        state = None if known is None else known.zone
        duties = {window: self._duty((own, window), floor, is_open=is_open) for window in zone.serves}
        closed = tuple(window for window, duty in duties.items() if is_open and duty != "open")
        tickets_s = getattr(self.waits.get((own, floor, zone.id)), "longest_now_s", None)
        detail: dict[str, object] = {} if state is None else {"count": state.count, "longest_s": state.longest_wait_s}
        if state is not None and state.expected_wait_s is not None:
            detail["expected_s"] = state.expected_wait_s
        if tickets_s is not None:
            detail["longest_ticket_s"] = tickets_s
        return QueueSeen(self.at, is_open, _over(state, tickets_s, limits.long_wait), closed, detail)

    def _duty(self, key: WindowKey, floor: str, *, is_open: bool | None) -> WindowDuty:
        """By the hours and the commands; without a hall file a box knows the hours."""
        if is_open is None:
            known = self.windows.get(key)
            is_open = known is None or known.window is None or known.window.duty != "closed"
        plan = self.duty.get((key[0], floor)) or DutyPlan((), self.on_demand.get(key[0], ()))
        return plan.duty(key[1], self.at, is_open=is_open)


def _over(state: ZoneState | None, tickets_s: float | None, limit_s: float) -> int | None:
    """How many are over the limit, or have to expect it: one at least, where somebody is; None where nobody sees."""
    by_ticket = tickets_s is not None and tickets_s >= limit_s
    if state is None or state.count is None:
        return 1 if by_ticket else None
    expected = state.expected_wait_s is not None and state.expected_wait_s > limit_s and state.count > 0
    return max(state.over_limit, int(by_ticket or expected))


def look(
    connection: Connection,
    now: Instant,
    halls: Iterable[str],
    calls: Mapping[WindowKey, Call],
    on_demand: Mapping[str, Collection[str]],
) -> HallView:
    """What is known of some halls.

    Args:
        connection: a transaction.
        now: the time.
        halls: their ids.
        calls: from `open_calls`.
        on_demand: the windows of each hall that are closed until a command opens them.
    """
    wanted = sorted(halls)
    windows: dict[WindowKey, Known] = {}
    zones: dict[WindowKey, Known] = {}
    for (hall, floor, node), live in load_live(connection, halls=wanted).items():
        state = state_of(live)
        if state is None or live.status != "online" or live.state_at is None or now - live.state_at > STALE_S:
            continue
        windows |= {(hall, window.window): Known(floor, node, window=window) for window in state.windows}
        zones |= {(hall, zone.zone): Known(floor, node, zone=zone) for zone in state.zones}
    duty, waits = plans(connection, now, on_demand), ticket_waits(connection, now, wanted)
    return HallView(now, calls, windows, zones, duty, waits, on_demand)


def open_calls(connection: Connection, now: Instant) -> dict[WindowKey, Call]:
    """The newest call to each window, where its ticket is neither done nor missed since."""
    table = tickets
    ends = table.c.missed_at, table.c.done_at
    statement = (
        select(table.c.hall, table.c.window, table.c.ticket, table.c.last_called_at, *ends)
        .where(table.c.last_called_at > now - CALL_S, table.c.last_called_at <= now)
        .order_by(table.c.last_called_at, table.c.ticket)
    )
    newest = {(row.hall, row.window): row for row in connection.execute(statement)}
    return {
        key: Call(row.ticket, row.last_called_at)
        for key, row in newest.items()
        if all(end is None or end < row.last_called_at for end in (row.missed_at, row.done_at))
    }

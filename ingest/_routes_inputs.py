"""What other systems of a hall say by HTTP, and what is on record of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Path, Request, Response
from sqlalchemy import Table, select

from hall.messages import ZoneState
from hall.units import ID_PATTERN
from ingest._answers import Asked, answers, reply
from ingest._paging import Order, Page, Part
from ingest._tables_inputs import duty, ratings, tickets
from ingest.duty import DutyView, duty_view
from ingest.input_book import InputAnswer, RatingView, Sender, rating_view
from ingest.inputs import REQUESTS, InputKind, RefusedError
from ingest.login import require
from ingest.service import Centre
from ingest.tickets import TicketView, TicketWaits, ZoneWaits, ticket_view, ticket_waits
from ingest.users import Account

_Hall = Annotated[str, Path(pattern=ID_PATTERN)]
_Viewer = Annotated[Account, Depends(require("viewer"))]
_Manager = Annotated[Account, Depends(require("manager"))]
_PATHS: dict[InputKind, str] = {"duty/set": "duty", "ticket": "tickets", "rating": "ratings"}

_DUTY = Order((duty.c.since, duty.c.id), descending=(duty.c.since, duty.c.id))
_TICKETS = Order(
    (tickets.c.first_at, tickets.c.day, tickets.c.ticket),
    descending=(tickets.c.first_at, tickets.c.day, tickets.c.ticket),
)
_RATINGS = Order((ratings.c.at, ratings.c.key), descending=(ratings.c.at, ratings.c.key))


async def _body(request: Request) -> bytes:
    return await request.body()


_Body = Annotated[bytes, Depends(_body)]


def add_inputs(app: FastAPI, centre: Centre) -> None:
    """Add the routes of duty commands, tickets and ratings."""
    _add_asking(app, centre)
    _add_reading(app, centre)


def _add_asking(app: FastAPI, centre: Centre) -> None:
    def take(kind: InputKind, hall: str, payload: bytes, account: Account) -> Response:
        sender = Sender(hall, f"POST /api/halls/{hall}/{_PATHS[kind]}", account.name)
        try:
            return reply(centre.inputs.take(kind, payload, sender))
        except RefusedError as exc:
            raise HTTPException(409 if exc.conflict else 422, str(exc)) from exc

    said = answers(InputAnswer, 409, 422)

    @app.post("/api/halls/{hall}/duty", responses=said, openapi_extra=_asks("duty/set"))
    def command(hall: _Hall, account: _Manager, body: _Body) -> Response:
        """Open a window, pause it, or give its clerk leave until a moment."""
        return take("duty/set", hall, body, account)

    @app.post("/api/halls/{hall}/tickets", responses=said, openapi_extra=_asks("ticket"))
    def ticket(hall: _Hall, account: _Manager, body: _Body) -> Response:
        """A ticket was taken, called to a window, missed, or is done."""
        return take("ticket", hall, body, account)

    @app.post("/api/halls/{hall}/ratings", responses=said, openapi_extra=_asks("rating"))
    def rating(hall: _Hall, account: _Manager, body: _Body) -> Response:
        """A citizen rated the service at a window."""
        return take("rating", hall, body, account)


def _asks(kind: InputKind) -> dict[str, Any]:
    """The schema of a request, for the OpenAPI."""
    schema = REQUESTS[kind].model_json_schema()
    if kind == "duty/set":
        del schema["properties"]["by"]
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _add_reading(app: FastAPI, centre: Centre) -> None:
    def page(table: Table, order: Order, part: Part, hall: str, view: Any) -> Response:
        with centre.records.reading() as connection:
            return reply(order.page(connection, select(table).where(table.c.hall == hall), part, view))

    @app.get("/api/halls/{hall}/duty", responses=answers(Page[DutyView], 422))
    def commands(hall: _Hall, _account: _Viewer, part: Asked) -> Response:
        """Duty commands, newest first by `since`."""
        return page(duty, _DUTY, part, hall, duty_view)

    @app.get("/api/halls/{hall}/tickets", responses=answers(Page[TicketView], 422))
    def all_tickets(hall: _Hall, _account: _Viewer, part: Asked) -> Response:
        """Tickets, newest first."""
        return page(tickets, _TICKETS, part, hall, ticket_view)

    @app.get("/api/halls/{hall}/ratings", responses=answers(Page[RatingView], 422))
    def all_ratings(hall: _Hall, _account: _Viewer, part: Asked) -> Response:
        """Ratings, newest first."""
        return page(ratings, _RATINGS, part, hall, rating_view)

    @app.get("/api/halls/{hall}/waits", responses=answers(Sequence[ZoneWaits], 422))
    def waits(hall: _Hall, _account: _Viewer) -> Response:
        """How long people wait in each zone: by their tickets, exactly, and by what the cameras see."""
        return reply(_waits(centre, hall))


def _waits(centre: Centre, hall: str) -> Sequence[ZoneWaits]:
    with centre.records.reading() as connection:
        by_ticket = ticket_waits(connection, centre.clock.now(), [hall])
    by_camera: dict[tuple[str, str | None, str | None], tuple[ZoneState, float | None]] = {}
    for node in centre.reader.nodes():
        if node.hall == hall and node.state is not None:
            by_camera |= {(hall, node.floor, zone.zone): (zone, node.state_at) for zone in node.state.zones}
    nobody = TicketWaits(0, None, 0, None, None)
    keys = sorted(by_ticket.keys() | by_camera.keys(), key=lambda key: tuple(part or "" for part in key))
    unseen = None, None
    return [ZoneWaits(*key, by_ticket.get(key, nobody), *by_camera.get(key, unseen)) for key in keys]

"""The HTTP side of the calibration page: for admins of the hall, all of it.

| path | answers |
|---|---|
| `GET /api/halls/{hall}/floors/{floor}/cameras/{camera}/areas` | `Opened` |
| `POST .../areas/check` | `Checked`: the file as it would be; nothing is written |
| `PUT .../areas` | `Opened`, once the file is written |
| `POST .../areas/file` | the file as it would be, to be taken elsewhere; without secrets |

The body of the last three is `Wanted`. 409: the file was changed meanwhile, `Stale` says how. 422: it would have
faults.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Annotated

import msgspec
from fastapi import Depends, HTTPException, Request, Response
from sqlalchemy import Connection

from dashboards.calibration.desk import Desk, FaultyError, StaleError
from dashboards.site import Site
from hall.areas import CameraAreas
from hall.clock import Instant
from ingest import audit
from ingest.login import require
from ingest.users import Account

log = logging.getLogger(__name__)

PATH = "/api/halls/{hall}/floors/{floor}/cameras/{camera}/areas"

_Admin = Annotated[Account, Depends(require("admin"))]


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """Areas as they should be; `base` is the sha256 of the file that they were drawn over."""

    base: str
    areas: CameraAreas


class Stale(msgspec.Struct, frozen=True):
    """The file is another one by now: what changed in it meanwhile, and what the page would have changed."""

    detail: str
    theirs: str
    yours: str


async def _wanted(request: Request) -> Wanted:
    try:
        return msgspec.json.decode(await request.body(), type=Wanted)
    except msgspec.MsgspecError as exc:
        raise HTTPException(422, f"body: {exc}") from exc


_Wanted = Annotated[Wanted, Depends(_wanted)]


def add_routes(site: Site, desk: Desk) -> None:
    """Add them."""
    app, hall = site.app, site.hall.hall.id

    def here(named: str) -> None:
        if named != hall:
            raise HTTPException(404, f"no hall {named} here; expected {hall}")

    @app.get(PATH, include_in_schema=False)
    def opened(hall: str, floor: str, camera: str, _account: _Admin) -> Response:
        here(hall)
        return _reply(lambda: desk.opened(floor, camera))

    @app.post(f"{PATH}/check", include_in_schema=False)
    def check(hall: str, floor: str, camera: str, _account: _Admin, wanted: _Wanted) -> Response:
        here(hall)
        return _reply(lambda: desk.looked(floor, camera, wanted.base, wanted.areas))

    @app.post(f"{PATH}/file", include_in_schema=False)
    def file(hall: str, floor: str, camera: str, _account: _Admin, wanted: _Wanted) -> Response:
        here(hall)
        return _reply(lambda: {"text": desk.portable(floor, camera, wanted.base, wanted.areas)})

    @app.put(PATH, include_in_schema=False)
    def save(hall: str, floor: str, camera: str, account: _Admin, wanted: _Wanted) -> Response:
        here(hall)
        told = _Log(site, account, f"floor/{floor}/camera/{camera}", wanted.base)
        return _reply(lambda: desk.saved(floor, camera, wanted.base, wanted.areas, told))


class _Log:
    """The row of the audit log for a change of the file: both are there or none."""

    def __init__(self, site: Site, account: Account, subject: str, base: str) -> None:
        self._site, self._account, self._subject, self._base = site, account, subject, base

    def __call__(self, write: Callable[[], None], sha256: str) -> None:
        site = self._site
        if site.records is None:
            raise HTTPException(503, "no records, so nobody could see who changed the file; nothing was written")
        now: Instant = site.clock.now()
        detail = {"hall": site.hall.hall.id, "before": self._base, "after": sha256}

        def work(connection: Connection) -> None:
            audit.append(connection, self._account.name, "hall.areas", self._subject, detail, now)
            write()

        site.records.write(work)


def _reply(ask: Callable[[], object]) -> Response:
    try:
        return _json(ask())
    except StaleError as exc:
        return _json(Stale(str(exc), exc.theirs, exc.yours), 409)
    except FaultyError as exc:
        raise HTTPException(422, str(exc)) from exc
    except OSError as exc:
        log.warning("the hall file cannot be written: %s", exc)
        raise HTTPException(503, f"the hall file cannot be written: {exc.strerror}; nothing was changed") from exc


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")

"""Pictures that boxes have: of an incident, and of now. Each is asked of its box when somebody wants to see it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Annotated

import msgspec
from fastapi import Depends, FastAPI, HTTPException, Path, Response
from starlette.concurrency import run_in_threadpool

from hall.clock import Clock
from hall.errors import BrokerError
from hall.messages import ReplyBody
from hall.pictures import EVIDENCE, FRAME, JPEG, EvidenceRequest, FrameRequest
from hall.topics import Address
from hall.units import ID_PATTERN
from ingest import audit
from ingest._answers import problems
from ingest.boxes import BoxPicture, NoAnswerError
from ingest.login import require
from ingest.records import Records
from ingest.service import Centre
from ingest.users import Account

_Viewer = Annotated[Account, Depends(require("viewer"))]
_Admin = Annotated[Account, Depends(require("admin"))]
_EventId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="`event_id` of the incident")]
_Id = Annotated[str, Path(pattern=ID_PATTERN)]

KEPT_BYTES = 32_000_000
"""Of pictures of incidents, of one process."""
KEPT_S = 300.0
"""Of pictures of incidents, in memory only: a hall that says no, or a box that lets one go, is obeyed as soon."""
AGAIN_S = 600.0
"""Who looks at the same thing again within this is on record already."""
_MOST_LOOKS = 10_000
_PRIVATE = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
_RETRY = {"Retry-After": "5"}
_IMAGE = {
    "description": "The picture, everybody in it blurred.",
    "content": {JPEG: {"schema": {"type": "string", "format": "binary"}}},
    "headers": {
        "X-Captured-At": {"description": "when it was taken, ISO 8601", "schema": {"type": "string"}},
        "X-Camera": {"description": "the camera that took it", "schema": {"type": "string"}},
    },
}
_ANSWERS = {200: _IMAGE, **problems(404, 422, 503, 504)}


class PictureCache:
    """Pictures that were asked for last, in memory: for some minutes, and so many bytes at most.

    Safe for any number of threads.

    Args:
        clock: for how long they are here.
        most_bytes: of all together.
    """

    def __init__(self, clock: Clock, most_bytes: int = KEPT_BYTES) -> None:
        self._clock, self._most_bytes, self._bytes = clock, most_bytes, 0
        self._kept = OrderedDict[str, tuple[float, BoxPicture]]()
        self._lock = threading.Lock()

    def get(self, name: str) -> BoxPicture | None:
        """One that is kept."""
        with self._lock:
            self._let_go()
            found = self._kept.get(name)
            return None if found is None else found[1]

    def put(self, name: str, picture: BoxPicture) -> None:
        """Keep one; the oldest go where that is too much."""
        with self._lock:
            if (before := self._kept.pop(name, None)) is not None:
                self._bytes -= len(before[1].jpeg)
            self._kept[name] = self._clock.monotonic(), picture
            self._bytes += len(picture.jpeg)
            self._let_go()

    def _let_go(self) -> None:
        oldest = self._clock.monotonic() - KEPT_S
        while self._kept:
            at, picture = next(iter(self._kept.values()))
            if at >= oldest and self._bytes <= self._most_bytes:
                return
            self._kept.popitem(last=False)
            self._bytes -= len(picture.jpeg)


class Looks:
    """Puts on record who looked at what; of somebody who looks on, once in a while. Safe for any number of threads."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records, self._clock = records, clock
        self._last = OrderedDict[tuple[str, str], float]()
        self._lock = threading.Lock()

    def note(self, account: Account, action: str, subject: str) -> None:
        """Somebody looks at something.

        Raises:
            RecordsError: it cannot be put on record.
        """
        key, since = (account.name, subject), self._clock.monotonic()
        with self._lock:
            if since - self._last.get(key, float("-inf")) < AGAIN_S:
                return
        now = self._clock.now()
        self._records.write(lambda c: audit.append(c, account.name, action, subject, {}, now))
        with self._lock:
            self._last[key] = since
            self._last.move_to_end(key)
            if len(self._last) > _MOST_LOOKS:
                self._last.popitem(last=False)


def add_pictures(app: FastAPI, centre: Centre) -> None:
    """Add the routes of pictures."""
    cache, looks = PictureCache(centre.clock), Looks(centre.records, centre.clock)

    @app.get("/api/incidents/{event_id}/picture", response_class=Response, responses=_ANSWERS)
    async def picture(account: _Viewer, event_id: _EventId) -> Response:
        """The picture of an incident, as its box has kept it: sealed, everybody blurred. Who looked is on record."""
        address = await run_in_threadpool(_box_of_incident, centre, account, event_id)
        if (found := cache.get(event_id)) is None:
            await run_in_threadpool(demand_online, centre, address)
            payload = msgspec.json.encode(EvidenceRequest(event_id))
            found = await _asked(centre, address, EVIDENCE, payload)
            cache.put(event_id, found)
        await run_in_threadpool(looks.note, account, "incident.picture", f"incident/{event_id}")
        return _shown(found)

    @app.get("/api/halls/{hall}/floors/{floor}/cameras/{camera}/frame", response_class=Response, responses=_ANSWERS)
    async def frame(account: _Admin, hall: _Id, floor: _Id, camera: _Id) -> Response:
        """What a camera shows now, everybody blurred; a few a minute. Who looked is on record."""
        address = await run_in_threadpool(_box_of_camera, centre, hall, floor, camera)
        found = await _asked(centre, address, FRAME, msgspec.json.encode(FrameRequest(camera)))
        await run_in_threadpool(looks.note, account, "camera.frame", f"camera/{hall}/{floor}/{camera}")
        return _shown(found)


def _shown(picture: BoxPicture) -> Response:
    headers = {"X-Captured-At": picture.said.get("captured_at", ""), "X-Camera": picture.said.get("camera", "")}
    return Response(picture.jpeg, media_type=JPEG, headers=_PRIVATE | headers)


async def _asked(centre: Centre, address: Address, kind: str, payload: bytes) -> BoxPicture:
    """What a box shows, or its reason why not, as the status says it."""
    try:
        answer = await centre.boxes.ask(address, kind, payload)
    except NoAnswerError as exc:
        raise HTTPException(504, f"box {exc}") from exc
    except BrokerError as exc:
        raise HTTPException(503, f"box {address} cannot be asked: {exc}", headers=_RETRY) from exc
    if isinstance(answer, ReplyBody):
        status = 503 if answer.reason in {"busy", "unseen"} else 404
        headers = _RETRY if status == 503 else None
        raise HTTPException(status, f"box {address}: {answer.error}", headers=headers)
    return answer


def _box_of_incident(centre: Centre, account: Account, event_id: str) -> Address:
    found = centre.reader.incident(event_id)
    if found is None or not account.may("viewer", found[0].hall):
        raise HTTPException(404, f"incident {event_id}: there is none")
    incident = found[0]
    if incident.snapshot is None:
        raise HTTPException(404, f"incident {event_id}: no picture was taken of it")
    return Address(incident.hall, incident.floor, incident.node)


def _box_of_camera(centre: Centre, hall: str, floor: str, camera: str) -> Address:
    """The box that says it runs a camera; else the one that should, by the hall file."""
    nodes = [node for node in centre.reader.nodes() if (node.hall, node.floor) == (hall, floor)]
    for node in nodes:
        if node.health is not None and any(one.camera == camera for one in node.health.cameras):
            address = Address(hall, floor, node.node)
            demand_online(centre, address)
            return address
    for place in centre.halls:
        for storey in place.floors:
            if (place.hall.id, storey.id) == (hall, floor) and any(one.id == camera for one in storey.cameras):
                address = Address(hall, floor, storey.node_of(camera))
                demand_online(centre, address)
                return address
    raise HTTPException(404, f"camera {camera}: hall {hall}, floor {floor} has none of this name")


def demand_online(centre: Centre, address: Address) -> None:
    """See that a box is not known to be away; one that nobody has heard of yet may still answer.

    Raises:
        HTTPException: 503, it is away.
    """
    for node in centre.reader.nodes():
        if Address(node.hall, node.floor, node.node) == address and node.status != "online":
            raise HTTPException(503, f"box {address} is {node.status}", headers=_RETRY)

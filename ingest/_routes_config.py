"""Hall files for running boxes: sent as `config/set`, checked first; and which one each box goes by.

A hall file may hold passwords of cameras. Nothing of its text is in an answer, in the audit log or in a log, but for
what `hallwatch check` says of faults, where addresses are masked.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Literal

import msgspec
from fastapi import Depends, FastAPI, HTTPException, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from hall.clock import Instant
from hall.config_set import KEY_VARIABLE, REQUEST, fingerprint, said_with
from hall.errors import BrokerError, ConfigError, Fault
from hall.layout import Hall
from hall.load import Anything, parse_hall
from hall.messages import MAX_BYTES, ConfigHealth, ReplyBody
from hall.topics import Address
from hall.units import ID_PATTERN
from hall.views import NodeView
from ingest import audit
from ingest._answers import answers, reply
from ingest.boxes import NoAnswerError
from ingest.login import allow_body, require
from ingest.service import Centre
from ingest.users import Account

PATH = "/api/halls/{hall}/floors/{floor}/config"
WAIT_S = 30.0
"""So long a box may take: it opens the cameras that changed anew before it answers."""

_Admin = Annotated[Account, Depends(require("admin"))]
_Id = Annotated[str, Path(pattern=ID_PATTERN)]
_Base = Annotated[
    str | None,
    Query(
        pattern=r"^[0-9a-f]{64}$", description="sha256 of the file that it replaces; a box that goes by another refuses"
    ),
]
Outcome = Literal["taken", "refused", "away", "silent"]
_STATUS: dict[Outcome, int] = {"taken": 200, "refused": 409, "silent": 504, "away": 503}
"""In the order of what matters more, the last three first to last."""


class FaultView(msgspec.Struct, frozen=True):
    """One thing wrong in a hall file: where, what stands there, what would be right."""

    path: str
    found: str
    expected: str
    line: int | None


class ConfigFaults(msgspec.Struct, frozen=True):
    """Why a hall file was sent to nobody. `faults` is empty where the question itself is wrong."""

    detail: str
    faults: Sequence[FaultView] = ()


class NodeTook(msgspec.Struct, frozen=True):
    """What became of a hall file at one box.

    Attributes:
        node: the box.
        outcome: `taken`, `refused` by the box, `away`: not sent to it, or `silent`: no answer in time.
        error: why not, in the box's own words where it has any.
        sha256: of the file that it goes by now, as far as it said.
        changed: cameras that were opened, opened anew or closed.
    """

    node: str
    outcome: Outcome
    error: str | None = None
    sha256: str | None = None
    changed: Sequence[str] = ()


class ConfigSent(msgspec.Struct, frozen=True):
    """What became of a hall file: `detail` in a sentence, and at each box of the floor."""

    detail: str
    sha256: str | None = None
    nodes: Sequence[NodeTook] = ()


class NodeConfig(msgspec.Struct, frozen=True):
    """Which hall file a box goes by, as it last said.

    Attributes:
        node: the box.
        status: whether it is there; None where nobody has heard of it.
        seen_at: when it was last heard.
        config: sha256, where it came from, and why the last one that came was refused.
    """

    node: str
    status: Literal["online", "stopped", "offline"] | None
    seen_at: Instant | None
    config: ConfigHealth | None


class FloorConfig(msgspec.Struct, frozen=True):
    """Which hall file the boxes of a floor go by; `sha256` is of the centre's own, as it stands now."""

    hall: str
    floor: str
    sha256: str | None
    nodes: Sequence[NodeConfig]


class _Wanted(msgspec.Struct, forbid_unknown_fields=True):
    hall_yaml: str | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    """A floor, as the path names it."""

    hall: str
    floor: str

    def __str__(self) -> str:
        return f"{self.hall}/{self.floor}"


async def _body(request: Request) -> tuple[str, bytes]:
    return request.headers.get("content-type", ""), await request.body()


_Body = Annotated[tuple[str, bytes], Depends(_body)]
_ASKS: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The text of a hall.yaml, or JSON with it; without `hall_yaml`, the centre's own file is sent.",
        "content": {
            "application/yaml": {"schema": {"type": "string"}},
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {"hall_yaml": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
                }
            },
        },
    }
}
_FAULTY = answers(ConfigFaults, status=422, description="The hall file has faults; nobody was sent anything.")
_NOT_TAKEN: dict[int | str, Any] = {
    status: answers(ConfigSent, status=status, description=said)[status]
    for status, said in (
        (409, "A box refused it, and goes on with what it has."),
        (503, "A box is away, or the records or the broker are; ask again."),
        (504, "A box did not answer in time; its health says what it goes by."),
    )
}


def add_config(app: FastAPI, centre: Centre) -> None:
    """Add the routes of hall files."""
    for hall in centre.halls:
        for floor in hall.floors:
            allow_body(app, PATH.format(hall=hall.hall.id, floor=floor.id), MAX_BYTES)

    @app.post(PATH, responses=answers(ConfigSent) | _FAULTY | _NOT_TAKEN, openapi_extra=_ASKS)
    async def send(account: _Admin, hall: _Id, floor: _Id, body: _Body, base: _Base = None) -> Response:
        """Send a hall file to every box of a floor, and say what each answered. One with a fault is sent to nobody."""
        place = _Place(hall, floor)
        text = await run_in_threadpool(_text, centre, place, *body)
        if isinstance(checked := await run_in_threadpool(_checked, text, place), ConfigFaults):
            return reply(checked, 422)
        nodes = next(one.nodes for one in checked.floors if one.id == floor)
        sha256 = fingerprint(text)
        await run_in_threadpool(_on_record, centre, account, place, sha256, dict.fromkeys(nodes, "asked"))
        known = await run_in_threadpool(_known, centre, place)
        asked = [_ask(centre, Address(hall, floor, node), known.get(node), text.encode(), base) for node in nodes]
        took = await asyncio.gather(*asked)
        outcomes = {one.node: one.outcome for one in took}
        await run_in_threadpool(_on_record, centre, account, place, sha256, outcomes)
        return _told(sha256, took)

    @app.get(PATH, responses=answers(FloorConfig, 404, 422))
    def which(_account: _Admin, hall: _Id, floor: _Id) -> Response:
        """Which hall file each box of a floor goes by, as it last said."""
        place = _Place(hall, floor)
        known, planned = _known(centre, place), _planned(centre, place)
        if not known and not planned:
            raise HTTPException(404, f"floor {place}: there is none")
        nodes = [_node_config(node, known.get(node)) for node in dict.fromkeys([*planned, *known])]
        own = None if hall not in centre.hall_files else fingerprint(_own(centre, place))
        return reply(FloorConfig(hall, floor, own, nodes))


def _node_config(node: str, view: NodeView | None) -> NodeConfig:
    if view is None:
        return NodeConfig(node, None, None, None)
    return NodeConfig(node, view.status, view.seen_at, None if view.health is None else view.health.config)


def _known(centre: Centre, place: _Place) -> dict[str, NodeView]:
    """The boxes of a floor that were heard of."""
    return {one.node: one for one in centre.reader.nodes() if (one.hall, one.floor) == (place.hall, place.floor)}


def _planned(centre: Centre, place: _Place) -> Sequence[str]:
    """The boxes of a floor by the centre's hall file."""
    floors = [floor for hall in centre.halls if hall.hall.id == place.hall for floor in hall.floors]
    return next((floor.nodes for floor in floors if floor.id == place.floor), ())


def _text(centre: Centre, place: _Place, kind: str, payload: bytes) -> str:
    if len(payload) > MAX_BYTES:
        raise HTTPException(413, f"body of {len(payload)} bytes; expected {MAX_BYTES} at most")
    try:
        if kind.partition(";")[0].strip().lower() != "application/json":
            return payload.decode()
        found = msgspec.json.decode(payload, type=_Wanted).hall_yaml
    except UnicodeDecodeError as exc:
        # The words of the exception would quote what stands there.
        raise HTTPException(422, f"body: found a byte at {exc.start} that is no UTF-8; expected a hall file") from None
    except msgspec.MsgspecError as exc:
        raise HTTPException(422, f'body: {exc}; expected {{"hall_yaml": "..."}}, or the text itself') from None
    return _own(centre, place) if found is None else found


def _own(centre: Centre, place: _Place) -> str:
    """The text of the centre's own hall file, as it stands now."""
    path = centre.hall_files.get(place.hall)
    if path is None:
        raise HTTPException(
            422, f"body: found no hall_yaml; expected one, since the centre has no file of {place.hall}"
        )
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else "it is no UTF-8"
        raise HTTPException(503, f"the centre's hall file cannot be read: {why}") from None


def _checked(text: str, place: _Place) -> Hall | ConfigFaults:
    """The hall that a text tells of, or what is wrong with it."""
    try:
        # The variables are those of the box: here each of them is there.
        hall = parse_hall(text, environ=Anything())
    except ConfigError as exc:
        return _faults(exc)
    if hall.hall.id != place.hall:
        return _faults(ConfigError("hall.yaml", [Fault("hall.id", hall.hall.id, f"{place.hall}, which it is sent to")]))
    if all(floor.id != place.floor for floor in hall.floors):
        known = ", ".join(floor.id for floor in hall.floors)
        return _faults(ConfigError("hall.yaml", [Fault("floors", known, f"{place.floor}, which it is sent to")]))
    return hall


def _faults(error: ConfigError) -> ConfigFaults:
    return ConfigFaults(str(error), [FaultView(one.path, one.found, one.expected, one.line) for one in error.faults])


async def _ask(centre: Centre, address: Address, known: NodeView | None, payload: bytes, base: str | None) -> NodeTook:
    node = address.node
    if known is not None and known.status != "online":
        return NodeTook(node, "away", f"it is {known.status}")
    config = None if known is None or known.health is None else known.health.config
    key = os.environ.get(KEY_VARIABLE) or None
    if key is not None and base is None and config is not None:
        base = config.sha256
    said = said_with(key, address.topic(REQUEST), base, payload)
    try:
        answer = await centre.boxes.ask(address, REQUEST, payload, said, wait_s=WAIT_S)
    except NoAnswerError:
        return NodeTook(node, "silent", f"no answer within {WAIT_S:g} s")
    except BrokerError as exc:
        return NodeTook(node, "away", str(exc))
    if not isinstance(answer, ReplyBody):
        return NodeTook(node, "silent", "found a picture; expected a reply")
    return NodeTook(node, "taken" if answer.accepted else "refused", answer.error, answer.sha256, answer.changed)


def _told(sha256: str, took: Sequence[NodeTook]) -> Response:
    outcomes = {one.outcome for one in took}
    status = next((_STATUS[outcome] for outcome in ("refused", "silent", "away") if outcome in outcomes), HTTPStatus.OK)
    detail = "; ".join(f"{one.node}: {one.outcome}" + (f", {one.error}" if one.error else "") for one in took)
    return reply(ConfigSent(detail, sha256, took), status)


def _on_record(centre: Centre, account: Account, place: _Place, sha256: str, outcomes: Mapping[str, str]) -> None:
    now, detail = centre.clock.now(), {"sha256": sha256, "nodes": dict(outcomes)}
    centre.records.write(lambda c: audit.append(c, account.name, "config.set", f"floor/{place}", detail, now))

"""What machines ask: whether the centre is well, and its counters."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import Depends, FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from ingest._answers import answers, reply
from ingest.login import require_everywhere
from ingest.service import Centre
from ingest.users import Account

_NEEDED = ("broker", "records")
"""A store that is away is no reason to restart: points wait, everything else works."""


class Wellbeing(msgspec.Struct, frozen=True):
    """Each part is `ok`, or says what is wrong with it."""

    status: str
    """`ok` or `failing`."""
    broker: str
    records: str
    store: str


def add_probes(app: FastAPI, centre: Centre) -> None:
    """Add `/healthz` and `/metrics`."""

    @app.get("/healthz", responses={**answers(Wellbeing), **answers(Wellbeing, status=503, description="Failing.")})
    def healthz() -> Response:
        """Whether messages come in and can be written down. Asks for no login."""
        parts = centre.health()
        well = all(parts[name] is None for name in _NEEDED)
        said = {name: trouble or "ok" for name, trouble in parts.items()}
        return reply(Wellbeing("ok" if well else "failing", **said), 200 if well else 503)

    @app.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    def metrics(_account: Annotated[Account, Depends(require_everywhere("viewer"))]) -> Response:
        """Counters and gauges in Prometheus' text format, for users of every hall."""
        return Response(generate_latest(centre.metrics.registry), media_type=CONTENT_TYPE_LATEST)

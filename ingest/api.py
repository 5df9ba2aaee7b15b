"""The HTTP side of the centre, put together; each `_routes_` module has some of its routes.

| path | answers |
|---|---|
| `/api/halls`, `/api/halls/{hall}` | names of halls, floors, windows and zones, by the hall files |
| `/api/nodes` | every node: status, state, health |
| `/api/incidents?status=ongoing&limit=100` | incidents, newest first |
| `/api/incidents/{event_id}` | one, with its history and what it is the cause of |
| `/api/incidents/{event_id}/acknowledge` and so on | what people do with it, see docs/incidents.md |
| `/api/incidents/{event_id}/picture` | its picture, a JPEG that its box is asked for |
| `/api/halls/{hall}/floors/{floor}/cameras/{camera}/frame` | what a camera shows now, blurred |
| `/api/halls/{hall}/floors/{floor}/config` | which hall file its boxes go by; POST sends them one |
| `/api/rollups?period=hour&start=...&end=...&limit=100` | sums by minute or hour, oldest first; see docs/store.md |
| `/api/state` | version, windows and zones with their names, incidents that go on: one page's worth |
| `/api/events` | incidents and nodes as they change, as server-sent events |
| `/a/...` | the page of a link in an alert, where alerts have links; asks for no login |
| `/api/halls/{hall}/duty`, `tickets`, `ratings` | what other systems say, GET and POST; see docs/inputs.md |
| `/api/halls/{hall}/waits` | how long people wait in each zone, by tickets and by cameras |
| `/api/me` | who asks |
| `/api/login`, `/api/logout`, `/api/password` | see `ingest.login`; only where the centre asks for a login |
| `/api/users`, `/api/tokens` | who may look in; only where the centre asks for a login |
| `/api/audit`, `/api/audit/verify` | who did what, and whether that log is whole |
| `/healthz` | 200 while broker and records are there, else 503 and which is not; never asks for a login |
| `/metrics` | for Prometheus; for users of every hall |

Lists come a page at a time, see `ingest._paging`, and of one hall with `?hall=`. Instants are Unix seconds, UTC; the
bodies of nodes keep their ISO times. Where the centre asks for a login, everybody sees their own halls only. Every
error is `{"detail": "..."}`.
"""

from __future__ import annotations

from fastapi import FastAPI

from ingest._answers import problems, speak_plainly
from ingest._routes_audit import add_audit
from ingest._routes_config import add_config
from ingest._routes_events import add_events
from ingest._routes_incidents import add_incidents
from ingest._routes_inputs import add_inputs
from ingest._routes_pictures import add_pictures
from ingest._routes_probes import add_probes
from ingest._routes_read import add_reading
from ingest._routes_users import add_users
from ingest.link_page import add_link_page
from ingest.login import add_login
from ingest.service import Centre
from ingest.streams import Streams
from ingest.users import Users


def create_app(centre: Centre, users: Users | None = None) -> FastAPI:
    """The HTTP side of a centre. The caller starts and stops the centre itself.

    NiceGUI pages may be mounted on what this returns; they need the login too.

    Args:
        centre: what is shown.
        users: who may see it; None asks nobody, for loopback only.
    """
    app = FastAPI(
        title="hallwatch",
        docs_url="/api/docs",
        openapi_url="/api/openapi.json",
        redoc_url=None,
        responses=problems(401, 403, 404, 411, 413, 503),
    )
    speak_plainly(app)
    add_login(app, users, next(iter(centre.labels.halls), None))
    add_reading(app, centre)
    add_incidents(app, centre)
    add_pictures(app, centre)
    add_config(app, centre)
    app.state.streams = Streams(centre.reader, users)
    add_events(app, centre.reader, app.state.streams)
    add_inputs(app, centre)
    if users is not None:
        add_users(app, users)
    add_audit(app, centre.records)
    add_probes(app, centre)
    if centre.links is not None:
        add_link_page(app, centre.links, centre.labels, centre.reader.changed)
    return app

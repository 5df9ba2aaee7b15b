"""The audit log over HTTP, for admins of every hall."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, FastAPI, Query, Response

from ingest import audit
from ingest._answers import Asked, answers, reply
from ingest._paging import Page
from ingest.audit import AuditRow, Verdict
from ingest.login import require_everywhere
from ingest.records import Records
from ingest.users import Account

_Admin = Annotated[Account, Depends(require_everywhere("admin"))]
_Word = Annotated[str | None, Query(max_length=128, pattern=r"^[^\x00]*$")]
_End = Annotated[str | None, Query(pattern=r"^[0-9]{1,12}:[0-9a-f]{64}$", description="an `end` that was told before")]


def add_audit(app: FastAPI, records: Records) -> None:
    """Add the routes of the audit log."""

    @app.get("/api/audit", responses=answers(Page[AuditRow], 422))
    def rows(_account: _Admin, part: Asked, actor: _Word = None, subject: _Word = None) -> Response:
        """Who did what, newest first; of one actor or on one subject, such as `user/li`, where it is named."""
        with records.reading() as connection:
            return reply(audit.page(connection, part, actor=actor, subject=subject))

    @app.get("/api/audit/verify", responses=answers(Verdict, 422))
    def verify(_account: _Admin, expected: _End = None) -> Response:
        """Whether the log is whole: every row and the chain of them. Keep `end` elsewhere, and ask for it later."""
        with records.reading() as connection:
            return reply(audit.verify(connection, expected=expected))

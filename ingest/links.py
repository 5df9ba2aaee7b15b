"""Links in alerts by which whoever has the message says that they see to the incident.

A link is signed with a key that only the records hold, it expires, and it works once. It opens nothing but one
incident. Opening it changes nothing, for chat programs and mail scanners open links, too; sending its form does.

    LinkError        a link that does nothing
    ├── LinkForged   it is none of ours
    ├── LinkExpired  it is too old
    ├── LinkPast     its incident was closed, or opened again, since
    └── LinkUsed     it was used
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

import msgspec
from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import Connection, insert, select

from hall.clock import Clock
from hall.errors import InputError
from hall.words import Language
from ingest import schema
from ingest._sql import insert_ignore
from ingest.desk import Act, ActRefusedError, Desk
from ingest.incidents import Incident, load_incidents
from ingest.records import Records

LIFE_S = 24 * 3600.0
"""As long as an alert is tried to be sent."""


class LinkError(Exception):
    """A link that does nothing. `incident` is there where it was a good one once."""

    def __init__(self, incident: Incident | None = None) -> None:
        super().__init__(type(self).__name__)
        self.incident = incident


class LinkForged(LinkError):  # noqa: N818 - a kind of LinkError
    """It is none of ours, or its incident is on record no more."""


class LinkExpired(LinkError):  # noqa: N818
    """It is too old."""


class LinkPast(LinkError):  # noqa: N818
    """Its incident was closed, or opened again, since."""


class LinkUsed(LinkError):  # noqa: N818
    """It was used."""


class _Claim(msgspec.Struct, array_like=True, frozen=True):
    event_id: str
    opening: int
    alert: int
    expires_at: int


class Links:
    """Makes links and takes them back.

    Args:
        records: where the key is, and which links were used.
        public_url: address at which phones reach this centre, such as `https://hall.example`.
        clock: the time.
        life_s: how long a link works.

    Raises:
        InputError: the address is none.
        RecordsError: the key cannot be read.
    """

    def __init__(self, records: Records, public_url: str, clock: Clock, *, life_s: float = LIFE_S) -> None:
        if not public_url.startswith(("https://", "http://")) or any(c in public_url for c in "?#@ "):
            raise InputError(f"--public-url {public_url}: expected https://HOST[:PORT][/PATH]")
        self._base = public_url.rstrip("/")
        self._records = records
        self._clock = clock
        self._life_s = life_s
        self._desk = Desk()
        self._serializer: Any = URLSafeSerializer(
            _key(records),
            salt="hallwatch.acknowledge",
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )

    def url(self, event_id: str, opening: int, alert: int, language: Language) -> str:
        """The link of one alert."""
        expires_at = int(self._clock.now() + self._life_s)
        token = self._serializer.dumps([event_id, opening, alert, expires_at])
        return f"{self._base}/a/{token}{'' if language == 'zh' else f'?lang={language}'}"

    @property
    def inbox(self) -> str:
        """Where incidents are shown, to whoever is logged in."""
        return f"{self._base}/"

    def open(self, token: str) -> Incident:
        """What a link leads to; nothing changes.

        Raises:
            LinkError: it does nothing.
            RecordsError: the records cannot be read.
        """
        claim = self._claim(token)
        with self._records.reading() as connection:
            return self._open(connection, claim)

    def use(self, token: str, by: str) -> Incident:
        """Acknowledge the incident of a link, which works no more afterwards.

        Returns:
            The incident: `acknowledged_by` this one, or who said so before.

        Raises:
            LinkError: it does nothing.
            RecordsError: the records cannot be written.
        """
        claim = self._claim(token)
        now = self._clock.now()

        act = Act(kind="acknowledge", actor=by, opening=claim.opening, via="link")

        def acknowledge(connection: Connection) -> Incident:
            incident = self._open(connection, claim, lock=True)
            connection.execute(insert(schema.used_links).values(alert=claim.alert, used_at=now))
            try:
                return self._desk.act(connection, claim.event_id, act, now)
            except ActRefusedError as exc:
                raise LinkPast(incident) from exc

        return self._records.write(acknowledge)

    def _claim(self, token: str) -> _Claim:
        try:
            return msgspec.convert(self._serializer.loads(token), _Claim)
        except (BadData, msgspec.ValidationError):
            raise LinkForged from None

    def _open(self, connection: Connection, claim: _Claim, *, lock: bool = False) -> Incident:
        incident = load_incidents(connection, [claim.event_id], lock=lock).get(claim.event_id)
        if incident is None:
            raise LinkForged
        used = select(schema.used_links.c.alert).where(schema.used_links.c.alert == claim.alert)
        if connection.scalar(used) is not None:
            raise LinkUsed(incident)
        if self._clock.now() >= claim.expires_at:
            raise LinkExpired
        if incident.openings != claim.opening or incident.closed_at is not None:
            raise LinkPast(incident)
        return incident


def _key(records: Records) -> str:
    """The key of this centre's links, made when it is first wanted."""
    with records.writing() as connection:
        insert_ignore(connection, schema.meta, [{"key": "link_key", "value": secrets.token_hex(32)}])
        found = connection.scalar(select(schema.meta.c.value).where(schema.meta.c.key == "link_key"))
    assert found is not None
    return str(found)

"""Which hall file a box goes by: the one it was started with, or a newer one that came by message.

One that was accepted by message is kept beside the outbox, in `config.json`, as it was sent: `${NAME}` stays a name.
After a restart it holds again, for as long as the file that it replaced is the same; somebody who edits the file on
the box means the edited one. SIGHUP takes the file as it stands, and forgets the one that came by message.
"""

from __future__ import annotations

import hmac
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from edge._replies import Reply
from hall.clock import Clock, to_iso
from hall.config_set import REQUEST, fingerprint, signature_of
from hall.errors import ConfigError, Fault, HallwatchError, InputError, RecordsError
from hall.files import write_whole
from hall.layout import Hall
from hall.load import parse_hall
from hall.messages import MAX_BYTES, ConfigHealth, ReplyBody, correlation_text
from hall.topics import Address

log = logging.getLogger(__name__)

Origin = Literal["file", "message"]

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class ConfigRequest:
    """A hall file that somebody sent.

    Attributes:
        payload: its text, YAML in UTF-8.
        topic: where it came.
        correlation: what the reply must carry.
        base: sha256 of the hall file that it is meant to replace; None: of any.
        signature: see `hall.config_set.signature_of`.
        to: where the reply goes; None: on `reply`.
    """

    payload: bytes
    topic: str
    correlation: bytes | None = None
    base: str | None = None
    signature: str | None = None
    to: str | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A hall file that is right, and may be taken."""

    hall: Hall
    text: str
    origin: Origin

    @property
    def sha256(self) -> str:
        """Of its text in UTF-8, as hex."""
        return fingerprint(self.text)


class _Kept(msgspec.Struct, frozen=True):
    """config.json; `over` is the sha256 of the file that it replaced."""

    hall_yaml: str
    over: str
    accepted_at: str


class HallConfig:
    """The hall file in force.

    Args:
        path: the file that the box was started with.
        folder: where one that came by message is kept.
        clock: for the time in it.
        key: where set, requests must name their base and be signed with it.
        environ: where `${NAME}` is looked up; the process environment by default.

    Attributes:
        hall: in force.

    Raises:
        InputError: the file cannot be read, or what it says is wrong.
    """

    def __init__(
        self,
        path: Path,
        folder: Path,
        clock: Clock,
        *,
        key: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._path, self._kept_path, self._clock = path, folder / "config.json", clock
        self._key, self._environ = key, environ
        self._error: str | None = None
        self._file = self._now = self._from_file()
        kept = self._kept()
        if kept is not None:
            self._now = kept
        self.hall = self._now.hall

    @property
    def health(self) -> ConfigHealth:
        """What is in force, and what was wrong with the last one that was not taken."""
        return ConfigHealth(self._now.sha256, self._now.origin, self._error)

    @property
    def sha256(self) -> str:
        """Of the text in force."""
        return self._now.sha256

    def read(self, request: ConfigRequest | None) -> Proposal:
        """What a request proposes, or with None the file as it stands now.

        Raises:
            InputError: it is not allowed, or wrong.
        """
        if request is None:
            return self._from_file()
        self._check_sender(request)
        if len(request.payload) > MAX_BYTES:
            raise InputError(f"{REQUEST}: {len(request.payload)} bytes; expected {MAX_BYTES} at most")
        try:
            text = request.payload.decode()
        except UnicodeDecodeError as exc:
            raise InputError(f"{REQUEST}: {exc}; expected a hall file in UTF-8") from exc
        self._check_variables(text)
        return Proposal(self._parsed(text, REQUEST), text, "message")

    def accept(self, proposal: Proposal) -> None:
        """Let it be in force, also after a restart.

        Raises:
            RecordsError: it cannot be kept; then the old one stays in force.
        """
        try:
            if proposal.origin == "message":
                kept = _Kept(proposal.text, self._file.sha256, to_iso(self._clock.now()))
                write_whole(self._kept_path, msgspec.json.encode(kept))
            else:
                self._kept_path.unlink(missing_ok=True)
                self._file = proposal
        except OSError as exc:
            raise RecordsError(f"{self._kept_path}: {exc}; expected a folder that can be written") from exc
        self._now, self.hall, self._error = proposal, proposal.hall, None
        log.info("hall file %s by %s is in force", proposal.sha256[:12], proposal.origin)

    def refuse(self, error: HallwatchError) -> None:
        """Say what was wrong with one that was not taken."""
        self._error = str(error)
        log.warning("hall file not taken, %s stays in force: %s", self._now.sha256[:12], error)

    def _check_sender(self, request: ConfigRequest) -> None:
        if self._key is not None:
            right = signature_of(self._key, request.topic, request.base or "", request.payload)
            if request.base is None or not hmac.compare_digest(request.signature or "", right):
                raise InputError(f"{REQUEST}: the signature is wrong; expected base and signature by this box's key")
        if request.base is not None and request.base != self._now.sha256:
            raise InputError(
                f"{REQUEST}: base {request.base[:64]!r}; expected {self._now.sha256}: another one came before it"
            )

    def _check_variables(self, text: str) -> None:
        """A secret of this machine that the file on it does not use is none of a sender's business."""
        known = set(_VARIABLE.findall(self._file.text))
        others = [name for name in dict.fromkeys(_VARIABLE.findall(text)) if name not in known]
        if others:
            allowed = ", ".join(sorted(known)) or "none"
            raise ConfigError(
                REQUEST,
                [Fault("the file", f"${{{name}}}", f"variables of the file on the box: {allowed}") for name in others],
            )

    def _parsed(self, text: str, name: str) -> Hall:
        return parse_hall(text, name=name, environ=self._environ, base=self._path.parent)

    def _from_file(self) -> Proposal:
        try:
            text = self._path.read_bytes().decode()
        except (OSError, UnicodeDecodeError) as exc:
            raise InputError(f"{self._path}: cannot be read: {exc}; expected a hall file in UTF-8") from exc
        return Proposal(self._parsed(text, str(self._path)), text, "file")

    def _kept(self) -> Proposal | None:
        """What came by message before the restart, if it still holds; else why not is said."""
        try:
            kept = msgspec.json.decode(self._kept_path.read_bytes(), type=_Kept)
            if kept.over != self._file.sha256:
                log.warning("%s: %s was edited since and is in force", self._kept_path, self._path)
                return None
            return Proposal(self._parsed(kept.hall_yaml, str(self._kept_path)), kept.hall_yaml, "message")
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError, InputError) as exc:
            self._error = f"{self._kept_path}: {exc}; {self._path} is in force"
            log.warning("%s", self._error)
            return None


def check_change(old: Hall, new: Hall, address: Address) -> None:
    """Whether a running box may go from one hall file to another.

    Raises:
        ConfigError: it would be another box, or need another detector.
    """
    floor = new.floor_of(address.node)
    found = [("hall.id", new.hall.id, address.hall), ("floors", floor.id if floor else "none", address.floor)]
    faults = [
        Fault(path, f"{what} for node {address.node}", f"{right}: a box keeps its place while it runs")
        for path, what, right in found
        if what != right
    ]
    if new.model != old.model:
        faults.append(Fault("model", new.model, f"{old.model}: another detector needs a restart"))
    if faults:
        raise ConfigError("the hall file", faults)


def reply_to(request: ConfigRequest, error: HallwatchError | None, sha256: str, changed: list[str]) -> Reply:
    """What a sender is told.

    Args:
        request: what was sent.
        error: why it was not taken, if it was not.
        sha256: of the hall file in force now.
        changed: cameras that were opened, opened anew or closed.
    """
    correlation = correlation_text(request.correlation)
    body = ReplyBody(REQUEST, error is None, correlation, None if error is None else str(error), sha256, changed)
    return Reply(body, request.correlation, request.to)

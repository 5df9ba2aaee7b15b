"""Fetch model files: by the manifest's address or a mirror, resumed where it broke off, used only when it is whole.

What arrives lies in a `.part` file beside its place. It gets its name when size and sha256 are those of the
manifest, so a broken download is resumed, a wrong one is removed, and neither is ever taken for a model.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import http.client
import os
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BufferedRandom
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from hall.errors import ModelError
from hall.layout import mask_address
from models.zoo import ModelEntry, ModelFile

CHUNK = 1 << 16
ARCHIVE_LIMIT = 2 << 30
"""Bytes of an archive at most; the manifest tells the size of a model, not that of an archive."""

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are here and those of the whole, where the server tells."""


@dataclass(frozen=True, slots=True)
class PullSettings:
    """How to fetch.

    Args:
        mirrors: addresses of folders that hold files under their names; asked before the manifest's address.
        proxy: for http and https; where left out, the environment's `https_proxy`, `http_proxy`, `no_proxy`.
        timeout_s: for connecting, and for each read.
        tries: of an address that breaks off; one that sent something is resumed.
        pause_s: before the second try; doubled before each further one.
    """

    mirrors: Sequence[str] = ()
    proxy: str | None = None
    timeout_s: float = 30.0
    tries: int = 5
    pause_s: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is no address.

        Raises:
            ModelError: a mirror or the proxy is neither http nor https.
        """
        for address in [*self.mirrors, *([self.proxy] if self.proxy else [])]:
            parts = urlsplit(address)
            if parts.scheme not in {"http", "https"} or not parts.hostname:
                raise ModelError(f"{mask_address(address)}: expected an address such as https://mirror.example/models")


@dataclass(frozen=True, slots=True)
class _Source:
    """Where bytes come from, and what they have to be."""

    url: str
    sha256: str
    size: int | None
    member: str | None = None
    headers: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def shown(self) -> str:
        return mask_address(self.url)


class _BrokenError(Exception):
    """An address gave no file this time."""

    def __init__(self, why: str, *, again: bool) -> None:
        super().__init__(why)
        self.again = again


def pull(entry: ModelEntry, folder: Path, settings: PullSettings, progress: Progress = lambda *_: None) -> Path:
    """Fetch the file of an entry into a folder, unless it is there already.

    Args:
        entry: of the manifest.
        folder: made where it is missing.
        settings: mirrors, proxy, patience.
        progress: told what has arrived.

    Returns:
        The path of the file, whose size and sha256 are those of the entry.

    Raises:
        ModelError: no address had the file, what arrived is not what the manifest says (it is removed), another
            pull of the same file is at work, or the folder cannot be written.
    """
    place = folder / entry.file
    if place.is_file() and _is_whole(place, entry):
        return place
    sources = _sources(entry, settings.mirrors)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tried = [_from(source, entry, place, settings, progress) for source in _until_there(sources, place, entry)]
    except OSError as exc:
        raise ModelError(f"{place}: {exc.strerror or exc}; expected a folder that can be written") from exc
    if not place.is_file() or not _is_whole(place, entry):
        raise ModelError("\n  ".join([f"{entry.name}: no address had {entry.file}", *filter(None, tried)]))
    return place


def _until_there(sources: Sequence[_Source], place: Path, entry: ModelEntry) -> Iterator[_Source]:
    """One address after the other, until the file is here."""
    for source in sources:
        yield source
        if place.is_file() and _is_whole(place, entry):
            return


def _is_whole(place: Path, entry: ModelEntry) -> bool:
    try:
        ModelFile(entry, place).read()
    except ModelError:
        return False
    return True


def _sources(entry: ModelEntry, mirrors: Sequence[str]) -> list[_Source]:
    """Mirrors first: who names one means it."""
    found = [_mirrored(mirror, entry) for mirror in mirrors]
    if entry.url is not None:
        found.append(_Source(entry.url, entry.sha256, entry.size))
    if entry.archive is not None and entry.archive.change is None:
        found.append(_Source(entry.archive.url, entry.archive.sha256, None, entry.archive.member))
    if not found:
        made = (
            f"it is made from {entry.archive.url}: {entry.archive.change}" if entry.archive else f"it is {entry.source}"
        )
        raise ModelError(
            f"{entry.name}: the manifest has no address of {entry.file} itself; {made}. Expected a mirror "
            "that holds it (HALLWATCH_MODELS_MIRROR), or the file in a model folder"
        )
    return found


def _mirrored(mirror: str, entry: ModelEntry) -> _Source:
    """User and password of an address go into a header: urllib would take them for a part of the host."""
    parts = urlsplit(mirror)
    headers = {}
    if parts.username is not None:
        secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(secret).decode()}"
    netloc = parts.netloc.rpartition("@")[2]
    url = urlunsplit((parts.scheme, netloc, f"{parts.path.rstrip('/')}/{entry.file}", parts.query, ""))
    return _Source(url, entry.sha256, entry.size, headers=headers)


def _from(source: _Source, entry: ModelEntry, place: Path, settings: PullSettings, progress: Progress) -> str | None:
    """Fetch from one address; why it did not work, or None.

    Raises:
        ModelError: another pull is at work, or what arrived is something else: that is told at once.
        OSError: the folder cannot be written.
    """
    # Named by what it shall be: an old part of another version is never resumed.
    part = place.with_name(f".{place.name}.{source.sha256[:12]}.part")
    with _alone(part) as file:
        why = _persist(source, file, settings, progress)
        if why is not None:
            return why
        _check(source, file, part)
        if source.member is None:
            os.fsync(file.fileno())
            part.replace(place)
        else:
            try:
                _unpack(part, source.member, entry, place)
            finally:
                part.unlink()
    return None


@contextmanager
def _alone(part: Path) -> Iterator[BufferedRandom]:
    """The part file, open to go on writing; one process at a time."""
    with part.open("ab+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ModelError(f"{part}: another pull is at work on it; expected to be the only one") from None
        yield file


def _persist(source: _Source, file: BufferedRandom, settings: PullSettings, progress: Progress) -> str | None:
    """Try and try again, each time from where it broke off; why it did not work, or None."""
    opener = _opener(settings)
    for number in range(settings.tries):
        if number:
            time.sleep(min(60.0, settings.pause_s * 2 ** (number - 1)))
        try:
            _fetch(opener, source, file, settings.timeout_s, progress)
        except _BrokenError as exc:
            why = f"{source.shown}: {exc}"
            if not exc.again:
                return why
        else:
            return None
    return f"{why}, {settings.tries} times"


def _opener(settings: PullSettings) -> urllib.request.OpenerDirector:
    proxies = {"http": settings.proxy, "https": settings.proxy} if settings.proxy else None
    return urllib.request.build_opener(urllib.request.ProxyHandler(proxies))


def _fetch(
    opener: urllib.request.OpenerDirector, source: _Source, file: BufferedRandom, timeout_s: float, progress: Progress
) -> None:
    """Append what is missing.

    Raises:
        _BrokenError: the address gave nothing, or not all.
        OSError: of the disk, not of the network.
    """
    here = file.seek(0, os.SEEK_END)
    if source.size is not None and here >= source.size:
        return
    with _asked(opener, source, file, here, timeout_s) as answer:
        start = here if here and _goes_on(answer, here) else 0
        told = answer.headers.get("Content-Length", "")
        sent = start + int(told) if told.isdigit() else None
        if source.size is not None and sent not in {None, source.size}:
            # A page that asks for a password, say: what is here already is kept.
            raise _BrokenError(f"has {sent} bytes; expected {source.size}: another file", again=False)
        if start < here:
            file.truncate(0)
            here = 0
        whole = source.size or sent
        for chunk in _chunks(answer):
            here += len(chunk)
            if here > (source.size or ARCHIVE_LIMIT):
                file.truncate(0)
                raise _BrokenError(f"sent more than {source.size or ARCHIVE_LIMIT} bytes: another file", again=False)
            file.write(chunk)
            progress(here, whole)
    file.flush()
    if whole is not None and here < whole:
        raise _BrokenError(f"broke off after {here} of {whole} bytes", again=True)


def _asked(
    opener: urllib.request.OpenerDirector, source: _Source, file: BufferedRandom, here: int, timeout_s: float
) -> http.client.HTTPResponse:
    """The answer to a request for all from byte `here` on."""
    headers = {"User-Agent": "hallwatch", "Accept-Encoding": "identity", **source.headers}
    request = urllib.request.Request(source.url, headers=headers)  # noqa: S310 - http and https only, checked before
    if here:
        request.add_header("Range", f"bytes={here}-")
    try:
        answer: http.client.HTTPResponse = opener.open(request, timeout=timeout_s)
    except urllib.error.HTTPError as exc:
        exc.close()
        if exc.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            file.truncate(0)  # longer than the file there: begin anew
        raise _BrokenError(f"answered {exc.code} {exc.reason}", again=exc.code >= 500 or exc.code in _AGAIN) from exc
    except (OSError, http.client.HTTPException) as exc:
        reason = exc.reason if isinstance(exc, urllib.error.URLError) else exc
        raise _BrokenError(f"cannot be reached: {reason}", again=True) from exc
    return answer


_AGAIN = frozenset({408, 416, 429})
"""Codes below 500 after which another try may work."""


def _chunks(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    """What comes in, as it comes in."""
    while True:
        try:
            chunk = answer.read1(CHUNK)
        except (OSError, http.client.HTTPException) as exc:
            raise _BrokenError(f"broke off: {exc or type(exc).__name__}", again=True) from exc
        if not chunk:
            return
        yield chunk


def _goes_on(answer: http.client.HTTPResponse, here: int) -> bool:
    """Whether the answer begins where the part ends; a server without ranges sends the whole."""
    started = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return answer.status == http.client.PARTIAL_CONTENT and started == str(here)


def _check(source: _Source, file: BufferedRandom, part: Path) -> None:
    """Compare with the manifest; remove what is something else.

    Raises:
        ModelError: it is.
    """
    file.seek(0)
    found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != source.sha256:
        part.unlink()
        raise ModelError(
            f"{source.shown}: found sha256 {found}; expected {source.sha256}. It is altered or another file; removed"
        )


def _unpack(archive: Path, member: str, entry: ModelEntry, place: Path) -> None:
    """Take the model out of an archive.

    Raises:
        ModelError: it is not in it, or another one; nothing is left of it.
    """
    made = place.with_name(f".{place.name}.{entry.sha256[:12]}.unpacked")
    try:
        with zipfile.ZipFile(archive) as packed, packed.open(member) as source, made.open("wb") as target:
            # One byte more than it may have shows that it is too long, and no bomb goes off.
            target.write(source.read(entry.size + 1))
            target.flush()
            os.fsync(target.fileno())
        ModelFile(entry, made).read()
        made.replace(place)
    except (KeyError, zipfile.BadZipFile) as exc:
        raise ModelError(f"{archive}: found no {member} in the archive: {exc}") from exc
    finally:
        made.unlink(missing_ok=True)

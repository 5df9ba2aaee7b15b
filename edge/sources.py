"""Opening a source by its scheme: files, rtsp(s), http(s) and devices; others register theirs."""

from __future__ import annotations

import time
from contextlib import closing

from edge._libav import open_device_source, open_file_source, open_stream_source
from edge.media import Address, Image, MediaSource, Opener, OpenRequest, SourceInfo, source_error

_OPENERS: dict[str, Opener] = {
    "file": open_file_source,
    "device": open_device_source,
    "rtsp": open_stream_source,
    "rtsps": open_stream_source,
    "http": open_stream_source,
    "https": open_stream_source,
}


def register_scheme(name: str, opener: Opener) -> None:
    """Teach the edge a scheme, such as `sim` for `sim://…`.

    Raises:
        ValueError: the scheme has another opener already.
    """
    if _OPENERS.setdefault(name, opener) is not opener:
        raise ValueError(f"register_scheme: {name!r} is taken; expected a name besides {sorted(_OPENERS)}")


def open_source(request: OpenRequest) -> MediaSource:
    """Open a source.

    Raises:
        SourceError: it is of no known scheme, is not there, or does not answer.
    """
    address = request.address
    opener = _OPENERS.get(address.scheme)
    if not address.text.strip() or opener is None:
        known = ", ".join(sorted(f"{name}://" for name in _OPENERS if name not in {"file", "device"}))
        found = f"scheme {address.scheme}://" if address.text.strip() else "nothing"
        raise source_error(address, found, f"a file, a device number, or one of {known}")
    return opener(request)


def probe(source: str, timeout_s: float = 10.0) -> SourceInfo:
    """Open a source, read what it says of itself, close it.

    Raises:
        SourceError: it cannot be opened.
    """
    with closing(open_source(OpenRequest(Address(source), timeout_s / 2, timeout_s / 2))) as opened:
        return opened.info


def grab_frame(source: str, timeout_s: float = 10.0) -> Image:
    """The first picture of a source in full size, (H, W, 3) uint8 BGR.

    Raises:
        SourceError: it cannot be opened, or shows no picture in time.
    """
    deadline = time.monotonic() + timeout_s
    address = Address(source)
    # libav takes up to twice its limit to notice a silent peer.
    request = OpenRequest(address, timeout_s / 2, timeout_s / 2, lambda: time.monotonic() > deadline)
    with closing(open_source(request)) as opened:
        for picture in opened:
            return picture.render(None)
    raise source_error(address, f"no picture within {timeout_s:g} s", "a source that shows pictures")

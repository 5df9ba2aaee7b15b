"""The picture of a floor plan, as hall.yaml names it."""

from __future__ import annotations

from pathlib import Path

from hall.errors import InputError

TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}
MOST_BYTES = 2_000_000


def read_picture(path: Path, place: str) -> tuple[str, bytes]:
    """Media type and content of a picture.

    Args:
        path: of the file.
        place: in hall.yaml, for what is said.

    Raises:
        InputError: it cannot be read, is too large or of an unknown kind.
    """
    kind = TYPES.get(path.suffix.lower())
    if kind is None:
        raise InputError(f"{place}.image: {path.name}; expected one of {', '.join(TYPES)}")
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise InputError(f"{place}.image: {path} cannot be read: {exc.strerror}; expected a picture") from exc
    if len(data) > MOST_BYTES:
        raise InputError(f"{place}.image: {path} has {len(data)} bytes; expected {MOST_BYTES} at most")
    return kind, data


def grid_path(width_m: float, depth_m: float) -> str:
    """Lines every metre, as the path of an SVG."""
    lines = [f"M{x} 0V{depth_m:g}" for x in range(1, int(width_m) + 1)]
    lines += [f"M0 {depth_m - y:g}H{width_m:g}" for y in range(1, int(depth_m) + 1)]
    return "".join(lines)

"""Durations and identifiers as people write them in hall.yaml."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

_UNITS_S = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}
_DURATION = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(ms|s|min|h)\s*$")
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
"""An id stands in MQTT topics, line protocol and addresses, so it is plain ASCII."""


def parse_duration(text: Any) -> float:
    """A duration such as `5min`, `30s`, `1.5h` or `250ms` in seconds.

    A bare number is refused: nobody can tell whether it means seconds or minutes.

    Raises:
        ValueError: what stands there is no duration.
    """
    match = _DURATION.match(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("a number with a unit: 250ms, 10s, 5min or 1.5h")
    seconds = float(match[1]) * _UNITS_S[match[2]]
    if seconds <= 0:
        raise ValueError("a duration longer than zero")
    return seconds


def _duration(value: Any) -> Any:
    # A float only comes from our own defaults and from copies of a model, never from a file.
    return value if isinstance(value, float) else parse_duration(value)


Duration = Annotated[float, BeforeValidator(_duration, json_schema_input_type=str)]
"""Seconds; written with a unit."""

Id = Annotated[str, Field(pattern=ID_PATTERN)]
"""Letters, digits, `-` and `_`, starting with a letter or digit, 64 at most."""

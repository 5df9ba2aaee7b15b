"""Durations and identifiers as people write them in hall.yaml."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo

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
    if not 0 < seconds < math.inf:
        raise ValueError("a duration longer than zero" if seconds <= 0 else "a duration that ends")
    return seconds


FROM_FILE = {"from_file": True}
"""Context of a validation whose values people wrote: there even `5.0` needs a unit."""


def _duration(value: Any, info: ValidationInfo) -> Any:
    # From code, a float is seconds, as the name of every such variable says.
    return value if isinstance(value, float) and info.context != FROM_FILE else parse_duration(value)


Duration = Annotated[float, BeforeValidator(_duration, json_schema_input_type=str)]
"""Seconds; written with a unit."""

Id = Annotated[str, Field(pattern=ID_PATTERN)]
"""Letters, digits, `-` and `_`, starting with a letter or digit, 64 at most."""

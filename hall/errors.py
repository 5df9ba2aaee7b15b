"""Everything hallwatch raises on purpose.

HallwatchError
├── InputError          a file, an argument or a request is wrong; the command line exits with 1
│   ├── ConfigError     hall.yaml: carries every fault found, not only the first
│   ├── ModelError      a model file or the manifest
│   ├── SourceError     a camera or a video that cannot be opened or read
│   └── MessageError    a wire message that cannot be decoded
└── ServiceError        a server that hallwatch needs does not do what it should
    ├── BrokerError     MQTT broker
    ├── StoreError      time-series store
    └── RecordsError    SQL records or the outbox
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class HallwatchError(Exception):
    """Base of all errors that hallwatch raises on purpose."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Whole, also out of another process: left to itself pickle calls the constructor with the message alone."""
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[HallwatchError], args: tuple[Any, ...], state: dict[str, Any]) -> HallwatchError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class InputError(HallwatchError):
    """Something given to hallwatch is wrong; the message says where, what was found, what is right."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a file: where, what stands there, what would be right."""

    path: str
    found: str
    expected: str
    line: int | None = None

    def __str__(self) -> str:
        where = self.path if self.line is None else f"{self.path} (line {self.line})"
        return f"{where}: found {self.found}; expected {self.expected}"


class ConfigError(InputError):
    """A configuration file with faults, all of them at once.

    Args:
        name: the file as the user named it.
        faults: at least one fault, in the order of the file.
    """

    def __init__(self, name: str, faults: Sequence[Fault]) -> None:
        self.name = name
        self.faults = tuple(faults)
        count = len(self.faults)
        head = f"{name}: {count} fault{'s' if count != 1 else ''}"
        super().__init__("\n  ".join([head, *map(str, self.faults)]))


class ModelError(InputError):
    """A model file or manifest that is missing, truncated, altered or not what it says."""


class SourceError(InputError):
    """A camera or a video that cannot be opened or read."""


class MessageError(InputError):
    """A wire message that cannot be decoded; `reason` is a short word for counters."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


class ServiceError(HallwatchError):
    """A server that hallwatch needs does not do what it should."""


class BrokerError(ServiceError):
    """The MQTT broker refuses or is away."""


class StoreError(ServiceError):
    """The time-series store refuses or is away."""


class RecordsError(ServiceError):
    """The SQL records or the outbox cannot be read or written."""

"""The parts of a pipeline, each by what it was made of: after a change of the hall file those made of the same stay."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from hall.clock import Instant

T = TypeVar("T")


class Parts:
    """Makes the parts of a pipeline, or takes them over from the pipeline before it with the memory they have.

    Args:
        before: the parts of that pipeline.

    Attributes:
        made: by name, what each was made of and the part.
        at: how far the pipeline has come.
    """

    def __init__(self, before: Parts | None = None) -> None:
        self._before: dict[str, tuple[object, object]] = {} if before is None else dict(before.made)
        self.made: dict[str, tuple[object, object]] = {}
        self.at: Instant | None = None if before is None else before.at

    def part(self, name: str, of: object, make: Callable[[], T]) -> T:
        """The part of this name, the one from before where it was made of the same.

        Args:
            name: unique within a pipeline, such as `window/w01`.
            of: everything its work depends on; compared by value.
            make: makes a new one.
        """
        known = self._before.get(name)
        part = make() if known is None or known[0] != of else cast("T", known[1])
        self.made[name] = of, part
        return part

    def last(self, name: str) -> object | None:
        """The part of this name of the pipeline before, whatever it was made of."""
        known = self._before.get(name)
        return None if known is None else known[1]

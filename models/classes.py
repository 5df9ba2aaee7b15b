"""Which of a model's or a data set's classes are people."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

COCO_CLASSES = 80

Key = TypeVar("Key", bound=Hashable)


def person_class(names: Mapping[Key, str]) -> Key | None:
    """The class that is called person, or the only one; None where it cannot be told.

    Where eighty classes are called by their numbers, as ultralytics does in models built from YAML, they are
    those of COCO, and the first is the person.
    """
    if found := [key for key, name in names.items() if name.strip().lower() == "person"]:
        return found[0]
    numbered = len(names) == COCO_CLASSES and all(name == str(key) for key, name in names.items())
    return next(iter(names)) if len(names) == 1 or numbered else None

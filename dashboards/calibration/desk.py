"""What the calibration page asks: a hall file is opened, looked at with other areas, and written."""

from __future__ import annotations

import difflib
import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from dashboards.calibration.faults import PlacedFault, faults_of
from hall.areas import CameraAreas, areas_of, with_areas
from hall.errors import InputError
from hall.files import write_whole
from hall.load import plain_values
from hall.masking import portable, shown
from hall.patch import patched
from hall.plane import Plane, Segment

_KEPT = 8
"""So many versions of the file are kept, to say what changed meanwhile."""
_AROUND_M = 2.0
"""The grid of a floor without a plan reaches so far beyond the floor points."""

_MOST_M = 500.0
"""A floor that is larger has no grid: a number was mistyped."""


class Fit(msgspec.Struct, frozen=True):
    """How floor points fit a plane.

    Attributes:
        error_m: mean of `errors_m`; with exactly four points 0 by construction.
        errors_m: how far each point is off.
        grid: the lines of whole metres, x and y of both ends as shares of the picture.
    """

    error_m: float
    errors_m: list[float]
    grid: list[Segment]


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """A hall file as it would be: nothing is written.

    Attributes:
        sha256: of the file as it is.
        faults: of the file as it would be.
        fit: of the floor points; None: fewer than four, or none that fit.
        diff: lines that change, with what stands around them; logins of cameras are masked.
    """

    sha256: str
    faults: list[PlacedFault]
    fit: Fit | None
    diff: str


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """The areas of a camera, as the file has them.

    Attributes:
        file: its name.
        sha256: of its text, for what is asked later.
        writable: whether it can be written here.
        areas: what may be drawn.
        checked: its faults, and how the floor points fit.
    """

    file: str
    sha256: str
    writable: bool
    areas: CameraAreas
    checked: Checked


class StaleError(Exception):
    """The file is another one than the page began with.

    Args:
        theirs: what changed in the file meanwhile; empty where nobody knows any more.
        yours: what the page would have changed.
    """

    def __init__(self, theirs: str, yours: str) -> None:
        self.theirs, self.yours = theirs, yours
        super().__init__("the file was changed meanwhile, by somebody else or by hand; nothing was written")


class FaultyError(Exception):
    """The file would have faults.

    Args:
        checked: says which.
    """

    def __init__(self, checked: Checked) -> None:
        self.checked = checked
        super().__init__("; ".join(f"{f.path}: found {f.found}; expected {f.expected}" for f in checked.faults))


class Desk:
    """The hall file of this process. May be asked from any thread.

    Args:
        file: where it is.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = threading.RLock()
        self._kept: OrderedDict[str, str] = OrderedDict()
        self._values = lru_cache(maxsize=2)(lambda text: plain_values(text, name=file.name))

    def opened(self, floor: str, camera: str) -> Opened:
        """The areas of a camera.

        Raises:
            InputError: the file cannot be read, or not be drawn.
        """
        text = self._read()
        values = self._values(text)
        areas = areas_of(values, floor, camera)
        checked = _checked(text, text, values, floor, camera, areas)
        writable = os.access(self._target, os.W_OK) and os.access(self._target.parent, os.W_OK)
        return Opened(file=self.file.name, sha256=checked.sha256, writable=writable, areas=areas, checked=checked)

    def looked(self, floor: str, camera: str, base: str, areas: CameraAreas) -> Checked:
        """The file with these areas, against the version that the page began with.

        Raises:
            InputError: the file cannot be read, or not be changed.
            StaleError: it is another one by now.
        """
        return self._made(floor, camera, base, areas)[1]

    def portable(self, floor: str, camera: str, base: str, areas: CameraAreas) -> str:
        """The text with these areas, to be taken elsewhere: without secrets.

        Raises:
            InputError: the file cannot be read, or not be changed.
            StaleError: it is another one by now.
            FaultyError: it would have faults.
        """
        made, checked = self._made(floor, camera, base, areas)
        if checked.faults:
            raise FaultyError(checked)
        return portable(made)

    def saved(
        self, floor: str, camera: str, base: str, areas: CameraAreas, told: Callable[[Callable[[], None], str], None]
    ) -> Opened:
        """Write the file with these areas.

        Args:
            floor: of the camera.
            camera: whose areas they are.
            base: sha256 of the version that the page began with.
            areas: what it should say.
            told: is given what writes the file, and its new sha256; for a log that is written with it.

        Raises:
            InputError: the file cannot be read or changed.
            OSError: it cannot be written.
            StaleError: it is another one by now.
            FaultyError: it would have faults.
        """
        with self._lock:
            made, checked = self._made(floor, camera, base, areas)
            if checked.faults:
                raise FaultyError(checked)
            if sha256_of(made) != base:
                data = made.encode()
                told(lambda: write_whole(self._target, data, keep_access=True), sha256_of(made))
        return self.opened(floor, camera)

    @property
    def _target(self) -> Path:
        """Behind a link, so that the link stays."""
        return self.file.resolve()

    def _made(self, floor: str, camera: str, base: str, areas: CameraAreas) -> tuple[str, Checked]:
        text = self._read()
        began = text if sha256_of(text) == base else self._kept.get(base)
        if began is None:
            raise StaleError("", "")
        values = with_areas(self._values(began), floor, camera, areas)
        made = patched(began, values)
        if began is not text:
            raise StaleError(_diff(began, text), _diff(began, made))
        return made, _checked(text, made, values, floor, camera, areas)

    def _read(self) -> str:
        try:
            text = self.file.read_bytes().decode()
        except (OSError, UnicodeDecodeError) as exc:
            raise InputError(f"{self.file.name}: cannot be read: {exc}; expected a hall file in UTF-8") from exc
        with self._lock:
            self._kept[sha256_of(text)] = text
            self._kept.move_to_end(sha256_of(text))
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return text


def sha256_of(text: str) -> str:
    """Of a text in UTF-8, as hex: as a box tells of its hall file."""
    return hashlib.sha256(text.encode()).hexdigest()


def _checked(before: str, after: str, values: Any, floor: str, camera: str, areas: CameraAreas) -> Checked:
    faults = faults_of(after, values, floor, camera, areas)
    fit = None if any(fault.part == "floor_points" and fault.here for fault in faults) else _fit(values, floor, areas)
    return Checked(sha256=sha256_of(before), faults=faults, fit=fit, diff=_diff(before, after))


def _fit(values: Any, floor: str, areas: CameraAreas) -> Fit | None:
    points = areas.floor_points
    if len(points) < 4:
        return None
    plane = Plane.fit(points)
    errors = plane.errors_m(points)
    plan = next((f.get("plan") for f in values["floors"] if f.get("id") == floor), None)
    if plan:
        part = 0.0, 0.0, float(plan["width_m"]), float(plan["depth_m"])
    else:
        xs, ys = [x for _, (x, _) in points], [y for _, (_, y) in points]
        part = min(xs) - _AROUND_M, min(ys) - _AROUND_M, max(xs) + _AROUND_M, max(ys) + _AROUND_M
    grid = [] if max(part[2] - part[0], part[3] - part[1]) > _MOST_M else plane.grid(*part)
    return Fit(sum(errors) / len(errors), errors, grid)


_shown = lru_cache(maxsize=2)(shown)
"""Of the file as it is, which is compared again and again."""


def _diff(before: str, after: str) -> str:
    if before == after:
        return ""
    old, new = _shown(before).splitlines(), shown(after).splitlines()
    return "\n".join(list(difflib.unified_diff(old, new, lineterm="", n=2))[2:])

"""What people call the parts of a hall. Without a hall file, the ids stand in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo

import msgspec

from hall.clock import Instant
from hall.layout import Hall
from hall.words import WORDS, Language


class WindowLabel(msgspec.Struct, frozen=True):
    """A window for display."""

    id: str
    label: str
    service: str
    staffed: bool


class ZoneLabel(msgspec.Struct, frozen=True):
    """A zone for display."""

    id: str
    label: str
    kind: str
    serves: list[str]


class FloorLabel(msgspec.Struct, frozen=True):
    """A floor for display."""

    id: str
    nodes: list[str]
    windows: list[WindowLabel]
    zones: list[ZoneLabel]


class HallLabel(msgspec.Struct, frozen=True):
    """A hall for display: names and no addresses of cameras, which hold secrets."""

    id: str
    name: str
    timezone: str
    floors: list[FloorLabel]


class Labels:
    """Names and time zones of halls. For what is in none of them, the ids stand in, and UTC."""

    def __init__(self, *halls: Hall) -> None:
        self.halls: Mapping[str, HallLabel] = {hall.hall.id: _hall_label(hall) for hall in halls}
        """By id."""
        self._zones: Mapping[str, tzinfo] = {hall.hall.id: hall.zone_info for hall in halls}
        self._subjects = {hall: _subjects(label) for hall, label in self.halls.items()}

    def subject(self, hall: str, floor: str, subject: str, language: Language = "zh") -> str:
        """What people call a subject such as `window/w01`."""
        kind, _, identity = subject.partition("/")
        if identity and kind in WORDS[language].subjects:
            return f"{WORDS[language].subjects[kind]} {identity}"
        return self._subjects.get(hall, {}).get((floor, subject)) or identity or subject

    def place(self, hall: str, floor: str) -> str:
        """A floor of a hall, e.g. `演示政务服务中心 f1`."""
        return f"{self.halls[hall].name if hall in self.halls else hall} {floor}"

    def local(self, hall: str, at: Instant) -> str:
        """An instant in the hall's time zone, e.g. `2026-01-05 09:00:07`."""
        shown = datetime.fromtimestamp(at, tz=self._zones.get(hall, UTC)).strftime("%Y-%m-%d %H:%M:%S")
        return shown if hall in self._zones else f"{shown} UTC"


def _hall_label(hall: Hall) -> HallLabel:
    floors = [
        FloorLabel(
            id=floor.id,
            nodes=list(floor.nodes),
            windows=[WindowLabel(w.id, w.label, w.service, w.staffed) for w in floor.windows],
            zones=[ZoneLabel(z.id, z.label or z.id, z.kind, list(z.serves)) for z in floor.zones],
        )
        for floor in hall.floors
    ]
    return HallLabel(hall.hall.id, hall.hall.name, hall.hall.timezone, floors)


def _subjects(hall: HallLabel) -> dict[tuple[str, str], str]:
    windows = {(f.id, f"window/{w.id}"): w.label for f in hall.floors for w in f.windows}
    return windows | {(f.id, f"zone/{z.id}"): z.label for f in hall.floors for z in f.zones}

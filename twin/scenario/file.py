"""The scenario file: what happens in a hall, and how often. docs/scenario.md is the reference."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from hall.errors import InputError
from hall.layout import Model
from hall.load import parse_model
from hall.units import FROM_FILE, Duration, Id, parse_duration
from twin.actors import FaultKind

SHORTEST_AWAY_S = 20.0
"""A clerk needs that long to walk out of the picture and back."""

BLIND_KINDS = frozenset({"frozen", "dark", "covered", "bumped", "stalled"})
"""Camera faults in which nothing can be known; a dim picture still shows something."""


def _moment(value: Any, info: ValidationInfo) -> Any:
    """A time after the start: like a duration, but it may be zero."""
    if isinstance(value, float) and info.context != FROM_FILE:
        return value
    if isinstance(value, str) and value.strip() in {"0s", "0min", "0h"}:
        return 0.0
    return parse_duration(value)


Moment = Annotated[float, BeforeValidator(_moment, json_schema_input_type=str), Field(ge=0)]
"""Seconds after the start of the scenario; written with a unit."""


RenderedHall = Literal["lowdesk", "tallcounter"]


class Info(Model):
    """Which scenario this is."""

    id: Id
    hall: RenderedHall = "lowdesk"
    wings: int = Field(1, ge=1, le=20, description="so many such halls side by side; no pixels with more than one")
    duration: Duration = Field(600.0, description="how long the scenario lasts")


class Rate(Model):
    """So many arrivals an hour from a moment on."""

    at: Moment = 0.0
    per_hour: float = Field(ge=0, le=2000)


def _in_order(rates: list[Rate]) -> list[Rate]:
    if any(a.at >= b.at for a, b in pairwise(rates)):
        raise ValueError("rates in order of time")
    return rates


class Arrivals(Model):
    """Citizens who come by the door: a Poisson process whose rate steps."""

    rate: Annotated[list[Rate], AfterValidator(_in_order)] = Field([])
    waiting: int = Field(0, ge=0, le=200, description="people who sit there with a ticket when it begins")
    children: float = Field(0.0, ge=0, le=1, description="share of citizens who bring a child")


class Times(Model):
    """A lognormal time by its mean and standard deviation."""

    mean: Duration
    spread: Duration


class Queue(Model):
    """How people wait."""

    discipline: Literal["fifo"] = Field("fifo", description="who took the ticket first is called first")
    patience: Times | None = Field(None, description="who has waited longer leaves; left out, nobody does")


class Span(Model):
    """From a moment to a later one."""

    start: Moment = Field(0.0, alias="from")
    end: Moment = Field(alias="until")

    @model_validator(mode="after")
    def _goes_forward(self) -> Self:
        if self.end <= self.start:
            raise ValueError("`until` after `from`")
        return self


class Away(Span):
    """A clerk leaves the desk and is back at `until`."""

    why: Literal["leave", "lunch"] = Field("leave", description="for lunch a clerk first finishes the case")

    @model_validator(mode="after")
    def _long_enough(self) -> Self:
        if self.end - self.start < SHORTEST_AWAY_S:
            raise ValueError(f"at least {SHORTEST_AWAY_S:g} s, which is what the way out and back takes")
        return self


def _apart(spans: list[Away]) -> list[Away]:
    ordered = sorted(spans, key=lambda span: span.start)
    if any(a.end >= b.start for a, b in pairwise(ordered)):
        raise ValueError("absences that do not touch each other")
    return ordered


WINDOWS_OF_A_WING, SEATS_OF_A_WING = 3, 12

WindowId = Annotated[str, Field(pattern="^w[0-9]{2}$")]
"""w01 to w03 in the first wing, w04 to w06 in the second."""


class Desk(Model):
    """One window and its clerk."""

    id: WindowId
    service: Times = Times(mean=120.0, spread=60.0)
    away: Annotated[list[Away], AfterValidator(_apart)] = Field([])
    phone: list[Span] = Field([], description="the clerk looks at a phone, if at the desk")


class AtWindow(Span):
    """Something that happens at one window."""

    window: WindowId


class Helper(AtWindow):
    """A colleague at a window."""

    covers: bool = Field(default=False, description="takes the clerk's seat and serves; else stands beside it")

    @model_validator(mode="after")
    def _walks_in(self) -> Self:
        if self.start < SHORTEST_AWAY_S / 2:
            raise ValueError(f"`from` at {SHORTEST_AWAY_S / 2:g} s or later, since a colleague walks in")
        return self


class Cleaner(Model):
    """Somebody passes behind the counters."""

    at: Moment
    speed_m_s: float = Field(0.9, gt=0.1, le=3)


class CameraFault(Span):
    """A camera shows less than it should."""

    camera: Id
    kind: FaultKind


class EventLimits(Model):
    """Limits of the hall file: minutes instead of hours, so that ten minutes hold some of everything."""

    clerk_absent: Duration = 60.0
    long_wait: Duration = 240.0
    overtime_case: Duration = 180.0


def _every_window(known: dict[str, Any]) -> list[str]:
    """All windows of the wings, whose number may have been refused."""
    wings = known["scenario"].wings if "scenario" in known else 1
    return [f"w{number:02d}" for number in range(1, WINDOWS_OF_A_WING * wings + 1)]


class Scenario(Model):
    """A scenario file."""

    scenario: Info
    limits: EventLimits = EventLimits()
    arrivals: Arrivals = Arrivals()
    queue: Queue = Queue()
    hours: dict[str, list[str]] = Field({}, description="as in hall.yaml; left out, the hall is always open")
    windows: list[Desk] = Field(default_factory=lambda known: [Desk(id=name) for name in _every_window(known)])
    helpers: list[Helper] = Field([])
    cleaners: list[Cleaner] = Field([])
    blockers: list[AtWindow] = Field([], description="somebody stands in the sight of the camera on a clerk")
    sitters: list[Span] = Field([], max_length=200, description="people who only sit, without a ticket")
    faults: list[CameraFault] = Field([])

    @model_validator(mode="after")
    def _windows_exist(self) -> Self:
        last = WINDOWS_OF_A_WING * self.scenario.wings
        named = [(f"windows[{i}].id", desk.id) for i, desk in enumerate(self.windows)]
        named += [(f"helpers[{i}].window", helper.window) for i, helper in enumerate(self.helpers)]
        named += [(f"blockers[{i}].window", blocker.window) for i, blocker in enumerate(self.blockers)]
        for place, name in named:
            if not 1 <= int(name[1:]) <= last:
                raise ValueError(f"windows w01 to w{last:02d} ({place} is {name})")
        if len(self.sitters) > (seats := SEATS_OF_A_WING * self.scenario.wings):
            raise ValueError(f"{seats} sitters at most, one for each seat")
        return self

    @model_validator(mode="after")
    def _windows_once(self) -> Self:
        ids = [desk.id for desk in self.windows]
        if len(set(ids)) != len(ids):
            raise ValueError("each window once")
        for covered in (h for h in self.helpers if h.covers):
            away = [a for desk in self.windows if desk.id == covered.window for a in desk.away]
            # The clerk gets up before the colleague sits down, and the other way round.
            if not any(a.start + 10 <= covered.start and covered.end <= a.end - 10 for a in away):
                raise ValueError("a colleague who covers for a clerk within the absence, 10 s from its ends")
        return self

    def in_hall(self, hall: str) -> Scenario:
        """The same in another rendered hall: their windows, seats and doors are alike.

        Raises:
            InputError: there is no such hall.
        """
        if hall not in get_args(RenderedHall):
            raise InputError(f"hall {hall!r}: expected one of {', '.join(get_args(RenderedHall))}")
        return self.model_copy(update={"scenario": self.scenario.model_copy(update={"hall": hall})})

    @property
    def duration_s(self) -> float:
        """Length of the scenario."""
        return self.scenario.duration

    def blind(self, camera: str) -> list[tuple[float, float]]:
        """When nothing can be known from a camera: merged spans in order."""
        spans = sorted((f.start, f.end) for f in self.faults if f.camera == camera and f.kind in BLIND_KINDS)
        merged: list[tuple[float, float]] = []
        for start, end in spans:
            if merged and start <= merged[-1][1]:
                merged[-1] = merged[-1][0], max(merged[-1][1], end)
            else:
                merged.append((start, end))
        return merged


SCENARIOS = Path(__file__).resolve().parent.parent / "assets" / "scenarios"
"""The scenario files that come with hallwatch; the name of a file is the name of its scenario."""


def built_in(name: str, hall: str = "lowdesk") -> Scenario:
    """A scenario that comes with hallwatch, in one of the rendered halls: each of them plays in all.

    Raises:
        InputError: there is none of that name, or no such hall.
    """
    names = sorted(path.stem for path in SCENARIOS.glob("*.yaml"))
    if name not in names:
        raise InputError(f"scenario {name!r}: expected one of {', '.join(names)}, or a file")
    return load_scenario(SCENARIOS / f"{name}.yaml").in_hall(hall)


def load_scenario(path: Path) -> Scenario:
    """Read and check a scenario file.

    Raises:
        InputError: the file cannot be read.
        ConfigError: what it says is wrong; carries every fault.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(f"{path}: cannot be read: {exc}; expected a scenario file in UTF-8") from exc
    return parse_scenario(text, name=str(path))


def parse_scenario(text: str, *, name: str = "scenario.yaml") -> Scenario:
    """Check the text of a scenario file; see `load_scenario`."""
    return parse_model(text, Scenario, name=name, what="a scenario file")

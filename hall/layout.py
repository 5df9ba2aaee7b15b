"""The layout of a hall: what hall.yaml says, checked. Every model refuses unknown keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

import holidays
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from hall.geometry import crossing_edges, polygon_area
from hall.plane import spread
from hall.schedule import WEEKDAYS, Schedule, parse_days, parse_span
from hall.units import Duration, Id


class Model(BaseModel):
    """Base of everything in hall.yaml: frozen, no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def overridden_by(self, other: Self | None) -> Self:
        """A copy in which every value that `other` states replaces ours."""
        if other is None:
            return self
        return self.model_copy(update={name: getattr(other, name) for name in other.model_fields_set})


def _check_polygon(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    if len(points) < 3:
        raise ValueError("a polygon of at least 3 points")
    if crossing := crossing_edges(points):
        raise ValueError(f"a polygon that does not cross itself (edges {crossing[0]} and {crossing[1]} do)")
    if polygon_area(points) < 1e-6:
        raise ValueError("a polygon with an area")
    return points


Fraction = Annotated[float, Field(ge=0, le=1, description="share of the image width or height")]
ImagePoint = tuple[Fraction, Fraction]
Polygon = Annotated[list[ImagePoint], AfterValidator(_check_polygon)]


class CameraPolygon(Model):
    """A polygon in the picture of one camera."""

    camera: Id | None = Field(None, description="camera id; the window's own camera where left out")
    polygon: Polygon


def _as_areas(value: Any) -> Any:
    """A bare polygon stands for one polygon in the window's own camera."""
    if isinstance(value, list) and not any(isinstance(part, dict) for part in value):
        return [{"polygon": value}]
    return value


Areas = Annotated[list[CameraPolygon], BeforeValidator(_as_areas), Field(min_length=1)]


def zone_name(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("an IANA time zone, such as Asia/Shanghai")
    return name


class HallInfo(Model):
    """Which hall this is."""

    id: Id
    name: str = Field(min_length=1, description="what people call the hall")
    timezone: Annotated[str, AfterValidator(zone_name)] = Field(
        "Asia/Shanghai", description="IANA time zone of the hall"
    )


def parse_hours(value: Any) -> Any:
    """Day keys become `days`; everything else stays as it stands, to be known or refused."""
    if not isinstance(value, dict):
        return value
    # No file may say `days` itself; as a day key it is refused by name, whatever stands there.
    days = {k: [] if k == "days" else v for k, v in value.items() if k == "days" or _is_day_key(k)}
    return {**{k: v for k, v in value.items() if k not in days}, "days": days}


def _is_day_key(text: str) -> bool:
    try:
        parse_days(text)
    except ValueError:
        return False
    return True


def _day_key(text: str) -> str:
    parse_days(text)
    return text


def _date(value: Any) -> Any:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError("a date such as 2026-02-14") from None


Day = Annotated[date, BeforeValidator(_date)]


def _span_text(text: str) -> str:
    parse_span(text)
    return text


def _country(code: str) -> str:
    if code not in holidays.list_supported_countries():
        raise ValueError("a country code that has public holidays on record, such as CN")
    return code


class Hours(Model):
    """Working hours with breaks; days that are not named are closed."""

    days: dict[Annotated[str, AfterValidator(_day_key)], list[Annotated[str, AfterValidator(_span_text)]]]
    holidays: Annotated[str, AfterValidator(_country)] | None = Field(None, description="country code, e.g. CN")
    closed: list[Day] = Field([], description="further closed days")
    open: list[Day] = Field([], description="days open though weekday or holiday says no")

    def schedule(self, timezone: str) -> Schedule:
        """When it is open, by the clocks of a time zone."""
        spans: dict[int, list[tuple[int, int]]] = {}
        for key, texts in self.days.items():
            for day in parse_days(key):
                spans.setdefault(day, []).extend(parse_span(text) for text in texts)
        return Schedule(spans, timezone, country=self.holidays, closed=self.closed, extra_open=self.open)

    @model_validator(mode="after")
    def _no_overlap(self) -> Self:
        # Minutes of the week; the first hours stand at the end again, since Sunday's may reach into Monday.
        week = sorted(
            (day * 1440 + start, day * 1440 + end, f"{WEEKDAYS[day]} {text}")
            for key, texts in self.days.items()
            for day in parse_days(key)
            for text in texts
            for start, end in [parse_span(text)]
        )
        again = [(start + 7 * 1440, end + 7 * 1440, name) for start, end, name in week[:1]]
        for (_, end, name), (start, _, other) in pairwise([*week, *again]):
            if start < end:
                raise ValueError(f"hours that do not overlap ({name} and {other} do)")
        return self


class Limits(Model):
    """From when on something is worth an event. Durations in seconds, written with a unit."""

    clerk_absent: Duration = Field(300.0, description="a clerk away from a window on duty")
    long_wait: Duration = Field(1800.0, description="a stay in a waiting zone")
    overtime_case: Duration = Field(1200.0, description="a service session")
    crowding: int = Field(60, ge=1, description="people in a zone")
    clear_hold: Duration = Field(5.0, description="how long a wait must be back under its limit to clear")
    camera_fault: Duration = Field(10.0, description="a camera without a picture that can be believed")
    overload: Duration = Field(60.0, description="a box that cannot look at the frames it should")
    called_but_no_clerk: Duration = Field(60.0, description="a ticket called to a window whose clerk is away")
    closed_window_with_queue: Duration = Field(
        60.0, description="people over `long_wait`, or an expected wait over it, while a window is closed"
    )
    camera_lost: Duration = Field(300.0, description="unknown for so long, a raised event clears: camera_lost")


class Presence(Model):
    """When an area counts as occupied: share of hits over a sliding window of capture time."""

    window: Duration = Field(10.0, description="length of the sliding window")
    on: float = Field(0.5, gt=0, le=1, description="present from this share of hits on")
    off: float = Field(0.1, ge=0, lt=1, description="absent from this share of hits down")
    overlap: float = Field(0.5, gt=0, le=1, description="share of a person's box that lies in a clerk area")
    stale: Duration = Field(10.0, description="unknown when an area had no inference for so long")

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.off >= self.on:
            raise ValueError("`off` below `on`")
        return self


class Session(Model):
    """When a citizen at a window counts as a service session."""

    open_after: Duration = 10.0
    close_after: Duration = 15.0


class Evidence(Model):
    """What a box keeps of an event: pictures in which nobody can be recognised, on the box itself."""

    snapshots: bool = Field(default=True, description="a picture of each event when it is raised")
    clip: Duration | None = Field(None, description="pictures from so long before to so long after it, as a video")
    keep_days: float = Field(30.0, gt=0, le=3650, description="how long they are kept")
    quota_mb: float = Field(500.0, gt=0, description="how much they may take; the oldest go first")
    share: bool = Field(default=True, description="blurred pictures are shown at the centre, when somebody asks there")


class Plan(Model):
    """The floor plan: origin at its lower left corner, metres."""

    width_m: float = Field(gt=0)
    depth_m: float = Field(gt=0)
    image: str | None = None


FloorPoint = tuple[ImagePoint, tuple[float, float]]


def _enough_points(points: list[FloorPoint]) -> list[FloorPoint]:
    if 0 < len(points) < 4:
        raise ValueError("at least 4 floor points, or none")
    if not spread(points):
        raise ValueError("floor points spread over the floor (all, or all but one, lie on a line)")
    return points


def _device_number(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class Camera(Model):
    """A camera of a floor."""

    id: Id
    source: Annotated[SecretStr, BeforeValidator(_device_number), Field(min_length=1)] = Field(
        description="rtsp:// address, file, device number or sim://"
    )
    substream: Annotated[SecretStr, BeforeValidator(_device_number), Field(min_length=1)] | None = Field(
        None, description="a smaller stream of the same view, which costs less to decode"
    )
    stream: Literal["auto", "main", "sub"] = Field(
        "auto", description="which of the two: main is `source`; the smaller one where no area needs crops, or always"
    )
    analyse_fps: float = Field(2.0, gt=0, le=60, description="frames looked at per second")
    desk_zoom: Literal["auto", "on", "off"] = Field(
        "auto", description="crops of areas: where people are small for the model, of every clerk area, or none"
    )
    desk_fps: float = Field(1.0, ge=0.5, le=60, description="how often a second crops are looked at")
    floor_fps: float = Field(0.5, gt=0, le=60, description="an overloaded box goes down to so many frames per second")
    motion_gate: bool = Field(default=True, description="leave out inference while nothing moves")
    heartbeat: Duration = Field(2.0, description="inference at least so often, whether anything moves or not")
    node: Id | None = Field(None, description="the box that runs it; edge-<floor> where left out")
    floor_points: Annotated[list[FloorPoint], AfterValidator(_enough_points)] = Field(
        [], description="image points (fractions) with their floor points in metres; at least 4, or none"
    )

    @model_validator(mode="after")
    def _has_substream(self) -> Self:
        if self.stream == "sub" and self.substream is None:
            raise ValueError("a `substream` for `stream: sub`")
        return self

    @model_validator(mode="after")
    def _floor_is_below(self) -> Self:
        if "floor_fps" in self.model_fields_set and self.floor_fps > self.analyse_fps:
            raise ValueError("`floor_fps` not above `analyse_fps`")
        return self

    @property
    def address(self) -> str:
        """The source as it may be printed: without user and password."""
        return mask_address(self.source.get_secret_value())


def mask_address(text: str) -> str:
    """An address without user, password and query, which is where cameras keep their secrets."""
    scheme, slashes, rest = text.partition("://")
    if not slashes:
        return re.sub(r"[^/\s]+:[^/\s]*@", "***@", text)
    if scheme == "sim":
        return text
    head, query, tail = rest.partition("?")
    if "@" in tail:
        return f"{scheme}://***"  # a password with a question mark, or a query with an @: nobody can tell
    _, at, host = head.rpartition("@")
    return f"{scheme}://{'***@' if at else ''}{host}{'?***' if query else ''}"


class Window(Model):
    """A window is a counter: 1号窗口."""

    id: Id
    label: str = Field(min_length=1)
    service: str = ""
    camera: Id
    clerk_area: Areas | None = None
    customer_area: Areas | None = None
    staffed: bool = Field(default=True, description="false for a self-service terminal: no clerk rule")
    on_demand: bool = Field(default=False, description="closed until a duty command opens it (潮汐窗口)")
    clerk_anchor: Literal["overlap", "foot"] = "overlap"
    limits: Limits | None = None
    presence: Presence | None = None
    session: Session | None = None

    @model_validator(mode="after")
    def _needed_areas(self) -> Self:
        if self.staffed and self.clerk_area is None:
            raise ValueError("a `clerk_area`, or `staffed: false`")
        if not self.staffed and self.customer_area is None:
            raise ValueError("a `customer_area` for a window with `staffed: false`")
        return self


class Zone(Model):
    """A part of the floor where people wait or pass."""

    id: Id
    label: str = ""
    kind: Literal["waiting", "general"] = "waiting"
    serves: list[Id] = Field([], description="the windows for which people wait here")
    areas: list[CameraPolygon] = Field(min_length=1)
    limits: Limits | None = None
    presence: Presence | None = None


class Entrance(Model):
    """A line people cross; `in` is from its left to its right, looking from the first to the second point."""

    id: Id
    label: str = ""
    camera: Id
    line: tuple[ImagePoint, ImagePoint]

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        if self.line[0] == self.line[1]:
            raise ValueError("a `line` between two different points")
        return self


class Floor(Model):
    """A floor of the hall."""

    id: Id
    plan: Plan | None = None
    cameras: list[Camera] = Field(min_length=1)
    windows: list[Window] = []
    zones: list[Zone] = []
    entrances: list[Entrance] = []

    def node_of(self, camera_id: str) -> str:
        """The box that runs a camera."""
        camera = next(c for c in self.cameras if c.id == camera_id)
        return camera.node or f"edge-{self.id}"

    @property
    def nodes(self) -> tuple[str, ...]:
        """Every box of the floor, in the order of its cameras."""
        return tuple(dict.fromkeys(self.node_of(c.id) for c in self.cameras))


class Hall(Model):
    """hall.yaml."""

    hall: HallInfo
    hours: Annotated[Hours, BeforeValidator(parse_hours)] | None = Field(
        None, description="left out, the hall is always open"
    )
    model: str = Field("auto", description="detector of the model zoo")
    limits: Limits = Limits()
    presence: Presence = Presence()
    session: Session = Session()
    evidence: Evidence = Evidence()
    floors: list[Floor] = Field(min_length=1)

    @cached_property
    def schedule(self) -> Schedule:
        """When the hall is open."""
        return Schedule(None, self.hall.timezone) if self.hours is None else self.hours.schedule(self.hall.timezone)

    @property
    def zone_info(self) -> ZoneInfo:
        """The hall's time zone."""
        return ZoneInfo(self.hall.timezone)

    def limits_of(self, subject: Window | Zone) -> Limits:
        """Limits that hold for a window or zone."""
        return self.limits.overridden_by(subject.limits)

    def presence_of(self, subject: Window | Zone) -> Presence:
        """Presence settings that hold for a window or zone."""
        return self.presence.overridden_by(subject.presence)

    def session_of(self, window: Window) -> Session:
        """Session settings that hold for a window."""
        return self.session.overridden_by(window.session)

    def floor_of(self, node: str) -> Floor | None:
        """The floor whose cameras a node runs."""
        return next((floor for floor in self.floors if node in floor.nodes), None)

    @property
    def on_demand(self) -> frozenset[str]:
        """The windows that are closed until a duty command opens them."""
        return frozenset(window.id for _, window in self.windows() if window.on_demand)

    def windows(self) -> Iterator[tuple[Floor, Window]]:
        """Every window with its floor."""
        for floor in self.floors:
            for window in floor.windows:
                yield floor, window

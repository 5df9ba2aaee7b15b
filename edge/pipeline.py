"""The pipeline of one box: frames in, messages out. Pure but for the model: it reads no clock.

frames -> detect -> locate -> observe -> rules -> bodies of messages
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import partial

from msgspec.structs import replace

from edge._closing import cameras_of, close_unwatched, ended, essence
from edge._pace import StatePace
from edge._parts import Parts
from edge._stages import Detects, Emitted
from edge.bodies import (
    EventNames,
    stay_body,
    window_gist,
    window_state,
    zone_gist,
    zone_state,
)
from edge.camera_fault import CameraWatch
from edge.gate import MotionGate, areas_of
from edge.heat import HeatMap
from edge.judge import Judge
from edge.looks import Looking, Looks, Submit
from edge.overload import OverloadWatch
from edge.rules import (
    WaitState,
)
from edge.saved import Saved, SavedView, WindowRules, drawn, dump_saved, load_saved
from edge.sight import Sight
from edge.watch import WindowWatch, ZoneWatch
from edge.zoom import DeskZoom
from hall.clock import Instant
from hall.duty import DutyPlan, DutyTable
from hall.errors import InputError
from hall.layout import Hall
from hall.messages import CrossingBody, EventBody, StateBody, WindowDuty, ZoneState
from models.zoo import ModelEntry
from vision.calibration import Calibration
from vision.lines import LineCounter
from vision.locate import Locator, People
from vision.picture import Look
from vision.tracker import TrackerSettings
from vision.types import Detections, Frame
from vision.zoom import looks_of

__all__ = ["Detects", "Emitted", "Pipeline"]

HEAT_EVERY_S = 60.0
_JUDGE_ALL_EVERY_S = 0.1
"""A frame shows news of what its camera sees; time goes on for all the others as well, but needs no such hurry."""

_Seen = tuple[Instant, Detections, AbstractSet[str]]


class Pipeline:
    """Judges the windows and zones that one node looks at.

    Args:
        hall: the layout.
        node: which box this is; it judges what its cameras see.
        detector: shared by all cameras.
        saved: what `save` gave before a restart; the time since then counts as unknown.
        tracker: thresholds that suit the model; those of the default model where left out.
        model: the detector's entry in the manifest; where left out, no areas are looked at in crops.
        before: parts of the pipeline that this one takes over from, see `changed`.

    Attributes:
        locators, zooms: the followers and the crops of each camera.
        gates: the motion gate of each camera.
        watches: what is known of each camera, and its rule.
        overload: whether the box keeps up, and the rule over it.
        duty: the duty commands in force.

    Raises:
        InputError: the hall file has no such node.
    """

    def __init__(
        self,
        hall: Hall,
        node: str,
        detector: Detects,
        saved: bytes | None = None,
        *,
        tracker: TrackerSettings | None = None,
        model: ModelEntry | None = None,
        before: Parts | None = None,
    ) -> None:
        floor = hall.floor_of(node)
        if floor is None:
            known = ", ".join(name for f in hall.floors for name in f.nodes)
            raise InputError(f"node {node!r} runs no camera of hall {hall.hall.id}; expected one of {known}")
        self.hall, self.floor, self.node = hall, floor, node
        self.cameras = [camera for camera in floor.cameras if floor.node_of(camera.id) == node]
        self._detector = detector
        self._schedule = hall.schedule
        self._names = EventNames(hall.hall.id)
        self._tracker, self._model = tracker, model
        self._parts = Parts(before)
        self._build({camera.id for camera in self.cameras}, load_saved(saved))
        self._pace = StatePace()
        self._judged_at: Instant = float("-inf")

    def changed(self, hall: Hall) -> Pipeline:
        """A pipeline for another layout: what did not change in it goes on with the memory it has.

        What changed goes on as after a restart; events of what is gone are cleared with the first tick. This pipeline
        must not be used any more then. Raises as the constructor does.
        """
        again = partial(Pipeline, tracker=self._tracker, model=self._model, before=self._parts)
        return again(hall, self.node, self._detector, self.save())

    @property
    def at(self) -> Instant | None:
        """How far it has come; nothing older is looked at."""
        return self._parts.at

    def abandon(self, at: Instant) -> list[Emitted]:
        """End what is open, with `clock_set`: nobody will ever know how it goes on. Not to be used any more then."""
        saved, limits = load_saved(self.save()), self.hall.limits
        bodies = close_unwatched(saved, self.floor, set(), limits, self._names)
        bodies += ended(
            self._names,
            f"node/{self.node}",
            "overload",
            saved.overload.episode,
            limits.overload,
            saved.overload.well_since,
        )
        bodies = [replace(body, reason="clock_set") if isinstance(body, EventBody) else body for body in bodies]
        return [Emitted(at, body) for body in bodies]

    def _build(self, mine: set[str], saved: Saved) -> None:
        hall, floor, part = self.hall, self.floor, self._parts.part
        self._unwatched = close_unwatched(saved, floor, mine, hall.limits, self._names)
        made_of = {c.id: (c.id, c.source, c.substream, c.stream, c.floor_points) for c in self.cameras}
        fitted = {c.id: Calibration.fit(c.floor_points) if c.floor_points else None for c in self.cameras}
        self.locators = {
            name: part(f"locator/{name}", made_of[name], partial(Locator, fitted[name], self._tracker))
            for name in fitted
        }
        areas = {c.id: areas_of(c.id, floor) for c in self.cameras}
        self._drawn = {c.id: drawn(c.address, areas[c.id]) for c in self.cameras}
        self._sights = {
            c.id: part(
                f"sight/{c.id}",
                (c.source, areas[c.id]),
                partial(Sight[_Seen, Emitted], reference=saved.view_of(c.id, self._drawn[c.id])),
            )
            for c in self.cameras
        }
        self.zooms = {
            c.id: part(
                f"zoom/{c.id}", (c, looks_of(floor, c.id)), partial(DeskZoom, c, floor, fitted[c.id], self._model)
            )
            for c in self.cameras
        }
        self.gates = {
            c.id: part(f"gate/{c.id}", (c, areas[c.id]), partial(MotionGate, c, areas[c.id])) for c in self.cameras
        }
        self._looks = Looks(self._detector, self.zooms, self.gates)
        self._windows = {
            w.id: part(
                f"window/{w.id}",
                (essence(w), hall.presence_of(w), hall.session_of(w), [made_of[c] for c in sorted(mine & cameras)]),
                partial(WindowWatch, w, hall.presence_of(w), hall.session_of(w), saved.windows.get(w.id)),
            )
            for w in floor.windows
            if mine & (cameras := cameras_of(w))
        }
        self._zones = {
            z.id: part(
                f"zone/{z.id}",
                (essence(z), hall.presence_of(z), [made_of[c] for c in sorted(mine & cameras)]),
                partial(ZoneWatch, z, hall.presence_of(z), saved.zones.get(z.id)),
            )
            for z in floor.zones
            if mine & (cameras := cameras_of(z))
        }
        self._window_rules = {w: saved.window_rules.get(w, WindowRules()) for w in self._windows}
        self._zone_rules = {z: saved.zone_rules.get(z, WaitState()) for z in self._zones}
        self.watches = {
            c.id: part(
                f"watch/{c.id}", (c.source, hall.limits), partial(CameraWatch, hall.limits, saved.cameras.get(c.id))
            )
            for c in self.cameras
        }
        limit_s = hall.limits.overload
        self.overload = part("overload", limit_s, partial(OverloadWatch, limit_s, saved.overload))
        watched = self._windows, self._zones, self.watches
        self._judge = Judge(
            hall,
            self._names,
            *watched,
            self._window_rules,
            self._zone_rules,
            DutyPlan(saved.duty.commands, hall.on_demand),
        )
        self.duty = saved.duty
        self._lines = [
            (e, part(f"entrance/{e.id}", (e.line, made_of[e.camera]), partial(LineCounter, e.line)))
            for e in floor.entrances
            if e.camera in mine
        ]
        calibrated = {name: calibration is not None for name, calibration in fitted.items()}
        self._heat = part("heat", calibrated, partial(HeatMap, calibrated, HEAT_EVERY_S, self._parts.last("heat")))

    def process(self, frames: Sequence[Frame]) -> list[Emitted]:
        """Take frames, of one or several cameras; returns what there is to tell.

        Frames are taken in order of capture time; one older than the last of its camera changes nothing.
        """
        return self.take(self.begin(frames)) if frames else []

    def begin(self, frames: Sequence[Frame], submit: Submit | None = None) -> Looking:
        """The first half of `process`: frames are looked at, by `submit` while other things are done.

        Frames of a camera that is being looked at wait until those were taken.
        """
        ordered = sorted(frames, key=lambda frame: frame.captured_at)
        return self._looks.begin(ordered, self._believe, self._is_settled, submit)

    def take(self, looking: Looking) -> list[Emitted]:
        """The second half of `process`: waits until the frames were looked at; returns what there is to tell."""
        emitted: list[Emitted] = []
        for seen in self._looks.end(looking):
            at, camera = seen.frame.captured_at, seen.frame.camera_id
            # Before it is known that there is a picture again: the gap before it may have been an event.
            on_duty = self._schedule.is_open(at)
            emitted += [Emitted(at, body) for body in self._judge.camera(at, camera, on_duty=on_duty)]
            self.watches[camera].frame(at, seen.look, seen.frame.size_px[0])
            if seen.found is not None:
                told = (at, seen.found, seen.coarse)
                emitted += self._sights[camera].take(seen.look, told, partial(self._observe, camera))
            if seen.look.fault:
                self._lose_sight(camera)
            if seen.look.state != "seen":
                emitted += self._tick(at, camera)
        return emitted

    def _believe(self, frame: Frame) -> Look:
        return self._sights[frame.camera_id].judge(frame)

    def _is_settled(self, camera: str, now: Instant) -> bool:
        """Whether what a camera saw last agrees with what is believed of each of its areas."""
        windows, zones = self._judge.seen_by[camera]
        return all(w.settled(camera, now) for w in windows) and all(z.settled for z in zones)

    def _observe(self, camera: str, seen: _Seen) -> list[Emitted]:
        return self.observe(camera, *seen[:2], coarse=seen[2])

    def observe(
        self, camera: str, at: Instant, detections: Detections, *, coarse: AbstractSet[str] = frozenset()
    ) -> list[Emitted]:
        """Take the detections of one frame, for callers that have them already.

        Args:
            camera: which camera it is of.
            at: capture time.
            detections: people of the frame, those of low score included.
            coarse: areas, named as in `vision.zoom.Look`, in which this frame shows people too small to be found
                for sure: somebody there is somebody, nobody says nothing.
        """
        self.watches[camera].frame(at, self._sights[camera].look, detections.size_px[0])
        people = self.locators[camera].locate(at, detections)
        is_open = self._schedule.is_open(at)
        for window in self._judge.seen_by[camera][0]:
            on_duty = self._judge.plan.duty(window.window.id, at, is_open=is_open) == "open"
            window.step(camera, people, on_duty=on_duty, coarse=coarse)
        emitted = list(self._take_zones(camera, people, coarse))
        emitted += self._take_lines(camera, people)
        self._heat.add(camera, people)
        return emitted + self._tick(at, camera)

    def fault(self, camera: str) -> str | None:
        """What is wrong with the picture of a camera, in words; None where it shows the hall."""
        return self._sights[camera].fault

    def _lose_sight(self, camera: str) -> None:
        self._sights[camera].drop()
        windows, zones = self._judge.seen_by[camera]
        for window in windows:
            window.lose_sight(camera)
        for zone in zones:
            zone.area.lose_sight(camera)

    def tick(self, at: Instant) -> list[Emitted]:
        """Let time pass up to a moment, with or without frames."""
        return self._tick(at, None)

    def _tick(self, at: Instant, camera: str | None) -> list[Emitted]:
        now = at if self._parts.at is None else max(at, self._parts.at)
        self._parts.at = now
        on_duty = self._schedule.is_open(now)
        overload = [self._names.event(f"node/{self.node}", change) for change in self.overload.step(now)]
        if camera is None or not 0 < now - self._judged_at < _JUDGE_ALL_EVERY_S:
            camera, self._judged_at = None, now
        judged = self._judge.step(now, on_duty=on_duty, camera=camera)
        emitted = [Emitted(now, body) for body in (*self._unwatched, *overload, *judged)]
        self._unwatched = []
        emitted += [Emitted(now, body) for body in self._heat.due(now)]
        state = self._due_state(now, on_duty=on_duty, urgent=bool(emitted))
        return emitted if state is None else [*emitted, Emitted(now, state)]

    def finish(self, at: Instant) -> list[Emitted]:
        """No more frames come: the recordings ended at that moment. Returns what would have been told a while later."""
        zones = self._zones.items()
        return [Emitted(at, stay_body(self._names, name, stay)) for name, z in zones for stay in z.area.finish()]

    def obey(self, table: DutyTable) -> None:
        """Go by these duty commands from now on, in place of those before."""
        self.duty, self._judge.plan = table, DutyPlan(table.commands, self.hall.on_demand)

    def count(self, zone: str) -> int:
        """People in a zone in the last frame of each of its cameras."""
        return self._zones[zone].area.count

    def save(self) -> bytes:
        """What a pipeline after a restart goes on with."""
        return dump_saved(
            Saved(
                {name: window.save() for name, window in self._windows.items()},
                self._window_rules,
                {name: zone.save() for name, zone in self._zones.items()},
                self._zone_rules,
                {name: watch.state for name, watch in self.watches.items()},
                {
                    name: SavedView(self._drawn[name], view)
                    for name, sight in self._sights.items()
                    if (view := sight.moved_from) is not None
                },
                self.overload.state,
                duty=self.duty,
            )
        )

    def _take_zones(self, camera: str, people: People, coarse: AbstractSet[str]) -> Iterator[Emitted]:
        for zone in self._judge.seen_by[camera][1]:
            if zone.zone.id in coarse:
                continue
            for finished in zone.area.step(camera, people):
                yield Emitted(people.at, stay_body(self._names, zone.zone.id, finished))

    def _take_lines(self, camera: str, people: People) -> Iterator[Emitted]:
        for entrance, counter in self._lines:
            if entrance.camera == camera:
                born = partial(self.locators[camera].born_foot, size_px=people.tracks.size_px)
                for direction in counter.step(people.at, people.tracks, people.feet, born):
                    yield Emitted(people.at, CrossingBody(entrance.id, direction))

    def _due_state(self, now: Instant, *, on_duty: bool, urgent: bool) -> StateBody | None:
        if not self._pace.is_due(now, partial(self._gist, now, on_duty=on_duty), urgent=urgent):
            return None
        return StateBody(
            [window_state(now, w, self._duty_of(w, now, is_open=on_duty)) for w in self._windows.values()],
            [self._zone_state(now, z) for z in self._zones.values()],
        )

    def _duty_of(self, window: WindowWatch, now: Instant, *, is_open: bool) -> WindowDuty:
        return self._judge.plan.duty(window.window.id, now, is_open=is_open)

    def _gist(self, now: Instant, *, on_duty: bool) -> list[object]:
        """What of a state nobody can work out from an earlier one and the time."""
        gist: list[object] = [
            window_gist(now, window, self._duty_of(window, now, is_open=on_duty)) for window in self._windows.values()
        ]
        limits = self._judge.zone_limits
        return gist + [zone_gist(now, z, limit_s=limits[name].long_wait) for name, z in self._zones.items()]

    def _zone_state(self, now: Instant, zone: ZoneWatch) -> ZoneState:
        limit_s = self._judge.zone_limits[zone.zone.id].long_wait
        expected_s = self._judge.expected.of(zone.zone, len(zone.area.stays), now)
        return zone_state(now, zone, limit_s=limit_s, expected_wait_s=expected_s)

"""The boxes and cameras of a hall as plain values: how each does, and what needs somebody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from dashboards.fleet.words import FLEET_WORDS, CameraState, FleetWords
from dashboards.texts import NodeState, Texts, format_duration, format_time, texts_in
from hall.clock import Instant
from hall.layout import Floor, Hall
from hall.messages import CameraHealth, HealthBody
from hall.views import NodeView
from hall.words import WORDS
from ingest.live import NodeKey
from ingest.rollups import WINDOW_SUMS, ZONE_SUMS, Sums

Grade = Literal["bad", "poor", "well"]
WAITING_MOST = 300
"""Messages that wait to be sent: those of a box of one floor in about half an hour."""
UNKNOWN_MOST = 0.1
"""Share of the day of which nothing is known, from which on somebody should look."""
LAG_MOST_S = 10.0
"""An area is unknown from then on (`presence.stale`)."""
_UNKNOWN, _KNOWN = WINDOW_SUMS.index("unknown_s"), WINDOW_SUMS[:4]


@dataclass(frozen=True, slots=True)
class Need:
    """What needs somebody: where, what, and how much."""

    grade: Grade
    place: str
    what: str


@dataclass(frozen=True, slots=True)
class BoxRow:
    """A box: texts of its row. `unknown_share` is None where nothing is on record of today."""

    grade: Grade
    floor: str
    node: str
    status: NodeState
    word: str
    version: str
    heard: str
    outbox: str
    load: str
    missed: str
    unknown: str


@dataclass(frozen=True, slots=True)
class CameraRow:
    """A camera: texts of its row."""

    grade: Grade
    floor: str
    node: str
    camera: str
    state: CameraState
    word: str
    fault: str
    lag: str
    fps: str
    skipped: str
    drops: str
    reconnects: str


@dataclass(frozen=True, slots=True)
class Fleet:
    """All of it."""

    needs: tuple[Need, ...]
    boxes: tuple[BoxRow, ...]
    cameras: tuple[CameraRow, ...]
    versions: str
    failed: bool = False


def build_fleet(
    hall: Hall,
    nodes: Sequence[NodeView],
    today: Mapping[NodeKey, Sums],
    now: Instant,
    lang: Literal["zh", "en"],
    *,
    failed: bool = False,
) -> Fleet:
    """The fleet of a hall.

    Args:
        hall: the layout: which boxes and cameras there should be.
        nodes: what the centre knows of them; boxes that hall.yaml does not name are shown, too.
        today: sums of each node since midnight.
        now: wall-clock time.
        lang: of all words.
        failed: whether the last attempt to read found the records away.
    """
    maker = _Maker(hall, FLEET_WORDS[lang], texts_in(lang), now)
    heard = {(n.floor, n.node): n for n in nodes if n.hall == hall.hall.id}
    named = [(floor.id, node) for floor in hall.floors for node in floor.nodes]
    boxes = [
        maker.box(floor, node, heard.get((floor, node)), today.get((hall.hall.id, floor, node)))
        for floor, node in dict.fromkeys([*named, *heard])
    ]
    cameras = [row for floor in hall.floors for row in maker.cameras(floor, heard)]
    needs = sorted(maker.needs, key=lambda need: need.grade != "bad")
    versions = sorted({node.version for node in heard.values() if node.version})
    told = FLEET_WORDS[lang].versions.format(versions=", ".join(versions)) if len(versions) > 1 else ""
    return Fleet(tuple(needs), tuple(boxes), tuple(cameras), told, failed)


class _Maker:
    """Makes rows, and gathers what needs somebody on the way."""

    def __init__(self, hall: Hall, words: FleetWords, texts: Texts, now: Instant) -> None:
        self._hall, self._words, self._texts, self._now = hall, words, texts, now
        self.needs: list[Need] = []

    def box(self, floor: str, node: str, view: NodeView | None, sums: Sums | None) -> BoxRow:
        words = self._words
        status: NodeState = "waiting" if view is None else view.status
        health = None if view is None or status != "online" else view.health
        grades = [self._need("bad", f"{floor} · {node}", self._away(view))] if status != "online" else []
        grades += [self._need("poor", f"{floor} · {node}", what) for what in self._wrong(health)]
        share = _unknown_share(sums)
        if share is not None and share > UNKNOWN_MOST:
            what = words.much_unknown.format(share=round(100 * share))
            grades.append(self._need("poor", f"{floor} · {node}", what))
        return BoxRow(
            grade=_worst(grades),
            floor=floor,
            node=node,
            status=status,
            word=self._texts.node_state[status],
            version=(view.version if view is not None else "") or words.none,
            heard=words.never if view is None else self._time(view.seen_at),
            outbox=words.none if health is None else _outbox(health, words),
            load=words.none if health is None else f"{health.load:.0%}",
            missed=words.none if health is None else f"{health.missed_share:.0%}",
            unknown=self._unknown(sums, share),
        )

    def cameras(self, floor: Floor, heard: Mapping[tuple[str, str], NodeView]) -> Iterable[CameraRow]:
        for camera in floor.cameras:
            node = floor.node_of(camera.id)
            view = heard.get((floor.id, node))
            online = view is not None and view.status == "online" and view.health is not None
            health = next((c for c in view.health.cameras if c.camera == camera.id), None) if online else None  # type: ignore[union-attr]
            yield self._camera(floor.id, node, camera.id, health)

    def _camera(self, floor: str, node: str, camera: str, health: CameraHealth | None) -> CameraRow:
        none, words = self._words.none, self._words
        if health is None:
            # Its box is told already.
            word = words.camera_state["unheard"]
            return CameraRow("poor", floor, node, camera, "unheard", word, *[none] * 6)
        state: CameraState = health.state
        place = f"{floor} · {self._texts.camera.format(camera=camera)}"
        grades = []
        fault = self._fault(health)
        if state != "live":
            grades.append(self._need("bad", place, words.camera_state[state]))
        elif fault:
            grades.append(self._need("bad" if health.fault else "poor", place, fault))
        lag_s = health.since_inference_s
        if state == "live" and not fault and lag_s is not None and lag_s > LAG_MOST_S:
            grades.append(self._need("poor", place, f"{words.lag} {self._duration(lag_s)}"))
        return CameraRow(
            grade=_worst(grades),
            floor=floor,
            node=node,
            camera=camera,
            state=state,
            word=words.check if state == "live" and grades else words.camera_state[state],
            fault=fault or none,
            lag=none if lag_s is None else f"{lag_s:.1f} s",
            fps=f"{health.inference_fps or health.fps:.1f}/s",
            skipped=f"{health.skipped_share:.0%}",
            drops=str(health.drops),
            reconnects=str(health.reconnects),
        )

    def _need(self, grade: Grade, place: str, what: str) -> Grade:
        self.needs.append(Need(grade, place, what))
        return grade

    def _away(self, view: NodeView | None) -> str:
        if view is None:
            return self._texts.node_state["waiting"]
        return f"{self._texts.node_state[view.status]} · {self._texts.since.format(time=self._time(view.seen_at))}"

    def _wrong(self, health: HealthBody | None) -> Iterable[str]:
        if health is None:
            return
        if health.overloaded:
            yield self._words.overloaded.format(percent=round(100 * health.missed_share))
        if health.outbox_depth > WAITING_MOST:
            yield self._words.waiting.format(count=health.outbox_depth)
        if health.config is not None and health.config.error:
            yield self._words.refused.format(error=health.config.error)

    def _fault(self, health: CameraHealth) -> str:
        """What is wrong with its picture or its streams, in words; what a newer box knows as it says it."""
        if health.fault:
            first = health.fault.split(" ")[0].rstrip(":")
            names = {str(name): word for name, word in WORDS[self._texts.lang].faults.items()}
            return names.get(first, health.fault)
        if health.fallback:
            return self._words.main_fails if health.stream == "substream" else self._words.sub_fails
        return ""

    def _unknown(self, sums: Sums | None, share: float | None) -> str:
        if sums is None or share is None:
            return self._words.none
        mean_s = _unknown_s(sums) / max(1, len(sums.windows) + len(sums.zones))
        return self._words.per_place.format(duration=self._duration(mean_s), share=round(100 * share))

    def _duration(self, seconds: float) -> str:
        return format_duration(seconds, self._texts.lang)

    def _time(self, at: Instant) -> str:
        return format_time(at, self._now, self._hall.zone_info, self._texts.lang)


def _worst(grades: Sequence[Grade]) -> Grade:
    return "bad" if "bad" in grades else "poor" if grades else "well"


def _outbox(health: HealthBody, words: FleetWords) -> str:
    parts = [words.outbox_rows.format(count=health.outbox_depth)]
    if health.thinned:
        parts.append(words.thinned.format(count=health.thinned))
    return " · ".join(parts)


def _unknown_s(sums: Sums) -> float:
    windows = sum(row[_UNKNOWN] for row in sums.windows.values())
    return windows + sum(row[ZONE_SUMS.index("unknown_s")] for row in sums.zones.values())


def _unknown_share(sums: Sums | None) -> float | None:
    """Of all time of its windows and zones that is on record."""
    if sums is None:
        return None
    known = sum(sum(row[: len(_KNOWN)]) for row in sums.windows.values())
    known += sum(row[ZONE_SUMS.index("known_s")] for row in sums.zones.values())
    whole = known + _unknown_s(sums)
    return _unknown_s(sums) / whole if whole > 0 else None

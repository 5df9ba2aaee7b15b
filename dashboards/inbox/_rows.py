"""Rows of the list and all about one incident, in words; templates lay them out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dashboards.inbox._words import InboxWords
from dashboards.incidents import IncidentRow, build_row
from dashboards.scene import Scene
from dashboards.texts import Texts
from hall.clock import Instant
from hall.layout import Hall
from hall.views import IncidentStep, IncidentView, NodeView
from hall.words import WORDS
from ingest.inbox import InboxFile


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the list: an incident, with those that it is the cause of."""

    said: IncidentRow
    floor: str
    who: str
    members: tuple[IncidentRow, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """A name with what is to say; `strong` where somebody should see it at once."""

    name: str
    value: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the history."""

    time: str
    kind: str
    name: str
    who: str
    detail: str
    note: str


@dataclass(frozen=True, slots=True)
class File:
    """All about an incident in words; how long it lasts is counted in the browser, by `said.elapsed`."""

    said: IncidentRow
    what: str
    to_do: str
    facts: tuple[Fact, ...]
    members: tuple[IncidentRow, ...]
    head: IncidentRow | None
    history: tuple[Step, ...]
    alt: str


class Wording:
    """Puts incidents of a hall into words.

    Args:
        hall: the layout.
        texts: words that pages share.
        words: those of the inbox.
        nodes: what boxes said last: where a box is silent, what lasts stands still.
        now: wall-clock time.
    """

    def __init__(self, hall: Hall, texts: Texts, words: InboxWords, nodes: Sequence[NodeView], now: Instant) -> None:
        self._texts, self._words = texts, words
        self._has_floors = len(hall.floors) > 1
        mine = [node for node in nodes if node.hall == hall.hall.id]
        self._scenes = {
            floor.id: Scene(hall, floor, texts, [n for n in mine if n.floor == floor.id], (), now)
            for floor in hall.floors
        }

    def row(self, view: IncidentView, members: Sequence[IncidentView] = ()) -> Row:
        """A row of the list."""
        floor = self._texts.floor.format(floor=view.floor) if self._has_floors else ""
        who = "" if view.assigned_to is None else f"{self._words.assigned} {view.assigned_to}"
        return Row(self._said(view), floor, who, tuple(self._said(member) for member in members))

    def file(self, found: InboxFile) -> File:
        """All about an incident."""
        view, words = found.incident, WORDS[self._texts.lang]
        fault = view.detail.get("fault")
        to_do = next((text for name, text in words.fault_actions.items() if name == fault), words.actions[view.rule])
        said = self._said(view)
        return File(
            said=said,
            what=words.what[view.rule],
            to_do=to_do,
            facts=tuple(self._facts(view)),
            members=tuple(self._said(member) for member in found.members),
            head=None if found.head is None else self._said(found.head),
            history=tuple(self._step(view, step) for step in reversed(found.history)),
            alt=self._words.picture_alt.format(subject=said.subject, rule=said.rule_word),
        )

    def _scene(self, view: IncidentView) -> Scene:
        # A floor that the hall file has no more: its labels are gone, its incidents are not.
        return self._scenes.get(view.floor) or next(iter(self._scenes.values()))

    def _said(self, view: IncidentView) -> IncidentRow:
        return build_row(self._scene(view), view)

    def _facts(self, view: IncidentView) -> list[Fact]:
        scene, words, said = self._scene(view), self._words, self._said(view)
        floor = self._texts.floor.format(floor=view.floor)
        at: Callable[[str | None, Instant | None], str] = lambda who, when: (  # noqa: E731 - said of three acts
            f"{who} · {scene.time(when)}" if who and when is not None else who or ""
        )
        facts = [
            Fact(words.where, f"{floor} · {said.subject}"),
            Fact(words.since, scene.time(view.started_at)),
            Fact(words.limit, scene.limit(view.limit_s) if view.limit_s > 0 else ""),
            Fact(words.unseen, scene.duration(view.unknown_s) if view.unknown_s >= 1 else words.unseen_none),
            Fact(words.acknowledged, at(view.acknowledged_by, view.acknowledged_at) or words.nobody),
            Fact(words.assigned, view.assigned_to or ""),
            Fact(words.escalated, self._level(scene, view)),
            Fact(words.ended, said.outcome if view.cleared_at is not None else ""),
            Fact(words.closed, at(view.closed_by, view.closed_at)),
            Fact(words.label, words.acts["false_alarm"].name if view.label is not None else "", strong=True),
            Fact(words.appeal, words.appeals[view.appeal] if view.appeal else "", strong=view.appeal == "pending"),
            Fact(words.figures, said.detail),
            Fact(words.box, view.node),
        ]
        return [fact for fact in facts if fact.value]

    def _level(self, scene: Scene, view: IncidentView) -> str:
        if view.escalated_at is None:
            return ""
        return self._words.escalated_level.format(level=view.level, time=scene.time(view.escalated_at))

    def _step(self, view: IncidentView, step: IncidentStep) -> Step:
        return Step(
            time=self._scene(view).time(step.at),
            kind=step.kind,
            name=self._words.steps[step.kind],
            who=step.actor or self._words.itself,
            detail=self._detail(step),
            note=step.note,
        )

    def _detail(self, step: IncidentStep) -> str:
        """What a step carries beside its note; whatever else there may be is left out."""
        words, texts, detail = self._words, self._texts, step.detail
        match step.kind:
            case "opened":
                again = words.opened_again.format(opening=step.opening) if step.opening > 1 else ""
                return again or _word(texts.severity, detail.get("severity"))
            case "worsened":
                return _word(texts.severity, detail.get("severity"))
            case "cleared":
                return _word(WORDS[texts.lang].reasons, detail.get("reason"))
            case "assigned":
                return str(detail.get("to", ""))
            case "appealed":
                return words.by_and_for.format(name=detail["to"]) if detail.get("to") else ""
            case "decided":
                return {"upheld": words.upheld, "rejected": words.rejected}.get(str(detail.get("verdict")), "")
            case "escalated":
                told = detail.get("told")
                names = "、" if texts.lang == "zh" else ", "
                return words.told.format(names=names.join(map(str, told))) if isinstance(told, list) and told else ""
            case _:
                return ""


def _word(words: Mapping[Any, str], key: object) -> str:
    return words.get(key, "")

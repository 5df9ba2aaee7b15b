"""Claims and truths, and which claim is about which truth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from hall.clock import Instant
from hall.messages import EventBody, Message, SessionBody, StayBody
from twin._spans import meet
from twin.truth import Truth

TOLERANCE_S = 5.0
"""A claim that starts further from a truth than this is another thing."""

_END_WEIGHT = 0.1
"""What a second at the end is worth beside one at the start; at most `TOLERANCE_S` in all."""

RULES = ("clerk_absent", "long_wait", "overtime_case")
"""Always scored; camera_fault where there is or was claimed one."""
SESSION, STAY = "session", "stay"


class Spell(msgspec.Struct, frozen=True):
    """An event, a session or a stay, as it was or as it was claimed; seconds from the beginning.

    `end_s` is null where it goes on; `raised_s` is when an event was told; a `marginal` truth need not be claimed; one
    with `begins_by_s` may begin at any moment up to it.
    """

    start_s: float
    end_s: float | None
    unknown_s: float = 0.0
    raised_s: float | None = None
    marginal: bool = False
    begins_by_s: float | None = None

    def start_error_s(self, claimed: Spell) -> float:
        """How far the start of a claim is from this truth's, in seconds."""
        by_s = self.start_s if self.begins_by_s is None else self.begins_by_s
        return max(self.start_s - claimed.start_s, claimed.start_s - by_s, 0.0)

    @property
    def length_s(self) -> float | None:
        """Length with unknown time; None while it goes on."""
        return None if self.end_s is None else self.end_s - self.start_s


class Pair(msgspec.Struct, frozen=True):
    """A truth and the claim about it; a truth without one was missed, a claim without one is wrong.

    `kind` is a rule, `session` or `stay`; `subject` is `window/w01` or `zone/waiting`.
    """

    kind: str
    subject: str
    true: Spell | None
    claimed: Spell | None

    @property
    def start_error_s(self) -> float | None:
        """Of a match."""
        return None if self.true is None or self.claimed is None else self.true.start_error_s(self.claimed)

    @property
    def is_match(self) -> bool:
        """Whether both are there."""
        return self.true is not None and self.claimed is not None


Spells = dict[tuple[str, str], list[Spell]]
"""By kind and subject."""


def true_spells(truth: Truth) -> Spells:
    """What was true; what starts at the same moment is one event, raised again after the hall was closed."""
    found: Spells = {}
    events: dict[tuple[str, str, float], Spell] = {}
    every = [(event, event.marginal) for event in truth.events] + [(event, True) for event in truth.borderline]
    for event, may_miss in every:
        key = (event.rule, event.subject, event.start_s)
        marginal = may_miss and (key not in events or events[key].marginal)
        by_s = event.begins_by_s
        events[key] = Spell(event.start_s, event.end_s, event.unknown_s, marginal=marginal, begins_by_s=by_s)
    for (rule, subject, _), spell in events.items():
        found.setdefault((rule, subject), []).append(spell)
    for session in truth.sessions:
        spell = Spell(session.start_s, session.end_s, session.unknown_s, marginal=session.marginal)
        found.setdefault((SESSION, f"window/{session.window}"), []).append(spell)
    for stay in truth.stays:
        found.setdefault((STAY, f"zone/{stay.zone}"), []).append(Spell(stay.start_s, stay.end_s, stay.unknown_s))
    return found


def claimed_spells(messages: Sequence[Message], began: Instant) -> Spells:
    """What was claimed; the messages of one event are one claim."""
    events: dict[str, tuple[tuple[str, str], Spell]] = {}
    found: Spells = {}
    for message in messages:
        body = message.body
        match body:
            case EventBody():
                first = events.get(body.event_id)
                raised_s = first[1].raised_s if first else message.captured_at.timestamp() - began
                end_s = None if body.ended_at is None else body.ended_at.timestamp() - began
                spell = Spell(body.started_at.timestamp() - began, end_s, body.unknown_s, raised_s)
                events[body.event_id] = (str(body.rule), body.subject), spell
            case SessionBody():
                found.setdefault((SESSION, f"window/{body.window}"), []).append(_spell(body, began))
            case StayBody():
                found.setdefault((STAY, f"zone/{body.zone}"), []).append(_spell(body, began))
            case _:
                pass
    for key, spell in events.values():
        found.setdefault(key, []).append(spell)
    return found


def _spell(body: SessionBody | StayBody, began: Instant) -> Spell:
    return Spell(body.started_at.timestamp() - began, body.ended_at.timestamp() - began, body.unknown_s)


def pair_up(true: Spells, claimed: Spells) -> list[Pair]:
    """Every truth and every claim once, in pairs so that the sum of the errors within a subject is least.

    A marginal truth that nobody claimed is left out.
    """
    pairs = []
    for kind, subject in sorted({*true, *claimed}):
        a, b = true.get((kind, subject), []), claimed.get((kind, subject), [])
        of_a = dict(_assigned(a, b))
        taken = set(of_a.values())
        for i, spell in enumerate(a):
            if i in of_a:
                pairs.append(Pair(kind, subject, spell, b[of_a[i]]))
            elif not (spell.marginal or _is_told(spell, a, b, of_a)):
                pairs.append(Pair(kind, subject, spell, None))
        pairs += [Pair(kind, subject, None, spell) for j, spell in enumerate(b) if j not in taken]
    return pairs


def _is_told(missed: Spell, true: Sequence[Spell], claimed: Sequence[Spell], of: Mapping[int, int]) -> bool:
    """Whether the claim of another truth tells this one, too.

    It does where the other is marginal, since this one began with another wait, by a hair; and where by a hair both are
    one, which is what a marginal truth over both of them says, and the claim goes on into this one.
    """
    own = (missed.start_s, missed.end_s)
    spans = [spell for spell in true if spell.marginal and _meet(spell, missed)]
    for i, j in of.items():
        if true[i].marginal and _meet(true[i], missed):
            return True
        if meet(own, (claimed[j].start_s, claimed[j].end_s)) and any(_meet(true[i], span) for span in spans):
            return True
    return False


def _meet(a: Spell, b: Spell) -> bool:
    return meet((a.start_s, a.end_s), (b.start_s, b.end_s))


def _assigned(true: Sequence[Spell], claimed: Sequence[Spell]) -> Iterator[tuple[int, int]]:
    if not true or not claimed:
        return
    starts = np.array([[spell.start_error_s(claim) for claim in claimed] for spell in true])
    # One that began just then is the better match.
    loose = np.array([[TOLERANCE_S * (spell.begins_by_s is not None)] for spell in true])
    # People who sit there from the beginning all start at once: their ends tell them apart.
    ends = np.nan_to_num(np.abs(np.subtract.outer(_ends(true), _ends(claimed))))
    errors = starts + loose + np.minimum(_END_WEIGHT * ends, TOLERANCE_S)
    # Beyond the tolerance no pair is better than another, and none is worth giving up a good one.
    rows, columns = linear_sum_assignment(np.where(starts <= TOLERANCE_S, errors, 1e6))
    yield from ((int(i), int(j)) for i, j in zip(rows, columns, strict=True) if starts[i, j] <= TOLERANCE_S)


def _ends(spells: Sequence[Spell]) -> NDArray[np.float64]:
    """NaN for what goes on."""
    return np.array([np.nan if s.end_s is None else s.end_s for s in spells])

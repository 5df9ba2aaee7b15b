"""What the state messages said about clerks and zones, as spans, against the truth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from hall.clock import Instant
from hall.messages import Message, StateBody
from twin._spans import Span, Spans, clip, overlap_s
from twin.truth import Truth

NEAR_S = 10.0
"""A change of presence claimed within this time of a true one is about it."""


class PresenceScore(msgspec.Struct, frozen=True):
    """Clerk presence of one window as the state messages said it.

    Attributes:
        share_right: share of the time, from the first decision on, in which present, absent or unknown was right. A
            state message tells a change when it has been decided, some seconds late, so this is below 1.
        change_error_p95_s: of when the clerk came or left, as `clerk_since` dates it.
        unknown_s, true_unknown_s: time claimed to be unknown, and time in which nothing could be known.
    """

    share_right: float | None
    change_error_p95_s: float | None
    unknown_s: float
    true_unknown_s: float


class ZoneScore(msgspec.Struct, frozen=True):
    """Unknown time of one zone as the state messages said it."""

    unknown_s: float
    true_unknown_s: float


class Claimed(msgspec.Struct, frozen=True):
    """What state messages said of one subject.

    `states` one after the other, `[start_s, end_s, state]`; `changes` of presence as they were dated, `[at_s, state]`.
    """

    states: list[tuple[float, float, str]]
    changes: list[tuple[float, str]] = []

    def spans(self, state: str) -> Spans:
        """When it was this."""
        return [(a, b) for a, b, name in self.states if name == state]


def claimed_states(messages: Sequence[Message], began: Instant, end_s: float) -> dict[str, Claimed]:
    """By `window/…` and `zone/…`. A state holds until the next message of its node."""
    points: dict[str, list[tuple[float, str]]] = {}
    dated: dict[str, dict[tuple[float, str], None]] = {}
    for message in messages:
        if not isinstance(message.body, StateBody):
            continue
        at_s = message.captured_at.timestamp() - began
        for window in message.body.windows:
            subject = f"window/{window.window}"
            points.setdefault(subject, []).append((at_s, str(window.clerk)))
            if window.clerk_since is not None and window.clerk != "unknown":
                since_s = window.clerk_since.timestamp() - began
                dated.setdefault(subject, {})[since_s, str(window.clerk)] = None
        for zone in message.body.zones:
            points.setdefault(f"zone/{zone.zone}", []).append((at_s, "unknown" if zone.count is None else "known"))
    return {name: Claimed(_runs(steps, end_s), list(dated.get(name, {}))) for name, steps in points.items()}


def _runs(points: Sequence[tuple[float, str]], end_s: float) -> list[tuple[float, float, str]]:
    runs: list[tuple[float, float, str]] = []
    for at_s, state in points:
        if runs and runs[-1][2] == state:
            continue
        if runs:
            runs[-1] = runs[-1][0], at_s, runs[-1][2]
        runs.append((at_s, end_s, state))
    return runs


def blind_of(truth: Truth, subject: str) -> Spans:
    """When nothing could be known of a window or zone."""
    return [(b.start_s, b.end_s) for b in truth.blind if subject in b.subjects]


def presence_scores(claimed: dict[str, Claimed], truth: Truth) -> dict[str, PresenceScore]:
    """By window; of those whose presence is part of the truth."""
    if truth.duration_s is None:
        return {}
    whole = (0.0, truth.duration_s)
    windows = [name for name in claimed if name.startswith("window/")]
    return {name.removeprefix("window/"): _presence(claimed[name], name, truth, whole) for name in windows}


def _presence(claimed: Claimed, subject: str, truth: Truth, whole: Span) -> PresenceScore:
    blind = blind_of(truth, subject)
    present = [(p.start_s, p.end_s) for p in truth.presence if f"window/{p.window}" == subject]
    true = {"present": present, "unknown": blind, "absent": clip([whole], [*present, *blind])}
    first_s = next((a for a, _, state in claimed.states if state != "unknown"), None)
    share = None
    if first_s is not None and first_s < whole[1]:
        right_s = sum(overlap_s((max(a, first_s), b), true[state]) for a, b, state in claimed.states if b > first_s)
        share = round(right_s / (whole[1] - first_s), 4)
    true_changes = [(at_s, "present") for at_s, _ in present if at_s > 0]
    true_changes += [(at_s, "absent") for _, at_s in present if at_s < whole[1]]
    edges = {edge for span in blind for edge in span}
    errors = [
        min(near)
        for at_s, state in true_changes
        if at_s not in edges  # what blind time hid cannot be dated
        and (near := [abs(c - at_s) for c, s in claimed.changes if s == state and abs(c - at_s) <= NEAR_S])
    ]
    unknown = clip(claimed.spans("unknown"), [(0.0, first_s or 0.0)])
    return PresenceScore(share, p95(errors), _total_s(unknown), _total_s(blind))


def zone_scores(claimed: dict[str, Claimed], truth: Truth) -> dict[str, ZoneScore]:
    """By zone."""
    zones = [name for name in claimed if name.startswith("zone/")]
    return {
        name.removeprefix("zone/"): ZoneScore(_total_s(claimed[name].spans("unknown")), _total_s(blind_of(truth, name)))
        for name in zones
    }


def _total_s(spans: Iterable[Span]) -> float:
    return round(sum(b - a for a, b in spans), 3)


def p95(errors: Sequence[float]) -> float | None:
    """95th percentile, None of nothing."""
    return round(float(np.percentile(errors, 95)), 3) if errors else None

"""The truth of a recording: what stands in TRUTH.json.

Times are seconds from the beginning of the recording, so that one truth serves every start time.
"""

from __future__ import annotations

import msgspec

from hall.messages import Rule


class TrueEvent(msgspec.Struct, frozen=True):
    """An event that must be raised; `end_s` is null where it is still on at the end.

    `unknown_s` of it nobody could see; it counts towards no limit. A `marginal` one passed its limit by so little that
    no camera can tell, so it may be missed. One that turns on a single head in a wait to expect may begin at any moment
    up to `begins_by_s`.
    """

    rule: Rule
    subject: str
    start_s: float
    end_s: float | None = None
    unknown_s: float = 0.0
    marginal: bool = False
    begins_by_s: float | None = None


class TrueSession(msgspec.Struct, frozen=True):
    """A session that ended within the recording; `unknown_s` of it nobody could see.

    A `marginal` one may be missed: it lasted hardly longer than `open_after`, or ended so late in the recording, that
    no camera can tell whether it was one, or was over.
    """

    window: str
    start_s: float
    end_s: float
    unknown_s: float = 0.0
    marginal: bool = False


class TrueStay(msgspec.Struct, frozen=True):
    """A stay that ended within the recording; `unknown_s` of it nobody could see."""

    zone: str
    start_s: float
    end_s: float
    unknown_s: float = 0.0


class TrueCount(msgspec.Struct, frozen=True):
    """Head count of a zone from `at_s` on."""

    zone: str
    at_s: float
    count: int


class TrueCrossing(msgspec.Struct, frozen=True):
    """Somebody crossed the line of an entrance."""

    entrance: str
    direction: str
    at_s: float


class TruePresence(msgspec.Struct, frozen=True):
    """A time in which a window was staffed, as far as that can be known; `end_s` may be that of the recording."""

    window: str
    start_s: float
    end_s: float


class TrueBlind(msgspec.Struct, frozen=True):
    """A time in which nothing can be known from a camera, and of whom: `window/w01`, `zone/waiting`."""

    camera: str
    start_s: float
    end_s: float
    subjects: list[str] = []


class Truth(msgspec.Struct, frozen=True):
    """TRUTH.json. `start` is when the recording began; `replay --start` must say the same.

    `duration_s` is its length, null where presence is not part of the truth. `borderline` are events that need not be
    raised, but may: they came so near to their limit that no camera can tell.
    """

    start: str = "2026-01-05T01:00:00Z"
    duration_s: float | None = None
    events: list[TrueEvent] = []
    borderline: list[TrueEvent] = []
    sessions: list[TrueSession] = []
    stays: list[TrueStay] = []
    counts: list[TrueCount] = []
    crossings: list[TrueCrossing] = []
    presence: list[TruePresence] = []
    blind: list[TrueBlind] = []

"""Presence of an area: a state machine over capture time, never over track ids.

The machine looks at a sliding window of *known* time: moments in which the area was looked at. Time in which it
was not (camera stalled, dark, restarted) does not pass for it, so it neither turns somebody absent nor adds to
an absence.
"""

from __future__ import annotations

from collections import deque

import msgspec

from hall.clock import Instant
from hall.layout import Presence
from hall.messages import Seen


class PresenceState(msgspec.Struct):
    """What survives a restart.

    Attributes:
        seen: the decision; `unknown` until there is enough evidence.
        since: when the decision became true: dated back to when somebody was first or last seen.
        since_clock_s: `clock_s` at `since`.
        clock_s: known time on duty so far; absences are measured by it.
        at: the last observation.
    """

    seen: Seen = "unknown"
    since: Instant | None = None
    since_clock_s: float = 0.0
    clock_s: float = 0.0
    at: Instant | None = None


class _Sample(msgspec.Struct, frozen=True):
    at: Instant
    weight_s: float
    hit: bool
    clock_s: float


class PresenceMachine:
    """Decides whether an area is occupied.

    Turns present when hits fill `on` of the window, absent when they fill no more than `off` and the rest of the
    window is misses; in between it stays. From one turn to the opposite at least (on - off) x window of known
    time pass, whatever the order of hits and misses.

    Args:
        settings: window in seconds, shares `on` and `off`, `stale` in seconds.
        state: a saved state; the time since then counts as unknown.
    """

    def __init__(self, settings: Presence, state: PresenceState | None = None) -> None:
        self.settings = settings
        self.state = state or PresenceState()
        self._samples: deque[_Sample] = deque()
        self._hits: deque[_Sample] = deque()  # of two windows: how long the last runs of hits were
        self._known_s = 0.0
        self._hit_s = 0.0
        # A decision from before a gap holds again only once there is new evidence.
        self._decided = False
        self._on_duty = False
        # A coming (True) or going that was under way when sight was lost, and where it began.
        self._under_way: tuple[bool, _Sample] | None = None
        self._lost_sight = False
        self._hit_at: Instant | None = None
        self._doubt_from: Instant | None = None

    def observe(self, at: Instant, *, hit: bool, on_duty: bool = True) -> None:
        """The area was looked at.

        Args:
            at: capture time; an observation that is not newer than the last one is ignored.
            hit: whether somebody is in it.
            on_duty: whether time counts towards an absence from now on.
        """
        state = self.state
        gap = None if state.at is None else at - state.at
        if gap is not None and gap <= 0:
            return
        known = gap is not None and gap <= self.settings.stale and (bool(self._samples) or self._decided)
        if gap is not None and gap > max(self.settings.stale, self.settings.window):
            self._forget()
        passed_s = gap if known and gap is not None else 0.0
        if self._on_duty:
            state.clock_s += passed_s
        state.at, self._on_duty = at, on_duty
        if hit:
            self._doubt(at)
        # One look after a long gap is weak evidence: it must never turn the machine alone.
        weight_s = min(passed_s, self.settings.window / 5)
        self._push(_Sample(at, weight_s, hit, state.clock_s))
        self._decide()

    def seen(self, now: Instant) -> Seen:
        """What is known at a moment: unknown when nothing was observed for `stale` seconds."""
        if not self._decided or self.state.at is None or now - self.state.at > self.settings.stale:
            return "unknown"
        return self.state.seen

    def doubtful(self, now: Instant) -> bool:
        """Whether somebody was seen just now in an area that counts as empty: back, or only passing.

        A window later that is decided one way or the other, so doubt never lasts longer.
        """
        if self.state.seen != "absent" or self._hit_at is None or self._doubt_from is None:
            return False
        return now - self._hit_at <= self._tolerance_s and now - self._doubt_from <= self.settings.window

    def settled(self, now: Instant) -> bool:
        """Whether the last look agrees with what is decided: one more like it changes nothing."""
        seen = self.seen(now)
        return seen != "unknown" and bool(self._samples) and self._samples[-1].hit == (seen == "present")

    def lose_sight(self) -> None:
        """The picture is at fault: unknown at once, and the time up to the next look counts for nothing.

        Afterwards the decision stands again once looks for a quarter of the window agree with it.
        """
        self._forget()
        self._lost_sight = True

    def _forget(self) -> None:
        """What was seen before a gap is no evidence after it, but for one thing.

        Who had just come or gone, and then is there or gone, came or went when that was seen.
        """
        if self._samples:
            self._under_way = self._turning()
        self._samples.clear()
        self._hits.clear()
        self._known_s = self._hit_s = 0.0
        self._decided = False

    def _turning(self) -> tuple[bool, _Sample] | None:
        """The run of looks that might have turned the decision, where it is more than a missed look or two."""
        last = self._samples[-1]
        if last.hit == (self.state.seen == "present"):
            return None
        first = self._began(self._first_hit() if last.hit else self._last_hit(), hit=last.hit)
        return (last.hit, first) if last.at - first.at >= self._tolerance_s else None

    def _began(self, since: _Sample, *, hit: bool) -> _Sample:
        """Where a run began: one that fills all the looks since sight was lost may go on from before."""
        before = self._under_way
        goes_on = since is self._samples[0] and since.hit == hit
        return before[1] if before is not None and before[0] == hit and goes_on else since

    @property
    def _tolerance_s(self) -> float:
        """Hits so near to each other are one run."""
        return self.settings.window / 4

    def _doubt(self, at: Instant) -> None:
        if self._hit_at is None or at - self._hit_at > self._tolerance_s:
            self._doubt_from = at
        self._hit_at = at

    def _push(self, sample: _Sample) -> None:
        self._samples.append(sample)
        if sample.hit:
            self._hits.append(sample)
        while self._hits and sample.at - self._hits[0].at > 2 * self.settings.window:
            self._hits.popleft()
        self._known_s += sample.weight_s
        self._hit_s += sample.weight_s * sample.hit
        while self._known_s - self._samples[0].weight_s >= self.settings.window:
            old = self._samples.popleft()
            self._known_s -= old.weight_s
            self._hit_s -= old.weight_s * old.hit

    def _decide(self) -> None:
        window, oldest = self.settings.window, self._samples[0]
        # The oldest sample may reach beyond the window; that part is past.
        excess_s = max(0.0, self._known_s - window)
        hit_s = self._hit_s - excess_s * oldest.hit
        miss_s = self._known_s - excess_s - hit_s
        if hit_s >= self.settings.on * window - 1e-9:
            if self.state.seen != "present":
                self._turn("present", self._began(self._first_hit(), hit=True))
            self._decided, self._lost_sight, self._under_way = True, False, None
        elif miss_s >= (1 - self.settings.off) * window - 1e-9:
            if self.state.seen != "absent":
                self._turn("absent", self._began(self._last_hit(), hit=False))
            self._decided, self._lost_sight, self._under_way = True, False, None
        elif self._lost_sight and self._stands():
            self._decided, self._lost_sight, self._under_way = True, False, None

    def _stands(self) -> bool:
        """Whether all looks since sight was lost agree with the decision from before."""
        present = self.state.seen == "present"
        agree = self.state.seen != "unknown" and all(sample.hit == present for sample in self._samples)
        return agree and self._known_s >= self._tolerance_s

    def _turn(self, seen: Seen, since: _Sample) -> None:
        self.state.seen, self.state.since, self.state.since_clock_s = seen, since.at, since.clock_s

    def _first_hit(self) -> _Sample:
        """Start of the run of hits that turned it: stray hits a quarter of a window earlier are no part of it."""
        first: _Sample | None = None
        for sample in reversed(self._samples):
            if not sample.hit:
                continue
            if first is not None and first.at - sample.at > self._tolerance_s:
                break
            first = sample
        assert first is not None
        return first

    def _last_hit(self) -> _Sample:
        """The last hit of somebody who stayed, or the first observation where nobody was seen at all.

        Who walks through the area just after somebody left it is a run of hits too short to be that somebody; two
        windows bound how far back this looks, so a badly seen clerk is never gone since long ago.
        """
        last: _Sample | None = None
        first: _Sample | None = None
        present_from = self.state.since if self.state.seen == "present" else None
        for sample in reversed(self._hits):
            if present_from is not None and sample.at < present_from:
                break
            if first is None or first.at - sample.at > self._tolerance_s:
                last = sample  # another run ends here
            first = sample
            if last is not None and last.at - first.at >= self._tolerance_s:
                return last
        return next((sample for sample in reversed(self._samples) if sample.hit), self._samples[0])

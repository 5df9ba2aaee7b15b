"""Service sessions at a window: one citizen in the customer area with the clerk present."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from hall.clock import Instant
from hall.layout import Session
from vision.stays import ID_HOLDS_S, Stay

AWAY_M = 0.7
"""Who went so far has left: who comes in from there is the next one, whatever the id."""


class SessionState(msgspec.Struct):
    """What survives a restart.

    Attributes:
        citizen_since, citizen: start and number of the stay that is served, which tell stays apart.
        started_at: start of the session: citizen and clerk both there. None while it is no session yet.
        seen_at: when the citizen was last seen.
        track, track_at: the id of the citizen, and when it was last seen while the citizen was not.
        open: whether it has lasted `open_after`.
        free_at: when the one before left: who stood beside them is served from then on.
    """

    citizen_since: Instant | None = None
    citizen: int = 0
    started_at: Instant | None = None
    seen_at: Instant | None = None
    track: int | None = None
    track_at: Instant | None = None
    unknown_base_s: float = 0.0
    unknown_s: float = 0.0
    open: bool = False
    free_at: Instant | None = None

    @property
    def elapsed_s(self) -> float:
        """Known seconds from the start to the last sight of the citizen, who may be gone by now."""
        if self.started_at is None or self.seen_at is None:
            return 0.0
        return max(0.0, self.seen_at - self.started_at - self.unknown_s)


@dataclass(frozen=True, slots=True)
class FinishedSession:
    """A session that is over; `unknown_s` of it nobody could see."""

    started_at: Instant
    ended_at: Instant
    unknown_s: float

    @property
    def duration_s(self) -> float:
        """Length less unknown time, in seconds."""
        return max(0.0, self.ended_at - self.started_at - self.unknown_s)


class SessionWatch:
    """Follows the sessions of one window.

    A session opens once a citizen and the clerk have been there for `open_after`, dated back; a clerk who steps
    away does not end it. It closes when another citizen took the place, or `close_after` after the citizen left.

    Args:
        settings: `open_after` and `close_after` in seconds.
        staffed: false for a self-service terminal, which needs no clerk.
        state: a saved state.
    """

    def __init__(self, settings: Session, *, staffed: bool, state: SessionState | None = None) -> None:
        self._settings = settings
        self._staffed = staffed
        self.state = state or SessionState()

    @property
    def running(self) -> SessionState | None:
        """The open session."""
        return self.state if self.state.open else None

    def follow(self, at: Instant, off_m: float) -> None:
        """See the id of the citizen in the picture; lost out of the area, it may be another's by now.

        Args:
            at: capture time.
            off_m: how far out of the area, in metres; 0 inside.
        """
        state = self.state
        if state.seen_at is None:
            return
        if off_m > AWAY_M or at - max(state.seen_at, state.track_at or state.seen_at) > ID_HOLDS_S:
            state.track = None
        state.track_at = at

    def step(
        self,
        at: Instant,
        stays: Sequence[Stay],
        clerk_since: Instant | None,
        clerk_gone_at: Instant | None = None,
    ) -> FinishedSession | None:
        """Look at the window.

        Args:
            at: capture time.
            stays: stays of the customer area, oldest first.
            clerk_since: since when the clerk is there; None while absent or unknown.
            clerk_gone_at: since when the clerk is absent. That is known late, so a session may have started
                after it; then it was none.

        Returns:
            The session that ended, if it was open long enough to be one.
        """
        served = self._served(stays)
        finished: FinishedSession | None = None
        if served is None and self.state.citizen_since is not None:
            heir = self._heir(stays)
            if heir is not None and heir.track is not None and heir.track == self.state.track:
                served = heir  # the same person stepped back in
                self.state.citizen_since, self.state.citizen = heir.started_at, heir.number
                self.state.unknown_base_s = heir.unknown_s - self.state.unknown_s
            elif heir is not None or at - (self.state.seen_at or at) >= self._settings.close_after:
                finished = self._close()
        if served is None and self.state.citizen_since is None and stays:
            served = stays[0]
            since, number, free_at = served.started_at, served.number, self.state.free_at
            self.state = SessionState(citizen_since=since, citizen=number, free_at=free_at)
        if served is not None:
            self._serve(served, clerk_since, clerk_gone_at)
        return finished

    def _served(self, stays: Sequence[Stay]) -> Stay | None:
        citizen = self.state.citizen_since, self.state.citizen
        return next((stay for stay in stays if (stay.started_at, stay.number) == citizen), None)

    def _heir(self, stays: Sequence[Stay]) -> Stay | None:
        """Who stands there now that the citizen served has gone."""
        return stays[0] if stays else None

    def _serve(self, stay: Stay, clerk_since: Instant | None, clerk_gone_at: Instant | None) -> None:
        state = self.state
        if stay.track is not None and (state.seen_at is None or stay.until > state.seen_at):
            state.track = stay.track  # out of the area the id says less and less, see `follow`
        state.seen_at = stay.until
        if state.started_at is None:
            if self._staffed and clerk_since is None:
                return
            known = (stay.started_at, clerk_since, state.free_at)
            state.started_at = max(at for at in known if at is not None)
            state.unknown_base_s = stay.unknown_s  # what was unknown before the session is no part of it
        elif self._staffed and clerk_since is None:
            # That the clerk has gone is known a window late: until then time went on as if both had been there.
            never = clerk_gone_at is not None and clerk_gone_at - state.started_at < self._settings.open_after
            if never or not state.open:
                state.started_at, state.open = None, False  # the clerk went before it was a session
                return
        state.unknown_s = stay.unknown_s - state.unknown_base_s
        if state.elapsed_s >= self._settings.open_after - 1e-6:
            state.open = True

    def _close(self) -> FinishedSession | None:
        state, self.state = self.state, SessionState(free_at=self.state.seen_at)
        return self.finished(state)

    @staticmethod
    def finished(state: SessionState) -> FinishedSession | None:
        """The session of a state if it ends now; None where it was not open long enough to be one."""
        if not state.open or state.started_at is None or state.seen_at is None:
            return None
        return FinishedSession(state.started_at, max(state.started_at, state.seen_at), state.unknown_s)

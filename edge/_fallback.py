"""Which of the two streams of a camera is read: the chosen one, or the other for as long as that one fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edge._reader import Reader, ReadJob
from hall.clock import Clock


class Fallback:
    """Goes from attempt to attempt, and back to the chosen stream beside the other one.

    Once the chosen stream has failed for `after_s` and in `attempts` attempts, attempts go to one stream and the other
    in turn until the chosen one shows pictures for a good while.

    Args:
        jobs: how the chosen stream is read, and the other one where there is one.
        clock: for waiting.
        after_s: see above, seconds.
        attempts: see above.
        back_every_s: the chosen one is tried so often, seconds, while the other one is read.
        steady_s: it is read again when its trial still shows pictures after so long; without any for so long the trial
            is over.

    Attributes:
        because: why the chosen one was left, masked; None while it is trusted.
    """

    def __init__(
        self,
        jobs: Sequence[ReadJob],
        clock: Clock,
        *,
        after_s: float,
        attempts: int,
        back_every_s: float,
        steady_s: float,
    ) -> None:
        self._jobs, self._clock = jobs, clock
        self._after_s, self._attempts = after_s, attempts
        self._back_every_s, self._steady_s = back_every_s, steady_s
        self._at = self._failures = 0
        self._failing_since = clock.monotonic()
        self._trial: Reader | None = None
        self._trial_at = self._began = self._shown_at = float("-inf")
        self.because: str | None = None

    @property
    def job(self) -> ReadJob:
        """What is read, or tried next."""
        return self._jobs[self._at]

    @property
    def on_other(self) -> bool:
        """Whether that is not the chosen stream."""
        return self._at > 0

    def ended(self, error: str | None, *, steady: bool) -> None:
        """An attempt ended; `steady` says that it had shown pictures for a good while."""
        now = self._clock.monotonic()
        self.cancel()
        if len(self._jobs) == 1:
            return
        if self._at:
            self._at = 0
            return
        if steady:
            self.because, self._failures, self._failing_since = None, 0, now
        self._failures += 1
        if self._failures >= self._attempts and now - self._failing_since >= self._after_s:
            self._at, self.because, self._trial_at = 1, error or "it ended", now + self._back_every_s

    def try_chosen(self, make: Callable[[ReadJob], Reader]) -> Reader | None:
        """While the other stream is read: try the chosen one beside it, from time to time.

        Args:
            make: starts a reader whose frames are not wanted yet.

        Returns:
            The reader of the chosen stream once it is to be gone on with.
        """
        now, trial = self._clock.monotonic(), self._trial
        if trial is None:
            if self._at and now >= self._trial_at:
                self._began, self._trial_at = now, now + self._back_every_s
                self._trial = make(self._jobs[0])
        elif trial.done.is_set():
            self._trial = None
        elif self._shown_at - self._began >= self._steady_s:
            self._at, self._failures, self._failing_since, self.because = 0, 0, now, None
            self._trial = None
            return trial
        elif now - trial.progress_at > self._steady_s or now - self._began > self._back_every_s + self._steady_s:
            # One that libav holds stays here, so that there is never a second one.
            trial.cancel.set()
        return None

    def showed(self, reader: Reader) -> None:
        """A picture came by a reader that is not the one that is read."""
        if reader is self._trial:
            self._shown_at = self._clock.monotonic()

    def cancel(self) -> None:
        """Let go of a trial that is under way."""
        if self._trial is not None:
            self._trial.cancel.set()

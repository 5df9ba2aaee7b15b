"""Whether a box keeps up, and what it does when it does not: it looks at fewer frames, step by step, and at more again.

Pure: it is told what was done and when, and reads no clock.
"""

from __future__ import annotations

from dataclasses import dataclass

from hall.layout import Camera

STEP = 0.8
"""Rates are lowered by a fifth at a time."""
LEAST_DESK_FPS = 0.5
"""As `desk_fps` in the hall file: one look weighs no more than a fifth of `presence.window`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSettings:
    """When a box is overloaded, and when it has room.

    Attributes:
        every_s: how often it is judged.
        most_dropped: share of the frames that nobody came for in time: more is an overload,
        most_lag_s: and so is a mean age of frames after they were looked at of more than this.
        room: busy for a smaller share of the time than this, as it would be one step up, `patience` times in a row:
            a step up.
        patience: see `room`; after an overload that a step up brought, it doubles, up to `most_patience`.
    """

    every_s: float = 5.0
    most_dropped: float = 0.05
    most_lag_s: float = 1.0
    room: float = 0.8
    patience: int = 3
    most_patience: int = 48


class LoadControl:
    """Sums up what the main loop does, and says by how much the rates of all cameras are to be lowered.

    Attributes:
        factor: of `analyse_fps` and `desk_fps`, 1 or less.
        least: how far the factor may go down.
        load: share of the time in which the loop was busy, when it was judged last.
        overloaded: whether the rates are lowered now, or should be and cannot.
        lost: whether they should be and cannot.
        dropped_share: of the frames asked for, when it was judged last.
    """

    def __init__(self, least_factor: float, settings: LoadSettings | None = None) -> None:
        self._settings = settings or LoadSettings()
        self.least = least_factor
        self.factor, self.load, self.dropped_share = 1.0, 0.0, 0.0
        self.overloaded = self.lost = False
        self._began: float | None = None
        self._busy_s = self._lag_s = 0.0
        self._frames = self._drops = 0
        self._calm = 0
        self._patience = self._settings.patience
        self._stepped_up = False

    def worked(self, busy_s: float, lags_s: list[float]) -> None:
        """The loop was busy for so long, with frames of these ages at its end."""
        self._busy_s += busy_s
        self._frames += len(lags_s)
        self._lag_s += sum(lags_s)

    def begin(self, now: float, drops: int) -> None:
        """Count from here on; as for `judge`."""
        self._began, self._drops = now, drops
        self._busy_s = self._lag_s = 0.0
        self._frames = 0

    def judge(self, now: float, drops: int) -> bool:
        """Whether the factor changed.

        Args:
            now: monotonic seconds.
            drops: frames that nobody came for in time, of all cameras, since the start.
        """
        if self._began is None:
            self.begin(now, drops)
            return False
        passed_s = now - self._began
        if passed_s < self._settings.every_s:
            return False
        self.load = min(1.0, self._busy_s / passed_s)
        before = self.factor
        self._step(drops - self._drops)
        self.begin(now, drops)
        return self.factor != before

    def _step(self, dropped: int) -> None:
        settings = self._settings
        offered = self._frames + dropped
        late = self._frames > 0 and self._lag_s / self._frames > settings.most_lag_s
        self.dropped_share = dropped / offered if offered else 0.0
        behind = late or self.dropped_share > settings.most_dropped
        self.lost = behind and self.factor <= self.least
        if behind:
            if self._stepped_up:
                self._patience = min(2 * self._patience, settings.most_patience)
            self.factor, self._calm, self._stepped_up = max(self.least, self.factor * STEP), 0, False
        else:
            has_room = dropped == 0 and self.load / STEP < settings.room
            self._calm = self._calm + 1 if has_room else 0
            self._stepped_up = self._stepped_up and self._calm < settings.patience
            if self.factor < 1.0 and self._calm >= self._patience:
                self.factor, self._calm, self._stepped_up = min(1.0, self.factor / STEP), 0, True
        if self.factor > 1.0 - 1e-6:
            self.factor = 1.0
        self.overloaded = behind or self.factor < 1.0


def least_factor(cameras: list[Camera]) -> float:
    """The factor that brings every camera to its floor."""
    return min((min(1.0, c.floor_fps / c.analyse_fps) for c in cameras), default=1.0)


def rates(camera: Camera, factor: float) -> tuple[float, float]:
    """`analyse_fps` and `desk_fps` of a camera at a factor, not below their floors, nor above what the file says."""
    floor_fps = min(camera.floor_fps, camera.analyse_fps)
    desk_floor = min(LEAST_DESK_FPS, camera.desk_fps)
    return max(floor_fps, camera.analyse_fps * factor), max(desk_floor, camera.desk_fps * factor)


def missed_share(cameras: list[Camera], load: LoadControl) -> float:
    """Share of the frames that the hall file asks for that are not looked at: not asked for, or dropped."""
    wanted = sum(camera.analyse_fps for camera in cameras)
    asked = sum(rates(camera, load.factor)[0] for camera in cameras)
    return 1.0 - asked / wanted * (1.0 - load.dropped_share) if wanted else 0.0

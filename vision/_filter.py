"""The motion of one track: place and size of its box, each coordinate filtered by itself.

A Kalman filter of constant speed whose speed is a random walk in continuous time (Bar-Shalom, Estimation with
Applications, 6.2.2). Plain numbers: a frame has a handful of people, for which arrays cost ten times as much.
"""

from __future__ import annotations

Box = tuple[float, float, float, float]
"""Centre, width and height, pixels."""

Grown = tuple[float, float, float]
"""What variances of place, of both and of speed grow by."""


def grown(dt: float, change_var: float) -> Grown:
    """With a variance of the change of speed within a second."""
    return change_var * dt**3 / 3, change_var * dt * dt / 2, change_var * dt


class Coordinate:
    """One coordinate of a box and its speed, with the covariance of the two.

    Args:
        place: where it is.
        place_var: variance of that.
        speed_var: variance of its speed, which is zero as far as anybody knows.
    """

    __slots__ = ("_place_var", "_shared_var", "_speed_var", "place", "speed")

    def __init__(self, place: float, place_var: float, speed_var: float) -> None:
        self.place, self.speed = place, 0.0
        self._place_var, self._shared_var, self._speed_var = place_var, 0.0, speed_var

    def predict(self, dt: float, noise: Grown) -> None:
        """Let `dt` seconds pass, in which variances grow by so much."""
        place_var, shared_var, speed_var = noise
        self.place += dt * self.speed
        self._place_var += 2 * dt * self._shared_var + dt * dt * self._speed_var + place_var
        self._shared_var += dt * self._speed_var + shared_var
        self._speed_var += speed_var

    def correct(self, measured: float, measured_var: float) -> None:
        """Take a measurement and its variance."""
        place_var, shared_var = self._place_var, self._shared_var
        whole_var = place_var + measured_var
        gain, speed_gain = place_var / whole_var, shared_var / whole_var
        residual = measured - self.place
        self.place += gain * residual
        self.speed += speed_gain * residual
        self._place_var, self._shared_var = (1 - gain) * place_var, (1 - gain) * shared_var
        self._speed_var -= speed_gain * shared_var


class BoxFilter:
    """Where the box of a person is and how large, from noisy measurements at any times.

    Args:
        box: as measured first.
        place_noise, size_noise: standard deviation of a measured centre, and of a width or height, in heights.
        speed_change, size_change: that of the change of their speeds within a second, heights per second.
    """

    __slots__ = ("_height", "_noise", "_width", "_x", "_y")

    def __init__(
        self, box: Box, *, place_noise: float, size_noise: float, speed_change: float, size_change: float
    ) -> None:
        x, y, width, height = box
        self._noise = place_noise, size_noise, speed_change, size_change
        place_var, size_var = (place_noise * height) ** 2, (size_noise * height) ** 2
        # A person walks in at up to about one box height per second; box sizes change slowly.
        self._x = Coordinate(x, place_var, height**2)
        self._y = Coordinate(y, place_var, (0.6 * height) ** 2)
        self._width = Coordinate(width, size_var, (0.2 * height) ** 2)
        self._height = Coordinate(height, size_var, (0.2 * height) ** 2)

    def predict(self, dt: float) -> Box:
        """Let `dt` seconds pass at constant speed, changed by continuous white acceleration; returns the box then."""
        x, y, width, height = self._x, self._y, self._width, self._height
        _, _, speed_change, size_change = self._noise
        height_px = height.place + dt * height.speed
        by_speed, by_size = grown(dt, (speed_change * height_px) ** 2), grown(dt, (size_change * height_px) ** 2)
        x.predict(dt, by_speed)
        y.predict(dt, by_speed)
        width.predict(dt, by_size)
        height.predict(dt, by_size)
        width.place, height.place = max(width.place, 1.0), max(height.place, 1.0)
        return x.place, y.place, width.place, height.place

    def correct(self, measured: Box) -> None:
        """Take a measured box."""
        x, y, width, height = measured
        place_noise, size_noise, _, _ = self._noise
        place_var, size_var = (place_noise * height) ** 2, (size_noise * height) ** 2
        self._x.correct(x, place_var)
        self._y.correct(y, place_var)
        self._width.correct(width, size_var)
        self._height.correct(height, size_var)

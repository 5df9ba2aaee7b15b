"""From the picture to the floor: a plane homography from points that somebody measured. Plain numbers, no arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil, dist, floor, inf, isfinite, nan, sqrt

from hall.errors import InputError
from hall.geometry import nearly_on_a_line

Pair = tuple[float, float]
Row = tuple[float, float, float]
Matrix = tuple[Row, Row, Row]
Segment = tuple[float, float, float, float]
"""x and y of both ends, fractions of the picture."""

HORIZON = 1e-9
"""A third coordinate up to this is at or above the horizon."""
_STEPS = 50
"""Of the refinement; a handful is usual."""
_SMALL = 1e-12
_BEYOND = "floor_points: some lie beyond the horizon of the others; expected points of one floor"


def spread(points: Sequence[tuple[Pair, Pair]]) -> bool:
    """Whether neither all nor all but one lie on a line: only four points of which no three do fix a plane."""
    rest = [[*points[:i], *points[i + 1 :]] for i in range(len(points))]
    return not any(nearly_on_a_line([point[side] for point in others]) for others in rest for side in (0, 1))


@dataclass(frozen=True)
class Plane:
    """A homography between fractions of the picture and metres of the floor plan.

    Attributes:
        matrix: image fractions (x, y, 1) to floor metres; its third coordinate is positive on the floor.
    """

    matrix: Matrix

    @classmethod
    def fit(cls, points: Sequence[tuple[Pair, Pair]]) -> Plane:
        """The one with the least squared distance on the floor, in metres, over all points.

        It begins with the direct linear transform of normalised points and is refined by Levenberg and Marquardt's
        method (Hartley & Zisserman, Multiple View Geometry, 4.1, 4.4 and A6.2).

        Args:
            points: at least four pairs of an image point (fractions) and a floor point (metres).

        Raises:
            InputError: the points lie on a line or otherwise fix no plane.
        """
        fault = f"floor_points: {len(points)} points that fix no plane; expected at least 4, no three on a line"
        if len(points) < 4 or not spread(points):
            raise InputError(fault)
        image, to_image = _normalised([p for p, _ in points])
        ground, to_ground = _normalised([p for _, p in points])
        first = _linear(image, ground)
        if first is None:
            raise InputError(_BEYOND)
        refined = first if len(points) == 4 else _refined(first, image, ground)
        matrix = _times(_times(_inverse(to_ground), _as_matrix(refined)), to_image)
        if sum(_row(matrix[2], p) for p, _ in points) < 0:
            matrix = _times(((-1, 0, 0), (0, -1, 0), (0, 0, -1)), matrix)
        plane = cls(matrix)
        if not all(isfinite(v) for row in matrix for v in row) or abs(_determinant(matrix)) < HORIZON:
            raise InputError(fault)
        if not all(isfinite(error) for error in plane.errors_m(points)):
            raise InputError(_BEYOND)
        return plane

    def to_floor(self, x: float, y: float) -> Pair:
        """Floor metres of a point of the picture in fractions; NaN at and above the horizon."""
        return _mapped(self.matrix, x, y)

    def to_image(self, x_m: float, y_m: float) -> Pair:
        """The point of the picture, in fractions, of a place on the floor; NaN behind the camera."""
        # The inverse's third coordinate is 1 / w of `to_floor`, so it is positive before the camera.
        return _mapped(self._back, x_m, y_m)

    def errors_m(self, points: Sequence[tuple[Pair, Pair]]) -> list[float]:
        """How far each point is from where the homography puts it. With exactly four points zero by construction."""
        return [dist(self.to_floor(*seen), there) for seen, there in points]

    def grid(self, left_m: float, bottom_m: float, right_m: float, top_m: float) -> list[Segment]:
        """The lines of whole metres in a part of the floor, as far as they are in the picture."""
        lines = [((x, bottom_m), (x, top_m)) for x in _whole(left_m, right_m)]
        lines += [((left_m, y), (right_m, y)) for y in _whole(bottom_m, top_m)]
        found = (self._seen(start, end) for start, end in lines)
        return [segment for segment in found if segment is not None]

    @cached_property
    def _back(self) -> Matrix:
        return _inverse(self.matrix)

    def _seen(self, start: Pair, end: Pair) -> Segment | None:
        """The part of a floor line that is before the camera and in the picture."""
        a, b = ([_row(row, point) for row in self._back] for point in (start, end))
        # Inside where each of these is positive; along the line all of them are linear (Liang & Barsky, 1984).
        sides: list[Callable[[Sequence[float]], float]] = [
            lambda p: p[2] - HORIZON,
            lambda p: p[0],
            lambda p: p[1],
            lambda p: p[2] - p[0],
            lambda p: p[2] - p[1],
        ]
        low, high = 0.0, 1.0
        for side in sides:
            at_a, at_b = side(a), side(b)
            if at_a < 0 and at_b < 0:
                return None
            if at_a < 0:
                low = max(low, at_a / (at_a - at_b))
            elif at_b < 0:
                high = min(high, at_a / (at_a - at_b))
        if high - low < _SMALL:
            return None
        (xa, ya, wa), (xb, yb, wb) = ([p + t * (q - p) for p, q in zip(a, b, strict=True)] for t in (low, high))
        if min(wa, wb) <= HORIZON / 2:
            return None
        return xa / wa, ya / wa, xb / wb, yb / wb


def _mapped(matrix: Matrix, x: float, y: float) -> Pair:
    (a, b, c), (d, e, f), (g, h, i) = matrix
    w = g * x + h * y + i
    return (nan, nan) if w <= HORIZON else ((a * x + b * y + c) / w, (d * x + e * y + f) / w)


def _row(row: Row, point: Pair) -> float:
    return row[0] * point[0] + row[1] * point[1] + row[2]


def _whole(low: float, high: float) -> Iterator[float]:
    return (float(value) for value in range(ceil(low), floor(high) + 1))


def _normalised(points: Sequence[Pair]) -> tuple[list[Pair], Matrix]:
    """Points about the origin, the square root of two away from it in the mean, and how they got there."""
    n = len(points)
    cx, cy = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    away = sum(dist(p, (cx, cy)) for p in points) / n
    s = sqrt(2) / away if away > _SMALL else 1.0
    moved = [((x - cx) * s, (y - cy) * s) for x, y in points]
    return moved, ((s, 0, -s * cx), (0, s, -s * cy), (0, 0, 1))


def _linear(image: Sequence[Pair], ground: Sequence[Pair]) -> list[float] | None:
    """Eight numbers of a homography by least squares; None: there is none.

    The ninth is 1: it belongs to the middle of the points, and there a floor that is seen has no horizon.
    """
    normal, right = [[0.0] * 8 for _ in range(8)], [0.0] * 8
    for (x, y), (u, v) in zip(image, ground, strict=True):
        for row, value in (([x, y, 1, 0, 0, 0, -u * x, -u * y], u), ([0, 0, 0, x, y, 1, -v * x, -v * y], v)):
            _add(normal, right, row, value)
    return _solved(normal, right)


def _refined(start: list[float], image: Sequence[Pair], ground: Sequence[Pair]) -> list[float]:
    """The nearest minimum of the squared distance on the floor."""
    best, damping = start, 1e-3
    cost = _cost(best, image, ground)
    for _ in range(_STEPS):
        normal, right = _normal_equations(best, image, ground)
        damped = [[v * (1 + damping) if i == j else v for j, v in enumerate(row)] for i, row in enumerate(normal)]
        step = _solved(damped, right)
        if step is None:
            break
        tried = [p + s for p, s in zip(best, step, strict=True)]
        tried_cost = _cost(tried, image, ground)
        if tried_cost < cost:
            gain, best, cost, damping = cost - tried_cost, tried, tried_cost, damping / 10
            if gain <= _SMALL * cost:
                break
        elif damping > 1e9 or cost < 1e-24:
            break
        else:
            damping *= 10
    return best


def _normal_equations(
    h: Sequence[float], image: Sequence[Pair], ground: Sequence[Pair]
) -> tuple[list[list[float]], list[float]]:
    normal, right = [[0.0] * 8 for _ in range(8)], [0.0] * 8
    for (x, y), (u, v) in zip(image, ground, strict=True):
        w = h[6] * x + h[7] * y + 1
        px, py = (h[0] * x + h[1] * y + h[2]) / w, (h[3] * x + h[4] * y + h[5]) / w
        a, b, c = x / w, y / w, 1 / w
        _add(normal, right, [a, b, c, 0, 0, 0, -px * a, -px * b], u - px)
        _add(normal, right, [0, 0, 0, a, b, c, -py * a, -py * b], v - py)
    return normal, right


def _cost(h: Sequence[float], image: Sequence[Pair], ground: Sequence[Pair]) -> float:
    matrix = _as_matrix(h)
    total = sum(dist(_mapped(matrix, *seen), there) ** 2 for seen, there in zip(image, ground, strict=True))
    return total if isfinite(total) else inf


def _add(normal: list[list[float]], right: list[float], row: Sequence[float], value: float) -> None:
    """One equation more for least squares."""
    for i, a in enumerate(row):
        if a:
            right[i] += a * value
            line = normal[i]
            for j, b in enumerate(row):
                line[j] += a * b


def _solved(matrix: Sequence[Sequence[float]], right: Sequence[float]) -> list[float] | None:
    """Gauss's elimination with pivots; None where no single solution is."""
    n = len(right)
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    largest = max((abs(v) for row in matrix for v in row), default=0.0)
    for k in range(n):
        pivot = max(range(k, n), key=lambda i: abs(rows[i][k]))
        if not abs(rows[pivot][k]) > _SMALL * largest:
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        for i in range(k + 1, n):
            factor = rows[i][k] / rows[k][k]
            if factor:
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[k], strict=True)]
    found = [0.0] * n
    for k in reversed(range(n)):
        found[k] = (rows[k][n] - sum(rows[k][j] * found[j] for j in range(k + 1, n))) / rows[k][k]
    return found


def _as_matrix(h: Sequence[float]) -> Matrix:
    a, b, c, d, e, f, g, i = h
    return (a, b, c), (d, e, f), (g, i, 1.0)


def _times(left: Matrix, right: Matrix) -> Matrix:
    columns = list(zip(*right, strict=True))
    a, b, c = (tuple(sum(p * q for p, q in zip(row, column, strict=True)) for column in columns) for row in left)
    return (a[0], a[1], a[2]), (b[0], b[1], b[2]), (c[0], c[1], c[2])


def _determinant(m: Matrix) -> float:
    (a, b, c), (d, e, f), (g, h, i) = m
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)


def _inverse(m: Matrix) -> Matrix:
    (a, b, c), (d, e, f), (g, h, i) = m
    s = 1 / _determinant(m)
    return (
        (s * (e * i - f * h), s * (c * h - b * i), s * (b * f - c * e)),
        (s * (f * g - d * i), s * (a * i - c * g), s * (c * d - a * f)),
        (s * (d * h - e * g), s * (b * g - a * h), s * (a * e - b * d)),
    )

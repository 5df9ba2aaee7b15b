"""How likely two pieces of ways are of one person, and which of many belong together.

Worths are log-likelihood ratios: that a piece goes on with another, against that the one person is not seen again and
the other was never seen before. Somebody who keeps a place is there within centimetres, however long nobody saw it;
who walks goes on as before, roughly; who sits gets up once in some minutes. Nobody comes or goes in the middle of the
picture unseen, unless hidden for a while; and an id is a hint. All pieces are matched at once, so that what explains
all of them best decides: a seat that is taken again is somebody else's if one was seen to go and another to come.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, hypot, log, pi

from vision._assign import assign
from vision._piece import Piece

LONGEST_S = 42.0
"""Who was not seen for so long is not found again."""

_NARROW_M = 0.05
_AREA_M2 = 10.0
_NEVER = 50.0
_PAIRS = 4000
_ANYWHERE = log(_AREA_M2 / (2 * pi * _NARROW_M**2))
"""Cost of being anywhere in an area, where being at a place within the narrowest spread costs nothing."""
_HEAD_M = 0.03
"""Standard deviation of two places of somebody who kept one; of some it is the next."""
_LEANS_M = 0.08
_LEANS = 0.03
_STOPPED = 0.7
_STILL_S = 3.0
"""Who was not settled may have kept a place for so long."""
_STEP_M = 0.12
_WALKS_M_S = 0.6
"""Spread of somebody who walks, which grows with the time out of sight;"""
_SETS_OUT_M = 0.15
_SETS_OUT_M_S = 0.7
"""and of somebody who got up."""
_SPREADS_S = 15.0
_AHEAD_S = 2.0
"""A pace is kept for so long."""
_LEANS_OVER_M = 0.5
_BRISK_M_S = 1.7
_GETS_UP_S = 200.0
"""Who sits gets up about so seldom,"""
_SITS_AGAIN = 3.5
"""and hardly to sit down elsewhere."""
_SCALE = 0.025
_SCALE_SINGLE = 1.5
_SCALE_MOST = 3.0
_SCALE_WALKING = 0.075
_SCALE_WALKING_MOST = 3.0
"""Boxes of one person differ so much in height, more in single sights and while walking; posture may change it."""
_SAME_ID = -2.5
_OTHER_ID = 2.5
_OTHER_ID_WALKING = 2.0
_EXCHANGED = 6.0
_AT_ONCE_S = 1.1
"""A tracker that exchanges the ids of two at a time makes one mistake, which two pairs would count twice."""
_ID_LASTS_S = 2.6
_ID_AGAIN = 2.0
"""A tracker forgets a track after about so long; from then on a new id says nothing."""
_MISS_S = 0.5
_MISSED = 1.7
_MISSED_WALKING = 0.8
_HIDDEN = 9.8
"""Every look that should have shown a person counts, but one who is hidden is hidden for some time,"""
_HIDDEN_S = 32.0
_HIDDEN_LONGER_S = 2.0
"""mostly no longer than this."""
_GOES = 6.5
_GOES_SETTLED = 12.0
_GOES_OUTSIDE = 1.0
_COMES = 8.0
_COMES_SETTLED = 11.0
_COMES_OUTSIDE = 4.0
"""Costs of not being seen again, and of never having been seen, least far outside of the area."""
_STILL_HIDDEN = 9.5
"""Who was seen lately may still be hidden, which is less of a wonder than to be gone."""
_SURE = 14.0
"""So much likelier than anything else is beyond doubt."""
_AT_BORDER = 0.6
_BORDER_PER_M = 18.0
_OUTSIDE_PER_M = 1.5
_JUST_OUTSIDE_M = 0.3


class Links:
    """Remembers what was worked out for pairs that did not change."""

    def __init__(self) -> None:
        self._costs: dict[tuple[int, int], tuple[tuple[float, int, int, int], float]] = {}

    def matched(
        self, ends: Sequence[Piece], starts: Sequence[Piece], clock_s: float
    ) -> tuple[dict[int, int], set[int]]:
        """Which pieces go on with which others.

        Args:
            ends: pieces that may go on.
            starts: pieces that may be what others go on with.
            clock_s: known time.

        Returns:
            By the number of a piece the number of the one before it; and pieces of which that is beyond doubt, or
            that beyond doubt go on with none.
        """
        if len(self._costs) > _PAIRS:
            self._costs.clear()
        goes = [
            min(_end_cost(piece), _STILL_HIDDEN) if clock_s - piece.last_s < _HIDDEN_S else _end_cost(piece)
            for piece in ends
        ]
        worth = []
        for start in starts:
            most, first_s = _start_cost(start) + _ANYWHERE, start.first_s
            worth.append(
                {
                    row: value
                    for row, end in enumerate(ends)
                    if 0 < first_s - end.last_s <= LONGEST_S
                    and end is not start
                    and (value := goes[row] + most - self._cost(end, start)) > 0
                }
            )
        pairs = _exchanged(dict(assign(worth)), worth, ends, starts)
        before = {starts[i].number: ends[j].number for i, j in pairs.items()}
        return before, {start.number for row, start in enumerate(starts) if _sure(worth, row, pairs.get(row))}

    def _cost(self, end: Piece, start: Piece) -> float:
        key = end.number, start.number
        now = end.last_s, end.count, start.begun_sights, min(start.count, 3) + 4 * start.away
        known = self._costs.get(key)
        if known is not None and known[0] == now:
            return known[1]
        cost = _link_cost(end, start)
        self._costs[key] = now, cost
        return cost


def _exchanged(
    pairs: dict[int, int], worth: Sequence[dict[int, float]], ends: Sequence[Piece], starts: Sequence[Piece]
) -> dict[int, int]:
    """Pairs again, those put crosswise whose ids a tracker may have exchanged: that is one mistake, not two."""
    same = [(i, j) for i, j in pairs.items() if _same_id(ends[j], starts[i])]
    for row, (i, j) in enumerate(same):
        for k, m in same[row + 1 :]:
            if abs(starts[i].first_s - starts[k].first_s) > _AT_ONCE_S or j != pairs[i] or m != pairs[k]:
                continue
            if m not in worth[i] or j not in worth[k]:
                continue
            if worth[i][m] + worth[k][j] + _EXCHANGED > worth[i][j] + worth[k][m]:
                pairs[i], pairs[k] = m, j
    return pairs


def _same_id(end: Piece, start: Piece) -> bool:
    known = start.blind_first_s == end.blind_s
    return known and end.track == start.first_track and start.first_s - end.last_s < _ID_LASTS_S


def _sure(worth: Sequence[dict[int, float]], row: int, column: int | None) -> bool:
    """Whether nothing else comes near, for either of a pair."""
    if column is None:
        return not worth[row]
    least = worth[row][column] - _SURE
    others = (value for other, value in worth[row].items() if other != column)
    rivals = (values.get(column, 0.0) for other, values in enumerate(worth) if other != row)
    return least > 0 and all(value < least for value in others) and all(value < least for value in rivals)


def _start_cost(piece: Piece) -> float:
    most = _COMES_SETTLED if piece.begins_settled else _COMES
    return _cost(most, _COMES_OUTSIDE, piece.first.border_m, inside=piece.first.inside, settled=piece.begins_settled)


def _end_cost(piece: Piece) -> float:
    most = _GOES_SETTLED if piece.settled else _GOES
    return _cost(most, _GOES_OUTSIDE, piece.last.border_m, inside=piece.last.inside, settled=piece.settled)


def _cost(most: float, least: float, border_m: float, *, inside: bool, settled: bool) -> float:
    if not inside:
        return max(least, most - _OUTSIDE_PER_M * max(0.0, border_m - _JUST_OUTSIDE_M))
    return most if settled else min(most, _AT_BORDER * most + _BORDER_PER_M * border_m)


def _link_cost(end: Piece, start: Piece) -> float:
    """Negative log-likelihood that one piece goes on with another."""
    hidden_s = start.first_s - end.last_s
    # In unknown time people walk as well.
    walks_s = min(hidden_s + start.blind_first_s - end.blind_s, _SPREADS_S)
    known = start.blind_first_s == end.blind_s
    lasts = known and hidden_s < _ID_LASTS_S
    same = known and end.track == start.first_track
    moves = _moves(end, start, walks_s)
    if lasts and not same:
        moves += _OTHER_ID_WALKING - _OTHER_ID
    cost = min(moves, _keeps(end, start, hidden_s))
    if cost > _NEVER:
        return cost
    if lasts:
        cost += _SAME_ID if same else _OTHER_ID
    elif same:
        cost += _ID_AGAIN
    missed = _MISSED if end.settled and start.begins_settled else _MISSED_WALKING
    cost += min(missed * max(0.0, hidden_s / _MISS_S - 1), _HIDDEN)
    return cost + max(0.0, hidden_s - _HIDDEN_S) / _HIDDEN_LONGER_S


def _keeps(end: Piece, start: Piece, hidden_s: float) -> float:
    """Cost of still being at the place."""
    begins = start.begins_settled
    begun_x, begun_y, begun_m = (
        (start.begun_x, start.begun_y, start.begun_m) if begins else (start.first.x, start.first.y, start.first.scale_m)
    )
    if end.settled:
        x, y = end.x, end.y
    elif hidden_s < _STILL_S:
        x, y = end.last.x, end.last.y
    else:
        return float("inf")
    off_m = hypot(begun_x - x, begun_y - y) * (end.scale_m + begun_m) / 2
    kept = -log((1 - _LEANS) * exp(-_normal(off_m, _HEAD_M)) + _LEANS * exp(-_normal(off_m, _LEANS_M)) + 1e-30)
    spread = _SCALE if begins and end.settled else _SCALE_SINGLE * _SCALE
    return kept + _unlike(begun_m / end.scale_m, spread, _SCALE_MOST) + (0.0 if end.settled else _STOPPED)


def _moves(end: Piece, start: Piece, hidden_s: float) -> float:
    """Cost of having got up, or of having walked on."""
    begins = start.begins_settled
    x, y = (start.begun_x, start.begun_y) if begins else (start.first.x, start.first.y)
    begun_m = start.begun_m if begins else start.first.scale_m
    last = end.last
    mean_m = (last.scale_m + begun_m) / 2
    gone_m = hypot(x - last.x, y - last.y) * mean_m
    if gone_m >= _LEANS_OVER_M + _BRISK_M_S * hidden_s:
        return float("inf")
    unlike = _unlike(begun_m / end.scale_m, _SCALE_WALKING, _SCALE_WALKING_MOST)
    if end.settled:
        got_up = -log(min(0.5, (hidden_s + 0.5) / _GETS_UP_S))
        spread_m = _SETS_OUT_M + _SETS_OUT_M_S * hidden_s
        return unlike + got_up + _normal(gone_m, spread_m) + (_SITS_AGAIN if begins else 0.0)
    ahead_s, spread_m = min(hidden_s, _AHEAD_S), _STEP_M + _WALKS_M_S * hidden_s
    ahead_m = hypot(x - last.x - end.pace_x * ahead_s, y - last.y - end.pace_y * ahead_s) * mean_m
    off_m = min(_normal(ahead_m, spread_m), _STOPPED + _normal(gone_m, spread_m))
    if not begins:
        back_m = hypot(last.x - x + start.out_x * ahead_s, last.y - y + start.out_y * ahead_s) * mean_m
        off_m = min(off_m, _STOPPED + _normal(back_m, spread_m))
    return unlike + off_m


def _normal(off_m: float, spread_m: float) -> float:
    """Negative log of a normal density in the plane, zero at the middle of the narrowest."""
    return (off_m / spread_m) ** 2 / 2 + 2 * log(spread_m / _NARROW_M)


def _unlike(ratio: float, spread: float, most: float) -> float:
    return min(((ratio - 1) / spread) ** 2 / 2, most)

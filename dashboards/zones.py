"""A zone in words."""

from __future__ import annotations

from dataclasses import dataclass

from dashboards.incidents import Alert, build_alerts
from dashboards.scene import Scene
from hall.layout import Zone

BAR_END = 1.25
"""The bar ends at this multiple of the limit, so that a wait over the limit is seen to be over it."""


@dataclass(frozen=True, slots=True)
class ZoneCard:
    """A zone now. `share` is the longest wait as a multiple of the limit; None where there is none."""

    zone: str
    label: str
    count: str
    count_words: str
    longest: str
    median: str
    p90: str
    expected: str
    over: int
    over_words: str
    share: float | None
    limit: str
    stale: str
    alerts: tuple[Alert, ...]

    @property
    def bar(self) -> float:
        """Length of the bar, 0 to 1."""
        return 0.0 if self.share is None else min(1.0, self.share / BAR_END)


def build_zone(scene: Scene, zone: Zone) -> ZoneCard:
    """One zone; dashes where nothing is known."""
    texts = scene.texts
    limit_s = scene.hall.limits_of(zone).long_wait
    state, age = scene.zones.get(zone.id, (None, None))
    count = None if state is None else state.count
    over = 0 if state is None else state.over_limit
    longest_s = None if state is None else state.longest_wait_s
    missing = texts.no_figures if state is None else texts.cannot_see
    return ZoneCard(
        zone=zone.id,
        label=zone.label or zone.id,
        count="–" if count is None else str(count),
        count_words=missing if count is None else texts.waiting_now,
        longest=scene.wait(longest_s),
        median=scene.wait(None if state is None else state.wait_p50_s),
        p90=scene.wait(None if state is None else state.wait_p90_s),
        expected=scene.wait(None if state is None else state.expected_wait_s),
        over=over,
        over_words=_over_words(scene, over, known=count is not None),
        share=None if longest_s is None else round(longest_s / limit_s, 3),
        limit=texts.limit.format(limit=scene.limit(limit_s)),
        stale=texts.figures_from.format(time=scene.time(age.at)) if age is not None and age.stale else "",
        alerts=build_alerts(scene, f"zone/{zone.id}"),
    )


def _over_words(scene: Scene, over: int, *, known: bool) -> str:
    if over:
        return scene.texts.over_limit.format(count=over)
    return scene.texts.none_over if known else ""

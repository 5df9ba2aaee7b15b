"""A window in words."""

from __future__ import annotations

from dataclasses import dataclass

from dashboards.incidents import Alert, build_alerts
from dashboards.scene import Age, Elapsed, Scene, elapsed
from hall.layout import Window
from hall.messages import Seen, WindowState, WindowStatus


@dataclass(frozen=True, slots=True)
class Tile:
    """A window now.

    `elapsed` is how long the window has been in its state. `clerk_elapsed` and `session` are there only where
    they say something else. `clerk` is None for a self-service terminal. `stale` says from when the figures are,
    where they may no longer hold.
    """

    window: str
    label: str
    service: str
    status: WindowStatus
    status_word: str
    elapsed: Elapsed | None
    since: str
    limit: str
    clerk: Seen | None
    clerk_word: str
    clerk_elapsed: Elapsed | None
    customers: str
    session: Elapsed | None
    stale: str
    alerts: tuple[Alert, ...]


def build_tile(scene: Scene, window: Window) -> Tile:
    """One window; `unknown` with a word why, where nothing was heard of it."""
    texts = scene.texts
    state, age = scene.windows.get(window.id, (None, None))
    status: WindowStatus = "unknown" if state is None else state.status
    seen: Seen = "unknown" if state is None else state.clerk
    session = _session(state, age) if state and age else None
    clerk_elapsed = _clerk_elapsed(state, age) if state and age else None
    since = _status_since(status, seen, session, clerk_elapsed)
    limit_s = scene.hall.limits_of(window).overtime_case
    return Tile(
        window=window.id,
        label=window.label,
        service=window.service,
        status=status,
        status_word=texts.window_status[status],
        elapsed=since,
        since=_since_words(scene, state, since),
        limit=texts.limit.format(limit=scene.limit(limit_s)) if since and since is session else "",
        clerk=seen if window.staffed else None,
        clerk_word=texts.clerk_seen[seen] if window.staffed else texts.self_service,
        clerk_elapsed=clerk_elapsed if window.staffed and _clerk_tells(status, seen) else None,
        customers="" if state is None or status == "unknown" else texts.customers.format(count=state.customers),
        session=session if session is not since else None,
        stale=texts.figures_from.format(time=scene.time(age.at)) if age and age.stale else "",
        alerts=build_alerts(scene, f"window/{window.id}"),
    )


def _session(state: WindowState, age: Age) -> Elapsed | None:
    return None if state.session_s is None else elapsed(age.at - state.session_s, age.until)


def _clerk_elapsed(state: WindowState, age: Age) -> Elapsed | None:
    return None if state.clerk_since is None else elapsed(state.clerk_since.timestamp(), age.until)


def _status_since(status: WindowStatus, seen: Seen, session: Elapsed | None, clerk: Elapsed | None) -> Elapsed | None:
    """Since when the window is in its state, where that can be told.

    Serving began with the session; unstaffed and unknown with what is seen of the clerk. Idle may have begun
    when the clerk came or when the last citizen left, so it has no beginning here.
    """
    if status == "serving":
        return session
    return clerk if (status, seen) in {("unstaffed", "absent"), ("unknown", "unknown")} else None


def _clerk_tells(status: WindowStatus, seen: Seen) -> bool:
    """Whether the clerk's time adds something: since when an idle clerk is there, or one has left a case."""
    return (status, seen) in {("idle", "present"), ("serving", "absent"), ("serving", "unknown")}


def _since_words(scene: Scene, state: WindowState | None, since: Elapsed | None) -> str:
    texts = scene.texts
    if state is None:
        return texts.no_figures
    if since is not None:
        return texts.since.format(time=scene.time(since.since))
    if state.status == "closed" and not scene.hall.schedule.is_open(scene.now):
        opening = scene.hall.schedule.next_open(scene.now)
        return "" if opening is None else texts.next_open.format(time=scene.time(opening).removesuffix(":00"))
    return ""

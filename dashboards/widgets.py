"""The moving parts of the page as NiceGUI elements: built once, then told what changed.

Every text goes in as text, never as HTML, so whatever hall.yaml says is shown as it stands there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nicegui import ui
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement

from dashboards.board import Alert, IncidentRow, NodeChip, StatusCount, Tile, ZoneCard
from dashboards.scene import Elapsed
from dashboards.texts import NodeState, Texts
from hall.messages import Seen, Severity, WindowStatus

STATUS_ICONS: dict[WindowStatus, str] = {
    "serving": "groups",
    "idle": "event_available",
    "unstaffed": "person_off",
    "closed": "lock",
    "unknown": "help_outline",
}
NODE_ICONS: dict[NodeState, str] = {
    "online": "check_circle",
    "offline": "cloud_off",
    "stopped": "stop_circle",
    "waiting": "hourglass_empty",
}
SEVERITY_ICONS: dict[Severity, str] = {"critical": "error", "warning": "warning"}
CLERK_ICONS: dict[Seen | None, str] = {
    "present": "person",
    "absent": "person_off",
    "unknown": "help_outline",
    None: "touch_app",
}


def put(element: Element, **props: str | None) -> Element:
    """Set attributes, `_` standing for `-`; only those that differ are sent, None takes one away."""
    for name, value in props.items():
        key = name.strip("_").replace("_", "-")
        if element.props.get(key) != value:
            element.props.set_optional(key, value)
    return element


def box(classes: str = "", tag: str = "div", **props: str | None) -> Element:
    """An element around others."""
    return put(ui.element(tag).classes(classes), **props)


class Text(TextElement):
    """An element with a text; hidden while it is empty."""

    def __init__(self, classes: str = "", text: str = "", tag: str = "span") -> None:
        super().__init__(tag=tag, text=text)
        self.classes(classes)
        self.set_visibility(bool(text))

    def show(self, text: str) -> None:
        """Change the text."""
        if text != self.text:
            self.set_text(text)
            self.set_visibility(bool(text))


class Ticker:
    """A duration that the browser counts."""

    def __init__(self, classes: str = "") -> None:
        self.root = box(f"ticker {classes}", "hall-elapsed")

    def show(self, value: Elapsed | None) -> None:
        """Change the beginning, or the end where it has ended."""
        until = None if value is None or value.until is None else f"{value.until:.1f}"
        put(self.root, since=None if value is None else f"{value.since:.1f}", until=until)
        self.root.set_visibility(value is not None)


class Icon:
    """A decoration beside a word that says the same."""

    def __init__(self, classes: str = "", name: str = "") -> None:
        self.root = ui.icon(name).classes(f"icon {classes}")

    def show(self, name: str) -> None:
        """Change the picture."""
        if self.root.props.get("name") != name:
            self.root.props["name"] = name


class Fact:
    """A name with its value, e.g. `Median wait 4 min 12 s`."""

    def __init__(self, name: str) -> None:
        with box("fact"):
            Text("fact-name", name)
            self._value = Text("fact-value")

    def show(self, text: str) -> None:
        """Change the value."""
        self._value.show(text)


LinkTo = Callable[[str], str | None]
"""Where an incident is dealt with, by its `event_id`; None where that is nowhere."""


def nowhere(_event_id: str) -> None:
    """For pages of live state only."""


class AlertList:
    """The open incidents on a window or zone; each leads to where it is dealt with, or to the list."""

    def __init__(self, link_to: LinkTo) -> None:
        self._link_to = link_to
        self._shown: tuple[Alert, ...] = ()
        self.root = box("alerts")
        self.root.set_visibility(False)

    def show(self, alerts: tuple[Alert, ...]) -> None:
        """Change them; there are few, so they are made anew."""
        if alerts == self._shown:
            return
        self._shown = alerts
        self.root.clear()
        self.root.set_visibility(bool(alerts))
        with self.root:
            for alert in alerts:
                link = self._link_to(alert.event_id) or f"#incident-{alert.event_id}"
                with box(f"alert {alert.severity}", "a", href=link, title=alert.severity_word):
                    Icon(name=SEVERITY_ICONS[alert.severity])
                    Text("visually-hidden", alert.severity_word)
                    Text("alert-words", alert.rule_word)
                    Ticker().show(alert.elapsed)


def worst(alerts: Sequence[Alert]) -> Severity | None:
    """The severity that a card is framed in."""
    return alerts[0].severity if alerts else None


class TileCard:
    """A window; `foot` builds what stands at its end."""

    def __init__(
        self, tile: Tile, texts: Texts, link_to: LinkTo = nowhere, foot: Callable[[], None] = lambda: None
    ) -> None:
        self._shown: Tile | None = None
        self.root = box("card tile", "article", data_testid=f"window-{tile.window}")
        put(self.root, aria_label=tile.label, role="listitem")
        with self.root:
            with box("tile-head"):
                Text("tile-label", tile.label, "h3")
                Text("tile-service", tile.service)
            with box("tile-state"):
                with box("pill"):
                    self._icon = Icon()
                    self._word = Text("pill-word")
                self._elapsed = Ticker("tile-elapsed")
            with box("tile-line quiet") as self._when:
                self._since = Text()
                self._limit = Text()
            with box("tile-line"):
                with box("clerk"):
                    self._clerk_icon = Icon()
                    self._clerk = Text()
                    self._clerk_elapsed = Ticker("quiet")
                self._customers = Text("customers")
            with box("tile-line") as self._session:
                Text("quiet", texts.session)
                self._session_elapsed = Ticker("strong")
            self._stale = Text("stale-words")
            self._alerts = AlertList(link_to)
            foot()
        self.show(tile)

    def show(self, tile: Tile) -> None:
        """Change what differs."""
        if tile == self._shown:
            return
        self._shown = tile
        put(self.root, data_status=tile.status, data_stale="true" if tile.stale else None)
        put(self.root, data_severity=worst(tile.alerts), data_clerk=tile.clerk or "none")
        self._icon.show(STATUS_ICONS[tile.status])
        self._word.show(tile.status_word)
        self._elapsed.show(tile.elapsed)
        self._when.set_visibility(bool(tile.since or tile.limit))
        self._since.show(tile.since)
        self._limit.show(tile.limit)
        self._clerk_icon.show(CLERK_ICONS[tile.clerk])
        self._clerk.show(tile.clerk_word)
        self._clerk_elapsed.show(tile.clerk_elapsed)
        self._customers.show(tile.customers)
        self._session.set_visibility(tile.session is not None)
        self._session_elapsed.show(tile.session)
        self._stale.show(tile.stale)
        self._alerts.show(tile.alerts)


class Meter:
    """The longest wait beside its limit."""

    def __init__(self, label: str) -> None:
        self.root = box("meter", role="meter", aria_label=label, aria_valuemin="0")
        with self.root:
            self._fill = box("meter-fill")
            box("meter-limit")

    def show(self, card: ZoneCard) -> None:
        """Change the length; the bar ends at 125 % of the limit, where the mark stands at 80 %."""
        share = card.share or 0.0
        put(self.root, aria_valuenow=f"{share * 100:.0f}", aria_valuemax="125")
        put(self.root, aria_valuetext=f"{card.longest} ({card.limit})", data_over="true" if share > 1 else None)
        self._fill.style(f"width: {card.bar * 100:.1f}%")


class ZonePanel:
    """A zone."""

    def __init__(self, card: ZoneCard, texts: Texts, link_to: LinkTo = nowhere) -> None:
        self._shown: ZoneCard | None = None
        self.root = box("card zone", "article", data_testid=f"zone-{card.zone}", role="listitem")
        put(self.root, aria_label=card.label)
        with self.root:
            with box("zone-head"):
                Text("zone-label", card.label, "h3")
                self._over = Text("zone-over")
            with box("zone-body"):
                with box("zone-count"):
                    self._count = Text("zone-number")
                    self._count_words = Text("zone-count-words")
                with box("facts zone-facts"):
                    self._longest = Fact(texts.longest)
                    self._expected = Fact(texts.expected)
                    self._median = Fact(texts.median)
                    self._p90 = Fact(texts.p90)
            with box("zone-bar"):
                self._meter = Meter(texts.longest)
                self._limit = Text("quiet")
            self._stale = Text("stale-words")
            self._alerts = AlertList(link_to)
        self.show(card)

    def show(self, card: ZoneCard) -> None:
        """Change what differs."""
        if card == self._shown:
            return
        self._shown = card
        put(self.root, data_stale="true" if card.stale else None, data_severity=worst(card.alerts))
        put(self.root, data_over="true" if card.over else None, data_count=card.count)
        self._over.show(card.over_words)
        self._count.show(card.count)
        self._count_words.show(card.count_words)
        self._longest.show(card.longest)
        self._expected.show(card.expected)
        self._median.show(card.median)
        self._p90.show(card.p90)
        self._meter.show(card)
        self._limit.show(card.limit)
        self._stale.show(card.stale)
        self._alerts.show(card.alerts)


class MemberList:
    """The consequences of an incident, folded under it."""

    def __init__(self, texts: Texts, link_to: LinkTo) -> None:
        self._texts, self._link_to = texts, link_to
        self._shown: tuple[IncidentRow, ...] = ()
        self.root = box("incident-members", "details")
        self.root.set_visibility(False)

    def show(self, rows: tuple[IncidentRow, ...]) -> None:
        """Change them; there are few, so they are made anew."""
        if rows == self._shown:
            return
        self._shown = rows
        self.root.clear()
        self.root.set_visibility(bool(rows))
        with self.root:
            with box("", "summary"):
                Text(text=self._texts.related.format(count=len(rows)))
            with box("", "ul"):
                for row in rows:
                    with box("", "li"), box("incident-member", "a", href=self._link_to(row.event_id)):
                        Text("incident-subject", f"{row.rule_word} · {row.subject}")
                        Text("chip", row.status_word)


class IncidentItem:
    """A row of the incident list; its head leads to where it is dealt with."""

    def __init__(self, row: IncidentRow, texts: Texts, link_to: LinkTo = nowhere) -> None:
        self._shown: IncidentRow | None = None
        link = link_to(row.event_id)
        self.root = box("incident", "li", id=f"incident-{row.event_id}", tabindex="-1")
        put(self.root, data_testid=f"incident-{row.event_id}", data_rule=row.rule)
        with self.root:
            self._icon = Icon("incident-icon")
            with box("incident-body"):
                with box("incident-head", "div" if link is None else "a", href=link):
                    Text("incident-rule", row.rule_word)
                    Text("incident-subject", row.subject)
                    self._status = Text("chip")
                with box("incident-line"):
                    self._severity = Text("incident-severity")
                    self._since = Text()
                    with box("incident-run"):
                        Text("quiet", texts.duration)
                        self._elapsed = Ticker("strong")
                        self._limit = Text("quiet")
                self._detail = Text("incident-detail")
                self._outcome = Text("incident-outcome")
                self._members = MemberList(texts, link_to)
        self.show(row)

    def show(self, row: IncidentRow) -> None:
        """Change what differs."""
        if row == self._shown:
            return
        self._shown = row
        put(self.root, data_status="cleared" if row.is_over else row.status, data_severity=row.severity)
        self._icon.show("check_circle" if row.is_over else SEVERITY_ICONS[row.severity])
        self._status.show(row.status_word)
        self._severity.show(row.severity_word)
        self._since.show(row.since)
        self._elapsed.show(row.elapsed)
        self._limit.show(f"({row.limit})" if row.limit else "")
        self._detail.show(row.detail)
        self._outcome.show(row.outcome)
        self._members.show(row.members)


class NodeBadge:
    """A box in the header."""

    def __init__(self, chip: NodeChip) -> None:
        self.root = box("node", "li", data_testid=f"node-{chip.node}")
        with self.root:
            self._icon = Icon()
            Text("node-name", chip.node)
            self._word = Text("node-word")
            self._since = Text("node-since")
            self._cameras = Text("node-cameras")
        self.show(chip)

    def show(self, chip: NodeChip) -> None:
        """Change what differs."""
        put(self.root, data_status=chip.status)
        self._icon.show(NODE_ICONS[chip.status])
        self._word.show(chip.word)
        self._since.show(chip.since)
        self._cameras.show(chip.cameras)


class CountBadge:
    """How many windows are in one state."""

    def __init__(self, count: StatusCount) -> None:
        self.root = box("count", "li", data_status=count.status)
        with self.root:
            Icon(name=STATUS_ICONS[count.status])
            Text("count-word", count.word)
            self._number = Text("count-number")
        self.show(count)

    def show(self, count: StatusCount) -> None:
        """Change the number."""
        self._number.show(str(count.count))
        put(self.root, data_none="true" if count.count == 0 else None)

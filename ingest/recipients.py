"""Who may be told, on which channels, and when they would rather not be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from hall.clock import Instant
from hall.messages import Severity
from hall.schedule import Schedule
from ingest.channels import Channel


@dataclass(frozen=True, slots=True)
class Quiet:
    """Outside of some hours, warnings wait until these begin again; critical ones only where that is said.

    Hours that do not begin again within 30 days hold nothing back.
    """

    hours: Schedule
    critical: Literal["pass", "wait"] = "pass"

    def until(self, severity: Severity, now: Instant) -> Instant | None:
        """Until when an alert waits; None where it does not."""
        if self.hours.is_open(now) or (severity == "critical" and self.critical == "pass"):
            return None
        return self.hours.next_open(now)


@dataclass(frozen=True, slots=True)
class Recipient:
    """A channel, and the quiet hours of itself and of whom it leads to."""

    channel: Channel
    quiet: tuple[Quiet, ...] = ()

    def until(self, severity: Severity, now: Instant) -> Instant | None:
        """Until when an alert waits; None where it does not."""
        return max((at for one in self.quiet if (at := one.until(severity, now)) is not None), default=None)


@dataclass(frozen=True)
class Roster:
    """Everybody who may be told.

    Attributes:
        always: those who are told of every incident.
        named: those whom chains name.
    """

    always: Sequence[Recipient] = ()
    named: Mapping[str, Sequence[Recipient]] = field(default_factory=dict)

    def called(self, names: Iterable[str]) -> list[Recipient]:
        """Those with these names."""
        return [recipient for name in names for recipient in self.named.get(name, ())]

    @property
    def channels(self) -> list[Channel]:
        """Every channel, once."""
        everybody = [*self.always, *self.called(self.named)]
        return list({recipient.channel.id: recipient.channel for recipient in everybody}.values())


def holds(recipients: Iterable[Recipient], severity: Severity, now: Instant) -> dict[str, tuple[Channel, Instant]]:
    """Each channel once, by its id, and until when its alert waits: `now` where it does not.

    A channel that leads to several waits for the first of them.
    """
    found: dict[str, tuple[Channel, Instant]] = {}
    for recipient in recipients:
        until = recipient.until(severity, now) or now
        known = found.get(recipient.channel.id)
        found[recipient.channel.id] = (recipient.channel, until if known is None else min(known[1], until))
    return found

"""centre.yaml: who is told of what, when, and what belongs together. docs/incidents.md explains it.

Read as hall.yaml is: unknown keys are refused, every fault is told at once, with its place, what was found and what
would be right, and secrets come from the environment as `${NAME}`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from hall.errors import ConfigError, Fault, InputError
from hall.layout import Hours, Model, parse_hours, zone_name
from hall.load import parse_model
from hall.messages import Rule, Severity
from hall.schedule import Schedule
from hall.units import Duration, Id
from ingest._settings_check import check_names
from ingest.channels import Channel
from ingest.escalation import Chain, ChainStep, Unless
from ingest.node_watch import NODE_OFFLINE_S
from ingest.recipients import Quiet, Recipient, Roster


class _Told(Model):
    hours: Id | None = Field(None, description="a name under `hours`; outside of them warnings wait until they begin")
    critical: Literal["pass", "wait"] = Field("pass", description="what critical ones do then")


class ChannelSettings(_Told):
    """Where alerts go."""

    address: SecretStr = Field(description="of apprise, as docs/alerts.md has them")
    everything: bool = Field(default=False, description="told of every incident, as a channel of --alert is")


class PersonSettings(_Told):
    """Somebody who is told."""

    name: str = Field(min_length=1)
    channels: list[Id] = Field(min_length=1)


class StepSettings(Model):
    """One step of a chain."""

    after: Duration | None = Field(None, description="since the incident opened; left out, at once")
    tell: list[Id] = Field(min_length=1, description="people and channels")
    unless: Unless = Field("acknowledged", description="`cleared`: they are told though somebody sees to it")


class ChainSettings(Model):
    """Who is told when of which incidents; what is left out is no condition."""

    name: Id
    rules: list[Rule] | None = Field(None, min_length=1)
    severities: list[Severity] | None = Field(None, min_length=1)
    halls: list[Id] | None = Field(None, min_length=1)
    floors: list[Id] | None = Field(None, min_length=1)
    during: Id | None = Field(None, description="incidents that open within these hours")
    outside: Id | None = Field(None, description="incidents that open outside of these hours")
    steps: list[StepSettings] = Field(min_length=1)


class CentreSettings(Model):
    """centre.yaml."""

    timezone: Annotated[str, AfterValidator(zone_name)] = Field("Asia/Shanghai", description="of `hours`")
    hours: dict[Id, Annotated[Hours, BeforeValidator(parse_hours)]] = Field({}, description="written as in hall.yaml")
    channels: dict[Id, ChannelSettings] = Field({}, description="named by people and chains")
    people: dict[Id, PersonSettings] = Field({}, description="named by chains")
    node_offline: Duration = Field(
        NODE_OFFLINE_S, description="a box of which nothing is heard for so long is an incident"
    )
    chains: list[ChainSettings] = Field([], description="the first that fits an incident is its chain")


class CentrePlan:
    """What centre.yaml makes of alerts.

    Attributes:
        roster: who may be told.
        chains: who is told when, the first first.
        node_offline_s: a box of which nothing is heard for so long is an incident.
    """

    def __init__(
        self, roster: Roster | None = None, chains: tuple[Chain, ...] = (), node_offline_s: float = NODE_OFFLINE_S
    ) -> None:
        self.node_offline_s = node_offline_s
        self.roster = roster or Roster()
        self.chains = chains


def load_settings(path: Path, environ: Mapping[str, str] | None = None) -> CentrePlan:
    """Read and check centre.yaml.

    Args:
        path: the file.
        environ: where `${NAME}` is looked up; the process environment by default.

    Raises:
        InputError: the file cannot be read.
        ConfigError: what it says is wrong; carries every fault.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(f"{path}: cannot be read: {exc}; expected a settings file in UTF-8") from exc
    return parse_settings(text, name=str(path), environ=environ)


def parse_settings(text: str, *, name: str = "centre.yaml", environ: Mapping[str, str] | None = None) -> CentrePlan:
    """Check the text of a centre.yaml; see `load_settings`."""
    environ = os.environ if environ is None else environ
    settings = parse_model(
        text, CentreSettings, name=name, what="a settings file of the centre", environ=environ, check=check_names
    )
    return _plan(settings, name)


def _plan(settings: CentreSettings, name: str) -> CentrePlan:
    schedules = {key: hours.schedule(settings.timezone) for key, hours in settings.hours.items()}
    channels: dict[str, Channel] = {}
    faults: list[Fault] = []
    for key, told in settings.channels.items():
        try:
            channels[key] = Channel(told.address.get_secret_value())
        except InputError as exc:
            found, _, expected = str(exc).partition("; expected ")
            faults.append(Fault(f"channels.{key}.address", found, expected or "an address of apprise"))
    if faults:
        raise ConfigError(name, faults)

    def quiet(told: _Told) -> tuple[Quiet, ...]:
        return () if told.hours is None else (Quiet(schedules[told.hours], told.critical),)

    named: dict[str, list[Recipient]] = {
        key: [Recipient(channels[key], quiet(told))] for key, told in settings.channels.items()
    }
    for key, person in settings.people.items():
        named[key] = [
            Recipient(channels[channel], (*quiet(person), *quiet(settings.channels[channel])))
            for channel in person.channels
        ]
    always = [named[key][0] for key, told in settings.channels.items() if told.everything]
    chains = tuple(_chain(chain, schedules) for chain in settings.chains)
    return CentrePlan(Roster(always, named), chains, settings.node_offline)


def _chain(told: ChainSettings, schedules: Mapping[str, Schedule]) -> Chain:
    return Chain(
        name=told.name,
        steps=tuple(ChainStep(step.after or 0.0, tuple(step.tell), step.unless) for step in told.steps),
        rules=_set(told.rules),
        severities=_set(told.severities),
        halls=_set(told.halls),
        floors=_set(told.floors),
        during=None if told.during is None else schedules[told.during],
        outside=None if told.outside is None else schedules[told.outside],
    )


def _set(values: list[Any] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)

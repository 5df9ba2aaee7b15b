"""centre.yaml: what it may say, and every fault at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from hall.errors import ConfigError, InputError
from ingest.settings import load_settings, parse_settings

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "incidents.md"
SECRETS = {"WECOM_KEY": "hush-1", "DINGTALK": "hush2@hush3", "MAIL_PASSWORD": "hush-4", "NIGHT_KEY": "hush-5"}


def _example() -> str:
    return PAGE.read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]


def test_the_example_of_the_page_is_right(tmp_path: Path) -> None:
    path = tmp_path / "centre.yaml"
    path.write_text(_example(), encoding="utf-8")
    plan = load_settings(path, SECRETS)
    assert [chain.name for chain in plan.chains] == ["night", "absent", "rest"]
    assert [one.after_s for one in plan.chains[1].steps] == [0.0, 300.0, 1800.0]
    assert [recipient.channel.name.partition(" ")[0] for recipient in plan.roster.always] == ["WeCom"]
    # a person has their own quiet hours besides those of the channel
    assert [len(recipient.quiet) for recipient in plan.roster.called(["chen"])] == [1, 2]


def test_every_fault_is_told_at_once_and_no_secret() -> None:
    text = """
hours:
  office: {mon-fri: ["9-17"]}
channels:
  wecom: {address: "wecombot://${WECOM_KEY}", hours: offfice, colour: red}
  desk: {address: "${MISSING}"}
people:
  wecom: {name: 王芳, channels: [wecom, mail]}
chains:
  - {name: a, rules: [clerk_gone], steps: [{after: 5min, tell: [li]}, {after: 60s, tell: [wecom]}]}
  - {name: a, during: night, steps: []}
"""
    with pytest.raises(ConfigError) as caught:
        parse_settings(text, environ=SECRETS)
    told = str(caught.value)
    for part in (
        "hours.office.mon-fri[0] (line 3): found '9-17'; expected hours such as",
        "channels.wecom.hours (line 5): found the unknown name offfice; expected one of the hours: office",
        "channels.wecom.colour (line 5): found the unknown key colour; expected one of the keys hours",
        "channels.desk.address (line 6): found ${MISSING}, which is not set",
        "people.wecom (line 8): found the name wecom, which a channel has, too; expected another name",
        "people.wecom.channels[1] (line 8): found the unknown name mail; expected one of the channels: wecom, desk",
        "chains[0].rules[0] (line 10): found 'clerk_gone'; expected 'clerk_absent'",
        "chains[0].steps[0].tell[0] (line 10): found the unknown name li; expected one of the people and channels",
        "chains[0].steps[1].after (line 10): found '60s'; expected steps in order of time",
        "chains[1].name (line 11): found a second chain a; expected another name",
        "chains[1].during (line 11): found the unknown name night",
        "chains[1].steps (line 11): found []; expected",
    ):
        assert part in told, told
    assert "hush" not in told


def test_an_address_that_is_none_is_told_without_it() -> None:
    text = 'channels: {a: {address: "nonsense://${WECOM_KEY}"}, b: {address: "json://127.0.0.1/?alert_language=fr"}}'
    with pytest.raises(ConfigError) as caught:
        parse_settings(text, environ=SECRETS)
    assert "channels.a.address: found alert address with scheme 'nonsense'" in str(caught.value)
    assert "channels.b.address: found alert address with alert_language=fr: expected zh or en" in str(caught.value)
    assert "hush" not in str(caught.value)


def test_an_empty_file_and_one_that_is_not_there(tmp_path: Path) -> None:
    assert parse_settings("{}").chains == ()
    with pytest.raises(InputError, match=r"centre.yaml: cannot be read"):
        load_settings(tmp_path / "centre.yaml")

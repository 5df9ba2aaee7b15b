"""What each channel puts on the wire, against what its maker documents."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import time
from urllib.parse import parse_qs, urlsplit

import pytest

from ingest._alert_text import AlertText
from ingest._robots import ROBOTS, DingTalk, Feishu, WeCom, cut
from ingest.channels import Channel
from tests.support.mail import MailServer
from tests.support.servers import free_port
from tests.support.webhook import Webhook

TEXT = AlertText("【离岗·严重】1号窗口", "1号窗口无人值守\n编号 01234567")
WHOLE = "【离岗·严重】1号窗口\n1号窗口无人值守\n编号 01234567"
URLS = {"wecombot": "wecombot://hushkey", "dingtalk": "dingtalk://SEChush@token1", "feishu": "feishu://hush@token1"}


@pytest.fixture
def robots(webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> Webhook:
    """All three answer at the webhook's address, and take what comes."""
    for robot in ROBOTS.values():
        path = robot.notify_url.partition("://")[2].partition("/")[2]
        monkeypatch.setattr(robot, "notify_url", f"http://127.0.0.1:{webhook.port}/{path}")
    webhook.answer = b'{"errcode":0,"errmsg":"ok"}'
    return webhook


def _send(url: str, text: AlertText = TEXT) -> bool:
    return Channel(url).send(text, key="e:raised", event_id="e", phase="raised")


def test_dingtalk_is_signed_as_its_maker_says(robots: Webhook) -> None:
    before = int(time.time() * 1000)
    assert _send("dingtalk://SEChush@token1")
    request = robots.requests[0]
    query = {name: values[0] for name, values in parse_qs(urlsplit(request.path).query, strict_parsing=True).items()}
    assert urlsplit(request.path).path == "/robot/send"
    assert query["access_token"] == "token1"
    assert before <= int(query["timestamp"]) <= int(time.time() * 1000) + 1
    signed = hmac.new(b"SEChush", f"{query['timestamp']}\nSEChush".encode(), hashlib.sha256).digest()
    assert query["sign"] == base64.b64encode(signed).decode()
    assert "%253D" not in request.path
    assert request.payload["msgtype"] == "text"
    assert request.payload["text"] == {"content": WHOLE}


def test_feishu_is_signed_as_its_maker_says(robots: Webhook) -> None:
    robots.answer = b'{"code":0,"msg":"success","data":{}}'
    before = int(time.time())
    assert _send("feishu://hush@token1")
    request = robots.requests[0]
    payload = request.payload
    assert request.path == "/open-apis/bot/v2/hook/token1"
    assert before <= int(payload["timestamp"]) <= int(time.time())
    signed = hmac.new(f"{payload['timestamp']}\nhush".encode(), b"", hashlib.sha256).digest()
    assert payload["sign"] == base64.b64encode(signed).decode()
    assert payload["msg_type"] == "text"
    assert payload["content"] == {"text": WHOLE}


@pytest.mark.parametrize("url", ["dingtalk://token1", "feishu://token1"])
def test_a_robot_without_a_secret_is_not_signed(url: str, robots: Webhook) -> None:
    assert _send(url)
    assert "sign" not in robots.requests[0].path
    assert "sign" not in robots.requests[0].payload


def test_wecom_gets_2048_bytes_at_most_cut_at_a_character(robots: Webhook) -> None:
    assert _send("wecombot://hushkey", AlertText("题", "a" + "窗" * 2000))
    request = robots.requests[0]
    content = request.payload["text"]["content"]
    assert request.path == "/cgi-bin/webhook/send?key=hushkey"
    assert request.payload["msgtype"] == "text"
    assert content == "题\na" + "窗" * 680 + "…"
    assert len(content.encode()) == 2048


@pytest.mark.parametrize("limit", range(9, 22))
def test_a_cut_is_never_inside_a_character(limit: int) -> None:
    text = "a窗é𝄞窗窗窗窗"
    short = cut(text, limit)
    assert len(short.encode()) <= limit
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))
    assert limit - len(short.encode()) < 4 or short == text


@pytest.mark.parametrize(
    ("answer", "taken"),
    [
        (b'{"errcode":0,"errmsg":"ok"}', True),
        (b'{"StatusCode":0,"StatusMessage":"success"}', True),
        (b'{"errcode":310000,"errmsg":"sign not match"}', False),
        (b'{"errcode":45009,"errmsg":"api freq out of limit"}', False),
        (b'{"code":19021,"msg":"sign match fail or timestamp is not within one hour from current time"}', False),
        (b"<html>a portal</html>", False),
        (b"[]", False),
        (b"{}", False),
    ],
)
@pytest.mark.parametrize("url", URLS.values())
def test_a_robot_that_refuses_in_its_answer_did_not_take_it(
    url: str, answer: bytes, taken: bool, robots: Webhook
) -> None:
    robots.answer = answer
    assert _send(url) is taken


@pytest.mark.parametrize(("scheme", "url"), URLS.items())
def test_no_secret_is_said(scheme: str, url: str, robots: Webhook, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    channel = Channel(url)
    robots.answer = b'{"errcode":310000,"errmsg":"sign not match"}'
    assert not channel.send(TEXT, key="k", event_id="e", phase="raised")
    assert channel.trouble == "code 310000"
    robots.status = 500
    assert not channel.send(TEXT, key="k", event_id="e", phase="raised")
    assert channel.trouble == "HTTP 500"
    robots.stop()
    assert not channel.send(TEXT, key="k", event_id="e", phase="raised")
    assert channel.trouble == "ConnectionError"
    said = f"{caplog.text} {channel.trouble} {channel.name}"
    assert "hush" not in said
    assert "token1" not in said


def test_mail_reaches_a_mail_server() -> None:
    with MailServer() as server:
        address = f"mailto://127.0.0.1:{server.port}?from=centre@hall.example&to=duty@hall.example&mode=insecure"
        assert _send(address)
        mail = server.mails[0]
    assert mail["Subject"] == "【离岗·严重】1号窗口"
    assert mail["To"] == "duty@hall.example"
    part = mail.get_body(("plain",))
    assert part is not None
    assert "1号窗口无人值守" in part.get_content()
    assert "编号 01234567" in part.get_content()


def test_a_mail_server_that_is_away_took_nothing() -> None:
    assert not _send(f"mailto://127.0.0.1:{free_port()}?from=centre@hall.example&to=duty@hall.example&mode=insecure")


def test_each_robot_is_ours() -> None:
    assert (WeCom.limit_bytes, DingTalk.limit_bytes, Feishu.limit_bytes) == (2048, 18_000, 18_000)
    for scheme, robot in ROBOTS.items():
        assert type(Channel(URLS[scheme])._plugin) is robot

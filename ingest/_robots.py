"""Robots of WeCom, DingTalk and Feishu groups: apprise's plugins with a sending of our own.

What apprise 2.2 sends, seen at a server, is not what their makers document:

- DingTalk: the signature is URL-encoded twice, so a signed robot refuses it.
- Feishu: no signature at all.
- WeCom: the limit of 2048 bytes is taken for characters, so a long Chinese text is refused.
- All three answer 200 with a code other than 0 in the body when they refuse, which apprise takes for success.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any, ClassVar

import requests
from apprise.plugins.dingtalk import NotifyDingTalk
from apprise.plugins.feishu import NotifyFeishu
from apprise.plugins.wecombot import NotifyWeComBot

_CODES = ("errcode", "code", "StatusCode")
"""Where robots say 0 for yes: WeCom and DingTalk, Feishu, Feishu in older answers."""


class _Robot:
    """What the three share."""

    limit_bytes: ClassVar[int]
    """What a text may have, in UTF-8, title included."""

    title_maxlen = 250
    """So that apprise leaves the title to us."""

    trouble: str | None = None
    """Why the last message was not taken."""

    def _post(self: Any, url: str, payload: Mapping[str, Any], params: Mapping[str, str] | None = None) -> bool:
        body = json.dumps(payload, ensure_ascii=False).encode()
        headers = {"User-Agent": self.app_id, "Content-Type": "application/json; charset=utf-8"}
        try:
            answer = requests.post(
                url,
                data=body,
                params=params,
                headers=headers,
                verify=self.verify_certificate,
                timeout=self.request_timeout,
                allow_redirects=False,
            )
        except requests.RequestException as exc:
            self.trouble = type(exc).__name__  # the text of the error has the address
            return False
        self.trouble = _refusal(answer)
        return self.trouble is None

    def _text(self, body: str, title: str) -> str:
        return cut(f"{title}\n{body}" if title else body, self.limit_bytes)


def _refusal(answer: requests.Response) -> str | None:
    """Why a robot did not take a message; None where it did."""
    if answer.status_code != requests.codes.ok:
        return f"HTTP {answer.status_code}"
    try:
        said = answer.json()
    except ValueError:
        return "answer is no JSON"
    code = next((said[name] for name in _CODES if name in said), None) if isinstance(said, dict) else None
    return None if code == 0 else f"code {code}"


def cut(text: str, limit_bytes: int) -> str:
    """A text of at most so many bytes in UTF-8, cut between two characters and marked where it was cut."""
    data = text.encode()
    if len(data) <= limit_bytes:
        return text
    mark = "…"
    return data[: limit_bytes - len(mark.encode())].decode(errors="ignore") + mark


class WeCom(_Robot, NotifyWeComBot):  # type: ignore[no-untyped-call]
    """`wecombot://KEY`. Limits: https://developer.work.weixin.qq.com/document/path/91770."""

    limit_bytes = 2048

    def send(self, body: str, title: str = "", *_: Any, **__: Any) -> bool:
        """Send a text; False where it was not taken."""
        return self._post(self.api_url, {"msgtype": "text", "text": {"content": self._text(body, title)}})


class DingTalk(_Robot, NotifyDingTalk):  # type: ignore[no-untyped-call]
    """`dingtalk://[SECRET@]TOKEN`. Signature: https://open.dingtalk.com/document/robots/customize-robot-security-settings."""

    limit_bytes = 18_000

    def send(self, body: str, title: str = "", *_: Any, **__: Any) -> bool:
        """Send a text; False where it was not taken."""
        at = {"atMobiles": self.targets, "isAtAll": False}
        payload = {"msgtype": "text", "at": at, "text": {"content": self._text(body, title)}}
        return self._post(self.notify_url.format(token=self.token), payload, self._signature())

    def _signature(self) -> dict[str, str]:
        """HMAC-SHA256 of time (ms), line feed and secret, keyed with the secret; `requests` encodes it for the URL."""
        if not self.secret:
            return {}
        timestamp = str(round(time.time() * 1000))
        digest = hmac.digest(self.secret.encode(), f"{timestamp}\n{self.secret}".encode(), hashlib.sha256)
        return {"timestamp": timestamp, "sign": base64.b64encode(digest).decode()}


class Feishu(_Robot, NotifyFeishu):  # type: ignore[no-untyped-call]
    """`feishu://[SECRET@]TOKEN`. Signature: https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot."""

    limit_bytes = 18_000

    def send(self, body: str, title: str = "", *_: Any, **__: Any) -> bool:
        """Send a text; False where it was not taken."""
        payload = {"msg_type": "text", "content": {"text": self._text(body, title)}, **self._signature()}
        return self._post(self.notify_url.format(token=self.token).rstrip("/"), payload)

    def _signature(self) -> dict[str, str]:
        """HMAC-SHA256 of nothing, keyed with time (s), line feed and secret."""
        if not self.user:
            return {}
        timestamp = str(int(time.time()))
        digest = hmac.digest(f"{timestamp}\n{self.user}".encode(), b"", hashlib.sha256)
        return {"timestamp": timestamp, "sign": base64.b64encode(digest).decode()}


ROBOTS: Mapping[str, type[WeCom | DingTalk | Feishu]] = {"wecombot": WeCom, "dingtalk": DingTalk, "feishu": Feishu}
"""By the scheme of their addresses."""

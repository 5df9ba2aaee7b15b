"""The link in an alert and the page behind it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from itsdangerous import URLSafeSerializer
from sqlalchemy import select

from hall.clock import ManualClock
from hall.errors import InputError
from hall.layout import Hall
from hall.messages import encode
from ingest import audit, schema
from ingest._robots import WeCom
from ingest.alerts import AlertSender
from ingest.arrivals import Arrival
from ingest.channels import Channel
from ingest.intake import Intake
from ingest.labels import Labels
from ingest.link_page import add_link_page
from ingest.links import LIFE_S, LinkExpired, LinkForged, Links, LinkUsed
from ingest.metrics import Metrics
from ingest.reader import Reader
from ingest.records import Records
from tests.support.centre import T0, Numbered, an_event
from tests.support.webhook import Webhook

EVENT = an_event("raised").event_id


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(T0 + 300)


@pytest.fixture
def reader(records: Records) -> Reader:
    return Reader(records)


@pytest.fixture
def links(records: Records, metrics: Metrics, hall: Hall, clock: ManualClock) -> Links:
    raised = Numbered().message(T0 + 300, an_event("raised"))
    Intake(records, None, metrics, clock, halls=[hall]).take([Arrival.of(raised.topic, encode(raised), T0)])
    return Links(records, "https://hall.example/centre/", clock)


class Phone:
    """Asks an application in this process."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def get(self, path: str) -> httpx.Response:
        """Open a page."""
        return asyncio.run(self._ask("GET", path, None))

    def post(self, path: str, *, content: str) -> httpx.Response:
        """Send a form."""
        return asyncio.run(self._ask("POST", path, content))

    async def _ask(self, method: str, path: str, content: str | None) -> httpx.Response:
        transport = httpx.ASGITransport(app=self._app)
        async with httpx.AsyncClient(transport=transport, base_url="https://hall.example") as client:
            return await client.request(method, path, content=content)


@pytest.fixture
def phone(links: Links, hall: Hall, reader: Reader) -> Phone:
    app = FastAPI()
    add_link_page(app, links, Labels(hall), reader.changed)
    return Phone(app)


def _path(links: Links, alert: int = 1) -> str:
    return urlsplit(links.url(EVENT, 1, alert, "zh")).path.removeprefix("/centre")


def _token(links: Links, alert: int = 1) -> str:
    return _path(links, alert).removeprefix("/a/")


def _confirm(phone: Phone, path: str, by: str) -> tuple[int, str]:
    answer = phone.post(path, content=urlencode({"by": by}))
    return answer.status_code, answer.text


def _acknowledged(reader: Reader) -> tuple[str | None, float | None]:
    incident = reader.incidents()[0]
    return incident.acknowledged_by, incident.acknowledged_at


def test_who_has_the_message_acknowledges(links: Links, phone: Phone, reader: Reader, clock: ManualClock) -> None:
    path = _path(links)
    for _ in range(3):  # chat programs look at links, too
        shown = phone.get(path)
        assert shown.status_code == 200
    assert "【离岗·提醒】1号窗口" in shown.text
    assert "请通知该窗口人员返岗" in shown.text
    assert shown.headers["cache-control"] == "no-store"
    assert shown.headers["referrer-policy"] == "no-referrer"
    assert _acknowledged(reader) == (None, None)
    clock.advance(60)
    status, page = _confirm(phone, path, "  王 芳 ")
    assert status == 200
    assert "已确认：王 芳，2026-01-05 09:06:00。" in page
    assert _acknowledged(reader) == ("王 芳", T0 + 360)


def test_who_acknowledges_stands_in_the_audit_log_once(links: Links, records: Records) -> None:
    links.use(_token(links, 1), "王芳")
    links.use(_token(links, 2), "李雷")  # the second one changes nothing
    with records.reading() as connection:
        written = audit.rows(connection)
        assert audit.verify(connection).faults == []
    assert [(row.actor, row.action, row.subject, row.at) for row in written] == [
        ("王芳", "incident.acknowledge", f"incident/{EVENT}", T0 + 300)
    ]


def test_a_used_link_does_nothing(links: Links, phone: Phone, reader: Reader, clock: ManualClock) -> None:
    path = _path(links)
    _confirm(phone, path, "王芳")
    before = _acknowledged(reader)
    clock.advance(60)
    assert _confirm(phone, path, "李雷") == (410, phone.get(path).text)
    assert "此链接已使用" in phone.get(path).text
    assert "王芳 已于 2026-01-05 09:05:00 确认" in phone.get(path).text
    assert _acknowledged(reader) == before


def test_a_stolen_expired_link_does_nothing(links: Links, phone: Phone, reader: Reader, clock: ManualClock) -> None:
    path = _path(links)
    clock.advance(LIFE_S - 1)
    assert phone.get(path).status_code == 200
    clock.advance(1)
    status, page = _confirm(phone, path, "小偷")
    assert status == 410
    assert "此链接已过期" in page
    assert "1号窗口" not in page
    assert _acknowledged(reader) == (None, None)
    with pytest.raises(LinkExpired):
        links.use(path.removeprefix("/a/"), "小偷")


def test_a_second_link_of_the_same_incident_finds_it_acknowledged(links: Links, phone: Phone, reader: Reader) -> None:
    _confirm(phone, _path(links, 1), "王芳")
    assert "王芳 已于" in phone.get(_path(links, 2)).text
    assert "已确认：王芳" in _confirm(phone, _path(links, 2), "李雷")[1]
    assert _acknowledged(reader)[0] == "王芳"
    with pytest.raises(LinkUsed):
        links.open(_token(links, 2))


def test_a_link_that_is_none_of_ours_does_nothing(links: Links, phone: Phone, reader: Reader) -> None:
    token = _token(links)
    other = URLSafeSerializer("guessed", salt="hallwatch.acknowledge").dumps([EVENT, 1, 1, int(T0) + 9_999_999])
    unknown = links.url("no such event", 1, 1, "zh").rpartition("/")[2]
    middle = len(token) // 3
    changed = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
    for forged in (other, changed, token[:-1], unknown, "x", "%00", "." * 300):
        assert phone.get(f"/a/{forged}").status_code == 404
        assert _confirm(phone, f"/a/{forged}", "小偷")[0] == 404
    with pytest.raises(LinkForged):
        links.open(str(changed))
    assert _acknowledged(reader) == (None, None)


@pytest.mark.parametrize("by", ["", "  ", "王" * 41, "a\x07b", "x" * 5000])
def test_nobody_acknowledges_nothing(by: str, links: Links, phone: Phone, reader: Reader) -> None:
    path = _path(links)
    status, page = _confirm(phone, path, by)
    assert status == 422
    assert "请填写姓名" in page
    assert _acknowledged(reader) == (None, None)
    assert phone.get(path).status_code == 200  # it is not used up


def test_names_are_not_markup(links: Links, phone: Phone) -> None:
    _, page = _confirm(phone, _path(links), "<b>x</b>")
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "<b>x" not in page


def test_the_page_speaks_english(links: Links, phone: Phone) -> None:
    assert links.url(EVENT, 1, 1, "en").endswith("?lang=en")
    page = phone.get(f"{_path(links)}?lang=en").text
    assert "[Clerk absent, Warning] 1号窗口" in page
    assert "I see to it" in page
    assert '<html lang="en">' in page


def test_an_incident_that_opened_again_is_not_acknowledged(
    links: Links, records: Records, metrics: Metrics, reader: Reader, clock: ManualClock
) -> None:
    links.use(_token(links), "王芳")
    node = Numbered(boot="boot-2")
    later = [node.message(T0 + 400, an_event("cleared")), node.message(T0 + 500, an_event("raised"))]
    Intake(records, None, metrics, clock).take([Arrival.of(m.topic, encode(m), T0) for m in later])
    reader.changed()
    assert _acknowledged(reader) == (None, None)


def test_another_process_knows_the_links(links: Links, records: Records, clock: ManualClock) -> None:
    again = Links(records, "https://hall.example", clock)
    assert again.open(_token(links)).event_id == EVENT


def test_a_message_to_people_has_the_link_a_webhook_has_not(
    records: Records, metrics: Metrics, hall: Hall, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WeCom, "notify_url", f"http://127.0.0.1:{webhook.port}/send?key={{key}}")
    webhook.answer = b'{"errcode":0}'
    clock = ManualClock(T0)
    channels = [Channel("wecombot://key"), Channel(webhook.url)]
    node = Numbered()
    raised = node.message(T0, an_event("raised", subject=f"window/{'长' * 900}"))
    intake = Intake(records, None, metrics, clock, channels=channels)
    intake.take([Arrival.of(raised.topic, encode(raised), T0)])
    links = Links(records, "https://hall.example", clock)
    for channel in channels:
        AlertSender(channel, records, metrics, clock, links=links)._pass()
    robot, machine = webhook.requests
    text = robot.payload["text"]["content"]
    line = text.splitlines()[-1]
    assert len(text.encode()) <= 2048
    assert line.startswith("我来处理：https://hall.example/a/")
    assert links.open(line.rpartition("/")[2]).rule == "clerk_absent"
    assert "hall.example" not in machine.payload["message"]


def test_the_key_is_made_once(links: Links, records: Records) -> None:
    statement = select(schema.meta.c.value).where(schema.meta.c.key == "link_key")
    with records.reading() as connection:
        key = connection.scalar(statement)
    Links(records, "https://hall.example", ManualClock(T0))
    with records.reading() as connection:
        assert connection.scalar(statement) == key
    assert key is not None
    assert len(key) == 64


@pytest.mark.parametrize("url", ["", "hall.example", "ftp://hall.example", "https://user@hall.example", "https://h/?a"])
def test_a_public_address_that_is_none_is_refused(url: str, tmp_path: Path) -> None:
    records = Records(f"sqlite:///{tmp_path}/records.db")
    with pytest.raises(InputError, match="expected https://HOST"):
        Links(records, url, ManualClock(T0))
    records.close()

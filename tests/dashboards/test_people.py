"""Users, the audit log and one's own account in a real browser, on `hallwatch ingest` with a login."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from hall.clock import SystemClock
from ingest import audit
from ingest._passwords import Passwords
from ingest.records import Records
from ingest.users import Users
from tests.support.asking import PASSWORD, key_of
from tests.support.browser import chromium
from tests.support.centre import IngestProcess
from tests.support.servers import mosquitto, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1440, "height": 900}


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IngestProcess]:
    folder = tmp_path_factory.mktemp("people")
    with ExitStack() as stack:
        broker = stack.enter_context(running(mosquitto(folder, persistence=False)))
        process = IngestProcess(folder, broker.port, "--console", "--login")
        records = Records(f"sqlite:///{process.records}")
        users = Users(records, SystemClock(), Passwords(time_cost=1, memory_kib=8))
        key_of(users, "boss", "admin", None)
        key_of(users, "wang", "manager", ["demo"])
        key_of(users, "local-admin", "admin", ["demo"])
        with records.writing() as connection:
            audit.append(connection, "li", "user.add", "user/<b>bold</b>", {"role": "viewer"}, SystemClock().now())
        records.close()
        yield stack.enter_context(process)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def pages(browser: Browser, centre: IngestProcess) -> Iterator[Pages]:
    with ExitStack() as stack:
        yield Pages(browser, f"http://127.0.0.1:{centre.port}", stack)


class Pages:
    """Pages of people who have logged in."""

    def __init__(self, browser: Browser, url: str, stack: ExitStack) -> None:
        self.url, self._browser, self._stack = url, browser, stack

    def of(self, name: str, path: str, viewport: dict[str, int] | None = None) -> Page:
        """A page opened by somebody."""
        context = self._stack.enter_context(self._browser.new_context(viewport=viewport or DESK))  # type: ignore[arg-type]
        context.request.post(f"{self.url}/api/login", data={"name": name, "password": PASSWORD})
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{self.url}{path}")
        self._stack.callback(lambda: errors and pytest.fail(str(errors)))
        return page


def test_an_admin_adds_a_user_changes_and_removes_them(pages: Pages) -> None:
    page = pages.of("boss", "/users?lang=en")
    page.get_by_label("Name", exact=True).fill("zhao")
    page.get_by_role("button", name="Add", exact=True).click()
    secret = page.locator(".people-secret")
    secret.wait_for()
    password = secret.inner_text()
    assert len(password) > 12
    page.get_by_role("button", name="Close").click()
    row = page.locator("tr", has=page.get_by_text("zhao", exact=True))
    assert "demo" in row.inner_text()
    page.get_by_label("Role: zhao").select_option("manager")
    page.locator("#said", has_text="Done").wait_for()
    row.get_by_role("button", name="Disable").click()
    page.get_by_role("dialog").get_by_role("button", name="Yes").click()
    row.locator(".people-mark.off").wait_for()
    account = page.request.get(f"{pages.url}/api/users/zhao").json()
    assert (account["role"], account["halls"], account["enabled"]) == ("manager", ["demo"], False)
    row.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert row.count() == 1
    row.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Yes").click()
    row.wait_for(state="detached")
    assert page.request.get(f"{pages.url}/api/users/zhao").status == 404


def test_what_the_server_refuses_is_said_in_its_words(pages: Pages) -> None:
    page = pages.of("boss", "/users?lang=zh", PHONE)
    page.get_by_label("用户名").fill("wang")
    page.get_by_role("button", name="新增", exact=True).click()
    said = page.locator("#said[data-kind=failed]")
    said.wait_for()
    assert "未执行：" in said.inner_text()
    assert "wang" in said.inner_text()
    own = page.locator("tr", has=page.get_by_text("本人"))
    assert own.get_by_role("button", name="停用").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_the_audit_log_is_filtered_verified_and_told_when_broken(pages: Pages, centre: IngestProcess) -> None:
    page = pages.of("boss", "/audit?lang=en")
    page.get_by_label("On what").fill("user/<b>bold</b>")
    page.get_by_role("button", name="Filter").click()
    page.wait_for_function("document.querySelectorAll('.people-row').length === 1")
    assert "user/<b>bold</b>" in page.locator(".people-row").inner_text()
    page.get_by_role("button", name="Verify").click()
    page.locator(".people-verdict[data-whole=true]").wait_for()
    records = Records(f"sqlite:///{centre.records}")
    with records.writing() as connection:
        rules = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
        for name, _ in rules:
            connection.execute(text(f"DROP TRIGGER {name}"))
        connection.execute(text("UPDATE audit SET actor = 'nobody' WHERE subject = 'user/<b>bold</b>'"))
        for _, sql in rules:
            connection.execute(text(sql))
    page.get_by_role("button", name="Verify").click()
    broken = page.locator(".people-verdict[data-whole=false]")
    broken.wait_for()
    assert "1 faults" in broken.inner_text()
    with records.writing() as connection:
        for name, _ in rules:
            connection.execute(text(f"DROP TRIGGER {name}"))
        connection.execute(text("UPDATE audit SET actor = 'li' WHERE subject = 'user/<b>bold</b>'"))
        for _, sql in rules:
            connection.execute(text(sql))
    records.close()


def test_pages_of_admins_are_for_admins_of_every_hall(pages: Pages) -> None:
    page = pages.of("wang", "/?lang=en")
    page.get_by_role("navigation", name="Main navigation").wait_for()
    assert page.locator("[data-place=users], [data-place=audit]").count() == 0
    assert page.goto(f"{pages.url}/users?lang=en").status == 403  # type: ignore[union-attr]
    assert "wang may not see this page" in page.locator("body").inner_text()
    page = pages.of("local-admin", "/users?lang=en")
    page.get_by_text("for admins of every hall only").wait_for()


def test_everybody_has_tokens_and_changes_their_password(pages: Pages) -> None:
    page = pages.of("wang", "/account?lang=en", PHONE)
    page.get_by_label("What for").fill("report")
    page.get_by_role("button", name="Create").click()
    key = page.locator(".people-secret").inner_text()
    page.get_by_role("button", name="Close").click()
    bearer = {"Authorization": f"Bearer {key}"}
    with pages._browser.new_context() as stranger:
        assert stranger.request.get(f"{pages.url}/api/me", headers=bearer).json()["name"] == "wang"
        page.locator("tr", has=page.get_by_text("report")).get_by_role("button", name="Revoke").click()
        page.get_by_role("dialog").get_by_role("button", name="Yes").click()
        page.locator("tr", has=page.get_by_text("report")).wait_for(state="detached")
        assert stranger.request.get(f"{pages.url}/api/me", headers=bearer).status == 401
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_label("New password", exact=True).fill("another password")
    page.get_by_label("New password again").fill("another passwort")
    page.get_by_role("button", name="Change").click()
    page.locator("#said", has_text="differ").wait_for()
    page.get_by_label("New password again").fill("another password")
    page.get_by_role("button", name="Change").click()
    page.wait_for_url("**/login")

"""The calibration page in a real browser, on `hallwatch ingest`: what is drawn there stands in hall.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from hall.areas import CameraAreas, areas_of
from hall.load import plain_values
from ingest import audit
from ingest.records import Records
from tests.support.browser import chromium
from tests.support.centre import IngestProcess
from tests.support.servers import mosquitto, running, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SIZE_PX = (800, 450)
PICTURE = cv2.imencode(".png", np.full((SIZE_PX[1], SIZE_PX[0], 3), 180, np.uint8))[1].tobytes()
HALL = """\
# The hall of the test.
hall: {id: demo, name: 演示政务服务中心, timezone: Asia/Shanghai}   # its name
floors:
  - id: f1
    plan: {width_m: 12, depth_m: 14}
    cameras:
      - id: c1
        source: "rtsp://user:hush@10.0.0.11/sub"   # the one above the door
        floor_points:   # measured in May
          - [[0.15, 0.70], [3, 11]]
          - [[0.85, 0.70], [9, 11]]
          - [[0.50, 0.85], [6, 10]]
          - [[0.31, 0.85], [4.5, 10]]
    windows:
      - id: w01                  # the first
        label: 1号窗口
        camera: c1
        clerk_area: [[0.10, 0.30], [0.30, 0.30], [0.30, 0.50], [0.10, 0.50]]   # her chair
    zones:
      - {id: waiting, label: 等候区, serves: [w01], areas: [{camera: c1, polygon: [[0.5, 0.5], [0.9, 0.5], [0.9, 1]]}]}
    entrances: [{id: door, label: 正门, camera: c1, line: [[0.40, 0.20], [0.60, 0.20]]}]   # both wings
# The end.
"""


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IngestProcess]:
    folder = tmp_path_factory.mktemp("calibration")
    with ExitStack() as stack:
        broker = stack.enter_context(running(mosquitto(folder, persistence=False)))
        yield stack.enter_context(IngestProcess(folder, broker.port, "--console", hall=HALL))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


class Editor:
    """The page of camera c1 over a fresh hall file."""

    def __init__(self, page: Page, centre: IngestProcess, lang: str) -> None:
        self.page = page
        self.file = centre.log.parent / "hall.yaml"
        self.file.write_text(HALL)
        page.goto(f"http://127.0.0.1:{centre.port}/calibration/f1/c1?lang={lang}")
        page.wait_for_function("window.did_handshake === true")
        page.get_by_test_id("file").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": PICTURE})
        page.wait_for_function("document.querySelector('.cal-areas').getAttribute('viewBox') === '0 0 800 450'")
        page.locator('[data-key="window/w01/clerk"]').first.wait_for()

    def begin(self) -> None:
        """With the fresh file again, without a load of the page."""
        self.file.write_text(HALL)
        self.page.evaluate("""async () => {
            const editor = document.querySelector('hall-calibration');
            editor.saving.close();
            editor.forget();
            editor.panel.open.clear();
            [editor.selected, editor.corner, editor.canvas.drawing] = [null, null, null];
            await editor.load();
            document.getElementById('said').textContent = '';
            if (!editor.gridShown) editor.toggleGrid();
            document.activeElement.blur();
            editor.canvas.drawNow();
        }""")

    def click(self, x: float, y: float) -> None:
        """On a point of the picture, in shares of it."""
        box = self.page.locator(".cal-areas").bounding_box()
        assert box is not None
        self.page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        box = self.page.locator(".cal-areas").bounding_box()
        assert box is not None
        for i, (x, y) in enumerate((start, end)):
            self.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=1 + 3 * i)
            if i == 0:
                self.page.mouse.down()
        self.page.mouse.up()

    def checked(self) -> None:
        """Back when the check has answered."""
        self.page.locator(".cal-state:not([data-busy])").wait_for()

    def points(self, key: str) -> list[tuple[float, float]]:
        """Corners of a shape as they are drawn, in pixels of the picture."""
        self.page.evaluate("document.querySelector('hall-calibration').canvas.drawNow()")  # not at the next frame
        text = self.page.locator(f'[data-key="{key}"] .cal-line').get_attribute("points") or ""
        return [(round(float(x), 2), round(float(y), 2)) for x, _, y in (p.partition(",") for p in text.split(" "))]

    def save(self) -> None:
        self.page.get_by_test_id("save").click()
        self.page.get_by_test_id("dialog-write").click()
        self.page.get_by_test_id("sent").wait_for()

    def areas(self) -> CameraAreas:
        return areas_of(plain_values(self.file.read_text()), "f1", "c1")


@pytest.fixture(scope="module")
def opened(browser: Browser, centre: IngestProcess) -> Iterator[Editor]:
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        yield Editor(context.new_page(), centre, "zh")


@pytest.fixture
def editor(opened: Editor) -> Iterator[Editor]:
    errors: list[str] = []

    def note(error: object) -> None:
        errors.append(str(error))

    opened.page.on("pageerror", note)
    opened.begin()
    yield opened
    opened.page.remove_listener("pageerror", note)
    assert errors == []


def added_and_gone(before: str, after: str) -> tuple[list[str], list[str]]:
    old, new = before.splitlines(), after.splitlines()
    return [line for line in new if line not in old], [line for line in old if line not in new]


def test_an_area_is_drawn_named_saved_and_found_in_the_file(editor: Editor, centre: IngestProcess) -> None:
    page = editor.page
    page.get_by_test_id("add-zone").click()
    for x, y in ((0.10, 0.60), (0.40, 0.60), (0.40, 0.95), (0.10, 0.95)):
        editor.click(x, y)
    editor.click(0.10, 0.60)  # the first again: done
    label = page.get_by_test_id("label-zone-z02")
    label.fill("静候区")
    page.locator('[data-key="zone/z02/serves/w01"]').check()
    editor.checked()
    page.get_by_test_id("save").click()
    shown = page.get_by_test_id("diff").inner_text()
    assert "静候区" in shown
    assert "hush" not in page.content()
    page.get_by_test_id("dialog-write").click()
    page.get_by_test_id("dialog-send").click()  # no box is there
    away = page.locator("[data-outcome]")
    away.wait_for()
    assert "没有下发到边缘盒 edge-f1：" in away.inner_text()

    text = editor.file.read_text()
    added, gone = added_and_gone(HALL, text)
    assert gone == []
    assert len(added) == 1
    zone = editor.areas().zones[1]
    assert (zone.id, zone.label, zone.serves) == ("z02", "静候区", ["w01"])
    assert zone.polygon is not None
    assert np.array(zone.polygon) == pytest.approx(
        np.array([(0.10, 0.60), (0.40, 0.60), (0.40, 0.95), (0.10, 0.95)]), abs=0.003
    )
    records = Records(f"sqlite:///{centre.records}")
    with records.reading() as connection:
        row = next(row for row in audit.rows(connection) if row.action == "hall.areas")
    records.close()
    assert (row.actor, row.subject) == ("local", "floor/f1/camera/c1")


def test_the_keyboard_moves_corners_and_undo_takes_it_back(editor: Editor) -> None:
    page = editor.page
    key = "window/w01/clerk"
    page.locator(f'[data-focus="{key}"]').focus()
    page.keyboard.press("Enter")  # to its first corner
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    assert editor.points(key)[0] == pytest.approx((81, 145), abs=0.05)
    assert page.evaluate("document.activeElement.dataset.focus") == f"{key}/corner/0"
    page.keyboard.press("Delete")
    page.wait_for_function("document.querySelectorAll('.cal-corner').length === 3")
    page.keyboard.press("Control+z")
    page.wait_for_function("document.querySelectorAll('.cal-corner').length === 4")
    page.keyboard.press("Control+z")
    page.wait_for_function("document.querySelector('[data-testid=undo]').disabled")
    assert editor.points(key)[0] == (80, 135)
    page.keyboard.press("Control+Shift+Z")
    page.wait_for_function(f"document.querySelector('[data-key=\"{key}\"] .cal-line').points[0].x > 80.5")
    # a corner more, by the small circle on the first edge
    page.locator(f'[data-focus="{key}/mid/0"]').focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelectorAll('.cal-corner').length === 5")
    assert page.evaluate("document.activeElement.dataset.focus") == f"{key}/corner/1"
    editor.checked()
    editor.save()
    added, gone = added_and_gone(HALL, editor.file.read_text())
    assert gone == ["        clerk_area: [[0.10, 0.30], [0.30, 0.30], [0.30, 0.50], [0.10, 0.50]]   # her chair"]
    assert [line.endswith("]   # her chair") for line in added] == [True]
    clerk = editor.areas().windows[0].clerk
    assert clerk is not None
    assert clerk[0] == pytest.approx((0.10125, 0.3222), abs=0.0001)
    assert len(clerk) == 5


def test_corners_and_whole_areas_are_dragged(editor: Editor) -> None:
    key = "window/w01/clerk"
    editor.drag((0.20, 0.40), (0.25, 0.45))
    assert editor.points(key)[0] == pytest.approx((120, 157.5), abs=1.5)
    editor.drag((0.35, 0.55), (0.40, 0.60))  # its third corner, which is selected now
    assert editor.points(key)[2] == pytest.approx((320, 270), abs=1.5)
    editor.drag((0.20, 0.45), (-0.5, 0.45))  # no farther than the edge of the picture
    assert min(x for x, _ in editor.points(key)) == 0
    for _ in range(3):
        editor.page.get_by_test_id("undo").click()
    assert editor.points(key)[0] == (80, 135)


def test_faults_are_told_beside_the_item_and_drawn_on_it(editor: Editor) -> None:
    page = editor.page
    editor.click(0.20, 0.40)
    editor.drag((0.10, 0.30), (0.25, 0.60))  # over the opposite edge
    page.locator('[data-key="window/w01/clerk"][data-faulty]').wait_for()
    assert page.locator(".cal-bad-edge").count() == 2
    card = page.get_by_test_id("item-window-w01")
    assert "多边形的边不能相交" in card.locator(".cal-fault").inner_text()
    assert card.locator(".cal-badge").inner_text() == "! 1"
    assert "1 处错误" in page.get_by_test_id("state").inner_text()
    page.get_by_test_id("save").click()
    page.locator("#said[data-kind=failed]").wait_for()
    assert page.locator("dialog[open]").count() == 0
    assert editor.file.read_text() == HALL
    page.keyboard.press("Control+z")
    page.locator(".cal-bad-edge").first.wait_for(state="detached")
    assert card.locator(".cal-fault").count() == 0


def test_floor_points_show_grid_and_error(editor: Editor) -> None:
    page = editor.page
    assert page.locator(".cal-grid").count() == 1
    assert "第 5 个点" in page.locator(".cal-mean").inner_text()
    page.get_by_test_id("add-point").click()
    editor.click(0.69, 0.85)
    page.get_by_test_id("point-4-x").fill("8.5")  # it is 7.5
    page.get_by_test_id("point-4-y").fill("10")
    editor.checked()
    errors = [float(text.removesuffix(" 米")) for text in page.locator(".cal-error").all_inner_texts()]
    assert len(errors) == 5
    assert max(errors) > 0.1
    page.get_by_test_id("point-4-x").fill("7.5")
    page.wait_for_function("document.querySelector('.cal-mean').textContent.includes('平均误差 0.0')")
    page.get_by_test_id("grid").click()
    page.locator(".cal-grid").wait_for(state="detached")
    editor.save()
    added, gone = added_and_gone(HALL, editor.file.read_text())
    assert gone == []
    assert [line.strip().endswith("[7.5, 10]]") for line in added] == [True]


def test_an_entrance_turns_round_and_a_window_gets_its_second_area(editor: Editor) -> None:
    page = editor.page
    page.locator('[data-focus="entrance/door/line"]').focus()
    page.get_by_test_id("item-entrance-door").locator("summary").click()
    page.locator('[data-key="entrance/door/flip"]').click()
    page.get_by_test_id("item-window-w01").locator("summary").click()
    page.get_by_test_id("draw-window-w01-customer").click()
    page.get_by_test_id("ready").click()  # a box in the middle, for who has no pointer
    page.keyboard.press("Shift+ArrowDown")
    editor.checked()
    editor.save()
    areas = editor.areas()
    assert areas.entrances[0].line == [(0.60, 0.20), (0.40, 0.20)]
    customer = areas.windows[0].customer
    assert customer is not None
    assert customer[0] == pytest.approx((0.4, 0.4222), abs=1e-4)
    assert "# both wings" in editor.file.read_text()


def test_a_file_that_was_changed_meanwhile_is_not_written(editor: Editor) -> None:
    page = editor.page
    page.locator('[data-focus="window/w01/clerk"]').focus()
    page.keyboard.press("ArrowRight")
    editor.checked()
    theirs = HALL.replace("label: 等候区", "label: 大厅")
    editor.file.write_text(theirs)
    page.get_by_test_id("save").click()
    dialog = page.get_by_test_id("dialog")
    dialog.get_by_text("没有写入").wait_for()
    diffs = page.get_by_test_id("diff").all_inner_texts()
    assert ["大厅" in diff for diff in diffs] == [True, False]
    assert "clerk_area" in diffs[1]
    assert editor.file.read_text() == theirs
    page.get_by_test_id("dialog-reload").click()
    page.get_by_text("大厅", exact=True).first.wait_for()
    assert editor.points("window/w01/clerk")[0] == (80, 135)


def test_a_phone_looks_and_moves_a_little(browser: Browser, centre: IngestProcess) -> None:
    with browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True) as context:
        editor = Editor(context.new_page(), centre, "en")
        page = editor.page
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        small = """() => [...document.querySelectorAll('hall-calibration button, hall-calibration summary')]
            .filter(e => e.checkVisibility()).map(e => [e.getBoundingClientRect(), e.textContent])
            .filter(([box]) => box.height < 44 || box.width < 44).map(([, text]) => text)"""
        assert page.evaluate(small) == []
        page.locator('[data-focus="window/w01/clerk"]').tap(force=True)
        page.get_by_test_id("move-right").tap()
        page.get_by_test_id("move-right").tap()
        assert editor.points("window/w01/clerk")[0] == pytest.approx((82, 135), abs=0.1)
        editor.checked()
        assert "Check passed" in page.get_by_test_id("state").inner_text()


def test_pictures_from_this_computer_are_not_sent(editor: Editor) -> None:
    asked: list[str] = []
    editor.page.on("request", lambda request: asked.append(request.method))
    editor.page.get_by_test_id("file").set_input_files({"name": "b.png", "mimeType": "image/png", "buffer": PICTURE})
    editor.page.get_by_test_id("back_live").click()
    wait_until(lambda: bool(asked), "it asks for the camera's own picture again")
    assert set(asked) == {"GET"}


def test_the_list_of_cameras_leads_there(opened: Editor) -> None:
    page = opened.page
    page.goto(page.url.replace("/f1/c1", ""))
    card = page.get_by_test_id("camera-c1")
    assert "1 个窗口" in card.inner_text()
    assert "{" not in page.locator(".cal-list").inner_text()
    card.click()
    page.locator('[data-key="window/w01/clerk"]').first.wait_for()

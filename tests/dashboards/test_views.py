"""Pictures of the demo's cameras: shared by all pages, and not there at all without somebody to make them."""

from __future__ import annotations

import asyncio
import time

import httpx
from fastapi import FastAPI

from dashboards.views import EVERY_S, SharedViews, add_views
from hall.clock import ManualClock


class Painter:
    """Makes pictures slowly, and counts them."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def __call__(self, camera: str) -> bytes:
        self.made.append(camera)
        time.sleep(0.05)
        return f"{camera} {len(self.made)}".encode()


async def ask(app: FastAPI, *paths: str) -> list[httpx.Response]:
    """All at once."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://demo") as client:
        return list(await asyncio.gather(*(client.get(path) for path in paths)))


def served(painter: Painter, clock: ManualClock) -> FastAPI:
    app = FastAPI()
    add_views(app, SharedViews(painter, ["cam1", "cam2"], clock))
    return app


def test_ten_pages_cost_one_picture() -> None:
    painter, clock = Painter(), ManualClock()
    app = served(painter, clock)

    async def look() -> list[httpx.Response]:
        answers = await ask(app, *["/view/cam1"] * 10, *["/view/cam2"] * 10)
        assert sorted(painter.made) == ["cam1", "cam2"]
        clock.advance(EVERY_S - 0.01)
        await ask(app, "/view/cam1")
        assert painter.made.count("cam1") == 1
        clock.advance(0.02)
        await ask(app, *["/view/cam1?123"] * 10)
        assert painter.made.count("cam1") == 2
        return answers

    answers = asyncio.run(look())
    assert len({answer.content for answer in answers}) == 2
    assert {answer.headers["content-type"] for answer in answers} == {"image/jpeg"}
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}


def test_cameras_that_are_not_there() -> None:
    painter = Painter()
    app = served(painter, ManualClock())
    answers = asyncio.run(ask(app, "/view/cam3", "/view/", "/view", "/view/..%2fcam1", "/view/<b>x"))
    assert [answer.status_code for answer in answers] == [404] * 5
    assert "html" not in answers[-1].headers["content-type"]
    assert painter.made == []

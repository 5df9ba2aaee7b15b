"""Pictures of cameras on the page, where the application has some to show: only the demo, whose hall is rendered.

The centre never sees a picture of a real camera, so `mount` is given none there, and this adds no path.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from fastapi import FastAPI, Response

from hall.clock import Clock

Views = Callable[[str], bytes]
"""The picture of a camera at this moment as JPEG, people blurred; asked in a thread."""

PATH = "/view"
EVERY_S = 0.5
"""A picture is made at most so often per camera, however many pages are open."""


class SharedViews:
    """One picture per camera and half second for everybody who asks.

    Args:
        views: makes pictures.
        cameras: ids that exist.
        clock: decides when a picture is old.
    """

    def __init__(self, views: Views, cameras: Collection[str], clock: Clock) -> None:
        self._views, self._clock = views, clock
        self._locks = {camera: asyncio.Lock() for camera in cameras}
        self._made: dict[str, tuple[float, bytes]] = {}

    async def picture(self, camera: str) -> bytes | None:
        """The picture of a camera; None where there is no such camera."""
        lock = self._locks.get(camera)
        if lock is None:
            return None
        async with lock:
            made_at, jpeg = self._made.get(camera, (float("-inf"), b""))
            now = self._clock.monotonic()
            if now - made_at >= EVERY_S:
                jpeg = await asyncio.to_thread(self._views, camera)
                self._made[camera] = now, jpeg
            return jpeg


def add_views(app: FastAPI, shared: SharedViews) -> None:
    """Serve them at `/view/{camera}`."""

    @app.get(PATH + "/{camera}", include_in_schema=False)
    async def view(camera: str) -> Response:
        jpeg = await shared.picture(camera)
        if jpeg is None:
            return Response(f"no camera {camera}", status_code=404, media_type="text/plain")
        return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "no-store"})

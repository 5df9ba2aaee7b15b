"""Looping RTSP cameras that show files.

rtsp_server.py PORT FILE.mp4... [--login USER PASSWORD] [--staggered]

One camera per file: rtsp://127.0.0.1:PORT/cam1, /cam2, ...; /cam is the first as well. `--staggered` starts each at
another key frame of its file. Runs in the system's Python, which has GStreamer's bindings (package python3-gi). The
files' H.264 access units are replayed without encoding, over and over, with a presentation time that grows for ever.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
gi.require_version("GstApp", "1.0")
from gi.repository import GLib, Gst, GstApp, GstRtspServer  # noqa: E402, F401 - GstApp gives appsink its signals

_ROLE = "viewer"


@dataclass(frozen=True)
class Unit:
    """One access unit; times in nanoseconds."""

    data: bytes
    pts: int
    duration: int
    key: bool


@cache
def read_units(path: str) -> tuple[Any, list[Unit]]:
    """Caps and access units of a file's H.264 track, times starting at 0."""
    pipeline = Gst.parse_launch(
        f'filesrc location="{path}" ! qtdemux ! h264parse config-interval=-1 '
        "! video/x-h264,stream-format=byte-stream,alignment=au ! appsink name=sink sync=false"
    )
    sink = pipeline.get_by_name("sink")
    pipeline.set_state(Gst.State.PLAYING)
    caps, units = None, []
    while (sample := sink.emit("pull-sample")) is not None:
        caps = caps or sample.get_caps()
        buffer = sample.get_buffer()
        key = not buffer.has_flags(Gst.BufferFlags.DELTA_UNIT)
        units.append(Unit(buffer.extract_dup(0, buffer.get_size()), buffer.pts, buffer.duration, key))
    pipeline.set_state(Gst.State.NULL)
    if not units:
        raise SystemExit(f"{path}: no H.264 in an mp4 file")
    first = min(unit.pts for unit in units)
    return caps, [Unit(unit.data, unit.pts - first, unit.duration, unit.key) for unit in units]


class LoopingFactory(GstRtspServer.RTSPMediaFactory):  # type: ignore[misc] # the bindings have no types
    """Makes a pipeline whose source replays the units for ever, from the key frame at a share of the file on."""

    def __init__(self, path: str, start: float) -> None:
        super().__init__()
        self._caps, self._units = read_units(path)
        self._first = max(i for i in range(int(start * len(self._units)) + 1) if self._units[i].key or i == 0)
        self._length = max(unit.pts + unit.duration for unit in self._units)
        self.set_shared(True)

    def do_create_element(self, _url: object) -> Any:
        """GStreamer asks for the pipeline of a new client."""
        element = Gst.parse_launch(
            "( appsrc name=src is-live=true format=time block=true max-bytes=400000 "
            "! h264parse ! rtph264pay name=pay0 pt=96 config-interval=1 )"
        )
        source = element.get_by_name("src")
        source.set_property("caps", self._caps)
        numbers, begins = count(self._first), self._units[self._first].pts

        def push(src: Any, _wanted: int) -> None:
            loop, index = divmod(next(numbers), len(self._units))
            unit = self._units[index]
            buffer = Gst.Buffer.new_wrapped(unit.data)
            buffer.pts = unit.pts + loop * self._length - begins
            buffer.duration = unit.duration
            src.emit("push-buffer", buffer)

        source.connect("need-data", push)
        return element


def require_login(server: Any, factory: Any, user: str, password: str) -> None:
    """Let only one user in."""
    auth, token = GstRtspServer.RTSPAuth(), GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", _ROLE)
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role(_ROLE, "media.factory.access", True)  # noqa: FBT003
    permissions.add_permission_for_role(_ROLE, "media.factory.construct", True)  # noqa: FBT003
    factory.set_permissions(permissions)


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description="Looping RTSP cameras that show files.")
    parser.add_argument("port")
    parser.add_argument("files", nargs="+")
    parser.add_argument("--login", nargs=2, metavar=("USER", "PASSWORD"))
    parser.add_argument("--staggered", action="store_true")
    given = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(given.port)
    for i, path in enumerate(given.files):
        factory = LoopingFactory(path, i / len(given.files) if given.staggered else 0.0)
        if given.login:
            require_login(server, factory, *given.login)
        for mount in [f"/cam{i + 1}", *(["/cam"] if i == 0 else [])]:
            server.get_mount_points().add_factory(mount, factory)
    server.attach(None)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()

"""A real RTSP camera for tests: GStreamer's server in a process of its own."""

from __future__ import annotations

from pathlib import Path

from tests.support.servers import Server, free_port
from twin.streams import server_command


def rtsp_server(folder: Path, video: Path, login: tuple[str, str] | None = None) -> Server:
    """A looping RTSP camera that shows an mp4 file with H.264; start it with `running`. Address: `rtsp_url`.

    Give it a video without B-frames and with a key frame every second: as it sends by presentation time, those
    of a video with B-frames come in bursts, which cameras do not do.
    """
    port = free_port()
    return Server("rtsp", server_command(port, [video], login=login), port, folder)


def rtsp_url(server: Server, login: tuple[str, str] | None = None) -> str:
    """Address of the camera that a server shows."""
    user = f"{login[0]}:{login[1]}@" if login else ""
    return f"rtsp://{user}127.0.0.1:{server.port}/cam"

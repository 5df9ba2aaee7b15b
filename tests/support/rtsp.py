"""A real RTSP camera for tests: GStreamer's server in a process of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.servers import Server, free_port

_PYTHON = "/usr/bin/python3"
_SCRIPT = Path(__file__).with_name("rtsp_server.py")
_PACKAGES = (
    "python3-gi gir1.2-gst-rtsp-server-1.0 gir1.2-gst-plugins-base-1.0 gstreamer1.0-plugins-good "
    "gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly"
)


def rtsp_server(folder: Path, video: Path, login: tuple[str, str] | None = None) -> Server:
    """A looping RTSP camera that shows an mp4 file with H.264; start it with `running`. Address: `rtsp_url`.

    Give it a video without B-frames and with a key frame every second: as it sends by presentation time, those
    of a video with B-frames come in bursts, which cameras do not do.
    """
    check = "import gi; gi.require_version('GstRtspServer', '1.0'); gi.require_version('GstApp', '1.0')"
    if subprocess.run([_PYTHON, "-c", check], check=False, capture_output=True).returncode:
        raise AssertionError(f"no GStreamer RTSP server for {_PYTHON}: apt-get install {_PACKAGES}")
    port = free_port()
    return Server("rtsp", [_PYTHON, str(_SCRIPT), str(video), str(port), *(login or ())], port, folder)


def rtsp_url(server: Server, login: tuple[str, str] | None = None) -> str:
    """Address of the camera that a server shows."""
    user = f"{login[0]}:{login[1]}@" if login else ""
    return f"rtsp://{user}127.0.0.1:{server.port}/cam"

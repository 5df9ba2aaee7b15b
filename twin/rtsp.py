"""An RTSP camera that misbehaves on command: H.264 over RTSP 1.0 (RFC 2326), RTP interleaved in TCP (RFC 6184).

It shows a video over and over. For measuring what a box does when a camera, a gateway or the network between fails.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import random
import re
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import av
from av.bitstream import BitStreamFilterContext

Misbehaviour = Literal["fine", "silent", "garbage", "lossy", "jump"]
"""`silent`: sends and answers nothing and closes nothing, as a frozen server or a cut line. `garbage`: bytes that mean
nothing. `lossy`: one RTP packet in twenty is missing. `jump`: time stamps leap by an hour, once."""

_LOSS = 0.05
_PAYLOAD_BYTES = 1400
_CLOCK_HZ = 90_000
_JUMP_TICKS = 3600 * _CLOCK_HZ
_START_CODE = re.compile(b"\x00\x00\x00?\x01")
_SPS, _PPS, _FU_A = 7, 8, 28
Unit = list[bytes]
"""The NAL units of one picture."""


@dataclass(frozen=True, slots=True)
class Footage:
    """The pictures of a video as they are sent, the first of them a key frame.

    Attributes:
        units: in the order in which they are decoded.
        fps: so many a second.
        ahead: by how many pictures each is shown later than it is sent; not 0 where there are B-frames.
    """

    units: Sequence[Unit]
    fps: float
    ahead: Sequence[int]

    @classmethod
    def read(cls, path: Path) -> Footage:
        """Take the H.264 of a video file apart.

        Raises:
            ValueError: there is none in it.
        """
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            annexb = BitStreamFilterContext("h264_mp4toannexb", stream)
            packets = [p for packet in container.demux(stream) for p in annexb.filter(packet if packet.size else None)]
            fps = float(stream.average_rate or 25)
        packets = [packet for packet in packets if packet.size]
        units = [[nal for nal in _START_CODE.split(bytes(packet)) if nal] for packet in packets]
        if not any(nal[0] & 31 == _SPS for unit in units for nal in unit):
            raise ValueError(f"{path}: found no H.264; expected a video file with it")
        shown = sorted(range(len(packets)), key=lambda sent: packets[sent].pts or 0)
        return cls(
            units, fps, [place - sent for sent, place in sorted((sent, place) for place, sent in enumerate(shown))]
        )

    def parameter_sets(self) -> str:
        """As SDP has them."""
        sets = {nal[0] & 31: nal for unit in self.units for nal in unit if nal[0] & 31 in {_SPS, _PPS}}
        return ",".join(base64.b64encode(sets[kind]).decode() for kind in (_SPS, _PPS) if kind in sets)


class RtspCamera:
    """Serves `rtsp://127.0.0.1:PORT/cam`.

    Args:
        footage: what it shows; may be exchanged while it runs, from the next picture on.
        login: user and password that it asks for.
        port: where it listens; any free one by default, and the same again after a stop.

    Attributes:
        behaviour: how it misbehaves from now on.
    """

    def __init__(self, footage: Footage, login: tuple[str, str] | None = None, port: int = 0) -> None:
        self.footage, self.port = footage, port
        self.behaviour: Misbehaviour = "fine"
        self.ask_for(login)
        self._listener: socket.socket | None = None
        self._connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._random = random.Random(1)  # noqa: S311 - loss, no secret

    def ask_for(self, login: tuple[str, str] | None) -> None:
        """From now on, this user and password are asked for."""
        self._login = None if login is None else base64.b64encode(":".join(login).encode()).decode()

    def start(self) -> None:
        """Listen."""
        self._listener = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
        self.port = self._listener.getsockname()[1]
        self._spawn(self._accept, self._listener)

    def stop(self) -> None:
        """Close everything at once, as a process that is killed."""
        listener, self._listener = self._listener, None
        for one in ([listener] if listener is not None else []) + list(self._connections):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._connections.clear()
        for thread in self._threads:
            thread.join(5)
        self._threads.clear()

    def url(self, login: tuple[str, str] | None = None) -> str:
        """Its address."""
        user = "" if login is None else f"{login[0]}:{login[1]}@"
        return f"rtsp://{user}127.0.0.1:{self.port}/cam"

    def _spawn(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, name="rtsp-camera", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._connections.add(connection)
                self._spawn(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        lock = threading.Lock()
        with connection, contextlib.suppress(OSError), connection.makefile("rb") as reader:
            for method, headers in _requests(reader):
                while self.behaviour == "silent":
                    time.sleep(0.02)
                    if connection not in self._connections:
                        return
                with lock:
                    connection.sendall(self._answer(method, headers).encode())
                if method == "PLAY":
                    self._spawn(self._play, connection, lock)
                if method == "TEARDOWN":
                    break
        self._connections.discard(connection)

    def _answer(self, method: str, headers: dict[str, str]) -> str:
        head = f"CSeq: {headers.get('cseq', '0')}\r\n"
        if self._login is not None and method == "DESCRIBE" and headers.get("authorization") != f"Basic {self._login}":
            return f'RTSP/1.0 401 Unauthorized\r\n{head}WWW-Authenticate: Basic realm="cam"\r\n\r\n'
        match method:
            case "OPTIONS":
                head += "Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN\r\n"
            case "DESCRIBE":
                body = (
                    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=cam\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\nc=IN IP4 0.0.0.0\r\n"
                    "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;sprop-parameter-sets="
                    f"{self.footage.parameter_sets()}\r\na=framerate:{self.footage.fps:g}\r\na=control:track0\r\n"
                )
                head += f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}"
                return f"RTSP/1.0 200 OK\r\n{head}"
            case "SETUP":
                head += "Session: 1;timeout=60\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
            case _:
                head += "Session: 1\r\n"
        return f"RTSP/1.0 200 OK\r\n{head}\r\n"

    def _play(self, connection: socket.socket, lock: threading.Lock) -> None:
        began, ticks, jumped = time.monotonic(), 0, 0
        sequence = itertools.count()
        with contextlib.suppress(OSError):
            for number in itertools.count():
                footage = self.footage
                time.sleep(max(0.0, began + number / footage.fps - time.monotonic()))
                if connection not in self._connections:
                    return
                ticks += round(_CLOCK_HZ / footage.fps)
                if self.behaviour == "silent":
                    continue
                if self.behaviour == "jump" and not jumped:
                    jumped = _JUMP_TICKS
                place = number % len(footage.units)
                stamp = ticks + jumped + round(footage.ahead[place] * _CLOCK_HZ / footage.fps)
                with lock:
                    connection.sendall(self._sent(footage.units[place], stamp % 2**32, sequence))

    def _sent(self, unit: Unit, stamp: int, sequence: Iterator[int]) -> bytes:
        """One picture as bytes on the wire."""
        if self.behaviour == "garbage":
            return self._random.randbytes(3000)
        sent = []
        payloads = [payload for nal in unit for payload in _payloads(nal)]
        for place, payload in enumerate(payloads):
            last = 128 if place == len(payloads) - 1 else 0
            header = struct.pack(">BBHII", 128, 96 | last, next(sequence) % 65536, stamp, 1)
            if self.behaviour != "lossy" or self._random.random() >= _LOSS:
                sent.append(struct.pack(">BBH", 36, 0, len(header) + len(payload)) + header + payload)
        return b"".join(sent)


def _requests(reader: BinaryIO) -> Iterator[tuple[str, dict[str, str]]]:
    """Methods and headers of the requests of a client; what it sends between them (RTCP) is passed over."""
    while True:
        first = reader.read(1)
        if not first:
            return
        if first == b"$":
            _channel, length = struct.unpack(">BH", reader.read(3))
            reader.read(length)
            continue
        line = (first + reader.readline()).decode(errors="replace").strip()
        headers = {}
        while text := reader.readline().decode(errors="replace").strip():
            name, _, value = text.partition(":")
            headers[name.lower()] = value.strip()
        if line:
            yield line.split(" ")[0], headers


def _payloads(nal: bytes) -> Iterator[bytes]:
    """A NAL unit as RTP payloads: whole, or in fragments (FU-A)."""
    if len(nal) <= _PAYLOAD_BYTES:
        yield nal
        return
    kind, rest = nal[0] & 31, nal[1:]
    for at in range(0, len(rest), _PAYLOAD_BYTES):
        part = rest[at : at + _PAYLOAD_BYTES]
        begins, ends = at == 0, at + _PAYLOAD_BYTES >= len(rest)
        yield bytes([nal[0] & 0xE0 | _FU_A, begins << 7 | ends << 6 | kind]) + part


def main(video: str, port: str) -> None:
    """Serve until killed: `python -m twin.rtsp VIDEO PORT`."""
    RtspCamera(Footage.read(Path(video)), port=int(port)).start()
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])

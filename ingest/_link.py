"""One connection to the broker, used by one thread."""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
from collections.abc import Sequence

from hall.broker import BrokerSettings
from hall.clock import Clock
from hall.errors import BrokerError
from ingest import _packets
from ingest._packets import Control, PacketReader, Publish

SESSION_EXPIRY_S = 7 * 86_400
_KEEPALIVE_S = 30
_STALL_S = 10.0
"""An answer that takes longer will not come."""

_READ_BYTES = 262_144


class Waker:
    """Ends a wait of another thread."""

    def __init__(self) -> None:
        self.reader, self._writer = socket.socketpair()
        self.reader.settimeout(0)
        self._writer.settimeout(0)

    def wake(self) -> None:
        """End the wait that is, or the next one."""
        with contextlib.suppress(BlockingIOError):
            self._writer.send(b"!")

    def clear(self) -> None:
        """Take note that the wait has ended."""
        with contextlib.suppress(BlockingIOError):
            self.reader.recv(1024)

    def close(self) -> None:
        """Close both ends."""
        self.reader.close()
        self._writer.close()


class Link:
    """A session at the broker.

    Args:
        context: as `tls_context` made it.
        client_id: names the session; the broker keeps it while nobody is connected.
        receive_maximum: messages that may be on their way without being acknowledged.
        waker: ends the wait of `receive`.

    Raises:
        BrokerError: the broker is away, or does not let us in.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        context: ssl.SSLContext | None,
        client_id: str,
        receive_maximum: int,
        waker: Waker,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._waker = waker
        self._reader = PacketReader()
        self._arrived: list[Publish] = []
        self._topic = ""
        self.is_subscribed = False
        """Whether the broker has taken our subscription."""
        self._keepalive_s = float(_KEEPALIVE_S)
        self._socket = _open(settings, context)
        self._last_sent = self._last_received = clock.monotonic()
        self._selector = selectors.DefaultSelector()
        try:
            self._selector.register(self._socket, selectors.EVENT_READ)
            self._selector.register(waker.reader, selectors.EVENT_READ)
            self._join(settings, client_id, receive_maximum)
        except BaseException:
            self.close()
            raise

    def _join(self, settings: BrokerSettings, client_id: str, receive_maximum: int) -> None:
        self._send(
            _packets.connect(
                client_id,
                username=settings.username,
                password=settings.password.get_secret_value() if settings.password else None,
                keepalive_s=_KEEPALIVE_S,
                session_expiry_s=SESSION_EXPIRY_S,
                receive_maximum=receive_maximum,
            )
        )
        answer = self._answer(_packets.CONNACK)
        if why := _packets.refusal(answer):
            raise BrokerError(f"refused: {why}")
        self._keepalive_s = float(_packets.server_keepalive_s(answer) or _KEEPALIVE_S)

    def subscribe(self, topic: str) -> None:
        """Ask for messages with QoS 1. Those of a kept session may come before the answer, which `receive` reads.

        Raises:
            BrokerError: the connection is lost.
        """
        self._topic = topic
        self._send(_packets.subscribe(topic))

    def receive(self, wait_s: float) -> list[Publish]:
        """What has arrived, or arrives within `wait_s`; as soon as there is anything.

        Raises:
            BrokerError: the connection is lost, or the subscription refused.
        """
        if not self._arrived:
            self._read(wait_s)
        arrived, self._arrived = self._arrived, []
        return arrived

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        """Tell the broker that it may forget these messages.

        Raises:
            BrokerError: the connection is lost.
        """
        if packet_ids:
            self._send(_packets.acknowledge(packet_ids))

    def keep_alive(self) -> None:
        """Say that we are there, where it is time; `receive` does so, too.

        Raises:
            BrokerError: the connection is lost.
        """
        if self._clock.monotonic() - self._last_sent > self._keepalive_s / 2:
            self._send(_packets.PINGREQ)

    def leave(self) -> None:
        """Say goodbye. The session stays at the broker."""
        with contextlib.suppress(BrokerError):
            self._send(_packets.NORMAL_DISCONNECTION)

    def close(self) -> None:
        """Close the connection."""
        self._selector.close()
        self._socket.close()

    def _take_answer(self, packet: Control) -> None:
        if why := _packets.refusal(packet):
            raise BrokerError(f"subscription to {self._topic} refused: {why}; does the broker's ACL allow it?")
        self.is_subscribed = True

    def _answer(self, kind: int) -> Control:
        deadline = self._clock.monotonic() + _STALL_S
        while (left_s := deadline - self._clock.monotonic()) > 0:
            for packet in self._read(left_s):
                if packet.kind == kind:
                    return packet
        raise BrokerError(f"no answer within {_STALL_S:.0f} s")

    def _read(self, wait_s: float) -> list[Control]:
        """Read once. Messages are put aside; answers are returned."""
        answers: list[Control] = []
        for packet in self._reader.feed(self._bytes(wait_s)):
            if isinstance(packet, Publish):
                self._arrived.append(packet)
            elif packet.kind == _packets.DISCONNECT:
                raise BrokerError(f"connection lost: {_packets.refusal(packet)}")
            elif packet.kind == _packets.SUBACK:
                self._take_answer(packet)
            elif packet.kind != _packets.PINGRESP:
                answers.append(packet)
        self.keep_alive()
        return answers

    def _bytes(self, wait_s: float) -> bytes:
        """Some bytes; none where none came in time, or somebody woke us."""
        if not self._has_more():
            ready = {key.fileobj for key, _ in self._selector.select(max(0.0, min(wait_s, self._keepalive_s / 4)))}
            if self._waker.reader in ready:
                self._waker.clear()
            if self._socket not in ready:
                self._expect_life()
                return b""
        try:
            data = self._socket.recv(_READ_BYTES)
        except ssl.SSLWantReadError:
            return b""
        except OSError as exc:
            raise BrokerError(f"connection lost: {exc.strerror or exc}") from exc
        if not data:
            raise BrokerError("connection lost: the broker closed it")
        self._last_received = self._clock.monotonic()
        return data

    def _expect_life(self) -> None:
        silent_s = self._clock.monotonic() - self._last_received
        if silent_s > 2 * self._keepalive_s:
            raise BrokerError(f"connection lost: nothing heard for {silent_s:.0f} s")

    def _has_more(self) -> bool:
        """Whether the TLS layer holds bytes that no selector knows of."""
        return isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0

    def _send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as exc:
            raise BrokerError(f"connection lost: {exc.strerror or exc}") from exc
        self._last_sent = self._clock.monotonic()


def tls_context(settings: BrokerSettings) -> ssl.SSLContext | None:
    """What a TLS connection to this broker trusts; None where it has none.

    Raises:
        BrokerError: the file with the authority is none.
    """
    if not settings.tls:
        return None
    try:
        return ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
    except OSError as exc:
        raise BrokerError(f"{settings.address}: CA file {settings.ca_file}: {exc}") from exc


def _open(settings: BrokerSettings, context: ssl.SSLContext | None) -> socket.socket:
    try:
        plain = socket.create_connection((settings.host, settings.port), timeout=_STALL_S)
    except OSError as exc:
        raise BrokerError(f"not reachable: {exc.strerror or exc}") from exc
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if context is None:
        return plain
    try:
        return context.wrap_socket(plain, server_hostname=settings.host)
    except OSError as exc:
        plain.close()
        raise BrokerError(f"no TLS: {exc}") from exc

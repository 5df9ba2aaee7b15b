"""A wait on a socket that another thread may end."""

from __future__ import annotations

import select
import socket
import ssl
from contextlib import suppress


class Wake:
    """Lets other threads end a wait on sockets early."""

    def __init__(self) -> None:
        self._read, self._write = socket.socketpair()
        self._read.settimeout(0)
        self._write.settimeout(0)

    def fileno(self) -> int:
        """What to wait on."""
        return self._read.fileno()

    def set(self) -> None:
        """End the wait; any number of calls count as one."""
        # Full of calls that nobody has answered yet, so it is awake; or closed, so nobody waits.
        with suppress(OSError):
            self._write.send(b"\0")

    def clear(self) -> None:
        """Forget the calls so far."""
        with suppress(BlockingIOError):
            while self._read.recv(4096):
                pass

    def close(self) -> None:
        """Release both ends."""
        self._read.close()
        self._write.close()


def wait_for(sock: socket.socket, timeout_s: float, wake: Wake | None = None, *, write: bool) -> tuple[bool, bool]:
    """Wait for the network, for `wake` or for the time to pass: whether there is something to read, and room to write.

    Args:
        sock: plain or TLS.
        timeout_s: at most; what is past already counts as 0.
        wake: it is cleared when it ended the wait.
        write: whether room to write is waited for, too.
    """
    # TLS may hold decrypted bytes that no poll on the socket sees.
    if isinstance(sock, ssl.SSLSocket) and sock.pending():
        return True, write
    poll = select.poll()
    poll.register(sock, select.POLLIN | (select.POLLOUT if write else 0))
    if wake is not None:
        poll.register(wake, select.POLLIN)
    ready = dict(poll.poll(max(0.0, timeout_s) * 1000))
    if wake is not None and wake.fileno() in ready:
        wake.clear()
    happened = ready.get(sock.fileno(), 0)
    return bool(happened & ~select.POLLOUT), bool(happened & select.POLLOUT)

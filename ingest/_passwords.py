"""Passwords at rest: argon2id."""

from __future__ import annotations

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from hall.errors import InputError
from ingest._accounts import MAX_LENGTH, MIN_LENGTH


class Passwords:
    """Hashes and compares. One at a time: each takes 64 MB and tens of milliseconds, also where many knock at once.

    Args:
        time_cost: rounds; the default is argon2-cffi's (RFC 9106, low memory).
        memory_kib: memory of one, KiB; likewise.
    """

    def __init__(self, *, time_cost: int = 3, memory_kib: int = 65_536) -> None:
        self._hasher = PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=1)
        self._lock = threading.Lock()
        self._nobody: str | None = None

    def hash(self, password: str) -> str:
        """What is kept of a password.

        Raises:
            InputError: it is too short or too long.
        """
        if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
            raise InputError(f"password: {len(password)} characters; expected {MIN_LENGTH} to {MAX_LENGTH}")
        with self._lock:
            return str(self._hasher.hash(password))

    def fits(self, kept: str | None, password: str) -> bool:
        """Whether it is the one. For a user that there is not (None) it takes as long to say no."""
        with self._lock:
            if kept is None and self._nobody is None:
                self._nobody = str(self._hasher.hash("nobody at all"))
            try:
                found = self._hasher.verify(kept or self._nobody or "", password[: MAX_LENGTH + 1])
            except (VerificationError, InvalidHashError):
                return False
        return bool(found) and kept is not None

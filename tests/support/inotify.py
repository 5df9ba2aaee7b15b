"""Every file that is ever made, written or renamed in a folder, as the kernel tells it."""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path
from types import TracebackType
from typing import Self

_CREATE, _CLOSE_WRITE, _MOVED_TO, _IS_FOLDER = 0x100, 0x8, 0x80, 0x40000000


class FolderWatch:
    """Watches a folder and those that are made in it, for the length of a block; ask `names` at its end or within."""

    def __init__(self, folder: Path) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd: int = self._libc.inotify_init1(os.O_NONBLOCK)
        assert self._fd >= 0, os.strerror(ctypes.get_errno())
        self._folders: dict[int, Path] = {}
        self._names: list[Path] = []
        self._add(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.names()
        os.close(self._fd)
        self._fd = -1

    def names(self) -> list[Path]:
        """Whatever was made so far, also what is gone by now."""
        while self._fd >= 0:
            try:
                events = os.read(self._fd, 1 << 20)
            except BlockingIOError:
                break
            self._take(events)
        return list(dict.fromkeys(self._names))

    def _add(self, folder: Path) -> None:
        number = self._libc.inotify_add_watch(self._fd, os.fsencode(folder), _CREATE | _CLOSE_WRITE | _MOVED_TO)
        assert number >= 0, os.strerror(ctypes.get_errno())
        self._folders[number] = folder
        for path in sorted(folder.iterdir()):  # made before the watch was
            if path.is_dir():
                self._add(path)
            else:
                self._names.append(path)

    def _take(self, events: bytes) -> None:
        place = 0
        while place < len(events):
            number, mask, _, length = struct.unpack_from("iIII", events, place)
            name = events[place + 16 : place + 16 + length].rstrip(b"\0")
            place += 16 + length
            path = self._folders[number] / os.fsdecode(name)
            if mask & _IS_FOLDER:
                self._add(path)
            else:
                self._names.append(path)

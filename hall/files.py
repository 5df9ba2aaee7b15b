"""Files that are whole or not there."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from stat import S_IMODE


def write_whole(path: Path, data: bytes, *, keep_access: bool = False) -> None:
    """Write a file so that, whatever happens, either the old or the new one is there.

    What is no file of its own, such as /dev/null or a pipe, is written to and stays what it is.

    Args:
        path: the file.
        data: what stands in it then.
        keep_access: who may read the old one may read the new one; else, and where there was none, its owner alone.

    Raises:
        OSError: it cannot be written; the old one stays.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as there:
            there.write(data)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    old = path.stat() if keep_access and path.exists() else None
    fresh = path.with_name(path.name + ".new")
    try:
        with open(fresh, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(data)
            file.flush()
            if old is not None:
                # Only root may give a file away; the group is worth a try for everybody.
                with contextlib.suppress(OSError):
                    os.chown(file.fileno(), old.st_uid if os.geteuid() == 0 else -1, old.st_gid)
                os.fchmod(file.fileno(), S_IMODE(old.st_mode))
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

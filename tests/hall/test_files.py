"""Files that are whole or not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hall.files import write_whole


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_whole(tmp_path / "file", b"old")
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        write_whole(tmp_path / "file", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"old"


def test_who_may_read_it_stays_where_that_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o640)
    write_whole(path, b"new", keep_access=True)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o640)
    write_whole(path, b"newer")
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_no_file_stays_what_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_whole(pipe, b"told")
    assert pipe.is_fifo()
    assert os.read(reader, 10) == b"told"
    os.close(reader)
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]

"""The outbox file cut and damaged at every byte, and its writer killed at any moment."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.outbox import Outbox
from hall.messages import CrossingBody, Message, compose, decode
from hall.topics import Address

ADDRESS = Address("demo", "f1", "edge-f1")
COMMITS = 3
"""Of two messages each, with their number as state."""


def _message(seq: int) -> Message:
    return compose(ADDRESS, "boot", seq, 0.0, CrossingBody("door", "in"))


def _fill(path: Path) -> None:
    outbox = Outbox(path)
    for number in range(COMMITS):
        outbox.commit([_message(2 * number), _message(2 * number + 1)], str(2 * number + 2).encode())
    # As `kill -9` leaves it: the log is not folded into the file.
    for name in (path.name, f"{path.name}-wal"):
        shutil.copy(path.with_name(name), path.with_name(f"killed-{name}"))
    outbox.close()
    path.unlink()


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """File and log of a box that was killed after its last commit."""
    path = tmp_path_factory.mktemp("outbox") / "outbox.db"
    _fill(path)
    return path.with_name("killed-outbox.db").read_bytes(), path.with_name("killed-outbox.db-wal").read_bytes()


def _whole_commits(path: Path) -> int:
    """How many commits are there; each must be whole, with its state, and none may stand behind a gap."""
    outbox = Outbox(path)
    try:
        seqs = [decode(row.payload).seq for row in outbox.next_batch(100)]
        assert seqs == list(range(len(seqs)))
        assert len(seqs) % 2 == 0
        state = outbox.load_state()
        assert (None if not seqs else str(len(seqs)).encode()) == state
        # And it works on.
        outbox.commit([_message(100)])
        assert decode(outbox.next_batch(100)[-1].payload).seq == 100
        return len(seqs) // 2
    finally:
        outbox.close()


@contextmanager
def _case(folder: Path, file: bytes, log: bytes) -> Iterator[Path]:
    folder.mkdir()
    path = folder / "outbox.db"
    path.write_bytes(file)
    path.with_name("outbox.db-wal").write_bytes(log)
    yield path
    shutil.rmtree(folder)


def _offsets(size: int, every: int) -> range:
    # A prime step meets every field of header, frame header and page in turn.
    return range(0, size, every)


def test_a_log_cut_anywhere_holds_whole_commits_only(tmp_path: Path, killed: tuple[bytes, bytes]) -> None:
    file, log = killed
    found = []
    for cut in [*_offsets(len(log), 499), *range(0, 120, 3), *range(len(log) - 20, len(log) + 1)]:
        with _case(tmp_path / str(cut), file, log[:cut]) as path:
            found.append((cut, _whole_commits(path)))
    commits = [count for _, count in sorted(found)]
    assert commits == sorted(commits)
    assert set(commits) == set(range(COMMITS + 1))


def test_a_log_damaged_anywhere_holds_whole_commits_only(tmp_path: Path, killed: tuple[bytes, bytes]) -> None:
    file, log = killed
    found = set()
    for place in [*_offsets(len(log), 601), *range(0, 60, 2)]:
        damaged = log[:place] + bytes([log[place] ^ 0x5A]) + log[place + 1 :]
        with _case(tmp_path / str(place), file, damaged) as path:
            found.add(_whole_commits(path))
    assert found <= set(range(COMMITS + 1))
    assert len(found) >= COMMITS


def test_a_file_cut_anywhere_is_whole_or_set_aside(tmp_path: Path) -> None:
    """Never an error at the start, never half a commit: what cannot be read is set aside, and a new file begins."""
    path = tmp_path / "source.db"
    _fill(path)
    outbox = Outbox(path)
    outbox.commit([_message(0), _message(1)], b"2")
    outbox.close()
    whole = path.read_bytes()
    for cut in [*_offsets(len(whole), 401), *range(0, 110, 9), len(whole) - 1, len(whole)]:
        with _case(tmp_path / str(cut), whole[:cut], b"") as case:
            assert _whole_commits(case) == (1 if cut == len(whole) else 0), cut


_WRITER = """
import sys
from pathlib import Path
from edge.outbox import Outbox
from hall.messages import CrossingBody, compose
from hall.topics import Address

address, outbox = Address("demo", "f1", "edge-f1"), Outbox(Path(sys.argv[1]))
count = int(outbox.load_state() or 0)
print(count, flush=True)
while True:
    messages = [compose(address, "b", count + i, 0.0, CrossingBody("door", "in")) for i in range(3)]
    outbox.commit(messages, str(count + 3).encode())
    count += 3
    print(count, flush=True)
    if count % 30 == 0:
        # What was acknowledged goes, as while it publishes.
        outbox.acknowledge([row.id for row in outbox.next_batch(15)])
"""


def test_a_writer_killed_at_seeded_moments_keeps_what_it_has_said(tmp_path: Path) -> None:
    rng, path = random.Random(404), tmp_path / "outbox.db"
    for _ in range(6):
        with subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(rng.uniform(0.0, 0.05))
            process.send_signal(signal.SIGKILL)
            said = [int(line) for line in process.stdout.read().split()]
        outbox = Outbox(path)
        seqs = [decode(row.payload).seq for row in outbox.next_batch(100_000)]
        state = int(outbox.load_state() or 0)
        assert seqs == list(range(seqs[0], state)) if seqs else state == 0
        # Committed is committed: at most the line that tells of it was lost, never what it tells of.
        assert state >= (said[-1] if said else 0)
        assert state % 3 == 0
        outbox.close()

"""The outbox on real files: order, atomic commits through kill -9, quota, full disk, damaged file."""

from __future__ import annotations

import logging
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from edge.outbox import Outbox
from hall.clock import to_datetime
from hall.errors import RecordsError
from hall.messages import (
    AnyBody,
    CrossingBody,
    EventBody,
    HealthBody,
    HeatBody,
    HeatCell,
    Message,
    SessionBody,
    StateBody,
    StayBody,
    compose,
    decode,
)
from hall.topics import Address
from tests.support.servers import wait_until

ADDRESS = Address("demo", "f1", "edge-f1")
START = 1_767_574_800.0
_AT = to_datetime(START)


def _body(kind: str) -> AnyBody:
    match kind:
        case "heat":
            return HeatBody(interval_s=60.0, camera=None, cells=[HeatCell(x, 1, 2.5) for x in range(20)])
        case "health":
            return HealthBody([], 0, 0, 0, 80.0, "nanodet-g", "cpu")
        case "state":
            return StateBody(windows=[], zones=[])
        case "crossing":
            return CrossingBody("door", "in")
        case "stay":
            return StayBody("s", "waiting", _AT, _AT, 60.0, "left")
        case "session":
            return SessionBody("s", "w01", _AT, _AT, 60.0, overtime=False)
        case _:
            return EventBody("e", "clerk_absent", "window/w01", "raised", "warning", _AT, 8.0, 0.0, 8.0)


def _message(seq: int, kind: str = "event") -> Message:
    return compose(ADDRESS, "boot", seq, START + seq, _body(kind))


def _seqs(outbox: Outbox, kind: str | None = None) -> list[int]:
    rows = outbox.next_batch(1_000_000)
    return [decode(row.payload).seq for row in rows if kind in {None, row.kind}]


def _limit_pages(outbox: Outbox, spare: int | None) -> None:
    """Let the file grow by `spare` pages more; None lifts the limit: what a full disk does, at no cost."""
    database = outbox._file._db
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count={2**30 if spare is None else pages + spare}")


def test_rows_come_in_order_of_commit_and_survive_a_new_start(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "deep" / "outbox.db")
    outbox.commit([_message(1, "state"), _message(2)])
    outbox.commit([_message(3, "session")])
    outbox.close()

    again = Outbox(tmp_path / "deep" / "outbox.db")
    rows = again.next_batch(10)
    assert [row.kind for row in rows] == ["state", "event", "session"]
    assert [row.retained for row in rows] == [True, False, False]
    assert rows[0].topic == "hallwatch/1/demo/f1/edge-f1/state"
    assert rows[1].captured_at == START + 2
    assert decode(rows[1].payload) == _message(2)
    assert again.depth == 3
    assert again.size_bytes == sum(len(row.payload) for row in rows)
    assert again.next_batch(1, after=rows[0].id) == [rows[1]]
    assert (again.last_id, again.newest_state_id) == (rows[2].id, rows[0].id)
    again.close()


def test_acknowledged_rows_leave_and_their_ids_never_come_back(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    outbox.commit([_message(n) for n in range(1, 6)])
    ids = [row.id for row in outbox.next_batch(10)]
    outbox.acknowledge(ids[:2])
    outbox.acknowledge([*ids[:2], 999])  # an acknowledgement that comes twice changes nothing
    assert _seqs(outbox) == [3, 4, 5]
    outbox.acknowledge(ids)
    assert (outbox.depth, outbox.size_bytes) == (0, 0)
    outbox.close()

    again = Outbox(tmp_path / "outbox.db")
    again.commit([_message(6)])
    assert again.next_batch(1)[0].id > ids[-1]
    again.close()


def test_state_is_kept_beside_the_messages(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    assert outbox.load_state() is None
    outbox.commit([_message(1)], b"one")
    outbox.commit([_message(2)])  # no state given: the old one stays
    assert outbox.load_state() == b"one"
    outbox.commit([], b"two")
    outbox.close()
    again = Outbox(tmp_path / "outbox.db")
    assert again.load_state() == b"two"
    again.close()


_COMMITTER = """
import sys
from pathlib import Path
from edge.outbox import Outbox
from hall.messages import CrossingBody, compose
from hall.topics import Address

outbox = Outbox(Path(sys.argv[1]))
count = int(outbox.load_state() or 0)
print("ready", flush=True)
while True:
    messages = [compose(Address("demo", "f1", "n"), "b", count + i, 0.0, CrossingBody("d", "in")) for i in range(3)]
    count += 3
    outbox.commit(messages, str(count).encode())
"""


def test_kill_9_leaves_messages_and_state_of_one_commit(tmp_path: Path) -> None:
    path, count = tmp_path / "outbox.db", 0
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", _COMMITTER, str(path)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            # A commit is some kilobytes of journal, which is gone after each orderly close.
            wait_until(lambda: path.with_name("outbox.db-wal").stat().st_size > 200_000, "commits")
            process.send_signal(signal.SIGKILL)
        outbox = Outbox(path)
        before, count = count, int(outbox.load_state() or 0)
        assert count > before
        assert _seqs(outbox) == list(range(count))
        assert outbox.depth == count
        outbox.close()


def test_one_process_per_outbox(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    with pytest.raises(RecordsError, match=r"outbox\.db: another process holds it"):
        Outbox(tmp_path / "outbox.db", lock_wait_s=0.05)
    outbox.close()
    Outbox(tmp_path / "outbox.db").close()


def test_quota_thins_telemetry_in_order_and_keeps_what_counts(tmp_path: Path) -> None:
    kinds = ["heat", "health", "state", "crossing", "stay", "session", "event"]
    outbox = Outbox(tmp_path / "outbox.db", quota_bytes=450_000)
    for seq in range(2100):
        outbox.commit([_message(seq, kinds[seq % 7])])
        assert outbox.size_bytes <= 450_000
    assert not outbox.over_quota
    # Nothing that is counted went while telemetry could still be thinned.
    assert set(outbox.thinned_by_kind) == {"heat", "health", "state"}
    for kept in ("crossing", "stay", "session", "event"):
        assert len(_seqs(outbox, kept)) == 300
    # Every second goes, so what is left of the telemetry still reaches back, coarsely.
    heat = _seqs(outbox, "heat")
    assert heat[0] < 1400
    assert heat[-1] == 2093
    assert outbox.thinned == sum(outbox.thinned_by_kind.values()) > 500
    assert outbox.depth == 2100 - outbox.thinned == len(_seqs(outbox))
    outbox.close()


def test_events_and_sessions_pass_the_quota(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kinds = ["heat", "health", "state", "crossing", "stay", "session", "event"]
    outbox = Outbox(tmp_path / "outbox.db", quota_bytes=20_000)
    with caplog.at_level(logging.WARNING):
        for seq in range(700):
            outbox.commit([_message(seq, kinds[seq % 7])])
    assert outbox.over_quota
    assert len(_seqs(outbox, "session")) == len(_seqs(outbox, "event")) == 100
    # Of the rest the newest is left: it is what a late joiner needs.
    for kind in kinds[:5]:
        assert _seqs(outbox, kind) == [693 + kinds.index(kind)]
    assert [r.message for r in caplog.records if "pass the quota" in r.message][1:] == []
    assert "pass the quota of 20000 bytes and are kept" in caplog.text
    outbox.close()


def test_size_is_right_after_a_new_start(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db", quota_bytes=50_000)
    for seq in range(300):
        outbox.commit([_message(seq, "heat" if seq % 2 else "event")])
    size, depth = outbox.size_bytes, outbox.depth
    outbox.close()
    again = Outbox(tmp_path / "outbox.db", quota_bytes=50_000)
    assert (again.size_bytes, again.depth) == (size, depth)
    again.close()


def test_full_disk_thins_telemetry_and_stores_the_event(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    outbox.commit([_message(seq, "heat") for seq in range(500)])
    _limit_pages(outbox, 0)
    outbox.commit([_message(seq) for seq in range(500, 600)], b"state")
    assert outbox.error is None
    assert outbox.held == 0
    assert outbox.thinned_by_kind["heat"] > 0
    assert _seqs(outbox, "event") == list(range(500, 600))
    assert outbox.load_state() == b"state"
    assert outbox.depth == len(_seqs(outbox)) == 600 - outbox.thinned
    outbox.close()


def test_full_disk_with_nothing_to_thin_holds_messages_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    outbox.commit([_message(seq) for seq in range(100)], b"old")
    _limit_pages(outbox, 0)
    with caplog.at_level(logging.WARNING):
        outbox.commit([_message(seq) for seq in range(100, 200)], b"new")
        outbox.commit([_message(seq) for seq in range(200, 220)])
    assert outbox.error is not None
    assert "full" in outbox.error
    assert caplog.text.count("messages wait in memory") == 1
    assert outbox.held == 120
    assert outbox.depth == 220
    assert outbox.load_state() == b"new"
    # The disk may be full for days, and the broker there: they are sent all the same.
    assert _seqs(outbox) == list(range(220))
    assert [row.id for row in outbox.next_batch(3, after=99)] == [100, 101, 102]
    held = outbox.next_batch(1, after=150)
    outbox.acknowledge([held[0].id])
    assert outbox.held == 119

    # What the publisher has delivered makes room; the next commit stores all, in order.
    outbox.acknowledge([row.id for row in outbox.next_batch(90)])
    _limit_pages(outbox, None)
    outbox.commit([_message(220)])
    assert outbox.held == 0
    assert "works again" in caplog.text
    outbox.close()
    again = Outbox(tmp_path / "outbox.db")
    assert _seqs(again) == [seq for seq in range(90, 221) if seq != 150]
    assert again.load_state() == b"new"
    again.close()


def test_memory_is_bounded_while_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.outbox.HELD_BYTES", 50_000)
    outbox = Outbox(tmp_path / "outbox.db")
    outbox.commit([_message(0)])
    _limit_pages(outbox, 0)
    for seq in range(1, 1001):
        outbox.commit([_message(seq, "event" if seq % 20 == 0 else "heat")])
    assert outbox.size_bytes < 60_000
    assert outbox.depth == 1001 - outbox.thinned
    _limit_pages(outbox, None)
    outbox.commit([])
    assert _seqs(outbox, "event") == [0, *range(20, 1001, 20)]
    outbox.close()


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda _: b"no database" * 1000, id="another file"),
        pytest.param(lambda data: data[:5000], id="truncated"),
        pytest.param(lambda data: data[:4096] + bytes(len(data) - 4096), id="zeros after the first page"),
    ],
)
def test_damaged_file_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: object) -> None:
    assert callable(damage)
    path = tmp_path / "outbox.db"
    for round_ in (1, 2):
        outbox = Outbox(path)
        outbox.commit([_message(seq) for seq in range(100)])
        outbox.close()
        broken = damage(path.read_bytes())
        path.write_bytes(broken)
        with caplog.at_level(logging.ERROR):
            outbox = Outbox(path)
        assert outbox.depth == 0
        assert outbox.load_state() is None
        assert path.with_name(f"outbox.db.corrupt-{round_}").read_bytes() == broken
        assert f"outbox.db.corrupt-{round_}, a new one begins" in caplog.text
        outbox.commit([_message(1)])
        assert _seqs(outbox) == [1]
        outbox.close()
        path.unlink()


def test_file_damaged_while_running_is_set_aside_and_ids_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "outbox.db"
    outbox = Outbox(path)
    outbox.commit([_message(seq) for seq in range(500)], b"state")
    last = outbox.last_id
    outbox._file._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    outbox._file._db.execute("PRAGMA cache_size=0")
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    outbox.commit([_message(500)], b"next")
    outbox.commit([_message(501)])
    assert outbox.error is None
    assert path.with_name("outbox.db.corrupt-1").exists()
    assert outbox.next_batch(10)[0].id > last
    assert _seqs(outbox) == [500, 501]
    assert outbox.load_state() == b"next"
    outbox.close()


def test_what_cannot_be_an_outbox_says_so(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="unable to open database file"):
        Outbox(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(RecordsError, match="file"):
        Outbox(tmp_path / "file" / "outbox.db")
    newer = sqlite3.connect(tmp_path / "newer.db")
    newer.execute("PRAGMA user_version=99")
    newer.close()
    with pytest.raises(RecordsError, match="layout 99; expected 1 at most"):
        Outbox(tmp_path / "newer.db")
    with pytest.raises(ValueError, match="quota_bytes 0"):
        Outbox(tmp_path / "outbox.db", quota_bytes=0)

from __future__ import annotations

import random
from pathlib import Path

import pytest

from hall.errors import RecordsError
from ingest.metrics import Metrics
from ingest.points import Points
from ingest.spill import Spill


def _noise(size: int, seed: int) -> bytes:
    """Lines that do not shrink."""
    return random.Random(seed).randbytes(size).replace(b"\n", b"x")


def _telemetry(seed: int, size: int = 1000) -> Points:
    return Points(_noise(size, seed), telemetry=True)


def _event(seed: int, size: int = 1000) -> Points:
    return Points(_noise(size, seed), telemetry=False)


def _content(spill: Spill) -> list[bytes]:
    found = []
    while spilled := spill.oldest():
        found.append(spilled.lines)
        spill.remove(spilled)
    return found


def _dropped(metrics: Metrics, telemetry: str) -> float:
    value = metrics.registry.get_sample_value("hallwatch_points_dropped_bytes_total", {"telemetry": telemetry})
    return value or 0.0


def test_a_full_spill_drops_the_oldest_telemetry_first(tmp_path: Path, metrics: Metrics) -> None:
    spill = Spill(tmp_path / "spill.db", metrics, max_bytes=4500)
    points = [_event(0), _telemetry(1), _telemetry(2), _event(3), _telemetry(4)]
    for one in points:
        spill.put([one])
    assert _content(spill) == [points[i].lines for i in (0, 2, 3, 4)]
    assert _dropped(metrics, "true") > 1000
    assert _dropped(metrics, "false") == 0
    spill.close()


def test_without_telemetry_the_oldest_events_go(tmp_path: Path, metrics: Metrics) -> None:
    spill = Spill(tmp_path / "spill.db", metrics, max_bytes=2500)
    points = [_telemetry(0), _event(1), _event(2), _event(3)]
    for one in points:
        spill.put([one])
    assert _content(spill) == [points[2].lines, points[3].lines]
    assert _dropped(metrics, "false") > 1000
    spill.close()


def test_it_survives_a_restart_and_knows_its_size(tmp_path: Path, metrics: Metrics) -> None:
    first = Spill(tmp_path / "spill.db", metrics)
    first.put([_telemetry(0), _event(1), _telemetry(2)])
    size = first.size_bytes
    first.close()
    again = Spill(tmp_path / "spill.db", metrics)
    assert again.size_bytes == size > 0
    assert _content(again) == [_telemetry(0).lines + b"\n" + _telemetry(2).lines, _event(1).lines]
    assert again.size_bytes == 0
    again.close()


def test_lines_shrink_and_room_is_given_back(tmp_path: Path, metrics: Metrics) -> None:
    path = tmp_path / "spill.db"
    spill = Spill(path, metrics)
    line = b"window,hall=demo,floor=f1,window=w01 duty=1,clerk=1,customers=2 1767574800000000000"
    for _ in range(20):
        spill.put([Points(b"\n".join([line] * 1000), telemetry=True), _event(1, 20_000)])
    assert spill.size_bytes < 20 * 25_000
    _content(spill)
    spill.close()
    assert path.stat().st_size < 100_000


def test_a_file_that_is_none_is_said(tmp_path: Path, metrics: Metrics) -> None:
    path = tmp_path / "spill.db"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(RecordsError, match=r"spill .*spill\.db: file is not a database"):
        Spill(path, metrics)


def test_what_fails_is_not_counted(tmp_path: Path, metrics: Metrics) -> None:
    spill = Spill(tmp_path / "spill.db", metrics)
    spill.put([_event(0)])
    size = spill.size_bytes
    spill._file.execute("PRAGMA max_page_count=10")
    with pytest.raises(RecordsError, match="full"):
        spill.put([_event(1, 200_000)])
    assert spill.size_bytes == size
    assert _content(spill) == [_event(0).lines]
    spill.close()

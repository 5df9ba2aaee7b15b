"""What Prometheus reads of the boxes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
from prometheus_client import CollectorRegistry, generate_latest

from hall.errors import RecordsError
from hall.messages import CameraHealth, HealthBody
from hall.views import NodeView
from ingest.node_metrics import NodeMetrics
from tests.support.centre import ROOT


class _Reads:
    """A read model of two boxes."""

    away = False

    def nodes(self) -> Sequence[NodeView]:
        if self.away:
            raise RecordsError("the records are away")
        cameras = [
            CameraHealth("c1", "live", 1.9, 3, 20, 0.4, 0.75, 3, 1, fallback=True),
            CameraHealth("c2", "lost", 0, 0, 0, None, 0, 0, 0),
        ]
        health = HealthBody(cameras, 7, 900, 0, 210.5, "nanodet", "CPU", load=0.97, overloaded=True, missed_share=0.36)
        first = NodeView("demo", "f1", "edge-f1", "online", "0.1.0", 0.0, None, None, health)
        return [first, msgspec.structs.replace(first, node="edge-f2", status="offline")]

    def incidents(self, *, limit: int = 100, status: object = None) -> Sequence[object]:
        raise AssertionError((limit, status))

    def version(self) -> int:
        return 1


def _told(reads: _Reads) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(NodeMetrics(reads))  # type: ignore[arg-type]
    lines = generate_latest(registry).decode().splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}


def test_figures_of_boxes_that_are_online() -> None:
    told = _told(_Reads())
    box = 'floor="f1",hall="demo",node="edge-f1"'
    assert told[f"hallwatch_node_online{{{box}}}"] == 1
    assert told[f"hallwatch_node_online{{{box.replace('edge-f1', 'edge-f2')}}}"] == 0
    assert (told[f"hallwatch_node_overloaded{{{box}}}"], told[f"hallwatch_node_missed_share{{{box}}}"]) == (1, 0.36)
    camera = f'camera="c1",{box}'
    figures = [
        ("live", 1),
        ("fault", 0),
        ("inference_age_seconds", 0.4),
        ("skipped_share", 0.75),
        ("fps", 1.9),
        ("drops", 3),
        ("reconnects", 1),
        ("fallback", 1),
    ]
    for name, value in figures:
        assert told[f"hallwatch_camera_{name}{{{camera}}}"] == value
    # A camera that was never looked at has no age; a box that is away has no figures.
    assert told[f'hallwatch_camera_live{{camera="c2",{box}}}'] == 0
    assert f'hallwatch_camera_inference_age_seconds{{camera="c2",{box}}}' not in told
    assert [name for name in told if "edge-f2" in name and "online" not in name] == []


def test_records_that_are_away_have_no_figures() -> None:
    reads = _Reads()
    reads.away = True
    assert _told(reads) == {}


def test_every_gauge_is_on_the_page() -> None:
    page = (Path(ROOT) / "docs" / "store.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `(hallwatch_[a-z_]+)` \|", page, re.MULTILINE))
    assert listed == {name.partition("{")[0] for name in _told(_Reads())}

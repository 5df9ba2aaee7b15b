"""What the boxes said last of themselves, for Prometheus: one gauge per figure, read when somebody asks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from hall.errors import RecordsError
from hall.messages import CameraHealth, HealthBody
from hall.views import NodeView, ReadModel

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NodeGauge:
    """A figure of the health of a box."""

    name: str
    meaning: str
    value: Callable[[HealthBody], float]


@dataclass(frozen=True)
class CameraGauge:
    """A figure of one camera in it; None leaves the camera out."""

    name: str
    meaning: str
    value: Callable[[CameraHealth], float | None]


NODE_GAUGES = (
    NodeGauge("hallwatch_node_overloaded", "1 while it looks at fewer frames than it should", lambda h: h.overloaded),
    NodeGauge(
        "hallwatch_node_missed_share", "Share of the frames due that it does not look at", lambda h: h.missed_share
    ),
    NodeGauge("hallwatch_node_load", "Share of the time in which it is busy with frames", lambda h: h.load),
    NodeGauge("hallwatch_node_outbox_messages", "Messages that wait for the broker", lambda h: h.outbox_depth),
    NodeGauge("hallwatch_node_rss_megabytes", "Memory of its process", lambda h: h.rss_mb),
)
CAMERA_GAUGES = (
    CameraGauge("hallwatch_camera_live", "1 while pictures come", lambda c: c.state == "live"),
    CameraGauge("hallwatch_camera_fault", "1 while its picture is not believed", lambda c: c.fault is not None),
    CameraGauge(
        "hallwatch_camera_inference_age_seconds", "Age of the picture looked at last", lambda c: c.since_inference_s
    ),
    CameraGauge(
        "hallwatch_camera_skipped_share", "Share of the frames that the motion gate left out", lambda c: c.skipped_share
    ),
    CameraGauge("hallwatch_camera_fps", "Frames looked at per second", lambda c: c.fps),
    CameraGauge("hallwatch_camera_drops", "Frames dropped because the box was late", lambda c: c.drops),
    CameraGauge("hallwatch_camera_reconnects", "Times its stream was opened again", lambda c: c.reconnects),
    CameraGauge(
        "hallwatch_camera_fallback", "1 while its other stream is read because one fails", lambda c: c.fallback
    ),
)


class NodeMetrics(Collector):
    """Collects from the read model. A box that is not online has no figures but that it is not."""

    def __init__(self, reads: ReadModel) -> None:
        self._reads = reads

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All gauges; none while the records are away."""
        try:
            nodes = self._reads.nodes()
        except RecordsError as exc:
            _log.warning("no figures of boxes: %s", exc)
            return
        labels = ["hall", "floor", "node"]
        online = GaugeMetricFamily("hallwatch_node_online", "1 while the box is there", labels=labels)
        for node in nodes:
            online.add_metric(_place(node), node.status == "online")
        yield online
        healthy = [(_place(node), node.health) for node in nodes if node.status == "online" and node.health is not None]
        for gauge in NODE_GAUGES:
            family = GaugeMetricFamily(gauge.name, gauge.meaning, labels=labels)
            for place, health in healthy:
                family.add_metric(place, gauge.value(health))
            yield family
        for figure in CAMERA_GAUGES:
            yield _of_cameras(figure, [*labels, "camera"], healthy)


def _of_cameras(
    gauge: CameraGauge, labels: Sequence[str], healthy: Sequence[tuple[list[str], HealthBody]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(gauge.name, gauge.meaning, labels=labels)
    for place, health in healthy:
        for camera in health.cameras:
            value = gauge.value(camera)
            if value is not None:
                family.add_metric([*place, camera.camera], value)
    return family


def _place(node: NodeView) -> list[str]:
    return [node.hall, node.floor, node.node]

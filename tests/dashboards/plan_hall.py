"""A hall with a plan: two windows that have a place on it, a third one and a zone that have none."""

from __future__ import annotations

from hall.clock import Instant, from_iso

T0: Instant = from_iso("2026-01-05T02:10:00Z")
"""Monday 10:10:00 in the hall, the beginning of ten minutes."""

PLAN_YAML = """\
hall: {id: demo, name: 滨江区政务服务中心, timezone: Asia/Shanghai}
floors:
  - id: f1
    plan: {width_m: 12, depth_m: 9}
    cameras:
      - id: c1
        source: a.mp4
        node: edge-f1
        floor_points: [[[0, 0], [0, 8]], [[1, 0], [10, 8]], [[1, 1], [10, 0]], [[0, 1], [0, 0]]]
      - {id: c2, source: b.mp4, node: edge-f1}
    windows:
      - id: w01
        label: 1号窗口
        service: 社保
        camera: c1
        clerk_area: [[0.1, 0], [0.3, 0], [0.3, 0.125], [0.1, 0.125]]
        customer_area: [[0.1, 0.25], [0.3, 0.25], [0.3, 0.375], [0.1, 0.375]]
      - {id: w02, label: 2号窗口, camera: c1, clerk_area: [[0.4, 0], [0.6, 0], [0.6, 0.125], [0.4, 0.125]]}
      - {id: w03, label: 3号窗口, camera: c2, clerk_area: [[0.4, 0], [0.6, 0], [0.6, 0.2], [0.4, 0.2]]}
    zones:
      - id: waiting
        label: 等候区
        areas: [{camera: c1, polygon: [[0.3, 0.625], [0.7, 0.625], [0.7, 0.875], [0.3, 0.875]]}]
      - {id: side, label: 侧厅, areas: [{camera: c2, polygon: [[0, 0], [1, 0], [1, 1], [0, 1]]}]}
    entrances:
      - {id: door, label: 正门, camera: c1, line: [[0.4, 1], [0.6, 1]]}
  - id: f2
    cameras: [{id: c9, source: d.mp4}]
    windows: [{id: w21, label: 21号窗口, camera: c9, clerk_area: [[0, 0], [1, 0], [1, 1]]}]
"""

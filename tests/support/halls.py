"""A small hall file for tests that need one to change."""

from __future__ import annotations

HALL_YAML = """\
hall: {id: demo, name: 演示大厅}
hours:
  mon-fri: ["09:00-12:00", "13:30-17:30"]
  holidays: CN
  closed: [2026-03-05]
limits: {long_wait: 30min}
floors:
  - id: f1
    cameras:
      - {id: c1, source: "rtsp://user:${CAM_PW}@10.0.0.11/sub"}
      - {id: c2, source: hall.mp4}
    windows:
      - id: w01
        label: 1号窗口
        camera: c1
        clerk_area: [[0.1, 0.1], [0.3, 0.1], [0.3, 0.3]]
        customer_area: [[0.1, 0.5], [0.3, 0.5], [0.3, 0.9]]
    zones:
      - id: waiting
        serves: [w01]
        areas:
          - {camera: c2, polygon: [[0, 0], [1, 0], [1, 1], [0, 1]]}
    entrances:
      - {id: door, camera: c2, line: [[0.1, 0.9], [0.4, 0.9]]}
"""
ENVIRON = {"CAM_PW": "hunter2"}


def changed(*edits: tuple[str, str]) -> str:
    """HALL_YAML with parts replaced; each part must stand there exactly once."""
    text = HALL_YAML
    for old, new in edits:
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in HALL_YAML"
        text = text.replace(old, new)
    return text

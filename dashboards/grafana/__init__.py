"""Grafana as code: boards, alert rules and what pushes them. docs/grafana.md tells what there is."""

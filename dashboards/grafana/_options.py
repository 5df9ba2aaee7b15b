"""The options of each panel type: how all panels of it look here."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.models import (
    bargauge,
    canvas,
    common,
    histogram,
    stat,
    statetimeline,
    timeseries,
    xychart,
)

from dashboards.grafana._plan import canvas_root
from dashboards.grafana.spec import Panel


def options_of(panel: Panel) -> tuple[Any, object | None]:
    """Options of a panel, and the part of its field configuration that only its type knows."""
    match panel.kind:
        case "stat":
            return _stat(panel), None
        case "timeseries":
            return timeseries.Options(legend=_legend(), tooltip=_tooltip()), _lines(panel)
        case "state-timeline":
            return _state_timeline(), statetimeline.FieldConfig(fill_opacity=80, line_width=0)
        case "bargauge":
            return _bargauge(), None
        case "histogram":
            return _histogram(panel), histogram.FieldConfig(fill_opacity=70, line_width=1)
        case "xychart":
            return _xychart(), _points()
        case "canvas":
            return _canvas(panel), None


def _reduced(calculation: str = "lastNotNull") -> common.ReduceDataOptions:
    return common.ReduceDataOptions(calcs=[calculation], fields="", values=False)


def _legend() -> common.VizLegendOptions:
    return common.VizLegendOptions(
        display_mode=common.LegendDisplayMode.LIST,
        placement=common.LegendPlacement.BOTTOM,
        show_legend=True,
        calcs=[],
    )


def _tooltip() -> common.VizTooltipOptions:
    return common.VizTooltipOptions(mode=common.TooltipDisplayMode.MULTI, sort=common.SortOrder.DESCENDING)


def _stat(panel: Panel) -> stat.Options:
    coloured = common.BigValueColorMode.BACKGROUND if panel.steps or panel.code else common.BigValueColorMode.VALUE
    return stat.Options(
        graph_mode=common.BigValueGraphMode.NONE,
        color_mode=coloured,
        justify_mode=common.BigValueJustifyMode.CENTER,
        text_mode=common.BigValueTextMode.AUTO,
        reduce_options=_reduced(),
        orientation=common.VizOrientation.AUTO,
    )


def _lines(panel: Panel) -> common.GraphFieldConfig:
    bars = panel.stacked
    return common.GraphFieldConfig(
        draw_style=common.GraphDrawStyle.BARS if bars else common.GraphDrawStyle.LINE,
        fill_opacity=70 if bars else 10,
        line_width=1 if bars else 2,
        show_points=common.VisibilityMode.AUTO,
        # A line ends where nothing is known for longer than two steps of a minute.
        span_nulls=None if bars else 120_000,
        stacking=common.StackingConfig(mode=common.StackingMode.NORMAL, group="A") if bars else None,
    )


def _state_timeline() -> statetimeline.Options:
    return statetimeline.Options(
        show_value=common.VisibilityMode.NEVER,
        merge_values=True,
        row_height=0.85,
        legend=_legend(),
        tooltip=common.VizTooltipOptions(mode=common.TooltipDisplayMode.SINGLE, sort=common.SortOrder.NONE),
    )


def _bargauge() -> bargauge.Options:
    return bargauge.Options(
        display_mode=common.BarGaugeDisplayMode.BASIC,
        value_mode=common.BarGaugeValueMode.TEXT,
        name_placement=common.BarGaugeNamePlacement.AUTO,
        sizing=common.BarGaugeSizing.AUTO,
        reduce_options=_reduced(),
        orientation=common.VizOrientation.HORIZONTAL,
        legend=_legend(),
    )


def _histogram(panel: Panel) -> histogram.Options:
    return histogram.Options(bucket_size=panel.bucket, combine=True, legend=_legend(), tooltip=_tooltip())


def _xychart() -> xychart.Options:
    def named(name: str) -> xychart.MatcherConfig:
        return xychart.MatcherConfig(id_val="byName", options=name)

    cells = xychart.XYSeriesConfig(
        frame=xychart.XychartXYSeriesConfigFrame(matcher=xychart.MatcherConfig(id_val="byIndex", options=0)),
        x=xychart.XychartXYSeriesConfigX(matcher=named("x")),
        y=xychart.XychartXYSeriesConfigY(matcher=named("y")),
        color=xychart.XychartXYSeriesConfigColor(matcher=named("people")),
    )
    return xychart.Options(
        mapping=xychart.SeriesMapping.MANUAL,
        series=[cells],
        legend=common.VizLegendOptions(
            display_mode=common.LegendDisplayMode.HIDDEN, placement=common.LegendPlacement.BOTTOM, calcs=[]
        ),
        tooltip=common.VizTooltipOptions(mode=common.TooltipDisplayMode.SINGLE, sort=common.SortOrder.NONE),
    )


def _points() -> xychart.FieldConfig:
    return xychart.FieldConfig(
        show=xychart.XYShowMode.POINTS,
        point_size=xychart.XychartFieldConfigPointSize(fixed=18),
        point_shape=xychart.PointShape.SQUARE,
        fill_opacity=85,
    )


def _canvas(panel: Panel) -> canvas.Options:
    assert panel.plan is not None, f"{panel.title.en}: a canvas lies over a plan"
    return canvas.Options(
        inline_editing=False,
        show_advanced_types=False,
        pan_zoom=False,
        infinite_pan=False,
        root=canvas_root(panel.plan),
    )

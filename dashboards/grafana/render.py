"""A board as Grafana's JSON, through the types of grafana-foundation-sdk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard

from dashboards.grafana._options import options_of
from dashboards.grafana._targets import annotation_of, data_source, target_of, variable_query
from dashboards.grafana.query import Dialect
from dashboards.grafana.spec import Board, BoardName, Panel, Row, Step, Text, VariableName, uid_of
from dashboards.grafana.words import CODE_WORDS, FAULT_CODES
from hall.words import Language
from ingest.points import CODES

CONSOLE = "http://localhost:8087"
"""Where the console is, unless the variable `console` says otherwise."""
_CONSOLE_PAGES: Final[dict[BoardName, str]] = {
    "incidents": "/incidents",
    "window": "/windows",
    "ratings": "/ratings",
    "fleet": "/fleet",
}
"""The page of the console that tells more of what a board shows; the floor's for all others."""
COLUMNS: Final = 24
_NOT_AN_INTERVAL: Final[dict[str, None]] = {"auto": None, "auto_min": None, "auto_count": None}
"""The SDK gives these to variables of every type, under names that Grafana does not know."""
_LABELS: dict[VariableName, Text] = {
    "hall": Text("大厅", "Hall"),
    "floor": Text("楼层", "Floor"),
    "window": Text("窗口", "Window"),
}


def render(board: Board, dialect: Dialect, language: Language, console: str = CONSOLE) -> dict[str, Any]:
    """The board as Grafana takes it."""
    whole = dashboard.Dashboard(
        uid=board.uid(language),
        title=board.title[language],
        tags=["hallwatch", f"hallwatch-{language}"],
        timezone="browser",
        editable=False,
        time=dashboard.DashboardDashboardTime(from_val=board.since, to="now"),
        refresh=board.refresh,
        graph_tooltip=dashboard.DashboardCursorSync.CROSSHAIR,
        templating=dashboard.DashboardDashboardTemplating(list_val=_variables(board, dialect, language, console)),
        annotations=dashboard.AnnotationContainer(list_val=_annotations(board, dialect, language)),
        links=_links(board, language),
        panels=_placed(board.items, dialect, language),
    )
    plain: dict[str, Any] = json.loads(json.dumps(whole, cls=JSONEncoder))
    return plain


def _variables(board: Board, dialect: Dialect, language: Language, console: str) -> list[dashboard.VariableModel]:
    fixed = dict(board.fixed)
    made = []
    for place, name in enumerate(board.variables):
        if name in fixed:
            made.append(_constant(name, fixed[name]))
            continue
        many = name in board.many
        query = variable_query(name, board.variables[:place], dialect)
        made.append(
            dashboard.VariableModel(
                type_val=dashboard.VariableType.QUERY,
                name=name,
                label=_LABELS[name][language],
                query=query,
                definition=query,
                datasource=data_source(dialect),
                refresh=dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED,
                sort=dashboard.VariableSort.ALPHABETICAL_ASC,
                multi=many,
                include_all=many,
                all_value=".*" if many else None,
                current=dashboard.VariableOption(selected=True, text=["All"], value=["$__all"]) if many else None,
                **_NOT_AN_INTERVAL,
            )
        )
    return [*made, _constant("console", console)]


def _constant(name: str, value: str) -> dashboard.VariableModel:
    only = dashboard.VariableOption(selected=True, text=value, value=value)
    return dashboard.VariableModel(
        type_val=dashboard.VariableType.CONSTANT,
        name=name,
        query=value,
        current=only,
        options=[only],
        hide=dashboard.VariableHide.HIDE_VARIABLE,
        skip_url_sync=True,
        **_NOT_AN_INTERVAL,
    )


def _annotations(board: Board, dialect: Dialect, language: Language) -> list[dashboard.AnnotationQuery]:
    if not board.incidents:
        return []
    return [
        annotation_of("raised", Text("事件发生", "raised")[language], "red", dialect),
        annotation_of("cleared", Text("事件解除", "cleared")[language], "green", dialect),
    ]


def _links(board: Board, language: Language) -> list[dashboard.DashboardLink]:
    boards = dashboard.DashboardLink(
        title=Text("看板", "Boards")[language],
        type_val=dashboard.DashboardLinkType.DASHBOARDS,
        icon="external link",
        tags=[f"hallwatch-{language}"],
        as_dropdown=True,
        include_vars=True,
        keep_time=True,
    )
    console = dashboard.DashboardLink(
        title=Text("控制台", "Console")[language],
        type_val=dashboard.DashboardLinkType.LINK,
        icon="external link",
        url=f"${{console}}{_CONSOLE_PAGES.get(board.name, '/')}?lang={language}",
        target_blank=True,
    )
    return [boards, console]


def _placed(
    items: Sequence[Panel | Row], dialect: Dialect, language: Language
) -> list[dashboard.Panel | dashboard.RowPanel]:
    """Panels from left to right, and on the next line where there is no room."""
    made: list[dashboard.Panel | dashboard.RowPanel] = []
    x = y = line = 0
    for number, item in enumerate(items, 1):
        width, height = (item.width, item.height) if isinstance(item, Panel) else (COLUMNS, 1)
        if x + width > COLUMNS:
            x, y, line = 0, y + line, 0
        place = dashboard.GridPos(h=height, w=width, x=x, y=y)
        if isinstance(item, Panel):
            made.append(_panel(item, number, place, dialect, language))
        else:
            made.append(dashboard.RowPanel(title=item.title[language], grid_pos=place, id_val=number, panels=[]))
        x, line = x + width, max(line, height)
    return made


def _panel(
    panel: Panel, number: int, place: dashboard.GridPos, dialect: Dialect, language: Language
) -> dashboard.Panel:
    options, custom = options_of(panel)
    as_table = panel.kind == "xychart"
    return dashboard.Panel(
        type_val=panel.kind,
        id_val=number,
        title=panel.title[language],
        description=panel.note[language] if panel.note else None,
        datasource=data_source(dialect),
        grid_pos=place,
        targets=[
            target_of(target, chr(ord("A") + place), dialect, language, as_table=as_table)
            for place, target in enumerate(panel.targets)
        ],
        transformations=_transformations(panel, dialect),
        interval=panel.step,
        time_from="2m" if panel.now else None,
        hide_time_override=True if panel.now else None,
        options=options,
        field_config=dashboard.FieldConfigSource(defaults=_field_config(panel, custom, language), overrides=[]),
    )


def _field_config(panel: Panel, custom: object | None, language: Language) -> dashboard.FieldConfig:
    steps = panel.steps or (Step(None, "green"),)
    by_value = bool(panel.steps) or panel.code is not None
    mode = dashboard.FieldColorModeId.THRESHOLDS if by_value else dashboard.FieldColorModeId.PALETTE_CLASSIC
    return dashboard.FieldConfig(
        unit=panel.unit,
        decimals=panel.decimals,
        min_val=panel.low,
        max_val=panel.high,
        mappings=[_mapping(panel, language)] if panel.code else [],
        thresholds=dashboard.ThresholdsConfig(
            mode=dashboard.ThresholdsMode.ABSOLUTE,
            steps=[dashboard.Threshold(value=step.value, color=step.colour) for step in steps],
        ),
        color=dashboard.FieldColor(mode=mode),
        links=[_data_link(panel, language)] if panel.opens else None,
        no_value=(panel.empty or Text("无数据", "no data"))[language],
        custom=custom,
    )


def _mapping(panel: Panel, language: Language) -> dashboard.ValueMap:
    assert panel.code is not None
    words = CODE_WORDS[panel.code]
    codes = FAULT_CODES if panel.code == "fault" else CODES[panel.code]
    return dashboard.ValueMap(
        options={
            str(codes[word]): dashboard.ValueMappingResult(text=text[language], color=colour, index=index)
            for index, (word, (text, colour)) in enumerate(words.items())
        }
    )


def _data_link(panel: Panel, language: Language) -> dashboard.DashboardLink:
    assert panel.opens is not None
    tag = panel.opens_tag
    label = f"${{__field.labels.{tag}}}"
    query = f"var-hall=${{hall}}&var-{tag}={label}&${{__url_time_range}}"
    return dashboard.DashboardLink(
        title=Text("打开 {}", "Open {}")[language].format(label), url=f"/d/{uid_of(panel.opens, language)}?{query}"
    )


def _transformations(panel: Panel, dialect: Dialect) -> list[dashboard.DataTransformerConfig] | None:
    """Tags are text: cells of the plan become numbers, and their value gets one name in both dialects."""
    if panel.kind != "xychart":
        return None
    numbers = [{"targetField": name, "destinationType": "number"} for name in ("x", "y")]
    value = "Value" if dialect == "promql" else panel.targets[0].query.over
    return [
        dashboard.DataTransformerConfig(id_val="convertFieldType", options={"conversions": numbers}),
        dashboard.DataTransformerConfig(
            id_val="organize",
            options={"excludeByName": {"Time": True}, "indexByName": {}, "renameByName": {value: "people"}},
        ),
    ]

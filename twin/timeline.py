"""Timelines of truth against claim, as SVG: rows for each window and zone, nothing that needs a script or a font."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from twin._spans import Span, clip
from twin._state_score import Claimed, blind_of
from twin.evaluate import Comparison
from twin.matching import SESSION, STAY, Pair, Spell
from twin.truth import Truth

_LEFT, _WIDTH, _RIGHT = 148, 1020, 12
_BAR, _LANE, _GAP, _HEAD = 8, 21, 6, 22
"""Pixels: height of a bar, of a lane with truth above claim, between groups of rows, of a heading."""
_OFF_S = 2.0
_TICKS_S = (10, 30, 60, 120, 300, 600, 1800, 3600, 7200)

LABELS = {
    "presence": "在岗 clerk",
    SESSION: "办理 sessions",
    STAY: "停留 stays",
    "clerk_absent": "离岗 absent",
    "overtime_case": "办理超时 overtime",
    "long_wait": "等候超时 long wait",
    "camera_fault": "摄像机故障 camera fault",
    "overload": "边缘盒过载 overload",
}

STYLE = """
svg.timeline{font:11px system-ui,"Noto Sans CJK SC",sans-serif;max-width:100%;height:auto;background:#fff}
.timeline text{fill:#334}.timeline .subject{font-weight:600;font-size:13px}.timeline .side{fill:#889;font-size:8px}
.timeline .grid{stroke:#e3e6ec}.timeline .frame{fill:#f7f8fa}
.timeline .good{fill:#2c9460}.timeline .bad{fill:#d43d3d}
.timeline .off{fill:#d99a1c}.timeline .missed{fill:#fff;stroke:#d43d3d;stroke-width:1.5}
.timeline .present{fill:#5b7fb8}.timeline .unknown{fill:#b9bdc7}.timeline .absent{fill:#e6e9ef}
.timeline .blind{fill:url(#blind)}
"""
"""For the page around the pictures, once."""

PATTERN = (
    '<svg width="0" height="0" style="position:absolute"><defs>'
    '<pattern id="blind" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="6" height="6" fill="#fff3d6"/><rect width="2" height="6" fill="#e8c77a"/></pattern></defs></svg>'
)
"""The shading of blind time, once per page."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """A bar: truth in the upper half of its lane, claim in the lower."""

    start_s: float
    end_s: float
    lower: bool
    style: str
    title: str


@dataclass(frozen=True, slots=True)
class _Row:
    label: str
    lanes: list[list[_Mark]]


def timeline(compared: Comparison, truth: Truth) -> str:
    """One SVG: per window clerk presence, sessions and events, per zone stays and events.

    Each row has the truth above and the claim below; what matches is green, or amber with a start or
    end more than 2 s off; a claim that is wrong is red, a truth that was missed is framed in red. Tooltips say times
    and errors. Blind time is shaded.
    """
    subjects = sorted({*(pair.subject for pair in compared.pairs), *compared.states})
    parts: list[str] = []
    scale = _Scale(compared.end_s)
    top = 24.0
    for subject in subjects:
        rows = list(_rows(subject, compared, truth))
        height = _HEAD + sum(len(row.lanes) for row in rows) * _LANE + _GAP
        parts += _group(subject, rows, blind_of(truth, subject), top, scale)
        top += height
    axis = "".join(_axis(scale, top))
    head = f'<svg class="timeline" viewBox="0 0 {_LEFT + _WIDTH + _RIGHT} {top:.0f}" role="img">'
    return f"{head}{axis}{''.join(parts)}</svg>"


class _Scale:
    def __init__(self, end_s: float) -> None:
        self.end_s = max(end_s, 1.0)

    def x(self, at_s: float) -> float:
        return _LEFT + min(max(at_s, 0.0), self.end_s) / self.end_s * _WIDTH


def _axis(scale: _Scale, bottom: float) -> Iterator[str]:
    step_s = next((s for s in _TICKS_S if scale.end_s / s <= 16), _TICKS_S[-1])
    for k in range(int(scale.end_s / step_s) + 1):
        x = scale.x(k * step_s)
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="18" y2="{bottom:.0f}"/>'
        yield f'<text x="{x:.1f}" y="12" text-anchor="middle">{clock(k * step_s)}</text>'


def _group(subject: str, rows: Sequence[_Row], blind: Sequence[Span], top: float, scale: _Scale) -> Iterator[str]:
    kind, _, name = subject.partition("/")
    yield f'<text class="subject" x="4" y="{top + 15:.0f}">{escape(name)}</text>'
    yield f'<text class="side" x="{_LEFT - 6}" y="{top + 15:.0f}" text-anchor="end">{escape(kind)}</text>'
    y = top + _HEAD
    height = sum(len(row.lanes) for row in rows) * _LANE
    yield f'<rect class="frame" x="{_LEFT}" y="{y:.0f}" width="{_WIDTH}" height="{height}"/>'
    for start, end in blind:
        title = f"blind 不可知 {_between(start, end)}"
        yield _rect("blind", scale, start, end, y, height, title)
    for row in rows:
        yield f'<text x="12" y="{y + 12:.0f}">{escape(row.label)}</text>'
        for lane in row.lanes:
            yield f'<text class="side" x="{_LEFT - 10}" y="{y + 8:.0f}">T</text>'
            yield f'<text class="side" x="{_LEFT - 10}" y="{y + 17:.0f}">C</text>'
            for mark in lane:
                at_y = y + (_BAR + 1.5 if mark.lower else 0.5)
                yield _rect(mark.style, scale, mark.start_s, mark.end_s, at_y, _BAR, mark.title)
            y += _LANE


def _rect(style: str, scale: _Scale, start_s: float, end_s: float, y: float, height: float, title: str) -> str:
    x = scale.x(start_s)
    width = max(1.5, scale.x(end_s) - x)
    return (
        f'<rect class="{style}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:g}">'
        f"<title>{escape(title)}</title></rect>"
    )


def _rows(subject: str, compared: Comparison, truth: Truth) -> Iterator[_Row]:
    if subject.startswith("window/") and truth.duration_s is not None:
        yield _Row(LABELS["presence"], [list(_presence(subject, compared.states.get(subject), truth))])
    own = [pair for pair in compared.pairs if pair.subject == subject]
    kinds = {"window": [SESSION], "zone": [STAY]}.get(subject.partition("/")[0], [])
    kinds += sorted({pair.kind for pair in own if pair.kind not in {SESSION, STAY}})
    for kind in kinds:
        pairs = [pair for pair in own if pair.kind == kind]
        lanes = [
            [mark for pair in lane for mark in _marks(pair, compared.end_s)] for lane in _lanes(pairs, compared.end_s)
        ]
        yield _Row(LABELS.get(kind, kind), lanes or [[]])


def _presence(subject: str, claimed: Claimed | None, truth: Truth) -> Iterator[_Mark]:
    end_s = truth.duration_s or 0.0
    present = [(p.start_s, p.end_s) for p in truth.presence if f"window/{p.window}" == subject]
    blind = blind_of(truth, subject)
    true = {"present": present, "unknown": blind, "absent": clip([(0.0, end_s)], [*present, *blind])}
    for state, spans in true.items():
        for a, b in spans:
            yield _Mark(a, b, lower=False, style=state, title=f"truth 真值: {state} {_between(a, b)}")
    for a, b, state in claimed.states if claimed is not None else []:
        yield _Mark(a, b, lower=True, style=state, title=f"claim 上报: {state} {_between(a, b)}")


def _marks(pair: Pair, end_s: float) -> Iterator[_Mark]:
    title = _title(pair)
    for spell, lower in ((pair.true, False), (pair.claimed, True)):
        if spell is not None:
            style = ("off" if _is_off(pair) else "good") if pair.is_match else "bad" if lower else "missed"
            yield _Mark(
                spell.start_s, end_s if spell.end_s is None else spell.end_s, lower=lower, style=style, title=title
            )


def _is_off(pair: Pair) -> bool:
    """Whether start or end of a match is further off than is asked of events and sessions."""
    a, b = pair.true, pair.claimed
    assert a is not None
    assert b is not None
    end_s = 0.0 if a.end_s is None or b.end_s is None else abs(a.end_s - b.end_s)
    return max(a.start_error_s(b), end_s) > _OFF_S


def _title(pair: Pair) -> str:
    lines = [f"{LABELS.get(pair.kind, pair.kind)} {pair.subject}"]
    for name, spell in (("truth 真值", pair.true), ("claim 上报", pair.claimed)):
        lines.append(f"{name}: {'-' if spell is None else _spell(spell)}")
    if pair.true is None or pair.claimed is None:
        lines.append("missed 漏报" if pair.claimed is None else "wrong 误报")
        return "\n".join(lines)
    errors = [f"start {pair.claimed.start_s - pair.true.start_s:+.2f} s"]
    if pair.true.end_s is not None and pair.claimed.end_s is not None:
        errors.append(f"end {pair.claimed.end_s - pair.true.end_s:+.2f} s")
    errors.append(f"unknown {pair.claimed.unknown_s - pair.true.unknown_s:+.2f} s")
    return "\n".join([*lines, "error 误差: " + ", ".join(errors)])


def _spell(spell: Spell) -> str:
    told = "" if spell.raised_s is None else f", raised {clock(spell.raised_s)}"
    unknown = f", unknown {spell.unknown_s:.1f} s" if spell.unknown_s else ""
    return f"{_between(spell.start_s, spell.end_s)}{unknown}{told}"


def _lanes(pairs: Iterable[Pair], end_s: float) -> list[list[Pair]]:
    """Pairs in lanes so that none lies over another; those of one match share a lane."""

    def reach(pair: Pair) -> Span:
        spells = [spell for spell in (pair.true, pair.claimed) if spell is not None]
        return min(s.start_s for s in spells), max(end_s if s.end_s is None else s.end_s for s in spells)

    lanes: list[list[Pair]] = []
    ends: list[float] = []
    for pair in sorted(pairs, key=reach):
        start, end = reach(pair)
        free = next((i for i, until in enumerate(ends) if until < start), None)
        if free is None:
            lanes.append([pair])
            ends.append(end)
        else:
            lanes[free].append(pair)
            ends[free] = end
    return lanes


def clock(at_s: float) -> str:
    """Minutes and seconds: 4:05.3, 4:00."""
    minutes, seconds = divmod(round(at_s, 1), 60)
    text = f"{seconds:04.1f}" if seconds % 1 else f"{seconds:02.0f}"
    return f"{minutes:.0f}:{text}"


def _between(start_s: float, end_s: float | None) -> str:
    if end_s is None:
        return f"{clock(start_s)} – …"
    return f"{clock(start_s)} – {clock(end_s)} ({end_s - start_s:.1f} s)"


LEGEND = (
    '<p class="small">T 真值 truth · C 上报 claim · <i class="good">■</i> 相符 match · '
    '<i class="off">■</i> 偏差超过 off by over 2 s · <i class="bad">■</i> 误报 wrong · '
    '<i class="bad">□</i> 漏报 missed · '
    '<i class="present">■</i> 在岗 present · <i class="unknown">■</i> 未知 unknown · '
    '<i class="blind">▨</i> 不可知 blind</p>'
)
"""What the colours mean, as HTML."""

_PAGE_STYLE = """
body{font:14px system-ui,"Noto Sans CJK SC",sans-serif;color:#223;max-width:1240px;margin:24px auto;padding:0 16px;
background:#fff}
table{border-collapse:collapse}td,th{padding:3px 12px 3px 0;text-align:right}
td:first-child,th:first-child{text-align:left}th{color:#667;font-weight:500}tr+tr td{border-top:1px solid #e3e6ec}
summary{cursor:pointer;padding:6px 0}.ok{color:#2c9460}.no{color:#d43d3d}.small{color:#667;font-size:12px}
.small i{font-style:normal}i.good{color:#2c9460}i.bad{color:#d43d3d}
i.off{color:#d99a1c}i.present{color:#5b7fb8}i.unknown{color:#b9bdc7}
i.blind{color:#e8c77a}
"""


def page(title: str, body: str) -> str:
    """A whole HTML page that loads nothing."""
    return (
        '<!doctype html><html lang="zh"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
        f"<style>{_PAGE_STYLE}{STYLE}</style></head><body>{PATTERN}<h1>{escape(title)}</h1>{body}</body></html>"
    )

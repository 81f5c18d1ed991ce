"""A stage chart drawn as SVG: stages one below the other, arrows to the right and left of them, every label in the open.

Text sizes are reckoned, not measured, so the same chart is the same bytes everywhere. No script, no style sheet, no font file.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

from lead_events.domain.diagram import ANYWHERE, Chart

_ROW, _BOX, _WIDE, _LEFT, _TOP = 84, 44, 190, 60, 70
"""Distance and height of boxes, their width, and where the first one stands, in pixels."""
_LANE, _LINE = 18, 24
"""Distance of two arrows, and of two labels, in pixels."""
_LEGEND = "A dot: where a way begins. An arrow head: the stage that is entered. Dashed: by time alone."
_CHARACTER = 6.6
"""About how wide one character of a label is, in pixels at 12."""


def draw_svg(chart: Chart) -> str:
    """Draw a chart; it reads in black on white and in a dark page alike."""
    rows = {name: _TOP + number * _ROW for number, (name, _) in enumerate(chart.stages)}
    right = _LEFT + _WIDE + _LANE * (len(chart.arrows) + 2)
    longest = max((len(arrow.route) for arrow in chart.arrows), default=0)
    width = int(right + max(longest + 4, len(chart.title)) * _CHARACTER)
    legend = max(_TOP + len(rows) * _ROW, _TOP + 8 + len(chart.arrows) * _LINE) + 20
    height = legend + 20
    arrows = [line for number in range(len(chart.arrows)) for line in _lane(chart, number, right, rows)]
    body = [*_boxes(chart, rows), *arrows]
    return "\n".join(
        [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title description" '
                f'viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="sans-serif" font-size="12">'
            ),
            f'<title id="title">{escape(chart.title)}</title>',
            f'<desc id="description">{escape(chart.description)}</desc>',
            (
                '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
                '<path d="M0,0 L8,4 L0,8 z" fill="#333"/></marker></defs>'
            ),
            f'<rect width="{width}" height="{height}" fill="#fff"/>',
            f'<text x="{_LEFT}" y="32" font-size="16" font-weight="bold" fill="#111">{escape(chart.title)}</text>',
            *body,
            f'<text x="{_LEFT}" y="{legend}" fill="#555">{_LEGEND}</text>',
            "</svg>\n",
        ]
    )


def _lane(chart: Chart, number: int, right: int, rows: dict[str, int]) -> Iterator[str]:
    """Draw one arrow in a lane of its own to the right of the boxes, with a thin line to its label."""
    arrow, spread = chart.arrows[number], _spread(number, len(chart.arrows))
    x, label = _LEFT + _WIDE + _LANE * (number + 1), _TOP + 8 + number * _LINE
    dashes = ' stroke-dasharray="6 4"' if arrow.by_time else ""
    edge, end = _LEFT + _WIDE, _middle(rows, arrow.target) + spread
    begins = [label if source == ANYWHERE else _middle(rows, source) + spread for source in arrow.sources]
    for source, begin in zip(arrow.sources, begins, strict=True):
        if source != ANYWHERE:
            yield f'<path d="M{edge},{begin} H{x}" stroke="#333"{dashes}/>'
        yield f'<circle cx="{x}" cy="{begin}" r="3" fill="#333"/>'
    reach = f"M{x},{min([*begins, end, label])} V{max([*begins, end, label])}"
    yield f'<path d="{reach}" stroke="#333"{dashes}/>'
    yield f'<path d="M{x},{end} H{edge}" stroke="#333" fill="none" marker-end="url(#tip)"/>'
    yield f'<path d="M{x},{label} H{right}" stroke="#999" stroke-dasharray="1 3"/>'
    yield f'<text x="{right + 6}" y="{label + 4}" fill="#111">{escape(arrow.route)}</text>'


def _boxes(chart: Chart, rows: dict[str, int]) -> Iterator[str]:
    for name, owner in chart.stages:
        top, middle = rows[name], _LEFT + _WIDE // 2
        box = f'<rect x="{_LEFT}" y="{top}" width="{_WIDE}" height="{_BOX}" rx="6" fill="#eef3fb" stroke="#335"/>'
        text = top + (_BOX // 2 + 4 if not owner else 19)
        yield f'{box}<text x="{middle}" y="{text}" text-anchor="middle" font-weight="bold" fill="#111">{escape(name)}</text>'
        if owner:
            yield f'<text x="{middle}" y="{top + 35}" text-anchor="middle" fill="#555">{escape(owner)}</text>'


def _middle(rows: dict[str, int], stage: str) -> int:
    return rows[stage] + _BOX // 2


def _spread(number: int, arrows: int) -> int:
    """Return how far from the middle of a box an arrow meets it, so that no two meet it in one point."""
    room = _BOX - 8
    return number * room // max(1, arrows - 1) - room // 2

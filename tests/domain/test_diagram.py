"""The stage chart: every way of the document is drawn, as the same bytes each time, and can be read without seeing it."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from lead_events.domain.diagram import ANYWHERE, draw_mermaid, read_chart
from lead_events.domain.diagram_svg import draw_svg
from lead_events.domain.document import ModelDocument
from tests.given import shipped_document
from tests.histories import LANGUAGE

CHART = read_chart(ModelDocument.model_validate(shipped_document()), 7)
SVG = "{http://www.w3.org/2000/svg}"


def test_every_way_is_an_arrow() -> None:
    """Entries by events and conditions from each source, and exits by time."""
    routes = [arrow.route for arrow in CHART.arrows]
    assert "visitor, lead → mql: definition any" in routes
    assert "recycled → mql: definition any, by a new act" in routes
    assert "any stage → customer: deal.won" in routes
    assert [arrow.route for arrow in CHART.arrows if arrow.by_time] == [
        "mql → lead: 30d without definition any (cooled)",
        "sal → recycled: 90d without an event (stalled)",
        "opportunity → recycled: 90d without an event (stalled)",
    ]
    stages = shipped_document()["stages"].values()
    assert len(routes) == sum(len(stage.get("entry", ())) + len(stage.get("exits", ())) for stage in stages)
    assert ANYWHERE not in CHART.description


def test_what_a_stage_requires_stands_at_its_arrows() -> None:
    """Whoever reads the chart sees why a lead waits."""
    chart = read_chart(ModelDocument.model_validate(LANGUAGE))
    assert {arrow.label for arrow in chart.arrows if arrow.target == "sal"} == {"lead.accepted (needs traits.job_title)"}
    long = {"type": "a.b", "traits.job_title": {"matches": "x" * 90}}
    stages = {**LANGUAGE["stages"], "sal": {"requires": ["traits.budget"], "entry": [{"when": long}]}}
    (arrow,) = (
        each for each in read_chart(ModelDocument.model_validate({**LANGUAGE, "stages": stages})).arrows if each.target == "sal"
    )
    assert arrow.label.endswith("… (needs traits.budget)")


def test_mermaid_names_every_stage_and_arrow() -> None:
    """One line each, with a title and a description for those who cannot see it."""
    lines = draw_mermaid(CHART).splitlines()
    assert lines[:2] == ["stateDiagram-v2", "  accTitle: Stages of Model 7, shipped"]
    assert sum(" --> " in line for line in lines) == sum(len(arrow.sources) for arrow in CHART.arrows) + 1
    assert '  state "mql (marketing)" as s2' in lines
    assert "  s1 --> s2: definition any" in lines
    assert not any(char in line.partition("accDescr:")[2] for line in lines for char in ";{}<>#")


def test_the_svg_is_whole_accessible_and_always_the_same() -> None:
    """Well-formed, titled and described; every stage and arrow stands in it; nothing lies outside, no two labels meet."""
    text = draw_svg(CHART)
    assert text == draw_svg(CHART)
    root = ET.fromstring(text)
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == CHART.title
    assert root.findtext(f"{SVG}desc") == CHART.description
    texts = [(each.text or "", float(each.get("x") or 0), float(each.get("y") or 0)) for each in root.findall(f"{SVG}text")]
    assert {name for name, _ in CHART.stages} <= {words for words, *_ in texts}
    labels = [each for each in texts if "→" in each[0]]
    assert len(labels) == len(CHART.arrows)
    assert len({y for *_, y in labels}) == len(labels)
    width, height = float(root.get("width") or 0), float(root.get("height") or 0)
    assert all(0 < x < width and 0 < y < height and x + 5 * len(words) < width + 5 for words, x, y in texts if "→" in words)
    assert "<script" not in text
    assert "href" not in text


def test_names_cannot_break_out_of_a_drawing() -> None:
    """What people write is text, never markup."""
    document = ModelDocument.model_validate({"name": '<b>"&', "scores": {"s": {"rules": []}}, "stages": {"a": {"owner": "<i>"}}})
    chart = read_chart(document)
    ET.fromstring(draw_svg(chart))
    assert "<b>" not in draw_svg(chart) + draw_mermaid(chart)

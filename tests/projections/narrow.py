"""Models that few events matter to, so that most of a log can be left out of a preview."""

from __future__ import annotations

import orjson
from hypothesis import strategies as st

from tests.histories import LANGUAGE, MODEL
from tests.projections.recalled import Document

WHENS: list[Document] = [
    {"type": "page.viewed", "context.page.path": "/pricing"},
    {"type": "page.viewed", "context.page.url": {"glob": "https://a*"}},
    {"context.page.path": {"not": "/pricing"}, "type": ["page.viewed", "file.downloaded"]},
    {"type": "page.scrolled", "properties.depth": {"at_least": 50}},
    {"type": "file.downloaded", "properties.file": "x.pdf"},
    {"type": "form.submitted", "properties.amount": {"at_least": 1}},
    {"properties.file": {"not": "present"}, "context.page.path": {"not": "present"}},
    {"type": "signal.lit", "properties.colour": "red"},
    {"type": "page.viewed", "user_id": "u1"},
]
LIMITS: list[Document] = [{}, {"limit": {"times": 1, "per": "session"}}, {"limit": {"times": 1, "per": "day"}}, {"cap": 4}]


@st.composite
def narrow(draw: st.DrawFn) -> Document:
    """A model that few events matter to: rules on some pages or fields only, no visits, waits in some stages."""
    document: Document = orjson.loads(orjson.dumps(MODEL))
    rules = document["scores"]["behaviour"]["rules"] = [{"id": "none", "when": {"type": "nothing.done"}, "points": 1}]
    for number, when in enumerate(draw(st.lists(st.sampled_from(WHENS), max_size=3))):
        points = draw(st.sampled_from([3, 30, -2]))
        rules.append({"id": f"rule-{number}", "when": when, "points": points, **draw(st.sampled_from(LIMITS))})
    document["scores"]["heat"]["rules"] = [{"id": "nothing", "when": {"type": "nothing.done"}, "points": 1}]
    document["definitions"]["reader"]["count"] = draw(st.sampled_from(WHENS[:5]))
    del document["definitions"]["regular"]
    if draw(st.booleans()):
        document["definitions"]["idle"] = {"not": {"count": {"type": "form.submitted"}, "at_least": 1}}
    if draw(st.booleans()):
        document["stages"]["sal"]["exits"] = []
    return document


def other_points(document: Document, points: int) -> Document:
    """Return a model that differs in what its last rule on behaviour gives, and in nothing else."""
    changed: Document = orjson.loads(orjson.dumps(document))
    changed["scores"]["behaviour"]["rules"][-1]["points"] = points
    return changed


documents = st.one_of(narrow(), narrow(), narrow(), st.sampled_from([MODEL, LANGUAGE]))
"""Mostly those, and models of other tests, to which everything matters."""

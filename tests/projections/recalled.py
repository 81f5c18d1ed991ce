"""Every lead from columns and from its history, compared; and models and pages that several such tests look at."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import orjson
import pytest

from lead_events.domain.changes import standing
from lead_events.domain.model import compile_model
from lead_events.projections import owning, recalling, selecting
from lead_events.projections.activity import Keeper
from lead_events.projections.effects import Folding
from lead_events.projections.pairing import Pair, Portion, Question, ask, fold_pairs
from lead_events.projections.previewing import Counted
from lead_events.projections.recalling import Recall, fold_recalled, recall
from lead_events.projections.unmoved import Side
from tests.histories import MODEL
from tests.world import World

Document = dict[str, Any]


AT = {path: {"page": {"path": path, "url": f"https://a.example{path}"}} for path in ("/", "/pricing")}


PRICING = {"type": "page.viewed", "context.page.path": "/pricing"}


FIT = {"not": {"scores.fit": {"at_least": 20}}}


PROPERTIES: dict[str, Document] = {
    "page.scrolled": {"depth": 60},
    "file.downloaded": {"file": "x.pdf"},
    "signal.lit": {"colour": "red"},
    "consent.withdrawn": {"purpose": "analytics"},
    "consent.granted": {"purpose": "analytics"},
}


def model(*rules: Document, **more: Any) -> Document:
    """A model with these rules on behaviour, and whatever else differs from the short one."""
    document: Document = orjson.loads(orjson.dumps(MODEL))
    document["scores"]["behaviour"]["rules"] = [{"id": f"rule-{n}", "points": 30, **rule} for n, rule in enumerate(rules)]
    document["scores"]["heat"]["rules"] = [{"id": "nothing", "when": {"type": "nothing.done"}, "points": 1}]
    document["definitions"] = {"ready": document["definitions"]["ready"]} | more.pop("definitions", {})
    return document | more


def _shown(folding: Folding) -> str:
    lead, trace = folding.lead, folding.trace
    of_time = lead.stage_since, lead.waiting, lead.expiring, lead.qualified_at, lead.created_at
    of_people = lead.traits, lead.overrides, lead.consent, lead.owner
    scored = lead.scores, lead.windows, lead.definitions, lead.history
    return repr((standing(lead, folding.model), *scored, *of_time, *of_people, trace.contributions, trace.moves))


def told(
    world: World, question: Question, found: Iterable[Portion], recalled: Recall | None = None
) -> tuple[dict[int, Pair], dict[str, Any]]:
    """Fold all leads; returns each under both models, and the whole report but for what was read."""
    pairs: dict[int, Pair] = {}

    def remember() -> Iterator[Portion]:
        for portion in found:
            for pair in portion.pairs:
                assert pair.after.lead.founding not in pairs
                pairs[pair.after.lead.founding] = pair
            yield portion

    *_, report = Counted(question, world.vault, recalled).go_on(remember(), threading.Event(), 1e9)
    assert report["exact"]
    del report["read"]
    for moves in report["first"].values():
        moves.update({verb: sorted(ids) for verb, ids in moves.items()})
    return pairs, report


def assert_unmoved(folding: Folding, side: Side, place: int) -> None:
    """A fold finds a cold visitor, and gave it what columns gave it, to the last bit."""
    firings, given = side.firings, side.credits
    assert standing(folding.lead, folding.model) == {"stage": "visitor", "temperature": "cold", "qualified": []}
    assert not folding.trace.moves
    values = zip(given.value[place].tolist(), given.since[place].tolist(), strict=True)
    assert folding.lead.scores == [list(each) for each in values]
    columns = [
        (side.model.rules[firings.rule[n]].id, int(firings.at[n]), float(given.credited[n]))
        for n in np.flatnonzero(firings.lead == place)
    ]
    assert [(each.rule, each.at, each.credited) for each in folding.trace.contributions] == columns


def compare(world: World, document: Document, keep: int, size: int = 2) -> Compared:
    """Fold all leads from columns and from their histories; they must say the same. Returns what columns say."""
    keeper = Keeper(world.engine, world.vault, size)
    for _ in range(keep):
        keeper.extend()
    question = ask(world.engine, compile_model(document))
    expected = told(world, question, fold_pairs(world.engine, world.vault, question))
    with small_blocks():
        recalled = recall(world.engine, world.vault, question)
        portions = list(fold_recalled(world.engine, world.vault, question, recalled))
    found = told(world, question, portions, recalled)
    for lead, pair in found[0].items():
        assert [_shown(each) for each in pair] == [_shown(each) for each in expected[0][lead]]
    unmoved: list[int] = []
    for block in {id(portion.unmoved): portion.unmoved for portion in portions if portion.unmoved is not None}.values():
        leads = recalled.selection.leads[block.places].tolist()
        for place, lead in enumerate(leads):
            assert_unmoved(expected[0][lead].before, block.before, place)
            assert_unmoved(expected[0][lead].after, block.after, place)
        unmoved += leads
    assert not found[0].keys() & set(unmoved)
    assert found[1] == expected[1]
    return Compared(found[0], unmoved, found[1])


@contextmanager
def small_blocks() -> Iterator[None]:
    """Let the few leads of a test fall into several blocks, as millions do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selecting, "_BLOCK_EVENTS", 5)
        patch.setattr(recalling, "_BLOCK_EVENTS", 7)
        patch.setattr(owning, "_BLOCK", 3)
        yield


class Compared(NamedTuple):
    """What columns say: leads that were folded, those whom nothing moved, and the report."""

    folded: dict[int, Pair]
    unmoved: list[int]
    report: dict[str, Any]

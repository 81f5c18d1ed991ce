"""One preview, or one way to do the same naively, in a process of its own so that its memory can be told; prints JSON.

Run as ``python -m bench.previewed KIND EVENTS``, with the database in the environment as for the service.
"""

from __future__ import annotations

import copy
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from sqlalchemy import Engine

from lead_events import app
from lead_events.domain.lead import fold
from lead_events.domain.model import compile_model
from lead_events.domain.state import Lead
from lead_events.projections.previewing import preview
from lead_events.store import engine as engines
from lead_events.store import log
from lead_events.store.engine import reading
from lead_events.store.opening import open_events
from lead_events.store.vault import Vault

Document = dict[str, Any]
_PAGE = 2_000


def _points(document: Document) -> Document:
    """Let the rule that fires most give less."""
    rules = document["scores"]["behaviour"]["rules"]
    next(rule for rule in rules if rule["id"] == "pricing-page")["points"] = 4
    return document


def _threshold(document: Document) -> Document:
    """Ask for fewer points of a qualified lead."""
    atoms = document["definitions"]["engaged"]["all"]
    next(atom for atom in atoms if "scores.behaviour" in atom)["scores.behaviour"]["at_least"] = 40
    return document


def _other(_document: Document) -> Document:
    """Return a model that has nothing in common with the live one."""
    return {
        "name": "another",
        "scores": {
            "heat": {
                "half_life": "7d",
                "cap": 100,
                "rules": [
                    {"id": "any-page", "when": {"type": "page.viewed"}, "points": 1, "limit": {"times": 5, "per": "day"}},
                    {"id": "video", "when": {"type": "video.played"}, "points": 4, "cap": 20},
                    {"id": "form", "when": {"type": ["form.submitted", "popup.accepted"]}, "points": 20},
                    {"id": "mail", "when": {"type": ["email.clicked", "email.replied"]}, "points": 6},
                ],
            }
        },
        "definitions": {
            "warm": {"all": [{"contact": "present"}, {"scores.heat": {"at_least": 15}}]},
            "reader": {"all": [{"contact": "present"}, {"count": {"type": "page.viewed"}, "at_least": 5, "within": "14d"}]},
        },
        "temperature": {"hot": "warm", "warm": {"scores.heat": {"at_least": 5}}},
        "stages": {
            "visitor": {},
            "lead": {"entry": [{"from": ["visitor"], "when": {"contact": "present"}}]},
            "mql": {
                "entry": [{"from": ["visitor", "lead"], "when": {"definition": "any"}}],
                "exits": [{"to": "lead", "after": "14d", "unless": {"definition": "any"}, "reason": "cooled"}],
            },
            "customer": {"entry": [{"events": ["deal.won"]}], "final": True},
        },
    }


CHANGES: Mapping[str, Callable[[Document], Document]] = {"points": _points, "threshold": _threshold, "other": _other}
"""What is previewed, by name, made of the live model's document."""


def main() -> None:
    """Do one of ``CHANGES``, ``naive`` or ``ledger``."""
    kind, events = sys.argv[1], int(sys.argv[2])
    engine = engines.create(os.environ["LEAD_EVENTS_DATABASE_URL"])
    with reading(engine) as connection:
        vault = log.open_vault(connection, bytes.fromhex(os.environ["LEAD_EVENTS_MASTER_KEY"]))
    begun, used = time.perf_counter(), _used()
    if kind == "ledger":
        found = _keep_ledger(engine, vault)
    elif kind == "naive":
        found = _fold_naively(engine, vault, events)
    else:
        found = _preview(engine, vault, CHANGES[kind](copy.deepcopy(app.default_model())))
    seconds, cpu_seconds = time.perf_counter() - begun, _used() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1_024)
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "peak": peak, **found}))


def _used() -> float:
    """Return the processor seconds of this process and of those that it started and that have ended."""
    return sum(os.times()[:4])


def _preview(engine: Engine, vault: Vault, document: Document) -> dict[str, Any]:
    begun, used = time.perf_counter(), _used()
    first, first_cpu, reports, last = 0.0, 0.0, 0, None
    for report in preview(engine, vault, compile_model(document), threading.Event()):
        if last is None:
            first, first_cpu = time.perf_counter() - begun, _used() - used
        reports, last = reports + 1, report
    if last is None or not last["exact"]:
        raise RuntimeError("the preview ended without an exact report")
    kept = {name: last.get(name) for name in ("position", "leads", "different", "read")}
    return {**kept, "first_seconds": first, "first_cpu_seconds": first_cpu, "reports": reports}


def _fold_naively(engine: Engine, vault: Vault, events: int) -> dict[str, Any]:
    """Open every event and fold it into the lead of its subject, in log order, as a first version of anything would."""
    model = compile_model(app.default_model())
    leads: dict[bytes, Lead] = {}
    after = 0
    while after < events:
        with reading(engine) as connection:
            page = open_events(connection, vault, log.read(connection, after, min(_PAGE, events - after)))
        if not page:
            break
        for event in page:
            lead = leads.get(event.subject)
            if lead is None:
                lead = leads[event.subject] = model.begin(event.position)
            fold(lead, [event], model, event.at)
        after = page[-1].position
    return {"position": after, "leads": len(leads)}


def _keep_ledger(engine: Engine, vault: Vault) -> dict[str, Any]:
    """Bring the activity ledger up to the log; ``missing`` where this version keeps none."""
    try:
        activity: Any = import_module("lead_events.projections.activity")
    except ModuleNotFoundError:
        return {"missing": True}
    keeper = activity.Keeper(engine, vault)
    while keeper.extend():
        pass
    with reading(engine) as connection:
        return {"missing": False, "position": log.read_head(connection).position}


if __name__ == "__main__":
    main()

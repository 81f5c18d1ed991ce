"""The demo history as lines that an import takes, and judged as the door would have judged it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import orjson

from lead_events.demo.generate import generate
from lead_events.domain.times import Instant, format_instant
from lead_events.transfer.candidates import Judged
from lead_events.transfer.jsonl import LineRules, judge_line


def write_lines(events: int, seed: int) -> Iterator[bytes]:
    """Yield the history, one JSON line an arrival, the same for the same arguments."""
    for arrival in generate(events, seed):
        yield orjson.dumps(_write(arrival), option=orjson.OPT_APPEND_NEWLINE)


def _write(arrival: dict[str, Any]) -> dict[str, Any]:
    source = arrival["source"]
    head = {"source": f"demo-{source}", "received_at": format_instant(arrival["received_at"]), "trusted": source == "crm"}
    return {**head, **arrival["event"]}


@dataclass(slots=True)
class DemoRules:
    """A history that is judged piece by piece; whoever judges holds the place where it stopped."""

    events: int
    seed: int
    rules: LineRules
    lines: Iterator[bytes] | None = field(default=None)


def judge_next(rules: DemoRules, first: int, count: int, now: Instant) -> list[Judged]:
    """Make up and judge the next ``count`` arrivals.

    Args:
        first: number of the first of them, from 1.
        now: the present, microseconds UTC: nothing arrives later.
    """
    rules.lines = rules.lines or write_lines(rules.events, rules.seed)
    return [judge_line(rules.rules, number, line, now) for number, line in enumerate(islice(rules.lines, count), first)]

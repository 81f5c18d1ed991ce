"""Figures: one person with a thousand past events: identified, explained, seen from an earlier instant, erased."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from itertools import islice
from typing import Any, Self
from urllib.parse import quote

import httpx

from bench import world
from bench.databases import Database
from bench.posts import BATCH
from bench.service import Server
from bench.table import Row, milliseconds, percentile
from bench.world import World
from lead_events.demo.generate import generate
from lead_events.store import api_keys
from lead_events.store.api_keys import KeyKind, Scope
from lead_events.store.engine import writing

_EVENTS = 2 * BATCH
_POLL_SECONDS = 0.005
_SHOWN = 20
_EXPLAIN = "explain a lead with 1,000 events"
_LOOKS = {
    _EXPLAIN: "/v1/leads/{}/score",
    "explain it as of an instant": "/v1/leads/{}/score?as_of={}",
    "explain it as known at an instant": "/v1/leads/{}/score?known_at={}",
    "show it as of an instant": "/v1/leads/{}?as_of={}",
}
_NOTE = (
    "A visitor with 1,000 page views and downloads, on the service that serves everything else; each person is identified and "
    "erased once; the instant looked at is behind all 1,000 events; "
    "memory is the resident sets of the service and its projector after the looks."
)


def run(given: World) -> list[Row]:
    """Measure every service."""
    return [row for name in given.services for row in _rows(given, name)]


def _rows(given: World, name: str) -> list[Row]:
    database = given.databases[name]
    with world.awake(given, name) as server, _Asking(server, database) as asking:
        people = [asking.prepare(number) for number in range(given.plan.people)]
        server.drain(60)
        identified = [asking.identify(person) for person in people]
        ids = [asking.lead_id(person) for person in people]
        read = asking.look(ids, given.plan.pages)
        memory = server.memory()
        erased = [asking.erase(lead_id) for lead_id in ids]
        monitor = _find_monitor(given.plan.events)
        past = asking.count_events(monitor)
        heavy, light = ([asking.show(visitor) for _ in range(_SHOWN)] for visitor in (monitor, "nobody-special"))
    given.say(f"{name}: identified in {max(identified):.3f} s, explained p99 {percentile(read[_EXPLAIN], 0.99):.3f} s")
    return [
        _row("identify 1,000 past events", name, identified, 0.5, 0.250, "visible ≤ 250 ms"),
        *(_look_row(figure, name, seconds, memory) for figure, seconds in read.items()),
        _row("erase a lead with 1,000 events", name, erased, 0.5, 1.0, "≤ 1 s"),
        _compare(name, past, heavy, light),
    ]


def _look_row(figure: str, name: str, seconds: list[float], memory: int) -> Row:
    row = _row(figure, name, seconds, 0.99, 0.030, "p99 ≤ 30 ms")
    p50, p99 = (percentile(seconds, share) for share in (0.5, 0.99))
    value = f"p50 {milliseconds(p50)}, p99 {milliseconds(p99)} of {len(seconds)}, service {memory >> 20} MB"
    return replace(row, value=value, raw={**row.raw, "memory": memory})


def _compare(name: str, past: int, heavy: list[float], light: list[float]) -> Row:
    slow, quick = percentile(heavy, 0.5), percentile(light, 0.5)
    return Row(
        figure="one more event in order",
        database=name,
        value=f"p50 {milliseconds(slow)} of a browser with {past:,} events",
        limit=f"{milliseconds(quick)} of one with a few",
        ratio=f"{slow / quick:.2f} × a few",
        asked="costs its page and no more: ≤ 2 ×",
        reached=slow <= 2 * quick,
        note=_NOTE,
        raw={"heavy_seconds": heavy, "light_seconds": light, "past_events": past},
    )


def _find_monitor(events: int) -> str:
    """Return the browser that the demo history has most events of."""
    first = islice(generate(events, world.SEED), 3_000)
    seen = Counter(str(arrival["event"].get("anonymous_id")) for arrival in first if isinstance(arrival["event"], dict))
    seen.pop("None", None)
    return seen.most_common(1)[0][0]


def _row(figure: str, name: str, seconds: list[float], share: float, allowed: float, asked: str) -> Row:
    p50, found = percentile(seconds, 0.5), percentile(seconds, share)
    return Row(
        figure=figure,
        database=name,
        value=f"p50 {milliseconds(p50)}, worst {milliseconds(max(seconds))} of {len(seconds)}",
        ratio=f"{found / allowed:.2f} of what is allowed",
        asked=asked,
        reached=found <= allowed,
        note=_NOTE,
        raw={"seconds": seconds},
    )


class _Asking:
    """A client with a key that may erase."""

    def __init__(self, server: Server, database: Database) -> None:
        with writing(database.engine) as connection:
            scopes = [Scope.TRACK, Scope.LEADS_READ, Scope.ERASE]
            _, key = api_keys.create(connection, KeyKind.SECRET, "bench", scopes)
        self._client = httpx.Client(base_url=server.address, headers={"authorization": f"Bearer {key}"}, timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def prepare(self, number: int) -> str:
        """Let a visitor do a thousand things; return who it is."""
        visitor = f"person-{time.time_ns()}-{number}"
        for start in range(0, _EVENTS, BATCH):
            self._ask("POST", "/v1/events", {"events": [_act(visitor, n) for n in range(start, start + BATCH)]})
        return visitor

    def identify(self, visitor: str) -> float:
        """Let a visitor say who they are; return the seconds until the whole past is theirs."""
        form, traits = {"form_id": "f"}, {"email": f"{visitor}@firm.example"}
        event = {"type": "form.submitted", "anonymous_id": visitor, "traits": traits, "properties": form}
        self._ask("POST", "/v1/events", event)
        accepted = time.perf_counter()
        while self._events_of(visitor) <= _EVENTS:
            time.sleep(_POLL_SECONDS)
        return time.perf_counter() - accepted

    def lead_id(self, visitor: str) -> str:
        """Return the lead of somebody identified."""
        return str(self._lead(visitor)["id"])

    def read(self, paths: list[str], times: int) -> list[float]:
        """Read again and again, in turns; return the seconds of each, until its last byte."""
        seconds = []
        for number in range(times):
            begun = time.perf_counter()
            answer = self._client.get(paths[number % len(paths)])
            seconds.append(time.perf_counter() - begun)
            answer.raise_for_status()
        return seconds

    def look(self, ids: list[str], times: int) -> dict[str, list[float]]:
        """Look at leads in each way; return the seconds of each look, half as many for those that travel."""
        # The newest instant that the leads know: everybody's events are before it.
        instant = quote(self._ask("GET", f"/v1/leads/{ids[-1]}")["as_of"])
        read = {}
        for figure, path in _LOOKS.items():
            read[figure] = self.read([path.format(lead_id, instant) for lead_id in ids], _times(figure, times))
        return read

    def erase(self, lead_id: str) -> float:
        """Erase a lead; return the seconds until the answer, which waits until the lead is empty."""
        begun = time.perf_counter()
        self._ask("POST", f"/v1/leads/{lead_id}/erase", {"reason": "asked"})
        return time.perf_counter() - begun

    def count_events(self, visitor: str) -> int:
        """Return how many events a browser's lead has."""
        lead = self._ask("GET", f"/v1/leads/lookup?anonymous_id={visitor}")["data"][0]["lead"]
        return int(lead["events"]) if lead else 0

    def show(self, visitor: str) -> float:
        """Post one more event of a browser; return the seconds until its lead shows it."""
        before = self.count_events(visitor)
        self._ask("POST", "/v1/events", _act(visitor, 1))
        accepted = time.perf_counter()
        while self.count_events(visitor) <= before:
            time.sleep(_POLL_SECONDS)
        return time.perf_counter() - accepted

    def _events_of(self, visitor: str) -> int:
        lead = self._lead(visitor)
        return int(lead["events"]) if lead else 0

    def _lead(self, visitor: str) -> Any:
        found = self._ask("GET", f"/v1/leads/lookup?email={visitor}%40firm.example")
        return found["data"][0]["lead"]

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        answer = self._client.request(method, path, json=body)
        if answer.status_code not in {200, 202}:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json()


def _times(figure: str, times: int) -> int:
    return times if figure == _EXPLAIN else max(1, times // 2)


def _act(visitor: str, number: int) -> dict[str, Any]:
    if number % 10 == 0:
        return {"type": "file.downloaded", "anonymous_id": visitor, "properties": {"file": "price-list.pdf"}}
    page = {"url": "https://shop.example/pricing?ref=a", "path": "/pricing"}
    return {"type": "page.viewed", "anonymous_id": visitor, "context": {"page": page}}

"""Figure: durable single posts, 32 connections, against an endpoint that stores nothing and a bare ASGI application."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import NamedTuple

from bench import service
from bench.client import Answers, drive
from bench.posts import Posts
from bench.service import Server
from bench.table import Row, microseconds, milliseconds, per_second
from bench.world import World

_CONNECTIONS = 32
_DRAIN_SECONDS = 30.0
_WARM_SECONDS = 0.2
_NOTE = (
    "One server process with its projector, client and database on the same cores, in rounds that alternate with the peers'; "
    "a peer has no projector and no database beside it; the client sends the same bodies to all; "
    "lag is what was accepted and not folded at the end of a round, and the seconds until it was."
)


def run(given: World) -> list[Row]:
    """Measure peers and services in alternating rounds."""
    answers: dict[str, list[_Round]] = {}
    lags: dict[str, list[tuple[int, float | None]]] = {}
    with service.peer("fastapi", given.folder) as fastapi, service.peer("bare", given.folder) as bare:
        targets = {"fastapi": fastapi, "bare": bare, **given.services}
        make = {name: _make(given, name) for name in targets}
        for name, server in targets.items():
            _round(server, make[name], [fastapi, bare], _WARM_SECONDS)
        for number in range(given.plan.rounds):
            for name, server in targets.items():
                found = _round(server, make[name], [fastapi, bare], given.plan.door_seconds)
                answers.setdefault(name, []).append(found)
                given.say(f"door round {number + 1}: {name} {found}")
                if name in given.services:
                    lags.setdefault(name, []).append((server.lag(), server.drain(_DRAIN_SECONDS)))
                    server.pause()
    for name in given.services:
        given.cpu["door", name] = median(each.each[0] for each in answers[name])
    return [_row(name, answers, lags[name]) for name in given.services]


def _make(given: World, name: str) -> Callable[[], bytes]:
    key = given.databases[name].write_key if name in given.databases else "wk_peer"
    return Posts(key, seed=11).single


class _Round(NamedTuple):
    """One round: what came back, and the processor time it cost the server and its projector."""

    answers: Answers
    server_seconds: float
    projector_seconds: float

    @property
    def each(self) -> tuple[float, float]:
        """Return processor seconds per request."""
        count = max(1, len(self.answers.latencies))
        return self.server_seconds / count, self.projector_seconds / count

    def __str__(self) -> str:
        """Return one line of progress."""
        server, projector = map(microseconds, self.each)
        p99 = milliseconds(self.answers.at(0.99))
        return f"{per_second(self.answers.rate)}, p99 {p99}, server {server}, projector {projector} of CPU each"


def _round(server: Server, make: Callable[[], bytes], peers: list[Server], seconds: float) -> _Round:
    server.resume()
    with service.only(server, peers):
        before = server.cpu_seconds()
        found = drive(server.address, make, connections=_CONNECTIONS, seconds=seconds)
        after = server.cpu_seconds()
    if found.bad:
        raise RuntimeError(f"refused: {found.statuses}")
    return _Round(found, after[0] - before[0], after[1] - before[1])


def _row(name: str, rounds: dict[str, list[_Round]], lags: list[tuple[int, float | None]]) -> Row:
    rate = {each: median(one.answers.rate for one in some) for each, some in rounds.items()}
    cpu = {each: median(one.each[0] for one in some) for each, some in rounds.items()}
    projector = median(one.each[1] for one in rounds[name])
    p50, p99 = (median(one.answers.at(share) for one in rounds[name]) for share in (0.5, 0.99))
    return Row(
        figure="single POST, 32 connections",
        database=name,
        value=f"{per_second(rate[name])}, p50 {milliseconds(p50)}, p99 {milliseconds(p99)}; {_lag(lags)}",
        limit=f"bare ASGI {per_second(rate['bare'])}",
        peer=f"FastAPI, stores nothing {per_second(rate['fastapi'])}",
        ratio=f"{rate[name] / rate['fastapi']:.2f} × the peer, {rate[name] / rate['bare']:.2f} of the limit",
        cpu=f"{microseconds(cpu[name])} + projector {microseconds(projector)}; peer {microseconds(cpu['fastapi'])}",
        asked="≥ 1.00 × the peer",
        reached=rate[name] >= rate["fastapi"],
        note=_NOTE,
        raw={
            "rates": {each: [one.answers.rate for one in some] for each, some in rounds.items()},
            "cpu_seconds_per_request": {each: [one.each for one in some] for each, some in rounds.items()},
            "p50_seconds": p50,
            "p99_seconds": p99,
            "lag_events_and_drain_seconds": lags,
        },
    )


def _lag(lags: list[tuple[int, float | None]]) -> str:
    events = max(lag for lag, _ in lags)
    seconds = [drained for _, drained in lags]
    text = f"> {_DRAIN_SECONDS:.0f} s" if None in seconds else f"{max(each or 0.0 for each in seconds):.1f} s"
    return f"lag {events:,} events, {text}"

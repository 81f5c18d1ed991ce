"""Figure: batches of 500 events over HTTP into a log that holds the whole history already, random ids."""

from __future__ import annotations

from bench import world
from bench.client import drive
from bench.posts import BATCH, Posts
from bench.table import Row, microseconds, milliseconds, per_second
from bench.world import World

_ASKED = 20_000
_CONNECTIONS = 4
_DRAIN_SECONDS = 60.0
_NOTE = (
    "Four connections with a batch each under way; every id is random and looked up; the projector runs beside; "
    "the peer appends 500 events of 500 aggregates per save, in process, without HTTP or validation, on SQLite."
)


def run(given: World) -> list[Row]:
    """Send batches to every service."""
    return [_row(given, name) for name in given.services]


def _row(given: World, name: str) -> Row:
    posts = Posts(given.databases[name].write_key, seed=13)
    with world.awake(given, name) as server:
        before = server.cpu_seconds()
        found = drive(server.address, posts.batch, connections=_CONNECTIONS, seconds=given.plan.batch_seconds)
        cpu = [
            (now - then) / max(1, len(found.latencies) * BATCH) for now, then in zip(server.cpu_seconds(), before, strict=True)
        ]
        lag = server.lag()
        drained = server.drain(_DRAIN_SECONDS)
    rate, peer = found.rate * BATCH, given.peers.get("append")
    given.cpu["batches", name] = cpu[0]
    given.say(f"{name}: batches {per_second(rate)}, lag {lag:,}, drained in {drained}")
    if found.bad:
        raise RuntimeError(f"refused: {found.statuses}")
    return Row(
        figure=f"batches of {BATCH} at {given.positions[name]:,} events",
        database=name,
        value=f"{per_second(rate)}, p99 {milliseconds(found.at(0.99))}; lag {lag:,} events, {_drained(drained)}",
        peer=f"eventsourcing {per_second(peer)}" if peer else "not installed",
        ratio=f"{rate / peer:.2f} × the peer" if peer else "–",
        cpu=f"{microseconds(cpu[0])} + projector {microseconds(cpu[1])} an event",
        asked=f"≥ {_ASKED:,}/s",
        reached=rate >= _ASKED,
        note=_NOTE,
        raw={
            "events_per_second": rate,
            "cpu_seconds_per_event": cpu,
            "lag_events": lag,
            "drain_seconds": drained,
            "p99_seconds": found.at(0.99),
        },
    )


def _drained(seconds: float | None) -> str:
    return f"> {_DRAIN_SECONDS:.0f} s" if seconds is None else f"{seconds:.1f} s"

"""One replay in a process of its own, so that its memory can be told from the benchmark's; prints JSON.

Run as ``python -m bench.rebuild``, with the database in the environment as for the service.
The processes it starts import this module again, so it imports nothing that a replay does not need.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time

from lead_events.projections import replay
from lead_events.projections.replay import Opening
from lead_events.store import engine as engines
from lead_events.store import log
from lead_events.store.engine import reading
from lead_events.store.parts import Progress


def main() -> None:
    """Replay model 1 with two processes."""
    url, master_key = os.environ["LEAD_EVENTS_DATABASE_URL"], bytes.fromhex(os.environ["LEAD_EVENTS_MASTER_KEY"])
    engine = engines.create(url)
    with reading(engine) as connection:
        vault = log.open_vault(connection, master_key)
        head = log.read_head(connection).position
    begun = time.perf_counter()
    done: list[tuple[float, Progress]] = []
    generation_id = replay.begin(engine, 1)

    def report(progress: Progress) -> None:
        done.append((time.perf_counter() - begun, progress))
        print(f"{progress.done} of {progress.parts} parts, {progress.events:,} events", file=sys.stderr, flush=True)

    ready = replay.build(Opening(url, master_key), engine, vault, generation_id, threading.Event(), processes=2, report=report)
    total = time.perf_counter() - begun
    parts_seconds, progress = done[-1] if done else (total, None)
    found = {
        "ready": ready,
        "generation_id": generation_id,
        "position": head,
        "seconds": total,
        "parts_seconds": parts_seconds,
        "cpu_seconds": sum(os.times()[:4]),
        "leads": progress.leads if progress else 0,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()

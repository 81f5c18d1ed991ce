"""One campaign: a database, its ledger, processes that are started and killed, clients that retry until they are answered.

Commands run as an operator runs them, in processes of their own, forked from one that imported everything already.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import random
import re
import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil
import yaml
from sqlalchemy import select

from lead_events import clock
from lead_events.domain.wire import admit
from lead_events.projections import projector, verifying
from lead_events.projections.projector import Models
from lead_events.projections.replay import Opening
from lead_events.store import api_keys, generations, log, migrate, models, schema
from lead_events.store.api_keys import KeyKind
from lead_events.store.engine import reading, writing
from lead_events.store.envelope import Arrival
from lead_events.store.verify import verify_log
from tests import databases
from tests.cli.running import MASTER_KEY, SOURCES, environment
from tests.crash import clients, dying, feed, ledger
from tests.crash.ledger import Ledger
from tests.histories import MODEL

SECONDS = 60
KILLS = int(os.environ.get("LEAD_EVENTS_TEST_KILLS", "2"))
"""Random rounds per campaign; a night's run sets a few hundred."""
SEED = int(os.environ.get("LEAD_EVENTS_TEST_SEED", "20261121"))

_ROOT = SOURCES.parent
_PATH = os.pathsep.join(map(str, [SOURCES, _ROOT, Path(__file__).with_name("site")]))
_MARK = "LEAD_EVENTS_TEST_CAMPAIGN"
_FORK = multiprocessing.get_context("forkserver")
_FORK.set_forkserver_preload(["tests.crash.warm"])

OTHER_MODEL: dict[str, Any] = yaml.safe_load(yaml.safe_dump(MODEL)) | {"name": "other", "time_zone": "UTC"}
OTHER_MODEL["scores"]["behaviour"]["rules"][0]["points"] = 17
OTHER_MODEL["scores"]["heat"]["half_life"] = "9h"
"""What marketing and sales agreed on next."""


class Running:
    """A command in a process of its own."""

    def __init__(self, process: BaseProcess, output: int) -> None:
        self.process = process
        self._output = output
        self.printed = ""

    def read_address(self) -> str:
        """Return where it serves, as soon as it does."""
        while not (found := re.search(r"serves (http://\S+)", self.printed)):
            more = os.read(self._output, 4096).decode()
            assert more, f"it ended before it served: {self.printed}"
            self.printed += more
        return found[1]

    def kill(self) -> None:
        """Kill it as a power cut would."""
        self.process.kill()

    def signal(self, how: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process.pid is not None
        os.kill(self.process.pid, how)

    def end(self) -> int:
        """Wait for its end and return its exit code, negative for a signal."""
        self.process.join(SECONDS)
        assert self.process.exitcode is not None, "it did not end"
        os.close(self._output)
        return self.process.exitcode


class Campaign:
    """A founded database, the ledger of its clients, and everything started for it."""

    def __init__(self, url: str, folder: Path, seed: int = SEED) -> None:
        self.url = url
        self.folder = folder
        self.mark = uuid.uuid4().hex
        self.random = random.Random(seed)
        self.engine = databases.connect(url)
        self.opening = Opening(url, bytes.fromhex(MASTER_KEY))
        migrate.found(self.engine, self.opening.master_key, MODEL)
        with writing(self.engine) as connection:
            self.vault = log.open_vault(connection, self.opening.master_key)
            self.key = api_keys.create(connection, KeyKind.SECRET, "shop", ["admin"])[1]
        self.ledger = Ledger(folder / "ledger")
        self.compiled = Models(self.engine)
        self.numbers = itertools.count(1)
        self._forked: list[BaseProcess] = []
        print(f"seed {seed}, {KILLS} random kills; more: LEAD_EVENTS_TEST_KILLS, others: LEAD_EVENTS_TEST_SEED")  # noqa: T201

    def environment(self, crash: str = "", **settings: str) -> dict[str, str]:
        """Return the environment of its processes, by which they can be found again."""
        given = {dying.CRASH: crash, _MARK: self.mark, "LEAD_EVENTS_KEY_RATE": "0", **settings}
        return environment(self.url, **given) | {"PYTHONPATH": _PATH}

    def start(self, *arguments: str, crash: str = "", **settings: str) -> Running:
        """Start a command that dies at a point, if one is named."""
        command = (self.environment(crash, **settings), arguments, self.folder / "log")
        return self.fork(dying.run, *command)

    def fork(self, target: Callable[..., None], *arguments: Any) -> Running:
        """Start a function in a process of its own, with a pipe to print to as its last argument."""
        reader, writer = os.pipe()
        pipe = multiprocessing.connection.Connection(writer, readable=False)
        process = _FORK.Process(target=target, args=(*arguments, pipe), daemon=False)
        with patch.dict(os.environ, {"PYTHONPATH": _PATH}):  # the process that imports everything finds it there
            process.start()
        pipe.close()
        self._forked.append(process)
        return Running(process, reader)

    def kill_all(self) -> None:
        """Leave nothing running."""
        for forked in self._forked:
            forked.kill()
            forked.join(SECONDS)
        for process in self.processes():
            process.kill()

    def processes(self) -> list[psutil.Process]:
        """Return every process that a command started and that lives, whoever its parent is now."""
        return [process for process in psutil.process_iter() if _is_marked(process, self.mark)]

    def end_all(self) -> list[psutil.Process]:
        """Return the processes that did not end by themselves within a while, and kill them."""
        _, alive = psutil.wait_procs(self.processes(), timeout=20)
        for process in alive:
            process.kill()
        return alive

    def publish(self, document: dict[str, Any]) -> int:
        """Publish a model."""
        with writing(self.engine) as connection:
            return models.publish(connection, document, "test", "", clock.now())

    def position(self, generation_id: int = 1) -> int:
        """Return how far a generation is."""
        with reading(self.engine) as connection:
            return generations.load(connection, generation_id).position

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Ask the database again and again; each answer takes the time of a question."""
        deadline = clock.now() + SECONDS * 1_000_000
        while not condition():
            assert clock.now() < deadline, (self.folder / "log").read_text()[-3_000:]

    def catch_up(self) -> None:
        """Let every generation that is kept current come to where the log ends."""
        with reading(self.engine) as connection:
            live = generations.load_live(connection)
            others = generations.load_standing_by(connection)
        for each in (live, *others):
            while projector.step(self.engine, self.vault, each.generation_id, self.compiled.of(each)) is not None:
                pass

    def append(self, events: int, draw: random.Random | None = None) -> None:
        """Append events of this campaign as the door would, each batch acknowledged in the ledger."""
        while events > 0:
            batch = self.say(min(events, (draw or self.random).randint(1, 40)), draw)
            events -= len(batch)
            arrival = clock.now()
            ids = [str(said["event_id"]) for said in batch]
            self.ledger.sent(ids)
            told = [
                admit(said, arrival=arrival, trusted=True, phone_region=None, new_event_id=clock.new_event_id) for said in batch
            ]
            outcomes = log.append(self.engine, self.vault, [Arrival(1, each, arrival) for each in told])
            results = zip(ids, outcomes, strict=True)
            self.ledger.acked({"event_id": i, "position": o.position, "outcome": o.kept.value} for i, o in results)

    def say(self, events: int, draw: random.Random | None = None) -> list[dict[str, Any]]:
        """Make events of a few people with few browsers, late, on time or without a time."""
        return [clients.say(draw or self.random, next(self.numbers)) for _ in range(events)]

    def findings(self) -> list[str]:
        """Check everything: ledger and log, and if they are whole, the rows of every generation kept current, and the feed."""
        found = ledger.check(self.engine, self.ledger.path)
        found += [str(finding) for finding in verify_log(self.engine, self.vault)]
        if found:
            return found
        self.catch_up()
        with reading(self.engine) as connection:
            kept = [generations.load_live(connection), *generations.load_standing_by(connection)]
        for each in kept:
            verdict = verifying.verify_leads(self.engine, self.vault, generation_id=each.generation_id)
            found += [f"generation {each.generation_id}: {bad.lead_id} {bad.reason}" for bad in verdict.mismatches]
            found += [f"generation {each.generation_id}: {verdict.parked} leads are parked"] if verdict.parked else []
        return found + feed.check(self.engine)

    def rows(self, generation_id: int) -> list[dict[str, Any]]:
        """Return every column of every lead of a generation but the generation itself."""
        table = schema.leads
        with reading(self.engine) as connection:
            where = table.c.generation_id == generation_id
            found = connection.execute(select(table).where(where).order_by(table.c.founding)).mappings().all()
        return [{name: value for name, value in row.items() if name != "generation_id"} for row in found]


@contextmanager
def campaign(url: str, folder: Path, seed: int = SEED) -> Iterator[Campaign]:
    """Begin a campaign, and leave nothing of it running."""
    begun = Campaign(url, folder, seed)
    try:
        yield begun
    finally:
        begun.kill_all()
        begun.ledger.close()
        begun.engine.dispose()


def _is_marked(process: psutil.Process, mark: str) -> bool:
    try:
        return process.pid != os.getpid() and process.environ().get(_MARK) == mark
    except psutil.Error:
        return False

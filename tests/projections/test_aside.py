"""Work in a process of its own says what it would say here, and ends when nobody asks any more."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from typing import Any

import pytest
from sqlalchemy import Engine

from lead_events.domain.errors import InvalidInput
from lead_events.domain.model import compile_model
from lead_events.projections import backtesting
from lead_events.projections.aside import Say, WorkKilled, run_aside
from lead_events.projections.previewing import preview
from lead_events.projections.replay import Opening
from lead_events.store.vault import Vault
from tests.histories import LANGUAGE, say
from tests.world import MASTER_KEY, World


@pytest.fixture
def opening(emptiable: Engine) -> Opening:
    """What another process needs to open this test's database."""
    return Opening(emptiable.url.render_as_string(hide_password=False), MASTER_KEY)


@pytest.fixture
def world(emptiable: Engine) -> World:
    """A founded log."""
    return World(emptiable)


def strangers(engine: Engine) -> World:
    """A log of some visitors and of people who took a file."""
    world = World(engine)
    world.append([say(n, n, anonymous_id=f"w{n}") for n in range(30)])
    world.append([say(n, n, "file.downloaded", user_id=f"u{n}", traits={"email": f"u{n}@acme.example"}) for n in range(30, 60)])
    world.catch_up()
    return world


def never(_engine: Engine, _vault: Vault, say: Say) -> None:
    """Say one thing, and then nothing for ever."""
    say(os.getpid())
    threading.Event().wait()


def refuse(_engine: Engine, _vault: Vault, _say: Say) -> None:
    """Say that something is wrong."""
    raise InvalidInput("the moon is not full")


def die(_engine: Engine, _vault: Vault, _say: Say) -> None:
    """End without a word."""
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_preview_of_all_leads_says_the_same_elsewhere(emptiable: Engine, opening: Opening) -> None:
    """The same report, number by number, from this process and from another one."""
    world, model, stop = strangers(emptiable), compile_model(LANGUAGE), threading.Event()
    *_, here = preview(emptiable, world.vault, model, stop, first=0.0)
    sample, *_, elsewhere = preview(emptiable, world.vault, model, stop, opening=opening, first=0.0)
    assert not sample["exact"]
    assert elsewhere == here
    assert elsewhere["exact"]
    assert elsewhere["leads"] == 60


def test_a_back_test_says_the_same_elsewhere(emptiable: Engine, opening: Opening, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same report, and how far it is on the way."""
    world = strangers(emptiable)
    world.append([say(n, n, "deal.won", user_id=f"u{n}") for n in range(60, 70)])
    asked: dict[str, Any] = {"outcome": "deal.won"}
    here = backtesting.run(emptiable, world.vault, {"one": LANGUAGE}, **asked)
    monkeypatch.setattr(backtesting, "_SHORT_LOG", 0)
    told: list[tuple[int, int]] = []
    documents = {"one": LANGUAGE}
    elsewhere = backtesting.run_apart(
        opening, emptiable, world.vault, documents, advance=lambda *done: told.append(done), **asked
    )
    assert elsewhere == here
    assert sum(done for done, _ in told) == told[0][1] == 70


@pytest.mark.parametrize("way", ["told to stop", "not listened to"])
def test_nothing_goes_on_when_nobody_asks_any_more(opening: Opening, world: World, way: str) -> None:
    """Neither when it is told to stop nor when nobody takes what it says."""
    stop = threading.Event()
    said = run_aside(opening, never, stop)
    process = next(said)
    if way == "told to stop":
        stop.set()
        assert next(said, None) is None
    else:
        said.close()
    assert process not in [each.pid for each in multiprocessing.active_children()]
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_what_is_wrong_there_is_raised_here(opening: Opening, world: World) -> None:
    """With its message."""
    with pytest.raises(InvalidInput, match="the moon is not full"):
        list(run_aside(opening, refuse, threading.Event()))


def test_a_process_that_was_killed_is_an_error(opening: Opening, world: World) -> None:
    """Not an answer that ends early."""
    with pytest.raises(WorkKilled, match="was killed"):
        list(run_aside(opening, die, threading.Event()))

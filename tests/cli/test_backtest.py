"""``models backtest`` as an engineer uses it: is the new model better than the old one, and which rules are worth nothing?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from lead_events import clock
from lead_events.domain.times import format_instant
from lead_events.store import engine as engines
from lead_events.store import log
from tests.cli.running import environment, run

PRICES = {"type": "file.downloaded", "properties.file": {"matches": "(?i)price"}}
BOOKLETS = {"type": "file.downloaded", "properties.file": {"not": {"matches": "(?i)price"}}}


def document(name: str, threshold: float, *rules: dict[str, Any]) -> dict[str, Any]:
    """Make a model with one definition: a contact, and so many points."""
    definition = {"all": [{"contact": "present"}, {"scores.behaviour": {"at_least": threshold}}]}
    scores = {"behaviour": {"half_life": "60d", "rules": list(rules)}}
    return {"name": name, "scores": scores, "definitions": {name: definition}}


GOOD = document(
    "interested",
    60,
    {"id": "price-list", "when": PRICES, "points": 30, "limit": {"times": 1, "per": "day"}},
    {"id": "prices", "when": {"type": "page.viewed", "context.page.path": {"matches": "pricing|terms"}}, "points": 10,
     "limit": {"times": 1, "per": "session"}},
    {"id": "lead-magnet", "when": BOOKLETS, "points": 1},
)  # fmt: skip
BAD = document(
    "collector",
    30,
    {"id": "lead-magnet", "when": BOOKLETS, "points": 30},
    {"id": "reply", "when": {"type": "email.replied"}, "points": 50},
)


@pytest.fixture
def env(database_url: str) -> dict[str, str]:
    """An environment whose database is migrated and founded."""
    found = environment(database_url, COLUMNS="140")
    assert run(found, "migrate").returncode == 0
    return found


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """A good model and a bad one, the bad one first."""
    paths = [tmp_path / f"{each['name']}.yaml" for each in (BAD, GOOD)]
    for path, each in zip(paths, (BAD, GOOD), strict=True):
        path.write_text(yaml.safe_dump(each), encoding="utf-8")
    return [str(path) for path in paths]


@pytest.mark.parametrize("is_late", [False, True], ids=["into a new log", "into one whose service runs"])
def test_a_good_model_stands_above_a_bad_one_and_useless_rules_are_named(
    env: dict[str, str], files: list[str], *, is_late: bool
) -> None:
    """In the demo who buys depends on what they look at, and not at all on the booklets they take; nobody replies.

    A log that has gone on calls all of it received today, and yet it counts from when it would have been known.
    """
    if is_late:
        engine = engines.create(env["LEAD_EVENTS_DATABASE_URL"])
        log.tick(engine, clock.now())
        engine.dispose()
    assert run(env, "demo", "--events", "8000", "--seed", "2", "--load").returncode == 0
    ended = run(env, "models", "backtest", *files, "1", "--outcome", "deal.won")
    assert ended.returncode == 0, ended.stderr
    as_of = format_instant(clock.now())[:11] if is_late else "2026-10-31T"
    assert ended.stdout.startswith(f"deal.won: 11 of 144 leads (7.6 %), as of {as_of}")
    ranked = [line.split()[1] for line in ended.stdout.splitlines() if line.strip()[:2] in {"1 ", "2 ", "3 ", "4 "}]
    assert ranked.index("interested") < ranked.index("collector")
    assert "interested (interested.yaml): found 43.2 days before deal.won, 7.3 days before sales (9 of 9" in ended.stdout
    assert "Useless rules of interested.yaml (do not separate): lead-magnet\n" in ended.stdout
    assert "Useless rules of collector.yaml (do not separate): lead-magnet\n" in ended.stdout
    assert "Useless rules of collector.yaml (never fire): reply\n" in ended.stdout
    assert run(env, "models", "backtest", *files, "1", "--outcome", "deal.won").stdout == ended.stdout
    assert len(run(env, "models", "list").stdout.splitlines()) == 1


def test_imported_events_count_from_when_they_were_known(env: dict[str, str], files: list[str], tmp_path: Path) -> None:
    """What a file does not tell is assumed, and the report says how often; what it tells late finds nobody."""
    lines = []
    for name, known_at in (("anna", None), ("boris", "2025-06-01T00:00:00Z")):
        lines += [said(name, "file.downloaded", f"2025-03-0{day}", known_at, file="price-list.pdf") for day in (1, 2)]
        lines.append(said(name, "deal.won", "2025-04-01", None))
    path = tmp_path / "history.jsonl"
    path.write_bytes(b"\n".join(lines))
    assert run(env, "import", str(path)).returncode == 0
    ended = run(env, "models", "backtest", files[1], "--outcome", "deal.won")
    assert "2 of 2 events say when they were known; for 2 of them that is assumed" in ended.stdout, ended
    row = next(line.split() for line in ended.stdout.splitlines() if line.split()[:2] == ["1", "interested"])
    assert row[4:6] == ["0", "0"]  # 59.3 points: the first list has faded a little
    other = tmp_path / "lower.yaml"
    other.write_text(Path(files[1]).read_text(encoding="utf-8").replace("at_least: 60", "at_least: 50"), encoding="utf-8")
    ended = run(env, "models", "backtest", str(other), "--outcome", "deal.won")
    row = next(line.split() for line in ended.stdout.splitlines() if line.split()[:2] == ["1", "interested"])
    assert row[4:6] == ["1", "1"]
    assert "found 30.0 days before deal.won" in ended.stdout


def said(name: str, type_: str, day: str, known_at: str | None, **properties: Any) -> bytes:
    """Write one line of a file."""
    event = {"type": type_, "occurred_at": f"{day}T00:00:00Z", "traits": {"email": f"{name}@firm.example"}}
    told = {"known_at": known_at} if known_at else {}
    return orjson.dumps({**event, **told, "properties": properties})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--outcome", "deal.wonn"), "No lead has an event deal.wonn in time; name one that happened, such as deal.won"),
        (
            ("--outcome", "order.cancelled"),
            "No lead has an event order.cancelled in time; name one that happened, such as order.placed",
        ),
        (("--outcome", "won"), "'won' is no type of event"),
        (("--outcome", "deal.won", "--horizon", "soon"), "'soon' is not a duration"),
        (("nowhere.yaml", "--outcome", "deal.won"), "nowhere.yaml is neither the number of a model nor a file"),
        (("9", "--outcome", "deal.won"), "There is no model '9'"),
    ],
)
def test_what_cannot_be_asked_is_said_in_a_line(env: dict[str, str], arguments: tuple[str, ...], words: str) -> None:
    """Exit code 2 and no traceback."""
    ended = run(env, "models", "backtest", "1", *arguments)
    assert (ended.returncode, words in ended.stderr) == (2, True), ended

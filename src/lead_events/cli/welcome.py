"""What ``serve`` says when it starts: where it is, the first keys, and three lines to paste."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import click
from sqlalchemy import Engine

import lead_events
from lead_events import clock
from lead_events.store import api_keys, generations, log, sources
from lead_events.store.api_keys import KeyKind
from lead_events.store.engine import reading, writing

_WEBSITE, _CRM = "website", "crm"
_PATIENCE_SECONDS = 15.0
_POLL_SECONDS = 0.05
_EVENT = (
    '{"type":"form.submitted","anonymous_id":"visitor-1","properties":{"form_id":"price-request"},'
    '"traits":{"email":"anna@firm.example","job_title":"Marketing director"}}'
)


@dataclass(frozen=True, slots=True)
class FirstKeys:
    """The two keys made at the first start; their texts exist nowhere else."""

    write: str
    secret: str


def create_first_keys(engine: Engine) -> FirstKeys | None:
    """Make one write key and one secret key, unless any key exists."""
    with writing(engine) as connection:
        if api_keys.read(connection):
            return None
        sources.create(connection, _WEBSITE)  # takes the lock under which nobody else makes a first key
        if api_keys.read(connection):
            return None
        _, write = api_keys.create(connection, KeyKind.WRITE, _WEBSITE)
        _, secret = api_keys.create(connection, KeyKind.SECRET, _CRM)
    return FirstKeys(write, secret)


def address(host: str, port: int) -> str:
    """Return how this machine reaches the service."""
    near = "127.0.0.1" if host in {"", "0.0.0.0", "::"} else host  # noqa: S104 - compared, not listened on
    return f"http://[{near}]:{port}" if ":" in near else f"http://{near}:{port}"


def greet_soon(engine: Engine, base: str, made: FirstKeys | None, problems: list[str], *, folding: bool) -> None:
    """Print the greeting as soon as its lines work when pasted: when the projector, if it runs here, is on its feet.

    Args:
        engine: the database; not asked when there are problems.
        base: the service's address.
        made: the keys made just now.
        problems: why the service is not ready.
        folding: whether a projector was started beside the service.
    """

    def greet() -> None:
        position = 0 if problems else _wait_for_projector(engine, _PATIENCE_SECONDS if folding else 0)
        click.echo(text(base, made, problems, position))

    threading.Thread(target=greet, name="greeting", daemon=True).start()


def _wait_for_projector(engine: Engine, seconds: float) -> int:
    """Return the end of the log once the projector's clock runs, or when patience ends."""
    started, until = clock.now(), time.monotonic() + seconds
    while True:
        with reading(engine) as connection:
            head, live = log.read_head(connection), generations.load_live(connection)
        if live.clock >= started or time.monotonic() >= until:
            return head.position
        time.sleep(_POLL_SECONDS)


def text(base: str, made: FirstKeys | None, problems: list[str], position: int) -> str:
    """Return the whole greeting.

    Args:
        base: the service's address.
        made: the keys made just now.
        problems: why the service is not ready.
        position: the end of the log.
    """
    lines = ["", f"lead-events {lead_events.__version__} serves {base}", f"Docs: {base}/docs", ""]
    if problems:
        return "\n".join([*lines, "Not ready yet:", *(f"  {problem}" for problem in problems), ""])
    if made is not None:
        lines += [
            "Your first keys, shown this once:",
            f"  write key   {made.write}   for web pages; it can only send events",
            f"  secret key  {made.secret}   for servers and CRMs; keep it secret",
            "",
        ]
    keys = made or FirstKeys("$WRITE_KEY", "$SECRET_KEY")
    lines += [f"Paste to post an event, read the lead, explain its score{_where_keys(made)}:", ""]
    return "\n".join([*lines, *curl_lines(base, keys, position + 1)])


def curl_lines(base: str, keys: FirstKeys, after: int) -> list[str]:
    """Return three shell lines: post an event, read the lead, explain its score.

    Args:
        base: the service's address.
        keys: what the lines are signed with.
        after: the position that the posted event will have at least; reading waits for it.
    """
    write, secret = (f'-H "Authorization: Bearer {key}"' for key in (keys.write, keys.secret))
    lookup = f'"{base}/v1/leads/lookup?email=anna%40firm.example&after={after}" {secret}'
    lead_id = f"$(curl -s {lookup} | grep -o 'ld_[0-9a-v]*' | head -n 1)"
    return [
        f"curl -s {base}/v1/events {write} -H 'Content-Type: application/json' -d '{_EVENT}'",
        f"curl -s {lookup}",
        f"curl -s {base}/v1/leads/{lead_id}/score {secret}",
    ]


def _where_keys(made: FirstKeys | None) -> str:
    return "" if made else " (make keys with ./lead-events keys create, and export WRITE_KEY and SECRET_KEY)"

"""Whole HTTP requests with demo events in them: fresh random ids, visitors of whom some are new, sent now.

Made from templates by replacing two placeholders of fixed width, so that making one costs about a microsecond.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from random import Random
from typing import Any

import orjson

from lead_events import clock
from lead_events.demo.generate import generate
from lead_events.demo.mix import LEADS
from lead_events.domain.errors import InvalidEvent
from lead_events.domain.wire import admit

BATCH = 500
_EVENT, _VISITOR = b"E" * 32, b"V" * 32
_TEMPLATES = 400
_SEED = 7
_RECENT = 5_000
_PERSONAL = ("user_id", "crm_ids", "lead_id", "occurred_at", "sent_at")


class Posts:
    """Makes requests for one key."""

    def __init__(self, key: str, seed: int = _SEED) -> None:
        """Prepare.

        Args:
            key: a write key.
            seed: chooses visitors and ids.
        """
        self._head = (
            f"POST /v1/events HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n"
        )
        self._rng = Random(seed)
        self._templates = list(_templates())
        self._recent = [self._random() for _ in range(100)]

    def single(self) -> bytes:
        """Return a request with one event."""
        return self.post(self._body())

    def batch(self) -> bytes:
        """Return a request with 500 events."""
        return self.post(b'{"events":[%b]}' % b",".join(self._body() for _ in range(BATCH)))

    def post(self, body: bytes) -> bytes:
        """Return a request with this body."""
        return b"%bcontent-length: %d\r\n\r\n%b" % (self._head.encode(), len(body), body)

    def bodies(self, count: int) -> list[bytes]:
        """Return single events as JSON."""
        return [self._body() for _ in range(count)]

    def _body(self) -> bytes:
        template: bytes = self._rng.choice(self._templates)
        return template.replace(_EVENT, self._random()).replace(_VISITOR, self._visitor())

    def _visitor(self) -> bytes:
        if self._rng.random() >= LEADS:
            return self._rng.choice(self._recent)
        visitor = self._random()
        if len(self._recent) < _RECENT:
            self._recent.append(visitor)
        else:
            self._recent[self._rng.randrange(_RECENT)] = visitor
        return visitor

    def _random(self) -> bytes:
        return b"%032x" % self._rng.getrandbits(128)


def get(path: str, key: str) -> bytes:
    """Return a request that reads."""
    return f"GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\n\r\n".encode()


def send(path: str, key: str, body: bytes) -> bytes:
    """Return a request that posts JSON with a secret key."""
    head = f"POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n"
    return b"%bcontent-length: %d\r\n\r\n%b" % (head.encode(), len(body), body)


def _templates() -> Iterator[bytes]:
    site = (arrival["event"] for arrival in generate(4 * _TEMPLATES, _SEED) if arrival["source"] == "site")
    anonymised = (_anonymised(event) for event in site if event.get("anonymous_id") and _is_admitted(event))
    yield from map(orjson.dumps, islice(filter(_is_admitted, anonymised), _TEMPLATES))


def _anonymised(event: dict[str, Any]) -> dict[str, Any]:
    """Keep the shape of an event, with its person replaced by whoever sends it."""
    kept = {name: value for name, value in event.items() if name not in _PERSONAL}
    traits = {name: value for name, value in event.get("traits", {}).items() if name != "phone"}
    if "email" in traits:
        traits["email"] = f"{_VISITOR.decode()}@firm.example"
    if traits:
        kept["traits"] = traits
    else:
        kept.pop("traits", None)
    return {**kept, "event_id": _EVENT.decode(), "anonymous_id": _VISITOR.decode()}


def _is_admitted(event: dict[str, Any]) -> bool:
    make: Callable[[], str] = clock.new_event_id
    try:
        admit(event, arrival=clock.now(), trusted=False, phone_region=None, new_event_id=make)
    except InvalidEvent:
        return False
    return True

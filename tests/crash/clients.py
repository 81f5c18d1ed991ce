"""What clients of the service do: say random things, and post them again and again until they are answered."""

from __future__ import annotations

import threading
from random import Random
from typing import Any, Protocol, Self

import httpx

from lead_events import clock
from lead_events.domain.times import HOUR, format_instant
from tests.crash.ledger import Ledger

SECONDS = 60
_TYPES = ("page.viewed",) * 4 + ("file.downloaded", "form.submitted", "lead.accepted", "lead.rejected", "lead.identified")


class Service(Protocol):
    """What clients need to know of a campaign."""

    ledger: Ledger
    key: str
    random: Random

    def say(self, events: int, draw: Random | None = None) -> list[dict[str, Any]]:
        """Make events."""


def say(draw: Random, number: int) -> dict[str, Any]:
    """Make an event; people and browsers come and go with the numbers, some stay for ever."""
    about = draw.choice([number // 5, number // 5, number // 5, 0])
    browser = draw.choice([None, f"w{about + draw.randrange(5)}", f"w{about + draw.randrange(5)}", f"w{about}"])
    traits: dict[str, Any] = {"email": f"anna{about + draw.randrange(3)}@firm.example"} if draw.randrange(3) == 0 else {}
    if draw.randrange(4) == 0:
        traits["job_title"] = draw.choice(["Director", "Clerk"])
    said: dict[str, Any] = {
        "event_id": f"e-{number}",
        "type": draw.choice(_TYPES),
        "properties": {"file": "x.pdf", "form_id": "f"},
    }
    lateness = draw.choice([None, None, 0, 0, 1, 30, 80])
    if lateness is not None:
        said["occurred_at"] = format_instant(clock.now() - lateness * HOUR)
    if browser is not None:
        said["anonymous_id"] = browser
    if browser is None or draw.randrange(6) == 0:
        said["user_id"] = f"u{about + draw.randrange(2)}"
    if traits:
        said["traits"] = traits
    return said


class Load:
    """Client threads that post events and batches, each again until it is acknowledged, wherever the service is now."""

    def __init__(self, begun: Service, threads: int = 4) -> None:
        self._campaign = begun
        self._moved = threading.Condition()
        self._address = ""
        self._stopping = self._given_up = False
        self.refused: list[str] = []
        seeds = [begun.random.randrange(2**32) for _ in range(threads)]
        self._threads = [threading.Thread(target=self._run, args=(Random(seed),), daemon=True) for seed in seeds]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, failed: type[BaseException] | None, *_error: object) -> None:
        self._given_up = failed is not None
        self.finish()

    def go_to(self, address: str) -> None:
        """Tell every client where the service is."""
        with self._moved:
            self._address = address
            self._moved.notify_all()

    def finish(self) -> None:
        """Let every client get the answer that it waits for, and end."""
        with self._moved:
            self._stopping = True
            self._moved.notify_all()
        for thread in self._threads:
            thread.join(SECONDS)

    def _run(self, draw: Random) -> None:
        with httpx.Client(timeout=10, trust_env=False) as client:
            while not self._stopping:
                events = self._campaign.say(draw.choice([1, 1, 1, 3, 8]), draw)
                self._campaign.ledger.sent([event["event_id"] for event in events])
                self._deliver(client, events)

    def _deliver(self, client: httpx.Client, events: list[dict[str, Any]]) -> None:
        body = events[0] if len(events) == 1 else {"events": events}
        while not self._given_up:
            address = self._address
            try:
                answer = client.post(f"{address}/v1/events", json=body, headers={"Authorization": f"Bearer {self._campaign.key}"})
            except (httpx.HTTPError, httpx.InvalidURL):
                self._wait(address)
                continue
            if answer.status_code == 202:
                self._campaign.ledger.acked(answer.json()["results"])
                return
            if answer.status_code != 503 or "retry-after" not in answer.headers:
                self.refused.append(f"{answer.status_code} {answer.text}")
                return
            self._wait(address)

    def _wait(self, address: str) -> None:
        """Wait for the service to come back elsewhere; a moment, in case it only asked for patience."""
        with self._moved:
            self._moved.wait_for(lambda: self._address != address, timeout=0.05)

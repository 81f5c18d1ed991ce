"""Global Privacy Control and Do Not Track at the door, and sources that need a yes: from the request to the lead."""

from __future__ import annotations

import gzip
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import Engine, select

from lead_events import clock
from lead_events.api.door import Door, DoorLimits, mount
from lead_events.domain.signals import PrivacySignals
from lead_events.store import schema, sources
from lead_events.store.engine import reading, writing
from lead_events.store.verify import verify_log
from lead_events.store.writer import Writer
from tests.api.identifying import Identifying
from tests.api.service import visitor

GPC, DNT, NEITHER = {"Sec-GPC": "1"}, {"DNT": "1"}, {"Sec-GPC": "0", "DNT": "0"}
VIEW = {
    **visitor("canary-browser"),
    "user_id": "canary-user",
    "context": {
        "page": {"url": "https://shop.example/pricing?utm_source=x&gclid=canary-click", "path": "/pricing"},
        "locale": "en",
    },
}
FORM = {"type": "form.submitted", "anonymous_id": "v", "properties": {"form_id": "f"}, "traits": {"email": "anna@firm.example"}}


class Signalled(Identifying):
    """A service with the real door in front."""

    def open_door(self, mode: PrivacySignals = PrivacySignals.ANONYMOUS) -> None:
        """Put the door in front of the API; ``close`` it afterwards."""
        self.now = clock.now()
        self.writer = Writer(self.engine, self.vault)
        self.writer.start()
        limits = DoorLimits(address_rate=0, key_rate=0)
        door = Door(self.writer, self.app.state.keys, limits=limits, phone_region="RU", privacy_signals=mode)
        self.api, self.app = self.app, mount(door, self.app)  # type: ignore[assignment]

    def send(self, *events: dict[str, Any], key: str | None = None, **headers: str) -> httpx.Response:
        """Send events as a browser does, and let the projector take in what was kept."""
        body = {"events": list(events)} if len(events) > 1 else events[0]
        answer = self.ask("POST", "/v1/events", json=body, headers={"Authorization": f"Bearer {key or self.write}", **headers})
        self.catch_up()
        return answer

    def bodies(self) -> list[tuple[str, bytes, dict[str, Any]]]:
        """Return type, refs and readable part of every event."""
        table = schema.events
        with reading(self.engine) as connection:
            rows = connection.execute(select(table.c.type, table.c.refs, table.c.body).order_by(table.c.position)).all()
        return [(row.type, bytes(row.refs), orjson.loads(row.body)) for row in rows]

    def need_a_yes(self, *purposes: str) -> None:
        """Make the source opt-in, and forget the keys that were remembered."""
        with writing(self.engine) as connection:
            sources.set_opt_in(connection, "shop", purposes)
        getattr(self, "api", self.app).state.keys._known.clear()


@pytest.fixture
def service(engine: Engine) -> Any:
    """A service whose door honours signals as the shipped setting says."""
    service = Signalled(engine)
    yield service
    service.writer.drain(20)


@pytest.mark.parametrize("signal", [GPC, DNT])
def test_behaviour_with_a_signal_is_kept_without_whose_it_is(service: Signalled, signal: dict[str, str]) -> None:
    """No identifier, nothing sealed, no query of a link; what was looked at remains, and no lead comes of it."""
    service.open_door()
    answer = service.send({**VIEW, "event_id": "a"}, **signal)
    assert answer.json()["results"] == [{"event_id": "a", "outcome": "created", "position": 1}]
    assert service.send({**VIEW, "event_id": "a"}, **signal).json()["results"][0]["outcome"] == "duplicate"
    [(type_, refs, body)] = service.bodies()
    assert (type_, refs) == ("page.viewed", b"")
    assert body == {"anonymised": True, "context": {"page": {"url": "https://shop.example/pricing", "path": "/pricing"}}}
    with reading(service.engine) as connection:
        assert connection.execute(select(schema.sealed)).all() == []
        assert connection.execute(select(schema.refs)).all() == []
        assert connection.execute(select(schema.leads)).all() == []


def test_behaviour_without_a_signal_is_kept_whole(service: Signalled) -> None:
    """A header with another value is no signal, and neither is none."""
    service.open_door()
    service.send(visitor("v"), **NEITHER)
    service.send(visitor("v"))
    assert [(len(refs) > 0, "anonymised" in body) for _, refs, body in service.bodies()] == [(True, False)] * 2


def test_what_is_dropped_is_said_so(service: Signalled) -> None:
    """An outcome of its own, alone and in a batch; what people say of themselves is kept."""
    service.open_door(PrivacySignals.DROP)
    answer = service.send({**VIEW, "event_id": "a"}, **GPC)
    assert answer.status_code == 202
    dropped = {"event_id": "a", "outcome": "dropped", "reason": "privacy_signal"}
    assert answer.json() == {"position": None, "results": [dropped]}
    answer = service.send({**VIEW, "event_id": "a"}, {**FORM, "event_id": "b"}, {"type": "page.viewed"}, **DNT).json()
    assert answer["position"] == 1
    assert [result["outcome"] for result in answer["results"]] == ["dropped", "created", "rejected"]
    assert service.find(email="anna@firm.example")["events"] == 1


def test_signals_may_be_ignored(service: Signalled) -> None:
    """By setting, for sites that need no more."""
    service.open_door(PrivacySignals.IGNORE)
    service.send(VIEW, **GPC)
    service.send(FORM, **GPC)
    assert [(len(refs) > 0, "gpc" in body) for _, refs, body in service.bodies()] == [(True, False)] * 2


def test_whoever_sent_gpc_is_not_pulled_until_they_agree_to_something(service: Signalled) -> None:
    """A form alone is no agreement; a consent of their own is; DNT says nothing about handing on."""
    service.open_door()
    service.send(FORM, **GPC)
    service.send({**FORM, "anonymous_id": "w", "traits": {"email": "boris@firm.example"}}, **DNT)
    assert [lead["email"] for lead in service.pull()] == ["boris@firm.example"]
    everybody = {lead["email"]: lead["no_sharing"] for lead in service.pull([("no_sharing", "include")])}
    assert everybody == {"anna@firm.example": True, "boris@firm.example": False}
    agreed = {"purpose": "contact", "channel": "email", "text_version": "2026-1"}
    service.send({**FORM, "type": "consent.granted", "properties": agreed}, **GPC)
    assert sorted(lead["email"] for lead in service.pull()) == ["anna@firm.example", "boris@firm.example"]


def test_a_source_that_needs_a_yes_stamps_its_events(service: Signalled) -> None:
    """From then on nothing is scored and nobody may be contacted, until they say yes; what was said before stands."""
    service.open_door()
    service.send(FORM)
    assert service.find(email="anna@firm.example")["scores"]["behaviour"] == 15.0
    service.need_a_yes("profiling", "contact")
    service.send({**FORM, "event_id": "second"})
    lead = service.find(email="anna@firm.example")
    assert (lead["opt_in"], lead["withheld"]) == (["contact", "profiling"], "no_profiling_consent")
    assert (len(lead["do_not_contact"]), lead["scores"]["behaviour"]) == (7, None)
    assert lead["definitions"]["ready"]["missing"][0]["has"] is None
    for purpose in ("profiling", "contact"):
        service.send({**FORM, "type": "consent.granted", "properties": {"purpose": purpose}})
    lead = service.find(email="anna@firm.example")
    assert (lead["do_not_contact"], lead["withheld"]) == ([], None)
    assert lead["scores"]["behaviour"] == pytest.approx(15.0, abs=0.01)
    assert [body.get("opt_in") for *_, body in service.bodies()] == [None] + [["contact", "profiling"]] * 3


def test_no_client_can_write_the_stamps(service: Signalled) -> None:
    """What is named like a stamp is ignored as any unknown field, packed or not."""
    service.open_door()
    forged = {**FORM, "opt_in": ["contact"], "gpc": True, "anonymised": True}
    body = gzip.compress(orjson.dumps(forged))
    headers = {"Authorization": f"Bearer {service.write}", "Content-Encoding": "gzip", "Content-Type": "application/json"}
    assert service.ask("POST", "/v1/events", content=body, headers=headers).status_code == 202
    service.send({**forged, "event_id": "x"}, key=service.secret)
    assert not any({"opt_in", "gpc", "anonymised"} & set(body) for *_, body in service.bodies())


def test_the_log_of_anonymous_events_verifies(service: Signalled) -> None:
    """Events about nobody stand in the chain as any other."""
    service.open_door()
    service.send(VIEW, FORM, VIEW, **GPC)
    assert len(service.bodies()) == 3
    assert verify_log(service.engine, service.vault) == []

"""The demo history keeps its promises: the same for the same arguments, in order, and with the stated mix."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from random import Random
from typing import Any

import orjson
import pytest

from lead_events.demo import catalogue, names
from lead_events.demo.generate import DEFAULT_END, expected_mix, generate
from lead_events.demo.mix import split
from lead_events.demo.people import Spread, Webinar, webinar
from lead_events.demo.plans import DAYS
from lead_events.domain.errors import InvalidEvent
from lead_events.domain.event_types import TYPES
from lead_events.domain.wire import admit

SIZE = 100_000
SEEDS = (1, 2)
HOUR = timedelta(hours=1)
DAY = 86_400_000_000
CRAWLERS = frozenset(crawler.user_agent for crawler in names.CRAWLERS)
DECIDER = re.compile("директор|director|ceo|head|owner|собственник", re.IGNORECASE)


@dataclass
class Union:
    """Identifiers that name the same person."""

    parents: dict[str, str] = field(default_factory=dict)

    def find(self, name: str) -> str:
        """Name the group an identifier is in."""
        while self.parents.setdefault(name, name) != name:
            name = self.parents[name]
        return name

    def join(self, group: list[str]) -> None:
        """Note that these identifiers are one person's."""
        for name in group:
            self.parents[self.find(name)] = self.find(group[0])


@dataclass
class Tally:
    """What one history holds; duplicates and refused events are counted and then left out."""

    arrivals: int = 0
    refused: int = 0
    repeats: int = 0
    late: int = 0
    latest: timedelta = timedelta()
    bots: int = 0
    ordered: bool = True
    types: Counter[str] = field(default_factory=Counter)
    sources: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    browsers: Counter[str] = field(default_factory=Counter)
    urls: set[str] = field(default_factory=set)
    values: set[tuple[str, str]] = field(default_factory=set)
    people: Union = field(default_factory=Union)
    owners: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    prices_seen: Counter[str] = field(default_factory=Counter)
    booklets: Counter[str] = field(default_factory=Counter)
    titles: dict[str, str] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)

    def leads(self) -> int:
        """Browsers that never told who they are, and people who did."""
        return len(self.browsers) - len(self.owners) + len(self.known())

    def known(self) -> set[str]:
        """People who left an e-mail, a phone or an id."""
        return {self.people.find(name) for name in self.people.parents}

    def shared(self) -> int:
        """Browsers that more than one person used."""
        return sum(len(self.owners_of(browser)) > 1 for browser in self.owners)

    def owners_of(self, browser: str) -> set[str]:
        """People who told who they are in this browser."""
        return {self.people.find(name) for name in self.owners[browser]}

    def figures(self) -> dict[str, float]:
        """The figures of ``expected_mix``, as they came out."""
        return {
            "leads": self.leads() / self.arrivals,
            "identified_per_person": len(self.known()) / self.leads(),
            "bots": self.bots / self.arrivals,
            "heavy": self.browsers.most_common(1)[0][1] / self.arrivals,
            "late": self.late / self.arrivals,
            "duplicates": self.repeats / self.arrivals,
            "malformed": self.refused / self.arrivals,
            "spend": self.types["spend.recorded"] / self.arrivals,
            "shared_per_browser": self.shared() / len(self.browsers),
            "types": len(self.types),
        }


def looks_acceptable(event: dict[str, Any]) -> bool:
    """A quick judgement, checked against the real door below, for histories too large to admit one by one in a test."""
    parts = (event.get("properties", {}), event.get("traits", {}), event.get("anonymous_id", ""))
    if not all(isinstance(part, kind) for part, kind in zip(parts, (dict, dict, str), strict=True)):
        return False
    if event.get("type") not in TYPES or " " in event["event_id"] or event["occurred_at"][:2] != "20":
        return False
    if event["type"] == "form.submitted" and "form_id" not in parts[0]:
        return False
    named = event.keys() & {"anonymous_id", "crm_ids", "traits"} or event["type"] == "spend.recorded"
    return bool(named) and "@" in parts[1].get("email", "@")


def strong_identifiers(event: dict[str, Any]) -> list[str]:
    """Identifiers of a person, not of a browser."""
    found = [f"{system}:{number}" for system, number in event.get("crm_ids", {}).items()]
    found += [event["user_id"]] if "user_id" in event else []
    return found + [re.sub(r"[ ()-]", "", event["traits"][key]) for key in ("email", "phone") if key in event.get("traits", {})]


def delay(event: dict[str, Any]) -> timedelta:
    """How long after it happened an event was sent, by the sender's own clock."""
    return datetime.fromisoformat(event["sent_at"]) - datetime.fromisoformat(event["occurred_at"])


def count(tally: Tally, source: str, event: dict[str, Any]) -> None:
    """Count one event that is neither refused nor a repeat."""
    kind, browser, waited = event["type"], event.get("anonymous_id"), delay(event)
    tally.types[kind] += 1
    tally.sources[kind].add(source)
    tally.late += waited > HOUR
    tally.latest = max(tally.latest, waited)
    tally.values.update((key, str(value)) for key, value in event.get("properties", {}).items())
    strong = strong_identifiers(event)
    if strong:
        tally.people.join(strong)
    if browser:
        tally.browsers[browser] += 1
        page = event["context"]["page"]
        tally.urls.add(page["url"])
        tally.prices_seen[browser] += kind == "page.viewed" and page["path"] in {"/pricing", "/terms"}
        tally.booklets[browser] += event.get("properties", {}).get("file") in catalogue.LEAD_MAGNETS
        if strong:
            tally.owners[browser].update(strong)
    if kind in {"deal.won", "deal.lost", "lead.rejected"}:
        tally.outcomes[strong[0]] = kind
    if "job_title" in event.get("traits", {}):
        tally.titles[strong[0]] = event["traits"]["job_title"]


@lru_cache
def tally_of(seed: int) -> Tally:
    """Count one history once for all tests."""
    tally, seen, before = Tally(), set(), 0
    for arrival in generate(SIZE, seed):
        event = arrival["event"]
        tally.arrivals += 1
        tally.ordered &= before <= arrival["received_at"]
        before = arrival["received_at"]
        tally.bots += event.get("context", {}).get("user_agent") in CRAWLERS
        if not looks_acceptable(event):
            tally.refused += 1
        elif event["event_id"] in seen:
            tally.repeats += 1
        else:
            seen.add(event["event_id"])
            count(tally, arrival["source"], event)
    return tally


def digest(arrivals: Iterable[dict[str, Any]]) -> str:
    """Hash every byte of a history."""
    return hashlib.sha256(b"\n".join(orjson.dumps(arrival) for arrival in arrivals)).hexdigest()


def is_admitted(arrival: dict[str, Any]) -> bool:
    """Ask the real door, with a secret key for the CRM and a write key for the site."""
    trusted = arrival["source"] == "crm"
    try:
        admit(
            arrival["event"],
            arrival=arrival["received_at"],
            trusted=trusted,
            phone_region=None,
            new_event_id=lambda: "none",
        )
    except InvalidEvent:
        return False
    return True


def test_the_same_arguments_give_the_same_bytes() -> None:
    """Size, seed and end decide every byte; another seed gives another history."""
    once, again, other = (digest(generate(5_000, seed)) for seed in (7, 7, 8))
    assert once == again
    assert once != other
    assert digest(generate(500, 7, DEFAULT_END)) == digest(generate(500, 7))
    assert digest(generate(500, 7, DEFAULT_END - DAY)) != digest(generate(500, 7))


@pytest.mark.parametrize("size", [0, 1, 2, 7, 50, 333, 1_000])
def test_any_size_gives_exactly_that_many_arrivals_in_order_within_the_18_months(size: int) -> None:
    """Small histories are complete, ordered, and inside their time."""
    times = [arrival["received_at"] for arrival in generate(size, 3)]
    assert len(times) == size
    assert times == sorted(times)
    assert all(DEFAULT_END - DAYS * DAY <= time <= DEFAULT_END for time in times)


def test_the_parts_of_the_mix_add_up_at_every_size() -> None:
    """No event is lost in rounding, nobody is left without an event, and the large parts grow with the size."""
    for size in (*range(3_000), 10_000, 1_000_000, 10_000_000):
        parts = split(size)
        sums = (parts.malformed, parts.duplicates, parts.heavy, parts.bot_events, parts.spend, parts.people_events)
        assert sum(sums) == size
        assert parts.people <= parts.people_events
        assert parts.identified <= parts.identified_events <= parts.people_events
        assert parts.heavy == round(0.2 * size)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_door_refuses_the_malformed_events_and_no_other(seed: int) -> None:
    """One in a hundred is refused by the real door, whatever is wrong with it, and everything else is taken."""
    arrivals = list(generate(10_000, seed))
    verdicts = [is_admitted(arrival) for arrival in arrivals]
    assert verdicts == [looks_acceptable(arrival["event"]) for arrival in arrivals]
    assert verdicts.count(False) == 100


@pytest.mark.parametrize("seed", SEEDS)
def test_every_figure_of_the_mix_is_met(seed: int) -> None:
    """Leads, bots, the heavy browser, late, repeated, refused, shared and the 40 types are what ``mix`` says."""
    tally = tally_of(seed)
    assert (tally.arrivals, tally.ordered) == (SIZE, True)
    expected = expected_mix()
    assert tally.figures() == {name: pytest.approx(expected[name], rel=0.05) for name in tally.figures()}
    assert len(tally.urls) >= 20_000
    assert len(tally.values) >= 2_000
    assert len(tally.types) == 40
    assert timedelta(days=5) < tally.latest < timedelta(days=30)


def test_another_seed_agrees_within_ten_percent() -> None:
    """The mix is a property of the generator and not of a lucky seed."""
    one, two = (tally_of(seed) for seed in SEEDS)
    assert one.figures() == {name: pytest.approx(value, rel=0.1) for name, value in two.figures().items()}
    assert len(one.urls) == pytest.approx(len(two.urls), rel=0.1)
    assert len(one.values) == pytest.approx(len(two.values), rel=0.1)
    assert len(one.known()) == pytest.approx(len(two.known()), rel=0.1)
    for kind in ("deal.won", "deal.lost", "lead.rejected", "lead.accepted", "webinar.registered"):
        assert one.types[kind] == pytest.approx(two.types[kind], rel=0.1)


def test_private_types_come_from_the_crm_only() -> None:
    """A browser never says what only a secret key may say."""
    sources = tally_of(1).sources
    assert {kind for kind, found in sources.items() if "site" in found and not TYPES[kind].public} == set()
    assert sources["deal.won"] == {"crm"}
    assert sources["page.viewed"] == {"site"}


def test_sessions_have_a_long_tail() -> None:
    """A third of the browsers leave after one event; the busiest hundredth of people cause a tenth of what people do."""
    counts = sorted(tally_of(1).browsers.values(), reverse=True)[1 + split(SIZE).bots :]
    assert 0.2 < counts.count(1) / len(counts) < 0.5
    assert sum(counts[: len(counts) // 100]) > 0.09 * sum(counts)


def test_a_duplicate_differs_in_nothing_but_sent_at() -> None:
    """A second sending carries the same event, later."""
    first: dict[str, dict[str, Any]] = {}
    repeats = 0
    for arrival in generate(10_000, 4):
        event = {**arrival["event"]}
        sent_at = event.pop("sent_at")
        known = first.setdefault(event["event_id"], {**event, "sent": sent_at})
        if known["sent"] != sent_at:
            assert {**event, "sent": known["sent"]} == known
            repeats += 1
    assert repeats == 200


def test_webinars_go_as_the_article_says() -> None:
    """30-50 % of the registered attend, 2-3 % of those take the offer."""
    spread = Spread(Random(5).random)
    reached = Counter(webinar(spread, ordinal) for ordinal in range(18_000))
    registered = 18_000 - reached[Webinar.NONE]
    attended = registered - reached[Webinar.REGISTERED]
    assert 0.3 < attended / registered < 0.5
    assert 0.02 < reached[Webinar.ACCEPTED_OFFER] / attended < 0.03


def test_a_good_model_finds_the_buyers_and_booklets_do_not() -> None:
    """Deciders who look at prices and terms buy several times as often; those who take booklets as often as anybody."""
    tally = tally_of(1)
    buyers = {tally.people.find(name) for name, outcome in tally.outcomes.items() if outcome == "deal.won"}
    deciders = {tally.people.find(name) for name, title in tally.titles.items() if DECIDER.search(title)}
    prices: Counter[str] = Counter()
    booklets: Counter[str] = Counter()
    for browser in tally.owners:
        for person in tally.owners_of(browser):
            prices[person] += tally.prices_seen[browser]
            booklets[person] += tally.booklets[browser]
    share = len(buyers) / len(tally.known())
    chosen = {person for person in deciders if prices[person] >= 3}
    readers = {person for person, taken in booklets.items() if taken}
    assert len(chosen & buyers) / len(chosen) > 2.5 * share
    assert len(readers & buyers) / len(readers) == pytest.approx(share, rel=0.2)

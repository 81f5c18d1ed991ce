"""Who has been kept too long, on real databases with a clock that is moved: counted first, forgotten then, once."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import Engine, delete

from lead_events.domain.errors import Unavailable
from lead_events.domain.retention import Periods, RetentionClass, months_before
from lead_events.domain.times import DAY, Instant, format_instant
from lead_events.projections import retention
from lead_events.store import reads, schema
from lead_events.store.engine import writing
from lead_events.store.reads import ReadLine
from tests.api.identifying import Identifying
from tests.api.service import person, visitor
from tests.logs import count


@pytest.fixture
def service(engine: Engine) -> Identifying:
    """A service with an empty log."""
    return Identifying(engine)


def ago(service: Identifying, months: int, days: int = 0) -> dict[str, Any]:
    """Return when something happened, some calendar months and days before the service's now."""
    return {"occurred_at": format_instant(months_before(service.now, months) - days * DAY)}


def everybody(service: Identifying) -> None:
    """Let one of each kind be just inside their period, and one just beyond it."""
    for name, days in (("young", -2), ("old", 2)):
        service.say(
            visitor(f"visitor-{name}", **ago(service, 13, days)),
            person(f"unqualified-{name}", **ago(service, 24, days)),
            person(f"prospect-{name}", **ago(service, 36, days)),
            person(f"prospect-{name}", "lead.accepted", properties={}, **ago(service, 36, days - 1)),
        )


class Shredder:
    """Remembers whom it was told to forget; fails for some."""

    def __init__(self, *failing: int) -> None:
        self.forgotten: list[tuple[int, RetentionClass]] = []
        self._failing = failing

    def __call__(self, founding: int, class_: RetentionClass) -> None:
        """Forget one lead."""
        if founding in self._failing:
            raise Unavailable("The database is away.")
        self.forgotten.append((founding, class_))


def test_nobody_is_forgotten_a_day_too_early_or_kept_long_after(service: Identifying) -> None:
    """Of each class the one just beyond the period is found, the one just inside is not."""
    everybody(service)
    found = retention.survey(service.engine, Periods(), service.now)
    assert {class_.value: tally.count for class_, tally in found.leads.items()} == {
        "visitor": 1, "unqualified": 1, "prospect": 1, "customer": 0,
    }  # fmt: skip
    oldest = found.leads[RetentionClass.VISITOR].oldest
    assert oldest is not None
    assert abs(oldest - (months_before(service.now, 13) - 2 * DAY)) < DAY / 2


def test_what_is_forgotten_is_what_was_shown(service: Identifying) -> None:
    """A dry run changes nothing and says the same as the run; and both are the same every time."""
    everybody(service)
    first, second = (retention.survey(service.engine, Periods(), service.now) for _ in range(2))
    shredder = Shredder()
    done = retention.apply(service.engine, Periods(), service.now, shredder)
    assert first == second
    assert {class_: tally.count for class_, tally in done.leads.items()} == {c: t.count for c, t in first.leads.items()}
    assert len(shredder.forgotten) == first.total


def test_browsing_keeps_no_prospect_but_a_contact_does(service: Identifying) -> None:
    """Looking at pages is no contact; a form, a call or an answered message is."""
    service.say(
        person("ada", anonymous_id="a", **ago(service, 40)), person("ada", "lead.accepted", properties={}, **ago(service, 40))
    )
    service.say(visitor("a", **ago(service, 1)))
    assert retention.survey(service.engine, Periods(), service.now).leads[RetentionClass.PROSPECT].count == 1
    service.say(person("ada", "call.logged", properties={}, **ago(service, 1)))
    assert retention.survey(service.engine, Periods(), service.now).total == 0


def test_a_merged_lead_is_as_young_as_its_youngest_part(service: Identifying) -> None:
    """And is looked at once."""
    service.say(person("ada", **ago(service, 30)), person("lovelace", **ago(service, 1)))
    assert retention.survey(service.engine, Periods(), service.now).total == 1
    service.merge(service.find(email="ada@firm.example")["id"], service.find(email="lovelace@firm.example")["id"])
    assert retention.survey(service.engine, Periods(), service.now).total == 0


def test_one_that_cannot_be_forgotten_does_not_keep_the_others(service: Identifying) -> None:
    """It is named, and the next run tries again."""
    everybody(service)
    foundings = sorted(founding for founding, _ in forget(service))
    failing = Shredder(foundings[0])
    done = retention.apply(service.engine, Periods(), service.now, failing)
    assert (done.failed, sorted(founding for founding, _ in failing.forgotten)) == ([foundings[0]], foundings[1:])


def test_it_stops_between_two_leads_when_told(service: Identifying) -> None:
    """What is left, the next run finds."""
    everybody(service)
    stop = threading.Event()
    forgotten = []

    def shred(founding: int, _class: RetentionClass) -> None:
        forgotten.append(founding)
        stop.set()

    retention.apply(service.engine, Periods(), service.now, shred, stop=stop)
    assert len(forgotten) == 1


def forget(service: Identifying, periods: Periods | None = None, now: Instant | None = None) -> list[tuple[int, RetentionClass]]:
    """Apply retention and return who was forgotten."""
    shredder = Shredder()
    retention.apply(service.engine, periods or Periods(), now or service.now, shredder)
    return shredder.forgotten


def test_a_period_of_zero_forgets_nobody(service: Identifying) -> None:
    """Whatever the age."""
    everybody(service)
    for_ever = Periods(visitor_months=0, unqualified_months=0, prospect_months=0)
    assert forget(service, for_ever) == []


def test_the_moved_clock_decides(service: Identifying) -> None:
    """The same leads, half a year later."""
    everybody(service)
    assert len(forget(service)) == 3
    assert len(forget(service, now=service.now + 180 * DAY)) == 6


def test_whoever_came_back_a_moment_ago_stays(service: Identifying) -> None:
    """What is in the log counts, though it is not folded yet."""
    service.say(person("ada", anonymous_id="a", **ago(service, 30)), visitor("b", **ago(service, 30)))
    assert len(forget(service)) == 2
    service.append(visitor("a", "/back"))
    assert [class_ for _, class_ in forget(service)] == [RetentionClass.VISITOR]
    service.append(visitor("b", "/back"))
    assert forget(service) == []


def test_a_parked_lead_is_left_alone(service: Identifying) -> None:
    """Nobody knows how old it is."""
    everybody(service)
    with writing(service.engine) as connection:
        connection.execute(schema.leads.update().values(parked=True))
    assert forget(service) == []


def test_old_quarantine_and_access_lines_go_the_young_stay(service: Identifying) -> None:
    """Thirty days, and two years."""
    service.say(person("ada", event_id="one"))
    service.say(person("ada", event_id="one", traits={"last_name": "Other"}))
    with writing(service.engine) as connection:
        connection.execute(delete(schema.reads_of_leads))
        reads.save(connection, [ReadLine(1, months_before(service.now, 25), "k", "lead"), ReadLine(1, service.now, "k", "lead")])
    found = retention.survey(service.engine, Periods(), service.now + 29 * DAY)
    assert (found.quarantine.count, found.accesses.count) == (0, 1)
    done = retention.apply(service.engine, Periods(), service.now + 31 * DAY, Shredder())
    assert (done.quarantine.count, done.accesses.count) == (1, 1)
    assert (count(service.engine, "quarantine"), count(service.engine, "reads_of_leads")) == (0, 1)

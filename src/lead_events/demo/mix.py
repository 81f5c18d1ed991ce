"""What a demo history consists of: the shares, and the whole numbers they give for a given size.

The shares are stated in issue "Foundation 3" and tested; how events look is in ``wire``, who causes them in ``people``.
"""

from __future__ import annotations

from dataclasses import dataclass

LEADS = 0.12
"""Leads per event: people, bots and the heavy browser, counted as the service resolves them."""

IDENTIFIED = 0.15
"""Share of people who leave an e-mail, a phone or an id."""

BOTS = 0.12
"""Share of all events sent by crawlers that name themselves in the user agent."""

HEAVY = 0.20
"""Share of all events sent by one browser.

It is a legitimate page monitor with an ordinary user agent: it counts as a lead, not among ``BOTS``. It is never late:
one late event would re-fold its whole history, which is a test of its own and not part of the mix.
"""

LATE = 0.03
"""Share of all events that arrive an hour to 30 days after they happened (a browser that was offline)."""

DUPLICATES = 0.02
"""Share of all events that are a second sending of an earlier one, with a new ``sent_at`` and nothing else changed."""

MALFORMED = 0.01
"""Share of all events that the door must refuse."""

SPEND = 0.002
"""Share of all events that report what a campaign cost."""

SHARED_BROWSERS = 1 / 200
"""Share of people's browsers used by two people, one after the other."""

IDENTIFIED_EVENTS = 0.46
"""Share of people's events caused by those who are identified sooner or later."""

EVENTS_PER_BOT = 2_000
"""Page views of one bot, about."""


@dataclass(frozen=True, slots=True)
class Quotas:
    """The mix in whole numbers; ``malformed + duplicates + heavy + bot_events + spend + people_events == events``.

    Attributes:
        events: lines in the history.
        malformed: lines that must be refused.
        duplicates: second sendings.
        heavy: events of the one heavy browser.
        bots: number of bots.
        bot_events: first sendings by bots.
        spend: spend reports.
        people: number of people.
        identified: how many of the people become known.
        shared: browsers used by two of the identified people.
        people_events: first sendings by people and, about people, by the CRM.
        identified_events: those of them that belong to identified people.
        late: how many of the people's events arrive late.
    """

    events: int
    malformed: int
    duplicates: int
    heavy: int
    bots: int
    bot_events: int
    spend: int
    people: int
    identified: int
    shared: int
    people_events: int
    identified_events: int
    late: int


def split(events: int) -> Quotas:
    """Divide a history of a given size into its parts.

    Args:
        events: lines in the history, 0 or more.

    Returns:
        Whole numbers that add up to ``events``, in the proportions of this module as nearly as the size allows.
    """
    malformed, duplicates = round(events * MALFORMED), round(events * DUPLICATES)
    # Refused copies and second sendings are drawn from everybody's events and so add to the bots' share.
    heavy, bot_events = round(events * HEAVY), round(events * BOTS * (1 - MALFORMED - DUPLICATES))
    spend = round(events * SPEND)
    people_events = events - malformed - duplicates - heavy - bot_events - spend
    bots = -(-bot_events // EVENTS_PER_BOT)
    people = max(min(1, people_events), round(events * LEADS) - bots - min(heavy, 1))
    identified = round(people * IDENTIFIED)
    return Quotas(
        events=events,
        malformed=malformed,
        duplicates=duplicates,
        heavy=heavy,
        bots=bots,
        bot_events=bot_events,
        spend=spend,
        people=people,
        identified=identified,
        shared=min(round(people * SHARED_BROWSERS), identified // 2),
        people_events=people_events,
        identified_events=_identified_events(people_events, people, identified),
        late=round(events * LATE),
    )


def expected_mix() -> dict[str, float]:
    """Return the documented shares, each relative to the number of events unless the name says otherwise."""
    return {
        "leads": LEADS,
        "identified_per_person": IDENTIFIED,
        "bots": BOTS,
        "heavy": HEAVY,
        "late": LATE,
        "duplicates": DUPLICATES,
        "malformed": MALFORMED,
        "spend": SPEND,
        "shared_per_browser": SHARED_BROWSERS,
        "urls": 0.02,
        "property_values": 0.002,
        "types": 40,
    }


def _identified_events(people_events: int, people: int, identified: int) -> int:
    """Give identified people their share, and everybody at least one event; all of it when nobody is anonymous."""
    if identified in {0, people}:
        return people_events if identified else 0
    return min(max(round(people_events * IDENTIFIED_EVENTS), identified), people_events - (people - identified))

"""What identified people do beside browsing: becoming known, webinars, mail, and what sales makes of them.

A story is a list of beats. When a person's share of events is small, the least important beats are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lead_events.demo import catalogue
from lead_events.demo.journeys import DEEDS, Detail, Landing
from lead_events.demo.people import Browser, Draw, Entrance, Lane, Person

MINUTE = 60_000_000
_PRICES = Landing(-1, "", told=False)


class Beat(NamedTuple):
    """One event of a story.

    Attributes:
        rank: importance; 0 is left out last.
        at: instant, microseconds UTC.
        kind: type of event.
        page: number of the page it happens on.
        detail: what chooses its properties.
        browser: where it happens, or None if the CRM reports it.
    """

    rank: int
    at: int
    kind: str
    page: int
    detail: Detail
    browser: Browser | None


class Plot:
    """Collects beats; times are given as a part of the time between the first visit and the end of the story."""

    __slots__ = ("_browser", "_draw", "_horizon", "_start", "beats")

    def __init__(self, draw: Draw, browser: Browser, start: int, horizon: int) -> None:
        """Begin an empty plot at ``start``, lasting ``horizon``, both in microseconds."""
        self._draw, self._browser, self._start, self._horizon = draw, browser, start, horizon
        self.beats: list[Beat] = []

    def visit(self, part: float, page: int, *acts: tuple[int, str]) -> None:
        """Add events on one page, up to some minutes apart, each given as (rank, type), with the same details."""
        at, deed = self._moment(part), int(self._draw() * DEEDS)
        for rank, kind in acts:
            self.beats.append(Beat(rank, at, kind, page, deed, self._browser))
            at += self._step()

    def look(self, rank: int, part: float, kind: str, page: int, detail: Detail) -> None:
        """Add one page view or download with its own details."""
        self.beats.append(Beat(rank, self._moment(part), kind, page, detail, self._browser))

    def record(self, rank: int, part: float, kind: str) -> None:
        """Add one event that the CRM reports."""
        self.beats.append(Beat(rank, self._moment(part), kind, 0, int(self._draw() * DEEDS), None))

    def _moment(self, part: float) -> int:
        return self._start + int(self._horizon * (part + 0.04 * self._draw())) // 1_000 * 1_000

    def _step(self) -> int:
        return min(int((0.2 + 2 * self._draw()) * MINUTE), self._horizon // 500) // 1_000 * 1_000


CAPTURED = 0.2
"""The part of a story after which the person is known."""


def tell(draw: Draw, person: Person, browser: Browser, start: int, horizon: int, budget: int) -> list[Beat]:
    """Make up the story of one person.

    Args:
        draw: the source of chance.
        person: who it is about.
        browser: where the person becomes known.
        start: the first visit, microseconds UTC.
        horizon: how long the story lasts, microseconds.
        budget: how many events at most.

    Returns:
        At most ``budget`` beats in the order of time, the event that identifies the person among them.
    """
    plot = Plot(draw, browser, start, horizon)
    _become_known(plot, person, draw)
    _show_intent(plot, person, draw)
    _attend(plot, person)
    _sell(plot, person)
    _mail(plot, person, draw)
    beats = sorted(plot.beats, key=lambda beat: (beat.rank, beat.at))[:budget]
    return sorted(beats, key=lambda beat: beat.at)


def _become_known(plot: Plot, person: Person, draw: Draw) -> None:
    if person.entrance is Entrance.CRM_FIRST:
        plot.record(0, 0.0, "call.logged")
    if person.entrance is Entrance.SUBSCRIPTION:
        plot.visit(CAPTURED, catalogue.HOME, (5, "popup.shown"), (5, "popup.accepted"), (0, "subscription.started"))
    elif person.entrance is Entrance.SIGN_UP:
        plot.visit(CAPTURED, catalogue.CONTACTS, (5, "form.viewed"), (5, "form.started"), (0, "lead.identified"))
    else:
        page = catalogue.PRICE_REQUEST if draw() < 0.2 + 0.6 * person.intent else catalogue.CONTACTS
        plot.visit(CAPTURED, page, (5, "form.viewed"), (5, "form.started"), (0, "form.submitted"))
    if draw() < 0.6:
        plot.visit(CAPTURED + 0.05, catalogue.HOME, (4, "consent.granted"))
    for _ in range(person.magnets):
        plot.look(1, CAPTURED + 0.6 * draw(), "file.downloaded", catalogue.DOWNLOADS, _booklet(draw))


def _show_intent(plot: Plot, person: Person, draw: Draw) -> None:
    """Look at prices and terms, take price lists, ask: the more so the higher the intent."""
    for _ in range(int(person.intent * 5 + draw())):
        page = catalogue.PRICING if draw() < 0.6 else catalogue.TERMS
        plot.look(3, 0.05 + 0.3 * draw(), "page.viewed", page, _PRICES)
    for _ in range(int(person.intent * 2 + draw() * 0.6)):
        plot.look(3, CAPTURED + 0.2 * draw(), "file.downloaded", catalogue.DOWNLOADS, _price_list(draw))
    if draw() < 0.05 + 0.2 * person.intent:
        plot.visit(0.27, catalogue.PRICING, (5, "chat.started"), (5, "chat.message_sent"))
    if draw() < 0.06:
        plot.visit(0.4, catalogue.HOME, (4, "offer.accepted"))


def _attend(plot: Plot, person: Person) -> None:
    acts = (
        (3, "webinar.registered"),
        (3, "webinar.attended"),
        (3, "webinar.question_asked"),
        (2, "webinar.offer_accepted"),
    )
    parts = (0.24, 0.28, 0.28, 0.325)
    for act, part in list(zip(acts, parts, strict=True))[: person.webinar]:
        plot.visit(part, catalogue.WEBINARS, act)


def _sell(plot: Plot, person: Person) -> None:
    for rank, part, kind in _sales_steps(person):
        plot.record(rank, part, kind)
    if person.lane is Lane.WON:
        plot.visit(0.9, catalogue.PRICING, (4, "cart.updated"), (4, "order.placed"))


def _sales_steps(person: Person) -> Iterator[tuple[int, float, str]]:
    if person.lane is Lane.NURTURED:
        return
    yield 2, 0.38, "call.logged"
    if person.lane is Lane.REJECTED:
        yield 2, 0.43, "lead.rejected"
        return
    yield 2, 0.43, "lead.accepted"
    yield 4, 0.5, "meeting.booked"
    if person.lane >= Lane.OPEN:
        yield 2, 0.56, "opportunity.opened"
    if person.lane >= Lane.LOST:
        yield 2, 0.85, "deal.won" if person.lane is Lane.WON else "deal.lost"


def _mail(plot: Plot, person: Person, draw: Draw) -> None:
    """Send the newsletter to everybody with an address; most ignore it."""
    if person.email is None:
        return
    for letter in range(3):
        part = CAPTURED + 0.1 + 0.2 * letter
        plot.record(6, part, "email.sent")
        if draw() < 0.35:
            plot.record(6, part + 0.05, "email.opened")
            if draw() < 0.2 + 0.3 * person.intent:
                plot.record(6, part + 0.1, "email.clicked")
    if draw() < 0.06:
        plot.record(5, 0.95, "email.unsubscribed")


def _booklet(draw: Draw) -> str:
    return catalogue.LEAD_MAGNETS[int(draw() * len(catalogue.LEAD_MAGNETS))]


def _price_list(draw: Draw) -> str:
    return catalogue.PRICE_LISTS[int(draw() * len(catalogue.PRICE_LISTS))]

"""Plans the history day by day: who starts when, and every event with the instant it happens and the one it arrives.

Writing events, second sendings and refused copies come later, in ``generate``.
"""

from __future__ import annotations

from random import Random

from lead_events.demo import names
from lead_events.demo.catalogue import CAMPAIGNS, site
from lead_events.demo.journeys import DEEDS, Act, Detail, Taste, browse, land, pace, pick_campaign, visits
from lead_events.demo.mix import Quotas
from lead_events.demo.noise import DAY, HOUR, Lateness
from lead_events.demo.people import Browser, Person, Spread, budgets, make_browser, make_id, make_person
from lead_events.demo.stories import CAPTURED, Beat, tell
from lead_events.demo.wire import Step

DAYS = 548
"""Length of the history: 18 months."""

_BUSY_HOURS = (6, 7, 7, 8, 8, 9, 9, 10, 11, 11, 12, 12, 13, 14, 14, 15, 16, 17, 18, 19, 20, 21, 23, 2)
_NO_DETAIL = 0


class Planner:
    """Plans one history; ``days[n]`` collects what arrives on day n, in no order, until it is taken."""

    __slots__ = (
        "_anonymous",
        "_awaited",
        "_bots",
        "_heavy",
        "_identified",
        "_lateness",
        "_number",
        "_quotas",
        "_rng",
        "_spread",
        "begin",
        "days",
        "end",
    )

    def __init__(self, quotas: Quotas, rng: Random, end: int) -> None:
        """Share out the events; plan nothing yet.

        Args:
            quotas: the mix in whole numbers.
            rng: the source of chance.
            end: no event happens or arrives later, microseconds UTC.
        """
        self._quotas, self._rng, self.end, self.begin = quotas, rng, end, end - DAYS * DAY
        self._spread = Spread(rng.random)
        self._anonymous, self._identified = budgets(quotas, self._spread)
        self._lateness = Lateness(rng.random, quotas)
        self._bots = [_make_bot(rng, number) for number in range(quotas.bots)]
        self._heavy = Browser(make_id(rng), names.USER_AGENTS[3], "en-US", -1, 0)
        self._awaited: tuple[Browser, int] | None = None
        self._number = 0
        self.days: list[list[Step]] = [[] for _ in range(DAYS + 1)]

    def plan(self, day: int) -> None:
        """Plan what starts on one day, counted from 0; days are planned once and in order."""
        self._plan_machines(day)
        people = self._quotas.people
        for number in range(_starters(people, day), _starters(people, day + 1)):
            ordinal = _ordinal(number, people, self._quotas.identified)
            start = self._start(day)
            if _ordinal(number + 1, people, self._quotas.identified) > ordinal:
                self._plan_known(ordinal, start)
            else:
                self._plan_stranger(self._anonymous[number - ordinal], start)

    def _start(self, day: int) -> int:
        draw = self._rng.random
        hour = _BUSY_HOURS[int(draw() * len(_BUSY_HOURS))]
        return self.begin + day * DAY + hour * HOUR + int(draw() * 3_599_000) * 1_000

    def _plan_stranger(self, budget: int, start: int) -> None:
        """Plan somebody who never tells who it is: some visits within some weeks."""
        draw = self._rng.random
        browser = make_browser(self._rng, pick_campaign(draw))
        taste = Taste(0.3 * draw() ** 2, magnets=True)
        horizon = int(min(40 * DAY * draw(), (self.end - start) * 0.95))
        self._plan_visits(browser, None, taste, (start, start, horizon), budget)
        self._lateness.pass_by(budget)

    def _plan_known(self, ordinal: int, start: int) -> None:
        """Plan somebody who becomes known; one in a few shares a browser with the person known before."""
        draw, budget = self._rng.random, self._identified[ordinal]
        person = make_person(draw, self._spread, ordinal)
        browser, earliest = self._awaited or (make_browser(self._rng, pick_campaign(draw)), 0)
        lends = self._awaited is None and self._lends(ordinal)
        self._awaited = None
        start = max(start, earliest)
        horizon = int(min((20 + 130 * draw()) * DAY, (self.end - start) * (0.4 if lends else 0.95)))
        if lends:
            free = start + horizon + (self.end - start - horizon) // 20
            self._awaited = (browser, free)
        beats = tell(draw, person, browser, start, horizon, budget)
        for beat in beats:
            self._add_beat(beat, person)
        taste = Taste(0.15 + 0.5 * person.intent, magnets=False)
        rest = self._plan_second_device(person, start, horizon, budget - len(beats))
        self._plan_visits(browser, person, taste, (start, start + int(horizon * CAPTURED), horizon), rest)
        self._lateness.pass_by(budget)

    def _lends(self, ordinal: int) -> bool:
        """Say whether the next identified person will use this one's browser too."""
        shared, identified = self._quotas.shared, self._quotas.identified
        half = identified // 2
        return ((ordinal + 1) * shared + half) // identified > (ordinal * shared + half) // identified

    def _plan_second_device(self, person: Person, start: int, horizon: int, budget: int) -> int:
        """Let one in ten also use a telephone and say there who it is; return what is left of the budget."""
        draw = self._rng.random
        if person.email is None or budget < 4 or draw() > 0.1:
            return budget
        browser, at = make_browser(self._rng, -1), start + int(horizon * (0.5 + 0.2 * draw())) // 1_000 * 1_000
        self._add_beat(Beat(0, at, "lead.identified", 0, _NO_DETAIL, browser), person)
        taste = Taste(person.intent, magnets=False)
        self._plan_visits(browser, person, taste, (at, at, horizon // 4), budget // 3)
        return budget - 1 - budget // 3

    def _plan_visits(
        self, browser: Browser, person: Person | None, taste: Taste, span: tuple[int, int, int], budget: int
    ) -> None:
        """Plan visits within ``span``: the first instant, the one since which a login is known, the length."""
        draw, (first, known, horizon) = self._rng.random, span
        start, campaign = first, browser.campaign
        for size in visits(draw, budget):
            acts = browse(draw, size, taste, land(draw, campaign))
            user = person if person is not None and person.user_id and start > known else None
            self._add_visit(browser, user, acts, start)
            start = first + int(horizon * draw()) // 1_000 * 1_000
            campaign = pick_campaign(draw) if draw() < 0.2 else -1

    def _add_visit(self, browser: Browser, person: Person | None, acts: list[Act], start: int) -> None:
        draw = self._rng.random
        moments = pace(draw, start, len(acts), self.end - 1_000_000)
        delay = self._lateness.delay(len(acts), self.end - moments[-1])
        # What a browser kept while it was offline leaves it in one go.
        sent = moments[-1] + delay if delay else 0
        for (kind, page, detail), at in zip(acts, moments, strict=True):
            self._add((sent or at) + 60_000 + int(draw() * 400_000), kind, browser, person, page, detail, at)

    def _add_beat(self, beat: Beat, person: Person) -> None:
        latency = 60_000 + int(self._rng.random() * (400_000 if beat.browser else 20_000_000))
        at = min(beat.at, self.end - 1_000_000)
        subject = None if beat.browser and beat.kind == "page.viewed" else person
        self._add(at + latency, beat.kind, beat.browser, subject, beat.page, beat.detail, at)

    def _plan_machines(self, day: int) -> None:
        """Plan what bots, the heavy browser and the campaigns do on one day, evenly over the years."""
        quotas, pages = self._quotas, len(site().pages)
        for number, at in self._ticks(quotas.bot_events, day):
            bot = self._bots[number * quotas.bots // quotas.bot_events]
            self._add(at + 90_000, "page.viewed", bot, None, number * 7_919 % pages, _NO_DETAIL, at)
        for number, at in self._ticks(quotas.heavy, day):
            kind, deed = ("element.clicked" if number % 10 == 9 else "page.viewed"), number * 31 % DEEDS
            self._add(at + 90_000, kind, self._heavy, None, number % pages, deed, at)
        for number, at in self._ticks(quotas.spend, day):
            self._add(at + 90_000, "spend.recorded", None, None, number % len(CAMPAIGNS), number * 7 % DEEDS, at)

    def _ticks(self, total: int, day: int) -> list[tuple[int, int]]:
        """Return number and instant of those of ``total`` evenly spread things that fall on one day."""
        first, last = total * day // DAYS, total * (day + 1) // DAYS
        step, draw = DAY // max(last - first, 1), self._rng.random
        opening = self.begin + day * DAY
        return [(n, opening + int((n - first + draw()) * step) // 1_000 * 1_000) for n in range(first, last)]

    def _add(
        self,
        arrival: int,
        kind: str,
        browser: Browser | None,
        person: Person | None,
        page: int,
        detail: Detail,
        at: int,
    ) -> None:
        arrival = min(arrival, self.end)
        self._number += 1
        day = (arrival - self.begin) // DAY
        self.days[day].append(Step(arrival, self._number, kind, browser, person, page, detail, at))


def _make_bot(rng: Random, number: int) -> Browser:
    crawler = names.CRAWLERS[number % len(names.CRAWLERS)]
    return Browser(f"{crawler.name}-{make_id(rng)}", crawler.user_agent, "en-US", -1, 0)


def _starters(people: int, day: int) -> int:
    """Return how many people have started before a day; the site grows, so the last days bring twice the first."""
    return people * day * (2 * DAYS + day) // (3 * DAYS * DAYS)


def _ordinal(number: int, people: int, identified: int) -> int:
    """Return how many of the people before this number are identified: evenly spread among the others."""
    return number * identified // people if people else 0

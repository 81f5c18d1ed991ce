"""Who causes the history: browsers, people with their hidden intent, and how many events each of them gets.

What people then do is in ``journeys`` and ``stories``.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from math import exp
from random import Random
from typing import TypeVar

from lead_events.demo import names
from lead_events.demo.mix import Quotas

Draw = Callable[[], float]
"""Returns the next random number, at least 0 and below 1."""

T = TypeVar("T")
_AXES = 9
_INTENT, _JOB, _TURNOVER, _INDUSTRY, _CONTACTED, _ACCEPTED, _WON, _WEBINAR, _SHAPE = range(_AXES)
_EXTRA_OF_ANONYMOUS = 250.0
_EXTRA_OF_IDENTIFIED = 12.0


class Lane(IntEnum):
    """How far sales gets with a person."""

    NURTURED = 0
    REJECTED = 1
    ACCEPTED = 2
    OPEN = 3
    LOST = 4
    WON = 5


class Webinar(IntEnum):
    """How far a person gets with a webinar; ``webinar`` has the shares."""

    NONE = 0
    REGISTERED = 1
    ATTENDED = 2
    ASKED = 3
    ACCEPTED_OFFER = 4


class Entrance(IntEnum):
    """How a person becomes known."""

    FORM = 0
    SUBSCRIPTION = 1
    CALLBACK = 2
    SIGN_UP = 3
    CRM_FIRST = 4


@dataclass(frozen=True, slots=True)
class Browser:
    """One browser; ``skew`` is how far its clock is ahead, microseconds."""

    anonymous_id: str
    user_agent: str
    locale: str
    campaign: int
    skew: int


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who becomes known; ``intent`` (0 to 1) is hidden: no event carries it.

    ``magnets`` is the number of free booklets the person takes. It depends on nothing, so a rule about it is useless.
    """

    email: str | None
    phone: str | None
    user_id: str | None
    crm_id: str
    first_name: str
    last_name: str
    job_title: str
    company: str
    industry: str
    annual_turnover: int
    seller: str
    intent: float
    lane: Lane
    webinar: Webinar
    entrance: Entrance
    magnets: int


class Spread:
    """Evenly spread numbers for the traits that decide outcomes, so that two seeds agree closely on every share.

    An additive recurrence in several dimensions, the R sequence of M. Roberts, "The Unreasonable Effectiveness of
    Quasirandom Sequences" (2018): coordinate k of point i is the fraction of ``offset_k + i / g**k``, where
    ``g ** (dimensions + 1) == g + 1``.
    """

    __slots__ = ("_offsets", "_steps")

    def __init__(self, draw: Draw) -> None:
        """Start at a random point."""
        root = 1.0
        for _ in range(60):
            root = (1.0 + root) ** (1.0 / (_AXES + 1))
        self._steps = tuple(root ** -(axis + 1) for axis in range(_AXES))
        self._offsets = tuple(draw() for _ in range(_AXES))

    def at(self, ordinal: int, axis: int) -> float:
        """Return one coordinate, at least 0 and below 1, of the point with this number."""
        return (self._offsets[axis] + ordinal * self._steps[axis]) % 1.0


def make_id(rng: Random) -> str:
    """Return a random id in the shape of a version 4 UUID (RFC 9562, section 5.4)."""
    digits = "%030x" % rng.getrandbits(120)  # noqa: UP031 - drawn for every event, and faster so
    return f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-a{digits[15:18]}-{digits[18:]}"


def make_browser(rng: Random, campaign: int) -> Browser:
    """Draw a browser; one in fifty has a clock that is up to six hours off.

    Args:
        rng: the source of chance.
        campaign: number of the campaign that brings it, or -1.
    """
    draw = rng.random
    skew = int((draw() - 0.5) * 43_200_000) * 1_000 if draw() < 0.02 else 0
    agents, locales = names.USER_AGENTS, names.LOCALES
    agent, locale = agents[int(draw() * len(agents))], locales[int(draw() * len(locales))]
    return Browser(make_id(rng), agent, locale, campaign, skew)


def make_person(draw: Draw, spread: Spread, ordinal: int) -> Person:
    """Draw the person with this number among the identified; names and addresses are unique per number."""
    first, first_slug = _pick(draw, names.FIRST_NAMES)
    last, last_slug = _pick(draw, names.LAST_NAMES)
    company, domain = names.COMPANIES[int(draw() ** 2 * len(names.COMPANIES))]
    local_part = f"{first_slug}.{last_slug}"
    email = f"demo.{local_part}.{ordinal}@{_pick(draw, names.FREE_PROVIDERS)}"
    if draw() < 0.7:
        email = f"{local_part}.{ordinal}@{domain}"
    entrance = _entrance(draw())
    return Person(
        email=None if entrance is Entrance.CALLBACK else email,
        phone=_phone(draw, ordinal) if entrance is Entrance.CALLBACK or draw() < 0.4 else None,
        user_id=f"u-{ordinal + 1000}" if entrance is Entrance.SIGN_UP else None,
        crm_id=str(ordinal + 501),
        first_name=first,
        last_name=last,
        job_title=_pick(draw, names.DECIDERS if _decides(spread, ordinal) else names.OTHERS),
        company=company,
        industry=_pick(draw, names.FITTING_INDUSTRIES if _fitting(spread, ordinal) else names.OTHER_INDUSTRIES),
        annual_turnover=turnover(spread, ordinal),
        seller=_pick(draw, names.SELLERS),
        intent=hidden_intent(spread, ordinal),
        lane=lane(spread, ordinal),
        webinar=webinar(spread, ordinal),
        entrance=entrance,
        magnets=(0, 0, 0, 0, 0, 1, 1, 1, 2, 3)[int(draw() * 10)],
    )


def hidden_intent(spread: Spread, ordinal: int) -> float:
    """Return how much a person wants to buy, 0 to 1; most want little."""
    return float(spread.at(ordinal, _INTENT) ** 1.5)


def turnover(spread: Spread, ordinal: int) -> int:
    """Return a company's turnover in whole dollars a year, 50 thousand to 90 million, above a million for 45 %."""
    return int(50_000 * 1_800 ** spread.at(ordinal, _TURNOVER) ** 1.52) // 1_000 * 1_000


def lane(spread: Spread, ordinal: int) -> Lane:
    """Decide how far sales gets: each gate opens more often for people who want to buy and can."""
    intent, quality = hidden_intent(spread, ordinal), 0.6 * hidden_intent(spread, ordinal) + 0.4 * _fit(spread, ordinal)
    if spread.at(ordinal, _CONTACTED) > 0.15 + 0.6 * intent:
        return Lane.NURTURED
    gate = spread.at(ordinal, _ACCEPTED)
    accepted = _logistic(7 * (quality - 0.4))
    if gate > accepted:
        return Lane.REJECTED
    if gate > 0.7 * accepted:
        return Lane.ACCEPTED
    if gate > 0.6 * accepted:
        return Lane.OPEN
    return Lane.WON if spread.at(ordinal, _WON) < _logistic(9 * (quality - 0.62)) else Lane.LOST


def webinar(spread: Spread, ordinal: int) -> Webinar:
    """Decide about the webinar: three in ten register, 40 % of them attend, 18 % of those ask, 2.5 % take the offer."""
    chance = spread.at(ordinal, _WEBINAR)
    for outcome, limit in ((4, 0.3 * 0.4 * 0.025), (3, 0.3 * 0.4 * 0.18), (2, 0.3 * 0.4), (1, 0.3)):
        if chance < limit:
            return Webinar(outcome)
    return Webinar.NONE


def budgets(quotas: Quotas, spread: Spread) -> tuple[array[int], array[int]]:
    """Share out the people's events: long-tailed (Pareto), at least one each, adding up exactly.

    Returns:
        Events of each anonymous person, events of each identified person.
    """
    anonymous = quotas.people - quotas.identified
    some = _share_out(
        quotas.people_events - quotas.identified_events,
        [min(_EXTRA_OF_ANONYMOUS, _long_tail(spread.at(i, _SHAPE), 1.25)) for i in range(anonymous)],
    )
    known = _share_out(quotas.identified_events, [_appetite(spread, i) for i in range(quotas.identified)])
    return some, known


def _appetite(spread: Spread, ordinal: int) -> float:
    need = (4, 7, 8, 9, 13, 13)[lane(spread, ordinal)] + webinar(spread, ordinal)
    extra = min(_EXTRA_OF_IDENTIFIED, _long_tail(spread.at(ordinal, _SHAPE), 1.6))
    return need + (2 + 4 * hidden_intent(spread, ordinal)) * (0.5 + extra)


def _share_out(total: int, weights: list[float]) -> array[int]:
    """Give everybody one and the rest by weight, rounding the running sum so that nothing is lost."""
    shares = array("i")
    rest, everything = total - len(weights), sum(weights)
    running, given = 0.0, 0
    for number, weight in enumerate(weights, 1):
        running += weight
        due = rest if number == len(weights) else min(rest, int(rest * running / everything))
        shares.append(1 + due - given)
        given = due
    return shares


def _long_tail(chance: float, shape: float) -> float:
    """Invert the Lomax (Pareto II) distribution function."""
    return float((1.0 - chance) ** (-1.0 / shape) - 1.0)


def _fit(spread: Spread, ordinal: int) -> float:
    rich = turnover(spread, ordinal) >= 1_000_000
    return 0.45 * _decides(spread, ordinal) + 0.35 * rich + 0.2 * _fitting(spread, ordinal)


def _decides(spread: Spread, ordinal: int) -> bool:
    return spread.at(ordinal, _JOB) < 0.4


def _fitting(spread: Spread, ordinal: int) -> bool:
    return spread.at(ordinal, _INDUSTRY) < 0.45


def _entrance(chance: float) -> Entrance:
    limits = (0.50, 0.70, 0.78, 0.86, 1.0)
    return Entrance(next(number for number, limit in enumerate(limits) if chance < limit))


def _phone(draw: Draw, ordinal: int) -> str:
    code = names.MOBILE_CODES[ordinal % len(names.MOBILE_CODES)]
    digits = f"{(ordinal * 6_700_417 + 1_234_567) % 10_000_000:07d}"
    if draw() < 0.5:
        return f"+7{code}{digits}"
    return f"+7 ({code}) {digits[:3]}-{digits[3:5]}-{digits[5:]}"


def _logistic(x: float) -> float:
    return 1.0 / (1.0 + exp(-x))


def _pick(draw: Draw, choices: Sequence[T]) -> T:
    return choices[int(draw() * len(choices))]

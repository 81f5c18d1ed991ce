"""What a browser does in one visit, and how a person's events fall into visits.

What only identified people do (forms, webinars, sales) is in ``stories``.
"""

from __future__ import annotations

from bisect import bisect
from itertools import accumulate
from typing import NamedTuple

from lead_events.demo import catalogue
from lead_events.demo.people import Draw

DEEDS = 1 << 20
"""Numbers below this choose the details of an event: the form, the video, the words of a search."""


class Landing(NamedTuple):
    """How a visit began: the campaign's number or -1, the referrer, and whether the client names the campaign."""

    campaign: int
    referrer: str
    told: bool


class Taste(NamedTuple):
    """What a visitor is after: ``interest`` in prices and terms, 0 to 1, and whether free booklets are taken."""

    interest: float
    magnets: bool


Detail = int | str | Landing
"""Chooses the details of an event: a number below ``DEEDS``, a file name, or how the visit began."""

Act = tuple[str, int, Detail]
"""Type of event, number of the page it happens on, details."""

_HABITS: tuple[tuple[float, tuple[str, ...]], ...] = (
    (52, ("page.viewed",)),
    (8, ("page.scrolled",)),
    (6, ("page.viewed", "page.left")),
    (7, ("element.clicked",)),
    (6, ("product.viewed",)),
    (3, ("search.performed", "page.viewed")),
    (1.5, ("video.played",)),
    (3, ("file.downloaded",)),
    (1.5, ("exit.intended",)),
    (2.5, ("popup.shown", "popup.closed")),
    (0.7, ("popup.shown", "popup.accepted")),
    (2, ("form.viewed",)),
    (0.8, ("form.viewed", "form.started", "form.abandoned")),
    (0.9, ("cart.updated",)),
    (0.8, ("chat.started", "chat.message_sent")),
)
_LIMITS = tuple(accumulate(weight for weight, _ in _HABITS))
_ACTS = tuple(kinds for _, kinds in _HABITS)
_CAMPAIGN_LIMITS = tuple(accumulate(campaign.weight for campaign in catalogue.CAMPAIGNS))
_DIRECT = Landing(-1, "", told=False)


def pick_campaign(draw: Draw) -> int:
    """Choose the campaign that brings a new browser, or -1 for none (45 %)."""
    if draw() < 0.45:
        return -1
    return bisect(_CAMPAIGN_LIMITS, draw() * _CAMPAIGN_LIMITS[-1])


def land(draw: Draw, campaign: int) -> Landing:
    """Decide how a visit begins.

    Args:
        draw: the source of chance.
        campaign: number of the campaign that leads here, or -1.
    """
    if campaign >= 0:
        return Landing(campaign, catalogue.CAMPAIGNS[campaign].referrer, draw() < 0.5)
    referrer = catalogue.REFERRERS[int(draw() * len(catalogue.REFERRERS))]
    return Landing(-1, referrer, told=False) if referrer else _DIRECT


def browse(draw: Draw, size: int, taste: Taste, landing: Landing) -> list[Act]:
    """Make up one visit of exactly ``size`` events; the first is a page view."""
    page = pick_page(draw, taste.interest)
    acts: list[Act] = [("page.viewed", page, landing)]
    total = _LIMITS[-1]
    while len(acts) < size:
        deed = int(draw() * DEEDS)
        for kind in _ACTS[bisect(_LIMITS, draw() * total)]:
            if kind == "page.viewed":
                page = pick_page(draw, taste.interest)
                acts.append((kind, page, _DIRECT))
            elif kind == "product.viewed":
                page = _popular(draw, catalogue.site().products)
                acts.append((kind, page, deed))
            elif kind == "file.downloaded":
                acts.append((kind, page, pick_file(draw, taste)))
            else:
                acts.append((kind, page, deed))
    del acts[size:]
    return acts


def pick_page(draw: Draw, interest: float) -> int:
    """Choose the next page: prices and terms by interest, popular articles before forgotten ones."""
    chance = draw()
    if chance < 0.02 + 0.2 * interest:
        return catalogue.PRICING if draw() < 0.6 else catalogue.TERMS
    if chance < 0.35:
        return int(draw() * 12)
    site = catalogue.site()
    if chance < 0.65:
        return _popular(draw, site.articles)
    return _popular(draw, site.products) if chance < 0.9 else site.products[1] + int(draw() * 1_320)


def pick_file(draw: Draw, taste: Taste) -> str:
    """Choose a file: price lists the more often the more interested, booklets only where the taste allows them."""
    if draw() < 0.1 + 0.6 * taste.interest:
        return catalogue.PRICE_LISTS[int(draw() * len(catalogue.PRICE_LISTS))]
    files = catalogue.LEAD_MAGNETS if taste.magnets and draw() < 0.6 else catalogue.DOCUMENTS
    return files[int(draw() * len(files))]


def visits(draw: Draw, events: int) -> list[int]:
    """Divide a number of events into visits, most of them short, a few long; their sizes add up to ``events``."""
    sizes = []
    while events > 0:
        size = min(events, 1 + int(3 * ((1.0 - draw()) ** -0.7 - 1.0)))
        sizes.append(size)
        events -= size
    return sizes


def pace(draw: Draw, start: int, acts: int, last: int) -> list[int]:
    """Give each event of a visit its instant, a few seconds to some minutes apart, in order and never after ``last``.

    Args:
        draw: the source of chance.
        start: instant of the first event, microseconds UTC.
        acts: number of events.
        last: latest instant allowed, microseconds UTC.
    """
    moments, at = [], start
    for _ in range(acts):
        moments.append(min(at, last))
        chance = draw()
        at += int(2_000_000 + 180_000_000 * chance * chance * chance) // 1_000 * 1_000
    return moments


def _popular(draw: Draw, span: tuple[int, int]) -> int:
    """Choose from a half-open range by Zipf's law: the second is chosen half as often as the first."""
    first, end = span
    return first + int((end - first + 1) ** draw()) - 1

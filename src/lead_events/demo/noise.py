"""What goes wrong between a browser and the service: events sent late, sent twice, and written wrongly.

Each share is met exactly or within one visit, whatever the seed.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from lead_events.demo.mix import Quotas
from lead_events.demo.people import Draw, make_id
from lead_events.demo.wire import Wire

HOUR = 3_600_000_000
DAY = 24 * HOUR
_ELIGIBLE = 0.7
"""Part of people's events that fall into visits; only whole visits are late."""


class Lateness:
    """Decides which visits reach the service late, so that the stated number of events does."""

    __slots__ = ("_draw", "_due", "_left")

    def __init__(self, draw: Draw, quotas: Quotas) -> None:
        """Begin with nothing late yet."""
        self._draw, self._due, self._left = draw, quotas.late, quotas.people_events

    def pass_by(self, events: int) -> None:
        """Note that so many events of people have been planned."""
        self._left -= events

    def delay(self, events: int, room: int) -> int:
        """Decide about one visit.

        Args:
            events: its size.
            room: time between its end and the end of the history, microseconds.

        Returns:
            The delay in microseconds, more than an hour and less than 30 days, or 0 for a visit that is sent at once.
        """
        wanted = self._draw() * max(self._left, 1) * _ELIGIBLE < self._due
        if not wanted or events > self._due or room < 3 * HOUR:
            return 0
        self._due -= events
        longest = min(29 * DAY, room)
        return HOUR + int((longest - 2 * HOUR) * self._draw() ** 2)


class Accidents:
    """Decides in one pass what is sent again and what also arrives spoilt: exactly as many of each as the mix wants.

    Selection sampling, Knuth, TAOCP vol. 2, 3.4.2, algorithm S. Nothing suffers both.
    """

    __slots__ = ("_draw", "_left", "_repeats", "_wanted")

    def __init__(self, draw: Draw, quotas: Quotas) -> None:
        """Begin before the first event."""
        self._draw, self._repeats, self._wanted = draw, quotas.duplicates, quotas.duplicates + quotas.malformed
        self._left = quotas.events - self._wanted

    def befall(self) -> str:
        """Decide about the next event: ``"again"``, ``"spoilt"``, or empty for nearly all."""
        happens = self._left * self._draw() < self._wanted
        self._left -= 1
        if not happens:
            return ""
        again = self._wanted * self._draw() < self._repeats
        self._wanted -= 1
        self._repeats -= again
        return "again" if again else "spoilt"


def send_again_after(draw: Draw) -> int:
    """Return by how much the second sending is later, microseconds: seconds, or up to 20 days for one in ten."""
    if draw() < 0.1:
        return int(DAY * (1 + 19 * draw()))
    return 1_000_000 + int(600_000_000 * draw() ** 3)


def spoil(event: Wire, rng: Random) -> Wire:
    """Return a copy with an id of its own that the door must refuse, for one of the reasons of ``FLAWS``."""
    copy = {**event, "event_id": make_id(rng)}
    FLAWS[int(rng.random() * len(FLAWS))](copy)
    return copy


def _no_identifier(event: Wire) -> None:
    for key in ("anonymous_id", "user_id", "crm_ids", "traits", "author"):
        event.pop(key, None)
    event |= {"type": "page.viewed", "properties": {}}


def _bad_type(event: Wire) -> None:
    event["type"] = "Page Viewed"


def _no_type(event: Wire) -> None:
    del event["type"]


def _missing_property(event: Wire) -> None:
    event |= {"type": "form.submitted", "properties": {"fields": {"topic": "audit"}}}


def _bad_email(event: Wire) -> None:
    event["traits"] = {"email": "anna(at)vektor-torg.example"}


def _bad_event_id(event: Wire) -> None:
    event["event_id"] = f"{event['event_id']} / 2"


def _ancient(event: Wire) -> None:
    # With sent_at from the same year it would be a wrong clock, which the door corrects.
    event["occurred_at"] = "1999-06-30T10:00:00.000Z"


def _no_instant(event: Wire) -> None:
    event["occurred_at"] = "31.12.2025 10:00"


def _list_of_properties(event: Wire) -> None:
    event["properties"] = ["form_id", "callback"]


def _text_of_traits(event: Wire) -> None:
    event["traits"] = "email=anna"


def _object_as_id(event: Wire) -> None:
    event["anonymous_id"] = {"id": 7}


FLAWS: tuple[Callable[[Wire], None], ...] = (
    _no_identifier,
    _bad_type,
    _no_type,
    _missing_property,
    _bad_email,
    _bad_event_id,
    _ancient,
    _no_instant,
    _list_of_properties,
    _text_of_traits,
    _object_as_id,
)
"""What can be wrong with an event; each leaves something that no reading of the wire accepts."""

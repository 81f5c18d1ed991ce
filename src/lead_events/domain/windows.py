"""What is remembered of matching events: just enough to decide a condition exactly at every later instant, and no more.

Each watch has a place in ``Lead.windows``; it writes there when an event matches, and says when time alone changes its mind.
Nothing here reads a document; ``window_conditions`` does.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from lead_events.domain.event_conditions import EventCondition, Path, field_at
from lead_events.domain.events import Event
from lead_events.domain.times import Instant
from lead_events.domain.value_tests import normalise, number_of

Windows = list[list[Any]]
"""Per watch of the model, what it remembers; lists and numbers only, as a state is written down as JSON."""

PRECISION = 10_000
"""Sums are counted in whole ten-thousandths, so that their order and their parts change nothing."""
_MOST = 2**53


@dataclass(frozen=True, slots=True)
class Counter:
    """Counts matching events; remembers no more instants than its condition needs."""

    when: EventCondition
    needed: int
    within: int | None

    def remember(self, windows: Windows, index: int, event: Event) -> None:
        """Take note of an event that matches."""
        instants = windows[index]
        instants.append(event.at)
        if len(instants) > self.needed:
            del instants[0]

    def holds(self, instants: list[Instant], at: Instant) -> bool:
        """Say whether enough happened, lately enough."""
        return len(instants) == self.needed and (self.within is None or instants[0] + self.within > at)

    def flip(self, window: list[Instant], after: Instant) -> Instant | None:
        """Return the first instant after ``after`` at which time alone changes the answer, or None."""
        if self.within is None or len(window) < self.needed:
            return None
        return _later(window[0] + self.within, after)


@dataclass(frozen=True, slots=True)
class Sum:
    """Adds up a number of matching events; remembers the newest of them that together make what is needed.

    Attributes:
        needed, least: ten-thousandths; a value below ``least`` does not count, which bounds how many are remembered.
    """

    when: EventCondition
    path: Path
    needed: int
    least: int
    within: int | None

    def remember(self, windows: Windows, index: int, event: Event) -> None:
        """Take note of an event that matches."""
        amount = _ten_thousandths(field_at(event.fields, self.path))
        if amount < self.least:
            return
        window = windows[index]
        if self.within is None:
            window[:] = [[event.at, min(self.needed, amount + self.total(window, event.at))]]
            return
        window.append([event.at, amount])
        spare = sum(entry[1] for entry in window) - self.needed
        while window[0][0] + self.within <= event.at or spare >= window[0][1]:
            spare -= window.pop(0)[1]

    def total(self, window: list[list[int]], at: Instant) -> int:
        """Return the sum at an instant, in ten-thousandths; it may be more when more is not needed."""
        return sum(amount for since, amount in window if self.within is None or since + self.within > at)

    def flip(self, window: list[list[int]], after: Instant) -> Instant | None:
        """Return the first instant after ``after`` at which time alone changes the answer, or None."""
        if self.within is None or sum(amount for _, amount in window) < self.needed:
            return None
        return _later(window[0][0] + self.within, after)


@dataclass(frozen=True, slots=True)
class Distinct:
    """Counts different values of a field; remembers those seen last, no more than are needed, as short digests."""

    when: EventCondition
    path: Path
    needed: int
    within: int | None

    def remember(self, windows: Windows, index: int, event: Event) -> None:
        """Take note of an event that matches."""
        value = field_at(event.fields, self.path)
        if value is None or isinstance(value, dict | list):
            return
        digest = _digest(value)
        window = [entry for entry in windows[index] if entry[1] != digest]
        windows[index] = [*window, [event.at, digest]][-self.needed :]

    def count(self, window: list[list[Any]], at: Instant) -> int:
        """Return how many different values there are at an instant, counting no further than needed."""
        return sum(self.within is None or since + self.within > at for since, _ in window)

    def flip(self, window: list[list[Any]], after: Instant) -> Instant | None:
        """Return the first instant after ``after`` at which time alone changes the answer, or None."""
        if self.within is None or len(window) < self.needed:
            return None
        return _later(window[0][0] + self.within, after)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a sequence; remembers the latest beginning from which it was reached, and when.

    The steps of a sequence stand in the model last step first, so that one event takes no two of them.

    Attributes:
        begins: whether it is the first step.
        within: the whole sequence takes less than this, microseconds; None for any time.
        lately: the last step lies back less than this; None for any time, and for all steps but the last.
    """

    when: EventCondition
    begins: bool
    within: int | None
    lately: int | None

    def remember(self, windows: Windows, index: int, event: Event) -> None:
        """Take note of an event that matches."""
        if self.begins:
            windows[index] = [event.at, event.at]
            return
        before = windows[index + 1]
        if before and self.is_open(before, event.at):
            windows[index] = [before[0], event.at]

    def is_open(self, window: list[Instant], at: Instant) -> bool:
        """Say whether a sequence that got so far may go on at an instant."""
        return self.within is None or window[0] + self.within > at

    def flip(self, window: list[Instant], after: Instant) -> Instant | None:
        """Return the first instant after ``after`` at which time alone changes the answer, or None."""
        if self.lately is None or not window:
            return None
        return _later(window[1] + self.lately, after)


@dataclass(frozen=True, slots=True)
class Latest:
    """Remembers when something happened last.

    Attributes:
        at_least, at_most: how long ago it may be, microseconds, both included; None for no bound.
    """

    when: EventCondition
    at_least: int | None
    at_most: int | None

    def remember(self, windows: Windows, index: int, event: Event) -> None:
        """Take note of an event that matches."""
        windows[index] = [event.at]

    def holds(self, window: list[Instant], at: Instant) -> bool:
        """Say whether it happened, and so long ago."""
        if not window:
            return False
        ago = at - window[0]
        return (self.at_least is None or ago >= self.at_least) and (self.at_most is None or ago <= self.at_most)

    def flip(self, window: list[Instant], after: Instant) -> Instant | None:
        """Return the first instant after ``after`` at which time alone changes the answer, or None."""
        if not window:
            return None
        opens = None if self.at_least is None else _later(window[0] + self.at_least, after)
        return opens if opens is not None or self.at_most is None else _later(window[0] + self.at_most + 1, after)


Watch = Counter | Sum | Distinct | Step | Latest


def _later(instant: Instant, after: Instant) -> Instant | None:
    return instant if instant > after else None


def _ten_thousandths(value: object) -> int:
    number = number_of(value)
    # A text may spell infinity or NaN, which are no amounts.
    return round(number * PRECISION) if number is not None and 0 < number < _MOST / PRECISION else 0


def _digest(value: object) -> str:
    text = f"t{normalise(value)}" if isinstance(value, str) else f"v{value!r}"
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=8).hexdigest()

"""A history in which people merge leads, part them again and edit them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from lead_events.domain import wire
from lead_events.domain.lead_id import encode_lead_id
from lead_events.domain.times import Instant
from lead_events.store import log
from lead_events.store.envelope import Arrival
from tests.histories import Said
from tests.world import LOG_ID, World


@dataclass(frozen=True)
class Say:
    """The next events arrive."""

    size: int


@dataclass(frozen=True)
class Join:
    """Somebody merges two leads, or parts them; they are named by their place among those that there are."""

    one: int
    two: int
    active: bool = True


@dataclass(frozen=True)
class Edit:
    """Somebody edits a lead, named as in ``Join``, and gives it an address in some cases."""

    lead: int
    email: str | None = None


Act = Say | Join | Edit
_places = st.integers(0, 30)
merges = st.lists(
    st.one_of(
        st.builds(Say, st.integers(1, 6)),
        st.builds(Join, _places, _places, st.sampled_from([True, True, True, False])),
        st.builds(Edit, _places, st.sampled_from([None, "anna@firm.example", "new@firm.example"])),
    ),
    min_size=3,
    max_size=12,
)


class Story:
    """A history with merges, told to a world; what was told can be told again to another one."""

    def __init__(self, world: World) -> None:
        """Begin with nothing said."""
        self.world = world
        self.told: list[tuple[Instant, list[Arrival]]] = []
        self.pairs: set[tuple[int, int]] = set()

    def play(self, said: Sequence[Said], around: Iterable[Act], page: int) -> None:
        """Let everything happen, with the projector in between."""
        waiting = list(said)
        for act in around:
            if isinstance(act, Say):
                self._tell([Arrival(1, one.admitted(), one.arrival) for one in waiting[: act.size]])
                del waiting[: act.size]
            else:
                self._act(act)
            self.world.step(page)
        self._tell([Arrival(1, one.admitted(), one.arrival) for one in waiting])
        self.world.catch_up(page)

    def part(self) -> None:
        """Undo every merge that is in force."""
        for one, two in sorted(self.pairs):
            self._tell([self._own("lead.unmerged", one, two)])

    def _act(self, act: Join | Edit) -> None:
        foundings = [row["founding"] for row in self.world.rows()]
        if not foundings:
            return
        if isinstance(act, Edit):
            self._tell([self._edit(foundings[act.lead % len(foundings)], act.email)])
            return
        one, two = foundings[act.one % len(foundings)], foundings[act.two % len(foundings)]
        if one != two:
            pair = min(one, two), max(one, two)
            self.pairs = self.pairs | {pair} if act.active else self.pairs - {pair}
            self._tell([self._own("lead.merged" if act.active else "lead.unmerged", one, two)])

    def _edit(self, founding: int, email: str | None) -> Arrival:
        traits = {"job_title": "Director"} | ({"email": email} if email else {})
        body = {"type": "lead.traits_set", "lead_id": encode_lead_id(LOG_ID, founding), "author": "zoe", "traits": traits}
        return self._arrive(body)

    def _own(self, type_: str, one: int, two: int) -> Arrival:
        ids = {"lead_id": encode_lead_id(LOG_ID, one), "into": encode_lead_id(LOG_ID, two)}
        return self._arrive({"type": type_, "properties": ids, "author": "zoe"})

    def _arrive(self, body: dict[str, Any]) -> Arrival:
        number = sum(len(batch) for _, batch in self.told)
        return own(body, f"own-{number}", self.world.clock)

    def _tell(self, arrivals: list[Arrival]) -> None:
        if arrivals:
            self.world.clock = max([self.world.clock, *(each.arrived_at for each in arrivals)])
            self.told.append((self.world.clock, arrivals))
            log.append(self.world.engine, self.world.vault, arrivals)


def own(body: dict[str, Any], event_id: str, arrival: Instant) -> Arrival:
    """Make an event as the service's own endpoints do."""
    event = wire.admit(body, arrival=arrival, trusted=True, phone_region=None, new_event_id=lambda: event_id, own=True)
    return Arrival(1, event, arrival)

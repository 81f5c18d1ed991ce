"""Logs as identity sees them, and a reference that says who is who by the words of ADR 3 alone: slow, whole histories."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

from lead_events.domain.identity import Named
from lead_events.domain.times import MINUTE

W1, W2 = b"w1" * 8, b"w2" * 8
A, B, C, D = (letter * 16 for letter in (b"A", b"B", b"C", b"D"))


@dataclass
class Reference:
    """Who is who after the events so far, decided one event at a time and never otherwise than ADR 3 says."""

    bindings: dict[bytes, int] = field(default_factory=dict)
    visitors: dict[bytes, int] = field(default_factory=dict)
    claims: list[tuple[bytes, int, int, int]] = field(default_factory=list)
    candidates: set[frozenset[int]] = field(default_factory=set)
    moves: set[tuple[int, int]] = field(default_factory=set)
    told: list[Named] = field(default_factory=list)

    def tell(self, event: Named) -> None:
        """Let one more event be known."""
        before = {known.position: self.owner(known) for known in self.told}
        if event.strong:
            self._bind(event)
        elif event.anonymous not in self.visitors and not self._claims_on(event.anonymous):
            assert event.anonymous is not None
            self.visitors[event.anonymous] = event.position
        self.told.append(event)
        for position, owner in before.items():
            now = self.owner(self._at(position))
            if now != owner:
                self.moves |= {(event.position, owner), (event.position, now)}
                # The emptied lead's id is to tell where its founding event lives now.
                self.moves |= {(event.position, position)} & {(event.position, v) for v in self.visitors.values()}

    def owner(self, event: Named) -> int:
        """Return the lead of an event told before."""
        if event.strong:
            return self.bindings[event.strong[0]]
        assert event.anonymous is not None
        claims = self._claims_on(event.anonymous)
        before = [claim for claim in claims if claim[1:3] <= (event.at, event.position)]
        if before:
            return before[-1][3]
        return claims[0][3] if claims else self.visitors[event.anonymous]

    def members(self) -> dict[int, list[int]]:
        """Return the positions of every lead."""
        owned: dict[int, list[int]] = {}
        for event in self.told:
            owned.setdefault(self.owner(event), []).append(event.position)
        return owned

    def _bind(self, event: Named) -> None:
        bound = [self.bindings[ref] for ref in event.strong if ref in self.bindings]
        if bound:
            lead = bound[0]
        elif event.anonymous in self.visitors and not self._claims_on(event.anonymous):
            lead = self.visitors[event.anonymous]
        else:
            lead = event.position
        for ref in event.strong:
            self.bindings.setdefault(ref, lead)
        self.candidates |= {frozenset((lead, other)) for other in bound if other != lead}
        if event.anonymous is not None:
            self.candidates |= {frozenset((lead, c[3])) for c in self._claims_on(event.anonymous) if c[3] != lead}
            self.claims.append((event.anonymous, event.at, event.position, lead))

    def _claims_on(self, anonymous: bytes | None) -> list[tuple[bytes, int, int, int]]:
        return sorted(claim for claim in self.claims if claim[0] == anonymous)

    def _at(self, position: int) -> Named:
        return next(event for event in self.told if event.position == position)


@st.composite
def named_logs(draw: st.DrawFn, *, distinct: bool = False, most: int = 20) -> list[Named]:
    """Logs as identity sees them: gaps, lateness, browsers, up to two of four strong identifiers, equal times."""
    events, arrival = [], 0
    for position in range(1, draw(st.integers(1, most)) + 1):
        arrival += draw(st.sampled_from([0, 0, 0, 10, 30, 700]))
        at = max(0, arrival - draw(st.sampled_from([0, 0, 10, 700, 5_000]))) * MINUTE
        anonymous = draw(st.sampled_from([None, W1, W1, W2]))
        strong = sorted(draw(st.sets(st.sampled_from([A, B, C, D]), max_size=draw(st.sampled_from([0, 1, 2])))))
        if anonymous is None and not strong:
            strong = [draw(st.sampled_from([A, B, C, D]))]
        events.append(Named(position, at + position if distinct else at, anonymous, tuple(strong)))
    return events

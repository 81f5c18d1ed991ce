"""Identity in two layers, neither ever rewritten.

Who shares a lead is decided in log order and is final: bindings of strong refs. Which lead an anonymous event belongs to is
decided in canonical order: claims on an anonymous ref, each valid from its (at, position) until the next.
Leads are named by their founding position; bindings and claims name the founding lead.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from lead_events.domain.lead_id import addressed_lead
from lead_events.domain.times import Instant

Key = tuple[Instant, int]
"""Canonical place of an event: (at, position)."""


Pair = tuple[int, int]
"""Two leads by founding position, the earlier first."""


MERGES = {"lead.merged": True, "lead.unmerged": False}
"""The event types by which somebody decides that two leads are one person, or no longer."""

MERGED = ("lead_id", "into")
"""The properties by which those types name the two leads."""


class Merge(NamedTuple):
    """What somebody decided about two leads: that they are one person, or no longer."""

    pair: Pair
    active: bool


class Named(NamedTuple):
    """What identity needs to know of an event; validated at the door, so resolving cannot fail."""

    position: int
    at: Instant
    anonymous: bytes | None
    strong: tuple[bytes, ...]
    merge: Merge | None = None
    erases: bool = False


class Claim(NamedTuple):
    """From (at, position) on, an anonymous ref belongs to a lead, until another claim."""

    at: Instant
    position: int
    founding: int


class Shift(NamedTuple):
    """A claim gave the events of one stretch of an anonymous ref to another lead.

    Attributes:
        low: first key of the stretch, or None for the beginning of time.
        high: first key behind the stretch, or None for the end.
        visitor: the lead that the anonymous ref once founded, told when its founding event moves.
    """

    position: int
    ref: bytes
    low: Key | None
    high: Key | None
    loser: int
    winner: int
    visitor: int | None


@dataclass(slots=True)
class Known:
    """What is decided so far about the refs of a page.

    Attributes:
        bindings: strong ref → founding lead.
        visitors: anonymous ref → the lead founded by its first event, if that event named nobody.
        claims: anonymous ref → claims sorted by (at, position); at least the last one before the page's events and all after.
        merged: the pairs that are merged now: a set without time, so that unmerging leaves nothing behind.
        identified: leads with a strong identifier; complete for all that are merged.
        candidates: the pairs that may be one person; complete for leads that are erased.
    """

    bindings: dict[bytes, int] = field(default_factory=dict)
    visitors: dict[bytes, int] = field(default_factory=dict)
    claims: dict[bytes, list[Claim]] = field(default_factory=dict)
    merged: set[Pair] = field(default_factory=set)
    identified: set[int] = field(default_factory=set)
    candidates: set[Pair] = field(default_factory=set)
    _survivors: dict[int, int] | None = None

    @property
    def survivors(self) -> dict[int, int]:
        """Return, for every merged lead, the one that stands for it: the earliest with a strong identifier."""
        if self._survivors is None:
            groups = group(self.merged)
            self._survivors = {lead: min(members, key=self._seniority) for members in groups for lead in members}
        return self._survivors

    def _seniority(self, lead: int) -> tuple[bool, int]:
        return lead not in self.identified, lead

    def lead_of_strong(self, ref: bytes) -> int | None:
        """Return the lead that a strong ref is bound to, or that it addresses directly."""
        addressed = addressed_lead(ref)
        return self.bindings.get(ref) if addressed is None else addressed

    def lead_of_anonymous(self, ref: bytes, key: Key) -> int | None:
        """Return the lead of an anonymous event: the last claim at or before it, else the first after it, else the visitor."""
        claims = self.claims.get(ref)
        if not claims:
            return self.visitors.get(ref)
        if len(claims) == 1:
            return claims[0].founding
        index = bisect_right(claims, key, key=_key_of)
        return claims[max(index - 1, 0)].founding

    def lead_of(self, event: Named) -> int | None:
        """Return the lead that an event belongs to after all merges, or None for an event about no lead."""
        if event.strong:
            founding = self.lead_of_strong(event.strong[0])
        elif event.anonymous is not None:
            founding = self.lead_of_anonymous(event.anonymous, (event.at, event.position))
        else:
            return None
        return None if founding is None else self.survivors.get(founding, founding)

    def members(self, lead: int) -> set[int]:
        """Return the leads that are merged with a lead, itself among them."""
        return next((members for members in group(self.merged) if lead in members), {lead})


def group(pairs: Iterable[Pair]) -> list[set[int]]:
    """Return the sets of leads that pairs connect."""
    groups: list[set[int]] = []
    for one, two in pairs:
        touching = [members for members in groups if one in members or two in members]
        groups = [members for members in groups if members not in touching] + [{one, two}.union(*touching)]
    return groups


@dataclass(slots=True)
class Decisions:
    """What a page of events adds to identity, each with the position that made it."""

    bindings: list[tuple[bytes, int, int]] = field(default_factory=list)
    visitors: list[tuple[bytes, int, int]] = field(default_factory=list)
    claims: list[tuple[bytes, Instant, int, int]] = field(default_factory=list)
    shifts: list[Shift] = field(default_factory=list)
    merges: list[tuple[int, int, int, bool]] = field(default_factory=list)
    regrouped: set[tuple[int, int]] = field(default_factory=set)
    candidates: list[tuple[int, int, int, str]] = field(default_factory=list)

    def suggest(self, one: int, two: int, position: int, evidence: str) -> None:
        """Note that two leads may be one person; nobody but a person decides that."""
        if one != two:
            self.candidates.append((min(one, two), max(one, two), position, evidence))


def resolve(known: Known, events: Iterable[Named]) -> Decisions:
    """Decide, in log order, what each event binds, founds and claims; ``known`` is extended by it.

    Args:
        known: what earlier positions decided about every ref named by these events.
        events: a page of the log, by position.
    """
    decisions = Decisions()
    for event in events:
        if event.merge is not None:
            _merge(known, decisions, event.position, event.merge)
        elif event.strong:
            _bind(known, decisions, event)
            if event.erases:
                _forget_names(known, decisions, event)
        elif event.anonymous is not None:
            _found_visitor(known, decisions, event, event.anonymous)
    return decisions


def _found_visitor(known: Known, decisions: Decisions, event: Named, ref: bytes) -> None:
    if ref not in known.visitors and not known.claims.get(ref):
        known.visitors[ref] = event.position
        decisions.visitors.append((ref, event.position, event.position))


def _forget_names(known: Known, decisions: Decisions, event: Named) -> None:
    """Tell everybody whose events name an erased person: those names are gone, so what they were learnt from is read again."""
    gone = _lead_for(known, event)
    pairs = known.candidates | {(one, two) for one, two, *_ in decisions.candidates}
    _regroup(known, decisions, event.position, {lead for pair in pairs if gone in pair for lead in pair} - {gone})


def _merge(known: Known, decisions: Decisions, position: int, merge: Merge) -> None:
    """Merge two leads or part them again; every lead of the groups concerned is told."""
    if (merge.pair in known.merged) == merge.active:
        return
    known.merged = known.merged | {merge.pair} if merge.active else known.merged - {merge.pair}
    before_or_after = known.merged | {merge.pair}
    touched = next(members for members in group(before_or_after) if merge.pair[0] in members)
    _regroup(known, decisions, position, touched)
    decisions.merges.append((position, *merge.pair, merge.active))


def _regroup(known: Known, decisions: Decisions, position: int, leads: set[int]) -> None:
    known._survivors = None  # noqa: SLF001 - this module's own memory of it
    decisions.regrouped |= {(position, lead) for lead in leads}


def _bind(known: Known, decisions: Decisions, event: Named) -> None:
    founding = _lead_for(known, event)
    for ref in event.strong:
        bound = known.lead_of_strong(ref)
        if bound is None:
            known.bindings[ref] = founding
            decisions.bindings.append((ref, founding, event.position))
            _identify(known, decisions, event.position, founding)
        else:
            decisions.suggest(founding, bound, event.position, f"event {event.position} names both")
    if event.anonymous is not None:
        _claim(known, decisions, event, event.anonymous, founding)


def _identify(known: Known, decisions: Decisions, position: int, founding: int) -> None:
    """A merged visitor that gets its first strong identifier may be the one that stands for its group from now on."""
    if founding in known.identified:
        return
    known.identified.add(founding)
    members = known.members(founding) if known.merged else {founding}
    if len(members) > 1:
        _regroup(known, decisions, position, members)


def _lead_for(known: Known, event: Named) -> int:
    """Return the lead of the highest-ranked bound identifier, else the unclaimed visitor of the browser, else a new one."""
    for ref in event.strong:
        bound = known.lead_of_strong(ref)
        if bound is not None:
            return bound
    browser = event.anonymous
    if browser is not None and not known.claims.get(browser):
        return known.visitors.get(browser, event.position)
    return event.position


def _claim(known: Known, decisions: Decisions, event: Named, ref: bytes, founding: int) -> None:
    claims = known.claims.setdefault(ref, [])
    key = (event.at, event.position)
    index = bisect_right(claims, key, key=_key_of)
    before = claims[index - 1] if index else None
    after = claims[index] if index < len(claims) else None
    owner = before or after
    visitor = known.visitors.get(ref)
    loser = owner.founding if owner else visitor
    if loser is not None and loser != founding:
        low, high = key if before else None, _key_of(after) if after else None
        decisions.shifts.append(Shift(event.position, ref, low, high, loser, founding, visitor))
    for neighbour in (before, after):
        if neighbour is not None:
            decisions.suggest(founding, neighbour.founding, event.position, "same browser")
    claims.insert(index, Claim(event.at, event.position, founding))
    decisions.claims.append((ref, event.at, event.position, founding))


def _key_of(claim: Claim) -> Key:
    return claim.at, claim.position

"""The cheapest way for a lead to meet a definition: which parts are unmet, how far away that is, and what to do, in words.

Each kind of condition has its place here. ``all`` adds, ``any`` takes the least, ``at_least n`` the n cheapest, ``not`` turns
its condition round; a fact that a marketer can find is nearer than an act that only the lead can do.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import repeat
from typing import Any, NamedTuple

from lead_events.domain.conditions import LeadCondition
from lead_events.domain.model import Model
from lead_events.domain.state import Lead
from lead_events.domain.times import Instant

FACT, ACT = "fact", "act"
KINDS: Mapping[str, str | None] = {
    "count": ACT, "sum": ACT, "distinct": ACT, "dwell": ACT, "sequence": ACT, "since": ACT, "visits": ACT,
    "traits.…": FACT, "contact": FACT, "owner": FACT,
    "stage": ACT, "temperature": ACT, "grade": ACT,
    "scores.…": None,  # a fact where the score rests on traits alone, else an act
}  # fmt: skip
"""Which kind of atom takes a fact, and which an act of the lead."""


class Step(NamedTuple):
    """One unmet part of a definition.

    Attributes:
        kind: ``fact`` or ``act``.
        field, needs, has: as ``GET /v1/leads`` says what is missing.
        trait: the trait to find; ``points``: how many are lacking; ``more``: how many more times. None where not so.
        unknown: the traits of which one must be known before a score is.
        words: what to do, in words.
    """

    kind: str
    field: str
    needs: Any
    has: Any
    trait: str | None
    points: float | None
    more: int | None
    unknown: tuple[str, ...]
    words: str


class Way(NamedTuple):
    """What separates a lead from meeting a condition; nothing when it does."""

    distance: float
    steps: tuple[Step, ...]


MET = Way(0.0, ())
_MOST_OPENED = 200
"""Definitions inside definitions that are looked into for one lead; those beyond are acts like any other.

Thirty of them, each made of the one before twice over, are a thousand million ways.
"""


def find_way(lead: Lead, name: str, model: Model, at: Instant) -> Way:
    """Return the cheapest way for a lead to meet a definition.

    Args:
        name: of the definition.
        at: microseconds UTC.
    """
    definitions = dict(model.definitions)
    return _Seeker(lead, model, at, definitions, []).to_hold(definitions[name], frozenset({name}))


class _Seeker(NamedTuple):
    lead: Lead
    model: Model
    at: Instant
    definitions: Mapping[str, LeadCondition]
    opened: list[str]

    def to_hold(self, node: LeadCondition, above: frozenset[str]) -> Way:
        """Return the cheapest way to make a condition hold; ``above`` names the definitions it stands in."""
        match node.kind:
            case "all":
                return _add([self.to_hold(part, above) for part in node.parts])
            case "some":
                ways = [self.to_hold(part, above) for part in node.parts]
                unmet = [way for way in ways if way.steps]
                return _add(_cheapest(unmet, node.needed - (len(ways) - len(unmet))))
            case "not":
                return self.to_fail(node.parts[0], node.spec, above)
            case "definition" if node.holds(self.lead, self.at):
                return MET
            case "definition" if len(self.opened) < _MOST_OPENED:
                self.opened.append(node.spec)
                return self._to_meet(node.spec, above)
        return _add([self._way_of(gap) for gap in node.missing(self.lead, self.at)])

    def _to_meet(self, name: str, above: frozenset[str]) -> Way:
        names = [name] if name != "any" else [each for each in self.definitions if each not in above]
        ways = [self.to_hold(self.definitions[each], above | {each}) for each in names]
        return _add(_cheapest([way for way in ways if way.steps], 1))

    def to_fail(self, node: LeadCondition, spec: Any, above: frozenset[str]) -> Way:
        """Return the cheapest way to make a condition hold no longer."""
        if not node.holds(self.lead, self.at):
            return MET
        match node.kind:
            case "not":
                return self.to_hold(node.parts[0], above)
            case "all" | "some":
                pairs = zip(node.parts, _specs_of(spec), strict=False)
                held = [self.to_fail(part, each, above) for part, each in pairs if part.holds(self.lead, self.at)]
                surplus = 1 if node.kind == "all" else len(held) - node.needed + 1
                return _add(_cheapest(held, surplus))
        return self._way_of({"field": "not", "needs": spec, "has": True})

    def _way_of(self, gap: Mapping[str, Any]) -> Way:
        field = gap["field"]
        fact = self._kind_of(gap) == FACT
        weights = self.model.document.near_miss
        points = _lacking(gap["needs"], gap["has"]) if field.startswith("scores.") else None
        more = _lacking(gap["needs"], gap["has"]) if field in {"count", "visits", "distinct", "sum"} else None
        step = Step(
            FACT if fact else ACT,
            field,
            gap["needs"],
            gap["has"],
            field.removeprefix("traits.") if field.startswith("traits.") else None,
            points,
            None if more is None else int(-(-more // 1)),
            tuple(gap.get("unknown") or ()),
            "",
        )
        return Way(weights.fact if fact else weights.act, (step._replace(words=describe(step)),))

    def _kind_of(self, gap: Mapping[str, Any]) -> str:
        field = gap["field"]
        if field == "not":
            field = next((name for name in gap["needs"] if name in KINDS or "." in name), "")
        if field.startswith("scores."):
            name = field.removeprefix("scores.")
            return FACT if any(score.name == name and score.unknown_without for score in self.model.scores) else ACT
        return (FACT if field.startswith("traits.") else KINDS.get(field)) or ACT


def _add(ways: list[Way]) -> Way:
    return Way(sum(way.distance for way in ways), tuple(step for way in ways for step in way.steps))


def _cheapest(ways: list[Way], number: int) -> list[Way]:
    return sorted(ways, key=lambda way: way.distance)[: max(number, 0)]


def _specs_of(spec: Any) -> Any:
    """Return the parts of a condition as the document writes them, in the order in which they were compiled."""
    for listed in ("of", "all", "any"):
        if isinstance(spec, Mapping) and isinstance(spec.get(listed), list):
            return spec[listed]
    return [{name: test} for name, test in spec.items()] if isinstance(spec, Mapping) else repeat(spec)


def _lacking(needs: Any, has: Any) -> float | None:
    least = needs.get("at_least") if isinstance(needs, Mapping) else None
    if isinstance(least, bool) or not isinstance(least, int | float):
        return None
    return round(least - (has if isinstance(has, int | float) else 0), 2)


# --- in words -------------------------------------------------------------------------------------------------------


def describe(step: Step) -> str:
    """Say what is to be done about one unmet part."""
    if step.unknown and step.has is None:
        return f"find {' or '.join(step.unknown)}: without it {step.field.removeprefix('scores.')} is unknown"
    if step.points is not None:
        return f"{step.points:g} more points of {step.field.removeprefix('scores.')}"
    if step.field in _WINDOWS:
        return _describe_window(step)
    if step.trait is not None:
        return f"find {step.trait}" if step.needs == "present" else f"{step.trait} must be {_wanted(step.needs)}"
    if step.field == "contact":
        return "find an e-mail address or a phone number"
    if step.field == "not":
        return f"no longer: {_wanted(step.needs)}"
    if step.more is not None:
        return f"{step.more} more of {step.field}"
    return f"{step.field} must be {_wanted(step.needs)}"


_WINDOWS = frozenset({"count", "sum", "distinct", "dwell", "sequence", "since"})


def _describe_window(step: Step) -> str:
    needs = step.needs
    of, within = needs.get("of"), f" within {needs['within']}" if needs.get("within") else ""
    match step.field:
        case "sum":
            rest = {name: test for name, test in of.items() if name != "of"}
            return f"{step.more} more of {of['of']} in {_events(rest)}{within}"
        case "distinct":
            return f"{step.more} more different {of if isinstance(of, str) else of['of']}{within}"
        case "dwell":
            return f"{needs['at_least']} on pages with {_wanted(of)}{within}"
        case "sequence":
            return f"{', then '.join(map(_events, of))}{within}"
        case "since":
            ago = {name: needs[name] for name in ("at_least", "at_most") if name in needs}
            return f"{_events(of)} {_wanted(ago)} ago"
    return f"{step.more} more {_events(of)}{within}"


def _events(of: Any) -> str:
    type_ = of.get("type") if isinstance(of, Mapping) else None
    rest = {name: test for name, test in of.items() if name != "type"} if isinstance(of, Mapping) else {}
    where = f" with {_wanted(rest)}" if rest else ""
    return f"{type_ if isinstance(type_, str) else 'events'}{where}"


def _wanted(needs: Any) -> str:
    """Write a condition on one line, as near to speech as it comes."""
    if isinstance(needs, Mapping):
        return ", ".join(_phrase(name, test) for name, test in needs.items())
    if isinstance(needs, list):
        return " or ".join(map(_wanted, needs))
    return str(needs)


def _phrase(name: str, test: Any) -> str:
    return f"a {_wanted(test)} address" if name == "mail" else f"{name.replace('_', ' ')} {_wanted(test)}"

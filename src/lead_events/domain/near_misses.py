"""The cheapest way for a lead to meet a definition: which parts are unmet, how far away that is, and what to do, in words.

Each kind of condition has its place here. ``all`` adds, ``any`` takes the least, ``at_least n`` the n cheapest, ``not`` turns
its condition round; a fact that a marketer can find is nearer than an act that only the lead can do.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import repeat
from typing import Any, NamedTuple

from lead_events.domain.agreement import AGREEMENT
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


Ways = list[Way]

MET = Way(0.0, ())
_ALTERNATIVES = 8
"""So many ways through a part are remembered where steps repeat: its cheapest need not be part of the cheapest of the whole."""
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
    definitions, way = dict(model.definitions), MET
    for most in (1, _ALTERNATIVES):
        seeker = _Seeker(lead, model, at, definitions, most, [], [])
        way = seeker.to_hold(definitions[name], frozenset({name}))[0]
        if not _repeat(seeker.seen):
            break  # where nothing is asked for twice, the cheapest ways through the parts are the cheapest through the whole
    return way


class _Seeker(NamedTuple):
    """Finds ways, the cheapest first.

    Attributes:
        most: so many ways through a part are remembered.
        seen: every step that was thought of.
        opened: every definition that was looked into, as often as it was.
    """

    lead: Lead
    model: Model
    at: Instant
    definitions: Mapping[str, LeadCondition]
    most: int
    seen: list[Step]
    opened: list[str]

    def to_hold(self, node: LeadCondition, above: frozenset[str]) -> Ways:
        """Return the cheapest ways to make a condition hold; ``above`` names the definitions it stands in."""
        match node.kind:
            case "all":
                return self._join([self.to_hold(part, above) for part in node.parts])
            case "some":
                unmet = [self.to_hold(part, above) for part in node.parts if not part.holds(self.lead, self.at)]
                return self._join(unmet, node.needed - (len(node.parts) - len(unmet)))
            case "not":
                return self.to_fail(node.parts[0], node.spec, above)
            case "definition" if node.holds(self.lead, self.at):
                return [MET]
            case "definition" if len(self.opened) < _MOST_OPENED:
                self.opened.append(node.spec)
                return self._to_meet(node.spec, above)
        gaps = node.missing(self.lead, self.at)
        return [self._way_of(gaps[0])] if len(gaps) == 1 else self._join([[self._way_of(gap)] for gap in gaps])

    def _to_meet(self, name: str, above: frozenset[str]) -> Ways:
        names = [name] if name != "any" else [each for each in self.definitions if each not in above]
        ways = [self.to_hold(self.definitions[each], above | {each}) for each in names]
        return self._join([each for each in ways if each[0].steps], 1)

    def to_fail(self, node: LeadCondition, spec: Any, above: frozenset[str]) -> Ways:
        """Return the cheapest ways to make a condition hold no longer."""
        if not node.holds(self.lead, self.at):
            return [MET]
        match node.kind:
            case "not":
                return self.to_hold(node.parts[0], above)
            case "all" | "some":
                pairs = zip(node.parts, _specs_of(spec), strict=False)
                held = [self.to_fail(part, each, above) for part, each in pairs if part.holds(self.lead, self.at)]
                return self._join(held, 1 if node.kind == "all" else len(held) - node.needed + 1)
            case "definition" if len(self.opened) < _MOST_OPENED:
                self.opened.append(node.spec)
                return self._to_miss(node.spec, above)
        return [self._way_of({"field": "not", "needs": spec, "has": True})]

    def _to_miss(self, name: str, above: frozenset[str]) -> Ways:
        met = [each for each, (holds, *_) in zip(self.definitions, self.lead.definitions, strict=True) if holds]
        names = [name] if name != "any" else [each for each in met if each not in above]
        return self._join([self.to_fail(self.definitions[each], self._spec_of(each), above | {each}) for each in names])

    def _spec_of(self, name: str) -> Any:
        written = self.model.document.definitions[name]
        return {field: said for field, said in written.items() if field not in AGREEMENT}

    def _join(self, parts: list[Ways], needed: int | None = None) -> Ways:
        """Return the cheapest ways through so many of the parts, or through all; a step that two of them need is taken once."""
        parts = parts if needed is not None else [part for part in parts if part[0].steps]
        needed = len(parts) if needed is None else min(max(needed, 0), len(parts))
        through: list[Ways] = [[MET], *([] for _ in range(needed))]
        for place, part in enumerate(parts):
            for count in range(min(place + 1, needed), max(needed - len(parts) + place, 0), -1):
                longer = [self._add(way, more) for way in through[count - 1] for more in part]
                through[count] = sorted(through[count] + longer, key=_distance)[: self.most]
        return through[needed]

    def _add(self, way: Way, more: Way) -> Way:
        if not way.steps:
            return more
        new = [step for step in more.steps if step not in way.steps]
        if len(new) == len(more.steps):
            return Way(way.distance + more.distance, way.steps + more.steps)
        weights = self.model.document.near_miss
        return Way(way.distance + sum(weights.fact if step.kind == FACT else weights.act for step in new), (*way.steps, *new))

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
        step = step._replace(words=describe(step))
        self.seen.append(step)
        return Way(weights.fact if fact else weights.act, (step,))

    def _kind_of(self, gap: Mapping[str, Any]) -> str:
        field = gap["field"]
        if field == "not":
            field = next((name for name in gap["needs"] if name in KINDS or "." in name), "")
        if field.startswith("scores."):
            name = field.removeprefix("scores.")
            return FACT if any(score.name == name and score.unknown_without for score in self.model.scores) else ACT
        return (FACT if field.startswith("traits.") else KINDS.get(field)) or ACT


def _distance(way: Way) -> float:
    return way.distance


def _repeat(steps: list[Step]) -> bool:
    return any(step in steps[:place] for place, step in enumerate(steps))


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
        return f"{step.points:.15g} more points of {step.field.removeprefix('scores.')}"
    if step.field in _WINDOWS:
        return _describe_window(step)
    if step.trait is not None:
        return f"find {step.trait}" if step.needs == "present" else _must(step.trait, step.needs)
    if step.field == "contact" and step.needs != "absent":
        return "find an e-mail address or a phone number"
    if step.field == "not":
        return f"no longer: {_wanted(step.needs)}"
    if step.more is not None:
        return f"{step.more} more of {step.field}"
    return _must(step.field, step.needs)


def _must(name: str, needs: Any) -> str:
    if isinstance(needs, Mapping) and needs.keys() <= _VERBS.keys():
        return f"{name} must {' and '.join(f'{_VERBS[test]} {_wanted(operand)}' for test, operand in needs.items())}"
    return f"{name} must be {_wanted(needs)}"


_VERBS = {"matches": "match", "glob": "fit"}
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
            return f"{needs['at_least']} on pages{f' with {_wanted(of)}' if of else ''}{within}"
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

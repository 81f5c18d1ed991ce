"""Conditions on a lead at an instant, compiled once per model, and when time alone changes what they say.

A field is named exactly as ``GET /v1/leads`` spells it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lead_events.domain.decay import cooling_instant, decayed
from lead_events.domain.errors import InvalidDuration, InvalidModel
from lead_events.domain.event_conditions import compile_event_condition
from lead_events.domain.grades import CompiledGrade
from lead_events.domain.lists import SHIPPED, Lists
from lead_events.domain.state import Lead, is_unknown
from lead_events.domain.times import Instant, parse_duration
from lead_events.domain.value_tests import Value, compile_test
from lead_events.domain.window_conditions import WINDOW_KINDS, compile_window, kind_of
from lead_events.domain.windows import Counter, Watch

LeadTest = Callable[[Lead, Instant], bool]
Missing = list[dict[str, Any]]

WINDOW_MAX_COUNT = 1_000
_MARGIN = 10_000_000


@dataclass(frozen=True, slots=True)
class Threshold:
    """A score that a condition compares with points; where time may carry a lead across."""

    score: int
    points: float


@dataclass(frozen=True, slots=True)
class ScoreTest:
    """What a condition asks of a score.

    Attributes:
        score: index of it.
        points: it is compared with.
        reached: whether it must be at least so many, else below.
        unknown_without: it is unknown, which is neither, while none of these traits is known; empty if it never is.
    """

    score: int
    points: float
    reached: bool
    unknown_without: tuple[str, ...]


@dataclass(slots=True)
class Scope:
    """What lead conditions of one model refer to, gathered while they are compiled.

    Attributes:
        half_lives: score name → microseconds or None, in the model's order.
        definitions: names, in the model's order.
        defined: how many of them are compiled; only those may be referred to.
        watches: what is remembered of matching events, each with its place in ``Lead.windows``.
        fading, windowed: thresholds and windows that time alone can cross.
        timed: other watches whose answer time alone can change.
        steps: per score, the points that conditions compare it with.
        margin: microseconds by which the instant at which a score cools may come sooner than it was when points are added,
            for rounding alone; far more than a million additions come to.
        asks_visits: whether any condition counts visits.
        asks_stage, asks_temperature: whether any asks for them, so that it may say otherwise when they change.
        grade: of the model; None when it has none.
        lists: of mail providers.
    """

    half_lives: dict[str, int | None]
    definitions: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    watches: list[Watch] = field(default_factory=list)
    thresholds: list[Threshold] = field(default_factory=list)
    unknown_without: dict[str, tuple[str, ...]] = field(default_factory=dict)
    defined: int = 0
    fading: tuple[tuple[int, float, int], ...] = ()
    windowed: tuple[tuple[int, int, int], ...] = ()
    timed: tuple[tuple[int, Watch], ...] = ()
    steps: tuple[tuple[float, ...], ...] = ()
    margin: int = 0
    asks_visits: bool = False
    asks_stage: bool = False
    asks_temperature: bool = False
    grade: CompiledGrade | None = None
    lists: Lists = SHIPPED

    def close(self) -> None:
        """Note, once everything is compiled, the thresholds and windows that time alone can cross."""
        half_lives = tuple(self.half_lives.values())
        fading = {(t.score, t.points, half_lives[t.score]) for t in self.thresholds if t.points > 0}
        self.fading = tuple((score, points, life) for score, points, life in sorted(fading, key=str) if life is not None)
        counters = [(index, watch) for index, watch in enumerate(self.watches) if isinstance(watch, Counter)]
        self.windowed = tuple((index, c.needed, c.within) for index, c in counters if c.within is not None)
        self.timed = tuple((n, watch) for n, watch in enumerate(self.watches) if not isinstance(watch, Counter))
        self.steps = tuple(
            tuple(sorted({t.points for t in self.thresholds if t.score == index})) for index in range(len(half_lives))
        )
        self.margin = max((life for life in half_lives if life is not None), default=0) // _MARGIN


@dataclass(frozen=True, slots=True)
class LeadCondition:
    """A compiled condition on a lead: whether it holds at an instant, and what is missing if not.

    Attributes:
        kind: ``all``, ``some``, ``not`` or ``definition`` for those made of others; ``score``, ``grade``, ``count`` or ``window``
            for those that points and events decide; ``person`` for those about what is known of somebody.
        parts: what it is made of; of ``some``, as many must hold as ``needed`` says.
        spec: of ``not``, what must not hold; of ``definition``, its name; of ``score``, a ``ScoreTest``; of ``count``, its
            counter's place in ``Lead.windows``.
    """

    holds: LeadTest
    missing: Callable[[Lead, Instant], Missing]
    kind: str
    parts: tuple[LeadCondition, ...] = ()
    needed: int = 0
    spec: Value = None


def compile_lead_condition(spec: Value, scope: Scope, where: str) -> LeadCondition:
    """Compile ``all``, ``any``, ``not``, ``at_least … of``, or one atom.

    Raises:
        InvalidModel: the condition cannot be understood; the message says where and what would do.
    """
    if not isinstance(spec, Mapping) or not spec:
        raise InvalidModel(f"{where}: a condition is a mapping such as {{traits.phone: present}}, not {spec!r}")
    if "of" in spec:
        return _some(_compile_each(spec["of"], scope, f"{where}.of"), _whole(spec.get("at_least", 1), where))
    if "count" in spec:
        return _count(spec, scope, where)
    kind = kind_of(spec)
    if kind is not None:
        return LeadCondition(*compile_window(kind, spec, scope.watches, scope.lists, where), "window")
    if len(spec) > 1:
        return _every([compile_lead_condition({name: test}, scope, where) for name, test in spec.items()])
    ((name, test),) = spec.items()
    return _compile_one(name, test, scope, where)


def _compile_one(name: str, test: Value, scope: Scope, where: str) -> LeadCondition:
    match name:
        case "all":
            return _every(_compile_each(test, scope, f"{where}.all"))
        case "any":
            return _some(_compile_each(test, scope, f"{where}.any"), 1)
        case "not":
            return _none(compile_lead_condition(test, scope, f"{where}.not"), test)
        case "definition":
            return _definition(test, scope, where)
    return _atom(name, test, scope, where)


def _compile_each(specs: Value, scope: Scope, where: str) -> list[LeadCondition]:
    if not isinstance(specs, list) or not specs:
        raise InvalidModel(f"{where}: takes a list of conditions")
    return [compile_lead_condition(spec, scope, f"{where}[{index}]") for index, spec in enumerate(specs)]


def _every(conditions: list[LeadCondition]) -> LeadCondition:
    tests = tuple(condition.holds for condition in conditions)

    def holds(lead: Lead, at: Instant) -> bool:
        for test in tests:  # noqa: SIM110 - a generator costs more than the test itself in the hot loop
            if not test(lead, at):
                return False
        return True

    return LeadCondition(
        holds, lambda lead, at: [gap for c in conditions for gap in c.missing(lead, at)], "all", tuple(conditions)
    )


def _some(conditions: list[LeadCondition], needed: int) -> LeadCondition:
    def holds(lead: Lead, at: Instant) -> bool:
        return sum(condition.holds(lead, at) for condition in conditions) >= needed

    def missing(lead: Lead, at: Instant) -> Missing:
        gaps = [condition.missing(lead, at) for condition in conditions]
        lacking = needed - sum(not gap for gap in gaps)
        cheapest = sorted((gap for gap in gaps if gap), key=len)[: max(lacking, 0)]
        return [gap for gaps_of_one in cheapest for gap in gaps_of_one]

    return LeadCondition(holds, missing, "some", tuple(conditions), needed)


def _none(condition: LeadCondition, spec: Value) -> LeadCondition:
    def holds(lead: Lead, at: Instant) -> bool:
        return not condition.holds(lead, at)

    def missing(lead: Lead, at: Instant) -> Missing:
        return [] if holds(lead, at) else [{"field": "not", "needs": spec, "has": True}]

    return LeadCondition(holds, missing, "not", (condition,), spec=spec)


def _definition(name: Value, scope: Scope, where: str) -> LeadCondition:
    if name == "any":
        return LeadCondition(_meets_any, _misses_any, "definition", spec=name)
    if name not in scope.definitions:
        raise InvalidModel(f"{where}: there is no definition {name!r}; there are {', '.join(scope.definitions) or 'none'}")
    index = scope.definitions.index(name)
    if index >= scope.defined:
        raise InvalidModel(f"{where}: the definition {name!r} stands below; a definition refers to those above it")

    def holds(lead: Lead, _at: Instant) -> bool:
        return bool(lead.definitions[index][0])

    def missing(lead: Lead, at: Instant) -> Missing:
        return [] if holds(lead, at) else [_gap("definition", name, None)]

    return LeadCondition(holds, missing, "definition", spec=name)


def _misses_any(lead: Lead, at: Instant) -> Missing:
    return [] if _meets_any(lead, at) else [_gap("definition", "any", None)]


def _meets_any(lead: Lead, _at: Instant) -> bool:
    for definition in lead.definitions:  # noqa: SIM110 - see _every
        if definition[0]:
            return True
    return False


def _count(spec: Mapping[str, Any], scope: Scope, where: str) -> LeadCondition:
    unknown = set(spec) - {"count", "at_least", "within"}
    if unknown:
        raise InvalidModel(f"{where}: count knows at_least and within, not {', '.join(sorted(unknown))}")
    when = compile_event_condition(spec["count"], f"{where}.count", scope.lists)
    needed = _whole(spec.get("at_least", 1), where)
    within = _duration(spec["within"], where) if "within" in spec else None
    index = len(scope.watches)
    counter = Counter(when, needed, within)
    scope.watches.append(counter)

    def holds(lead: Lead, at: Instant) -> bool:
        return lead.profiled and counter.holds(lead.windows[index], at)

    def missing(lead: Lead, at: Instant) -> Missing:
        if holds(lead, at):
            return []
        needs = {"of": spec["count"], "at_least": needed, "within": spec.get("within")}
        has = sum(within is None or instant + within > at for instant in lead.windows[index])
        return [_gap("count", needs, has if lead.profiled else None)]

    return LeadCondition(holds, missing, "count", spec=index)


def _duration(text: Value, where: str) -> int:
    try:
        return parse_duration(str(text))
    except InvalidDuration as error:
        raise InvalidModel(f"{where}: within: {error}") from None


def _whole(number: Value, where: str) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= WINDOW_MAX_COUNT:
        raise InvalidModel(f"{where}: at_least takes a whole number from 1 to {WINDOW_MAX_COUNT}, not {number!r}")
    return number


def _atom(name: str, spec: Value, scope: Scope, where: str) -> LeadCondition:
    if name.startswith("scores."):
        return _score(name, spec, scope, where)
    if name == "grade":
        return _grade(spec, scope, where)
    read = _reader(name, where)
    scope.asks_visits = scope.asks_visits or name == "visits"
    scope.asks_stage = scope.asks_stage or name == "stage"
    scope.asks_temperature = scope.asks_temperature or name == "temperature"
    test = compile_test(spec, f"{where}: {name}", scope.lists)

    def holds(lead: Lead, _at: Instant) -> bool:
        return test(read(lead))

    return LeadCondition(holds, lambda lead, at: [] if holds(lead, at) else [_gap(name, spec, read(lead))], "person")


def _grade(spec: Value, scope: Scope, where: str) -> LeadCondition:
    grade = scope.grade
    if grade is None:
        raise InvalidModel(f"{where}: this model gives no grade; add grade: with letter and digit")
    test = compile_test(spec, f"{where}: grade")
    scope.thresholds += [Threshold(axis.score, step) for axis in (grade.letter, grade.digit) for step in axis.steps]

    def holds(lead: Lead, at: Instant) -> bool:
        return test(grade.at(lead, at))

    return LeadCondition(holds, lambda lead, at: [] if holds(lead, at) else [_gap("grade", spec, grade.at(lead, at))], "grade")


def _reader(name: str, where: str) -> Callable[[Lead], Value]:
    if name.startswith("traits."):
        trait = name.removeprefix("traits.")
        return lambda lead: lead.trait(trait)
    readers: dict[str, Callable[[Lead], Value]] = {
        "contact": lambda lead: lead.contact or None,
        "owner": lambda lead: lead.owner,
        "stage": lambda lead: lead.shown_stage,
        "temperature": lambda lead: lead.temperature,
        "visits": lambda lead: lead.visits,
    }
    if name not in readers:
        known = ", ".join(["all", "any", "not", "count", *WINDOW_KINDS, "definition", "grade", "scores.…", "traits.…", *readers])
        raise InvalidModel(f"{where}: a lead has no field {name!r}; use one of {known}")
    return readers[name]


def _score(name: str, spec: Value, scope: Scope, where: str) -> LeadCondition:
    score = name.removeprefix("scores.")
    if score not in scope.half_lives:
        raise InvalidModel(f"{where}: there is no score {score!r}; there are {', '.join(scope.half_lives)}")
    if not isinstance(spec, Mapping) or set(spec) - {"at_least", "below"} or len(spec) != 1:
        raise InvalidModel(f"{where}: {name} takes at_least or below with a number of points")
    ((operator, points),) = spec.items()
    if isinstance(points, bool) or not isinstance(points, int | float):
        raise InvalidModel(f"{where}: {name} takes a number of points, not {points!r}")
    index, half_life = list(scope.half_lives).index(score), scope.half_lives[score]
    if half_life is not None and points <= 0:
        raise InvalidModel(f"{where}: {name} fades and never leaves zero; compare it with more than 0 points, not {points!r}")
    wanted = operator == "at_least"
    scope.thresholds.append(Threshold(index, float(points)))
    unknown_without = scope.unknown_without.get(score, ())

    def reached(lead: Lead, at: Instant) -> bool:
        value, since = lead.scores[index]
        return value >= points and decayed(value, since, at, half_life) >= points

    def holds(lead: Lead, at: Instant) -> bool:
        if is_unknown(lead, score, unknown_without):
            return False  # unknown is not zero: it is neither at least nor below anything
        return reached(lead, at) is wanted

    def missing(lead: Lead, at: Instant) -> Missing:
        if holds(lead, at):
            return []
        unknown = is_unknown(lead, score, unknown_without)
        lacking = [trait for trait in unknown_without if trait not in lead.traits]
        value, since = lead.scores[index]
        has = None if unknown else round(decayed(value, since, at, half_life), 2)
        return [_gap(name, spec, has) | ({"unknown": lacking} if lacking else {})]

    return LeadCondition(holds, missing, "score", spec=ScoreTest(index, float(points), wanted, unknown_without))


def _gap(name: str, needs: Value, has: Value) -> dict[str, Any]:
    return {"field": name, "needs": needs, "has": has}


def next_flip(lead: Lead, scope: Scope, after: Instant) -> Instant | None:
    """Return the first instant after ``after`` at which time alone changes a threshold or a window of this lead."""
    first: Instant | None = None
    for score, points, half_life in scope.fading:
        value, since = lead.scores[score]
        if value >= points:
            flip = cooling_instant(value, since, points, half_life)
            if flip is not None and flip > after and (first is None or flip < first):
                first = flip
    for index, needed, within in scope.windowed:
        instants = lead.windows[index]
        if len(instants) == needed:
            flip = instants[0] + within
            if flip > after and (first is None or flip < first):
                first = flip
    for index, watch in scope.timed:
        turn = watch.flip(lead.windows[index], after)
        if turn is not None and (first is None or turn < first):
            first = turn
    return first

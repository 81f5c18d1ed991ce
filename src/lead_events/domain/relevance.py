"""Which events a model's answers rest on, told by their signatures alone; the others may be left out of a fold.

Leaving out is exact: what is left out fires no rule, is counted by no condition, and ends no wait. Whatever cannot be told
from a signature counts as relevant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntFlag
from functools import reduce
from operator import or_
from typing import NamedTuple

from lead_events.domain.consent import UNOBSERVED, is_behaviour
from lead_events.domain.event_conditions import EventCondition, Path, field_at
from lead_events.domain.model import Model
from lead_events.domain.needs import NOTHING_ELSE, Needs, needs_of
from lead_events.domain.rules import CompiledRule
from lead_events.domain.signatures import Signature
from lead_events.domain.value_tests import Test
from lead_events.domain.windows import Distinct, Sum


class Use(IntFlag):
    """What the events of a signature are needed for.

    Attributes:
        KEPT: the fold must see them.
        IN_LOG: and their signature does not tell enough: they must be read from the log.
        SESSION: a limit per session applies to them, so where sessions begin matters.
        GATE: after one of them, every later event of the lead may end a wait.
        STAMPED: the first of them tells the fold which purposes need a yes.
        NUMBERED: whether they fire anything depends on a number that is not the same in all of them.
    """

    NOTHING = 0
    KEPT = 1
    IN_LOG = 2
    SESSION = 4
    GATE = 8
    STAMPED = 16
    NUMBERED = 32


class Verdict(NamedTuple):
    """What is said of a signature.

    Attributes:
        use: what its events are needed for, as ``Use``.
        fires: numbers of the conditions that its events meet, or may meet, if everything about them may be looked at.
    """

    use: int
    fires: tuple[int, ...] = ()


class Asked(NamedTuple):
    """One condition on events.

    Attributes:
        value: the field whose value is counted, if any.
        per_session: whether a limit per session applies to what it gives.
    """

    when: EventCondition
    value: Path | None = None
    per_session: bool = False


class _Question(NamedTuple):
    """One condition, as it is put to the events of one type.

    Attributes:
        use: what events are needed for that meet it, as ``Use``.
        value: the field whose value is counted, if any.
        tests: places of its tests among those of the type.
    """

    number: int
    use: int
    value: Path | None
    tests: tuple[int, ...]


@dataclass(slots=True)
class _OfType:
    """What is asked of events of one type, each test once, and what was answered so far."""

    questions: tuple[_Question, ...]
    tests: tuple[tuple[Path, Test], ...]
    paths: tuple[Path, ...]
    judged: dict[tuple[object, ...], Verdict] = field(default_factory=dict)


# Whole numbers, for enumerations cost more than what they stand for.
_KEPT, _PER_SESSION, _KEPT_IN_LOG = int(Use.KEPT), int(Use.KEPT | Use.SESSION), int(Use.KEPT | Use.IN_LOG)
_IN_LOG, _GATE, _STAMPED, _NUMBERED = int(Use.IN_LOG), int(Use.GATE), int(Use.STAMPED), int(Use.NUMBERED)
_NOTHING = Verdict(0)


class Judge:
    """Judges signatures; asks each condition once for each combination of the values that any of its type looks at.

    Signatures are as many as pages, so what is asked of each is kept to a look-up: with enumerations and sets made anew, judging
    40 000 of them took a third of a preview of 145 000 events.
    """

    def __init__(self, asked: Sequence[Asked], needs: Needs = NOTHING_ELSE, moving: Collection[str] = ()) -> None:
        """Prepare; ``judge_models`` and ``judge_rules`` say what is asked."""
        self.needs = needs
        self.asked = asked
        self._moving = moving
        self._by_type: dict[str, _OfType] = {}

    def judge(self, signature: Signature) -> Verdict:
        """Say what the events of a signature are needed for."""
        use = _GATE if signature.type in self.needs.gates else 0
        if signature.in_log or signature.type in self._moving:
            return Verdict(use | _KEPT_IN_LOG)
        if signature.fields.get("opt_in"):
            use |= _STAMPED
        verdict = self._ask(signature)
        use |= self._ask_curtailed(signature)
        return verdict if verdict.use | use == verdict.use else Verdict(verdict.use | use, verdict.fires)

    def may_fire(self, signature: Signature) -> bool:
        """Say whether the events of a signature may meet any of the conditions."""
        if signature.in_log:
            return bool(self._of_type(signature.type).questions)
        return bool(self._ask(signature).use | self._ask_curtailed(signature))

    def hidden(self, signature: Signature) -> list[Path]:
        """Return the fields that conditions ask for and, of the events of a signature, only the log knows."""
        return [path for path in self._of_type(signature.type).paths if signature.hides(path)]

    def _ask_curtailed(self, signature: Signature) -> int:
        """Ask of what is left of the events without consent to analytics (``consent.curtail``)."""
        is_trusted = bool(signature.fields.get("trusted"))
        if not is_behaviour(signature.type, trusted=is_trusted):
            fields = {name: value for name, value in signature.fields.items() if name != "context"}
            return self._ask(signature._replace(fields=fields)).use
        if not self._of_type(UNOBSERVED).questions:
            return 0
        return self._ask(Signature(UNOBSERVED, {"trusted": True} if is_trusted else {})).use

    def _ask(self, signature: Signature) -> Verdict:
        of_type = self._of_type(signature.type)
        if not of_type.questions:
            return _NOTHING
        key = tuple([_known(signature, path) for path in of_type.paths])
        verdict = of_type.judged.get(key)
        if verdict is None:
            verdict = of_type.judged[key] = _ask_each(of_type, signature)
        return verdict

    def _of_type(self, type_: str) -> _OfType:
        found = self._by_type.get(type_)
        if found is None:
            asked = [(n, each) for n, each in enumerate(self.asked) if each.when.type_ is None or each.when.type_(type_)]
            found = self._by_type[type_] = _of_type(asked)
        return found


def _of_type(asked: Sequence[tuple[int, Asked]]) -> _OfType:
    tests = tuple(dict.fromkeys(test for _, each in asked for test in each.when.tests))
    places = {test: place for place, test in enumerate(tests)}
    questions = tuple(
        _Question(
            number, _PER_SESSION if each.per_session else _KEPT, each.value, tuple(places[test] for test in each.when.tests)
        )
        for number, each in asked
    )
    paths = {path for path, _ in tests} | {each.value for _, each in asked if each.value}
    return _OfType(questions, tests, tuple(sorted(paths)))


def _ask_each(of_type: _OfType, signature: Signature) -> Verdict:
    told = [_tell(signature, path, test) for path, test in of_type.tests]
    use, fires = 0, []
    for question in of_type.questions:
        answers = [told[place] for place in question.tests]
        if None in answers:
            continue
        use |= reduce(or_, answers, question.use)
        if question.value is not None and signature.hides(question.value):
            use |= _IN_LOG
        fires.append(question.number)
    return Verdict(use, tuple(fires)) if fires else _NOTHING


def _tell(signature: Signature, path: Path, test: Test) -> int | None:
    """Return what events are needed for because of one test, as ``Use``; None if they fail it."""
    if signature.hides(path):
        return _IN_LOG
    if signature.counts(path):
        return _NUMBERED
    return 0 if test(field_at(signature.fields, path)) else None


class Asking(NamedTuple):
    """What a model asks of events, by the numbers of a judge's conditions.

    Attributes:
        rules: of each rule, in the model's order; None for those on traits.
        watches: of each watch, by its place in ``Lead.windows``.
    """

    rules: tuple[int | None, ...]
    watches: tuple[int, ...]


def judge_models(models: Sequence[Model]) -> tuple[Judge, list[Asking]]:
    """Return who judges what some models need together, and what each of them asks; what several ask is asked once."""
    numbers: dict[tuple[object, ...], int] = {}
    asked: list[Asked] = []

    def number(model: Model, each: Asked) -> int:
        key = each.when.text, id(model.lists), each.value, each.per_session
        if key not in numbers:
            numbers[key] = len(asked)
            asked.append(each)
        return numbers[key]

    askings = [
        Asking(
            tuple(
                None if rule.of_traits else number(model, Asked(rule.when, None, _is_per_session(rule))) for rule in model.rules
            ),
            tuple(number(model, Asked(watch.when, _value_of(watch))) for watch in model.scope.watches),
        )
        for model in models
    ]
    moving = frozenset(type_ for model in models for type_ in model.event_moves)
    return Judge(asked, needs_of(models), moving), askings


def judge_rules(rules: Iterable[CompiledRule]) -> Judge:
    """Return who judges which events may fire some rules."""
    return Judge([Asked(rule.when) for rule in rules])


_HIDDEN, _NUMBER = ("hidden",), ("number",)
"""Stand for values that a signature does not tell; no value of a field is a tuple of one text."""


def _known(signature: Signature, path: Path) -> object:
    if signature.hides(path):
        return _HIDDEN
    if signature.counts(path):
        return _NUMBER
    value = field_at(signature.fields, path)
    return value if value is None or type(value) is str else (type(value), repr(value))


def _is_per_session(rule: CompiledRule) -> bool:
    return rule.per == "session" or (rule.group is not None and rule.group.per == "session")


def _value_of(watch: object) -> Path | None:
    return watch.path if isinstance(watch, Sum | Distinct) else None

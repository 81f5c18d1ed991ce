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

from lead_events.domain.consent import UNOBSERVED, is_behaviour
from lead_events.domain.event_conditions import EventCondition, Path, field_at
from lead_events.domain.events import Event
from lead_events.domain.lead import fold
from lead_events.domain.model import Model
from lead_events.domain.rules import CompiledRule
from lead_events.domain.scoring import Trace
from lead_events.domain.signatures import Signature
from lead_events.domain.state import FIRST_STAGE
from lead_events.domain.windows import Distinct, Sum


class Use(IntFlag):
    """What the events of a signature are needed for.

    Attributes:
        KEPT: the fold must see them.
        IN_LOG: and their signature does not tell enough: they must be read from the log.
        SESSION: a limit per session applies to them, so where sessions begin matters.
        GATE: after one of them, every later event of the lead may end a wait.
        STAMPED: the first of them tells the fold which purposes need a yes.
    """

    NOTHING = 0
    KEPT = 1
    IN_LOG = 2
    SESSION = 4
    GATE = 8
    STAMPED = 16


@dataclass(frozen=True, slots=True)
class Needs:
    """What a model needs besides events that match.

    Attributes:
        everything: why it needs every event of every lead; empty if it does not.
        gates: types of events after which it needs every event of the lead.
        everybody: whether somebody who did nothing that matters is more than a cold visitor.
    """

    everything: str
    gates: frozenset[str]
    everybody: bool


NOTHING_ELSE = Needs("", frozenset(), everybody=False)


@dataclass(frozen=True, slots=True)
class _Asked:
    """One condition on events, and the field whose value is counted, if any."""

    when: EventCondition
    value: Path | None
    per_session: bool


_KEPT_IN_LOG, _GATE, _STAMPED = int(Use.KEPT | Use.IN_LOG), int(Use.GATE), int(Use.STAMPED)


@dataclass(slots=True)
class _OfType:
    """What is asked of events of one type, and what was answered so far."""

    asked: tuple[_Asked, ...]
    paths: tuple[Path, ...]
    judged: dict[tuple[object, ...], int] = field(default_factory=dict)


class Judge:
    """Judges signatures for one model; asks its conditions once for each combination of the values they look at.

    Signatures are as many as pages, so what is asked of each is kept to a look-up: with enumerations and sets made anew, judging
    40 000 of them took a third of a preview of 145 000 events.
    """

    def __init__(self, asked: Sequence[_Asked], needs: Needs = NOTHING_ELSE, moving: Collection[str] = ()) -> None:
        """Prepare; ``judge_model`` and ``judge_rules`` say what is asked."""
        self.needs = needs
        self._moving = moving
        self._asked = asked
        self._by_type: dict[str, _OfType] = {}

    def judge(self, signature: Signature) -> int:
        """Return what the events of a signature are needed for, as ``Use``."""
        gate = _GATE if signature.type in self.needs.gates else 0
        if signature.in_log or signature.type in self._moving:
            return gate | _KEPT_IN_LOG
        if signature.fields.get("opt_in"):
            gate |= _STAMPED
        return gate | self._ask(signature) | self._ask_curtailed(signature)

    def may_fire(self, signature: Signature) -> bool:
        """Say whether the events of a signature may meet any of the conditions."""
        if signature.in_log:
            return bool(self._of_type(signature.type).asked)
        return bool(self._ask(signature) | self._ask_curtailed(signature))

    def hidden(self, signature: Signature) -> list[Path]:
        """Return the fields that conditions ask for and, of the events of a signature, only the log knows."""
        return [path for path in self._of_type(signature.type).paths if signature.hides(path)]

    def _ask_curtailed(self, signature: Signature) -> int:
        """Ask of what is left of the events without consent to analytics (``consent.curtail``)."""
        is_trusted = bool(signature.fields.get("trusted"))
        if not is_behaviour(signature.type, trusted=is_trusted):
            fields = {name: value for name, value in signature.fields.items() if name != "context"}
            return self._ask(signature._replace(fields=fields))
        if not self._of_type(UNOBSERVED).asked:
            return 0
        return self._ask(Signature(UNOBSERVED, {"trusted": True} if is_trusted else {}))

    def _ask(self, signature: Signature) -> int:
        of_type = self._of_type(signature.type)
        if not of_type.asked:
            return 0
        key = tuple([_known(signature, path) for path in of_type.paths])
        use = of_type.judged.get(key)
        if use is None:
            use = of_type.judged[key] = reduce(or_, (_use(each, signature) for each in of_type.asked), 0)
        return use

    def _of_type(self, type_: str) -> _OfType:
        found = self._by_type.get(type_)
        if found is None:
            asked = tuple(each for each in self._asked if each.when.type_ is None or each.when.type_(type_))
            paths = {path for each in asked for path, _ in each.when.tests} | {each.value for each in asked if each.value}
            found = self._by_type[type_] = _OfType(asked, tuple(sorted(paths)))
        return found


def judge_model(model: Model) -> Judge:
    """Return who judges what a model needs."""
    rules = [_Asked(rule.when, None, _is_per_session(rule)) for rule in model.rules if not rule.of_traits]
    watched = [_Asked(watch.when, _value_of(watch), per_session=False) for watch in model.scope.counters]
    return Judge((*rules, *watched), _needs(model), model.event_moves)


def judge_rules(rules: Iterable[CompiledRule]) -> Judge:
    """Return who judges which events may fire some rules."""
    return Judge([_Asked(rule.when, None, per_session=False) for rule in rules])


def _use(asked: _Asked, signature: Signature) -> int:
    is_hidden = asked.value is not None and signature.hides(asked.value)
    for path, test in asked.when.tests:
        if signature.hides(path):
            is_hidden = True
        elif not signature.counts(path) and not test(field_at(signature.fields, path)):
            return 0
    in_log = Use.IN_LOG if is_hidden else Use.NOTHING
    return int(Use.KEPT | in_log | (Use.SESSION if asked.per_session else Use.NOTHING))


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


# --- what a model needs besides -------------------------------------------------------------------------------------


def _needs(model: Model) -> Needs:
    gates: set[str] = set()
    for stage in _watched_stages(model):
        ways = _ways_into(stage, model, frozenset())
        if ways is None:
            return Needs(f"every event of a lead in stage {stage} ends a wait", frozenset(), everybody=True)
        gates |= ways
    reason = "a condition asks for visits" if model.watches_visits else "a score has inactivity" if model.silences else ""
    return Needs(reason, frozenset(gates), everybody=bool(reason) or not _leaves_nothing(model))


def _watched_stages(model: Model) -> set[str]:
    """Return the stages in which any event may matter: those left after idle time, and those left by activity."""
    idle = {stage for stage, exits in model.exits.items() if any(exit_.idle for exit_ in exits)}
    return idle | model.stages_left_by_activity


def _ways_into(stage: str, model: Model, seen: frozenset[str]) -> set[str] | None:
    """Return the types of events of which a lead has at least one before it is in a stage; None if it needs none."""
    if stage == FIRST_STAGE:
        return None
    if stage in seen:
        return set()
    ways: set[str] = set()
    before: set[str] = {source for source, exits in model.exits.items() if any(exit_.to == stage for exit_ in exits)}
    for entry in model.entries:
        if entry.stage == stage and entry.when is not None:
            if entry.sources is None:
                return None
            before |= entry.sources
        elif entry.stage == stage:
            ways |= entry.events
    for source in before:
        further = _ways_into(source, model, seen | {stage})
        if further is None:
            return None
        ways |= further
    return ways


def _leaves_nothing(model: Model) -> bool:
    """Say whether an event that matches nothing leaves no trace in standing and in time."""
    trace = Trace()
    event = Event(1, 1, 1, UNOBSERVED, b"", None, (), {})
    lead = fold(model.begin(1), [event], model, 1, trace)
    is_cold = lead.stage == FIRST_STAGE and lead.temperature == "cold" and not any(met for met, *_ in lead.definitions)
    return is_cold and lead.due is None and not lead.waiting and not trace.moves and not trace.contributions

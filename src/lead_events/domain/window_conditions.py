"""Conditions over windows of time, from the document to a test of a lead.

They are ``sum``, ``distinct``, ``dwell``, ``sequence`` and ``since``; ``count`` is older and stands in ``conditions``.
A window whose state would not be bounded for each lead is refused here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lead_events.domain.errors import InvalidDuration, InvalidModel
from lead_events.domain.event_conditions import EventCondition, compile_event_condition, compile_path
from lead_events.domain.lists import Lists
from lead_events.domain.state import Lead
from lead_events.domain.times import SECOND, Instant, format_instant, parse_duration
from lead_events.domain.value_tests import Value
from lead_events.domain.windows import PRECISION, Distinct, Latest, Step, Sum, Watch

Tests = tuple[Callable[[Lead, Instant], bool], Callable[[Lead, Instant], list[dict[str, Any]]]]
"""Whether it holds, and what is missing if not."""

WINDOW_KINDS: Mapping[str, tuple[str, ...]] = {
    "sum": ("at_least", "within"),
    "distinct": ("at_least", "within"),
    "dwell": ("at_least", "within"),
    "sequence": ("within", "lately"),
    "since": ("at_least", "at_most"),
}
"""What may stand beside each kind."""

MOST_REMEMBERED = 1_000
"""How many entries a window may hold for each lead."""
_MOST_STEPS = 10
_SECONDS = ("properties", "seconds")


def kind_of(spec: Mapping[str, Any]) -> str | None:
    """Return which kind of window a condition is, or None."""
    return next((kind for kind in WINDOW_KINDS if kind in spec), None)


def compile_window(kind: str, spec: Mapping[str, Any], watches: list[Watch], lists: Lists, where: str) -> Tests:
    """Compile a condition over a window; ``watches`` are those of the model so far, ``lists`` those of mail providers.

    Raises:
        InvalidModel: it cannot be understood, or its state would not be bounded.
    """
    unknown = set(spec) - {kind, *WINDOW_KINDS[kind]}
    if unknown:
        raise InvalidModel(f"{where}: {kind} knows {' and '.join(WINDOW_KINDS[kind])}, not {', '.join(sorted(unknown))}")
    return _COMPILERS[kind](spec, watches, lists, where)


# --- sums -----------------------------------------------------------------------------------------------------------


def _sum(spec: Mapping[str, Any], watches: list[Watch], lists: Lists, where: str) -> Tests:
    when, of, content = _field(spec, "sum", lists, where)
    needed = round(_number(spec.get("at_least"), where) * PRECISION)
    within = _duration(spec, "within", where)
    least = _least(content, of)
    if within is not None and needed > least * MOST_REMEMBERED:
        enough = f"{needed / PRECISION / MOST_REMEMBERED:g}"
        raise InvalidModel(
            f"{where}: this window would keep any number of small amounts for each lead; "
            f"count amounts of at least {enough} only: {of}: {{at_least: {enough}}}"
        )
    watch = Sum(when, compile_path(of, where), needed, max(1, least), within)
    return _amount(watch, watches, "sum", spec, PRECISION)


def _least(content: Mapping[str, Any], of: str) -> int:
    test = content.get(of)
    bounds: list[Any] = [test.get(name) for name in ("at_least", "above")] if isinstance(test, Mapping) else []
    return max((round(bound * PRECISION) for bound in bounds if _is_number(bound)), default=0)


def _dwell(spec: Mapping[str, Any], watches: list[Watch], lists: Lists, where: str) -> Tests:
    """Add up the visible seconds of pages left; looks shorter than a thousandth of what is asked do not count."""
    content = spec["dwell"]
    if not isinstance(content, Mapping) or "type" in content:
        raise InvalidModel(f"{where}: dwell takes a condition on pages without a type, such as {{context.page.path: /pricing}}")
    when = compile_event_condition({"type": "page.left", **content}, f"{where}.dwell", lists)
    asked = _duration(spec, "at_least", where)
    if asked is None:
        raise InvalidModel(f"{where}: dwell needs at_least, a duration such as 2m")
    needed = asked * PRECISION // SECOND
    least = -(-needed // MOST_REMEMBERED)
    return _amount(Sum(when, _SECONDS, needed, least, _duration(spec, "within", where)), watches, "dwell", spec, PRECISION)


def _amount(watch: Sum, watches: list[Watch], kind: str, spec: Mapping[str, Any], unit: int) -> Tests:
    index = _add(watch, watches)

    def holds(lead: Lead, at: Instant) -> bool:
        return lead.profiled and watch.total(lead.windows[index], at) >= watch.needed

    def missing(lead: Lead, at: Instant) -> list[dict[str, Any]]:
        return [] if holds(lead, at) else [_gap(lead, kind, spec, watch.total(lead.windows[index], at) / unit)]

    return holds, missing


# --- different values -----------------------------------------------------------------------------------------------


def _distinct(spec: Mapping[str, Any], watches: list[Watch], lists: Lists, where: str) -> Tests:
    if isinstance(spec["distinct"], str):
        content = {"of": spec["distinct"]} | ({"type": "page.viewed"} if spec["distinct"].startswith("context.page.") else {})
        when, of, _ = _field({"distinct": content}, "distinct", lists, where)
    else:
        when, of, _ = _field(spec, "distinct", lists, where)
    watch = Distinct(when, compile_path(of, where), _whole(spec.get("at_least"), where), _duration(spec, "within", where))
    index = _add(watch, watches)

    def holds(lead: Lead, at: Instant) -> bool:
        return lead.profiled and watch.count(lead.windows[index], at) >= watch.needed

    def missing(lead: Lead, at: Instant) -> list[dict[str, Any]]:
        return [] if holds(lead, at) else [_gap(lead, "distinct", spec, watch.count(lead.windows[index], at))]

    return holds, missing


def _field(spec: Mapping[str, Any], kind: str, lists: Lists, where: str) -> tuple[EventCondition, str, Mapping[str, Any]]:
    """Return the condition on events of a sum or of different values, the field, and what the condition says."""
    content = spec[kind]
    of = content.get("of") if isinstance(content, Mapping) else None
    if not isinstance(content, Mapping) or not isinstance(of, str):
        raise InvalidModel(f"{where}: {kind} needs of, the field of an event such as properties.amount, and a condition")
    condition = {name: test for name, test in content.items() if name != "of"} or {of: "present"}
    return compile_event_condition(condition, f"{where}.{kind}", lists), of, content


# --- sequences ------------------------------------------------------------------------------------------------------


def _sequence(spec: Mapping[str, Any], watches: list[Watch], lists: Lists, where: str) -> Tests:
    steps = spec["sequence"]
    if not isinstance(steps, list) or not 2 <= len(steps) <= _MOST_STEPS:
        raise InvalidModel(f"{where}: sequence takes a list of 2 to {_MOST_STEPS} conditions on events")
    within, lately = _duration(spec, "within", where), _duration(spec, "lately", where)
    conditions = [compile_event_condition(step, f"{where}.sequence[{n}]", lists) for n, step in enumerate(steps)]
    last = len(watches)
    compiled = [
        Step(when, number == 0, within, lately if number == len(steps) - 1 else None) for number, when in enumerate(conditions)
    ]
    watches.extend(reversed(compiled))

    def holds(lead: Lead, at: Instant) -> bool:
        window = lead.windows[last]
        return lead.profiled and bool(window) and (lately is None or window[1] + lately > at)

    def missing(lead: Lead, at: Instant) -> list[dict[str, Any]]:
        return [] if holds(lead, at) else [_gap(lead, "sequence", spec, _steps_done(lead, at, compiled, last))]

    return holds, missing


def _steps_done(lead: Lead, at: Instant, steps: Sequence[Step], last: int) -> int:
    """Return how many steps the furthest sequence that may still go on has done."""
    for done in range(len(steps) - 1, 0, -1):
        window = lead.windows[last + len(steps) - done]
        if window and steps[done - 1].is_open(window, at):
            return done
    return 0


# --- time since -----------------------------------------------------------------------------------------------------


def _since(spec: Mapping[str, Any], watches: list[Watch], lists: Lists, where: str) -> Tests:
    when = compile_event_condition(spec["since"], f"{where}.since", lists)
    at_least, at_most = _duration(spec, "at_least", where), _duration(spec, "at_most", where)
    if at_least is None and at_most is None:
        raise InvalidModel(f"{where}: since needs at_least or at_most, durations such as 7d")
    if at_least is not None and at_most is not None and at_least > at_most:
        raise InvalidModel(f"{where}: nothing is both at least {spec['at_least']} and at most {spec['at_most']} ago")
    watch = Latest(when, at_least, at_most)
    index = _add(watch, watches)

    def holds(lead: Lead, at: Instant) -> bool:
        return lead.profiled and watch.holds(lead.windows[index], at)

    def missing(lead: Lead, at: Instant) -> list[dict[str, Any]]:
        window = lead.windows[index]
        return [] if holds(lead, at) else [_gap(lead, "since", spec, format_instant(window[0]) if window else None)]

    return holds, missing


_COMPILERS: Mapping[str, Callable[[Mapping[str, Any], list[Watch], Lists, str], Tests]] = {
    "sum": _sum,
    "distinct": _distinct,
    "dwell": _dwell,
    "sequence": _sequence,
    "since": _since,
}


# --- parts ----------------------------------------------------------------------------------------------------------


def _add(watch: Watch, watches: list[Watch]) -> int:
    watches.append(watch)
    return len(watches) - 1


def _gap(lead: Lead, kind: str, spec: Mapping[str, Any], has: Value) -> dict[str, Any]:
    needs = {"of" if name == kind else name: value for name, value in spec.items()}
    return {"field": kind, "needs": needs, "has": has if lead.profiled else None}


def _duration(spec: Mapping[str, Any], name: str, where: str) -> int | None:
    if name not in spec:
        return None
    try:
        return parse_duration(str(spec[name]))
    except InvalidDuration as error:
        raise InvalidModel(f"{where}: {name}: {error}") from None


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12


def _number(value: Value, where: str) -> float:
    if not _is_number(value) or round(value * PRECISION) < 1:
        raise InvalidModel(f"{where}: at_least takes a number above 0, not {value!r}")
    return float(value)


def _whole(value: Value, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_REMEMBERED:
        raise InvalidModel(f"{where}: at_least takes a whole number from 1 to {MOST_REMEMBERED}, not {value!r}")
    return value

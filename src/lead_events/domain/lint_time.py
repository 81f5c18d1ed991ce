"""Lint of what time alone would do: exits that lead round in a circle, and points so few that fading never gets below them.

Both are documents that compile, and whose fold would hardly come to an end.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from lead_events.domain.document import Condition, ModelDocument
from lead_events.domain.findings import Notes
from lead_events.domain.model_text import step
from lead_events.domain.times import DAY, parse_duration

LEAST_POINTS = 1e-6
"""Fewest points that a score which fades is compared with; shown scores are rounded to hundredths."""
LEAST_WAIT = DAY
"""In a circle of exits at least one waits so long: a lead that does nothing goes round it for ever."""

_ANYWHERE = ""
"""Stands between all stages and an entry that names none it comes from; no stage is called so."""


def check(notes: Notes, document: ModelDocument) -> None:
    """Note, as errors, what no fold should be asked to do."""
    _check_circle(notes, document)
    _check_grade(notes, document)
    fading = {f"scores.{name}" for name, score in document.scores.items() if score.half_life}
    for pointer, spec in _conditions(document):
        _check_points(notes, spec, pointer, fading)


# --- circles --------------------------------------------------------------------------------------------------------


class _Way(NamedTuple):
    """A way from one stage to another that a lead which does nothing may go at once, or after a wait of less than a day.

    Attributes:
        place: of an exit, its number among those of its stage; None for an entry by a condition.
        asked: the condition of an entry, or that which keeps a lead from going out.
    """

    source: str
    target: str
    place: int | None = None
    asked: Condition | None = None


def _check_circle(notes: Notes, document: ModelDocument) -> None:
    """Note one circle of quick exits, and of conditions that may lead back in, if there is any."""
    ways = _within_circles([*_exits(document), *_entries(document)])
    into = _by(ways, "target")
    ways = _within_circles([way for way in ways if not _is_guarded(way, into[way.source])])
    quick = next((way for way in ways if way.place is not None), None)
    if quick is None:
        return
    names = [name for name in _walk(quick.target, quick.source, _by(ways, "source")) if name != _ANYWHERE]
    words = f"whoever does nothing goes round for ever: {' → '.join([quick.source, *names])}"
    where = f"{step('/stages', quick.source)}/exits/{quick.place}/after"
    notes.error(where, words, "let one exit of the circle wait at least 1d, or name in its unless what leads back in")


def _exits(document: ModelDocument) -> Iterator[_Way]:
    for name, stage in document.stages.items():
        for place, exit_ in enumerate(stage.exits):
            if parse_duration(exit_.after) < LEAST_WAIT:
                yield _Way(name, exit_.to, place, exit_.unless)


def _entries(document: ModelDocument) -> Iterator[_Way]:
    for name, stage in document.stages.items():
        yield _Way(name, _ANYWHERE)
        for entry in stage.entry:
            if entry.when is not None and not entry.after_activity:
                yield from (_Way(source, name, None, entry.when) for source in entry.from_ or [_ANYWHERE])


def _is_guarded(way: _Way, into: Sequence[_Way]) -> bool:
    """Say whether every way in asks for what keeps a lead from going out: it goes round no more often than that changes."""
    asked = way.asked
    if way.place is None or asked is None:
        return False
    return all(other.place is None and _implies(other.asked, asked) for other in into)


def _implies(one: Any, other: Condition) -> bool:
    """Say whether a condition plainly asks for all that another one does."""
    if not isinstance(one, Mapping):
        return False
    if other == {"definition": "any"} and "definition" in one:
        return True
    return other.items() <= one.items() or any(_implies(part, other) for part in one.get("all", ()))


def _by(ways: Iterable[_Way], end: Literal["source", "target"]) -> defaultdict[str, list[_Way]]:
    found = defaultdict[str, list[_Way]](list)
    for way in ways:
        found[getattr(way, end)].append(way)
    return found


def _within_circles(ways: Sequence[_Way]) -> list[_Way]:
    """Return the ways between stages that can reach each other.

    S. R. Kosaraju's algorithm: A. V. Aho, J. E. Hopcroft, J. D. Ullman, Data Structures and Algorithms, 1983, 6.7.
    """
    back, circles = _by(ways, "target"), dict[str, int]()
    for number, name in enumerate(reversed(_finish(_by(ways, "source")))):
        waiting = [name]
        while waiting:
            here = waiting.pop()
            if here not in circles:
                circles[here] = number
                waiting += [way.source for way in back[here]]
    return [way for way in ways if circles[way.source] == circles[way.target]]


def _finish(onward: defaultdict[str, list[_Way]]) -> list[str]:
    """Return all stages in the order in which a walk in depth is done with them."""
    seen, done = set[str](), list[str]()
    for begin in [*onward]:
        walk = [] if begin in seen else [(begin, iter(onward[begin]))]
        seen.add(begin)
        while walk:
            name, ahead = walk[-1]
            target = next((way.target for way in ahead if way.target not in seen), None)
            if target is None:
                done.append(name)
                walk.pop()
            else:
                seen.add(target)
                walk.append((target, iter(onward[target])))
    return done


def _walk(begin: str, end: str, onward: Mapping[str, Sequence[_Way]]) -> list[str]:
    """Return the stages of a shortest way between two that are part of a circle, both included."""
    came = {begin: begin}
    waiting = deque([begin])
    while end not in came:
        here = waiting.popleft()
        for way in onward[here]:
            if way.target not in came:
                came[way.target] = here
                waiting.append(way.target)
    names = [end]
    while names[-1] != begin:
        names.append(came[names[-1]])
    return names[::-1]


# --- few points -----------------------------------------------------------------------------------------------------


def _check_grade(notes: Notes, document: ModelDocument) -> None:
    for half in ("letter", "digit") if document.grade is not None else ():
        axis = getattr(document.grade, half)
        if axis.score in document.scores and document.scores[axis.score].half_life:
            for index, points in enumerate(axis.steps):
                _check_least(notes, points, f"/grade/{half}/steps/{index}", axis.score)


def _conditions(document: ModelDocument) -> Iterator[tuple[str, Any]]:
    """Give everything in which conditions on leads stand, with its pointer."""
    said = document.model_dump(by_alias=True, exclude_unset=True)
    for part in ("definitions", "temperature", "stages"):
        yield f"/{part}", said.get(part)
    for name, score in said["scores"].items():
        yield f"{step('/scores', name)}/inactivity", score.get("inactivity")


def _check_points(notes: Notes, spec: Any, pointer: str, fading: set[str]) -> None:
    if isinstance(spec, list):
        for index, each in enumerate(spec):
            _check_points(notes, each, f"{pointer}/{index}", fading)
    elif isinstance(spec, Mapping):
        for name, test in spec.items():
            here = step(pointer, name)
            if name in fading and isinstance(test, Mapping):
                for points in test.values():
                    _check_least(notes, points, here, name.removeprefix("scores."))
            else:
                _check_points(notes, test, here, fading)


def _check_least(notes: Notes, points: Any, pointer: str, score: str) -> None:
    if isinstance(points, int | float) and 0 < points < LEAST_POINTS:
        notes.error(pointer, f"{score} fades by halves, never to nothing; compare it with at least {LEAST_POINTS:.6f} points")

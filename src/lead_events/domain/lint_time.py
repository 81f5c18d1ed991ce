"""Lint of what time alone would do: exits that lead round in a circle, and points so few that fading never gets below them.

Both are documents that compile, and whose fold would hardly come to an end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lead_events.domain.document import ModelDocument
from lead_events.domain.findings import Notes
from lead_events.domain.model_text import step
from lead_events.domain.times import DAY, parse_duration

LEAST_POINTS = 1e-6
"""Fewest points that a score which fades is compared with; shown scores are rounded to hundredths."""
LEAST_WAIT = DAY
"""In a circle of exits at least one waits so long: a lead that does nothing goes round it for ever."""


def check(notes: Notes, document: ModelDocument) -> None:
    """Note, as errors, what no fold should be asked to do."""
    _check_circle(notes, document)
    _check_grade(notes, document)
    fading = {f"scores.{name}" for name, score in document.scores.items() if score.half_life}
    for pointer, spec in _conditions(document):
        _check_points(notes, spec, pointer, fading)


# --- circles --------------------------------------------------------------------------------------------------------


def _check_circle(notes: Notes, document: ModelDocument) -> None:
    """Note one circle whose every exit is quick, if there is any."""
    quick = {
        name: {exit_.to: index for index, exit_ in enumerate(stage.exits) if parse_duration(exit_.after) < LEAST_WAIT}
        for name, stage in document.stages.items()
    }
    circle = _find_circle(quick)
    if not circle:
        return
    index = quick[circle[0]][circle[1]]
    words = f"whoever does nothing goes round for ever: {' → '.join(circle)}"
    notes.error(f"{step('/stages', circle[0])}/exits/{index}/after", words, "let one exit of the circle wait at least 1d")


def _find_circle(ways: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the stages of a circle, the first one at the end again; empty where there is none."""
    left = _without_dead_ends(ways)
    if not left:
        return []
    walked = dict[str, None]()
    here = next(iter(left))
    while here not in walked:
        walked[here] = None
        here = next(each for each in ways[here] if each in left)
    names = [*walked]
    return [*names[names.index(here) :], here]


def _without_dead_ends(ways: Mapping[str, Iterable[str]]) -> dict[str, int]:
    """Return the stages from which one can go on for ever."""
    into = defaultdict[str, list[str]](list)
    left = dict.fromkeys(ways, 0)
    for name, targets in ways.items():
        for target in targets:
            if target in left:
                into[target].append(name)
                left[name] += 1
    ended = [name for name, number in left.items() if not number]
    while ended:
        name = ended.pop()
        del left[name]
        for before in into[name]:
            left[before] -= 1
            if not left[before]:
                ended.append(before)
    return left


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

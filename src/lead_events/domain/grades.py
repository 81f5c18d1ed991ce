"""Grades: two scores in two characters such as A1, read off their thresholds at an instant; nothing of it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lead_events.domain.decay import decayed
from lead_events.domain.document import Axis, Grade
from lead_events.domain.errors import InvalidModel
from lead_events.domain.state import Lead, is_unknown
from lead_events.domain.times import Instant

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "123456789"


@dataclass(frozen=True, slots=True)
class CompiledAxis:
    """One half of a grade: a score, the points at which each better mark begins, and the marks."""

    name: str
    score: int
    half_life: int | None
    unknown_without: tuple[str, ...]
    steps: tuple[float, ...]
    marks: str

    def mark(self, lead: Lead, at: Instant) -> str | None:
        """Return the mark of a lead at an instant; None while the score is unknown or withheld."""
        if is_unknown(lead, self.name, self.unknown_without):
            return None
        value, since = lead.scores[self.score]
        now = decayed(value, since, at, self.half_life)
        return self.marks[sum(now < step for step in self.steps)]


@dataclass(frozen=True, slots=True)
class CompiledGrade:
    """Both halves."""

    letter: CompiledAxis
    digit: CompiledAxis

    def at(self, lead: Lead, at: Instant) -> str | None:
        """Return the grade of a lead at an instant; None while either score is unknown."""
        letter, digit = self.letter.mark(lead, at), self.digit.mark(lead, at)
        return None if letter is None or digit is None else letter + digit


def compile_grade(
    grade: Grade | None, half_lives: Mapping[str, int | None], unknown_without: Mapping[str, tuple[str, ...]]
) -> CompiledGrade | None:
    """Compile the grade of a model; both mappings are by score, in the model's order.

    Raises:
        InvalidModel: a score does not exist, or the steps do not fall.
    """
    if grade is None:
        return None
    halves = [("letter", grade.letter, LETTERS), ("digit", grade.digit, DIGITS)]
    letter, digit = [_compile(name, axis, marks, half_lives, unknown_without) for name, axis, marks in halves]
    return CompiledGrade(letter, digit)


def _compile(
    name: str,
    axis: Axis,
    marks: str,
    half_lives: Mapping[str, int | None],
    unknown_without: Mapping[str, tuple[str, ...]],
) -> CompiledAxis:
    where = f"grade.{name}"
    if axis.score not in half_lives:
        raise InvalidModel(f"{where}.score: there is no score {axis.score!r}; there are {', '.join(half_lives)}")
    if len(axis.steps) >= len(marks):
        raise InvalidModel(f"{where}.steps: there are {len(marks)} marks, so at most {len(marks) - 1} steps")
    if any(one <= other for one, other in zip(axis.steps, axis.steps[1:], strict=False)):
        raise InvalidModel(f"{where}.steps: they fall, the points of the best mark first, such as [60, 40, 20]")
    half_life = half_lives[axis.score]
    if half_life is not None and axis.steps[-1] <= 0:
        raise InvalidModel(f"{where}.steps: {axis.score} fades and never leaves zero; every step is above 0 points")
    index = list(half_lives).index(axis.score)
    return CompiledAxis(axis.score, index, half_life, unknown_without.get(axis.score, ()), tuple(axis.steps), marks)

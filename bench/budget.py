"""The time that a run may take, and which phases still fit into it; what does not is left out by name, never silently."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Budget:
    """How long a run may take.

    Attributes:
        seconds: since ``begun``; None for as long as it takes.
        expected: seconds that each phase takes on a quiet machine, by name.
        planned, taken: of the phases so far, on a quiet machine and here: how slow this one is.
    """

    seconds: float | None = None
    expected: Mapping[str, float] = field(default_factory=dict)
    begun: float = field(default_factory=time.perf_counter)
    planned: float = 0.0
    taken: float = 0.0

    def estimate(self, name: str) -> float:
        """Return the seconds that a phase will take here: at least what it takes on a quiet machine."""
        slow = self.taken / self.planned if self.planned else 1.0
        return self.expected.get(name, 0.0) * max(1.0, slow)

    def allows(self, *names: str) -> bool:
        """Say whether phases will still come to their end in time."""
        if self.seconds is None:
            return True
        passed = time.perf_counter() - self.begun
        return passed + sum(map(self.estimate, names)) <= self.seconds

    def left(self) -> float | None:
        """Return the seconds that are left, at least one; None for as long as it takes."""
        return None if self.seconds is None else max(1.0, self.seconds - (time.perf_counter() - self.begun))

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Learn from a phase, which is the block, how slow this machine is."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            if name in self.expected:
                self.planned += self.expected[name]
                self.taken += time.perf_counter() - begun

"""Interleaved rounds, and a watch over how calm the machine is meanwhile.

A fixed loop is timed before and after each cell. A cell during which it took more than 1.3 times
the shortest of the run was disturbed by somebody else: it is discarded and repeated.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")
LIMIT = 1.3


def calibrate() -> float:
    """How long the fixed loop takes now, in ms."""
    began = time.perf_counter()
    total = 0
    for one in range(120_000):
        total += one & 7
    return (time.perf_counter() - began) * 1000


@dataclass(slots=True)
class Cell(Generic[T]):
    """One measurement, and how calm it was."""

    name: str
    value: T
    calib_ms: float


@dataclass(slots=True)
class Calm:
    """One for a whole run, so that the shortest loop is that of the whole run."""

    rounds: int
    repeats: int
    """At most so many more for each kind of cell. What is still disturbed then is left out."""
    loop: Callable[[], float] = calibrate
    shortest_ms: float = float("inf")
    discarded: int = 0
    kept_disturbed: list[str] = field(default_factory=list)
    log: list[dict[str, Any]] = field(default_factory=list)

    def interleave(
        self,
        cells: Mapping[str, Callable[[], T]],
        *,
        rounds: int = 0,
        repeats: int | None = None,
        warm: bool = True,
    ) -> dict[str, list[T]]:
        """A B A B: the values of each cell, without those that were disturbed.

        Each cell runs once before and is thrown away, unless not ``warm``. A cell that takes long
        gives fewer rounds and repeats than the others. When one side was never calm, both keep
        all they have: calm rounds of one beside disturbed ones of the other are no comparison.
        """
        if warm:
            for cell in cells.values():
                cell()
        rounds = rounds or self.rounds
        more = self.repeats if repeats is None else min(repeats, self.repeats)
        taken: dict[str, list[Cell[T]]] = {name: [] for name in cells}
        for number in range(rounds + more):
            for name, cell in cells.items():
                enough = sum(not self._disturbed(one) for one in taken[name]) >= rounds
                if number < rounds or not enough:
                    taken[name].append(self._one(name, cell))
        calm = {
            name: [one.value for one in found if not self._disturbed(one)]
            for name, found in taken.items()
        }
        if never := [name for name, values in calm.items() if not values]:
            self.kept_disturbed += never
            return {name: [one.value for one in found] for name, found in taken.items()}
        self.discarded += sum(len(taken[name]) - len(calm[name]) for name in calm)
        return calm

    def _one(self, name: str, cell: Callable[[], T]) -> Cell[T]:
        before = self.loop()
        value = cell()
        after = self.loop()
        self.shortest_ms = min(self.shortest_ms, before, after)
        made = Cell(name, value, max(before, after))
        self.log.append({"cell": name, "calib_ms": round(made.calib_ms, 3)})
        return made

    def _disturbed(self, one: Cell[T]) -> bool:
        return one.calib_ms > LIMIT * self.shortest_ms

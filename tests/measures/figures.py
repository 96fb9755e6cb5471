"""Figures: ours beside the floor of the same run, as a ratio, with a target and a verdict."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Pick = Callable[[Sequence[float]], float]


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest rank: the smallest value that ``share`` of all values do not exceed."""
    if not values:
        raise ValueError("there are no values")
    return sorted(values)[max(1, math.ceil(share * len(values))) - 1]


def p50(values: Sequence[float]) -> float:
    return percentile(values, 0.50)


def p99(values: Sequence[float]) -> float:
    return percentile(values, 0.99)


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure should be at most: as a value, over the floor, or as a ratio to it."""

    kind: Literal["value", "over", "ratio"]
    at_most: float

    def met(self, ours: float, floor: float | None) -> bool:
        if self.kind == "value":
            return ours <= self.at_most
        if floor is None:
            raise ValueError(f"a target of the kind {self.kind!r} needs a floor")
        if self.kind == "over":
            return ours - floor <= self.at_most
        return ours <= self.at_most * floor

    def words(self, unit: str) -> str:
        if self.kind == "ratio":
            return f"<= {self.at_most:g}x"
        over = "floor + " if self.kind == "over" else ""
        return f"<= {over}{self.at_most:g} {unit}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    name: str
    unit: str
    ours: float
    floor: float | None = None
    target: Target | None = None
    note: str = ""
    all_ours: tuple[float, ...] = ()
    all_floor: tuple[float, ...] = ()
    disturbed: bool = False
    """The machine was never calm while it was measured: no verdict to rely on."""

    @property
    def ratio(self) -> float | None:
        return self.ours / self.floor if self.floor else None

    @property
    def verdict(self) -> str:
        if self.target is None:
            return ""
        return "pass" if self.target.met(self.ours, self.floor) else "miss"

    def plain(self, *, samples: bool = True) -> dict[str, Any]:
        """For JSON."""
        target = None
        if self.target is not None:
            target = {"kind": self.target.kind, "at_most": self.target.at_most}
        said: dict[str, Any] = {
            "name": self.name,
            "unit": self.unit,
            "ours": _rounded(self.ours),
            "floor": None if self.floor is None else _rounded(self.floor),
            "ratio": None if self.ratio is None else _rounded(self.ratio),
            "target": target,
            "verdict": self.verdict,
            "disturbed": self.disturbed,
            "note": self.note,
        }
        if samples:
            said["all_ours"] = [_rounded(one) for one in self.all_ours]
            said["all_floor"] = [_rounded(one) for one in self.all_floor]
        return said


def figure(
    name: str,
    unit: str,
    ours: Sequence[float],
    floor: Sequence[float] = (),
    *,
    target: Target | None = None,
    pick: Pick = statistics.median,
    note: str = "",
) -> Figure:
    """From the values of all rounds, by the median unless another is picked."""
    return Figure(
        name,
        unit,
        pick(ours),
        pick(floor) if floor else None,
        target,
        note,
        tuple(ours),
        tuple(floor),
    )


def table(figures: Sequence[Figure], not_run: Sequence[tuple[str, str]] = ()) -> str:
    """As markdown, and readable as it is."""
    rows = [("figure", "ours", "floor", "ratio", "target", "", "note")]
    for one in figures:
        rows.append(
            (
                one.name,
                f"{number(one.ours)} {one.unit}",
                "" if one.floor is None else f"{number(one.floor)} {one.unit}",
                "" if one.ratio is None else f"{one.ratio:.2f}x",
                "" if one.target is None else one.target.words(one.unit),
                one.verdict + "?" * (one.disturbed and one.verdict != ""),
                one.note,
            )
        )
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    lines += [f"\nNot measured: {what}: {why}" for what, why in not_run]
    return "\n".join(lines)


def number(value: float) -> str:
    """Three digits that count; thousands whole."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.rjust(width) if 1 <= at <= 3 else cell.ljust(width)
        for at, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return f"| {' | '.join(cells)} |"


def _rounded(value: float) -> float:
    return float(f"{value:.5g}")

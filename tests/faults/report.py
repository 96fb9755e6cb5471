"""Report: what a fault suite did, and which promise it saw broken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, field


class Report(Struct, kw_only=True):
    """The outcome of one run of one suite."""

    suite: str
    figures: dict[str, int | float] = field(default_factory=dict)
    """How much was tried and what came of it; names as in the table."""
    wrong: list[str] = field(default_factory=list)
    """Every broken promise, with what is needed to see it again."""
    seconds: float = 0.0
    control: bool = False
    """A negative control: it must have something in ``wrong``."""

    def add(self, name: str, amount: int = 1) -> None:
        """Count something."""
        self.figures[name] = self.figures.get(name, 0) + amount

    @property
    def as_promised(self) -> bool:
        """Whether nothing was wrong; for a negative control, whether something was."""
        return bool(self.wrong) is self.control

    def plain(self) -> dict[str, Any]:
        """For JSON: at most twenty of the broken promises."""
        return {
            "suite": self.suite,
            "as_promised": self.as_promised,
            "control": self.control,
            "figures": {name: round(value, 4) for name, value in self.figures.items()},
            "wrong": len(self.wrong),
            "examples": self.wrong[:20],
            "seconds": round(self.seconds, 1),
        }


def table(reports: Sequence[Report]) -> str:
    """A line for each, for people."""
    lines = [f"{'suite':34} {'':8} {'wrong':>6} {'s':>7}  figures"]
    for one in reports:
        verdict = "ok" if one.as_promised else "BROKEN"
        if one.control:
            verdict = "bites" if one.as_promised else "BLUNT"
        figures = ", ".join(
            f"{name} {value:,.10g}" for name, value in one.plain()["figures"].items()
        )
        lines.append(f"{one.suite:34} {verdict:8} {len(one.wrong):6} {one.seconds:7.1f}  {figures}")
        if not one.as_promised:
            lines += [f"    {what}" for what in one.wrong[:5]]
    return "\n".join(lines)

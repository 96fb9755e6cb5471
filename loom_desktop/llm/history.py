"""What came of earlier answers, per model: how often it worked, how fast, what it cost, thumbs.

Only the latest answers count, because models and computers change. It is kept in memory, is filled
from the store at the start, and hands every new row to it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from statistics import fmean, median

from msgspec import Struct
from msgspec.structs import replace

from loom_desktop.store.routes import Routed

MOST_ROWS = 200
"""The answers of a model that count."""
_MOST_TIMES, _FEWEST_TIMES = 20, 3
_NOBODY = "offline"


class Record(Struct, frozen=True, kw_only=True):
    """A model's past."""

    name: str
    model: str
    local: bool = True
    asked: int = 0
    """Answers that somebody broke off do not count, nor questions that were at fault."""
    worked: int = 0
    up: int = 0
    down: int = 0
    first_s: float | None = None
    """Until the first word, the median of the latest; None where there are too few."""
    seconds: float | None = None
    completion: float | None = None
    """Tokens of an answer, on average."""
    cost: float = 0.0
    """Dollars for all of these answers; those of unknown price are not in it."""

    @property
    def confidence(self) -> float | None:
        """How sure it is of an answer: how often it gives one, times how often the person liked
        it. None until they said so once: an answer that came is no good answer yet."""
        if not self.up + self.down:
            return None
        liked = (self.up + 1) / (self.up + self.down + 2)
        return liked * (self.worked / self.asked if self.asked else 1.0)


class History:
    """The past of all models."""

    def __init__(
        self,
        rows: Iterable[Routed] = (),
        keep: Callable[[Routed], None] = lambda row: None,
    ) -> None:
        """``rows`` are the oldest first; ``keep`` gets each new one, and may not wait."""
        self._keep = keep
        self._rows: dict[tuple[str, str], deque[Routed]] = {}
        for row in rows:
            self._add(row)

    def note(self, row: Routed) -> None:
        """An answer is over."""
        self._add(row)
        self._keep(row)

    def rated(self, row: Routed) -> None:
        """The person said what they think of it: the row as it is now."""
        past = self._rows.get((row.name, row.model), deque())
        for at, one in enumerate(past):
            if (one.decision, one.phase, one.time) == (row.decision, row.phase, row.time):
                past[at] = replace(one, thumb=row.thumb)

    def rows(self, name: str, model: str) -> list[Routed]:
        """Those that count, the oldest first."""
        return list(self._rows.get((name, model), ()))

    def record(self, name: str, model: str) -> Record:
        """The past of a model; of one that was never asked, an empty one."""
        rows = self._rows.get((name, model), ())
        over = [one for one in rows if one.outcome in ("worked", "failed")]
        worked = [one for one in over if one.outcome == "worked"]
        firsts = [one.first_s for one in worked if one.first_s >= 0][-_MOST_TIMES:]
        enough = len(firsts) >= _FEWEST_TIMES
        return Record(
            name=name,
            model=model,
            local=rows[-1].local if rows else True,
            asked=len(over),
            worked=len(worked),
            up=sum(one.thumb > 0 for one in rows),
            down=sum(one.thumb < 0 for one in rows),
            first_s=median(firsts) if enough else None,
            seconds=median(one.seconds for one in worked[-_MOST_TIMES:]) if enough else None,
            completion=fmean(one.completion for one in worked) if worked else None,
            cost=sum(one.cost for one in rows if one.cost > 0),
        )

    def records(self) -> list[Record]:
        """Those of all models that were asked, by name."""
        return [self.record(name, model) for name, model in sorted(self._rows)]

    def _add(self, row: Routed) -> None:
        if row.name != _NOBODY:
            self._rows.setdefault((row.name, row.model), deque(maxlen=MOST_ROWS)).append(row)

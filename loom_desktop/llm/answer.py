"""An answer on its way, and the route it came by."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import msgspec

from loom_desktop.llm import Delta, Usage


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers, and why that one."""

    name: str
    """As in ``[llm.NAME]``, or the name of what was found."""
    model: str
    local: bool
    reason: str
    """A sentence or two for a person."""
    room: int = 6_000
    """Tokens of a prompt for it; the rest of what it can read is for its answer."""
    counted_as: str = ""
    """The key of what counts its tokens."""

    @property
    def words(self) -> str:
        """As every answer shows it: ``local · llama3.2``, ``cloud · deepseek-chat``."""
        place = "offline" if self.name == "offline" else "local" if self.local else "cloud"
        return f"{place} · {self.model}"


@dataclass(slots=True)
class Answer:
    """An answer on its way: iterate over it once. What it knows grows while it comes."""

    route: Route | None = None
    """Who answers; known with the first piece."""
    text: str = ""
    """What came so far, also after an error or a cancel."""
    usage: Usage | None = None
    """Counted by the server, else estimated when the answer ends; of two answers, both."""
    cost: float | None = None
    """Dollars: 0 on this computer, None when it is not known."""
    decision: int = 0
    """What the rows of ``store.routes`` call it."""
    seconds: float = 0.0
    first_s: float = 0.0
    """Until the first piece."""
    begun: bool = False
    """Something came."""
    deltas: AsyncGenerator[Delta, None] | None = field(default=None, repr=False)
    """Where it comes from."""

    def __aiter__(self) -> AsyncGenerator[Delta, None]:
        assert self.deltas, "an answer comes from Router.answer"
        return self.deltas

    def add(self, usage: Usage, cost: float | None) -> None:
        """One of the models that were asked for it is done."""
        if self.usage is None:
            self.usage, self.cost = usage, cost
            return
        self.usage = Usage(
            self.usage.prompt + usage.prompt,
            self.usage.completion + usage.completion,
            estimated=self.usage.estimated or usage.estimated,
        )
        self.cost = None if self.cost is None or cost is None else self.cost + cost

    async def aclose(self) -> None:
        """Hang up."""
        if self.deltas:
            await self.deltas.aclose()

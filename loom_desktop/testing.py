"""For people who write agents: a whole Loom with a clock you move and a model that says your lines.

    async with loom_for_tests(tmp_path, agent, says=["Hello."]) as loom:
        answer = await answer_of(loom, "hi there, who is this?")
        assert answer.payload["text"] == "Hello."

Store, bus, broker and runtime are the real ones; nothing is asked of a keyring, a screen or the
network.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from loom_desktop.event import Event, Privacy
from loom_desktop.loom import Loom
from loom_desktop.paths import Paths
from loom_desktop.settings import Settings

if TYPE_CHECKING:
    from loom_desktop.llm import Asker, Call, Delta, Facts, Message, Tool
    from loom_desktop.llm.router import Router
    from loom_desktop.runtime import Agent

    Line = str | Exception | Sequence[Call]

A_FRIDAY = 1_795_161_600.0
"""2026-11-20 08:00 UTC."""


class FakeClock:
    """A wall clock that moves when you say so."""

    def __init__(self, now: float = A_FRIDAY) -> None:
        self.now = now

    def __call__(self) -> float:
        """Seconds since 1970."""
        return self.now

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class ScriptedModel:
    """A model that says your lines, one for each question; an exception among them is raised, and
    a list of calls is what it wants done."""

    def __init__(self, says: Iterable[Line], *, local: bool = True) -> None:
        self.asked: list[Sequence[Message]] = []
        """What it was asked, question by question."""
        self.tools: list[Sequence[Tool]] = []
        """What it might have called, question by question."""
        self._lines, self._local = list(says), local

    @property
    def facts(self) -> Facts:
        """A model called ``scripted``."""
        from loom_desktop.llm import Facts

        return Facts(name="scripted", kind="openai", model="scripted", local=self._local)

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[Tool] = (),
        max_tokens: int | None = None,
        temperature: float | None = None,
        schema: dict[str, Any] | None = None,
        asker: Asker | None = None,
    ) -> AsyncGenerator[Delta, None]:
        """The next line, word by word."""
        from loom_desktop.llm import Finish, Text, ToolCall

        self.asked.append(list(messages))
        self.tools.append(tools)
        line = self._lines.pop(0) if self._lines else "(no more lines)"
        if isinstance(line, Exception):
            raise line
        if not isinstance(line, str):
            for index, call in enumerate(line):
                yield ToolCall(index=index, id=call.id, name=call.name, arguments=call.arguments)
            yield Finish("tool_calls")
            return
        for word in re.findall(r"[^ ]* ?", line)[:-1]:
            await asyncio.sleep(0)
            yield Text(word)
        yield Finish("stop")

    async def models(self) -> list[str]:
        """It knows itself."""
        return ["scripted"]


@asynccontextmanager
async def loom_for_tests(
    folder: Path,
    *agents: Agent,
    says: Iterable[Line] | None = None,
    model: ScriptedModel | None = None,
    clock: Callable[[], float] | None = None,
    settings: Settings | None = None,
    listening: bool = False,
    desktop: bool = False,
    zone: str = "Europe/Berlin",
) -> AsyncIterator[Loom]:
    """A Loom in a folder of its own. Without lines there is no model, and the skills answer."""
    place = Paths(folder, folder / "data", folder / "cache", folder / "logs", folder)
    scripted = model or (ScriptedModel(says) if says is not None else None)
    loom = Loom(
        settings or Settings(),
        paths=place,
        key=bytes(range(32)),
        clock=clock or FakeClock(),
        zone=ZoneInfo(zone),
        listening=listening,
        desktop=desktop,
        router=_routing(scripted),
    )
    async with loom:
        for agent in agents:
            loom.supervisor.start(agent)
        yield loom


async def answer_of(loom: Loom, text: str, **arguments: Any) -> Event:
    """Ask, and return the event that ends the answer."""
    last: Event | None = None
    async with asyncio.timeout(20):
        async for event in loom.talk("ask", text=text, door="test", **arguments):
            last = event
    assert last is not None
    return last


async def next_event(loom: Loom, pattern: str, *, timeout_s: float = 10.0) -> Event:
    """The next event that matches. Start waiting before you cause it: ``asyncio.gather``."""
    found: asyncio.Future[Event] = asyncio.get_running_loop().create_future()

    def take(event: Event) -> None:
        if not found.done():
            found.set_result(event)

    stop = loom.bus.subscribe(pattern, take)
    try:
        async with asyncio.timeout(timeout_s):
            return await found
    finally:
        stop()


def _routing(scripted: ScriptedModel | None) -> Callable[[Loom], Router]:
    def make(loom: Loom) -> Router:
        from loom_desktop.llm.providers.offline import Offline
        from loom_desktop.llm.router import Policy, Router
        from loom_desktop.net import Net

        models: list[Any] = [scripted] if scripted else []
        net = Net(loom.store.ledger, local_only=True)
        return Router(models, net, None, Policy(privacy=Privacy.PRIVATE), offline=Offline())

    return make

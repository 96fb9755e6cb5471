"""Models that say what a test wants, a router of them, and how it is asked."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any

from loom_desktop.errors import Unavailable
from loom_desktop.event import Privacy
from loom_desktop.llm import Asker, Delta, Facts, Finish, Message, Provider, Text, Tool, Usage
from loom_desktop.llm.providers.offline import Offline
from loom_desktop.llm.router import Answer, Policy, Router
from loom_desktop.net import Net

TYPED = frozenset({"user-typed"})
HELLO = [Message("user", "hello, my key is sk-1234")]


class Model:
    """A provider that says what the test wants."""

    def __init__(
        self,
        name: str,
        *,
        local: bool = True,
        fails: Exception | None = None,
        after: str = "",
        counted: bool = True,
        says: str = "",
        takes_s: float = 0.0,
        clock: Hands | None = None,
        ends: str = "stop",
        hidden: Sequence[Delta] = (),
        **facts: Any,
    ) -> None:
        endpoint = "127.0.0.1:1" if local else f"{name}.example:443"
        self.facts = Facts(
            name=name, kind="openai", model=f"{name}-7b", local=local, endpoint=endpoint, **facts
        )
        self.says, self.takes_s, self.clock = says or f"I am {name}", takes_s, clock
        self.ends, self.hidden = ends, hidden
        self.how: list[dict[str, Any]] = []
        self.fails, self.after, self.counted = fails, after, counted
        self.asked: list[tuple[Sequence[Message], Asker]] = []

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[Tool] = (),
        max_tokens: int | None = None,
        temperature: float | None = None,
        schema: dict[str, Any] | None = None,
        asker: Asker = Asker(),  # noqa: B008 - frozen
    ) -> AsyncGenerator[Delta, None]:
        self.asked.append((messages, asker))
        self.how.append({"tools": tools, "max_tokens": max_tokens, "schema": schema})
        if self.clock:
            self.clock.now += self.takes_s
        for one in self.hidden:
            yield one
        if self.after:
            yield Text(self.after)
        if self.fails:
            raise self.fails
        yield Text(self.says)
        if self.counted:
            yield Usage(1_000_000, 2)
        yield Finish(self.ends)

    async def models(self) -> list[str]:
        return [self.facts.model]


class Hands:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


DOWN = Unavailable("It did not answer (connection refused).", hint="Start it.")


def router(net: Net, *models: Provider, policy: Policy | None = None, **how: Any) -> Router:
    how = {"discovery": None, "offline": Offline(), **how}
    return Router(
        models, net, policy=policy or Policy(redact=lambda t: t.replace("sk-1234", "█")), **how
    )


async def text(answer: Answer) -> str:
    async for _ in answer:
        pass
    return answer.text


def ask(
    router: Router, privacy: Privacy = Privacy.PRIVATE, origin: frozenset[str] = TYPED
) -> Answer:
    return router.answer(HELLO, privacy=privacy, origin=origin, agent="chat", thread=3)

"""Brain: the way to models and the thinker over it, made of the parts of one engine."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

from loom_desktop import clock
from loom_desktop.actions import Broker, Call, Capability, Result
from loom_desktop.cognition import Past, Said, Thinker, World
from loom_desktop.event import Event
from loom_desktop.settings import Settings
from loom_desktop.store import Store
from loom_desktop.text.facts import PERSON

if TYPE_CHECKING:
    from loom_desktop.llm.router import Router
    from loom_desktop.runtime.context import CapabilityContext
    from loom_desktop.runtime.conversations import Recorder

_MOST_HISTORY = 400
"""Messages of a conversation that may come into a prompt."""
_MOST_STEERED = 20
_MOST_KNOWN, _MOST_FITTING = 30, 6
_RELEVANT = 0.034
"""Of a rank: all three lists have it near their top. Where few things are remembered, the lists of
letters and vectors have all of them, so a word in common counts as well."""


class Brain:
    """One for the whole engine."""

    def __init__(
        self,
        broker: Broker,
        store: Store,
        *,
        settings: Callable[[], Settings],
        recorder: Callable[[], Recorder],
        families: Callable[[], Iterable[str]],
        make: Callable[[], Awaitable[Router]],
        ask: Callable[[int, str], object],
    ) -> None:
        """``families`` of capabilities that can be loaded; ``make``: what makes the way to models
        when somebody thinks for the first time; ``ask`` a question in a conversation."""
        self._broker, self._store, self._settings = broker, store, settings
        self._recorder, self._families, self._make, self._ask = recorder, families, make, ask
        self.current: Router | None = None
        """The way to models, once somebody has thought."""
        self._making = asyncio.Lock()
        self._steered: defaultdict[int, list[str]] = defaultdict(list)
        self.thinker = Thinker(
            World(
                invoke=self._invoke,
                router=self.router,
                history=self._history,
                capabilities=self._capabilities,
                recall=self._recall,
                steer=lambda thread: self._steered.pop(thread, []),
                settings=lambda: settings().thinking,
                clock=clock.monotonic,
            )
        )

    async def router(self) -> Router:
        """The way to models, made when somebody thinks for the first time."""
        async with self._making:
            if self.current is None:
                self.current = await self._make()
            return self.current

    async def close(self) -> None:
        """Hang up everywhere. Who thinks next makes the way anew."""
        async with self._making:
            router, self.current = self.current, None
        if router is not None:
            await router.close()

    def steer(self, thread: int, words: str) -> None:
        """The person says something to an answer on its way: it is heard before its next step."""
        self._steered[thread] = [*self._steered[thread], words][-_MOST_STEERED:]

    def hear(self, event: Event) -> None:
        """An answer ended. What was said to it and it did not hear is asked next; what the person
        stopped is over."""
        if event.topic in ("chat.answered", "chat.failed", "chat.cancelled"):
            words = self._steered.pop(event.begins, [])
            if words and event.topic != "chat.cancelled":
                # once everybody has heard that the answer ended
                ask = asyncio.get_running_loop().call_soon
                ask(self._ask, event.begins, "\n\n".join(words))

    async def _invoke(
        self,
        ctx: CapabilityContext,
        name: str,
        arguments: dict[str, Any],
        given: tuple[str, ...],
        by_model: bool = False,
    ) -> Result:
        given = tuple(path for path in given if path in ctx.named)
        call = Call(agent=ctx.agent, cause=ctx.event, ctx=ctx, given=given, by_model=by_model)
        return await self._broker.invoke(name, arguments, call)

    async def _history(self, conversation: int, turn: int) -> Past:
        await self._recorder().settled()
        kept = self._store.conversations
        messages = await kept.messages(conversation, limit=_MOST_HISTORY)
        said = [
            Said(one.role, one.text, one.origin, one.privacy)
            for one in messages
            if one.turn < turn and one.text and one.state not in ("failed", "streaming")
        ]
        older = 0
        if len(messages) == _MOST_HISTORY:
            older = await kept.count(conversation) - _MOST_HISTORY
        return Past(said, older)

    async def _recall(self, ctx: CapabilityContext, text: str) -> list[str]:
        """What is known of the person, and what fits the question; nothing more private than that,
        and nothing that strangers wrote where the question is the person's own."""
        if not self._settings().memory.recall:
            return []
        from loom_desktop.cognition.toolbox import stems

        level, trusted = ctx.event.privacy, not ctx.event.tainted
        known = await ctx.memory.query(
            kind="semantic", limit=_MOST_KNOWN, trusted=trusted, privacy=level
        )
        fitting = await ctx.memory.query(text, limit=_MOST_FITTING, trusted=trusted, privacy=level)
        found = [one for one in known if one.subject == PERSON]
        about = stems(text)
        found += [one for one in fitting if one.score > _RELEVANT or about & stems(one.text)]
        return list(dict.fromkeys(one.text for one in found))

    async def _capabilities(self) -> list[Capability]:
        for family in self._families():  # one at a time: some take long to load
            self._broker.directory([family])
            await asyncio.sleep(0)
        return self._broker.directory()

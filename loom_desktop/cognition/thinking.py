"""Thinking: a skill when the phrase is one, else a model, else what can be done without.

Arithmetic, reminders and the like go to their skill even when there is a model: the skill is right
every time, at once and for nothing. Summaries and documents go to a model when one may see them,
and to the skill when none is there. Whoever answered is said with the answer.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from msgspec.structs import replace

from loom_desktop.actions import Capability, Result
from loom_desktop.clock import Clock
from loom_desktop.cognition.step import Step
from loom_desktop.errors import (
    Denied,
    LoomError,
    NotFound,
    NotUnderstood,
    SettingsError,
    TimedOut,
    Unavailable,
    UsageError,
)
from loom_desktop.event import Event, Privacy

if TYPE_CHECKING:
    from loom_desktop.cognition import skills
    from loom_desktop.cognition.loop import Way
    from loom_desktop.cognition.toolbox import BrokerTools
    from loom_desktop.llm import Message, Tool
    from loom_desktop.llm.router import Answer, Route, Router
    from loom_desktop.settings import Thinking
    from loom_desktop.text.extract import Document

log = logging.getLogger(__name__)
_ERRORS: dict[str, type[LoomError]] = {
    "DENIED": Denied,
    "INVALID_PARAMS": UsageError,
    "PROVIDER_UNAVAILABLE": Unavailable,
    "ACTION_TIMEOUT": TimedOut,
}


class Picture(Protocol):
    """As a model takes it."""

    @property
    def media_type(self) -> str:
        """``image/png`` ..."""

    @property
    def data(self) -> bytes:
        """Byte for byte."""


class Asker(Protocol):
    """The context on whose behalf is thought."""

    agent: str
    event: Event

    @property
    def now(self) -> datetime:
        """The person's time."""

    def absorb(self, origin: frozenset[str], privacy: Privacy | None = None) -> None:
        """What is made from now on carries these labels, too."""

    async def clip(self, wanted: str = "") -> str:
        """What was copied."""

    async def read(self, path: str) -> Document:
        """A document."""

    async def picture(self, path: str) -> Picture | None:
        """A picture; None when the file is none."""


class Said(NamedTuple):
    """Something said before, and its labels."""

    role: str
    text: str
    origin: frozenset[str]
    privacy: Privacy


class Past(NamedTuple):
    """What was said before: the newest, oldest first, and how many older messages there are."""

    said: list[Said]
    more: int = 0


History = Callable[[int, int], Awaitable[Past]]
"""(conversation, turn) -> what was said before that turn."""


class Invoke(Protocol):
    """Through the broker."""

    async def __call__(
        self,
        ctx: Any,
        name: str,
        arguments: dict[str, Any],
        given: tuple[str, ...],
        by_model: bool = False,
    ) -> Result:
        """``given``: paths that the person named."""


class World(NamedTuple):
    """What thinking needs of the engine around it."""

    invoke: Invoke
    router: Callable[[], Awaitable[Router]]
    history: History
    capabilities: Callable[[], Awaitable[list[Capability]]]
    """Everything that can be called, also what nobody has called so far."""
    recall: Callable[[Any, str], Awaitable[list[str]]]
    """What is remembered and may help; its labels come with it."""
    steer: Callable[[int], list[str]]
    """What the person said meanwhile in a conversation that is being answered, taken out."""
    settings: Callable[[], Thinking]
    clock: Clock


class How(NamedTuple):
    """How a question is to be worked on."""

    way: str = ""
    """See ``loop``; empty: as the settings say."""
    model: str = ""
    """The one of that name answers, no other and no skill."""
    phases: bool = False
    """Whether who asks can show a quick answer and a better one in its place."""


_WITH_TOOLS = ("react", "plan")


class Thinker:
    """Answers. One for the whole engine; holds no state of a conversation."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._plain: set[str] = set()
        """Models that refused tools: they are told of them in words from then on."""

    async def converse(
        self, ctx: Asker, text: str, *, files: list[str], clip: str, how: How | None = None
    ) -> AsyncGenerator[Step, None]:
        """The answer step by step; the last step is ``done``. Raises LoomError."""
        how = how or How()
        begun = self._world.clock()
        copied = await ctx.clip(clip) if clip else ""
        from loom_desktop.cognition import skills

        phrase = skills.Phrase(text, tuple(files), copied, ctx.now)
        wish = None if how.model else skills.understand(phrase)
        if wish and not wish.better_with_model:
            answer = self._by_skill(ctx, wish, files, begun)
        elif wish:
            answer = self._by_better(ctx, wish, phrase, begun, how)
        else:
            answer = self._by_model(ctx, phrase, begun, how)
        async with aclosing(answer) as steps:
            async for step in steps:
                yield step

    async def _by_skill(
        self, ctx: Asker, wish: skills.Wish, files: list[str], begun: float
    ) -> AsyncGenerator[Step, None]:
        result = await self._world.invoke(ctx, wish.capability, wish.arguments, tuple(files))
        if not result.ok:
            raise error_of(result)
        value = result.value
        yield Step(kind="text", text=value["text"])
        yield self._done(f"offline · {wish.skill}", "", begun, chips=value.get("chips", []))

    async def _by_better(
        self, ctx: Asker, wish: skills.Wish, phrase: skills.Phrase, begun: float, how: How
    ) -> AsyncGenerator[Step, None]:
        """A model where one may see it; what came of it stands, else the skill does it."""
        try:
            router = await self._world.router()
            route = await router.route(ctx.event.privacy, ctx.event.origin, agent=ctx.agent)
        except SettingsError as error:  # a mistake about models stops no skill
            log.warning("the skill answers: %s %s", error.message, error.hint)
            async for step in self._by_skill(ctx, wish, list(phrase.files), begun):
                yield step
            return
        if route.name != "offline":
            if wish.capability == "text.summarize_clipboard":
                phrase = replace(phrase, clip=await ctx.clip())
            said = False
            try:
                async with aclosing(self._by_model(ctx, phrase, begun, how)) as steps:
                    async for step in steps:
                        said = said or step.kind == "text"
                        yield step
                return
            except (Unavailable, TimedOut, NotFound) as error:
                if said:
                    raise
                log.info("the skill answers: %s", error)
        async for step in self._by_skill(ctx, wish, list(phrase.files), begun):
            yield step

    async def _by_model(
        self, ctx: Asker, phrase: skills.Phrase, begun: float, how: How
    ) -> AsyncGenerator[Step, None]:
        from loom_desktop.cognition.loop import Limits, Loop
        from loom_desktop.cognition.prompt import Attachment, Wanted, build
        from loom_desktop.llm import Image

        attachments, images = list[Attachment](), list[Image]()
        for path in phrase.files:
            if (picture := await ctx.picture(path)) is not None:
                images.append(Image(picture.media_type, picture.data))
            else:
                text = (await ctx.read(path)).text
                attachments.append(Attachment(path.rpartition("/")[2], text))
        if phrase.clip:
            attachments.append(Attachment("clipboard", phrase.clip))
        world, thread = self._world, ctx.event.begins
        past = await world.history(thread, ctx.event.id)
        for one in past.said:  # the answer is made from this, too
            ctx.absorb(one.origin, one.privacy)
        memories = await world.recall(ctx, phrase.text)
        mark = os.urandom(4).hex()
        router, wanted = await world.router(), world.settings()
        route = await router.route(
            ctx.event.privacy, ctx.event.origin, agent=ctx.agent, only=how.model
        )
        toolbox = await self._toolbox(ctx, phrase, route, how)
        built = build(
            Wanted(
                question=phrase.text,
                mark=mark,
                history=[(one.role, one.text) for one in past.said],
                more=past.more,
                attachments=attachments,
                images=images,
                memories=memories,
                persona=wanted.persona,
                now=ctx.now,
                tools=toolbox.tokens,
                room=route.room,
                count=router.counter(route),
            )
        )
        answers: list[Answer] = []

        def ask(
            messages: list[Message], tools: Sequence[Tool], schema: dict[str, Any] | None
        ) -> Answer:
            event = ctx.event  # its labels may have grown with the result of a call
            answers.append(
                router.answer(
                    messages,
                    privacy=event.privacy,
                    origin=event.origin,
                    agent=ctx.agent,
                    thread=thread,
                    turn=event.id,
                    tools=tools,
                    schema=schema,
                    phases=how.phases and not toolbox.tools and schema is None,
                    only=how.model,
                )
            )
            return answers[-1]

        limits = Limits(
            steps=wanted.steps, tokens=wanted.tokens, seconds=wanted.seconds,
            dollars=router.dollars(ctx.agent),
        )  # fmt: skip
        loop = Loop(
            ask, toolbox, mark=mark, clock=world.clock, limits=limits,
            steer=lambda: world.steer(thread), native=route.words not in self._plain,
            room=route.room, count=router.counter(route),
        )  # fmt: skip
        async with aclosing(
            loop.run(_way(how.way or wanted.way, toolbox), built.messages)
        ) as steps:
            async for step in steps:
                yield step
        answered = answers[-1].route
        if answered is None:
            raise Unavailable("No model answered.", hint="Try again.")
        if not loop.native:
            self._plain.add(route.words)
        yield self._done(
            answered.words,
            "" if answered.name == "offline" else answered.model,
            begun,
            cost=loop.spent.cost,
            reason=answered.reason,
            left_out=[*built.left_out, *loop.left_out],
            steps=loop.spent.steps,
            estimated=loop.spent.estimated,
        )

    async def _toolbox(
        self, ctx: Asker, phrase: skills.Phrase, route: Route, how: How
    ) -> BrokerTools:
        """All of them for a model elsewhere; one on this computer reads slowly. None where words of
        strangers are read, unless the person asked for tools with this very question."""
        from loom_desktop.cognition.toolbox import FEW, BrokerTools, fitting

        there: list[Capability] = []
        wanted = self._world.settings()
        read_only = ctx.event.tainted and not (ctx.event.asked and how.way in _WITH_TOOLS)
        if wanted.tools != "never" and route.name != "offline" and not read_only:
            there = await self._world.capabilities()
            if wanted.tools == "auto" and route.local:
                there = fitting(there, phrase.text, FEW)

        async def invoke(name: str, arguments: dict[str, Any]) -> Result:
            return await self._world.invoke(
                ctx, name, arguments, tuple(phrase.files), by_model=True
            )

        return BrokerTools(there, invoke)

    def _done(
        self,
        route: str,
        model: str,
        begun: float,
        *,
        cost: float | None = 0.0,
        reason: str = "",
        chips: list[dict[str, str]] | None = None,
        left_out: list[str] | None = None,
        steps: int = 1,
        estimated: bool = False,
    ) -> Step:
        return Step(
            kind="done",
            facts={
                "route": route,
                "model": model,
                "seconds": round(self._world.clock() - begun, 3),
                "cost": cost,
                "reason": reason,
                "chips": chips or [],
                "left_out": left_out or [],
                "steps": steps,
                "estimated": estimated,
            },
        )


def _way(wanted: str, toolbox: BrokerTools) -> Way:
    """``auto``: with tools where there are some."""
    if wanted == "auto":
        return "react" if toolbox.tools else "direct"
    return cast("Way", wanted)


def error_of(result: Result) -> LoomError:
    """What a call that was not done is to a person."""
    kind = _ERRORS.get(result.code, NotUnderstood)
    return kind(result.message, hint=result.hint)

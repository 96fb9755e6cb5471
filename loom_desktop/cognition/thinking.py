"""Thinking: a skill when the phrase is one, else a model, else what can be done without.

Arithmetic, reminders and the like go to their skill even when there is a model: the skill is right
every time, at once and for nothing. Summaries and documents go to a model when one may see them,
and to the skill when none is there. Whoever answered is said with the answer.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import msgspec
from msgspec.structs import replace

from loom_desktop.actions import Result
from loom_desktop.clock import Clock
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
    from loom_desktop.llm.router import Router
    from loom_desktop.text.extract import Document

log = logging.getLogger(__name__)
_ERRORS: dict[str, type[LoomError]] = {
    "DENIED": Denied,
    "INVALID_PARAMS": UsageError,
    "PROVIDER_UNAVAILABLE": Unavailable,
    "ACTION_TIMEOUT": TimedOut,
}


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of an answer on its way."""

    kind: Literal["text", "done"]
    text: str = ""
    facts: dict[str, Any] = {}
    """With ``done``: route, model, seconds, cost (None: not known), reason, chips, left_out."""


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


class Said(NamedTuple):
    """Something said before, and its labels."""

    role: str
    text: str
    origin: frozenset[str]
    privacy: Privacy


History = Callable[[int, int], Awaitable[list[Said]]]
"""(conversation, turn) -> what was said before that turn, oldest first."""
Invoke = Callable[[Any, str, dict[str, Any], tuple[str, ...]], Awaitable[Result]]
"""Through the broker; the paths are those that the person named."""


class Thinker:
    """Answers. One for the whole engine; holds no state of a conversation."""

    def __init__(
        self,
        invoke: Invoke,
        router: Callable[[], Awaitable[Router]],
        history: History,
        clock: Clock,
    ) -> None:
        self._invoke, self._router, self._history, self._clock = invoke, router, history, clock

    async def converse(
        self, ctx: Asker, text: str, *, files: list[str], clip: str
    ) -> AsyncGenerator[Step, None]:
        """The answer step by step; the last step is ``done``. Raises LoomError."""
        begun = self._clock()
        copied = await ctx.clip(clip) if clip else ""
        from loom_desktop.cognition import skills

        phrase = skills.Phrase(text, tuple(files), copied, ctx.now)
        wish = skills.understand(phrase)
        if wish and not wish.better_with_model:
            answer = self._by_skill(ctx, wish, files, begun)
        elif wish:
            answer = self._by_better(ctx, wish, phrase, begun)
        else:
            answer = self._by_model(ctx, phrase, begun)
        async with aclosing(answer) as steps:
            async for step in steps:
                yield step

    async def _by_skill(
        self, ctx: Asker, wish: skills.Wish, files: list[str], begun: float
    ) -> AsyncGenerator[Step, None]:
        result = await self._invoke(ctx, wish.capability, wish.arguments, tuple(files))
        if not result.ok:
            raise error_of(result)
        value = result.value
        yield Step(kind="text", text=value["text"])
        yield self._done(f"offline · {wish.skill}", "", begun, chips=value.get("chips", []))

    async def _by_better(
        self, ctx: Asker, wish: skills.Wish, phrase: skills.Phrase, begun: float
    ) -> AsyncGenerator[Step, None]:
        """A model where one may see it; what came of it stands, else the skill does it."""
        try:
            router = await self._router()
            route = await router.route(ctx.event.privacy, ctx.event.origin)
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
                async with aclosing(self._by_model(ctx, phrase, begun)) as steps:
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
        self, ctx: Asker, phrase: skills.Phrase, begun: float
    ) -> AsyncGenerator[Step, None]:
        from loom_desktop.cognition.prompt import Attachment, build
        from loom_desktop.llm import Text

        attachments = [Attachment(path.rpartition("/")[2], (await ctx.read(path)).text)
                       for path in phrase.files]  # fmt: skip
        if phrase.clip:
            attachments.append(Attachment("clipboard", phrase.clip))
        history = await self._history(ctx.event.begins, ctx.event.id)
        for one in history:  # the answer is made from this, too
            ctx.absorb(one.origin, one.privacy)
        event = ctx.event
        built = build(
            phrase.text,
            history=[(one.role, one.text) for one in history],
            attachments=attachments,
            mark=os.urandom(4).hex(),
        )
        router = await self._router()
        answer = router.answer(
            built.messages,
            privacy=event.privacy,
            origin=event.origin,
            agent=ctx.agent,
            thread=event.begins,
        )
        async with aclosing(aiter(answer)) as deltas:
            async for delta in deltas:
                if isinstance(delta, Text) and delta.text:
                    yield Step(kind="text", text=delta.text)
        route = answer.route
        if route is None:
            raise Unavailable("No model answered.", hint="Try again.")
        yield self._done(
            route.words,
            "" if route.name == "offline" else route.model,
            begun,
            cost=answer.cost,
            reason=route.reason,
            left_out=built.left_out,
        )

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
    ) -> Step:
        return Step(
            kind="done",
            facts={
                "route": route,
                "model": model,
                "seconds": round(self._clock() - begun, 3),
                "cost": cost,
                "reason": reason,
                "chips": chips or [],
                "left_out": left_out or [],
            },
        )


def error_of(result: Result) -> LoomError:
    """What a call that was not done is to a person."""
    kind = _ERRORS.get(result.code, NotUnderstood)
    return kind(result.message, hint=result.hint)

"""Language models: what is said to one, what comes back in pieces, and which one is asked.

A provider turns messages into a stream of pieces in its own wire format. The router decides which
provider may see the content, falls back when one is not there, and says which one answered.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any, Literal, Protocol

import msgspec

from loom_desktop.event import Privacy


class Image(msgspec.Struct, frozen=True):
    """A picture in a message."""

    media_type: str
    """``image/png`` ..."""
    data: bytes


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that the model wants to use, complete."""

    id: str
    name: str
    arguments: str
    """JSON as the model wrote it: data from outside, to be parsed and checked."""
    signature: str = ""
    """What some servers want back with the call, as they gave it."""


class Message(msgspec.Struct, frozen=True):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str
    images: tuple[Image, ...] = ()
    calls: tuple[Call, ...] = ()
    """What the assistant asked for in this turn."""
    answers: str = ""
    """Id of the call that a ``tool`` message answers."""


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """What a model is told about a capability."""

    name: str
    description: str
    parameters: dict[str, Any]
    """JSON schema of the arguments."""


class Text(msgspec.Struct, frozen=True, tag=True):
    """A piece of the answer, as markdown."""

    text: str


class Thinking(msgspec.Struct, frozen=True, tag=True):
    """A piece of what the model says to itself. It is no part of the answer."""

    text: str


class ToolCall(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A piece of a call. Pieces of one call have its ``index``; see ``calls``."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""
    signature: str = ""


class Usage(msgspec.Struct, frozen=True, tag=True):
    """How many tokens were read and written."""

    prompt: int
    completion: int
    estimated: bool = False
    """The server did not say, so we counted."""


class Finish(msgspec.Struct, frozen=True, tag=True):
    """The answer is over: ``stop``, ``length`` (cut off), ``tool_calls``, ``content_filter``."""

    reason: str


class Phase(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A quick answer begins, then a better one, then it is known what became of the quick one.

    Comes only to who asked for it (``Router.answer(phases=True)``). The text after ``refine``
    stands in the place of the text before it; ``kept``: there is no better one, the quick stands.
    """

    phase: Literal["quick", "refine", "settled"]
    target: Literal["local", "cloud", ""] = ""
    """Where it is answered."""
    outcome: Literal["confirmed", "replaced", "kept", ""] = ""
    """With ``settled``."""


Delta = Text | Thinking | ToolCall | Usage | Finish | Phase
"""A piece of an answer."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about a model before it is asked."""

    name: str
    """As in ``[llm.NAME]``."""
    kind: str
    model: str
    endpoint: str = ""
    """host:port"""
    api_base: str = ""
    local: bool = False
    """What is said to it stays on this computer."""
    context: int = 0
    """How many tokens it can read; 0 when unknown."""
    images: bool | None = None
    """Whether it reads images; None when unknown, and then it is tried."""
    tools: bool | None = None
    """Whether it uses tools; likewise."""


class Asker(msgspec.Struct, frozen=True, kw_only=True):
    """On whose behalf a model is asked, and how private the content is: for the ledger."""

    agent: str = ""
    thread: int = 0
    privacy: Privacy = Privacy.LOCAL_ONLY


class Provider(Protocol):
    """One model behind one endpoint. Each file of ``providers`` exports a class of this kind."""

    @property
    def facts(self) -> Facts:
        """Known without asking anybody."""

    def stream(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[Tool] = (),
        max_tokens: int | None = None,
        temperature: float | None = None,
        schema: dict[str, Any] | None = None,
        asker: Asker = Asker(),  # noqa: B008 - frozen
    ) -> AsyncGenerator[Delta, None]:
        """The answer as it comes. Close it or cancel to hang up.

        With ``schema`` the text of the answer is JSON, which most servers hold to that JSON
        schema; it is checked by who asks all the same.

        Raises Unavailable, TimedOut, NotFound (no such model), Denied (local only), UsageError (too
        long), SettingsError (the key). After the first piece nothing is tried again: what came is
        yours, then the error.
        """

    async def models(self) -> list[str]:
        """The names of the models its server has, empty when it does not say."""


def calls(pieces: Sequence[ToolCall]) -> list[Call]:
    """The pieces of a stream put together, in the order of their index."""
    by_index: dict[int, list[ToolCall]] = {}
    for piece in pieces:
        by_index.setdefault(piece.index, []).append(piece)
    made: dict[str, Call] = {}
    for index, parts in sorted(by_index.items()):
        given = next((one.id for one in parts if one.id), f"call_{index}")
        while given in made:  # some servers give one id twice
            given = f"{given}_{index}"
        made[given] = Call(
            id=given,
            name=next((one.name for one in parts if one.name), ""),
            arguments="".join(one.arguments for one in parts) or "{}",
            signature=next((one.signature for one in parts if one.signature), ""),
        )
    return list(made.values())

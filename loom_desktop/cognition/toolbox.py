"""Toolbox: capabilities as a model knows them, and what came of a call in words for it.

A model calls through the same broker as everybody; it is marked as a model there, and what it may
never do (settings, programs, money) it is not even told of.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import msgspec

from loom_desktop.actions import Capability, Result
from loom_desktop.cognition.loop import Outcome
from loom_desktop.llm import Tool
from loom_desktop.llm.tokens import estimate

_NEVER = frozenset({"settings", "execute", "spend"})
_WORD = re.compile(r"\w{3,}")
_STEM = 5
"""Letters of a word that count: ``reminders`` is ``reminder``, ``Erinnerung`` is ``erinnern``."""
FEW = 6
"""Tools that a model on this computer is told of: each costs it half a second of reading."""
Invoke = Callable[[str, dict[str, Any]], Awaitable[Result]]


class BrokerTools:
    """What one question may call."""

    def __init__(self, capabilities: Iterable[Capability], invoke: Invoke) -> None:
        self._named = {called(one.name): one for one in capabilities if one.effect not in _NEVER}
        self._invoke = invoke
        self.tools: Sequence[Tool] = [
            Tool(name=name, description=one.description, parameters=one.schema)
            for name, one in self._named.items()
        ]
        """By the names that a model may use."""

    @property
    def tokens(self) -> float:
        """What it costs to tell a model of them."""
        return sum(estimate(f"{one.name} {one.description} {one.parameters}") for one in self.tools)

    async def call(self, name: str, arguments: dict[str, Any]) -> Outcome:
        """Do it. Never raises for what the tool does."""
        result = await self._invoke(self._named[name].name, arguments)
        if not result.ok:
            return Outcome(False, " ".join(filter(None, (result.message, result.hint))))
        return Outcome(True, in_words(result.value))


def called(name: str) -> str:
    """``files.find`` as ``files-find``: no wire format takes a dot, and no name of ours has a
    hyphen."""
    return name.replace(".", "-")


def in_words(value: Any) -> str:
    """What a capability gave back, as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and isinstance(value.get("text"), str):
        return str(value["text"])
    return "" if value is None else msgspec.json.encode(value).decode()


def fitting(capabilities: Iterable[Capability], question: str, most: int) -> list[Capability]:
    """Those whose words stand in the question, the best first; none when none does."""
    wanted = stems(question)
    scored = [(len(wanted & stems(f"{one.name} {one.description}")), one) for one in capabilities]
    found = sorted((one for one in scored if one[0]), key=lambda one: (-one[0], one[1].name))
    return [one for _, one in found[:most]]


def stems(text: str) -> set[str]:
    """The beginnings of the words that say what it is about."""
    return {word[:_STEM] for word in _WORD.findall(text.lower().replace("_", " "))} - _COMMON


_COMMON = frozenset(
    word[:_STEM]
    for words in (
        "the and for with what that this from have you can your are not its all how when which",
        "where who die der das und mit was ist ein eine ich wie wann welche wer von den dem als",
        "auch auf nach about tell say does did was were will would could should please give make",
        "dass bitte sag mir mal über",
    )
    for word in words.split()
)
"""Words that stand in every question and say nothing of it."""

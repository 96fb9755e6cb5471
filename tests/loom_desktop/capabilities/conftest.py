"""A call of a capability in the name of the person."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from loom_desktop import Context, Event, Loom, Result
from loom_desktop.event import privacy_at_birth

TYPED = frozenset({"user-typed"})
Call = Callable[..., Awaitable[Result]]


@pytest.fixture
def call() -> Call:
    """``await call(loom, "notes.add", text="x")``."""

    async def invoke(loom: Loom, name: str, /, **arguments: Any) -> Result:
        cause = Event(topic="chat.asked", origin=TYPED, privacy=privacy_at_birth(TYPED))
        ctx = Context("chat", cause, loom.supervisor.parts, loom.tasks, {})
        return await ctx.tool(name, **arguments)

    return invoke

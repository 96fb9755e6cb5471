import functools
from typing import Any

import pytest

from loom_desktop import Agent, Context, Event


async def handle(ctx: Context, event: Event) -> None: ...


def test_an_agent_can_be_made_without_decorators() -> None:
    agent = Agent("plain", topics=["a.b", "c.>"], on_event=handle)
    assert agent.handlers == [("a.b", handle), ("c.>", handle)]
    assert (agent.at_once, agent.deadline_s) == (1, 0.0)


def test_one_function_may_listen_to_several_topics() -> None:
    agent = Agent("two")
    agent.on("a.b")(agent.on("c.d")(handle))
    assert [pattern for pattern, _ in agent.handlers] == ["c.d", "a.b"]


def test_the_older_word_is_the_same() -> None:
    assert Agent.on_event is Agent.on


class Called:
    async def __call__(self, ctx: Context, event: Event) -> None: ...


@pytest.mark.parametrize("handler", [functools.partial(handle), Called(), Called().__call__])
def test_whatever_is_async_may_handle(handler: Any) -> None:
    agent = Agent("any")
    agent.on("a.b")(handler)
    assert agent.handlers == [("a.b", handler)]


def test_a_handler_that_is_not_async_is_refused_by_name() -> None:
    def plain(ctx: Context, event: Event) -> None: ...

    wrong: Any = plain
    with pytest.raises(TypeError, match=r"plain, woken by 'a.b', must be defined with 'async def'"):
        Agent("wrong").on("a.b")(wrong)
    with pytest.raises(TypeError, match="async def"):
        Agent("wrong", topics=["a.b"], on_event=wrong)


@pytest.mark.parametrize("more", [{"room": 5}, {"when_full": "block"}])
def test_a_durable_one_with_a_room_is_refused_and_told_what_to_do(more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^lamp is durable.* Leave both out, or .*durable=True$"):
        Agent("lamp", durable=True, **more)

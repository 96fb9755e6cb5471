"""A model server of ours, a door to it, and a way to ask."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from loom_desktop.llm.attempts import Attempts, Turns
from loom_desktop.llm.providers.openai import OpenAI, Settings
from loom_desktop.net import Net
from tests.fake_model_server import FakeModelServer


class Lines:
    """A ledger in a list."""

    def __init__(self) -> None:
        self.begun: list[dict[str, Any]] = []
        self.outcomes: dict[int, str] = {}

    async def begin(self, host: str, port: int, **about: Any) -> int:
        self.begun.append({"host": host, "port": port, **about})
        return len(self.begun)

    def finish(self, id: int, *, bytes_out: int, bytes_in: int, outcome: str) -> None:  # noqa: A002
        self.outcomes[id] = outcome


async def no_secrets(name: str) -> str | None:
    return {"right": "sk-right-key", "wrong": "sk-wrong-key"}.get(name)


@pytest.fixture
async def server() -> AsyncIterator[FakeModelServer]:
    async with FakeModelServer() as running:
        yield running


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture
async def net(lines: Lines) -> AsyncIterator[Net]:
    door = Net(lines)
    yield door
    await door.close()


@pytest.fixture
def pauses() -> list[float]:
    """How long was waited between two tries; nobody really waits."""
    return []


@pytest.fixture
def attempts(net: Net, pauses: list[float]) -> Attempts:
    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    return Attempts(net, Turns(rest_s=0.0), pause=pause, chance=lambda: 0.5)


@pytest.fixture
def model(attempts: Attempts, server: FakeModelServer) -> Callable[..., OpenAI]:
    """A provider for the server; settings by name."""

    def make(name: str = "local", **settings: Any) -> OpenAI:
        told = {"api_base": server.url, "model": "fake-7b", "timeout_s": 5.0, **settings}
        return OpenAI(name, Settings(**told), attempts, no_secrets)

    return make

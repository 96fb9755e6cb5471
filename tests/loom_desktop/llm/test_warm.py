"""Ollama on this computer is told to load a model; nobody else is told anything."""

from __future__ import annotations

import json

import pytest

from loom_desktop.llm import Facts
from loom_desktop.llm.warm import Warmth
from loom_desktop.net import Net
from tests.fake_model_server import FakeModelServer


def facts(server: FakeModelServer, **more: object) -> Facts:
    told = {
        "name": "mine", "kind": "openai", "model": "llama3.2", "local": True,
        "endpoint": f"127.0.0.1:{server.port}", "api_base": server.url,
    }  # fmt: skip
    return Facts(**{**told, **more})  # type: ignore[arg-type]  # as the test says


def warmth(net: Net, server: FakeModelServer) -> Warmth:
    net.allow_local(f"127.0.0.1:{server.port}")
    return Warmth(net, keep_alive_s=600.0)


async def test_ollama_is_told_to_load_the_model_and_to_keep_it(net: Net) -> None:
    async with FakeModelServer(ollama=True) as server:
        warm = warmth(net, server)
        assert await warm.warm(facts(server))
        assert await warm.warm(facts(server))
    asked = [(one.method, one.path) for one in server.requests]
    load = ("POST", "/api/generate")
    assert asked == [("GET", "/api/version"), load, load], "who it is is asked once"
    assert json.loads(server.requests[1].body) == {"model": "llama3.2", "keep_alive": "600s"}


async def test_another_server_is_told_nothing(net: Net) -> None:
    async with FakeModelServer() as server:
        assert not await warmth(net, server).warm(facts(server))
    assert [one.path for one in server.requests] == ["/api/version"]


@pytest.mark.parametrize(
    "more",
    [
        {"local": False},  # one of Ollama's own that it passes on to its maker's computers
        {"local": False, "api_base": "https://api.example.org/v1"},
        {"api_base": "https://api.example.org/v1"},
        {"api_base": "http://192.168.1.5:11434/v1"},
        {"api_base": ""},
        {"model": ""},
    ],
)
async def test_nothing_is_said_to_what_is_elsewhere(net: Net, more: dict[str, object]) -> None:
    async with FakeModelServer(ollama=True) as server:
        assert not await warmth(net, server).warm(facts(server, **more))
    assert not server.requests


async def test_a_server_that_is_gone_is_no_trouble(net: Net) -> None:
    async with FakeModelServer(ollama=True) as server:
        warm = warmth(net, server)
    assert not await warm.warm(facts(server))

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.llm.discovery import AGAIN_S, Discovery, _ollama, _openai, talks
from loom_desktop.net import Net
from tests.fake_model_server import FakeModelServer


class Hands:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_a_server_that_runs_is_found_with_its_models(
    server: FakeModelServer, net: Net
) -> None:
    server.models, server.ollama = ("llama3.2:3b", "nomic-embed-text:latest"), True
    (found,) = await Discovery(net, ports={server.port: "Ollama"}).find()
    assert (found.called, found.name) == ("Ollama", "ollama")
    assert found.api_base == server.url
    assert found.models == ("llama3.2:3b",)


@pytest.mark.parametrize("called", ["LM Studio", "llama.cpp", "Ollama"])
async def test_a_server_that_only_lists_the_usual_way_is_found(
    called: str, server: FakeModelServer, net: Net
) -> None:
    (found,) = await Discovery(net, ports={server.port: called}).find()
    assert found.models == ("fake-7b",)


async def test_where_nothing_runs_nothing_is_found_and_nothing_is_asked(
    net: Net, lines: Any
) -> None:
    async with FakeModelServer() as one, FakeModelServer() as two:
        ports = {one.port: "Ollama", two.port: "llama.cpp"}
    begun = time.perf_counter()
    assert await Discovery(net, ports=ports).find() == ()
    assert time.perf_counter() - begun < 0.6
    assert lines.begun == []


async def test_something_else_on_the_port_is_no_model_server(net: Net) -> None:
    async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n<h1>Hi!</h1>")
        await writer.drain()
        writer.close()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    one = await asyncio.start_server(web, "127.0.0.1", 0)
    two = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with one, two:
        ports = {s.sockets[0].getsockname()[1]: c for s, c in ((one, "llama.cpp"), (two, "Ollama"))}
        async with asyncio.timeout(5):
            assert await Discovery(net, ports=ports).find() == ()
        await net.close()


async def test_servers_are_asked_at_the_same_time_and_kept_in_order(net: Net) -> None:
    async with FakeModelServer(models=("a",)) as one, FakeModelServer(models=("b",)) as two:
        found = await Discovery(net, ports={two.port: "llama.cpp", one.port: "Ollama"}).find()
    assert [one.models for one in found] == [("b",), ("a",)]


async def test_it_looks_again_after_a_while_and_not_before(net: Net) -> None:
    clock = Hands()
    async with FakeModelServer() as server:
        discovery = Discovery(net, ports={server.port: "Ollama"}, clock=clock)
        assert await discovery.find()
        asked = len(server.requests)
        clock.now += AGAIN_S - 0.1
        assert await discovery.find()
        assert len(server.requests) == asked
    assert await discovery.find()
    clock.now += 0.1
    assert await discovery.find() == ()


async def test_many_who_ask_at_once_cause_one_look(server: FakeModelServer, net: Net) -> None:
    discovery = Discovery(net, ports={server.port: "llama.cpp"})
    found = await asyncio.gather(*(discovery.find() for _ in range(10)))
    assert all(found)
    assert len(server.requests) == 1


async def test_what_is_forgotten_is_looked_for_again(net: Net) -> None:
    async with FakeModelServer() as server:
        discovery = Discovery(net, ports={server.port: "llama.cpp"})
        assert await discovery.find()
    discovery.forget()
    assert await discovery.find() == ()


async def test_local_only_does_not_hinder_it(server: FakeModelServer, net: Net) -> None:
    net.local_only = True
    assert await Discovery(net, ports={server.port: "llama.cpp"}).find()


def test_models_that_run_elsewhere_or_only_embed_are_left_out() -> None:
    tags = {
        "models": [
            {"model": "gpt-oss:120b-cloud", "remote_host": "https://ollama.com:443"},
            {"model": "kimi-k2:cloud"},
            {"model": "quiet", "remote_model": "loud"},
            {"model": "all-minilm:latest", "details": {"family": "bert"}},
            {"model": "odd-name", "details": {"family": "nomic-bert"}},
            {"name": "llama3.2:3b", "details": {"family": "llama"}},
            {"model": "qwen3:4b"},
        ]
    }
    assert _ollama(tags) == ("llama3.2:3b", "qwen3:4b")


@pytest.mark.parametrize(
    ("model", "chat"),
    [
        ("llama3.2", True),
        ("qwen2.5-coder:7b", True),
        ("google/gemma-3-12b", True),
        ("mistral-7b-instruct.Q4_K_M.gguf", True),
        ("/models/Phi-3-mini.gguf", True),
        ("nomic-embed-text:v1.5", False),
        ("text-embedding-nomic-embed-text-v1.5", False),
        ("mxbai-embed-large", False),
        ("bge-m3:latest", False),
        ("BAAI/bge-reranker-v2", False),
        ("e5-mistral-7b", False),
        ("whisper-1", False),
        ("", False),
    ],
)
def test_a_model_to_talk_with_is_known_by_its_name(model: str, chat: bool) -> None:
    assert talks(model) is chat


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["models", "data", "model", "name", "id", "details", "family"]),
                inner,
                max_size=3,
            )
        ),
        max_leaves=15,
    )
)
def test_no_answer_of_another_shape_breaks_it(body: Any) -> None:
    for read in (_ollama, _openai):
        found = read(msgspec.json.decode(msgspec.json.encode(body)))
        assert found is None or all(isinstance(one, str) and one for one in found)

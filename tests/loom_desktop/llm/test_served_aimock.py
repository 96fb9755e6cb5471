"""All wire formats against a server that somebody else wrote, with its own ideas of faults."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from loom_desktop.errors import LoomError, Unavailable
from loom_desktop.llm import Call, Delta, Finish, Message, Text, Tool, ToolCall, calls
from loom_desktop.llm.attempts import Attempts
from loom_desktop.llm.served import Served
from loom_desktop.net import Unreachable
from loom_desktop.tasks import Tasks
from tests.aimock import Aimock, Missing, program
from tests.loom_desktop.llm.conftest import no_secrets
from tests.loom_desktop.llm.formats import FORMATS, Format

pytestmark = [
    pytest.mark.timeout(180),  # the first use installs it
    pytest.mark.parametrize("form", FORMATS, ids=[one.name for one in FORMATS]),
]

Make = Callable[[Aimock], Served]
HELLO = "Hello! Здравствуй, 你好 🧵. I am a mock, and I answer in little pieces."
FIXTURES: list[dict[str, Any]] = [
    {
        "match": {"userMessage": "weather"},
        "response": {"toolCalls": [{"name": "get_weather", "arguments": {"city": "Paris"}}]},
    },
    {"match": {"userMessage": "hello"}, "response": {"content": HELLO}},
    {
        "match": {"userMessage": "limited"},
        "response": {
            "error": {"message": "Rate limited", "type": "rate_limit_error"},
            "status": 429,
        },
    },
    {
        "match": {"userMessage": "key"},
        "response": {"error": {"message": "Bad key", "type": "auth_error"}, "status": 401},
    },
    {
        "match": {"userMessage": "long"},
        "response": {"content": "a" * 400},
        "latency": 50,
        "chunkSize": 2,
    },
]
WEATHER = Tool(
    name="get_weather",
    description="The weather in a city",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}},
)


def started(folder: Path, *options: str) -> Aimock:
    """Ready to run; a machine that could have it and does not is a failure in strict runs."""
    try:
        program()
    except Missing as why:
        if os.environ.get("LOOM_TEST_STRICT") == "1":
            pytest.fail(str(why))
        pytest.skip(str(why))
    return Aimock(folder, FIXTURES, "-c", "3", *options)


@pytest.fixture(scope="module")
def aimock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aimock]:
    with started(tmp_path_factory.mktemp("aimock")) as server:
        yield server


@pytest.fixture
def model(form: Format, attempts: Attempts) -> Make:
    def make(server: Aimock) -> Served:
        told = {"api_base": f"http://127.0.0.1:{server.port}{form.path}", "model": "m"}
        return form.provider("local", told, attempts, no_secrets)

    return make


async def ask(model: Served, text: str, *tools: Tool) -> list[Delta]:
    messages = [Message("system", "Be nice."), Message("user", text)]
    return [one async for one in model.stream(messages, tools=tools)]


async def test_it_streams(form: Format, aimock: Aimock, model: Make) -> None:
    pieces = await ask(model(aimock), "hello")
    texts = [one.text for one in pieces if isinstance(one, Text)]
    assert "".join(texts) == HELLO
    assert len(texts) > 5
    assert pieces[-1] == Finish("stop")


async def test_it_calls_a_tool_in_pieces(form: Format, aimock: Aimock, model: Make) -> None:
    pieces = await ask(model(aimock), "weather", WEATHER)
    parts = [one for one in pieces if isinstance(one, ToolCall)]
    assert len(parts) > 2 or form.name == "gemini", "there a call comes whole"
    (call,) = calls(parts)
    assert isinstance(call, Call)
    assert (call.name, json.loads(call.arguments)) == ("get_weather", {"city": "Paris"})
    assert pieces[-1] == Finish("tool_calls")


async def test_it_refuses_in_words(
    form: Format, aimock: Aimock, model: Make, pauses: list[float]
) -> None:
    with pytest.raises(Unavailable, match=r"too many requests at the moment \(429\): Rate limited"):
        await ask(model(aimock), "limited")
    assert len(pauses) == 2
    with pytest.raises(Unavailable, match="wants a key"):
        await ask(model(aimock), "key")


async def test_it_has_no_answer_for_an_unknown_question(
    form: Format, aimock: Aimock, model: Make
) -> None:
    with pytest.raises(LoomError) as caught:
        await ask(model(aimock), "nobody expects this")
    assert caught.value.hint


async def test_it_is_cancelled_in_the_middle(form: Format, aimock: Aimock, model: Make) -> None:
    begun, pieces = asyncio.Event(), 0

    async def read() -> None:
        nonlocal pieces
        async for piece in model(aimock).stream([Message("user", "long")]):
            if isinstance(piece, Text):
                pieces += 1
                begun.set()

    async with Tasks() as tasks:
        tasks.start("asking", read())
        async with asyncio.timeout(20):
            await begun.wait()
        at = time.perf_counter()
    assert time.perf_counter() - at < 0.25
    assert pieces < 100


@pytest.mark.parametrize(
    ("option", "kind", "says"),
    [
        ("--chaos-drop", Unavailable, "an error of its own (500)"),
        ("--chaos-disconnect", Unreachable, "hung up"),
        ("--chaos-malformed", Unavailable, "not as a model does"),
        ("--chaos-ratelimit", Unavailable, "too many requests"),
    ],
)
async def test_its_chaos_is_told_in_words(
    form: Format, option: str, kind: type[LoomError], says: str, model: Make, tmp_path: Path
) -> None:
    with started(tmp_path, option, "1") as server:
        with pytest.raises(kind) as caught:
            await ask(model(server), "hello")
        assert says in caught.value.message
        assert caught.value.hint

"""The providers against servers that nobody here wrote: litellm's proxy in all three wire formats,
llama.cpp with a tiny model, and a real endpoint when its key is in the environment.

``make test-servers``; no part of ``make test``: the servers take 700 MB and a compiler. A real
endpoint: LOOM_REAL_KIND, LOOM_REAL_BASE, LOOM_REAL_MODEL, LOOM_REAL_KEY.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from loom_desktop.errors import LoomError, Unavailable, UsageError
from loom_desktop.llm import Delta, Finish, Message, Text, Tool, ToolCall, calls
from loom_desktop.llm.attempts import Attempts, Turns
from loom_desktop.llm.served import Served
from loom_desktop.net import Net
from loom_desktop.tasks import Tasks
from tests.loom_desktop.llm.conftest import Lines
from tests.loom_desktop.llm.formats import FORMATS, Format

HERE = Path(__file__).parent
PYTHON = HERE.parent.parent / "build" / "servers" / "venv" / "bin" / "python"
START_S = 90.0
WEATHER = Tool(
    name="get_weather",
    description="The weather in a city",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}
formats = pytest.mark.parametrize("form", FORMATS, ids=[one.name for one in FORMATS])
pytestmark = pytest.mark.timeout(180)


def started(command: list[str], log: Path, **env: str) -> Iterator[int]:
    """The port of a server that answers; it is ended at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with log.open("wb") as out:
        server = subprocess.Popen(
            [*command, "--port", str(port)], stdout=out, stderr=out, env={**os.environ, **env}
        )
    until = time.monotonic() + START_S
    try:
        while True:
            with socket.socket() as look:
                if look.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if server.poll() is not None or time.monotonic() > until:
                pytest.fail(f"it did not start: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.2)
        yield port
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture(scope="module")
def litellm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    yield from started(
        [str(PYTHON.with_name("litellm")), "--config", str(HERE / "litellm.yaml")],
        tmp_path_factory.mktemp("litellm") / "log",
        LITELLM_LOCAL_MODEL_COST_MAP="True",
        LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY="true",
    )


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("llama")
    model = folder / "tiny.gguf"
    subprocess.run([PYTHON, HERE / "tiny_model.py", model], check=True, timeout=60)
    command = [str(PYTHON), "-m", "llama_cpp.server", "--model", str(model), "--n_ctx", "512"]
    yield from started(command, folder / "log")


@pytest.fixture
async def attempts() -> AsyncIterator[Attempts]:
    net = Net(Lines())
    yield Attempts(net, Turns(rest_s=0.0))
    await net.close()


def model(form: Format, attempts: Attempts, port: int, name: str, **more: Any) -> Served:
    base = f"http://127.0.0.1:{port}{form.path}"
    told = {"api_base": base, "model": name, "timeout_s": 60.0, **more}
    return form.provider("real", told, attempts, _no_secrets)


async def _no_secrets(name: str) -> str | None:
    return None


async def asked(served: Served, text: str, **how: Any) -> list[Delta]:
    return [one async for one in served.stream([Message("user", text)], **how)]


def said(pieces: list[Delta]) -> str:
    return "".join(one.text for one in pieces if isinstance(one, Text))


# -------------------------------------------------------------------------- litellm's proxy
@formats
async def test_litellm_streams(form: Format, litellm: int, attempts: Attempts) -> None:
    pieces = await asked(model(form, attempts, litellm, "mock"), "hello")
    assert said(pieces) == "Hello from the litellm proxy. This is a streamed mock answer."
    assert pieces[-1] == Finish("stop")


@formats
@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("ratelimit", Unavailable, "too many requests"),
        ("overflow", UsageError, "too long"),
        ("broken", Unavailable, "an error of its own (500)"),
    ],
)
async def test_litellm_refuses(
    form: Format, litellm: int, attempts: Attempts, name: str, kind: type[LoomError], words: str
) -> None:
    with pytest.raises(kind) as caught:
        await asked(model(form, attempts, litellm, name), "hello")
    assert words in caught.value.message
    assert caught.value.hint


# ------------------------------------------------------------------------------- llama.cpp
OPENAI = FORMATS[0]


async def test_llama_streams_and_lists_its_model(llama: int, attempts: Attempts) -> None:
    served = model(OPENAI, attempts, llama, "tiny")
    assert len(await served.models()) == 1
    pieces = await asked(served, "hello", max_tokens=20)
    assert said(pieces)
    assert isinstance(pieces[-1], Finish)


async def test_llama_answers_by_schema(llama: int, attempts: Attempts) -> None:
    pieces = await asked(
        model(OPENAI, attempts, llama, "tiny"), "hello", max_tokens=60, schema=SCHEMA
    )
    if pieces[-1] == Finish("stop"):  # random weights may write a number without end
        assert isinstance(json.loads(said(pieces))["n"], int)
    assert said(pieces).lstrip().startswith("{")


async def test_llama_sends_nothing_for_what_is_too_long_and_is_asked_why(
    llama: int, attempts: Attempts
) -> None:
    with pytest.raises(UsageError, match="too long for tiny"):
        await asked(model(OPENAI, attempts, llama, "tiny"), "word " * 2_000)


async def test_llama_is_cancelled_and_answers_again(llama: int, attempts: Attempts) -> None:
    served, begun = model(OPENAI, attempts, llama, "tiny"), asyncio.Event()

    async def read() -> None:
        async for _ in served.stream([Message("user", "go on")], max_tokens=400):
            begun.set()

    async with Tasks() as tasks:
        tasks.run("asking", read())
        await begun.wait()
    assert said(await asked(served, "again", max_tokens=5))


# ----------------------------------------------------------------------- a real endpoint
REAL = {name: os.environ.get(f"LOOM_REAL_{name}", "") for name in ("KIND", "BASE", "MODEL", "KEY")}
real = pytest.mark.skipif(not REAL["MODEL"], reason="LOOM_REAL_MODEL names no model")


def endpoint(attempts: Attempts) -> Served:
    (form,) = (one for one in FORMATS if one.name == (REAL["KIND"] or "openai"))
    told = {"model": REAL["MODEL"], "timeout_s": 60.0}
    told |= {"api_base": REAL["BASE"]} if REAL["BASE"] else {}
    told |= {"api_key": "env:LOOM_REAL_KEY"} if REAL["KEY"] else {}
    return form.provider("real", told, attempts, _no_secrets)


@real
async def test_a_real_endpoint_streams_calls_and_answers_by_schema(attempts: Attempts) -> None:
    served = endpoint(attempts)
    pieces = await asked(served, "Say hello in one word.", max_tokens=50)
    assert said(pieces)
    pieces = await asked(
        served, "Use the tool: what is the weather in Paris?", tools=[WEATHER], max_tokens=300
    )
    (call,) = calls([one for one in pieces if isinstance(one, ToolCall)])
    assert "paris" in json.loads(call.arguments)["city"].lower()
    pieces = await asked(served, "Answer with n = 7.", schema=SCHEMA, max_tokens=300)
    assert json.loads(said(pieces)) == {"n": 7}

"""A model server of our own, for tests and journeys: it says what it is told to, as badly as told.

In a test:      async with FakeModelServer() as server: server.play(stream("Hello"))
By itself:      python -m tests.fake_model_server --port 0 [--delay-ms 20] [--first-ms 300] \\
                    [--answer FILE] [--model NAME] [--fail STATUS]
                prints the port on a line of its own and serves until it is ended.

It speaks what Ollama and every OpenAI-compatible server speak: /v1/chat/completions, /v1/models,
/api/tags. What is asked in another format (/v1/messages, :streamGenerateContent) gets what the test
plays: ``events`` with the objects of that format. A behaviour is a function ``async (request,
reply) -> None``; ``play`` puts them in a row, one for each question, and the last one stays.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from loom_desktop.tasks import Tasks

ANSWER = """\
Here is a **short answer** in Markdown.

1. It has a list,
2. with two items.

```python
print("and some code")
```

That is all.
"""


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asked."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def streamed(self) -> bool:
        return "stream" in self.path or (bool(self.body) and bool(self.json.get("stream")))


class Reply:
    """What goes back, piece by piece."""

    def __init__(self, writer: asyncio.StreamWriter, left: asyncio.Event) -> None:
        self.writer = writer
        self.chunked = False
        self.left = left
        """Set when the other side hung up."""

    async def head(self, status: int, headers: dict[str, str] | None = None) -> None:
        """Begin. Without a content-length the body is chunked."""
        head = {k.lower(): v for k, v in (headers or {}).items()}
        self.chunked = "content-length" not in head and head.get("connection") != "close"
        if self.chunked:
            head["transfer-encoding"] = "chunked"
        lines = [f"HTTP/1.1 {status} Whatever", *(f"{k}: {v}" for k, v in head.items()), "", ""]
        await self.raw("\r\n".join(lines).encode("latin-1"))

    async def send(self, piece: bytes) -> None:
        if piece:
            await self.raw(b"%x\r\n%s\r\n" % (len(piece), piece) if self.chunked else piece)

    async def raw(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def end(self) -> None:
        if self.chunked:
            await self.raw(b"0\r\n\r\n")

    async def whole(
        self, status: int, body: bytes, kind: str = "application/json", **more: str
    ) -> None:
        """Everything at once."""
        named = {k.replace("_", "-"): v for k, v in more.items()}
        length = {"content-length": str(len(body))}
        await self.head(status, {"content-type": kind, **length, **named})
        await self.send(body)

    def cut(self) -> None:
        """Hang up in the middle, rudely."""
        self.writer.transport.abort()


Behaviour = Callable[[Request, Reply], Awaitable[None]]


def chunk(**delta: Any) -> dict[str, Any]:
    """One object of a stream with this delta."""
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


def finish(reason: str = "stop") -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}


def usage(prompt: int, completion: int) -> dict[str, Any]:
    return {
        "choices": [],
        "usage": {"prompt_tokens": prompt, "completion_tokens": completion},
    }


def sse(found: dict[str, Any] | str) -> bytes:
    data = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
    return f"data: {data}\n\n".encode()


def tokens(text: str) -> list[str]:
    """A text in pieces of the size in which models send it."""
    return re.findall(r"\s*\S{1,6}|\s+$", text)


def stream(
    text: str = ANSWER,
    *,
    first_s: float = 0.0,
    delay_s: float = 0.0,
    counted: bool = True,
    done: bool = True,
    reason: str = "stop",
) -> Behaviour:
    """Answer as a good server does; one JSON body when it was not asked to stream."""

    async def behave(request: Request, reply: Reply) -> None:
        pieces = tokens(text)
        if not request.streamed:
            body = {
                "choices": [{"message": {"role": "assistant", "content": text}}],
                "usage": {"prompt_tokens": 5, "completion_tokens": len(pieces)},
            }
            body["choices"][0]["finish_reason"] = reason  # type: ignore[index]  # a literal above
            await reply.whole(200, json.dumps(body).encode())
            return
        await reply.head(200, {"content-type": "text/event-stream"})
        await reply.send(sse(chunk(role="assistant", content="")))
        await _pause(reply, first_s)
        for piece in pieces:
            await reply.send(sse(chunk(content=piece)))
            await _pause(reply, delay_s)
        await reply.send(sse(finish(reason)))
        if counted:
            await reply.send(sse(usage(5, len(pieces))))
        if done:
            await reply.send(sse("[DONE]"))
        await reply.end()

    return behave


def events(*found: dict[str, Any] | str | bytes, kind: str = "text/event-stream") -> Behaviour:
    """Send exactly these: objects and texts as events, bytes as they are."""

    async def behave(request: Request, reply: Reply) -> None:
        await reply.head(200, {"content-type": kind})
        for one in found:
            await reply.send(one if isinstance(one, bytes) else sse(one))
        await reply.end()

    return behave


def status(
    code: int, body: object = None, kind: str = "application/json", **headers: str
) -> Behaviour:
    """Refuse. ``retry_after="1"`` becomes the header Retry-After."""

    async def behave(request: Request, reply: Reply) -> None:
        if isinstance(body, bytes):
            data = body
        else:
            data = json.dumps({"error": {"message": "no"}} if body is None else body).encode()
        await reply.whole(code, data, kind, **headers)

    return behave


def cut_after(*found: dict[str, Any] | str) -> Behaviour:
    """Send these and hang up without an end."""

    async def behave(request: Request, reply: Reply) -> None:
        await reply.head(200, {"content-type": "text/event-stream"})
        for one in found:
            await reply.send(sse(one))
        await asyncio.sleep(0.02)  # what was sent is to arrive before the reset does
        reply.cut()

    return behave


def silent_after(*found: dict[str, Any] | str, head: bool = True) -> Behaviour:
    """Send these, then nothing until the other side hangs up."""

    async def behave(request: Request, reply: Reply) -> None:
        if head:
            await reply.head(200, {"content-type": "text/event-stream"})
        for one in found:
            await reply.send(sse(one))
        await reply.left.wait()

    return behave


async def _pause(reply: Reply, seconds: float) -> None:
    if seconds:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await reply.left.wait()


@dataclass
class FakeModelServer:
    """Listens on a free port of the loopback."""

    models: Sequence[str] = ("fake-7b",)
    port: int = 0
    ollama: bool = False
    """Also answers /api/tags, /api/version, and /api/generate without a prompt."""
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    """How many were ever opened."""
    open: int = 0
    most_at_once: int = 0
    """The most questions that were answered at the same time."""

    def __post_init__(self) -> None:
        self._behaviours: list[Behaviour] = [stream()]
        self._tasks: set[asyncio.Task[Any]] = set()
        self._now = 0
        self.hung_up = asyncio.Event()
        """Set when somebody hung up in the middle of an answer."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def play(self, *behaviours: Behaviour) -> None:
        """One for each question to come; the last one stays."""
        self._behaviours = list(behaviours)

    @property
    def questions(self) -> list[Request]:
        return [one for one in self.requests if _asks(one.path)]

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self.connections += 1
        self.open += 1
        left, arrived = asyncio.Event(), asyncio.StreamReader()
        try:
            async with Tasks() as tasks:
                tasks.start("reading", _pump(reader, arrived, left))
                while not left.is_set() and not writer.is_closing():
                    request = await _request(arrived)
                    self.requests.append(request)
                    await self._answer(request, Reply(writer, left))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, request: Request, reply: Reply) -> None:
        path = request.path.split("?")[0]
        if path in ("/v1/models", "/v1beta/models") and request.method == "GET":
            if path.startswith("/v1beta"):
                there = [{"name": f"models/{one}"} for one in self.models]
                return await reply.whole(200, json.dumps({"models": there}).encode())
            body = {"object": "list", "data": [{"id": one} for one in self.models]}
            return await reply.whole(200, json.dumps(body).encode())
        if path == "/api/tags" and self.ollama:
            tags = [{"name": one, "model": one, "details": {}} for one in self.models]
            return await reply.whole(200, json.dumps({"models": tags}).encode())
        if path == "/api/version" and self.ollama:
            return await reply.whole(200, b'{"version": "0.13.0"}')
        if path == "/api/generate" and self.ollama:
            return await reply.whole(200, b'{"response": "", "done": true, "done_reason": "load"}')
        if not _asks(path):
            return await reply.whole(404, b'{"error": {"message": "not found"}}')
        behave = self._behaviours.pop(0) if len(self._behaviours) > 1 else self._behaviours[0]
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            await behave(request, reply)
        finally:
            self._now -= 1
            if reply.left.is_set():
                self.hung_up.set()


def _asks(path: str) -> bool:
    return path.split("?")[0].endswith(("/chat/completions", "/messages", "GenerateContent"))


async def _pump(
    source: asyncio.StreamReader, target: asyncio.StreamReader, left: asyncio.Event
) -> None:
    """Pass on what comes, so that somebody who hangs up is noticed while we answer."""
    with contextlib.suppress(ConnectionError):
        while data := await source.read(65536):
            target.feed_data(data)
    target.feed_eof()
    left.set()


async def _request(reader: asyncio.StreamReader) -> Request:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {k.lower(): v.strip() for k, _, v in (one.partition(":") for one in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, path, headers, body)


async def _main(arguments: argparse.Namespace) -> None:
    text = Path(arguments.answer).read_text(encoding="utf-8") if arguments.answer else ANSWER
    server = FakeModelServer(models=(arguments.model,), port=arguments.port, ollama=True)
    server.play(
        status(arguments.fail)
        if arguments.fail
        else stream(text, first_s=arguments.first_ms / 1e3, delay_s=arguments.delay_ms / 1e3)
    )
    async with server:
        sys.stdout.write(f"{server.port}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    options = argparse.ArgumentParser(description="A model server that says what it is told to.")
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--delay-ms", type=float, default=20.0, help="between two pieces")
    options.add_argument("--first-ms", type=float, default=0.0, help="before the first piece")
    options.add_argument("--answer", default="", help="a file with the answer, in Markdown")
    options.add_argument("--model", default="fake-7b")
    options.add_argument("--fail", type=int, default=0, help="refuse with this HTTP status")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main(options.parse_args()))

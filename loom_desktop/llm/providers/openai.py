"""Chat completions as OpenAI defined them: Ollama, LM Studio, llama.cpp, vLLM, DeepSeek and most.

Servers differ in small things, and each is met here: thoughts come in a field of their own (of two
names) or between ``<think>`` marks; tool calls come in pieces; a parameter that a server does not
know is left out on the second try.
"""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from typing import Any

import msgspec

from loom_desktop.llm import (
    Asker,
    Delta,
    Facts,
    Finish,
    Message,
    Text,
    Thinking,
    Tool,
    ToolCall,
    Usage,
)
from loom_desktop.llm.attempts import Ask, Attempts
from loom_desktop.llm.endpoint import endpoint
from loom_desktop.llm.keys import Secrets, check, resolve
from loom_desktop.llm.refusals import Failed, plain, sentence

_MODELS_S = 3.0
_MOST_MODELS = 500
_ELSEWHERE = re.compile(r"[:-]cloud$")  # Ollama passes these on to its maker's computers


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """[llm.NAME]"""

    kind: str = "openai"
    """The wire format: openai, or offline for no model at all."""
    api_base: str = "http://127.0.0.1:11434/v1"
    """Address of the server, up to and with /v1."""
    model: str = ""
    """Name of the model as the server knows it."""
    api_key: str = ""
    """Where the key is: keyring:NAME, env:NAME or cmd:PROGRAM. Never the key itself."""
    temperature: float | None = None
    """How free the wording is, 0 to 2. Not set: as the server likes it."""
    max_tokens: int | None = None
    """The longest answer. Not set: as the server likes it."""
    timeout_s: float = 60.0
    """How long to wait for the first word."""
    timeout_sec: float | None = None
    """The same, by its older name."""


class OpenAI:
    """One model behind an endpoint that speaks chat completions."""

    def __init__(self, name: str, settings: Settings, attempts: Attempts, secrets: Secrets) -> None:
        """Nothing is connected and no key is looked up yet. Raises SettingsError."""
        where = endpoint(settings.api_base, f"llm.{name}")
        check(settings.api_key, f"llm.{name}")
        if where.near:
            attempts.net.allow_local(where.at)
        self._where = where
        self._settings = settings
        self._attempts = attempts
        self._secrets = secrets
        self._facts = Facts(
            name=name,
            kind="openai",
            model=settings.model,
            endpoint=where.at,
            api_base=where.base,
            local=where.local and not _ELSEWHERE.search(settings.model),
        )

    @property
    def facts(self) -> Facts:
        """Known without asking anybody."""
        return self._facts

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[Tool] = (),
        max_tokens: int | None = None,
        temperature: float | None = None,
        asker: Asker = Asker(),  # noqa: B008 - frozen
    ) -> AsyncGenerator[Delta, None]:
        """The answer as it comes; see ``loom_desktop.llm.Provider``."""
        url = f"{self._where.base}/chat/completions"
        self._attempts.net.check(url, allow_local=True)  # before a key is even looked up
        secret = await resolve(self._settings.api_key, f"llm.{self._facts.name}", self._secrets)
        body = self._body(messages, tools, max_tokens, temperature)
        probe = {k: v for k, v in body.items() if k not in ("stream", "stream_options")}
        ask = Ask(
            facts=self._facts,
            where=self._where,
            url=url,
            headers=_headers(secret),
            body=body,
            reader=Chunks,
            timeout_s=self._settings.timeout_sec or self._settings.timeout_s,
            asker=asker,
            secret=secret,
            key=self._settings.api_key,
            amend=_amended,
            probe=probe | {"max_tokens": 1},
            models=self.models,
        )
        async with aclosing(self._attempts.stream(ask)) as pieces:
            async for piece in pieces:
                yield piece

    async def models(self) -> list[str]:
        """The models that the server lists, in its order. Raises what ``stream`` raises."""
        secret = await resolve(self._settings.api_key, f"llm.{self._facts.name}", self._secrets)
        async with self._attempts.net.stream(
            "GET",
            f"{self._where.base}/models",
            headers=_headers(secret),
            purpose="models",
            timeout_s=_MODELS_S,
            idle_timeout_s=_MODELS_S,
            allow_local=True,
            called=self._where.called,
        ) as response:
            return listed(await response.read()) if response.status == 200 else []

    def _body(
        self,
        messages: Sequence[Message],
        tools: Sequence[Tool],
        max_tokens: int | None,
        temperature: float | None,
    ) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._settings.model,
            "messages": [_message(one) for one in messages],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        most = self._settings.max_tokens if max_tokens is None else max_tokens
        warmth = self._settings.temperature if temperature is None else temperature
        if most is not None:
            body["max_tokens"] = most
        if warmth is not None:
            body["temperature"] = warmth
        if tools:
            body["tools"] = [
                {
                    "type": "function",
                    "function": {
                        "name": one.name,
                        "description": one.description,
                        "parameters": one.parameters,
                    },
                }
                for one in tools
            ]
        return body


provider = OpenAI


class Chunks:
    """Reads the objects of one answer, streamed or whole."""

    def __init__(self) -> None:
        self._split = _Thoughts()

    def read(self, found: dict[str, Any]) -> Iterator[Delta]:
        """The pieces in one object. Whatever has another shape than it should is left out."""
        if error := found.get("error"):
            raise Failed(_status(error), plain(sentence({"error": error})))
        choices = found.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                yield from self._choice(choice)
        usage = found.get("usage")
        if isinstance(usage, dict):
            read, written = usage.get("prompt_tokens"), usage.get("completion_tokens")
            if isinstance(read, int) and isinstance(written, int) and read + written > 0:
                yield Usage(read, written)

    def _choice(self, choice: dict[str, Any]) -> Iterator[Delta]:
        delta = choice.get("delta") or choice.get("message")  # `message`: the server did not stream
        if isinstance(delta, dict):
            thought = delta.get("reasoning_content") or delta.get("reasoning")
            if isinstance(thought, str) and thought:
                yield Thinking(thought)
            if isinstance(text := delta.get("content"), str) and text:
                yield from self._split.feed(text)
            pieces = delta.get("tool_calls")
            for number, piece in enumerate(pieces if isinstance(pieces, list) else ()):
                if isinstance(piece, dict):
                    yield _tool_call(number, piece)
        if isinstance(text := choice.get("text"), str) and text:
            yield from self._split.feed(text)
        if reason := choice.get("finish_reason"):
            yield from self._split.end()
            yield Finish(str(reason))


class _Thoughts:
    """Takes what stands between ``<think>`` and ``</think>`` at the beginning out of the answer."""

    def __init__(self) -> None:
        self._held = ""
        self._state = "before"

    def feed(self, text: str) -> Iterator[Delta]:
        if self._state == "gap" and (text := text.lstrip()):
            self._state = "after"
        if self._state in ("gap", "after"):
            if text:
                yield Text(text)
            return
        self._held += text
        if self._state == "before":
            start = self._held.lstrip()
            if "<think>".startswith(start[:7]) and len(start) < 7:
                return
            if not start.startswith("<think>"):
                self._state, held, self._held = "after", self._held, ""
                yield Text(held)
                return
            self._state, self._held = "inside", start[7:]
        thought, mark, rest = self._held.partition("</think>")
        if mark:
            self._state, self._held = "gap", ""
            if thought:
                yield Thinking(thought)
            yield from self.feed(rest)
            return
        safe = len(self._held) - _overlap(self._held, "</think>")
        if safe:
            yield Thinking(self._held[:safe])
            self._held = self._held[safe:]

    def end(self) -> Iterator[Delta]:
        held, self._held = self._held, ""
        if held:
            yield Thinking(held) if self._state == "inside" else Text(held)


def _overlap(text: str, mark: str) -> int:
    """How many characters at the end of ``text`` may be the beginning of ``mark``."""
    return next((n for n in range(len(mark) - 1, 0, -1) if text.endswith(mark[:n])), 0)


def listed(body: bytes) -> list[str]:
    """The names in an answer to ``GET /models``; whatever has another shape is left out."""
    try:
        found: Any = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return []
    entries = found.get("data") if isinstance(found, dict) else None
    if not isinstance(entries, list):
        return []
    names = [one.get("id") for one in entries if isinstance(one, dict)]
    return [name for name in names if isinstance(name, str) and name][:_MOST_MODELS]


def _headers(secret: str) -> dict[str, str]:
    head = {"accept": "text/event-stream, application/json"}
    return head | {"authorization": f"Bearer {secret}"} if secret else head


def _message(one: Message) -> dict[str, Any]:
    said: dict[str, Any] = {"role": one.role, "content": one.text}
    if one.images:
        said["content"] = [
            {"type": "text", "text": one.text},
            *(
                {"type": "image_url", "image_url": {"url": f"data:{i.media_type};base64,{data}"}}
                for i in one.images
                for data in [base64.b64encode(i.data).decode("ascii")]
            ),
        ]
    if one.calls:
        said["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in one.calls
        ]
    if one.role == "tool":
        said["tool_call_id"] = one.answers
    return said


def _tool_call(number: int, piece: dict[str, Any]) -> ToolCall:
    function = piece.get("function")
    function = function if isinstance(function, dict) else {}
    index, arguments = piece.get("index"), function.get("arguments")
    if isinstance(arguments, dict):  # some servers send it as an object
        arguments = msgspec.json.encode(arguments).decode()
    return ToolCall(
        index=index if isinstance(index, int) else number,
        id=str(piece.get("id") or ""),
        name=str(function.get("name") or ""),
        arguments=arguments if isinstance(arguments, str) else "",
    )


def _status(error: Any) -> int:
    """What HTTP would have said for an error inside a stream."""
    if isinstance(error, dict):
        for one in (error.get("status"), error.get("code"), error.get("status_code")):
            if isinstance(one, int) and 400 <= one <= 599:
                return one
            if isinstance(one, str) and one.isdigit() and 400 <= int(one) <= 599:
                return int(one)
        kind = f"{error.get('type')} {error.get('code')}"
        for word, status in (("overloaded", 529), ("rate_limit", 429), ("invalid_request", 400)):
            if word in kind:
                return status
    return 500


def _amended(body: dict[str, Any], failed: Failed) -> dict[str, Any] | None:
    """A server that does not know a parameter says so; it is asked once more without it."""
    if failed.status not in (400, 422):
        return None
    if "max_completion_tokens" in failed.words and "max_tokens" in body:
        rest = {k: v for k, v in body.items() if k != "max_tokens"}
        return rest | {"max_completion_tokens": body["max_tokens"]}
    for name in ("stream_options", "temperature"):
        if name in failed.words and name in body:
            return {k: v for k, v in body.items() if k != name}
    return None

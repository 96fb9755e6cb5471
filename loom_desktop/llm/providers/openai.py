"""Chat completions as OpenAI defined them: Ollama, LM Studio, llama.cpp, vLLM, DeepSeek and most.

Servers differ in small things, and each is met here: thoughts come in a field of their own (of two
names) or between ``<think>`` marks; tool calls come in pieces; a parameter that a server does not
know is left out on the second try.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from loom_desktop.llm import Delta, Finish, Message, Thinking, ToolCall, Usage
from loom_desktop.llm.attempts import Reader
from loom_desktop.llm.refusals import Failed, plain, sentence, status_of
from loom_desktop.llm.served import Connection, Question, Served
from loom_desktop.llm.thoughts import Thoughts

_FORMAT = re.compile("response_format|json_schema|json_object")


class Settings(Connection, frozen=True, kw_only=True):
    """[llm.NAME]"""

    kind: str = "openai"
    """The wire format: openai, anthropic, gemini, or offline for no model at all."""
    api_base: str = "http://127.0.0.1:11434/v1"
    """Address of the server, up to and with /v1."""


class OpenAI(Served):
    """One model behind an endpoint that speaks chat completions."""

    kind = "openai"

    def url(self) -> str:
        """One for all models."""
        return f"{self.where.base}/chat/completions"

    def headers(self, secret: str) -> dict[str, str]:
        """A bearer of the key."""
        return {"authorization": f"Bearer {secret}"} if secret else {}

    def reader(self) -> Reader:
        """Streamed or whole."""
        return Chunks()

    def probe(self, body: dict[str, Any]) -> dict[str, Any] | None:
        """The same for one token."""
        rest = {k: v for k, v in body.items() if k not in ("stream", "stream_options")}
        return rest | {"max_tokens": 1}

    def amended(self, body: dict[str, Any], failed: Failed) -> dict[str, Any] | None:
        """A server that does not know a parameter says so; it is asked once more without it."""
        if failed.status not in (400, 422) and not failed.invalid:
            return None
        if "max_completion_tokens" in failed.words and "max_tokens" in body:
            rest = {k: v for k, v in body.items() if k != "max_tokens"}
            return rest | {"max_completion_tokens": body["max_tokens"]}
        for name in ("stream_options", "temperature"):
            if name in failed.words and name in body:
                return {k: v for k, v in body.items() if k != name}
        if "response_format" in body and _FORMAT.search(failed.words):
            return _looser(body)
        return None

    def body(self, question: Question) -> dict[str, Any]:
        """What is not set is not sent."""
        body: dict[str, Any] = {
            "model": self.settings.model,
            "messages": [_message(one) for one in question.messages],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if question.max_tokens is not None:
            body["max_tokens"] = question.max_tokens
        if question.temperature is not None:
            body["temperature"] = question.temperature
        if question.tools:
            body["tools"] = [
                {
                    "type": "function",
                    "function": {
                        "name": one.name,
                        "description": one.description,
                        "parameters": one.parameters,
                    },
                }
                for one in question.tools
            ]
        if question.schema is not None:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": question.schema, "strict": True},
            }
        return body


provider = OpenAI


def _looser(body: dict[str, Any]) -> dict[str, Any]:
    """Servers say it in three ways: by schema as OpenAI does, JSON with the schema beside it, JSON
    of any kind. One that knows none answers as it likes; who asks checks it all the same."""
    wanted = body["response_format"]
    rest = {k: v for k, v in body.items() if k != "response_format"}
    if wanted["type"] == "json_schema":
        schema = wanted["json_schema"]["schema"]
        return rest | {"response_format": {"type": "json_object", "schema": schema}}
    return rest | {"response_format": {"type": "json_object"}} if "schema" in wanted else rest


class Chunks:
    """Reads the objects of one answer, streamed or whole."""

    def __init__(self) -> None:
        self._split = Thoughts()

    def read(self, found: dict[str, Any]) -> Iterator[Delta]:
        """The pieces in one object. Whatever has another shape than it should is left out."""
        if error := found.get("error"):
            raise Failed(status_of(error), plain(sentence({"error": error})))
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

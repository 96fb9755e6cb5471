"""Messages as Anthropic defined them: Claude, and servers that speak its format.

The system text stands apart from the turns, results of tools are said by the user, and an answer
by schema is a tool that the model must call: its arguments are the answer. Claude thinks aloud only
when it is told to, which we do not; thoughts of others that speak the format are passed on.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import msgspec

from loom_desktop.llm import Call, Delta, Finish, Message, Text, Thinking, ToolCall, Usage
from loom_desktop.llm.attempts import Reader
from loom_desktop.llm.refusals import Failed, plain, sentence, status_of
from loom_desktop.llm.served import Connection, Question, Served

VERSION = "2023-06-01"
LONGEST = 4096
"""Tokens of an answer when nothing is said: the format wants a number, and every model takes it."""
_ANSWER = "answer_by_schema"
"""The tool whose arguments are the answer, where one by schema is wanted."""
_REASONS = {
    "end_turn": "stop", "stop_sequence": "stop", "pause_turn": "stop", "max_tokens": "length",
    "model_context_window_exceeded": "length", "tool_use": "tool_calls",
    "refusal": "content_filter",
}  # fmt: skip


class Settings(Connection, frozen=True, kw_only=True):
    """[llm.NAME] kind = "anthropic" """

    kind: str = "anthropic"
    """The wire format."""
    api_base: str = "https://api.anthropic.com/v1"
    """Address of the server, up to and with /v1."""


class Anthropic(Served):
    """One model behind an endpoint that speaks messages."""

    kind = "anthropic"

    def url(self) -> str:
        """One for all models."""
        return f"{self.where.base}/messages"

    def headers(self, secret: str) -> dict[str, str]:
        """The key in a header of its own."""
        return {"anthropic-version": VERSION} | ({"x-api-key": secret} if secret else {})

    def reader(self) -> Reader:
        """Streamed or whole."""
        return Blocks()

    def amended(self, body: dict[str, Any], failed: Failed) -> dict[str, Any] | None:
        """Newer models take no temperature."""
        if failed.status == 400 and "temperature" in failed.words and "temperature" in body:
            return {k: v for k, v in body.items() if k != "temperature"}
        return None

    def body(self, question: Question) -> dict[str, Any]:
        """What is not set is not sent, but for the longest answer."""
        system = "\n\n".join(one.text for one in question.messages if one.role == "system")
        body: dict[str, Any] = {
            "model": self.settings.model,
            "max_tokens": question.max_tokens or LONGEST,
            "messages": turns([one for one in question.messages if one.role != "system"]),
            "stream": True,
        }
        if system:
            body["system"] = system
        if question.temperature is not None:
            body["temperature"] = min(1.0, question.temperature)
        tools = [
            {"name": one.name, "description": one.description, "input_schema": one.parameters}
            for one in question.tools
        ]
        if question.schema is not None:
            tools.append(
                {
                    "name": _ANSWER,
                    "description": "Give the answer in this form.",
                    "input_schema": question.schema,
                }
            )
            body["tool_choice"] = {"type": "tool", "name": _ANSWER}
        if tools:
            body["tools"] = tools
        return body


provider = Anthropic


def turns(messages: list[Message]) -> list[dict[str, Any]]:
    """Turns of user and assistant that alternate and begin with the user, as the format has it."""
    said: list[dict[str, Any]] = []
    for one in messages:
        role, blocks = _blocks(one)
        if said and said[-1]["role"] == role:
            said[-1]["content"] += blocks
        elif blocks:
            said.append({"role": role, "content": blocks})
    if said and said[0]["role"] == "assistant":
        note = {"type": "text", "text": "(What was said before is left out.)"}
        said.insert(0, {"role": "user", "content": [note]})
    return said


def _blocks(one: Message) -> tuple[str, list[dict[str, Any]]]:
    if one.role == "tool":
        result = {"type": "tool_result", "tool_use_id": one.answers, "content": one.text}
        return "user", [result]
    blocks: list[dict[str, Any]] = []
    if one.text.strip():  # an empty block is refused
        blocks.append({"type": "text", "text": one.text})
    for image in one.images:
        data = base64.b64encode(image.data).decode("ascii")
        source = {"type": "base64", "media_type": image.media_type, "data": data}
        blocks.append({"type": "image", "source": source})
    for call in one.calls:
        blocks.append(
            {"type": "tool_use", "id": call.id, "name": call.name, "input": _arguments(call)}
        )
    return ("assistant" if one.role == "assistant" else "user"), blocks


def _arguments(call: Call) -> dict[str, Any]:
    """An object, as the format wants it: what the model wrote may be none."""
    try:
        found = msgspec.json.decode(call.arguments or "{}")
    except (msgspec.DecodeError, RecursionError):
        return {"text": call.arguments}
    return found if isinstance(found, dict) else {"value": found}


class Blocks:
    """Reads the events of one answer, or the whole of it."""

    def __init__(self) -> None:
        self._read = 0
        self._answers: set[int] = set()
        """Blocks whose arguments are the answer."""
        self._finished = False

    def read(self, found: dict[str, Any]) -> Iterator[Delta]:
        """The pieces in one object. Whatever has another shape than it should is left out."""
        error = found.get("error")
        if found.get("type") == "error" or error:
            raise Failed(status_of(error), plain(sentence({"error": error})) or "an error")
        match found.get("type"):
            case "message_start":
                self._read = _count(found.get("message"), "input_tokens")
            case "content_block_start":
                yield from self._begins(_index(found), _dict(found, "content_block"), whole=False)
            case "content_block_delta":
                yield from self._goes_on(_index(found), _dict(found, "delta"))
            case "message_delta":
                written = _count(found, "output_tokens")
                self._read = _count(found, "input_tokens") or self._read
                if self._read + written:
                    yield Usage(self._read, written)
                yield from self._ends(_dict(found, "delta").get("stop_reason"))
            case "message_stop" if not self._finished:
                yield Finish("stop")
            case "message":  # the server did not stream
                yield from self._whole(found)

    def _whole(self, found: dict[str, Any]) -> Iterator[Delta]:
        content = found.get("content")
        for index, block in enumerate(content if isinstance(content, list) else ()):
            if isinstance(block, dict):
                yield from self._begins(index, block, whole=True)
        read, written = _count(found, "input_tokens"), _count(found, "output_tokens")
        if read + written:
            yield Usage(read, written)
        yield from self._ends(found.get("stop_reason") or "end_turn")

    def _begins(self, index: int, block: dict[str, Any], *, whole: bool) -> Iterator[Delta]:
        kind = block.get("type")
        if kind == "text" and isinstance(text := block.get("text"), str) and text:
            yield Text(text)
        elif kind == "thinking" and isinstance(text := block.get("thinking"), str) and text:
            yield Thinking(text)
        elif kind == "tool_use":
            name, given = str(block.get("name") or ""), block.get("input")
            # a stream begins with an empty object, and the pieces of the real one follow
            arguments = json.dumps(given, ensure_ascii=False) if whole or given else ""
            if name == _ANSWER:
                self._answers.add(index)
                if arguments:
                    yield Text(arguments)
            else:
                ident = str(block.get("id") or "")
                yield ToolCall(index=index, id=ident, name=name, arguments=arguments)

    def _goes_on(self, index: int, delta: dict[str, Any]) -> Iterator[Delta]:
        if isinstance(text := delta.get("text"), str) and text:
            yield Text(text)
        if isinstance(thought := delta.get("thinking"), str) and thought:
            yield Thinking(thought)
        if isinstance(piece := delta.get("partial_json"), str) and piece:
            yield Text(piece) if index in self._answers else ToolCall(index=index, arguments=piece)

    def _ends(self, reason: Any) -> Iterator[Delta]:
        if isinstance(reason, str) and reason:
            self._finished = True
            reason = _REASONS.get(reason, reason)
            yield Finish("stop" if reason == "tool_calls" and self._answers else reason)


def _dict(found: dict[str, Any], key: str) -> dict[str, Any]:
    inner = found.get(key)
    return inner if isinstance(inner, dict) else {}


def _index(found: dict[str, Any]) -> int:
    index = found.get("index")
    return index if isinstance(index, int) else 0


def _count(found: Any, key: str) -> int:
    """Tokens in the ``usage`` of an object, what was read from a cache among them."""
    usage = _dict(found, "usage") if isinstance(found, dict) else {}
    keys = [key]
    if key == "input_tokens":
        keys += ["cache_creation_input_tokens", "cache_read_input_tokens"]
    counts = [usage.get(one) for one in keys]
    return sum(one for one in counts if isinstance(one, int) and one > 0)

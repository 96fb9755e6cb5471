"""Contents and parts as Google defined them: Gemini.

The model stands in the address, a call of a tool comes whole and without an id, and a result is
found by the name of its tool. What a call carries as its signature is sent back with it: newer
models refuse to go on without.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from loom_desktop.llm import Delta, Finish, Message, Text, Thinking, ToolCall, Usage
from loom_desktop.llm.attempts import Reader
from loom_desktop.llm.refusals import Failed, plain, sentence, status_of
from loom_desktop.llm.served import Connection, Question, Served, names

_REASONS = {
    "STOP": "stop", "FUNCTION_CALL": "tool_calls", "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter", "BLOCKLIST": "content_filter", "SPII": "content_filter",
    "PROHIBITED_CONTENT": "content_filter", "IMAGE_SAFETY": "content_filter",
}  # fmt: skip
_KNOWN = frozenset({
    "type", "format", "description", "nullable", "enum", "items", "properties", "required",
    "minItems", "maxItems", "minimum", "maximum", "anyOf", "title",
})  # fmt: skip
"""What the older form of a schema may say."""


class Settings(Connection, frozen=True, kw_only=True):
    """[llm.NAME] kind = "gemini" """

    kind: str = "gemini"
    """The wire format."""
    api_base: str = "https://generativelanguage.googleapis.com/v1beta"
    """Address of the server, up to and with /v1beta."""


class Gemini(Served):
    """One model behind an endpoint that speaks generateContent."""

    kind = "gemini"
    default_path = "/v1beta"

    def url(self) -> str:
        """The model is part of it."""
        model = re.sub(r"[^\w.:-]", "", self.settings.model.removeprefix("models/"))
        return f"{self.where.base}/models/{model}:streamGenerateContent?alt=sse"

    def headers(self, secret: str) -> dict[str, str]:
        """The key in a header of its own; in the address it would be in every log."""
        return {"x-goog-api-key": secret} if secret else {}

    def reader(self) -> Reader:
        """Streamed or whole."""
        return Parts()

    def listed(self, found: Any) -> list[str]:
        """Those that answer; others embed or paint."""
        entries = found.get("models") if isinstance(found, dict) else None
        talking = [
            one
            for one in (entries if isinstance(entries, list) else ())
            if isinstance(one, dict)
            and "generateContent" in (one.get("supportedGenerationMethods") or ["generateContent"])
        ]
        there = names({"models": talking}, "models", "name")
        return [one.removeprefix("models/") for one in there] or super().listed(found)

    def amended(self, body: dict[str, Any], failed: Failed) -> dict[str, Any] | None:
        """Older models know a smaller kind of schema, under other names."""
        if failed.status != 400 or "JsonSchema" not in failed.words:
            return None
        text = msgspec.json.encode(body).decode()
        if "JsonSchema" not in text:
            return None
        older: dict[str, Any] = _older(msgspec.json.decode(text))
        return older

    def body(self, question: Question) -> dict[str, Any]:
        """What is not set is not sent."""
        system = "\n\n".join(one.text for one in question.messages if one.role == "system")
        body: dict[str, Any] = {"contents": contents(question.messages)}
        if system:
            body["systemInstruction"] = {"parts": [{"text": system}]}
        how: dict[str, Any] = {}
        if question.max_tokens is not None:
            how["maxOutputTokens"] = question.max_tokens
        if question.temperature is not None:
            how["temperature"] = question.temperature
        if question.schema is not None:
            how |= {"responseMimeType": "application/json", "responseJsonSchema": question.schema}
        if how:
            body["generationConfig"] = how
        if question.tools:
            body["tools"] = [
                {
                    "functionDeclarations": [
                        {
                            "name": one.name,
                            "description": one.description,
                            "parametersJsonSchema": one.parameters,
                        }
                        for one in question.tools
                    ]
                }
            ]
        return body


provider = Gemini


def contents(messages: Any) -> list[dict[str, Any]]:
    """Turns of user and model; results of tools are found by the name that was called."""
    called = {call.id: call.name for one in messages for call in one.calls}
    said: list[dict[str, Any]] = []
    for one in messages:
        if one.role == "system":
            continue
        role, parts = ("model" if one.role == "assistant" else "user"), _parts(one, called)
        if said and said[-1]["role"] == role:
            said[-1]["parts"] += parts
        elif parts:
            said.append({"role": role, "parts": parts})
    return said


def _parts(one: Message, called: dict[str, str]) -> list[dict[str, Any]]:
    if one.role == "tool":
        name = called.get(one.answers, one.answers)
        return [{"functionResponse": {"name": name, "response": {"result": one.text}}}]
    parts: list[dict[str, Any]] = [{"text": one.text}] if one.text else []
    for image in one.images:
        data = base64.b64encode(image.data).decode("ascii")
        parts.append({"inlineData": {"mimeType": image.media_type, "data": data}})
    for call in one.calls:
        part: dict[str, Any] = {
            "functionCall": {"name": call.name, "args": _object(call.arguments)}
        }
        if call.signature:
            part["thoughtSignature"] = call.signature
        parts.append(part)
    return parts


def _object(arguments: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(arguments or "{}")
    except (msgspec.DecodeError, RecursionError):
        return {"text": arguments}
    return found if isinstance(found, dict) else {"value": found}


def _older(found: Any) -> Any:
    """The same body with schemas as an OpenAPI subset, which older models read."""
    if isinstance(found, list):
        return [_older(one) for one in found]
    if not isinstance(found, dict):
        return found
    made = {}
    for key, value in found.items():
        if key in ("parametersJsonSchema", "responseJsonSchema"):
            name = "parameters" if key.startswith("parameters") else "responseSchema"
            made[name] = _reduced(value)
        else:
            made[key] = _older(value)
    return made


def _reduced(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    made: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "properties" and isinstance(value, dict):
            made[key] = {name: _reduced(one) for name, one in value.items()}
        elif key == "anyOf" and isinstance(value, list):
            made[key] = [_reduced(one) for one in value]
        elif key in _KNOWN:
            made[key] = _reduced(value) if key == "items" else value
    return made


class Parts:
    """Reads the objects of one answer, streamed or whole."""

    def __init__(self) -> None:
        self._calls = 0

    def read(self, found: dict[str, Any]) -> Iterator[Delta]:
        """The pieces in one object. Whatever has another shape than it should is left out."""
        if error := found.get("error"):
            raise Failed(status_of(error), plain(sentence({"error": error})))
        if _dict(found, "promptFeedback").get("blockReason"):
            yield Finish("content_filter")
        candidates = found.get("candidates")
        finish: str | None = None
        for one in (candidates if isinstance(candidates, list) else ())[:1]:
            if isinstance(one, dict):
                parts = _dict(one, "content").get("parts")
                for part in parts if isinstance(parts, list) else ():
                    if isinstance(part, dict):
                        yield from self._part(part)
                finish = one.get("finishReason")
        usage = _dict(found, "usageMetadata")
        read, written = usage.get("promptTokenCount"), usage.get("candidatesTokenCount") or 0
        thought = usage.get("thoughtsTokenCount") or 0
        if isinstance(read, int) and isinstance(written, int) and isinstance(thought, int) and read:
            yield Usage(read, written + thought)  # thoughts are paid for as well
        if isinstance(finish, str) and finish:
            if finish == "MALFORMED_FUNCTION_CALL":
                raise Failed(500, "the model wrote a call that cannot be read")
            reason = _REASONS.get(finish, finish.lower())
            yield Finish("tool_calls" if self._calls and reason == "stop" else reason)

    def _part(self, part: dict[str, Any]) -> Iterator[Delta]:
        if isinstance(text := part.get("text"), str) and text:
            yield Thinking(text) if part.get("thought") else Text(text)
        call = part.get("functionCall")
        if isinstance(call, dict):
            given = call.get("args")
            yield ToolCall(
                index=self._calls,
                id=str(call.get("id") or ""),
                name=str(call.get("name") or ""),
                arguments=json.dumps(given if isinstance(given, dict) else {}, ensure_ascii=False),
                signature=str(part.get("thoughtSignature") or ""),
            )
            self._calls += 1


def _dict(found: dict[str, Any], key: str) -> dict[str, Any]:
    inner = found.get(key)
    return inner if isinstance(inner, dict) else {}

"""The same answer, and the same mistakes, as each wire format has them."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

from loom_desktop.llm.attempts import Attempts
from loom_desktop.llm.keys import Secrets
from loom_desktop.llm.providers import anthropic, gemini, openai
from loom_desktop.llm.served import Served

Found = dict[str, Any]


class Format(Protocol):
    """How a server of this format says it."""

    name: str
    path: str
    """Of the base."""

    def provider(self, name: str, told: Found, attempts: Attempts, secrets: Secrets) -> Served: ...
    def text(self, text: str) -> list[Found]: ...
    def call(self, number: int, ident: str, name: str, *pieces: str) -> list[Found]: ...
    def end(self, reason: str, read: int, written: int) -> list[Found]: ...
    def whole(self, text: str) -> Found: ...
    def error(self, code: int, kind: str, words: str) -> Found: ...


class OpenAIFormat:
    name, path = "openai", "/v1"

    def provider(self, name: str, told: Found, attempts: Attempts, secrets: Secrets) -> Served:
        return openai.OpenAI(name, openai.Settings(**told), attempts, secrets)

    def text(self, text: str) -> list[Found]:
        return [{"choices": [{"index": 0, "delta": {"content": text}}]}]

    def call(self, number: int, ident: str, name: str, *pieces: str) -> list[Found]:
        first = {"index": number, "id": ident, "function": {"name": name, "arguments": ""}}
        rest = [{"index": number, "function": {"arguments": one}} for one in pieces]
        return [{"choices": [{"delta": {"tool_calls": [one]}}]} for one in (first, *rest)]

    def end(self, reason: str, read: int, written: int) -> list[Found]:
        usage = {"prompt_tokens": read, "completion_tokens": written}
        return [
            {"choices": [{"delta": {}, "finish_reason": reason}]},
            {"choices": [], "usage": usage},
        ]

    def whole(self, text: str) -> Found:
        return {"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}

    def error(self, code: int, kind: str, words: str) -> Found:
        return {"error": {"message": words, "type": kind, "code": code}}


class AnthropicFormat:
    name, path = "anthropic", "/v1"
    reasons: ClassVar[dict[str, str]] = {
        "stop": "end_turn",
        "length": "max_tokens",
        "tool_calls": "tool_use",
    }

    def provider(self, name: str, told: Found, attempts: Attempts, secrets: Secrets) -> Served:
        return anthropic.Anthropic(name, anthropic.Settings(**told), attempts, secrets)

    def text(self, text: str) -> list[Found]:
        return [
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": text},
            }
        ]

    def call(self, number: int, ident: str, name: str, *pieces: str) -> list[Found]:
        block = {"type": "tool_use", "id": ident, "name": name, "input": {}}
        at = {"index": number + 1}
        return [
            {"type": "content_block_start", "content_block": block, **at},
            *(
                {
                    "type": "content_block_delta",
                    "delta": {"type": "input_json_delta", "partial_json": one},
                    **at,
                }
                for one in pieces
            ),
            {"type": "content_block_stop", **at},
        ]

    def end(self, reason: str, read: int, written: int) -> list[Found]:
        return [
            {
                "type": "message_delta",
                "delta": {"stop_reason": self.reasons.get(reason, reason)},
                "usage": {"input_tokens": read, "output_tokens": written},
            },
            {"type": "message_stop"},
        ]

    def whole(self, text: str) -> Found:
        return {
            "type": "message",
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 3, "output_tokens": 2},
        }

    def error(self, code: int, kind: str, words: str) -> Found:
        return {"type": "error", "error": {"type": kind, "message": words}}


class GeminiFormat:
    name, path = "gemini", "/v1beta"
    reasons: ClassVar[dict[str, str]] = {
        "stop": "STOP",
        "length": "MAX_TOKENS",
        "tool_calls": "STOP",
    }

    def provider(self, name: str, told: Found, attempts: Attempts, secrets: Secrets) -> Served:
        return gemini.Gemini(name, gemini.Settings(**told), attempts, secrets)

    def text(self, text: str) -> list[Found]:
        return [{"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}}]}]

    def call(self, number: int, ident: str, name: str, *pieces: str) -> list[Found]:
        import json

        part = {"functionCall": {"id": ident, "name": name, "args": json.loads("".join(pieces))}}
        return [{"candidates": [{"content": {"parts": [part]}}]}]

    def end(self, reason: str, read: int, written: int) -> list[Found]:
        usage = {"promptTokenCount": read, "candidatesTokenCount": written}
        reason = self.reasons.get(reason, reason)
        return [{"candidates": [{"finishReason": reason}], "usageMetadata": usage}]

    def whole(self, text: str) -> Found:
        return {
            "candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": "STOP"}],
        }

    def error(self, code: int, kind: str, words: str) -> Found:
        return {"error": {"code": code, "message": words, "status": kind.upper()}}


FORMATS: tuple[Format, ...] = (OpenAIFormat(), AnthropicFormat(), GeminiFormat())

"""What only this format has. What all formats share is in test_served.py."""

from __future__ import annotations

from typing import Any

import pytest

from loom_desktop.llm import Call, Delta, Finish, Message, Text, Thinking, Tool, ToolCall, Usage
from loom_desktop.llm.attempts import Attempts
from loom_desktop.llm.providers.gemini import Gemini, Parts, Settings, contents
from loom_desktop.llm.refusals import Failed
from loom_desktop.llm.served import Question
from tests.loom_desktop.llm.conftest import no_secrets

SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {
        "type": {"type": "string", "pattern": "x"},
        "many": {"type": "array", "items": {"type": "string", "const": "x"}},
        "some": {"anyOf": [{"type": "null"}, {"type": "integer", "exclusiveMinimum": 0}]},
    },
    "additionalProperties": False,
    "required": ["type"],
}


def model_of(attempts: Attempts, name: str = "gemini-pro") -> Gemini:
    return Gemini("far", Settings(model=name), attempts, no_secrets)


def read(*found: dict[str, Any]) -> list[Delta]:
    reader = Parts()
    return [piece for one in found for piece in reader.read(one)]


def candidate(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": list(parts)}, **more}]}


@pytest.mark.parametrize("name", ["gemini-pro", "models/gemini-pro", "gemini-pro?key=/../x"])
def test_the_model_is_part_of_the_address_and_nothing_else_is(
    attempts: Attempts, name: str
) -> None:
    url = model_of(attempts, name).url()
    base = "https://generativelanguage.googleapis.com/v1beta/models/"
    assert url.startswith(f"{base}gemini-pro")
    assert url.endswith(":streamGenerateContent?alt=sse")
    assert url.removeprefix(base).count("/") == 0
    assert url.count("?") == 1


def test_nothing_is_sent_that_is_not_set(attempts: Attempts) -> None:
    body = model_of(attempts).body(Question(messages=[Message("user", "hi")]))
    assert body == {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def test_results_are_found_by_name_and_signatures_go_back() -> None:
    call = Call(id="c1", name="find", arguments='{"q": 1}', signature="abc")
    made = contents(
        [
            Message("system", "be nice"),
            Message("user", "a"),
            Message("assistant", "", calls=(call,)),
            Message("tool", "found", answers="c1"),
            Message("user", "b"),
        ]
    )
    assert [one["role"] for one in made] == ["user", "model", "user"]
    assert made[1]["parts"] == [
        {"functionCall": {"name": "find", "args": {"q": 1}}, "thoughtSignature": "abc"}
    ]
    answer = {"functionResponse": {"name": "find", "response": {"result": "found"}}}
    assert made[2]["parts"] == [answer, {"text": "b"}]


def test_calls_come_whole_and_are_told_apart() -> None:
    pieces = read(
        candidate({"thought": True, "text": "Hm"}, {"text": "I look."}),
        candidate({"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "s"}),
        candidate({"functionCall": {"name": "f"}}, finishReason="STOP"),
    )
    assert pieces == [
        Thinking("Hm"),
        Text("I look."),
        ToolCall(index=0, name="f", arguments='{"a": 1}', signature="s"),
        ToolCall(index=1, name="f", arguments="{}"),
        Finish("tool_calls"),
    ]


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("STOP", "stop"), ("MAX_TOKENS", "length"), ("SAFETY", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"), ("FUNCTION_CALL", "tool_calls"), ("NEW", "new"),
    ],
)  # fmt: skip
def test_why_it_ended(reason: str, word: str) -> None:
    assert read(candidate(finishReason=reason)) == [Finish(word)]


def test_a_question_that_its_filter_stops() -> None:
    assert read({"promptFeedback": {"blockReason": "SAFETY"}}) == [Finish("content_filter")]


def test_a_call_that_the_model_could_not_write_is_asked_for_again() -> None:
    with pytest.raises(Failed) as caught:
        read(candidate(finishReason="MALFORMED_FUNCTION_CALL"))
    assert caught.value.passing


def test_thoughts_are_paid_for() -> None:
    counted = {"promptTokenCount": 5, "candidatesTokenCount": 3, "thoughtsTokenCount": 40}
    assert read({"usageMetadata": counted}) == [Usage(5, 43)]


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"candidates": 7},
        {"candidates": [7]},
        {"candidates": [{"content": 7}]},
        {"candidates": [{"content": {"parts": [7, {"text": 7}, {"functionCall": 7}]}}]},
        {"usageMetadata": {"promptTokenCount": "many"}},
        {"promptFeedback": 7},
    ],
)
def test_another_shape_is_left_out(found: dict[str, Any]) -> None:
    assert read(found) == []


def test_a_model_that_knows_the_smaller_kind_of_schema_gets_that(attempts: Attempts) -> None:
    model = model_of(attempts)
    tool = Tool(name="find", description="Finds", parameters=SCHEMA)
    body = model.body(Question(messages=[Message("user", "hi")], tools=[tool], schema=SCHEMA))
    told = Failed(400, 'Unknown name "parametersJsonSchema" at tools[0]')
    older = model.amended(body, told)
    assert older is not None
    (made,) = older["tools"][0]["functionDeclarations"]
    reduced = {
        "type": "object",
        "properties": {
            "type": {"type": "string"},
            "many": {"type": "array", "items": {"type": "string"}},
            "some": {"anyOf": [{"type": "null"}, {"type": "integer"}]},
        },
        "required": ["type"],
    }
    assert made == {"name": "find", "description": "Finds", "parameters": reduced}
    assert older["generationConfig"]["responseSchema"] == reduced
    assert model.amended(older, told) is None, "once is enough"


def test_only_models_that_answer_are_listed(attempts: Attempts) -> None:
    found = {
        "models": [
            {"name": "models/pro", "supportedGenerationMethods": ["generateContent"]},
            {"name": "models/embedder", "supportedGenerationMethods": ["embedContent"]},
            {"name": "models/old"},
        ]
    }
    assert model_of(attempts).listed(found) == ["pro", "old"]

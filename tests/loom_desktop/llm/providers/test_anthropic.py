"""What only this format has. What all formats share is in test_served.py."""

from __future__ import annotations

from typing import Any

import pytest

from loom_desktop.llm import Call, Delta, Finish, Message, Text, Thinking, ToolCall, Usage
from loom_desktop.llm.attempts import Attempts
from loom_desktop.llm.providers.anthropic import LONGEST, Anthropic, Blocks, Settings, turns
from loom_desktop.llm.refusals import Failed
from loom_desktop.llm.served import Question
from tests.loom_desktop.llm.conftest import no_secrets

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}


@pytest.fixture
def model(attempts: Attempts) -> Anthropic:
    return Anthropic("far", Settings(model="claude"), attempts, no_secrets)


def read(*found: dict[str, Any]) -> list[Delta]:
    reader = Blocks()
    return [piece for one in found for piece in reader.read(one)]


def asked(*messages: Message, **more: Any) -> Question:
    return Question(messages=messages or (Message("user", "hi"),), **more)


def test_the_format_wants_a_longest_answer_and_a_temperature_of_one_at_most(
    model: Anthropic,
) -> None:
    assert model.body(asked())["max_tokens"] == LONGEST
    body = model.body(asked(max_tokens=9, temperature=1.7))
    assert (body["max_tokens"], body["temperature"]) == (9, 1.0)
    assert not {"system", "tools", "tool_choice"} & body.keys()


def test_the_system_stands_apart_and_the_key_in_a_header_of_its_own(model: Anthropic) -> None:
    body = model.body(asked(Message("system", "Be nice."), Message("user", "hi")))
    assert body["system"] == "Be nice."
    assert [one["role"] for one in body["messages"]] == ["user"]
    assert model.headers("sk-1")["x-api-key"] == "sk-1"
    assert "x-api-key" not in model.headers("")


TURNS: dict[str, tuple[list[Message], list[tuple[str, list[str]]]]] = {
    "results of two tools are one turn of the user": (
        [
            Message("user", "a"),
            Message("assistant", "", calls=(Call(id="1", name="f", arguments="{}"),)),
            Message("tool", "r1", answers="1"),
            Message("tool", "r2", answers="2"),
            Message("user", "b"),
        ],
        [
            ("user", ["text"]),
            ("assistant", ["tool_use"]),
            ("user", ["tool_result", "tool_result", "text"]),
        ],
    ),
    "it begins with the user": (
        [Message("assistant", "hello"), Message("user", "a")],
        [("user", ["text"]), ("assistant", ["text"]), ("user", ["text"])],
    ),
    "what is empty is not said": (
        [Message("user", "a"), Message("assistant", " \n"), Message("user", "b")],
        [("user", ["text", "text"])],
    ),
    "nothing at all": ([], []),
}


@pytest.mark.parametrize("case", TURNS)
def test_turns_alternate(case: str) -> None:
    messages, expected = TURNS[case]
    made = turns(messages)
    assert [(one["role"], [block["type"] for block in one["content"]]) for one in made] == expected


@pytest.mark.parametrize(
    ("written", "given"),
    [
        ('{"a": 1}', {"a": 1}), ("", {}), ("[1]", {"value": [1]}), ('{"a": ', {"text": '{"a": '}),
        ("[" * 100_000, {"text": "[" * 100_000}),
    ],
    ids=["object", "nothing", "list", "broken", "deep"],
)  # fmt: skip
def test_arguments_go_back_as_an_object_whatever_the_model_wrote(
    written: str, given: dict[str, Any]
) -> None:
    call = Call(id="1", name="f", arguments=written)
    assert turns([Message("user", "a"), Message("assistant", "", calls=(call,))])[1]["content"] == [
        {"type": "tool_use", "id": "1", "name": "f", "input": given}
    ]


def test_thoughts_are_no_part_of_the_answer_and_a_ping_is_nothing() -> None:
    pieces = read(
        {"type": "message_start", "message": {"usage": {"input_tokens": 5}}},
        {"type": "ping"},
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "thinking", "thinking": ""},
        },
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "thinking_delta", "thinking": "Hm"},
        },
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "signature_delta", "signature": "x"},
        },
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": "A"}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "B"}},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"output_tokens": 3},
        },
        {"type": "message_stop"},
    )
    assert pieces == [Thinking("Hm"), Text("A"), Text("B"), Usage(5, 3), Finish("stop")]


def test_what_was_read_from_a_cache_was_read() -> None:
    usage = {"input_tokens": 5, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 7}
    start = {"type": "message_start", "message": {"usage": usage}}
    end = {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 1}}
    assert read(start, end) == [Usage(112, 1)]


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("end_turn", "stop"), ("stop_sequence", "stop"), ("pause_turn", "stop"),
        ("max_tokens", "length"), ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"), ("refusal", "content_filter"), ("brand_new", "brand_new"),
    ],
)  # fmt: skip
def test_why_it_ended(reason: str, word: str) -> None:
    assert read({"type": "message_delta", "delta": {"stop_reason": reason}}) == [Finish(word)]


def test_the_end_is_an_end_without_a_reason() -> None:
    assert read({"type": "message_stop"}) == [Finish("stop")]


def test_a_call_that_is_whole_at_once() -> None:
    block = {"type": "tool_use", "id": "1", "name": "f", "input": {"q": "ä"}}
    whole = {"type": "message", "content": [block], "stop_reason": "tool_use"}
    assert read(whole) == [
        ToolCall(index=0, id="1", name="f", arguments='{"q": "ä"}'),
        Finish("tool_calls"),
    ]


def test_an_answer_by_schema_is_forced_and_comes_as_text(model: Anthropic) -> None:
    body = model.body(asked(schema=SCHEMA))
    (tool,) = body["tools"]
    assert body["tool_choice"] == {"type": "tool", "name": tool["name"]}
    block = {"type": "tool_use", "id": "1", "name": tool["name"], "input": {"n": 7}}
    whole = {"type": "message", "content": [block], "stop_reason": "tool_use"}
    assert read(whole) == [Text('{"n": 7}'), Finish("stop")]


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"type": "content_block_delta"},
        {"type": "content_block_delta", "delta": 7},
        {"type": "content_block_start", "content_block": []},
        {"type": 7},
        {"type": "message_start"},
        {"type": "message_start", "message": {"usage": {"input_tokens": "many"}}},
        {"type": "content_block_delta", "index": "x", "delta": {"text": 7}},
    ],
)
def test_another_shape_is_left_out(found: dict[str, Any]) -> None:
    assert read(found) == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ({"type": "overloaded_error", "message": "Busy"}, 529),
        ({"type": "rate_limit_error", "message": "Busy"}, 429),
        ({"type": "invalid_request_error", "message": "Busy"}, 400),
        ({"message": "Busy"}, 500),
    ],
)
def test_an_error_inside_the_stream(error: dict[str, Any], status: int) -> None:
    with pytest.raises(Failed, match="Busy") as caught:
        read({"type": "error", "error": error})
    assert caught.value.status == status


def test_a_model_that_takes_no_temperature_is_asked_without(model: Anthropic) -> None:
    body = model.body(asked(temperature=0.5))
    told = Failed(400, "temperature: not supported by this model")
    assert model.amended(body, told) == {k: v for k, v in body.items() if k != "temperature"}
    assert model.amended(model.body(asked()), told) is None
    assert model.amended(body, Failed(500, "temperature")) is None

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.errors import Denied, SettingsError
from loom_desktop.event import Privacy
from loom_desktop.llm import (
    Asker,
    Call,
    Delta,
    Finish,
    Image,
    Message,
    Text,
    Thinking,
    Tool,
    ToolCall,
    Usage,
    calls,
)
from loom_desktop.llm.providers.openai import Chunks, OpenAI
from loom_desktop.llm.refusals import Failed
from loom_desktop.net import Net
from tests.fake_model_server import FakeModelServer, chunk, events, finish, status, stream

Model = Callable[..., OpenAI]
HELLO = [Message("user", "hello")]


async def answer(model: OpenAI, messages: list[Message] = HELLO, **how: Any) -> list[Delta]:
    return [one async for one in model.stream(messages, **how)]


def read(*found: dict[str, Any]) -> list[Delta]:
    reader = Chunks()
    return [piece for one in found for piece in reader.read(one)]


# ------------------------------------------------------------------------------ what is sent


async def test_the_request_says_what_the_settings_say(
    server: FakeModelServer, model: Model
) -> None:
    await answer(model(temperature=0.3, max_tokens=99, api_key="keyring:right"))
    asked = server.questions[0]
    assert asked.headers["authorization"] == "Bearer sk-right-key"
    assert asked.json == {
        "model": "fake-7b",
        "messages": [{"role": "user", "content": "hello"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 99,
        "temperature": 0.3,
    }


async def test_what_is_not_set_is_not_sent_and_the_caller_counts_over_the_settings(
    server: FakeModelServer, model: Model
) -> None:
    await answer(model())
    await answer(model(temperature=0.3, max_tokens=99), temperature=0.0, max_tokens=5)
    first, second = (one.json for one in server.questions)
    assert not {"temperature", "max_tokens", "tools"} & set(first)
    assert "authorization" not in server.questions[0].headers
    assert (second["temperature"], second["max_tokens"]) == (0.0, 5)


async def test_pictures_calls_and_results_are_sent_as_the_format_has_them(
    server: FakeModelServer, model: Model
) -> None:
    tool = Tool(name="find", description="Finds", parameters={"type": "object"})
    messages = [
        Message("system", "be nice"),
        Message("user", "look", images=(Image("image/png", b"\x89PNG"),)),
        Message("assistant", "", calls=(Call(id="a", name="find", arguments='{"x": 1}'),)),
        Message("tool", "found", answers="a"),
    ]
    await answer(model(), messages, tools=[tool])
    sent = server.questions[0].json
    assert sent["messages"][1]["content"][1]["image_url"]["url"] == "data:image/png;base64,iVBORw=="
    assert sent["messages"][2]["tool_calls"][0]["function"]["arguments"] == '{"x": 1}'
    assert sent["messages"][3] == {"role": "tool", "content": "found", "tool_call_id": "a"}
    assert sent["tools"][0]["function"]["name"] == "find"


async def test_the_ledger_says_on_whose_behalf(model: Model, lines: Any) -> None:
    asker = Asker(agent="chat", thread=5, privacy=Privacy.PRIVATE)
    await answer(model(), asker=asker)
    line = lines.begun[0]
    assert (line["purpose"], line["agent"], line["thread"]) == ("answer", "chat", 5)
    assert line["privacy"] is Privacy.PRIVATE


@pytest.mark.parametrize(
    ("words", "before", "after"),
    [
        (
            "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
            "max_tokens",
            "max_completion_tokens",
        ),
        ("unknown field stream_options", "stream_options", ""),
        ("'temperature' does not support 0.3 with this model", "temperature", ""),
    ],
)
async def test_a_parameter_that_a_server_does_not_know_is_left_out_the_second_time(
    words: str, before: str, after: str, server: FakeModelServer, model: Model
) -> None:
    server.play(status(400, {"error": {"message": words}}), stream("Hello"))
    pieces = await answer(model(temperature=0.3, max_tokens=9))
    assert Finish("stop") in pieces
    first, second = (one.json for one in server.questions)
    assert before in first
    assert before not in second
    assert not after or second[after] == first[before]


# ------------------------------------------------------------------------------ what is read


async def test_tool_calls_come_in_pieces(server: FakeModelServer, model: Model) -> None:
    def piece(index: int, **function: str) -> dict[str, Any]:
        call: dict[str, Any] = {"index": index, "function": function}
        return chunk(tool_calls=[call | ({"id": f"c{index}"} if "name" in function else {})])

    server.play(
        events(
            piece(0, name="find", arguments=""),
            piece(0, arguments='{"ti'),
            piece(1, name="move", arguments="{}"),
            piece(0, arguments='tle": "x"}'),
            finish("tool_calls"),
            "[DONE]",
        )
    )
    pieces = await answer(model())
    assert calls([one for one in pieces if isinstance(one, ToolCall)]) == [
        Call(id="c0", name="find", arguments='{"title": "x"}'),
        Call(id="c1", name="move", arguments="{}"),
    ]
    assert pieces[-1] == Finish("tool_calls")


def test_tool_calls_of_sloppy_servers_are_read_too() -> None:
    sloppy = [{"function": {"name": "find", "arguments": {"a": 1}}}, {"id": 7}, "nonsense"]
    assert read(chunk(tool_calls=sloppy)) == [
        ToolCall(index=0, name="find", arguments='{"a":1}'),
        ToolCall(index=1, id="7"),
    ]


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_thoughts_in_a_field_of_their_own_are_no_answer(field: str) -> None:
    assert read(chunk(**{field: "hm"}), chunk(content="yes")) == [Thinking("hm"), Text("yes")]


@given(
    st.sampled_from(
        [
            ("<think>hm</think>yes", "hm", "yes"),
            ("\n<think>\nhm\n</think>\n\nyes", "\nhm\n", "yes"),
            ("<think></think>yes", "", "yes"),
            ("<think>for ever", "for ever", ""),
            ("<think>a < b</think>yes", "a < b", "yes"),
            ("plain", "", "plain"),
            ("<thin", "", "<thin"),
            ("<b>bold</b>", "", "<b>bold</b>"),
            ("say <think> aloud", "", "say <think> aloud"),
            ("<think>a</think>b<think>c</think>", "a", "b<think>c</think>"),
        ]
    ),
    st.integers(1, 30),
)
def test_thoughts_between_marks_are_no_answer_however_they_are_cut(
    case: tuple[str, str, str], size: int
) -> None:
    text, thought, said = case
    pieces = read(*(chunk(content=text[i : i + size]) for i in range(0, len(text), size)), finish())
    assert "".join(one.text for one in pieces if isinstance(one, Thinking)) == thought
    assert "".join(one.text for one in pieces if isinstance(one, Text)) == said


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"choices": None},
        {"choices": []},
        {"choices": [None, 7, "x"]},
        {"choices": [{"delta": None}]},
        {"choices": [{"delta": {"content": None}}]},
        {"choices": [{"delta": {"content": ["x"]}}]},
        {"choices": [{"delta": {"tool_calls": "x"}}]},
        {"usage": None},
        {"usage": {"prompt_tokens": "7", "completion_tokens": None}},
        {"usage": {"prompt_tokens": 0, "completion_tokens": 0}},
        {"object": "something.else"},
    ],
)
def test_what_has_another_shape_is_left_out(found: dict[str, Any]) -> None:
    assert read(found) == []


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["choices", "delta", "message", "content", "usage", "tool_calls", "function"]
                ),
                inner,
                max_size=3,
            )
        ),
        max_leaves=20,
    )
)
def test_no_shape_breaks_the_reader(found: Any) -> None:
    read({"choices": found, "usage": found})
    read({"choices": [{"delta": found, "finish_reason": found}]})


@pytest.mark.parametrize(
    ("error", "status_", "words"),
    [
        ("boom", 500, "boom"),
        ({"message": "boom"}, 500, "boom"),
        ({"message": "boom", "code": 429}, 429, "boom"),
        ({"message": "boom", "code": "503"}, 503, "boom"),
        ({"message": "boom", "type": "overloaded_error"}, 529, "boom"),
        ({"message": "boom", "type": "rate_limit_error"}, 429, "boom"),
        ({"message": "boom", "code": 7}, 500, "boom"),
        ({"nested": {}}, 500, ""),
    ],
)
def test_an_error_inside_a_stream_is_read(error: Any, status_: int, words: str) -> None:
    with pytest.raises(Failed) as caught:
        read({"error": error})
    assert (caught.value.status, caught.value.words) == (status_, words)


def test_usage_is_read_where_it_is_real() -> None:
    assert read({"usage": {"prompt_tokens": 3, "completion_tokens": 4}}) == [Usage(3, 4)]


# ------------------------------------------------------------------------------ settings


async def test_a_plain_key_is_refused_before_anything_is_asked(
    server: FakeModelServer, model: Model
) -> None:
    with pytest.raises(SettingsError, match="holds the key itself") as caught:
        model("deepseek", api_key="sk-plain")
    assert "loom secrets set deepseek" in caught.value.hint


async def test_a_key_that_is_missing_is_told_and_nothing_is_sent(
    server: FakeModelServer, model: Model
) -> None:
    with pytest.raises(SettingsError, match="no secret called 'none'"):
        await answer(model(api_key="keyring:none"))
    assert not server.requests


async def test_in_local_only_mode_not_even_the_key_is_looked_up(model: Model, net: Net) -> None:
    net.local_only = True
    with pytest.raises(Denied, match="Local only is on"):
        await answer(model(api_base="https://api.example.org/v1", api_key="keyring:none"))


async def test_a_public_name_may_not_lead_inside_and_a_near_one_may(
    server: FakeModelServer, model: Model, net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def inside(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    monkeypatch.setattr(net, "_resolve", inside)
    near = model(api_base=f"http://box.lan:{server.port}/v1")
    assert await answer(near)
    with pytest.raises(Denied):
        await answer(model(api_base=f"http://models.example.org:{server.port}/v1"))
    assert len(server.questions) == 1


@pytest.mark.parametrize(
    ("settings", "local"),
    [
        ({}, True),
        ({"model": "gpt-oss:120b-cloud"}, False),
        ({"model": "kimi-k2:cloud"}, False),
        ({"api_base": "http://192.168.1.5:11434/v1"}, False),
        ({"api_base": "https://api.deepseek.com/v1"}, False),
    ],
)
async def test_local_means_that_nothing_leaves_this_computer(
    settings: dict[str, str], local: bool, model: Model
) -> None:
    assert model(**settings).facts.local is local


async def test_the_older_name_of_the_deadline_is_read(
    server: FakeModelServer, model: Model
) -> None:
    server.play(status(429, retry_after="9"))
    with pytest.raises(Exception, match="too many requests"):
        await answer(model(timeout_s=60.0, timeout_sec=1.0))


async def test_the_models_of_the_server_are_listed(server: FakeModelServer, model: Model) -> None:
    server.models = ("a", "b")
    assert await model().models() == ["a", "b"]


SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}
NOT_READ = "1 validation error: {'type': 'literal_error', 'loc': ('body', 'response_format')}"


async def test_a_server_that_cannot_read_a_schema_is_asked_in_the_ways_that_others_know(
    server: FakeModelServer, model: Model, pauses: list[float]
) -> None:
    refused = status(500, {"error": {"message": NOT_READ}})  # as llama.cpp's Python server says it
    server.play(refused, refused, refused, stream('{"n": 1}'))
    pieces = await answer(model(), schema=SCHEMA)
    assert "".join(one.text for one in pieces if isinstance(one, Text)) == '{"n": 1}'
    formats = [one.json.get("response_format", {}) for one in server.questions]
    assert formats[0]["json_schema"]["schema"] == SCHEMA
    assert formats[1:] == [
        {"type": "json_object", "schema": SCHEMA},
        {"type": "json_object"},
        {},
    ]
    assert not pauses or not any(pauses), "what cannot be read is not asked again as it was"

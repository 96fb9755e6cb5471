"""What a server does wrong, in each wire format: the right error, nothing lost, told in words."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from loom_desktop.errors import LoomError, NotFound, Unavailable, UsageError
from loom_desktop.llm import (
    Call,
    Delta,
    Finish,
    Image,
    Message,
    Text,
    Tool,
    ToolCall,
    Usage,
    calls,
)
from loom_desktop.llm.attempts import Attempts
from loom_desktop.llm.served import Served
from tests.fake_model_server import (
    Behaviour,
    FakeModelServer,
    cut_after,
    events,
    silent_after,
    status,
)
from tests.loom_desktop.llm.conftest import no_secrets
from tests.loom_desktop.llm.formats import FORMATS, Format

pytestmark = pytest.mark.parametrize("form", FORMATS, ids=[one.name for one in FORMATS])
HELLO = [Message("user", "hello")]
FIND = Tool(name="find", description="Finds", parameters={"type": "object", "properties": {}})
Make = Callable[..., Served]


@pytest.fixture
def served(form: Format, server: FakeModelServer, attempts: Attempts) -> Make:
    def make(**settings: Any) -> Served:
        base = f"http://127.0.0.1:{server.port}{form.path}"
        told = {"api_base": base, "model": "fake-7b", "timeout_s": 5.0, **settings}
        return form.provider("local", told, attempts, no_secrets)

    return make


async def asked(model: Served, messages: list[Message] = HELLO, **how: Any) -> list[Delta]:
    return [one async for one in model.stream(messages, **how)]


def said(pieces: list[Delta]) -> str:
    return "".join(one.text for one in pieces if isinstance(one, Text))


def answer(form: Format, *texts: str, reason: str = "stop") -> list[dict[str, Any]]:
    return [*(one for text in texts for one in form.text(text)), *form.end(reason, 7, 3)]


async def test_text_in_pieces_then_usage_then_the_end(
    form: Format, served: Make, server: FakeModelServer
) -> None:
    server.play(events(*answer(form, "Hel", "lo 你", "好 🧵")))
    pieces = await asked(served())
    assert [one.text for one in pieces if isinstance(one, Text)] == ["Hel", "lo 你", "好 🧵"]
    assert [one for one in pieces if isinstance(one, Usage)][-1] == Usage(7, 3)
    assert pieces[-1] == Finish("stop")


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
async def test_a_server_that_ignores_stream_is_read_all_the_same(
    form: Format, served: Make, server: FakeModelServer, kind: str
) -> None:
    server.play(events(json.dumps(form.whole("All at once.")).encode(), kind=kind))
    pieces = await asked(served())
    assert (said(pieces), pieces[-1]) == ("All at once.", Finish("stop"))


async def test_several_calls_at_once_and_one_id_given_twice(
    form: Format, served: Make, server: FakeModelServer
) -> None:
    found = [
        *form.call(0, "same", "find", '{"q": ', '"a"}'),
        *form.call(1, "same", "find", '{"q": "b"}'),
        *form.end("tool_calls", 7, 3),
    ]
    server.play(events(*found))
    pieces = await asked(served(), tools=[FIND])
    made = calls([one for one in pieces if isinstance(one, ToolCall)])
    assert [json.loads(one.arguments) for one in made] == [{"q": "a"}, {"q": "b"}]
    assert [one.name for one in made] == ["find", "find"]
    assert len({one.id for one in made}) == 2
    assert pieces[-1] == Finish("tool_calls")


async def test_huge_arguments_of_a_call_come_whole(
    form: Format, served: Make, server: FakeModelServer
) -> None:
    text = "x" * 400_000
    pieces = [f'{{"q": "{text[:200_000]}', f'{text[200_000:]}"}}']
    server.play(events(*form.call(0, "1", "find", *pieces), *form.end("tool_calls", 7, 3)))
    found = await asked(served(), tools=[FIND])
    (one,) = calls([piece for piece in found if isinstance(piece, ToolCall)])
    assert json.loads(one.arguments) == {"q": text}


FAULTS: dict[str, tuple[Callable[[Format], Behaviour], type[LoomError], str, int]] = {
    "401": (lambda form: status(401, form.error(401, "auth", "Bad key")), Unavailable, "key", 1),
    "404": (
        lambda form: status(404, form.error(404, "not_found_error", "model: nope not found")),
        NotFound, "no model called", 1,
    ),
    "429": (
        lambda form: status(429, form.error(429, "rate_limit_error", "Slow down"), retry_after="1"),
        Unavailable, "too many requests at the moment (429): Slow down", 3,
    ),
    "500": (
        lambda form: status(500, form.error(500, "api_error", "Oops")),
        Unavailable, "an error of its own (500): Oops", 3,
    ),
    "529": (
        lambda form: status(529, form.error(529, "overloaded_error", "Busy")),
        Unavailable, "overloaded at the moment (529): Busy", 3,
    ),
    "too long": (
        lambda form: status(400, form.error(400, "invalid_request_error", "prompt is too long")),
        UsageError, "too long for fake-7b", 1,
    ),
    "malformed": (lambda form: events("{not json"), Unavailable, "not as a model does", 1),
    "a web page": (
        lambda form: events(b"<html>hello</html>", kind="text/html"),
        Unavailable, "not as a model does", 1,
    ),
    "empty": (lambda form: events(), Unavailable, "empty answer", 1),
    "error in the stream": (
        lambda form: events(form.error(529, "overloaded_error", "Busy")),
        Unavailable, "Busy", 3,
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_before_the_first_word(
    form: Format, served: Make, server: FakeModelServer, fault: str, pauses: list[float]
) -> None:
    behave, kind, words, tries = FAULTS[fault]
    server.play(behave(form))
    with pytest.raises(kind) as caught:
        await asked(served())
    assert words.lower() in caught.value.message.lower()
    assert caught.value.hint
    if fault != "empty":  # then it is asked why, in formats that can be
        assert len(server.questions) == tries
        assert len(pauses) == tries - 1


MIDDLE: dict[str, Callable[[Format], Behaviour]] = {
    "cut": lambda form: cut_after(*form.text("Half")),
    "garbled": lambda form: events(*form.text("Half"), "{not json"),
    "an error": lambda form: events(*form.text("Half"), form.error(529, "overloaded_error", "No")),
    "no end": lambda form: events(*form.text("Half")),
}


@pytest.mark.parametrize("fault", MIDDLE)
async def test_a_fault_after_the_first_word_keeps_what_came_and_is_not_asked_again(
    form: Format, served: Make, server: FakeModelServer, fault: str
) -> None:
    server.play(MIDDLE[fault](form))
    got: list[Delta] = []
    model = served()

    async def listen() -> None:
        async for piece in model.stream(HELLO):
            got.append(piece)

    with pytest.raises(LoomError) as caught:
        await listen()
    assert said(got) == "Half"
    assert caught.value.hint
    assert len(server.questions) == 1


async def test_what_is_slow_is_given_up_in_time(
    form: Format, served: Make, server: FakeModelServer
) -> None:
    server.play(silent_after())
    with pytest.raises(LoomError, match="did not answer within"):
        await asked(served(timeout_s=0.2))
    await server.hung_up.wait()


@pytest.mark.parametrize("reason", ["length", "stop"])
async def test_how_it_ended_has_one_word_in_all_formats(
    form: Format, served: Make, server: FakeModelServer, reason: str
) -> None:
    server.play(events(*answer(form, "Hi", reason=reason)))
    assert (await asked(served()))[-1] == Finish(reason)


async def test_a_whole_conversation_is_sent_with_pictures_calls_and_results(
    form: Format, served: Make, server: FakeModelServer
) -> None:
    server.play(events(*answer(form, "Done")))
    call = Call(id="c1", name="find", arguments='{"q": "a"}')
    messages = [
        Message("system", "Be nice."),
        Message("user", "look", images=(Image("image/png", b"\x89PNG"),)),
        Message("assistant", "", calls=(call,)),
        Message("tool", "found it", answers="c1"),
        Message("user", "thanks"),
    ]
    await asked(served(api_key="keyring:right"), messages, tools=[FIND], max_tokens=9)
    (question,) = server.questions
    text = question.body.decode()
    for part in ("Be nice.", "look", "iVBORw==", "find", "found it", "thanks"):
        assert text.count(part) >= 1, part
    assert "sk-right-key" in str(question.headers)
    assert "sk-right-key" not in question.path + text


async def test_an_answer_by_schema_is_text_that_is_json(
    form: Format, served: Make, server: FakeModelServer
) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    found = form.text('{"n": 7}')
    if form.name == "anthropic":  # a tool that it must call
        found = form.call(0, "1", "answer_by_schema", '{"n":', " 7}")
    server.play(
        events(*found, *form.end("tool_calls" if form.name == "anthropic" else "stop", 7, 3))
    )
    pieces = await asked(served(), schema=schema)
    assert json.loads(said(pieces)) == {"n": 7}
    assert pieces[-1] == Finish("stop")
    assert '"n":{"type":"integer"}' in server.questions[0].body.decode().replace(" ", "")


async def test_the_models_of_the_server_are_listed(
    form: Format, served: Make, server: FakeModelServer
) -> None:
    server.models = ("a", "b")
    assert await served().models() == ["a", "b"]


@pytest.mark.parametrize(
    "found", [[], 7, {}, {"data": 7}, {"data": [{"id": 7}, 7]}, {"models": [7, {"name": 7}]}]
)
async def test_a_list_of_another_shape_is_empty(form: Format, served: Make, found: Any) -> None:
    assert served().listed(found) == []


@pytest.mark.parametrize("name", ["gpt-oss:120b-cloud", "x:cloud", "x-Cloud "])
async def test_what_ollama_passes_on_does_not_stay_here(
    form: Format, served: Make, name: str
) -> None:
    assert not served(model=name).facts.local


async def test_no_error_repeats_the_key(
    form: Format, served: Make, server: FakeModelServer
) -> None:
    words = "Incorrect API key provided: sk-right-key"
    server.play(events(form.error(401, "auth", words)))
    with pytest.raises(LoomError) as caught:
        await asked(served(api_key="keyring:right"))
    assert "sk-right-key" not in f"{caught.value.message} {caught.value.hint}"
    cause = caught.value.__cause__
    assert "sk-right-key" not in f"{cause!r} {cause}"


async def test_what_is_said_here_stays_here(form: Format, served: Make, attempts: Attempts) -> None:
    assert served().facts.local
    told = {"api_base": "https://models.example.com", "model": "m"}
    there = form.provider("far", told, attempts, no_secrets).facts
    assert not there.local
    assert there.api_base == f"https://models.example.com{form.path}"

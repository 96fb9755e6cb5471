"""Every fault that real model servers have shown, played by a server of our own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from loom_desktop.errors import LoomError, NotFound, TimedOut, Unavailable, UsageError
from loom_desktop.llm import Delta, Finish, Message, Text, Usage
from loom_desktop.llm.attempts import MOST_TRIES, Attempts, Turns
from loom_desktop.llm.endpoint import endpoint
from loom_desktop.llm.providers.openai import OpenAI
from loom_desktop.net import Net, Unreachable
from loom_desktop.tasks import Tasks
from tests.fake_model_server import (
    Behaviour,
    FakeModelServer,
    Reply,
    Request,
    chunk,
    cut_after,
    events,
    finish,
    silent_after,
    sse,
    status,
    stream,
    usage,
)

Model = Callable[..., OpenAI]
HELLO = [Message("user", "hello")]


class Got:
    """What came, until the end or until it went wrong."""

    def __init__(self) -> None:
        self.pieces: list[Delta] = []
        self.error: LoomError | None = None

    @property
    def text(self) -> str:
        return "".join(one.text for one in self.pieces if isinstance(one, Text))

    @property
    def said(self) -> str:
        assert self.error, f"it worked: {self.text!r}"
        assert self.error.hint, self.error.message
        return f"{self.error.message} | {self.error.hint}"


async def ask(model: OpenAI, **how: Any) -> Got:
    got = Got()
    try:
        async for piece in model.stream(HELLO, **how):
            got.pieces.append(piece)
    except LoomError as error:
        got.error = error
    return got


async def eventually(what: Callable[[], bool], within_s: float = 5.0) -> None:
    async with asyncio.timeout(within_s):
        while not what():
            await asyncio.sleep(0.005)


# ------------------------------------------------------------------------------ it works


async def test_an_answer_comes_in_pieces_and_ends(server: FakeModelServer, model: Model) -> None:
    server.play(stream("Hello from **here**."))
    got = await ask(model())
    assert got.text == "Hello from **here**."
    assert len([one for one in got.pieces if isinstance(one, Text)]) > 2
    assert isinstance(got.pieces[-2], Usage)
    assert got.pieces[-1] == Finish("stop")


async def test_pieces_are_handed_over_as_they_come(server: FakeModelServer, model: Model) -> None:
    server.play(silent_after(chunk(content="first")))
    pieces = model().stream(HELLO)
    async with asyncio.timeout(5):
        assert await anext(pieces) == Text("first")
    await pieces.aclose()
    await eventually(lambda: server.open == 0)


async def test_a_slow_first_word_is_waited_for(server: FakeModelServer, model: Model) -> None:
    server.play(stream("late", first_s=0.3))
    assert (await ask(model(timeout_s=5))).text == "late"


async def test_a_long_answer_may_take_longer_than_its_first_word(
    server: FakeModelServer, model: Model
) -> None:
    server.play(stream("one two three four five six seven eight", delay_s=0.1))
    got = await ask(model(timeout_s=0.5))
    assert (got.text[-5:], got.error) == ("eight", None)


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("counted", [True, False])
async def test_usage_and_the_mark_of_the_end_may_be_missing(
    done: bool, counted: bool, server: FakeModelServer, model: Model
) -> None:
    server.play(stream("Hello", done=done, counted=counted))
    got = await ask(model())
    assert (got.text, got.error) == ("Hello", None)
    assert any(isinstance(one, Usage) for one in got.pieces) == counted


async def test_a_server_that_never_closes_after_its_end_is_not_waited_for(
    server: FakeModelServer, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loom_desktop.llm.attempts._LINGER_S", 0.05)
    server.play(silent_after(chunk(content="Hello"), finish()))
    got = await ask(model())
    assert (got.text, got.error) == ("Hello", None)


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", "text/plain"])
async def test_a_server_that_does_not_stream_is_read_too(
    kind: str, server: FakeModelServer, model: Model
) -> None:
    body = {
        "choices": [{"message": {"content": "whole"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2},
    }
    server.play(status(200, body, kind))
    got = await ask(model())
    assert got.pieces == [Text("whole"), Usage(1, 2), Finish("stop")]


async def test_characters_cut_in_two_and_other_charsets_arrive_whole(
    server: FakeModelServer, model: Model
) -> None:
    data = sse(chunk(content="Käse 🧀"))
    cut = data.index("🧀".encode()) + 2
    latin = b'data: {"choices":[{"delta":{"content":" f\xfcr"}}]}\n\n'
    kind = "text/event-stream; charset=iso-8859-1"
    server.play(events(data[:cut], data[cut:], latin, finish(), kind=kind))
    assert (await ask(model())).text == "Käse 🧀 für"


# ------------------------------------------------------------------------------ tries again


@pytest.mark.parametrize(
    ("fault", "waits"),
    [
        (status(429, retry_after="2"), [2.0]),
        (status(429, retry_after="0"), [0.0]),
        (status(429), [0.5]),
        (status(429, retry_after="tomorrow"), [0.5]),
        (status(429, retry_after="-5"), [0.5]),
        (status(429, retry_after="nan"), [0.5]),
        (
            status(
                503,
                retry_after="Fri, 20 Nov 2026 10:00:03 GMT",
                date="Fri, 20 Nov 2026 10:00:00 GMT",
            ),
            [3.0],
        ),
        (status(408), [0.5]),
        (status(409), [0.5]),
        (status(500), [0.5]),
        (status(502, b"<html>bad gateway</html>", "text/html"), [0.5]),
        (status(529), [0.5]),
        (events({"error": {"message": "overloaded", "type": "overloaded_error"}}), [0.5]),
    ],
)
async def test_what_passes_is_tried_again(
    fault: Behaviour,
    waits: list[float],
    server: FakeModelServer,
    model: Model,
    pauses: list[float],
) -> None:
    server.play(fault, stream("Hello"))
    assert (await ask(model())).text == "Hello"
    assert pauses == waits


async def test_a_line_that_breaks_before_the_answer_is_tried_again(
    server: FakeModelServer, model: Model, pauses: list[float]
) -> None:
    async def cut(request: Request, reply: Reply) -> None:
        reply.cut()

    server.play(cut, cut_after(), stream("Hello"))
    assert (await ask(model())).text == "Hello"
    assert pauses == [0.5, 1.0]


async def test_tries_end(server: FakeModelServer, model: Model, pauses: list[float]) -> None:
    server.play(status(500, {"error": "out of memory"}))
    said = (await ask(model())).said
    assert "had an error of its own (500): out of memory" in said
    assert len(server.questions) == MOST_TRIES
    assert pauses == [0.5, 1.0]


async def test_a_wait_longer_than_the_deadline_is_told_and_not_waited(
    server: FakeModelServer, model: Model, pauses: list[float]
) -> None:
    server.play(status(429, retry_after="90"))
    assert "Try again in 90 seconds." in (await ask(model(timeout_s=10))).said
    assert pauses == []


@pytest.mark.parametrize("code", [400, 401, 403, 404, 405, 422])
async def test_no_other_refusal_is_tried_again(
    code: int, server: FakeModelServer, model: Model
) -> None:
    server.play(status(code), stream("Hello"))
    assert (await ask(model())).error
    assert len(server.questions) == 1


async def test_an_empty_account_is_not_tried_again(server: FakeModelServer, model: Model) -> None:
    body = {"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}
    server.play(status(429, body), stream("Hello"))
    assert "no credit left" in (await ask(model())).said
    assert len(server.questions) == 1


# ------------------------------------------------------------------------------ in words


@pytest.mark.parametrize(
    ("fault", "settings", "kind", "says"),
    [
        (status(401), {}, Unavailable, "wants a key, and none is set (401). | Store it with"),
        (
            status(401),
            {"api_key": "keyring:wrong"},
            Unavailable,
            'did not accept the key (401). | Store the right one with "loom secrets set wrong".',
        ),
        (status(402), {}, Unavailable, "no credit left"),
        (
            status(403, {"error": {"message": "Not for you"}}),
            {"api_key": "keyring:wrong"},
            Unavailable,
            "(403): Not for you",
        ),
        (
            status(404, {"error": {"message": "model 'x' not found, try pulling it first"}}),
            {"model": "x"},
            NotFound,
            "has no model called 'x'. There are: fake-7b.",
        ),
        (
            status(400, {"error": {"message": "Model Not Exist"}}),
            {"model": "x"},
            NotFound,
            "has no model called 'x'. There are: fake-7b.",
        ),
        (status(404, b"<html>", "text/html"), {}, NotFound, "usually ends in /v1"),
        (status(302, b"", location="https://x/y"), {}, Unavailable, "(302). | Set api_base"),
        (
            status(400, {"error": {"message": "maximum context length is 512 tokens"}}),
            {},
            UsageError,
            "too long for fake-7b",
        ),
        (status(413), {}, UsageError, "too long"),
        (status(422, {"detail": [{"msg": "bad"}]}), {}, Unavailable, "refused the request (422)"),
        (status(429, retry_after="9"), {"timeout_s": 1.0}, Unavailable, "too many requests"),
        (status(529), {"timeout_s": 0.2}, Unavailable, "overloaded at the moment (529)"),
        (
            status(200, b"<!doctype html><title>Sign in</title>", "text/html"),
            {},
            Unavailable,
            "answered, but not as a model does: it sent a web page. | Check api_base",
        ),
        (events(b"\x00\x01garbage\xff"), {}, Unavailable, "not the answer of a model server"),
        (events("{broken"), {}, Unavailable, "a piece of it cannot be read"),
        (events(b"data: " + b"x" * 1_200_000), {}, Unavailable, "a line without end"),
        (events(), {}, Unavailable, "sent an empty answer."),
        (events("[DONE]"), {}, Unavailable, "sent an empty answer."),
        (events(finish("stop")), {}, Unavailable, "sent an empty answer."),
        (events(finish("length")), {}, Unavailable, "used all it may write"),
        (events(finish("content_filter")), {}, Unavailable, "its own filter"),
        (
            events({"error": {"message": "boom", "code": 400}}),
            {},
            Unavailable,
            "refused the request (400): boom",
        ),
        (silent_after(head=False), {"timeout_s": 0.2}, TimedOut, "did not answer within 0.2 s"),
        (silent_after(), {"timeout_s": 0.2}, TimedOut, "loading needs longer the first time"),
        (
            silent_after({"choices": []}, chunk(role="assistant")),
            {"timeout_s": 0.2},
            TimedOut,
            "did not answer within 0.2 s",
        ),
    ],
)
async def test_a_fault_is_told_in_words_that_say_what_to_do(
    fault: Behaviour,
    settings: dict[str, Any],
    kind: type[LoomError],
    says: str,
    server: FakeModelServer,
    model: Model,
) -> None:
    server.play(fault)
    got = await ask(model(**settings))
    assert says in got.said
    assert type(got.error) is kind
    assert got.text == ""
    assert "sk-" not in got.said
    await eventually(lambda: server._now == 0)


async def test_a_key_that_the_server_repeats_is_not_shown(
    server: FakeModelServer, model: Model
) -> None:
    server.play(status(403, {"error": {"message": "key sk-wrong-key is\nnot\x00 allowed"}}))
    got = await ask(model(api_key="keyring:wrong"))
    assert "key … is not allowed" in got.said
    assert server.questions[0].headers["authorization"] == "Bearer sk-wrong-key"


async def test_refused_is_told_at_once(model: Model, pauses: list[float]) -> None:
    async with FakeModelServer() as gone:
        url = gone.url
    got = await ask(model(api_base=url))
    assert got.said.startswith(url.removeprefix("http://").removesuffix("/v1"))
    assert "did not answer (connection refused). | Start it, or pick another model" in got.said
    assert isinstance(got.error, Unreachable)
    assert pauses == []


async def test_why_an_answer_is_empty_is_asked_without_streaming(
    server: FakeModelServer, model: Model
) -> None:
    """llama.cpp's server, on a text that is too long: 200, an empty stream, a dead connection."""

    async def overflow(request: Request, reply: Reply) -> None:
        if request.streamed:
            await reply.head(200, {"content-type": "text/event-stream", "connection": "close"})
            reply.writer.close()
        elif len(server.questions) == 2:
            reply.cut()
        else:
            body = {"error": {"message": "This model's maximum context length is 512 tokens"}}
            await status(400, body)(request, reply)

    server.play(overflow)
    got = await ask(model())
    assert isinstance(got.error, UsageError)
    assert server.questions[1].json["max_tokens"] == 1


# ------------------------------------------------------------------------------ after a word


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (cut_after(chunk(content="Half")), "hung up in the middle"),
        (events(chunk(content="Half")), "stopped in the middle"),
        (events(chunk(content="Half"), {"error": {"message": "boom"}}), "(500): boom"),
        (events(chunk(content="Half"), {"error": "busy", "code": 429}), "(500): busy"),
        (events(chunk(content="Half"), "{broken"), "something unreadable in the middle"),
        (silent_after(chunk(content="Half")), "went silent in the middle"),
    ],
)
async def test_after_a_word_the_text_is_kept_and_nothing_is_tried_again(
    fault: Behaviour,
    says: str,
    server: FakeModelServer,
    model: Model,
    attempts: Attempts,
    pauses: list[float],
) -> None:
    attempts.stall_s = 0.2
    server.play(fault, stream("Never"))
    got = await ask(model())
    assert got.text == "Half"
    assert says in got.said
    assert len(server.questions) == 1
    assert pauses == []


async def test_a_break_after_the_end_is_no_fault(server: FakeModelServer, model: Model) -> None:
    server.play(cut_after(chunk(content="Hello"), finish()))
    got = await ask(model())
    assert (got.text, got.error) == ("Hello", None)


async def test_signs_of_life_without_words_do_not_hold_an_answer_open(
    server: FakeModelServer, model: Model, attempts: Attempts
) -> None:
    async def alive(request: Request, reply: Reply) -> None:
        await reply.head(200, {"content-type": "text/event-stream"})
        await reply.send(sse(chunk(content="Half")))
        while not reply.left.is_set():
            await reply.send(b": still here\n\n" + sse(chunk()))
            await asyncio.sleep(0.02)

    attempts.stall_s = 0.2
    server.play(alive)
    assert "went silent" in (await ask(model())).said


# ------------------------------------------------------------------------------ giving up


async def test_cancelling_hangs_up_within_milliseconds(
    server: FakeModelServer, model: Model
) -> None:
    server.play(silent_after(chunk(content="Half")))
    got = Got()

    async def read() -> None:
        async for piece in model().stream(HELLO):
            got.pieces.append(piece)

    async with Tasks() as tasks:
        tasks.start("asking", read())
        await eventually(lambda: got.text == "Half")
        begun = time.perf_counter()
    assert time.perf_counter() - begun < 0.25
    async with asyncio.timeout(5):
        await server.hung_up.wait()
    await eventually(lambda: server.open == 0)


async def test_cancelling_while_waiting_to_try_again_ends_it(
    server: FakeModelServer, model: Model, net: Net
) -> None:
    waiting = asyncio.Event()

    async def pause(seconds: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    server.play(status(500))
    provider = model()
    provider._attempts.pause = pause
    async with Tasks() as tasks:
        tasks.start("asking", _drop(ask(provider)))
        async with asyncio.timeout(5):
            await waiting.wait()
    assert len(server.questions) == 1


async def test_one_question_at_a_time_for_a_server_of_this_computer(
    server: FakeModelServer, model: Model
) -> None:
    server.play(stream("Hello", delay_s=0.02))
    one, two = model("one"), model("two", model="other-7b")
    texts = [got.text for got in await asyncio.gather(*(ask(m) for m in (one, two, one, two)))]
    assert texts == ["Hello"] * 4
    assert server.most_at_once == 1


async def test_who_waits_too_long_for_a_turn_is_told(server: FakeModelServer, model: Model) -> None:
    server.play(silent_after(chunk(content="long")))
    first = model().stream(HELLO)
    assert await anext(first) == Text("long")
    assert "still busy with an earlier answer" in (await ask(model(timeout_s=0.1))).said
    await first.aclose()
    server.play(stream("Hello"))
    assert (await ask(model())).text == "Hello"


async def test_after_a_cancel_the_server_gets_a_rest_and_after_an_answer_it_does_not() -> None:
    turns, where = Turns(rest_s=0.2), endpoint("http://127.0.0.1:1/v1", "llm.x")

    async def turn(then: BaseException | None = None) -> float:
        begun = time.perf_counter()
        try:
            async with turns.turn(where, 5):
                waited = time.perf_counter() - begun
                if then:
                    raise then
        except asyncio.CancelledError:
            pass
        return waited

    await turn()
    assert await turn(asyncio.CancelledError()) < 0.1
    assert await turn() >= 0.15


async def test_servers_elsewhere_have_no_turns() -> None:
    turns, where = Turns(), endpoint("https://api.example.org/v1", "llm.x")
    async with asyncio.timeout(1), turns.turn(where, 0.1), turns.turn(where, 0.1):
        pass


async def test_usage_comes_before_the_end(server: FakeModelServer, model: Model) -> None:
    server.play(events(usage(3, 4), chunk(content="a"), finish(), usage(5, 6), "[DONE]"))
    assert (await ask(model())).pieces == [Usage(3, 4), Text("a"), Usage(5, 6), Finish("stop")]


async def _drop(work: Awaitable[Any]) -> None:
    await work

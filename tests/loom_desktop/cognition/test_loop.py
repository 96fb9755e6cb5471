"""The loop with a model that says its lines: what it does, where it stops, what it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

import pytest

from loom_desktop.cognition.loop import Limits, Loop, Outcome, Way
from loom_desktop.cognition.step import Step
from loom_desktop.errors import TimedOut, Unavailable
from loom_desktop.llm import Delta, Finish, Message, Phase, Text, Thinking, Tool, ToolCall, Usage
from loom_desktop.llm.refusals import NoTools
from loom_desktop.tasks import Tasks
from loom_desktop.testing import FakeClock

FIND = Tool(name="files-find", description="Finds files.", parameters={"type": "object"})
READ = Tool(name="files-read", description="Reads one.", parameters={"type": "object"})
QUESTION = [Message("system", "Be nice."), Message("user", "Where is it?")]
Line = Sequence[Delta] | Exception


def wants(name: str, index: int = 0, /, **arguments: Any) -> ToolCall:
    return ToolCall(index=index, id=f"c{index}", name=name, arguments=json.dumps(arguments))


def wrote(arguments: str) -> ToolCall:
    return ToolCall(index=0, id="c", name="files-find", arguments=arguments)


class ScriptedAnswer:
    def __init__(self, line: Line, cost: float | None) -> None:
        self.line, self.cost = line, cost
        self.usage: Usage | None = None

    async def __aiter__(self) -> AsyncGenerator[Delta, None]:
        if isinstance(self.line, Exception):
            raise self.line
        for one in self.line:
            await asyncio.sleep(0)
            if isinstance(one, Usage):
                self.usage = one
            yield one


class Script:
    """The model and its tools."""

    def __init__(self, *lines: Line, cost: float | None = 0.0) -> None:
        self.lines, self.cost = list(lines), cost
        self.asked: list[tuple[list[Message], Sequence[Tool], Any]] = []
        self.tools: Sequence[Tool] = (FIND, READ)
        self.done: list[tuple[str, dict[str, Any]]] = []
        self.most_at_once = self._now = 0

    def ask(self, messages: list[Message], tools: Sequence[Tool], schema: Any) -> ScriptedAnswer:
        self.asked.append((list(messages), tools, schema))
        line: Line = self.lines.pop(0) if self.lines else [Text("I do not know.")]
        return ScriptedAnswer(line, self.cost)

    async def call(self, name: str, arguments: dict[str, Any]) -> Outcome:
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        await asyncio.sleep(0)
        self._now -= 1
        self.done.append((name, arguments))
        return Outcome(name != "files-read", f"what {name} says")

    def loop(self, **more: Any) -> Loop:
        return Loop(self.ask, self, **{"mark": "m4rk", "clock": FakeClock(), **more})

    async def run(self, way: Way = "react", **more: Any) -> list[Step]:
        return [step async for step in self.loop(**more).run(way, QUESTION)]


def text(steps: list[Step]) -> str:
    return "".join(one.text for one in steps if one.kind == "text")


def kinds(steps: list[Step]) -> list[str]:
    return [one.kind for one in steps]


async def test_it_calls_reads_and_answers() -> None:
    script = Script(
        [Text("I look."), wants("files-find", q="a"), Finish("tool_calls")], [Text("There.")]
    )
    steps = await script.run()
    assert kinds(steps) == ["text", "call", "result", "text"]
    assert steps[1].facts == {"id": "c0", "tool": "files-find", "arguments": {"q": "a"}}
    assert script.done == [("files-find", {"q": "a"})]
    messages, tools, _ = script.asked[1]
    assert tools == (FIND, READ)
    assert [one.role for one in messages] == ["system", "user", "assistant", "tool"]
    assert messages[2].calls[0].id == messages[3].answers == "c0"
    assert messages[3].text == "<data m4rk from='files-find'>\nwhat files-find says\n</data m4rk>"


@pytest.mark.parametrize("way", ["direct", "thought"])
async def test_without_tools_there_is_one_answer(way: Way) -> None:
    script = Script([Text("<think>Hm"), Text("</think>There.")])
    steps = await script.run(way)
    assert [(one.kind, one.text) for one in steps] == [("thought", "Hm"), ("text", "There.")]
    ((messages, tools, _),) = script.asked
    assert not tools
    assert ("step by step" in messages[0].text) is (way == "thought")


async def test_a_plan_comes_first_and_is_worked_on() -> None:
    plan = '{"steps": ["look", "read"]}'
    script = Script([Text(plan)], [wants("files-find")], [Text("Done.")])
    steps = await script.run("plan")
    assert kinds(steps) == ["plan", "call", "result", "text"]
    assert steps[0].facts == {"steps": ["look", "read"]}
    assert script.asked[0][2]["required"] == ["steps"]
    assert "files-find, files-read" in script.asked[0][0][-1].text
    assert any(one.text == "My plan:\n1. look\n2. read" for one in script.asked[1][0])


async def test_a_plan_that_is_no_list_is_taken_as_it_was_written() -> None:
    script = Script([Text("- look\n- read\n")], [Text("Done.")])
    steps = await script.run("plan")
    assert steps[0].facts == {"steps": ["look", "read"]}


async def test_several_calls_run_at_once_and_are_answered_in_order() -> None:
    line = [wants("files-find", n, n=n) for n in range(6)]
    script = Script([*line], [Text("Done.")])
    steps = await script.run(limits=Limits(at_once=3))
    assert script.most_at_once == 3
    results = [one for one in script.asked[1][0] if one.role == "tool"]
    assert [one.answers for one in results] == [f"c{n}" for n in range(6)]
    assert kinds(steps) == ["call"] * 6 + ["result"] * 6 + ["text"]


async def test_more_calls_than_one_step_may_make_are_told_back() -> None:
    script = Script([wants("files-find", n, n=n) for n in range(300)], [Text("Done.")])
    steps = await script.run(limits=Limits(calls=5))
    assert len(script.done) == 5
    told = [one for one in script.asked[1][0] if one.role == "tool"]
    assert len(told) == len(script.asked[1][0][-1 - len(told)].calls) == 128
    assert sum("too many calls" in one.text for one in steps if one.kind == "result") == 123


async def test_a_model_without_tools_is_told_of_them_in_words() -> None:
    refused = NoTools("fake-7b cannot use tools.", hint="Pick another.")
    call = '<tool_call>{"name": "files-find", "arguments": {"q": "a"}}</tool_call>'
    script = Script(
        refused,
        [Text("I look. "), Text(call[:20]), Text(call[20:] + " It says: nothing")],
        [Text("There.")],
    )
    loop = script.loop()
    steps = [step async for step in loop.run("react", QUESTION)]
    assert not loop.native
    assert kinds(steps) == ["text", "call", "result", "text"]
    assert text(steps) == "I look. There.", "what it guessed after the call is not said"
    assert script.done == [("files-find", {"q": "a"})]
    messages, tools, _ = script.asked[2]
    assert not tools
    assert "files-find: Finds files." in messages[0].text
    assert [one.role for one in messages] == ["system", "user", "assistant", "user"]
    assert messages[2].text == f"I look. {call}"
    assert "what files-find says" in messages[3].text


MALFORMED: dict[str, tuple[list[Delta], str]] = {
    "no such tool": ([wants("files-erase")], "There is no tool 'files-erase'"),
    "not readable": ([wrote('{"q": ')], "could not be read"),
    "a list": ([wrote("[1]")], "could not be read"),
    "cut off": ([wrote('{"q": "/home"'), Finish("length")], "could not be read"),
}


@pytest.mark.parametrize("case", MALFORMED)
async def test_what_makes_no_sense_is_told_back_and_never_done(case: str) -> None:
    line, told = MALFORMED[case]
    script = Script(line, [Text("Sorry.")])
    steps = await script.run()
    assert script.done == []
    (result,) = [one for one in steps if one.kind == "result"]
    assert told in result.text
    assert not result.facts["ok"]
    assert told in script.asked[1][0][-1].text
    assert text(steps) == "Sorry."


async def test_a_written_call_that_was_cut_off_is_not_done_either() -> None:
    cut = '<tool_call>{"name": "files-find", "arguments": {"moves": [{"target": "/b"'
    script = Script([Text(cut), Finish("length")], [Text("Sorry.")])
    steps = await script.run(native=False)
    assert script.done == []
    assert "could not be read" in next(one.text for one in steps if one.kind == "result")


async def test_long_arguments_are_not_sent_again_with_each_step() -> None:
    long = wants("files-find", text="x" * 100_000)
    script = Script([long], [wants("files-read")], [Text("Done.")])
    await script.run()
    assert script.done[0][1] == {"text": "x" * 100_000}, "it was done as it was written"
    sent = sum(len(call.arguments) for one in script.asked[-1][0] for call in one.calls)
    assert sent < 1_000


async def test_a_plan_without_end_is_cut() -> None:
    script = Script([Text("word " * 50) for _ in range(1_000)], [Text("Done.")])
    steps = await script.run("plan")
    assert len(steps[0].text) < 2_000
    assert text(steps) == "Done."


async def test_a_plan_that_took_all_there_is_ends_with_an_answer() -> None:
    script = Script([Text('{"steps": ["a"]}'), Usage(500, 500)], [Text("Done.")])
    steps = await script.run("plan", limits=Limits(tokens=100))
    assert not script.asked[1][1], "no tools any more"
    assert text(steps) == "Done."


async def test_a_third_model_that_took_over_is_heard() -> None:
    line: list[Delta] = [Phase(phase="quick", target="local"), Phase(phase="refine")]
    steps = await Script([*line, Text("The real answer."), Finish("stop")]).run("direct")
    assert [(one.kind, one.text) for one in steps] == [
        ("quick", ""),
        ("replaced", "The real answer."),
    ]


async def test_sloppy_punctuation_is_repaired() -> None:
    script = Script([wrote('{"q": "a",}')], [Text(".")])
    await script.run()
    assert script.done == [("files-find", {"q": "a"})]


LIMITS: dict[str, tuple[Limits, Callable[[int], list[Delta]], str]] = {
    "steps": (Limits(steps=3), lambda n: [wants("files-find", n=n)], "it took 3 steps"),
    "tokens": (
        Limits(tokens=100),
        lambda n: [wants("files-find", n=n), Usage(30, 10)],
        "it used 120 tokens",
    ),
    "circles": (Limits(), lambda n: [wants("files-find")], "it turned in circles"),
    "mistakes": (Limits(), lambda n: [wants("files-erase", n=n)], "3 calls in a row made no sense"),
}


@pytest.mark.parametrize("case", LIMITS)
async def test_at_its_limit_it_answers_with_what_it_has(case: str) -> None:
    limits, line, why = LIMITS[case]
    script = Script(*(line(n) for n in range(20)))
    asked = 0

    def then_answer(messages: list[Message], tools: Sequence[Tool], schema: Any) -> ScriptedAnswer:
        nonlocal asked
        asked += 1
        if tools:
            return Script.ask(script, messages, tools, schema)
        assert "without tools" in messages[-1].text
        return ScriptedAnswer([Text("As far as I know.")], 0.0)

    loop = Loop(then_answer, script, mark="m", clock=FakeClock(), limits=limits)
    steps = [step async for step in loop.run("react", QUESTION)]
    (stopped,) = [one for one in steps if one.kind == "limit"]
    assert stopped.text == f"Stopped: {why}."
    assert text(steps) == "As far as I know."
    assert asked < 10


async def test_a_model_that_goes_on_calling_after_the_last_word_is_not_heard() -> None:
    script = Script(*([wants("files-find", n=n)] for n in range(9)))
    steps = await script.run(limits=Limits(steps=2))
    assert len(script.asked) == 3
    assert len(script.done) == 2
    assert kinds(steps)[-1] == "limit"


async def test_money_stops_it_and_an_unknown_price_is_not_zero() -> None:
    script = Script(*([wants("files-find", n=n)] for n in range(9)), cost=0.2)
    steps = await script.run(limits=Limits(dollars=0.5))
    assert "it cost 0.60 dollars" in next(one.text for one in steps if one.kind == "limit")
    unknown = Script([Text("Hi.")], cost=None)
    loop = unknown.loop()
    assert [step async for step in loop.run("react", QUESTION)]
    assert loop.spent.cost is None


async def test_time_stops_it_between_the_steps_and_in_the_middle_of_one_that_does_not_end() -> None:
    clock = FakeClock()
    script = Script(*([wants("files-find", n=n)] for n in range(9)))
    call = script.call

    async def slow(name: str, arguments: dict[str, Any]) -> Outcome:
        clock.forward(60.0)
        return await call(name, arguments)

    script.call = slow  # type: ignore[method-assign]
    steps = await script.run(clock=clock, limits=Limits(seconds=100.0))
    assert "it took 120 seconds" in next(one.text for one in steps if one.kind == "limit")

    endless, clock = Script([Text("a"), Text("b"), Text("c")]), FakeClock()

    async def listen() -> None:
        loop = endless.loop(clock=clock, limits=Limits(seconds=10.0))
        async for _ in loop.run("react", QUESTION):
            clock.forward(15.0)

    with pytest.raises(TimedOut):
        await listen()


async def test_what_the_person_says_meanwhile_steers_it() -> None:
    said: list[list[str]] = [[], ["Only PDFs, please."], []]
    script = Script([wants("files-find")], [wants("files-read")], [Text("Done.")])
    steps = await script.run(steer=lambda: said.pop(0))
    assert [one.text for one in steps if one.kind == "steered"] == ["Only PDFs, please."]
    assert script.asked[1][0][-1] == Message("user", "Only PDFs, please.")


async def test_a_long_result_is_cut_and_says_so_and_old_ones_give_way() -> None:
    script = Script(*([wants("files-find", n=n)] for n in range(8)), [Text("Done.")])

    async def long(name: str, arguments: dict[str, Any]) -> Outcome:
        return Outcome(True, "word " * 10_000)

    script.call = long  # type: ignore[method-assign]
    await script.run()
    results = [one.text for one in script.asked[-1][0] if one.role == "tool"]
    assert ["left out" in one for one in results] == [True] * 2 + [False] * 6
    assert all("more characters)" in one for one in results[2:])


async def test_an_error_of_the_model_ends_it_after_what_came() -> None:
    script = Script([wants("files-find")], Unavailable("It is away."))
    steps = list[Step]()

    async def listen() -> None:
        async for step in script.loop().run("react", QUESTION):
            steps.append(step)

    with pytest.raises(Unavailable, match="away"):
        await listen()
    assert kinds(steps) == ["call", "result"]


async def test_closing_it_ends_what_runs() -> None:
    ended, begun = asyncio.Event(), asyncio.Event()
    script = Script([wants("files-find")])

    async def hang(name: str, arguments: dict[str, Any]) -> Outcome:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return Outcome(True, "")

    script.call = hang  # type: ignore[method-assign]
    async with Tasks() as tasks:
        tasks.run("asking", script.run())
        await begun.wait()
    async with asyncio.timeout(5):
        await ended.wait()


async def test_thoughts_of_the_model_are_no_part_of_the_answer() -> None:
    steps = await Script([Thinking("Hm"), Text("Hi.")]).run()
    assert [(one.kind, one.text) for one in steps] == [("thought", "Hm"), ("text", "Hi.")]


PHASES: dict[str, tuple[list[Delta], list[tuple[str, str]]]] = {
    "replaced": (
        [Text("<think>Hm</think>Bet"), Text("ter."), Phase(phase="settled", outcome="replaced")],
        [("quick", ""), ("text", "Quick."), ("replaced", "Better.")],
    ),
    "confirmed": (
        [Text("Quick."), Phase(phase="settled", outcome="confirmed")],
        [("quick", ""), ("text", "Quick.")],
    ),
    "kept": (
        [Phase(phase="settled", outcome="kept")],
        [("quick", ""), ("text", "Quick.")],
    ),
}


@pytest.mark.parametrize("outcome", PHASES)
async def test_a_better_answer_takes_the_place_of_the_quick_one_when_it_is_whole(
    outcome: str,
) -> None:
    rest, expected = PHASES[outcome]
    line: list[Delta] = [Phase(phase="quick", target="local"), Text("Quick.")]
    line += [Phase(phase="refine", target="cloud"), *rest, Finish("stop")]
    steps = await Script(line).run("direct")
    assert [(one.kind, one.text) for one in steps] == expected

"""The loop: a model thinks, calls tools, reads what came of it, and answers.

Four ways. ``direct``: one answer. ``thought``: it reasons before it answers (Wei et al. 2022).
``react``: it calls tools and reads their results, again and again (Yao et al. 2022). ``plan``: it
writes down the steps first, then works on them as ``react`` does.

It is bounded by steps, tokens, money and time, and notices when it turns in circles; then the model
is asked for an answer with what it has. What tools answer is data that strangers may have written:
it stands between marks. What a model calls goes through the broker like every other call.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any, Literal, NamedTuple, Protocol

import msgspec

from loom_desktop.clock import Clock
from loom_desktop.cognition.step import Step
from loom_desktop.cognition.written import Piece, Written, call_of, manual, repaired
from loom_desktop.errors import TimedOut
from loom_desktop.llm import (
    Call,
    Delta,
    Finish,
    Message,
    Phase,
    Text,
    Thinking,
    Tool,
    ToolCall,
    Usage,
    calls,
)
from loom_desktop.llm.refusals import NoTools
from loom_desktop.llm.thoughts import Thoughts
from loom_desktop.llm.tokens import estimate

Way = Literal["direct", "thought", "react", "plan"]
_THINK = "Think step by step between <think> and </think>, then answer in plain words."
_PLAN = "Before you begin, write the steps that you will take: at most seven, short, in order."
_PLAN_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"steps": {"type": "array", "items": {"type": "string"}, "maxItems": 7}},
    "required": ["steps"],
    "additionalProperties": False,
}
_SHOWN_BEFORE = "(This result was shown before and is left out now.)"
_MOST_PLAN, _MOST_STEP = 4_000, 200
"""Characters of a plan that are read, and of each of its steps."""
_MOST_ARGUMENTS = 8_000
"""Characters of the arguments of a call that a model is shown again."""
_MOST_CALLS = 128
"""Of one step; what comes after them is not even answered."""
_TOO_MANY = "That were too many calls at once, so this one was not done. Make fewer."
_ENOUGH = "Answer now with what you know, in plain words, and without tools."
_MOST_RESULT = 2_000
"""Tokens of one result that a model is shown."""
_MOST_SHOWN = 6
"""Results that are shown in full; of older ones only that they were there."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How far one question may go."""

    steps: int = 10
    """Times that the model is asked."""
    at_once: int = 4
    """Calls that run at the same time."""
    calls: int = 16
    """Calls of one step; what a model wants beyond is told back."""
    tokens: int = 100_000
    """Read and written, all steps together."""
    dollars: float = 0.50
    seconds: float = 300.0
    repeats: int = 2
    """Times that the same call is made before it is taken for a circle."""
    mistakes: int = 3
    """Calls in a row that cannot be read or do not exist."""


class Outcome(NamedTuple):
    """What came of a call, in words for the model."""

    ok: bool
    text: str


class Toolbox(Protocol):
    """What may be called."""

    @property
    def tools(self) -> Sequence[Tool]:
        """By the names that a model may use."""

    async def call(self, name: str, arguments: dict[str, Any]) -> Outcome:
        """Do it. Never raises for what the tool does."""


class Answering(Protocol):
    """One answer of a model on its way, as ``llm.router.Answer`` is."""

    cost: float | None
    usage: Usage | None

    def __aiter__(self) -> AsyncGenerator[Delta, None]:
        """Once."""


Ask = Callable[[list[Message], Sequence[Tool], dict[str, Any] | None], Answering]
"""(messages, tools, schema) -> an answer."""
Steer = Callable[[], list[str]]
"""What the person said meanwhile, taken out."""


class Spent:
    """What one question has cost so far."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits, self._clock, self._begun = limits, clock, clock()
        self.steps = self.tokens = 0
        self.cost: float | None = 0.0
        """Dollars; None once the price of a step was not known."""
        self.estimated = False

    def add(self, answer: Answering) -> None:
        """One more step."""
        self.steps += 1
        if answer.usage is not None:
            self.tokens += answer.usage.prompt + answer.usage.completion
            self.estimated = self.estimated or answer.usage.estimated
        known = self.cost is not None and answer.cost is not None
        self.cost = (self.cost or 0.0) + (answer.cost or 0.0) if known else None

    @property
    def far_over(self) -> bool:
        """Whether it takes twice the time that it may: then it does not end by itself."""
        return self._clock() - self._begun >= 2 * self._limits.seconds

    @property
    def over(self) -> str:
        """Which limit is reached, as the end of a sentence; empty: none."""
        limits = self._limits
        if self.steps >= limits.steps:
            return f"it took {limits.steps} steps"
        if self.tokens >= limits.tokens:
            return f"it used {self.tokens:,} tokens"
        if self.cost is not None and self.cost >= limits.dollars:
            return f"it cost {self.cost:.2f} dollars"
        if self._clock() - self._begun >= limits.seconds:
            return f"it took {self._clock() - self._begun:.0f} seconds"
        return ""


class Turn:
    """One answer, taken apart: text and thoughts as they come, calls at the end."""

    def __init__(self, *, written: bool) -> None:
        self._thoughts, self._written = Thoughts(), Written() if written else None
        self._pieces: list[ToolCall] = []
        self._found: list[tuple[str, str]] = []
        """Calls in the text: the name where the mark says it, and what stands between the marks."""
        self.text = ""
        """What the person sees."""
        self._better: str | None = None
        """What a better answer has said so far, while one comes."""
        self.reason = "stop"

    def feed(self, delta: Delta) -> list[Step]:
        """The steps in a piece."""
        if isinstance(delta, Phase):
            return self._phase(delta)
        if isinstance(delta, Text):
            pieces = list(self._thoughts.feed(delta.text))
            if self._better is not None:  # it is shown when it is whole
                self._better += "".join(one.text for one in pieces if isinstance(one, Text))
                return []
            return self._texts(pieces)
        if isinstance(delta, Thinking):
            return [Step(kind="thought", text=delta.text)]
        if isinstance(delta, ToolCall):
            self._pieces.append(delta)
        elif isinstance(delta, Finish):
            self.reason = delta.reason
        return []

    def _phase(self, phase: Phase) -> list[Step]:
        if phase.phase == "quick":
            return [Step(kind="quick", facts={"target": phase.target})]
        if phase.phase == "refine":
            self._thoughts, self._better = Thoughts(), ""
            return []
        better, self._better = self._better or "", None
        better += "".join(one.text for one in self._thoughts.end() if isinstance(one, Text))
        self._thoughts = Thoughts()
        if phase.outcome != "replaced":
            return []
        self.text = better
        return [Step(kind="replaced", text=better)]

    def end(self) -> list[Step]:
        """The steps that were held back."""
        steps = self._texts(list(self._thoughts.end())) if self._better is None else []
        if self._better is not None:  # another model took over, and nobody said that it settled
            steps += self._phase(Phase(phase="settled", outcome="replaced"))
        if self._written is not None:  # what has no end may have been cut off
            steps += self._split(list(self._written.end()), cut=self.reason == "length")
        return steps

    @property
    def calls(self) -> list[Call]:
        """What the model wants done."""
        made = calls(self._pieces)
        for number, (name, arguments) in enumerate(self._found):
            made.append(Call(id=f"written_{number}", name=name, arguments=arguments))
        return made

    def _texts(self, pieces: Sequence[Text | Thinking]) -> list[Step]:
        steps: list[Step] = []
        for one in pieces:
            if isinstance(one, Thinking):
                steps.append(Step(kind="thought", text=one.text))
            elif self._written is None:
                self.text += one.text
                steps.append(Step(kind="text", text=one.text))
            else:
                steps += self._split(list(self._written.feed(one.text)))
        return steps

    def _split(self, pieces: Sequence[Piece], *, cut: bool = False) -> list[Step]:
        steps: list[Step] = []
        for one in pieces:
            if one.kind == "text":
                if not self._found:  # what a model writes after a call is its guess at the result
                    self.text += one.text
                    steps.append(Step(kind="text", text=one.text))
                continue
            read = call_of(one, cut=cut)
            name, arguments = read if read else (one.name, None)
            self._found.append((name, one.text if arguments is None else json.dumps(arguments)))
        return steps


class Loop:
    """One question from its first word to its answer. Iterate over ``run`` once."""

    def __init__(
        self,
        ask: Ask,
        toolbox: Toolbox,
        *,
        mark: str,
        clock: Clock,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        steer: Steer = list,
        native: bool = True,
        room: float = math.inf,
        count: Callable[[str], float] = estimate,
    ) -> None:
        """``mark``: a word that no text from outside can know. ``native``: whether the model is
        tried with tool calls of its own format; where it refuses, it is told of them in words.
        ``room``: tokens of a prompt, counted with ``count``."""
        self._ask, self._toolbox, self._mark = ask, toolbox, mark
        self._limits, self._steer = limits, steer
        self.native = native
        self.spent = Spent(limits, clock)
        self.left_out: list[str] = []
        """What the model was not shown any more, in words."""
        self._room, self._count = room, count
        self._made: Counter[str] = Counter()
        self._mistakes = 0

    async def run(self, way: Way, messages: Sequence[Message]) -> AsyncGenerator[Step, None]:
        """The steps, but for ``done``. Raises what the model raises."""
        said = list(messages)
        tools: Sequence[Tool] = self._toolbox.tools if way in ("react", "plan") else ()
        if way == "thought":
            said = _told(said, _THINK)
        if way == "plan":
            async with aclosing(self._plan(said)) as steps:
                async for step in steps:
                    yield step
        stopped = self.spent.over
        if stopped:  # the plan alone took it all
            tools = ()
        while True:
            for words in self._steer():
                said.append(Message("user", words))
                yield Step(kind="steered", text=words)
            turn = Turn(written=bool(tools) and not self.native)
            async with aclosing(self._turn(turn, said, tools)) as steps:
                async for step in steps:
                    yield step
            if turn.reason == "no tools":  # it refused them: once more, told in words
                self.native = False
                continue
            if not turn.calls or stopped:
                return
            async with aclosing(self._called(turn, said)) as steps:
                async for step in steps:
                    yield step
            stopped = self._stop()
            if stopped:
                yield Step(kind="limit", text=f"Stopped: {stopped}.", facts={"limit": stopped})
                said.append(Message("user", _ENOUGH))
                tools = ()

    def _stop(self) -> str:
        if over := self.spent.over:
            return over
        if self._mistakes >= self._limits.mistakes:
            return f"{self._mistakes} calls in a row made no sense"
        most = max(self._made.values(), default=0)
        return "it turned in circles" if most > self._limits.repeats + 1 else ""

    async def _turn(
        self, turn: Turn, said: list[Message], tools: Sequence[Tool]
    ) -> AsyncGenerator[Step, None]:
        messages, given = self._shortened(said), tools
        if tools and not self.native:
            messages, given = _told(messages, manual(tools)), ()
        answer = self._ask(messages, given, None)
        begun = False
        try:
            async with aclosing(aiter(answer)) as deltas:
                async for delta in deltas:
                    begun = True
                    for step in turn.feed(delta):
                        yield step
                    if self.spent.far_over:
                        raise TimedOut("It took too long and was stopped.", hint="Ask for less.")
            for step in turn.end():
                yield step
        except NoTools:
            if begun or not given:
                raise
            turn.reason = "no tools"
        finally:
            if turn.reason != "no tools":
                self.spent.add(answer)

    async def _plan(self, said: list[Message]) -> AsyncGenerator[Step, None]:
        names = ", ".join(one.name for one in self._toolbox.tools)
        asked = [*said, Message("user", f"{_PLAN} You will have these tools: {names or 'none'}.")]
        answer, text = self._ask(asked, (), _PLAN_SCHEMA), ""
        try:
            async with aclosing(aiter(answer)) as deltas:
                async for delta in deltas:
                    if isinstance(delta, Text):
                        text += delta.text
                    if len(text) > _MOST_PLAN or self.spent.far_over:
                        break
        finally:
            self.spent.add(answer)
        found = (repaired(text) or {}).get("steps")
        steps = (
            [one.strip() for one in found if isinstance(one, str)]
            if isinstance(found, list)
            else []
        )
        if not steps:  # it wrote no list: what it wrote is the plan
            steps = [line.strip(" -*") for line in text.splitlines() if line.strip(" -*")]
        steps = [one[:_MOST_STEP] for one in steps[:7]]
        listed = "\n".join(f"{number}. {one}" for number, one in enumerate(steps, 1))
        said.append(Message("assistant", f"My plan:\n{listed}"))
        said.append(Message("user", "Good. Work on it step by step, and change it where needed."))
        yield Step(kind="plan", text=listed, facts={"steps": steps})

    async def _called(self, turn: Turn, said: list[Message]) -> AsyncGenerator[Step, None]:
        made, cut = turn.calls, turn.reason == "length"
        wanted: list[tuple[Call, dict[str, Any] | str]] = [
            (one, self._checked(one, cut=cut) if at < self._limits.calls else _TOO_MANY)
            for at, one in enumerate(made[:_MOST_CALLS])
        ]
        for call, found in wanted:
            arguments = found if isinstance(found, dict) else repaired(call.arguments) or {}
            facts = {"id": call.id, "tool": call.name, "arguments": arguments}
            yield Step(kind="call", text=call.name, facts=facts)
        outcomes = await self._all(wanted)
        if self.native:
            shown = tuple(_shown_again(call) for call, _ in wanted)
            said.append(Message("assistant", turn.text, calls=shown))
        else:
            said.append(
                Message("assistant", turn.text + "".join(_as_written(call) for call, _ in wanted))
            )
        for (call, _), outcome in zip(wanted, outcomes, strict=True):
            came = {"id": call.id, "tool": call.name, "ok": outcome.ok}
            yield Step(kind="result", text=outcome.text, facts=came)
            told = self._data(call.name, outcome)
            said.append(
                Message("tool", told, answers=call.id) if self.native else Message("user", told)
            )

    def _checked(self, call: Call, *, cut: bool) -> dict[str, Any] | str:
        """The arguments, or what to tell the model instead of doing it."""
        arguments = repaired(call.arguments, cut=cut)
        if call.name and call.name not in {one.name for one in self._toolbox.tools}:
            self._mistakes += 1
            there = ", ".join(one.name for one in self._toolbox.tools)
            return f"There is no tool {call.name!r}. There are: {there}."
        if arguments is None or not call.name:
            self._mistakes += 1
            return (
                "The call or its arguments could not be read, so nothing was done. Write it again, "
                "as one complete JSON object."
            )
        self._mistakes = 0
        key = f"{call.name} {json.dumps(arguments, sort_keys=True)}"
        self._made[key] += 1
        if self._made[key] > self._limits.repeats:
            return "You did exactly this before, and its result has not changed. Do something else."
        return arguments

    async def _all(self, wanted: Sequence[tuple[Call, dict[str, Any] | str]]) -> list[Outcome]:
        room = asyncio.Semaphore(self._limits.at_once)

        async def one(call: Call, found: dict[str, Any] | str) -> Outcome:
            if isinstance(found, str):
                return Outcome(False, found)
            async with room:
                return await self._toolbox.call(call.name, found)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(call, found)) for call, found in wanted]
        return [task.result() for task in tasks]

    def _shortened(self, said: Sequence[Message]) -> list[Message]:
        """The newest results in full, as many as there is room for; of older ones that they were
        there. Nothing else is cut here."""
        results = [at for at, one in enumerate(said) if _is_result(one)]
        for shown in range(min(_MOST_SHOWN, len(results)), -1, -1):
            old = set(results[: len(results) - shown])
            messages = [
                msgspec.structs.replace(one, text=_SHOWN_BEFORE) if at in old else one
                for at, one in enumerate(said)
            ]
            if shown <= 1 or sum(map(self._size, messages)) <= self._room:
                break
        if old:
            self.left_out = [f"{len(old)} earlier results"]
        return messages

    def _size(self, message: Message) -> float:
        return self._count(message.text) + sum(self._count(one.arguments) for one in message.calls)

    def _data(self, name: str, outcome: Outcome) -> str:
        text = outcome.text or "(nothing)"
        if (tokens := estimate(text)) > _MOST_RESULT:
            kept = int(len(text) * _MOST_RESULT / tokens)
            text = f"{text[:kept]}\n(cut off here: {len(text) - kept:,} more characters)"
        state = "" if outcome.ok else " failed"
        return f"<data {self._mark} from={name!r}{state}>\n{text}\n</data {self._mark}>"


def _shown_again(call: Call) -> Call:
    """As it stands in what is sent with the next step: long or unreadable arguments only in a
    word, as a model needs them no more and some servers refuse them."""
    if len(call.arguments) <= _MOST_ARGUMENTS and repaired(call.arguments, cut=True) is not None:
        return call
    note = json.dumps({"left_out": f"{len(call.arguments)} characters"})
    return msgspec.structs.replace(call, arguments=note)


def _is_result(one: Message) -> bool:
    """Also one that was told in words."""
    return one.role == "tool" or (one.role == "user" and one.text.startswith("<data "))


def _as_written(call: Call) -> str:
    return f'<tool_call>{{"name": "{call.name}", "arguments": {call.arguments}}}</tool_call>'


def _told(messages: Sequence[Message], words: str) -> list[Message]:
    """The same, with that in the system's words."""
    first = next((one for one in messages if one.role == "system"), None)
    if first is None:
        return [Message("system", words), *messages]
    more = msgspec.structs.replace(first, text=f"{first.text}\n\n{words}")
    return [more if one is first else one for one in messages]

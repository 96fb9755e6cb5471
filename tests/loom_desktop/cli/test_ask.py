import asyncio
import io
import os
import signal
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from loom_desktop import Loom
from tests.loom_desktop.cli.conftest import Done, application, started

Run = Callable[..., Done]


def stdin(monkeypatch: pytest.MonkeyPatch, data: bytes, *, tty: bool = False) -> None:
    stream = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8")
    monkeypatch.setattr(stream, "isatty", lambda: tty, raising=False)
    monkeypatch.setattr(sys, "stdin", stream)


def test_an_answer_and_who_gave_it(loom: Run) -> None:
    done = loom("ask", "What is 15%", "of 240?")
    assert done.code == 0
    assert "36" in done.out
    assert done.out.rstrip().splitlines()[-1].startswith("(offline · calculator · ")


def test_json_has_answer_route_and_trace(loom: Run) -> None:
    said = loom("ask", "What is 15% of 240?", "--json").json
    assert "36" in said["answer"]
    assert said["route"] == "offline · calculator"
    assert len(said["trace"]) == 32
    assert int(said["trace"], 16)


def test_the_same_with_a_running_application(loom: Run, home: Path) -> None:
    alone = loom("ask", "What is 15% of 240?", "--json").json
    with application(home):
        said = loom("ask", "What is 15% of 240?", "--json").json
        assert said.keys() == alone.keys()
        assert said["answer"] == alone["answer"]
        assert loom("ask", "remind me tomorrow at 9 to call Anna").code == 0
        assert [one["text"] for one in loom("reminders", "--json").json] == ["call Anna"]
    assert [one["text"] for one in loom("reminders", "--json").json] == ["call Anna"]


def test_a_document_is_summed_up(
    loom: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rain.txt").write_text("Rain fell all week. The river rose. People left. " * 5)
    monkeypatch.chdir(tmp_path)
    stdin(monkeypatch, b"never read")
    said = loom("ask", "Summarise this", "--file", "rain.txt", "--json").json
    assert said["route"] == "offline · summary"
    assert "rain.txt" in said["answer"]
    assert "Summarise" not in loom("ask", "-f", "rain.txt").out, "a file alone is a question"


def test_the_question_may_come_through_a_pipe(loom: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin(monkeypatch, b"What is 15% of 240?\n")
    assert "36" in loom("ask").out
    stdin(monkeypatch, b"note: caf\xe9 at noon")
    assert loom("ask").code == 0


@pytest.mark.parametrize("data", [b"", b" \n"])
def test_nothing_is_no_question(loom: Run, monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    stdin(monkeypatch, data)
    done = loom("ask")
    assert done.code == 2
    assert "no question" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["1 / 0"], "zero"),
        (["x", "--file", "/nowhere/a.pdf"], "not there"),
        (["Summarise what I copied"], ""),
    ],
)
def test_what_goes_wrong_is_told_on_stderr(loom: Run, arguments: list[str], said: str) -> None:
    done = loom("ask", *arguments)
    assert done.code == 1
    assert done.out.strip() == ""
    assert said in done.err.lower()


def test_an_answer_moves_no_cursor(loom: Run) -> None:
    done = loom("ask", "note: a\x1b[2J\x07b\u202ec")
    assert done.code == 0
    assert not {"\x1b", "\x07", "\u202e"} & set(done.out)


def test_everything_said_is_in_the_conversation_afterwards(loom: Run) -> None:
    loom("ask", "note: the key is under the mat")

    async def look() -> Any:
        async with Loom(listening=False) as engine:
            (one,) = await engine.call("conversations")
            return await engine.call("conversation", conversation=one["conversation"])

    assert [one["state"] for one in asyncio.run(look())] == ["done", "done"]


def test_chat_goes_on_until_an_empty_line(loom: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = iter(["What is 15% of 240?", "/new", "1 / 0", "2 + 3", ""])
    monkeypatch.setattr("builtins.input", lambda prompt: next(lines))
    done = loom("chat")
    assert done.code == 0
    assert "36" in done.out
    assert "zero" in done.out.lower()
    assert "5" in done.out


def test_chat_ends_with_the_input(loom: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def over(prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", over)
    assert loom("chat").code == 0


def test_two_questions_at_once_without_an_application_are_both_answered(home: Path) -> None:
    with started("ask", "2 + 2") as one, started("ask", "3 + 3") as two:
        first, second = one.communicate(timeout=40), two.communicate(timeout=40)
    assert (one.returncode, two.returncode) == (0, 0), (first, second)
    assert b"4" in first[0]
    assert b"6" in second[0]


SLOW = """
from loom_desktop import Agent, QoS
import asyncio
agent = Agent("chat", deadline_s=60)

@agent.on("chat.asked")
async def answer(ctx, event):
    await ctx.emit("chat.streamed", qos=QoS.REALTIME, turn=event.id, text="Well")
    await asyncio.Event().wait()
"""


@pytest.mark.parametrize("running", [False, True])
def test_an_interrupt_ends_the_answer(home: Path, loom: Run, running: bool) -> None:
    (home / "agents").mkdir()
    (home / "agents/chat.py").write_text(SLOW)
    with application(home) if running else nullcontext(), started("ask", "hello there") as process:
        assert process.stdout
        assert os.read(process.stdout.fileno(), 4) == b"Well"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        assert process.returncode == 130, err
        assert err.strip() == b"Stopped."


def test_who_answered_is_in_small_type_on_a_terminal(home: Path) -> None:
    """On a real terminal: the sign for small type arrives whole, and not as letters."""
    import os
    import pty
    import subprocess
    import sys

    ours, theirs = pty.openpty()
    done = subprocess.Popen(
        [sys.executable, "-m", "loom_desktop", "ask", "2 + 2"],
        stdin=subprocess.DEVNULL, stdout=theirs, env={**os.environ, "LOOM_HOME": str(home)},
    )  # fmt: skip
    os.close(theirs)
    said = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        said += piece
    os.close(ours)
    assert done.wait(30) == 0
    assert b"\x1b[2moffline" in said

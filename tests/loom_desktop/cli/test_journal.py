import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from tests.loom_desktop.cli.conftest import Done, application
from tests.screen import wait_for

Run = Callable[..., Done]
SHELF = """
from pathlib import Path

from loom_desktop import Agent, Context, Event
from loom_desktop.runtime import durable

durable.AGAIN_S = (0.0, 0.0, 0.0)
agent = Agent("shelf", durable=True)


@agent.on("chat.asked")
async def put(ctx: Context, event: Event) -> None:
    if not Path(__file__).with_name("mended").exists():
        raise RuntimeError("the shelf is not there")
"""


@contextmanager
def maybe(home: Path, running: bool) -> Iterator[None]:
    with application(home) if running else nullcontext():
        yield


@pytest.mark.parametrize("running", [False, True])
def test_what_happened_is_shown_again(loom: Run, home: Path, running: bool) -> None:
    with maybe(home, running):
        assert loom("replay").out == "Nothing was recorded that is like that.\n"
        loom("ask", "2 + 2")
        shown = loom("replay").out.splitlines()
        assert [line.split()[4] for line in shown] == ["chat.asked", "chat.answered"]
        assert shown[0].endswith("(cli)  2 + 2")
        found = loom("replay", "chat.*", "--since", "10m", "--limit", "1", "--json").json
        assert (found["more"], found["events"][0]["payload"]["text"]) == (True, "2 + 2")
        more = loom("replay", "--limit", "1").out.splitlines()[-1]
        assert more.startswith(f"There is more. The next ones: --after {found['next']}")
        (rest,) = loom("replay", "--after", str(found["next"]), "--json").json["events"]
        assert rest["topic"] == "chat.answered"
        assert loom("replay", "--thread", str(rest["thread"]), "--json").json["events"][-1] == rest
        assert loom("replay", "--until", "yesterday").out.startswith("Nothing")
        assert len(loom("replay", "--until", "now", "--json").json["events"]) == 2
        (newest,) = loom("replay", "--last", "1", "--json").json["events"]
        assert newest == rest
        assert loom("replay", "chat").out.splitlines()[1].endswith('loom replay "chat.>"')


def test_what_is_no_time_and_no_pattern_is_told(loom: Run) -> None:
    done = loom("replay", "--since", "soon")
    assert (done.code, done.err.splitlines()[0]) == (2, "'soon' is no time that is over.")
    assert loom("replay", "a..b").code == 2
    assert loom("replay", "--limit", "0").code == 2
    assert loom("replay", "--last", "0").code == 2
    for asked in (("--since", ""), ("--until", " "), ("",), ("--since", "1h", "--until", "2h")):
        done = loom("replay", *asked)
        assert (done.code, len(done.err.splitlines())) == (2, 2), "what is wrong, and what to do"


def test_dead_letters_are_looked_at_tried_again_and_dropped(loom: Run, home: Path) -> None:
    assert loom("dead").out == "There are no dead letters.\n"
    assert loom("dead", "list", "--json").json == loom("dead", "--json").json == []
    assert loom("dead", "--json", "list").code == 2
    (home / "agents").mkdir()
    (home / "agents" / "shelf.py").write_text(SHELF)
    with application(home):
        loom("start", "shelf")
        loom("ask", "2 + 2")
        loom("ask", "3 + 3")

        def two() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = loom("dead", "list", "--json").json
            return found if len(found) == 2 else []

        letters = wait_for(two, "two dead letters")
        second, first = (str(one["id"]) for one in letters)
        lines = loom("dead").out.splitlines()
        assert re.search(r"shelf on chat\.asked of \d\d \w+ \d\d:\d\d$", lines[0])
        assert lines[1].strip() == "RuntimeError: the shelf is not there"
        assert lines[-1].startswith("Look at one: loom dead show NUMBER.")
        shown = loom("dead", "show", first).out
        assert "    text: 2 + 2" in shown
        assert "shelf failed on it 3 times, in put:" in shown
        assert loom("dead", "show", first, "--json").json["event"]["topic"] == "chat.asked"
        unwell = loom("health")
        assert unwell.code == 1
        assert "durable: degraded, 2 events could not be worked on." in unwell.out

        again = loom("dead", "replay", first)
        assert (again.code, again.out) == (1, "")
        assert again.err.startswith("It failed again: RuntimeError: the shelf is not there\n")
        assert loom("dead", "replay", first, "--json").code == 1
        (home / "agents" / "mended").touch()
        assert loom("dead", "replay", first).out == "It went well this time.\n"
        assert loom("dead", "drop", second).out == "Dropped.\n"
        assert loom("dead").out == "There are no dead letters.\n"
        assert loom("health").code == 0
        gone = loom("dead", "drop", second)
        assert (gone.code, gone.err.splitlines()[1]) == (1, "See: loom dead list")


def test_what_one_answer_does_not_hold_is_told(loom: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"events": [], "more": False, "next": 9, "left_out": 7}
    monkeypatch.setattr("loom_desktop.cli.journal.call", lambda verb, **asked: found)
    lines = loom("replay", "--last", "9").out.splitlines()
    assert lines[0] == "7 older ones of these are not shown: one answer holds 4 MB."

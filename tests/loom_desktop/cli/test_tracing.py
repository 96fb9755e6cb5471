from collections.abc import Callable
from pathlib import Path

from tests.loom_desktop.cli.conftest import Done, application
from tests.screen import wait_for

Run = Callable[..., Done]


def test_the_way_of_a_question_is_shown(loom: Run, home: Path) -> None:
    with application(home):
        loom("ask", "2 + 2")
        (asked,) = loom("replay", "chat.asked", "--json").json["events"]
        thread = str(asked["thread"])

        def handled() -> bool:
            return bool(loom("trace", thread, "--json").json["hops"][0]["handled"])

        wait_for(handled, "end of the handler")  # the answer comes a moment before
        found = loom("trace", thread, "--json").json
        assert (found["thread"], found["complete"]) == (asked["thread"], True)
        lines = loom("trace", thread).out.splitlines()
        assert lines[0].endswith(f"  chat.asked  {asked['id']} after -")
        assert any(line.startswith("    agent:chat: ") for line in lines)
        assert any("  chat.answered  " in line for line in lines)
        none = loom("trace", "7")
        assert (none.code, none.err.splitlines()[0]) == (
            1, "Nothing of the thread 7 happened lately.",
        )  # fmt: skip


def test_a_thread_is_a_number(loom: Run) -> None:
    assert loom("trace", "chat").code == 2
    assert loom("trace", "0").code == 2

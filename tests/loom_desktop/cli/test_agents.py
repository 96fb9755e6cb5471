import io
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from loom_desktop.bus import MailboxReport
from tests.loom_desktop.cli.conftest import Done, application
from tests.screen import wait_for

Run = Callable[..., Done]


def test_the_agents_of_a_running_application_are_listed_stopped_and_started(
    loom: Run, home: Path
) -> None:
    with application(home):
        loom("ask", "2 + 2")
        names = [one["name"] for one in loom("list", "--json").json]
        assert {"chat", "clipboard", "downloads", "reminders"} <= set(names)
        # the answer comes a moment before its handler has ended
        wait_for(lambda: loom("list", "--json").json[0]["handled"] == 1, "end of the handler")
        lines = loom("list").out.splitlines()
        assert lines[0] == "chat: running; 1 handled"
        assert lines[1] == "    hears chat.asked"
        assert "reminders: running, durable" in lines

        assert loom("stop", "chat").out.startswith("chat is stopped, until ")
        assert "    start it with: loom start chat" in loom("list").out.splitlines()
        refused = loom("ask", "2 + 2")
        assert (refused.code, refused.err.splitlines()[1]) == (1, "Start it: loom start chat")
        assert loom("start", "chat").out == "chat runs.\n"
        again = loom("start", "chat")
        assert (again.code, again.err.splitlines()[0]) == (2, "chat runs already.")
        assert loom("restart", "chat", "--json").json["state"] == "running"
        assert "4" in loom("ask", "2 + 2").out
        ghost = loom("stop", "ghost")
        assert ghost.code == 1
        assert ghost.err.startswith("There is no agent 'ghost'.\nThere are: chat, ")


def test_an_agent_is_paused_and_capture_is_not(loom: Run, home: Path) -> None:
    with application(home):
        assert "loom resume --agent chat" in loom("pause", "--agent", "chat").out
        lines = loom("list").out.splitlines()
        assert lines[0] == "chat: paused"
        assert "    let it go on with: loom resume --agent chat" in lines
        assert loom("health").code == 0, "you said so"
        assert loom("resume", "--agent", "chat").out == "chat goes on.\n"
        wrong = loom("pause", "5", "--agent", "chat")
        assert (wrong.code, wrong.out) == (2, "")


class Keyboard(io.StringIO):
    """Somebody at it."""

    def isatty(self) -> bool:
        return True


def test_an_agent_is_deleted_when_the_person_says_so(
    loom: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with application(home):
        alone = loom("delete", "chat")
        assert (alone.code, alone.err.splitlines()[1]) == (2, "Say --yes.")
        monkeypatch.setattr("sys.stdin", Keyboard("n\n"))
        assert loom("delete", "chat").out.endswith("Nothing was changed.\n")
        assert "chat" in [one["name"] for one in loom("list", "--json").json]
        monkeypatch.setattr("sys.stdin", Keyboard("y\n"))
        assert loom("delete", "chat").out.endswith(
            "chat is gone, and what it remembered.\n"
            "loom.toml names it: the next start begins with it anew.\n"
        )
        assert "chat" not in [one["name"] for one in loom("list", "--json").json]
        ghost = loom("delete", "chat", "--yes")
        assert (ghost.code, ghost.err.splitlines()[0]) == (1, "There is no agent 'chat'.")
        done = loom("delete", "clipboard", "--yes", "--json").json
        assert done == {"name": "clipboard", "named": True}


def test_mailboxes_are_shown(loom: Run, home: Path) -> None:
    with application(home):
        shown = loom("list", "--mailboxes").out.splitlines()
        assert "agent:chat: 0 of 16384 wait (drop-oldest)" in shown
        assert "agent:reminders: 0 of 16384 wait (more wait in the journal)" in shown
        boxes = loom("list", "--mailboxes", "--json").json
        assert {"agent:chat", "agent:reminders"} <= {one["name"] for one in boxes}


def test_what_ended_and_lost_something_is_shown(loom: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = MailboxReport("agent:lamp", [], "ended", 0, 0, 5, 0, 7, 0, 2, 0, 0, ended=True)
    monkeypatch.setattr(
        "loom_desktop.cli.agents.call_running", lambda verb: [msgspec.to_builtins(ended)]
    )
    assert loom("list", "--mailboxes").out == "agent:lamp: ended; 5 handled, 7 dropped, 2 expired\n"


@pytest.mark.parametrize(
    "command",
    [
        "list",
        "start chat",
        "stop chat",
        "restart chat",
        "delete chat --yes",
        "pause --agent chat",
        "resume --agent chat",
    ],
)
def test_without_an_application_there_are_no_agents(loom: Run, command: str) -> None:
    done = loom(*command.split())
    assert (done.code, done.out) == (1, "")
    assert done.err == "Loom does not run.\nStart it with: loom run\n"

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.loom_desktop.cli.conftest import Done, application
from tests.loom_desktop.verbs.test_conversations import GPT, exported

Run = Callable[..., Done]


def asked(loom: Run, text: str) -> int:
    """The number of the conversation of a question."""
    assert loom("ask", text).code == 0
    return int(loom("conversations", "--json").json[0]["conversation"])


def test_they_are_listed_searched_and_shown(loom: Run) -> None:
    assert "There are no conversations." in loom("conversations").out
    number = asked(loom, "note: the plumber comes on Monday")
    assert str(number) in loom("conversations", "list").out
    assert "1 question" in loom("conversations", "list", "plumber").out
    assert "No conversation is like that." in loom("conversations", "list", "gardener").out
    found = loom("conversations", "search", "plumber", "--json").json
    assert {one["conversation"] for one in found} == {number}
    assert f"{number}  " in loom("conversations", "search", "plumber").out
    assert "never said" in loom("conversations", "search", "gardener").out
    shown = loom("conversations", "show", str(number))
    assert f"(turn {number})" in shown.out
    assert "    note: the plumber comes on Monday" in shown.out
    assert "offline · notes" in shown.out
    assert len(loom("conversations", "show", str(number), "--json").json) == 2
    none = loom("conversations", "show", "7")
    assert (none.code, "no conversation 7" in none.err) == (1, True)


def test_they_go_out_and_come_in(loom: Run, tmp_path: Path) -> None:
    number = asked(loom, "2 + 2")
    text = loom("conversations", "export", str(number)).out
    assert text.startswith("<!-- Loom conversation, version 1")
    assert json.loads(loom("conversations", "export", "--all", "--format", "json").out)
    to = tmp_path / "all.json"
    assert (
        "1 conversation written to" in loom("conversations", "export", "--all", "--to", str(to)).out
    )
    again = loom("conversations", "export", "--all", "--to", str(to))
    assert (again.code, "is there already" in again.err) == (1, True)
    assert loom("conversations", "export", "--all", "--to", str(to), "--force").code == 0
    assert "1 conversation was here already." in loom("conversations", "import", str(to)).out
    path = exported(tmp_path, GPT)
    assert "1 conversation imported." in loom("conversations", "import", path).out
    assert "imported from chatgpt" in loom("conversations").out
    known = loom("conversations", "import", path, "--json").json
    assert (known["imported"], known["known"]) == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("export",), 2, "Say which conversations"),
        (("export", "7", "--all"), 2, "Say which conversations"),
        (("--json", "export", "7"), 2, "behind the command"),
        (("search",), 2, "QUERY"),
        (("import", "nowhere.zip"), 1, "nowhere.zip is not there"),
        (("branch", "7"), 1, "no conversation 7"),
        (("retry", "7"), 1, "no conversation 7"),
        (("retry", "7", "--model", "gpt"), 1, "no model 'gpt'"),
        (("edit", "7", "other words"), 1, "no conversation 7"),
        (("forget", "7"), 2, "Say --yes"),
    ],
)
def test_what_cannot_be_is_told(
    loom: Run, arguments: tuple[str, ...], code: int, told: str
) -> None:
    done = loom("conversations", *arguments)
    assert (done.code, told in done.err) == (code, True), done


def test_one_goes_on_from_another_point(loom: Run) -> None:
    number = asked(loom, "2 + 2")
    branch = loom("conversations", "branch", str(number), "--json").json["conversation"]
    assert f"{branch}  " in loom("conversations").out
    assert f"branch of {number}" in loom("conversations").out
    edited = loom("conversations", "edit", str(number), "2", "+", "3")
    assert "2 + 3 = 5" in edited.out
    assert "The branch is conversation" in edited.out
    retried = loom("conversations", "retry", str(branch), "--json").json
    assert retried["text"] == "2 + 2 = 4"
    assert retried["conversation"] not in (number, branch)
    forgotten = loom("conversations", "forget", str(number), "--yes")
    assert "Forgotten, with 2 messages." in forgotten.out
    assert f"Branches of it stay, with what they have of it: {branch}" in forgotten.out
    assert "nothing to forget" in loom("conversations", "forget", str(number), "--yes").out


def test_they_are_those_of_the_running_application(loom: Run, home: Path) -> None:
    with application(home):
        number = asked(loom, "2 + 2")
        assert "2 + 3 = 5" in loom("conversations", "edit", str(number), "2 + 3").out
        assert len(loom("conversations", "--json").json) == 2

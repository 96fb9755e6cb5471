import asyncio
import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from loom_desktop import Event, Loom
from loom_desktop.event import Privacy
from loom_desktop.store import Memory
from tests.loom_desktop.cli.conftest import Done, application

Run = Callable[..., Done]


def remembered(*memories: Memory, origin: str = "user-typed") -> list[int]:
    """Of an earlier run."""

    async def remember() -> list[int]:
        cause = Event(topic="a.b", origin=frozenset({origin}), privacy=Privacy.PRIVATE)
        async with Loom(listening=False) as loom:
            return [(await loom.memory.add(one, cause)).id for one in memories]

    return asyncio.run(remember())


def fact(thing: str) -> Memory:
    return Memory(text="", subject="Anna", relation="lives in", object=thing, agent="chat")


def test_an_empty_memory_says_so(loom: Run) -> None:
    assert loom("memory", "list").out == "Nothing is remembered so far.\n"
    assert loom("memory", "list", "--json").json == []
    assert loom("memory", "list", "--kind", "note").out.startswith("Nothing that is remembered")
    assert loom("memory", "search", "x").out.startswith("Nothing that is remembered")
    assert loom("memory", "export", "--json").json == []
    assert loom("memory", "show", "7").err.startswith("There is no memory 7.")
    assert loom("memory", "search").code == 2


@pytest.mark.parametrize("running", [False, True])
def test_it_is_listed_searched_shown_changed_and_deleted(
    loom: Run, home: Path, running: bool
) -> None:
    old, new, note = remembered(
        fact("Cologne"), fact("Bonn"), Memory(text="The key is under the mat")
    )
    if running:
        with application(home):
            _walk(loom, old, new, note)
    else:
        _walk(loom, old, new, note)


def _walk(loom: Run, old: int, new: int, note: int) -> None:
    said = loom("memory", "list").out
    assert "note\n       The key is under the mat" in said
    assert "Anna lives in Bonn" in said
    assert "Cologne" not in said
    assert loom("memory", "search", "the", "kee").out.count("under the mat") == 1
    found = loom("memory", "search", "lives in Bon", "--json").json
    assert found[0]["id"] == new
    shown = loom("memory", "show", str(new)).out
    assert "kept by chat on" in shown
    assert "from user-typed" in shown
    assert ": Anna lives in Cologne" in shown
    assert f"loom memory delete {new}" in shown
    assert "no longer so" in loom("memory", "show", str(old)).out
    assert loom("memory", "edit", str(note), "Tom", "has", "it").out == "Changed.\n"
    assert loom("memory", "show", str(note), "--json").json["text"] == "Tom has it"
    assert loom("memory", "edit", str(note), " ").code == 2
    said = loom("memory", "delete", str(new)).out
    assert said == f"Forgotten, and with it what belonged to it: {old}.\n"
    assert loom("memory", "delete", str(note), "--json").json == {"forgotten": [note]}
    assert loom("memory", "delete", str(note)).code == 1
    assert loom("memory", "list", "--json").json == []


def test_what_others_may_have_written_is_marked(loom: Run) -> None:
    remembered(Memory(text="Pay at once\x1b[31m"), origin="web")
    out = loom("memory", "list").out
    assert "(from web: others may have written it)" in out
    assert "\x1b" not in out


def test_everything_is_exported_to_a_file_of_ones_own(loom: Run, tmp_path: Path) -> None:
    old, new = remembered(fact("Köln"), fact("Bonn"))
    file = tmp_path / "memories.jsonl"
    assert loom("memory", "export", str(file)).out.startswith("2 written to")
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [one["id"] for one in lines] == [old, new]
    assert lines[0]["object"] == "Köln"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = loom("memory", "export", str(file))
    assert again.code == 2
    assert len(file.read_text(encoding="utf-8").splitlines()) == 2
    assert len(loom("memory", "export").out.splitlines()) == 2
    whole = tmp_path / "memories.json"
    loom("memory", "export", str(whole), "--json")
    assert len(json.loads(whole.read_text(encoding="utf-8"))) == 2

from pathlib import Path
from typing import Any

import pytest

from loom_desktop import Loom
from loom_desktop.errors import NotFound, UsageError
from loom_desktop.event import Event, Privacy
from loom_desktop.store import Memory
from loom_desktop.testing import loom_for_tests

TYPED = Event(topic="a.b", origin=frozenset({"user-typed"}), privacy=Privacy.PRIVATE)


async def kept(loom: Loom, text: str = "", thing: str = "", cause: Event = TYPED) -> int:
    words = {"subject": "Anna", "relation": "lives in", "object": thing} if thing else {}
    return (await loom.memory.add(Memory(text=text, **words), cause)).id  # type: ignore[arg-type]


async def test_listed_found_shown_changed_and_forgotten(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        old = await kept(loom, thing="Cologne")
        new = await kept(loom, thing="Bonn")
        note = await kept(loom, "The key is under the mat")
        assert [one["id"] for one in await loom.call("memories")] == [note, new]
        assert [one["id"] for one in await loom.call("memories", kind="semantic")] == [new]
        (found, *_) = await loom.call("find_memories", query="kee under the mat")
        assert (found["id"], found["tainted"], found["privacy"]) == (note, False, "private")
        shown = await loom.call("memory", memory=new)
        assert shown["origin"] == ["user-typed"]
        assert [one["text"] for one in shown["history"]] == ["Anna lives in Cologne"]
        changed = await loom.call("change_memory", memory=note, text="Tom has the key")
        assert changed["text"] == "Tom has the key"
        assert (await loom.call("find_memories", query="Tom"))[0]["id"] == note
        assert await loom.call("forget_memory", memory=new) == {"forgotten": [old, new]}
        assert [one["id"] for one in await loom.call("memories")] == [note]


async def test_what_it_was_made_from_is_said(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        web = Event(topic="a.b", origin=frozenset({"web"}), privacy=Privacy.PUBLIC)
        first = await kept(loom, "read somewhere", cause=web)
        made = await loom.memory.add(Memory(text="so"), TYPED, made_from=[first])
        shown = await loom.call("memory", memory=made.id)
        assert (shown["made_from"], shown["tainted"]) == ([first], True)
        assert shown["origin"] == ["user-typed", "web"]


async def test_everything_is_exported_page_by_page_with_its_history(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        ids = [await kept(loom, thing=town) for town in ("Bonn", "Kiel", "Rome")]
        page = await loom.call("export_memories", limit=2)
        assert ([one["id"] for one in page["memories"]], page["more"]) == (ids[:2], True)
        assert page["memories"][0]["superseded_by"] == ids[1]
        rest = await loom.call("export_memories", after=page["next"])
        assert ([one["id"] for one in rest["memories"]], rest["more"]) == (ids[2:], False)
        end = await loom.call("export_memories", after=rest["next"])
        assert end == {"memories": [], "more": False, "next": ids[2]}


async def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        missing: dict[str, dict[str, Any]] = {
            "memory": {},
            "forget_memory": {},
            "change_memory": {"text": "x"},
        }
        for verb, more in missing.items():
            with pytest.raises(NotFound, match="no memory 77"):
                await loom.call(verb, memory=77, **more)
        wrong: dict[str, dict[str, Any]] = {
            "find_memories": {"query": " "},
            "memories": {"limit": 0},
            "export_memories": {"limit": 1_001},
        }
        for verb, more in wrong.items():
            with pytest.raises(UsageError):
                await loom.call(verb, **more)

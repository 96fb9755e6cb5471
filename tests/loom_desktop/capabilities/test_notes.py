from pathlib import Path

import pytest

from loom_desktop.testing import loom_for_tests
from tests.loom_desktop.capabilities.conftest import Call


async def test_kept_found_and_taken_away(tmp_path: Path, call: Call) -> None:
    async with loom_for_tests(tmp_path) as loom:
        done = await call(loom, "notes.add", text="  the key is under the mat ")
        assert done.value["text"] == "Kept: the key is under the mat"
        await call(loom, "notes.add", text="milk")
        assert (await call(loom, "notes.find", query="key")).value["notes"] == [done.value["note"]]
        newest = (await call(loom, "notes.find")).value["text"]
        assert newest == "- milk\n- the key is under the mat"
        assert (await call(loom, "notes.remove", note=done.value["note"])).ok
        assert "no note about key" in (await call(loom, "notes.find", query="key")).value["text"]


@pytest.mark.parametrize("text", ["", " \n"])
async def test_an_empty_note_is_told(tmp_path: Path, call: Call, text: str) -> None:
    async with loom_for_tests(tmp_path) as loom:
        assert (await call(loom, "notes.add", text=text)).message == "The note is empty."
        assert not await loom.store.notes.recent()


@pytest.mark.parametrize("query", ["*", '"', "a AND (b", "\x00", "' or 1=1 --", "%"])
async def test_nothing_in_a_query_is_syntax(tmp_path: Path, call: Call, query: str) -> None:
    async with loom_for_tests(tmp_path) as loom:
        await call(loom, "notes.add", text="the key")
        assert (await call(loom, "notes.find", query=query)).ok

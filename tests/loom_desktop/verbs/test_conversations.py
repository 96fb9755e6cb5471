import json
from pathlib import Path

import pytest

from loom_desktop.errors import LoomError, NotFound, NotUnderstood, Unavailable, UsageError
from loom_desktop.testing import answer_of, loom_for_tests, next_event
from loom_desktop.text.exports import read

GPT = {
    "title": "Of tea",
    "id": "aaaa",
    "mapping": {
        "a": {
            "message": {
                "author": {"role": "user"},
                "content": {"content_type": "text", "parts": ["Which tea?"]},
                "create_time": 1_700_000_000.0,
            }
        }
    },
}


def exported(folder: Path, *talks: object) -> str:
    path = folder / "conversations.json"
    path.write_text(json.dumps(talks))
    return str(path)


async def test_what_was_said_is_found_in_all_conversations(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        asked = await answer_of(loom, "note: the plumber comes on Monday")
        await answer_of(loom, "2 + 2")
        (first, *_) = await loom.call("find_messages", query="plumber")
        assert first["conversation"] == asked.begins
        assert "plumber" in first["text"]
        assert await loom.call("find_messages", query="gardener") == []


@pytest.mark.parametrize(("name", "form"), [("a.md", ""), ("a.JSON", ""), ("a.txt", "json")])
async def test_an_export_is_a_file_that_can_be_imported(
    tmp_path: Path, name: str, form: str
) -> None:
    to = tmp_path / name
    async with loom_for_tests(tmp_path / "one") as loom:
        await answer_of(loom, "2 + 2")
        await answer_of(loom, "3 + 3")
        done = await loom.call("export_conversations", to=str(to), form=form)
        assert (done["conversations"], done["text"]) == (2, "")
        assert done["size_bytes"] == to.stat().st_size
        assert to.stat().st_mode & 0o777 == 0o600
        again = await loom.call("import_conversations", path=str(to))
        assert (again["imported"], again["known"]) == (0, 2), "they are here"
    assert [one.messages[0].text for one in read(to)] == ["2 + 2", "3 + 3"]
    async with loom_for_tests(tmp_path / "two") as loom:
        told = loom.tasks.run("wait", next_event(loom, "conversation.imported"))
        done = await loom.call("import_conversations", path=str(to))
        assert (done["imported"], done["known"], len(done["conversations"])) == (2, 0, 2)
        assert (await told).payload == {"imported": 2, "known": 0}
        titles = [one["title"] for one in await loom.call("conversations")]
        assert sorted(titles) == ["2 + 2", "3 + 3"]


async def test_an_export_without_a_file_is_text(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        asked = await answer_of(loom, "2 + 2")
        await answer_of(loom, "3 + 3")
        done = await loom.call("export_conversations", conversations=[asked.begins])
        assert "> 2 + 2" in done["text"]
        assert "> 3 + 3" not in done["text"]
        assert "## Loom\n\n*2026-11-20 08:00:00 UTC · `offline · calculator`*" in done["text"]


async def test_an_export_never_takes_the_place_of_a_file_unasked(tmp_path: Path) -> None:
    to = tmp_path / "a.md"
    to.write_text("mine")
    async with loom_for_tests(tmp_path / "home") as loom:
        await answer_of(loom, "2 + 2")
        with pytest.raises(LoomError, match="is there already"):
            await loom.call("export_conversations", to=str(to))
        assert to.read_text() == "mine"
        await loom.call("export_conversations", to=str(to), replace=True)
        assert "> 2 + 2" in to.read_text()
        with pytest.raises(Unavailable, match="cannot be written"):
            await loom.call("export_conversations", to=str(tmp_path / "none" / "a.md"))
        assert sorted(one.name for one in tmp_path.iterdir()) == ["a.md", "home"]


async def test_an_export_that_cannot_be_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with loom_for_tests(tmp_path) as loom:
        with pytest.raises(NotFound, match="There are no conversations"):
            await loom.call("export_conversations")
        asked = await answer_of(loom, "2 + 2")
        for arguments, told in (
            ({"conversations": [7]}, "no conversation 7"),
            ({"conversations": []}, "Say which"),
            ({"form": "html"}, "no form 'html'"),
            ({"to": "/x/a.txt"}, "says no form"),
            ({"to": "a.md"}, "no path in full"),
        ):
            with pytest.raises(LoomError, match=told):
                await loom.call("export_conversations", **arguments)
        monkeypatch.setattr("loom_desktop.verbs.conversations._MOST_SHOWN", 10)
        with pytest.raises(UsageError, match="too long to be shown"):
            await loom.call("export_conversations", conversations=[asked.begins])


async def test_what_goes_on_from_an_import_is_tainted(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path, says=["Green."]) as loom:
        done = await loom.call("import_conversations", path=exported(tmp_path, GPT))
        (line,) = await loom.call("conversations")
        assert (line["title"], line["service"]) == ("Of tea", "chatgpt")
        said = await answer_of(loom, "And why that one?", conversation=done["conversations"][0])
        assert said.payload["text"] == "Green."
        assert said.tainted
        assert "file" in said.origin


async def test_an_import_that_fails_takes_nothing_in(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        with pytest.raises(NotUnderstood, match=r"conversations\.json: Conversation 2"):
            await loom.call("import_conversations", path=exported(tmp_path, GPT, {"id": "b"}))
        with pytest.raises(NotFound):
            await loom.call("import_conversations", path="nowhere.json")
        with pytest.raises(Unavailable, match="no file"):
            await loom.call("import_conversations", path=str(tmp_path))
        assert await loom.call("conversations") == []


async def test_forgetting_says_which_branches_stay(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        asked = await answer_of(loom, "2 + 2")
        made = await loom.call("branch", conversation=asked.begins)
        done = await loom.call("forget_conversation", conversation=asked.begins)
        assert done == {"forgotten": 2, "branches": [made["conversation"]]}

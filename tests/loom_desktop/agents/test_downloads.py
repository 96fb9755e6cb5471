import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from loom_desktop import Loom
from loom_desktop.agents import downloads
from loom_desktop.errors import Denied, Unavailable
from loom_desktop.settings import Attention, Grants, Settings
from loom_desktop.testing import loom_for_tests


@asynccontextmanager
async def watching(folder: Path, **more: Any) -> AsyncIterator[Loom]:
    for name in ("in", "docs", "home"):
        (folder / name).mkdir(exist_ok=True)
    settings = Settings(
        attention=Attention(quiet_hours="", cards_per_hour=100),
        grants=Grants(folders=(str(folder / "in"), str(folder / "docs"))),
        sources={"files": {"folders": [str(folder / "in")]}},
        agents={"downloads": {"destination": str(folder / "docs"), "gather_s": 0.05}},
    )
    async with loom_for_tests(folder / "home", settings=settings, **more) as loom:
        yield loom


async def arrive(loom: Loom, *names: str) -> None:
    """Files finish downloading, and the agent is through with them."""
    folder = loom.paths.config.parent / "in"
    publish = loom.outside.publisher("files", "file")
    for name in names:
        (folder / name).write_bytes(b"ID3\x04" + name.encode() + bytes(200))
        publish("file.created", path=str(folder / name), size_bytes=200, mtime=0.0, folder="")
    await loom.supervisor.settled(10)


async def card(loom: Loom) -> dict[str, Any]:
    (one,) = [c for c in await loom.call("cards") if c["kind"] == "suggestion"]
    return dict(one)


async def test_one_file_is_one_question_with_name_folder_and_reason(tmp_path: Path) -> None:
    async with watching(tmp_path) as loom:
        await arrive(loom, "song.mp3")
        asked = await card(loom)
        assert asked["title"] == "Move song.mp3 to Music?"
        assert asked["text"]
        assert asked["detail"] == "song.mp3 → Music/song.mp3"
        assert [one["label"] for one in asked["actions"]] == ["Move to Music"]
        assert asked["origin"] == ["file"]


async def test_forty_files_are_one_question(tmp_path: Path) -> None:
    async with watching(tmp_path) as loom:
        await arrive(loom, *(f"song{n:02}.mp3" for n in range(40)))
        asked = await card(loom)
        assert asked["title"] == "Sort 40 downloads?"
        assert asked["text"] == "40 to Music"
        assert asked["detail"].endswith("… and 28 more")


async def test_more_than_a_card_holds_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "_MOST", 5)
    async with watching(tmp_path) as loom:
        await arrive(loom, *(f"song{n}.mp3" for n in range(8)))
        asked = await card(loom)
        assert asked["title"] == "Sort 5 downloads?"
        assert "3 more are left" in asked["text"]


async def test_yes_in_our_own_window_moves_and_undo_takes_it_back(tmp_path: Path) -> None:
    async with watching(tmp_path) as loom:
        await arrive(loom, *(f"song{n}.mp3" for n in range(7)))
        await loom.call("answer", card=(await card(loom))["id"], action="move", door="window")
        await loom.supervisor.settled(10)
        assert len(list((tmp_path / "docs/Music").iterdir())) == 7
        (done,) = await loom.call("cards")
        assert done["title"] == "Moved 7 files"
        await loom.call("answer", card=done["id"], action="undo", door="window")
        await loom.supervisor.settled(10)
        assert len(list((tmp_path / "in").iterdir())) == 7
        assert not (tmp_path / "docs/Music").exists()
        (back,) = await loom.call("cards")
        assert back["title"] == "Moved 7 files back"
        assert back["text"] == "They lie where they were."


async def test_yes_from_anywhere_else_moves_nothing(tmp_path: Path) -> None:
    async with watching(tmp_path) as loom:
        await arrive(loom, "song.mp3")
        number = (await card(loom))["id"]
        with pytest.raises(Denied, match="chosen in Loom's own window") as caught:
            await loom.call("answer", card=number, action="move", door="cli")
        assert f"loom answer {number} dismiss" in caught.value.hint
        await loom.supervisor.settled(10)
        assert (tmp_path / "in/song.mp3").exists()
        assert (await card(loom))["id"] == number, "it still waits"
        await loom.call("answer", card=number, action="dismiss", door="cli")
        assert not await loom.call("cards")


async def test_the_next_one_joins_a_card_that_still_waits(tmp_path: Path) -> None:
    async with watching(tmp_path) as loom:
        await arrive(loom, "one.mp3")
        await arrive(loom, "two.mp3")
        assert (await card(loom))["title"] == "Sort 2 downloads?"


@pytest.mark.parametrize("answer", ["dismiss", "move"])
async def test_what_was_answered_is_not_asked_again(tmp_path: Path, answer: str) -> None:
    async with watching(tmp_path) as loom:
        await arrive(loom, "one.mp3")
        await loom.call("answer", card=(await card(loom))["id"], action=answer, door="window")
        await loom.supervisor.settled(10)
        await arrive(loom, "two.mp3")
        assert (await card(loom))["title"] == "Move two.mp3 to Music?"


async def test_a_file_that_goes_takes_its_card_along(tmp_path: Path) -> None:
    async with watching(tmp_path) as loom:
        await arrive(loom, "one.mp3")
        publish = loom.outside.publisher("files", "file")
        publish("file.removed", path=str(tmp_path / "in/other.mp3"))
        await loom.supervisor.settled(10)
        assert await card(loom)
        publish("file.removed", path=str(tmp_path / "in/one.mp3"))
        await loom.supervisor.settled(10)
        assert not await loom.call("cards")


async def test_files_that_are_gone_before_they_are_looked_at_make_no_card(tmp_path: Path) -> None:
    async with watching(tmp_path) as loom:
        publish = loom.outside.publisher("files", "file")
        gone = str(tmp_path / "in/gone.mp3")
        publish("file.created", path=gone, size_bytes=1, mtime=0.0, folder="")
        await loom.supervisor.settled(10)
        assert not await loom.call("cards")
        await arrive(loom, "here.mp3")
        assert (await card(loom))["title"] == "Move here.mp3 to Music?"


async def test_one_gone_among_many_does_not_cost_the_others(tmp_path: Path) -> None:
    async with watching(tmp_path) as loom:
        publish = loom.outside.publisher("files", "file")
        gone = str(tmp_path / "in/gone.mp3")
        publish("file.created", path=gone, size_bytes=1, mtime=0.0, folder="")
        await arrive(loom, "here.mp3")
        assert (await card(loom))["title"] == "Move here.mp3 to Music?"


async def test_a_name_that_deceives_is_not_offered(tmp_path: Path) -> None:
    async with watching(tmp_path) as loom:
        await arrive(loom, "a\nb.mp3")
        assert not await loom.call("cards")


async def test_a_storm_is_gathered_while_it_lasts(tmp_path: Path) -> None:
    async with watching(tmp_path) as loom:
        shown: list[Any] = []
        loom.bus.subscribe("card.offered", shown.append)
        folder = tmp_path / "in"
        publish = loom.outside.publisher("files", "file")
        for number in range(6):
            (folder / f"s{number}.mp3").write_bytes(b"ID3\x04" + bytes(200))
            publish("file.created", path=str(folder / f"s{number}.mp3"), size_bytes=1, mtime=0.0,
                    folder="")  # fmt: skip
            await asyncio.sleep(0.02)
        await loom.supervisor.settled(10)
        assert len(shown) == 1


async def test_a_file_that_was_taken_back_is_left_alone(tmp_path: Path) -> None:
    async with watching(tmp_path, desktop=True) as loom:
        await arrive(loom, "song.mp3")
        await loom.call("answer", card=(await card(loom))["id"], action="move", door="window")
        await loom.supervisor.settled(10)
        await loom.call("undo")
        path = tmp_path / "in" / "song.mp3"
        assert path.exists()
        loom.outside.publisher("files", "file")(
            "file.created", path=str(path), size_bytes=200, mtime=0.0, folder=""
        )
        await loom.supervisor.settled(10)
        assert not [c for c in await loom.call("cards") if c["kind"] == "suggestion"]


async def test_what_could_not_be_planned_is_told_and_offered_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(tmp_path) as loom:

        async def fail(*_: object, **__: object) -> None:
            raise Unavailable("The disk is away.", hint="Plug it in.")

        with monkeypatch.context() as broken:
            broken.setattr(loom.mover, "plan", fail)
            await arrive(loom, "song1.mp3")
            (notice,) = await loom.call("cards")
            assert notice["kind"] == "notice"
            assert notice["text"] == "The disk is away. Plug it in."
        await arrive(loom, "song2.mp3")
        assert (await card(loom))["title"] == "Sort 2 downloads?"
        assert len(await loom.call("cards")) == 1, "the notice is over"

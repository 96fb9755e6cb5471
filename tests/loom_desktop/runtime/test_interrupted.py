import asyncio
from pathlib import Path
from typing import Any

import pytest

from loom_desktop.settings import Grants, Settings
from loom_desktop.store.acts import Step
from loom_desktop.testing import loom_for_tests


def step(source: Path, target: Path) -> Step:
    found = (source if source.exists() else target).stat()
    return Step(
        source=str(source), target=str(target), size_bytes=found.st_size, mtime_ns=found.st_mtime_ns
    )


async def begin(folder: Path, steps: list[Step], *, state: str = "started") -> int:
    """An act of a run that ended in the middle of it."""
    async with loom_for_tests(folder) as loom:
        act = await loom.store.acts.intend("files.move", "downloads", "3 files", steps=steps)
        if state == "started":
            await loom.store.acts.start(act)
    return act


@pytest.fixture
def steps(tmp_path: Path) -> list[Step]:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    for name in ("in/waits", "out/arrived", "out/other"):
        (tmp_path / name).write_text(name)
    return [
        step(tmp_path / "in/waits", tmp_path / "out/waits"),
        step(tmp_path / "in/arrived", tmp_path / "out/arrived"),
        Step(source=str(tmp_path / "in/other"), target=str(tmp_path / "out/other"), size_bytes=1),
    ]


async def test_what_was_interrupted_is_told_once_and_never_done_again(
    tmp_path: Path, steps: list[Step]
) -> None:
    act = await begin(tmp_path, steps)
    async with loom_for_tests(tmp_path) as loom:
        (card,) = [c for c in await loom.call("cards") if c["kind"] == "notice"]
        assert card["title"] == "Loom was interrupted while it moved 3 files"
        assert "1 of 3" in card["text"]
        assert f"{tmp_path}/in/waits: still there" in card["detail"]
        assert f"{tmp_path}/in/arrived → {tmp_path}/out/arrived" in card["detail"]
        assert f"{tmp_path}/in/other: not there" in card["detail"]
        assert card["origin"] == ["file"], "names of files are not the person's words"
        assert (await loom.store.acts.get(act)).state == "unknown"
        assert (await loom.call("why", card=card["id"]))[0]["topic"] == "act.interrupted"
    assert (tmp_path / "in/waits").exists()
    async with loom_for_tests(tmp_path) as loom:
        assert len([c for c in await loom.call("cards") if c["kind"] == "notice"]) == 1


async def test_what_surely_arrived_can_be_taken_back(tmp_path: Path, steps: list[Step]) -> None:
    act = await begin(tmp_path, steps)
    settings = Settings(grants=Grants(folders=(str(tmp_path),)))
    async with loom_for_tests(tmp_path, settings=settings) as loom:
        done: dict[str, Any] = await loom.call("undo", act=act)
        assert [one["source"] for one in done["undone"]] == [str(tmp_path / "in/arrived")]
    assert (tmp_path / "in/arrived").exists()
    assert (tmp_path / "out/other").exists(), "what is not surely ours stays"


async def test_what_was_only_planned_never_began(tmp_path: Path, steps: list[Step]) -> None:
    await begin(tmp_path, steps, state="planned")
    async with loom_for_tests(tmp_path) as loom:
        assert not await loom.call("cards")


async def test_a_file_that_the_system_refuses_to_look_at_is_not_sure(tmp_path: Path) -> None:
    bad = Step(source="/nowhere/" + "x" * 300, target="/nowhere/" + "y" * 300)
    await begin(tmp_path, [bad])
    async with loom_for_tests(tmp_path) as loom:
        async with asyncio.timeout(5):
            (card,) = await loom.call("cards")
        assert "0 of 1" in card["text"]

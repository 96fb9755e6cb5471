import asyncio
from pathlib import Path
from typing import Any

import pytest

from loom_desktop.settings import Grants, Settings
from loom_desktop.testing import loom_for_tests
from tests.loom_desktop.capabilities.conftest import Call

RAIN = (
    "Rain fell all week in the valley. The river rose by two metres on Friday. "
    "The old bridge was closed because of the river. Nobody was hurt. "
    "The mayor thanked the helpers in the valley. The bridge opens again on Monday. "
)


class Board:
    origin = "clipboard"

    async def run(self, publish: Any) -> None:
        """Nothing to listen to."""

    def report(self) -> None:
        """Nothing to say."""

    def latest(self) -> tuple[str, float]:
        return (RAIN, 0.0)


@pytest.mark.parametrize("sentences", [1, 2, 3])
async def test_a_summary_is_the_most_telling_sentences_unchanged(
    tmp_path: Path, call: Call, sentences: int
) -> None:
    async with loom_for_tests(tmp_path) as loom:
        done = await call(loom, "text.summarize", text=RAIN, sentences=sentences)
        lines = [one[2:] for one in done.value["text"].splitlines() if one.startswith("- ")]
        assert len(lines) == sentences
        assert all(line in RAIN for line in lines)
        assert "words, unchanged" in done.value["text"]


@pytest.mark.parametrize("text", ["", "   ", "\n\n"])
async def test_nothing_to_sum_up_is_told(tmp_path: Path, call: Call, text: str) -> None:
    async with loom_for_tests(tmp_path) as loom:
        done = await call(loom, "text.summarize", text=text)
        assert (done.ok, done.message) == (False, "There is nothing to sum up.")


async def test_what_was_copied_is_summed_up(tmp_path: Path, call: Call) -> None:
    async with loom_for_tests(tmp_path) as loom:
        loom.outside.sources.add("clipboard", Board)
        done = await call(loom, "text.summarize_clipboard", sentences=2)
        assert done.value["text"].count("\n- ") == 1


async def test_a_long_text_does_not_hold_up_the_others(tmp_path: Path, call: Call) -> None:
    text = " ".join(f"Sentence number {n} tells something new." for n in range(20_000))
    async with loom_for_tests(tmp_path) as loom:
        turns, over = 0, False

        async def count() -> None:
            nonlocal turns
            while not over:
                turns += 1
                await asyncio.sleep(0.001)

        counting = loom.tasks.run("count", count())
        assert (await call(loom, "text.summarize", text=text)).ok
        over = True
        await counting
        assert turns > 3, "the loop went on meanwhile"


async def test_documents_are_summed_up_and_read(tmp_path: Path, call: Call) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/rain.txt").write_text(RAIN)
    (tmp_path / "in/long.txt").write_text("word " * 3000)
    (tmp_path / "in/empty.txt").write_text(" \n")
    settings = Settings(grants=Grants(folders=(str(tmp_path / "in"),)))
    async with loom_for_tests(tmp_path / "home", settings=settings) as loom:
        done = await call(loom, "text.summarize_file", path=str(tmp_path / "in/rain.txt"))
        assert done.value["text"].startswith("**rain.txt**")
        done = await call(loom, "text.read", path=str(tmp_path / "in/rain.txt"))
        assert done.value["text"].strip() == RAIN.strip()
        done = await call(loom, "text.read", path=str(tmp_path / "in/long.txt"))
        assert done.value["text"].endswith("*… and more.*")
        assert len(done.value["text"]) < 4100
        for name in ("text.read", "text.summarize_file"):
            done = await call(loom, name, path=str(tmp_path / "in/empty.txt"))
            assert not done.ok
            assert "no text" in done.message


@pytest.mark.parametrize("name", ["text.read", "text.summarize_file"])
async def test_what_was_not_granted_is_not_read(tmp_path: Path, call: Call, name: str) -> None:
    (tmp_path / "private.txt").write_text(RAIN)
    async with loom_for_tests(tmp_path / "home") as loom:
        done = await call(loom, name, path=str(tmp_path / "private.txt"))
        assert done.code == "DENIED"
        assert "Rain" not in str(done)


async def test_several_documents_are_summed_up_and_the_one_that_cannot_be_is_named(
    tmp_path: Path, call: Call
) -> None:
    (tmp_path / "in").mkdir()
    for name in ("one", "two"):
        (tmp_path / f"in/{name}.txt").write_text(f"The {name} river rose. People left. " * 9)
    (tmp_path / "in/empty.txt").write_text("")
    names = ("one", "two", "empty")
    settings = Settings(grants=Grants(folders=(str(tmp_path / "in"),)))
    async with loom_for_tests(tmp_path / "home", settings=settings) as loom:
        done = await call(
            loom, "text.summarize_files", paths=[str(tmp_path / f"in/{name}.txt") for name in names]
        )
    assert done.ok
    text = done.value["text"]
    assert "The one river rose." in text
    assert "The two river rose." in text
    assert "empty" in text

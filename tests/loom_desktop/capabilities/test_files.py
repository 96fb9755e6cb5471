import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from loom_desktop import Loom
from loom_desktop.runtime import mover
from loom_desktop.settings import Grants, Settings
from loom_desktop.testing import loom_for_tests
from tests.loom_desktop.capabilities.conftest import Call


@asynccontextmanager
async def with_files(folder: Path, *names: str) -> AsyncIterator[Loom]:
    (folder / "in").mkdir()
    for name in names:
        (folder / "in" / name).write_bytes(b"ID3\x04" + bytes(200))
    settings = Settings(grants=Grants(folders=(str(folder / "in"),)))
    async with loom_for_tests(folder / "home", settings=settings) as loom:
        yield loom


async def test_a_plan_is_told_in_lines_with_reasons(tmp_path: Path, call: Call) -> None:
    async with with_files(tmp_path, "song.mp3") as loom:
        done = (await call(loom, "files.plan", paths=[str(tmp_path / "in")])).value
        assert done["text"].splitlines() == [
            "This is how I would sort 1 file. Nothing was moved yet.", "",
            "- `song.mp3` → `Music/song.mp3`: It is a sound file (MP3).",
        ]  # fmt: skip
        assert done["plan"][0]["status"] == "planned"
        assert (done["left"], os.listdir(tmp_path / "in")) == (0, ["song.mp3"])


async def test_a_long_plan_is_cut_and_says_so(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mover, "_MOST_FILES", 20)
    async with with_files(tmp_path, *(f"s{n}.mp3" for n in range(30))) as loom:
        done = (await call(loom, "files.plan", paths=[str(tmp_path / "in")])).value
        assert done["text"].count("\n- `") == 12
        assert "… and 8 more" in done["text"]
        assert "10 files more were not looked at" in done["text"]


async def test_nothing_to_do_is_said_and_warnings_are_not_lost(tmp_path: Path, call: Call) -> None:
    async with with_files(tmp_path) as loom:
        done = (await call(loom, "files.plan", paths=[str(tmp_path / "in")])).value
        assert done["text"] == "There are no files to sort."
        (tmp_path / "in/invoice.pdf.exe").write_bytes(b"MZ" + bytes(200))
        done = (await call(loom, "files.plan", paths=[str(tmp_path / "in")])).value
        assert done["text"].startswith("Nothing needs to be moved.\n- `invoice.pdf.exe`: ")


async def test_moves_are_told_one_by_one_where_they_fail(tmp_path: Path, call: Call) -> None:
    async with with_files(tmp_path, "a.mp3") as loom:
        place = tmp_path / "in"
        names = ("a.mp3", "b")
        moves = [{"source": str(place / n), "target": str(place / f"x/{n}")} for n in names]
        done = (await call(loom, "files.move", moves=moves)).value
        assert done["text"].splitlines()[0] == "Moved 1 file."
        assert done["failed"] == [f"b: {done['refused'][0]['reason']}"]
        assert done["moved"] == [moves[0]]
        back = (await call(loom, "files.undo")).value
        assert back["text"] == "Moved 1 file back."
        assert back["undone"] == [moves[0]]


@pytest.mark.parametrize(
    "moves", [[], [{}], [{"source": "/a"}], [{"source": 1, "target": 2}], "x", [["a", "b"]]]
)
async def test_what_is_no_move_is_told(tmp_path: Path, call: Call, moves: object) -> None:
    async with with_files(tmp_path) as loom:
        done = await call(loom, "files.move", moves=moves)
        assert done.code in ("INVALID_PARAMS", "DENIED")
        assert "KeyError" not in done.message


async def test_what_was_not_granted_is_neither_planned_nor_moved(
    tmp_path: Path, call: Call
) -> None:
    (tmp_path / "private.mp3").write_bytes(b"ID3\x04" + bytes(200))
    path = str(tmp_path / "private.mp3")
    async with with_files(tmp_path) as loom:
        assert (await call(loom, "files.plan", paths=[path])).code == "DENIED"
        moves = [{"source": path, "target": str(tmp_path / "in/a.mp3")}]
        assert (await call(loom, "files.move", moves=moves)).code == "DENIED"
        moves = [{"source": str(tmp_path / "in/../private.mp3"), "target": str(tmp_path / "in/a")}]
        assert (await call(loom, "files.move", moves=moves)).code == "DENIED"
    assert Path(path).exists()


async def test_a_plan_of_what_was_not_said_needs_a_grant_as_well(
    tmp_path: Path, call: Call
) -> None:
    for name in ("watched", "in", "docs"):
        (tmp_path / name).mkdir()
    (tmp_path / "watched/a.txt").write_text("x")
    (tmp_path / "in/a.txt").write_text("x")
    watched, granted, docs = (str(tmp_path / one) for one in ("watched", "in", "docs"))

    def granting(*folders: str) -> Settings:
        return Settings(
            grants=Grants(folders=folders),
            sources={"files": {"folders": [watched]}},
            agents={"downloads": {"destination": docs}},
        )

    async with loom_for_tests(tmp_path / "1", settings=granting(granted)) as loom:
        assert (await call(loom, "files.plan", paths=[])).code == "DENIED"
        assert (await call(loom, "files.plan", paths=[granted])).ok
        assert (await call(loom, "files.plan", paths=[granted], to=docs)).code == "DENIED"
        assert (await loom.call("organize"))["plan"]  # the person does it
    async with loom_for_tests(tmp_path / "2", settings=granting(watched)) as loom:
        assert (await call(loom, "files.plan", paths=[])).code == "DENIED"  # it reads docs, too
    async with loom_for_tests(tmp_path / "3", settings=granting(watched, docs)) as loom:
        assert (await call(loom, "files.plan", paths=[])).value["plan"]

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.loom_desktop.cli.conftest import Done, application

Run = Callable[..., Done]


@pytest.fixture
def pile(tmp_path: Path) -> Path:
    folder = tmp_path / "pile"
    folder.mkdir()
    for number in range(7):
        (folder / f"song{number}.mp3").write_bytes(b"ID3\x04" + bytes(200 + number))
    (folder / "invoice.pdf.exe").write_bytes(b"MZ" + bytes(200))
    return folder


def tree(root: Path) -> dict[str, tuple[int, int, int]]:
    found = {}
    for path in sorted([root, *root.rglob("*")]):
        stat = path.stat()
        found[str(path.relative_to(root))] = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
    return found


@pytest.mark.parametrize("running", [False, True])
def test_a_dry_run_touches_nothing_and_apply_can_be_undone(
    loom: Run, home: Path, pile: Path, running: bool
) -> None:
    from contextlib import nullcontext

    before = tree(pile)
    with application(home) if running else nullcontext():
        plan = loom("organize", str(pile), "--json").json
        assert tree(pile) == before, "no inode and no time has changed"
        songs = [row for row in plan["plan"] if row["source_name"].startswith("song")]
        assert len(songs) == 7
        for row in songs:
            assert row["folder"] == "Music"
            assert row["name"] == row["source_name"]
            assert row["reason"]
            assert row["status"] == "planned"
        done = loom("organize", str(pile), "--apply", "--json").json
        assert done["undo"]
        assert sorted(os.listdir(pile)) == ["Music", "invoice.pdf.exe"]
        back = loom("undo", "--json").json
        assert len(back["undone"]) == 7
        assert back["refused"] == []
    after = tree(pile)
    assert {k: v[0] for k, v in after.items()} == {k: v[0] for k, v in before.items()}
    assert {k: v for k, v in after.items() if k != "."} == {
        k: v for k, v in before.items() if k != "."
    }


def test_a_plan_for_a_person(loom: Run, pile: Path) -> None:
    done = loom("organize", str(pile))
    assert "song1.mp3\n    → Music/song1.mp3\n" in done.out
    assert "Be careful with it" in done.out, "a warning is shown, although nothing is moved"
    assert done.out.endswith("Nothing was moved. Add --apply to do it.\n")
    done = loom("organize", str(pile), "--apply")
    assert "Moved 7 files. Take it back with: loom undo " in done.out
    number = done.out.split()[-1]
    assert "7 files" in loom("undo", "--list").out
    assert loom("undo", "--list", "--json").json[0]["id"] == int(number)
    assert loom("undo", number).out == "Moved 7 files back.\n"
    assert loom("undo", "--list").out == "There is nothing to undo.\n"


def test_where_to_may_be_said(loom: Run, pile: Path, tmp_path: Path) -> None:
    done = loom("organize", str(pile), "--to", str(tmp_path / "new"), "--apply", "--json").json
    assert (tmp_path / "new/Music/song1.mp3").exists()
    assert loom("undo", str(done["undo"])).code == 0
    assert not (tmp_path / "new/Music").exists()


def test_relative_paths_are_those_of_the_person(
    loom: Run, home: Path, pile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(pile.parent)
    with application(home):
        monkeypatch.chdir(pile)
        plan = loom("organize", "song1.mp3", "--json").json["plan"]
    assert [row["source"] for row in plan] == [str(pile / "song1.mp3")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["organize", "/nowhere/at/all"], "is not there"),
        (["undo"], "nothing to undo"),
        (["undo", "77"], "no action 77"),
    ],
)
def test_what_cannot_be_is_told(loom: Run, arguments: list[str], said: str) -> None:
    done = loom(*arguments)
    assert (done.code, done.out) == (1, "")
    assert said in done.err


def test_an_empty_folder_is_said(loom: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert loom("organize", str(tmp_path / "empty")).out == "There are no files to sort.\n"


def test_a_name_cannot_move_the_cursor(loom: Run, tmp_path: Path) -> None:
    (tmp_path / "pile").mkdir()
    (tmp_path / "pile/a\x1b[2J\nb\u202e.mp3").write_bytes(b"ID3\x04" + bytes(200))
    out = loom("organize", str(tmp_path / "pile")).out
    assert not {"\x1b", "\u202e"} & set(out)
    assert "<U+001B>" in out

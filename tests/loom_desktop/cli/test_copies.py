import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from tests.loom_desktop.cli.conftest import Done, application

Run = Callable[..., Done]


@contextmanager
def maybe(home: Path, running: bool) -> Iterator[None]:
    with application(home) if running else nullcontext():
        yield


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("running", [False, True])
def test_a_copy_is_made_and_everything_comes_back(
    loom: Run, home: Path, running: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with maybe(home, running):
        loom("ask", "remind me tomorrow at 9 to call Anna")
        done = loom("backup", "mine.db")
        assert done.out.startswith(f"Everything is in {tmp_path / 'mine.db'}, "), "where you are"
        assert done.out.endswith(f"loom restore {tmp_path / 'mine.db'}\n")
        assert loom("backup", "mine.db").code == 2, "it is there already"
        (one,) = loom("reminders", "--json").json
        loom("reminders", "--remove", str(one["id"]))
        done = loom("restore", "mine.db", "--yes")
        assert done.out.startswith("Restored."), done.err
        assert [one["text"] for one in loom("reminders", "--json").json] == ["call Anna"]
        kept = next(
            one["name"]
            for one in loom("restore", "--list", "--json").json
            if one["kind"] == "before-restore"
        )
        assert f"{kept}  " in loom("restore", "--list").out
        assert loom("restore", kept, "--yes").code == 0, "by the name in the list"
        assert loom("reminders", "--json").json == []


def test_without_a_yes_nothing_is_changed(
    loom: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = str(tmp_path / "mine.db")
    assert loom("backup", to, "--json").json["path"] == to
    loom("ask", "remind me tomorrow at 9 to call Anna")
    done = loom("restore", to)
    assert (done.code, done.err.splitlines()[1]) == (2, "Say --yes.")
    for said, told in (("n\n", "Nothing was changed."), ("y\n", "Restored.")):
        assert len(loom("reminders", "--json").json) == 1
        monkeypatch.setattr(sys, "stdin", Terminal(said))
        done = loom("restore", to)
        assert (done.code, "Go on?" in done.out, told in done.out) == (0, True, True)
    (tmp_path / "other.db").write_text("nothing of ours")
    for copy, code in (("other.db", 2), ("nothing.db", 1)):
        monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
        done = loom("restore", str(tmp_path / copy))
        assert (done.code, done.out) == (code, ""), "it is looked at before anybody is asked"
    assert loom("reminders", "--json").json == []


def test_what_is_no_copy_is_told(loom: Run, tmp_path: Path) -> None:
    assert loom("restore").code == 2
    assert loom("restore", "--list").out.startswith("There are no copies yet.")
    gone = loom("restore", "nothing.db", "--yes")
    assert (gone.code, gone.err.splitlines()[1]) == (1, "See: loom restore --list")
    other = tmp_path / "other.db"
    other.write_text("nothing of ours")
    assert loom("restore", str(other), "--yes").code == 2
    done = loom("backup", "/no/such/folder/mine.db")
    assert (done.code, done.err.splitlines()) == (
        1,
        ["There is no folder /no/such/folder.", "Make it first, or name one that is there."],
    )
    done = loom("backup", "")
    assert (done.code, done.err.splitlines()[0]) == (2, "Say which file.")
    assert loom("restore", "").code == 2

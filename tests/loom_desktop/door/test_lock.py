import os
import subprocess
import sys
from pathlib import Path

import pytest

from loom_desktop.door.lock import take
from loom_desktop.errors import Unavailable


def test_the_first_has_it_and_the_second_does_not(tmp_path: Path) -> None:
    first = take(tmp_path / "run/loom.lock")
    assert first is not None
    assert take(tmp_path / "run/loom.lock") is None
    first.release()
    first.release()
    second = take(tmp_path / "run/loom.lock")
    assert second is not None
    second.release()


def test_the_lock_and_its_folder_are_the_persons_alone(tmp_path: Path) -> None:
    lock = take(tmp_path / "run/loom.lock")
    assert lock is not None
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "run/loom.lock").stat().st_mode & 0o777 == 0o600
    lock.release()


def test_whoever_held_it_and_was_killed_holds_it_no_longer(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from loom_desktop.door.lock import take;"
        "lock = take(pathlib.Path(sys.argv[1])); print(lock is not None, flush=True);"
        "sys.stdin.read()"
    )
    at = tmp_path / "loom.lock"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(at)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == b"True\n"
        assert take(at) is None
        other.kill()
    lock = take(at)
    assert lock is not None
    lock.release()


def test_a_child_process_does_not_keep_it(tmp_path: Path) -> None:
    lock = take(tmp_path / "loom.lock")
    assert lock is not None
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False) as child:
        lock.release()
        again = take(tmp_path / "loom.lock")
        assert again is not None
        again.release()
        assert child.poll() is None


@pytest.mark.parametrize("what", ["link", "folder"])
def test_a_lock_that_cannot_be_is_said_in_words(tmp_path: Path, what: str) -> None:
    at = tmp_path / "loom.lock"
    if what == "link":
        (tmp_path / "elsewhere").touch()
        os.symlink(tmp_path / "elsewhere", at)
    else:
        at.mkdir()
    with pytest.raises(Unavailable, match="cannot be opened") as error:
        take(at)
    assert "LOOM_HOME" in error.value.hint


def test_a_place_that_cannot_be_made_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="cannot be made"):
        take(tmp_path / "file/loom.lock")

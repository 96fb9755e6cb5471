from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import crash
from app.crash import Crashes, redacted
from loom_desktop.errors import Unavailable

ROOT = Path(__file__).resolve().parents[2]
DIES = """
import sys, faulthandler
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from app.crash import Crashes
Crashes(Path(sys.argv[2])).install()
faulthandler._sigabrt() if sys.argv[3] == "native" else 1 / 0
"""


@pytest.fixture
def crashes(tmp_path: Path) -> Iterator[Crashes]:
    made = Crashes(tmp_path / "logs", clock=lambda: 1_700_000_000.0)
    made.install()
    yield made
    made.uninstall()


def test_a_clean_run_leaves_nothing(tmp_path: Path) -> None:
    made = Crashes(tmp_path / "logs")
    made.install()
    assert sys.excepthook == made._uncaught
    assert threading.excepthook == made._uncaught_in_thread
    assert made.pending() is None
    made.uninstall()
    assert list((tmp_path / "logs").iterdir()) == []
    assert sys.excepthook is sys.__excepthook__
    assert threading.excepthook is threading.__excepthook__


def test_a_report_names_the_fault_but_not_the_home_folder(
    crashes: Crashes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    try:
        raise ValueError("cannot read /home/anna/Documents/taxes.pdf " + "x" * 2000)
    except ValueError as error:
        crashes._uncaught(type(error), error, error.__traceback__)
    path = crashes.pending()
    assert path is not None
    text = path.read_text("utf-8")
    assert "ValueError: cannot read ~/Documents" in text
    assert "anna" not in text
    assert len(text) < 2000
    assert "2023-11-14 22:13:20 UTC" in text
    assert path.stat().st_mode & 0o077 == 0


def test_a_report_has_no_secrets(crashes: Crashes) -> None:
    crashes._write("Not caught", ValueError("refused: api_key=hunter2hunter2 of anna@example.org"))
    path = crashes.pending()
    assert path is not None
    text = path.read_text("utf-8")
    assert "ValueError: refused: api_key=" in text
    assert "hunter2" not in text
    assert "anna@" not in text


@pytest.mark.parametrize("kind", ["native", "python"])
def test_what_ended_another_run_is_offered_by_the_next(tmp_path: Path, kind: str) -> None:
    logs = tmp_path / "logs"
    command = [sys.executable, "-c", DIES, str(ROOT), str(logs), kind]
    ended = subprocess.run(command, capture_output=True, check=False, cwd=tmp_path)
    assert ended.returncode != 0
    crashes = Crashes(logs)
    crashes.install()
    try:
        path = crashes.pending()
        assert path is not None
        assert ("Aborted" if kind == "native" else "ZeroDivisionError") in path.read_text("utf-8")
        crashes.shown()
        assert crashes.pending() is None
        assert path.with_suffix(".seen").exists()
    finally:
        crashes.uninstall()


def test_a_folder_that_takes_nothing_is_said_once_and_never_ends_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    logs = tmp_path / "logs"
    logs.mkdir(mode=0o700)
    (logs / "native-1.txt").write_text("Fatal")
    (logs / "crash-1.txt").write_text("x")
    monkeypatch.setattr(crash, "_alive", lambda _: False)
    made = Crashes(logs)
    for name in ("open", "rename", "unlink"):
        monkeypatch.setattr(Path, name, refuse)
    try:
        with pytest.raises(Unavailable, match="cannot be written: Permission denied"):
            made.install()
        assert made.pending() == logs / "crash-1.txt"
        made.shown()
        monkeypatch.setattr(Path, "glob", refuse)
        assert made.pending() is None
        made.shown()
    finally:
        made.uninstall()


def test_a_fault_in_a_thread_is_reported(crashes: Crashes) -> None:
    def fail() -> None:
        raise KeyError("lost")

    thread = threading.Thread(target=fail, name="worker")
    thread.start()
    thread.join()
    path = crashes.pending()
    assert path is not None
    assert "Not caught in worker" in path.read_text("utf-8")


def test_a_fault_in_the_shells_loop_is_reported_and_the_loop_goes_on(crashes: Crashes) -> None:
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(crashes.on_loop)
    done: list[int] = []
    loop.call_soon(lambda: 1 / 0)
    loop.call_soon(done.append, 1)
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    assert done == [1]
    path = crashes.pending()
    assert path is not None
    assert "ZeroDivisionError" in path.read_text("utf-8")


def test_a_fault_that_repeats_does_not_fill_the_disk(crashes: Crashes, tmp_path: Path) -> None:
    for number in range(50):
        crashes._write("again", RuntimeError(str(number)))
    assert len(list((tmp_path / "logs").glob("crash-*"))) == crash.MOST_REPORTS


def test_ctrl_c_is_no_crash(crashes: Crashes, capsys: pytest.CaptureFixture[str]) -> None:
    crashes._uncaught(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert crashes.pending() is None


def test_the_report_of_a_run_that_still_lives_is_left_alone(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir(mode=0o700)
    other = logs / f"native-{os.getppid()}.txt"
    other.write_text("Fatal")
    made = Crashes(logs)
    made.install()
    made.uninstall()
    assert other.exists()


def test_only_the_home_folder_is_cut_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    assert redacted("/home/anna/x and /srv/y") == "~/x and /srv/y"
    monkeypatch.setenv("HOME", "/")
    assert redacted("/srv/y") == "/srv/y"

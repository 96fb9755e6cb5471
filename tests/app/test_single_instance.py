from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.single_instance import first
from loom_desktop.door.lock import take
from loom_desktop.errors import LoomError, Unavailable
from loom_desktop.paths import Paths, paths

ROOT = Path(__file__).resolve().parents[2]
STARTER = """
import os, sys, socket, time
sys.path.insert(0, sys.argv[1])
from app.single_instance import first
from loom_desktop.paths import paths
here = paths()
lock = first(here, wait_s=20)
assert not any(name.startswith("PySide6") for name in sys.modules), "Qt was imported"
if lock is None:
    print("second shown", flush=True)
else:
    print("first", flush=True)
    if here.socket.exists():
        here.socket.unlink()
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(here.socket))
    server.listen(8)
    while True:
        connection, _ = server.accept()
        with connection:
            connection.makefile().readline()
            connection.sendall(b'{"ok": true, "value": "shown"}\\n')
"""


@pytest.fixture
def here(tmp_path: Path) -> Paths:
    return paths({"LOOM_HOME": str(tmp_path)})


@contextmanager
def server(at: Path, reply: bytes) -> Iterator[list[bytes]]:
    heard: list[bytes] = []
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(at))
    listening.listen(1)

    def serve() -> None:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with connection, connection.makefile() as lines:
            heard.append(lines.readline().encode())
            connection.sendall(reply)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield heard
    finally:
        thread.join(5)
        listening.close()


def start(home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", STARTER, str(ROOT)],
        env={**os.environ, "LOOM_HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
    )


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@contextmanager
def held(here: Paths) -> Iterator[None]:
    lock = take(here.lock)
    assert lock is not None
    with lock:
        yield


def test_only_one_holds_the_lock_and_it_can_be_given_back(here: Paths) -> None:
    with held(here):
        assert take(here.lock) is None
    lock = first(here)
    assert lock is not None
    lock.release()


def test_a_command_that_holds_the_lock_for_a_moment_is_waited_for(here: Paths) -> None:
    lock = take(here.lock)
    assert lock is not None
    soon = threading.Timer(0.1, lock.release)
    soon.start()
    mine = first(here)
    assert mine is not None
    mine.release()
    soon.join()


def test_the_lock_is_for_this_person_alone(here: Paths) -> None:
    with first(here) or pytest.fail("not the first"):
        assert here.lock.stat().st_mode & 0o077 == 0
        assert here.runtime.stat().st_mode & 0o077 == 0


def test_of_eight_starters_at_once_one_is_first_and_seven_reach_it(tmp_path: Path) -> None:
    starters = [start(tmp_path) for _ in range(8)]
    try:
        said = sorted(line(one) for one in starters)
        assert said == ["first", *["second shown"] * 7]
    finally:
        for one in starters:
            one.kill()
            one.communicate()


def test_after_kill_9_the_next_start_is_first_whatever_was_left(tmp_path: Path) -> None:
    one = start(tmp_path)
    assert line(one) == "first"
    second = start(tmp_path)
    assert line(second) == "second shown"
    second.communicate()
    one.send_signal(signal.SIGKILL)
    one.communicate()
    assert (tmp_path / "loom.sock").exists()
    again = start(tmp_path)
    try:
        assert line(again) == "first"
    finally:
        again.kill()
        again.communicate()


def test_a_second_start_asks_for_the_window(here: Paths) -> None:
    with held(here), server(here.socket, b'{"ok": true, "value": {}}\n') as heard:
        assert first(here) is None
    assert json.loads(heard[0])["verb"] == "show"


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (b'{"ok": false, "error": {"message": "No.", "hint": "Wait.", "code": "DENIED"}}\n', "No."),
        (b"rubbish\n", "ended before it answered"),
        (b'["ok"]\n', "ended before it answered"),
        (b"", "ended before it answered"),
    ],
)
def test_a_bad_answer_is_told(here: Paths, reply: bytes, message: str) -> None:
    with held(here), server(here.socket, reply), pytest.raises(LoomError, match=message):
        first(here, wait_s=0.5)


def test_nobody_behind_the_lock_is_told_and_not_waited_for_long(here: Paths) -> None:
    with held(here), pytest.raises(Unavailable, match="does not listen") as told:
        first(here, wait_s=0.1)
    assert told.value.hint


def test_one_that_never_answers_is_told(here: Paths) -> None:
    with held(here), socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(here.socket))
        listening.listen(1)
        with pytest.raises(LoomError, match="did not answer"):
            first(here, wait_s=0.2)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot be made"):
        first(paths({"LOOM_HOME": str(tmp_path / "file" / "home")}))


def test_a_lock_that_is_a_link_is_not_followed(here: Paths, tmp_path: Path) -> None:
    here.lock.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Unavailable, match="cannot be opened"):
        first(here)
    assert not (tmp_path / "elsewhere").exists()

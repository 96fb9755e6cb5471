import asyncio
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from loom_desktop import garbage
from loom_desktop.cli.run import _run
from loom_desktop.door import client
from tests.loom_desktop.cli.conftest import Done, application, started

Run = Callable[..., Done]


def test_it_runs_headless_says_how_to_talk_to_it_and_ends_when_told(loom: Run, home: Path) -> None:
    with started("run") as process:
        assert process.stdout
        assert b"without a window" in process.stdout.readline()
        assert b"loom ask" in process.stdout.readline()
        assert loom("quit").out == "Loom ends.\n"
        assert process.wait(20) == 0
    assert not (home / "loom.sock").exists()
    assert loom("quit").out == "Loom is not running.\n"


async def test_once_it_has_started_the_collector_leaves_it_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled = asyncio.Event()
    monkeypatch.setattr(garbage, "SETTLED_S", 0.01)
    monkeypatch.setattr(garbage, "settle", settled.set)
    running = asyncio.get_running_loop().create_task(_run())
    async with asyncio.timeout(15):
        await settled.wait()
        assert (home / "loom.sock").exists(), "it is ready"
        await asyncio.to_thread(client.call, "quit", {})
        await running


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(home: Path, number: signal.Signals) -> None:
    with started("run", "--headless") as process:
        assert process.stdout
        process.stdout.readline()
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, b"")
    assert not (home / "loom.sock").exists()


def test_a_second_one_is_told(home: Path) -> None:
    with application(home), started("run", "--headless") as second:
        out, err = second.communicate(timeout=20)
    assert (second.returncode, out) == (1, b"")
    assert err.startswith(b"Loom is running already.")


def test_after_a_kill_the_next_one_starts(home: Path) -> None:
    with started("run", "--headless") as process:
        assert process.stdout
        process.stdout.readline()
        process.kill()
        process.wait(20)
    assert (home / "loom.sock").exists()
    with application(home):
        assert client.call("status", {})["desktop"] is False


def test_the_popup_needs_a_window(loom: Run, home: Path) -> None:
    done = loom("popup")
    assert (done.code, done.err.splitlines()[0]) == (1, "Loom is not running.")
    with application(home):
        done = loom("popup")
        assert done.code == 1
        assert "without a window" in done.err


def test_a_home_too_long_for_a_socket_is_told(
    loom: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = home / ("x" * 110)
    monkeypatch.setenv("LOOM_HOME", str(deep))
    with started("run", "--headless") as process:
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (1, b"")
    assert b"A shorter LOOM_HOME may help" in err
    deep.joinpath("loom.toml").write_text("[store]\nencrypted = false\n")
    assert loom("ask", "2 + 2").code == 0, "a command needs no socket"


def test_where_nothing_can_be_written_down_it_still_runs(loom: Run, home: Path) -> None:
    (home / "logs").write_text("in the way")
    (home / "data").write_text("in the way")
    with application(home) as process:
        assert loom("ask", "2 + 2").code == 0
        problems = client.call("status", {})["problems"]
        assert any("cannot be made" in one["message"] for one in problems)
        process.terminate()
        assert process.stderr
        assert b"There is no log." in process.stderr.read()


def test_something_else_at_the_socket_is_not_an_application(loom: Run, home: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(home / "loom.sock"))
    assert loom("ask", "2 + 2").code == 0

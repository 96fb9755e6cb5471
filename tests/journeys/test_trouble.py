"""Bad weather: disks that are full or closed, a damaged database, an X server that dies, kills."""

from __future__ import annotations

import os
import subprocess
from functools import partial
from pathlib import Path

import pytest

from loom_desktop.door import client
from tests.journeys.application import Application
from tests.journeys.papers import invoice
from tests.screen import Screen

pytestmark = [pytest.mark.journey, pytest.mark.x11]


def test_a_damaged_database_is_kept_aside_and_told(loom: Application) -> None:
    loom.ask("What is 6 * 7?")
    loom.page_has("42")
    loom.stop()
    for path in (loom.loom_home / "data").rglob("*.db*"):
        if path.is_file():
            path.write_bytes(b"this is no database " * 1000)
    loom.start()
    (problem,) = loom.status()["problems"]
    assert "damaged" in problem["message"]
    kept = [path for path in loom.loom_home.rglob("*") if ".corrupt." in path.name]
    assert any(b"this is no database" in path.read_bytes() for path in kept)
    assert any(path.name in problem["hint"] for path in kept)
    assert "damaged" in str(loom.json("doctor"))
    loom.ask("What is 6 * 8?")
    loom.page_has("48")
    loom.hide()
    loom.restart()
    assert loom.messages()[-1]["text"].endswith("48")


def test_what_is_wrong_at_the_start_is_told_in_the_popup(plain_desktop: Screen) -> None:
    with Application(plain_desktop) as loom:
        loom.stop()
        (loom.loom_home / "data/loom.db").write_bytes(b"this is no database " * 1000)
        loom.start()
        loom.press_hotkey()
        loom.until(lambda: loom.sees("damaged"), "notice in the popup", 3)


def test_a_home_that_cannot_be_written_is_named(plain_desktop: Screen) -> None:
    # root may write everywhere, unless it gives that up
    wrap = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if not os.getuid() else ()
    loom = Application(plain_desktop, wrap=wrap)
    loom.loom_home.chmod(0o500)
    for command in (["ask", "2 + 2"], ["inbox"], ["undo"], []):
        done = loom.command(*command)
        said = done.stdout + done.stderr
        assert done.returncode == 1, (command, said)
        assert str(loom.loom_home) in said
        assert "LOOM_HOME" in said
        assert "Traceback" not in said
    loom.loom_home.chmod(0o700)
    with loom:
        loom.ask("2 + 2")
        loom.page_has("= 4")


def test_a_store_that_cannot_be_written_later_is_told_and_answers_go_on(
    plain_desktop: Screen,
) -> None:
    wrap = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if not os.getuid() else ()
    with Application(plain_desktop, wrap=wrap) as loom:
        loom.ask("2 + 2")
        loom.page_has("= 4")
        loom.stop()
        data = loom.loom_home / "data"
        for path in data.iterdir():
            if path.is_file():
                path.chmod(0o400)
        data.chmod(0o500)
        loom.may_stumble = True
        try:
            loom.start(wait=False)
            loom.until(loom.answers, "answer on the socket", 20)
            assert loom.status()["problems"]
            loom.until(lambda: loom.settled("hotkey"), "hotkey")
            loom.ask("What is 6 * 7?")
            loom.page_has("42")
            assert "Traceback" not in loom.log() + loom.said()
            loom.stop()
        finally:
            data.chmod(0o700)
            for path in data.iterdir():
                if path.is_file():
                    path.chmod(0o600)
        loom.start()
        assert not loom.status()["problems"]


def test_a_full_disk_is_told_and_nothing_is_half_done(plain_desktop: Screen) -> None:
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        return  # a small disk can only be made where user namespaces are allowed
    loom = Application(plain_desktop, watching=True)
    home, aside = str(loom.loom_home), str(loom.folder / "loom.toml")
    (loom.loom_home / "loom.toml").rename(aside)
    small = f'mount -t tmpfs -o size=40m,mode=700 tmpfs "{home}" && cp "{aside}" "{home}"'
    loom.wrap = ("unshare", "-rm", "sh", "-c", f'{small} && exec "$@"', "sh")
    loom.start(wait=False)
    assert loom.process is not None
    inside = Path(f"/proc/{loom.process.pid}/root{home}")  # only it sees the small disk
    loom.socket = inside / "loom.sock"
    loom.until(loom.answers, "answer on the socket")
    loom.verb("first_run")
    for name in ("hotkey", "files"):
        loom.until(partial(loom.settled, name), name)
    loom.ask("What is 6 * 7?")
    loom.page_has("42")
    fill(inside / "filler")
    loom.ask("What is 6 * 8?")
    loom.page_has("48")
    loom.until(lambda: "disk is full" in str(loom.status()["problems"]), "word about the disk")
    assert loom.status()["state"] == "trouble"
    source, content = loom.downloads / "scan0001.pdf", invoice()
    source.write_bytes(content)
    assert "disk is full" in loom_organize(loom, source)
    (inside / "filler").unlink()
    loom.ask("What is 6 * 9?")
    loom.page_has("54")
    loom.until(lambda: loom.messages()[-1]["text"].endswith("54"), "kept again")
    assert source.read_bytes() == content
    loom.verb("organize", paths=[str(source)], apply=True)
    assert not source.exists()
    loom.verb("undo")
    assert source.read_bytes() == content
    loom.may_stumble = True  # the store writes down, once, what it could not save
    loom.stop()


def fill(path: Path) -> None:
    """Write until there is no more room."""
    room = os.statvfs(path.parent)
    with path.open("wb", buffering=0) as file:
        while room.f_bavail:
            file.write(bytes(room.f_frsize))
            room = os.statvfs(path.parent)


def loom_organize(loom: Application, path: Path) -> str:
    """What is said about a move that is not done."""
    with pytest.raises(client.Failed) as failed:
        loom.verb("organize", paths=[str(path)], apply=True)
    assert path.exists()
    return failed.value.message


def test_killed_in_the_middle_it_starts_again_and_knows_everything(loom: Application) -> None:
    loom.ask("What is 6 * 7?")
    loom.page_has("42")
    loom.until(lambda: loom.answer()["state"] not in ("streaming", "asked"), "kept")
    before = loom.messages()
    loom.kill()
    loom.start()
    assert loom.messages() == before
    loom.press_hotkey()


def test_when_the_screen_dies_it_ends(plain_desktop: Screen) -> None:
    loom = Application(plain_desktop)
    loom.start()
    assert plain_desktop.server is not None
    assert loom.process is not None
    plain_desktop.end(plain_desktop.server)
    loom.process.wait(10)
    assert "Traceback" not in loom.log()
    assert not list((loom.loom_home / "logs").glob("crash-*"))


def test_quit_ends_it_with_a_window_open(loom: Application) -> None:
    loom.press_hotkey()
    assert loom.process is not None
    loom.loom("quit")
    assert loom.process.wait(10) == 0
    assert loom.trouble() == ""
    loom.start()
    if not loom.screen.windows("panel"):
        loom.press_hotkey()
        loom._keys.fake.click("Quit")
        assert loom.process.wait(10) == 0
        loom.start()

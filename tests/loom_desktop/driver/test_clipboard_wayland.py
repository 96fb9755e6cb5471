from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from loom_desktop.driver.clip import HINT, Clip
from loom_desktop.driver.clipboard_wayland import Wayland
from loom_desktop.errors import Denied
from loom_desktop.sources.clipboard import Clipboard, Settings
from tests.screen import WaylandScreen, wait_for

FAKE = """#!/bin/sh
# wl-paste of a machine on which the test decides what is copied
echo "$@" >>"$FAKE/asked"
case "$*" in
  --watch*) echo "No such protocol"; exit 1 ;;
  --list-types)
    [ -e "$FAKE/hung" ] && exec sleep 60
    cat "$FAKE/types"
    [ -e "$FAKE/types.later" ] && mv "$FAKE/types.later" "$FAKE/types" ;;
  *password*) cat "$FAKE/hint" ;;
  *) cat "$FAKE/text" ;;
esac
exit 0
"""


@pytest.fixture(scope="module")
def desktop() -> Iterator[WaylandScreen]:
    if WaylandScreen.missing():
        pytest.skip("this machine lacks a Wayland compositor")
    with WaylandScreen() as screen:
        yield screen


class Copies:
    """What the source published: texts, and "-" for a clipboard that was cleared."""

    def __init__(self, screen: WaylandScreen) -> None:
        self.clipboard = Clipboard(
            Settings(enabled=True), clock=time.monotonic, environ={**os.environ, **screen.env}
        )
        self.told: list[str] = []

    def publish(self, topic: str, /, **payload: Any) -> None:
        self.told.append(payload.get("text", "-"))

    async def until(self, what: Callable[[], object], timeout_s: float = 10) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                while not what():
                    await asyncio.sleep(0.002)
        except TimeoutError:
            raise AssertionError(f"there was {[text[:40] for text in self.told]}") from None

    async def until_told(self, *told: str) -> None:
        await self.until(lambda: self.told == list(told))


@asynccontextmanager
async def copies(screen: WaylandScreen) -> AsyncIterator[Copies]:
    found = Copies(screen)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(found.clipboard.run(found.publish))
        await found.until(lambda: found.clipboard._driver)
        try:
            yield found
        finally:
            task.cancel()


def wl_copy(screen: WaylandScreen, data: bytes, *arguments: str) -> subprocess.Popen[bytes]:
    owner = screen.start("wl-copy", "--foreground", *arguments, stdin=subprocess.PIPE)
    assert owner.stdin
    owner.stdin.write(data)
    owner.stdin.close()
    return owner


@pytest.mark.wayland
async def test_what_was_there_before_is_not_told_but_each_copy_is(desktop: WaylandScreen) -> None:
    wl_copy(desktop, b"there before")
    wait_for(lambda: desktop.clipboard() == "there before", "the first copy")
    async with copies(desktop) as found:
        report = found.clipboard.report()
        assert (report.working, report.driver) == (True, "wayland")
        wl_copy(desktop, "grüß".encode())
        await found.until_told("grüß")
        wl_copy(desktop, b"x" * 500_000)
        await found.until_told("grüß", "x" * 500_000)
        assert await found.clipboard.read_once() == "x" * 500_000


@pytest.mark.wayland
async def test_a_secret_too_much_and_no_text_only_clear(desktop: WaylandScreen) -> None:
    async with copies(desktop) as found:
        wl_copy(desktop, b"secret", "--type", HINT)
        await found.until_told("-")
        with pytest.raises(Denied):
            await found.clipboard.read_once()
        wl_copy(desktop, b"x" * 5_000_000)
        await found.until_told(*"--")
        wl_copy(desktop, b"\x89PNG" + bytes(range(256)), "--type", "image/png")
        await found.until_told(*"---")
        wl_copy(desktop, b"\xff\xfe\x00", "--type", "text/plain")
        await found.until_told(*"----")
        wl_copy(desktop, b"words")
        await found.until_told(*"----", "words")


@pytest.mark.wayland
async def test_a_hung_owner_costs_one_deadline(desktop: WaylandScreen) -> None:
    async with copies(desktop) as found:
        owner = wl_copy(desktop, b"before")
        await found.until_told("before")
        os.kill(owner.pid, signal.SIGSTOP)
        try:
            driver = found.clipboard._driver
            assert driver
            clip = await found.clipboard._read(driver)
            assert clip.refused in ("hung", "empty")  # its formats are known, its text is not
            wl_copy(desktop, b"after")
            await found.until_told("before", "after")
        finally:
            os.kill(owner.pid, signal.SIGCONT)


@pytest.mark.wayland
async def test_of_a_burst_of_copies_the_last_is_told(desktop: WaylandScreen) -> None:
    async with copies(desktop) as found:
        owners = [wl_copy(desktop, f"copy {number}".encode()) for number in range(20)]
        # Each was a program of its own, and they copy in any order: one ends when it is replaced,
        # so when a single one is left, none is still to come that would replace the last.
        await asyncio.to_thread(
            wait_for,
            lambda: sum(owner.poll() is None for owner in owners) == 1,
            "all the copies but one being replaced",
            60,
        )
        wl_copy(desktop, b"the last")
        await found.until(lambda: found.told and found.told[-1] == "the last", 20)
    texts = [text for text in found.told if text != "-"]
    assert len(texts) == len(set(texts))


@pytest.mark.wayland
async def test_cancelled_it_leaves_no_child(desktop: WaylandScreen) -> None:
    async with copies(desktop) as found:
        driver = found.clipboard._driver
        assert isinstance(driver, Wayland)
        assert driver._bell
        group = driver._bell.pid
        began = time.monotonic()
    assert time.monotonic() - began < 1
    wait_for(lambda: not _alive(group), "the end of the bell and its children", 1)


def _alive(group: int) -> list[str]:
    """Processes of the group that still run; one that nobody has asked for its end does not."""
    found = []
    for one in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = one.read_text().rpartition(")")
        except OSError:
            continue
        state, _, its_group = rest.split()[:3]
        if int(its_group) == group and state != "Z":
            found.append(name)
    return found


@pytest.mark.wayland
async def test_a_compositor_that_ends_is_told() -> None:
    with WaylandScreen() as screen:
        found = Copies(screen)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(found.clipboard.run(found.publish))
            await found.until(lambda: found.clipboard._driver)
            await asyncio.to_thread(screen.stop)
            await found.until(lambda: not found.clipboard.report().working)
            assert found.clipboard.report().fix
            task.cancel()


class Fake:
    """A folder with a wl-paste that answers what its files say."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        program = folder / "wl-paste"
        program.write_text(FAKE)
        program.chmod(0o755)
        self.environ = {
            "PATH": f"{folder}:{os.environ['PATH']}",
            "FAKE": str(folder),
            "WAYLAND_DISPLAY": "wayland-none",
        }

    def copy(self, *types: str, text: bytes = b"hunter2", hint: bytes = b"secret") -> None:
        (self.folder / "types").write_text("".join(f"{one}\n" for one in types))
        (self.folder / "text").write_bytes(text)
        (self.folder / "hint").write_bytes(hint)

    @property
    def asked(self) -> list[str]:
        return (self.folder / "asked").read_text().splitlines()


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    fake = Fake(tmp_path)
    monkeypatch.setenv("PATH", fake.environ["PATH"])
    return fake


async def test_the_text_of_a_secret_is_never_asked_for(fake: Fake) -> None:
    for hint in (b"secret", b"secret\n", b""):
        fake.copy("text/plain;charset=utf-8", "UTF8_STRING", HINT, hint=hint)
        assert await Wayland(fake.environ).read(100) == Clip(refused="secret")
    assert set(fake.asked) == {"--list-types", f"--no-newline --type {HINT}"}


async def test_a_hint_that_says_public_is_no_secret(fake: Fake) -> None:
    fake.copy("text/plain", HINT, text=b"words", hint=b"public")
    assert await Wayland(fake.environ).read(100) == Clip("words", size_bytes=5)


async def test_a_secret_copied_between_formats_and_text_is_not_given(fake: Fake) -> None:
    fake.copy("text/plain")
    (fake.folder / "types.later").write_text(f"text/plain\n{HINT}\n")
    assert await Wayland(fake.environ).read(100) == Clip(refused="secret")


async def test_an_empty_clipboard_is_empty(fake: Fake) -> None:
    fake.copy()
    assert await Wayland(fake.environ).read(100) == Clip(refused="empty")


async def test_reading_stops_at_the_limit(fake: Fake) -> None:
    fake.copy("UTF8_STRING", text=b"x" * 3_000_000)
    assert await Wayland(fake.environ).read(1000) == Clip(refused="too large")


async def test_a_cancelled_reading_leaves_no_pipe_open(fake: Fake) -> None:
    fake.copy("UTF8_STRING")
    (fake.folder / "hung").touch()
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await Wayland(fake.environ).read(1000)
    await asyncio.sleep(0)
    assert len(os.listdir("/proc/self/fd")) <= before


async def test_a_desktop_that_cannot_be_watched_is_told(fake: Fake) -> None:
    """As GNOME on Wayland."""
    fake.copy("UTF8_STRING", text=b"on request")
    clipboard = Clipboard(Settings(enabled=True), clock=time.monotonic, environ=fake.environ)

    def publish(topic: str, /, **_: Any) -> None:
        raise AssertionError(topic)

    async with asyncio.TaskGroup() as tasks, asyncio.timeout(10):
        task = tasks.create_task(clipboard.run(publish))
        while "does not let programs watch" not in clipboard.report().detail:
            await asyncio.sleep(0.01)
        assert not clipboard.report().working
        assert "GNOME" in clipboard.report().fix
        assert await clipboard.read_once() == "on request"
        task.cancel()

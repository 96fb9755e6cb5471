from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from loom_desktop.driver.clipboard_x11 import X11
from loom_desktop.errors import Denied, NotUnderstood, Unavailable
from loom_desktop.sources.clipboard import Clipboard, Settings
from tests.screen import Screen

pytestmark = pytest.mark.x11

OWNER = r"""
import sys, time
from Xlib import X, Xatom, display
from Xlib.protocol import event

kind, size = sys.argv[1], int(sys.argv[2])
x = display.Display()
window = x.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
atom = x.intern_atom
HINT = atom("x-kde-passwordManagerHint")
data = {atom("UTF8_STRING"): b"hunter2" if "secret" in kind else b"x" * size}
if "secret" in kind:
    data[HINT] = b"" if kind == "silent secret" else b"secret"
if kind == "public hint":
    data[HINT] = b"public"
if kind == "bytes":
    data = {atom("UTF8_STRING"): b"\xff\xfe\x00\x80" * 10}
if kind == "no targets":
    data = {}
window.set_selection_owner(atom("CLIPBOARD"), X.CurrentTime)
x.sync()
print("owns", flush=True)
if kind == "hung":
    time.sleep(60)
PIECE = 100_000
while True:
    e = x.next_event()
    if e.type == X.SelectionClear:
        print("cleared", flush=True)
        continue
    if e.type != X.SelectionRequest:
        continue
    print(x.get_atom_name(e.target), flush=True)
    who, value, given = e.requestor, data.get(e.target), e.property
    if e.target == atom("TARGETS") and kind != "no targets":
        who.change_property(given, Xatom.ATOM, 32, [atom("TARGETS"), *data])
    elif value is None or (kind == "silent secret" and e.target == HINT):
        given = X.NONE
    elif len(value) <= PIECE:
        who.change_property(given, e.target, 8, value)
    else:
        who.change_attributes(event_mask=X.PropertyChangeMask)
        claimed = 1 if kind == "liar" else len(value)
        who.change_property(given, atom("INCR"), 32, [claimed])
    who.send_event(event.SelectionNotify(
        time=e.time, requestor=who, selection=e.selection, target=e.target, property=given))
    x.flush()
    if given == X.NONE or value is None or len(value) <= PIECE:
        continue
    for at in range(0, len(value) + PIECE, PIECE):
        while True:
            p = x.next_event()
            if p.type == X.PropertyNotify and p.window.id == who.id and p.state == X.PropertyDelete:
                break
        who.change_property(given, e.target, 8, value[at:at + PIECE])
        x.flush()
        if kind == "stuck" and at > PIECE:
            time.sleep(60)
"""


@pytest.fixture(scope="module")
def desktop() -> Iterator[Screen]:
    with Screen() as screen:
        yield screen


class Owner:
    """A program that owns the clipboard, and the formats it was asked for."""

    def __init__(self, screen: Screen, kind: str, size: int = 5) -> None:
        self.process = screen.start(
            *(sys.executable, "-c", OWNER, kind, str(size)), stdout=subprocess.PIPE
        )
        self.asked: list[str] = []
        assert self.process.stdout
        assert self.process.stdout.readline() == b"owns\n"
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout
        try:
            for line in self.process.stdout:
                self.asked.append(line.decode().strip())
        except ValueError:
            pass  # closed by the end of the test


class Copies:
    """What the source published: texts, and "-" for a clipboard that was cleared."""

    def __init__(self, screen: Screen, settings: Settings) -> None:
        self.clipboard = Clipboard(settings, clock=time.monotonic, environ=screen.env)
        self.told: list[str] = []
        self.longest_gap_s = 0.0

    def publish(self, topic: str, /, **payload: Any) -> None:
        assert topic in ("clipboard.copied", "clipboard.cleared")
        self.told.append(payload.get("text", "-"))

    async def until(self, what: Callable[[], object], timeout_s: float = 10) -> None:
        """Also measures the longest time in which the loop did not run."""
        try:
            async with asyncio.timeout(timeout_s):
                last = time.monotonic()
                while not what():
                    await asyncio.sleep(0.001)
                    now = time.monotonic()
                    self.longest_gap_s, last = max(self.longest_gap_s, now - last), now
        except TimeoutError:
            raise AssertionError(f"there was {[text[:40] for text in self.told]}") from None

    async def until_told(self, *told: str, timeout_s: float = 10) -> None:
        await self.until(lambda: self.told == list(told), timeout_s)


@asynccontextmanager
async def copies(screen: Screen, settings: Settings | None = None) -> AsyncIterator[Copies]:
    found = Copies(screen, settings or Settings(enabled=True))
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(found.clipboard.run(found.publish))
        await found.until(lambda: found.clipboard._driver)
        try:
            yield found
        finally:
            task.cancel()


def xclip(screen: Screen, data: bytes, *arguments: str) -> subprocess.Popen[bytes]:
    """Copies as a program would that knows nothing of us; returns once it owns the clipboard."""
    owner = screen.start(
        *("xclip", "-selection", "clipboard", "-in", "-quiet", *arguments), stdin=subprocess.PIPE
    )
    assert owner.stdin
    owner.stdin.write(data)
    owner.stdin.close()
    return owner


async def test_a_copy_is_read(desktop: Screen) -> None:
    xclip(desktop, b"there before")
    desktop.wait_for(lambda: desktop.clipboard() == "there before", "the first copy")
    async with copies(desktop) as found:
        report = found.clipboard.report()
        assert (report.working, report.driver) == (True, "x11")
        xclip(desktop, "first grüß\n".encode())
        await found.until_told("first grüß\n")
        xclip(desktop, b"second")
        await found.until_told("first grüß\n", "second")
        assert await found.clipboard.read_once() == "second"


@pytest.mark.parametrize("kind", ["secret", "silent secret"])
async def test_a_secret_is_never_read(desktop: Screen, kind: str) -> None:
    async with copies(desktop) as found:
        owner = Owner(desktop, kind)
        await found.until_told("-")
        assert owner.asked == ["TARGETS", "x-kde-passwordManagerHint"]
        with pytest.raises(Denied):
            await found.clipboard.read_once()
        assert "UTF8_STRING" not in owner.asked


async def test_a_secret_that_is_cleared_clears(desktop: Screen) -> None:
    async with copies(desktop) as found:
        Owner(desktop, "text", 3)
        await found.until_told("xxx")
        owner = Owner(desktop, "secret")
        await found.until_told("xxx", "-")
        desktop.end(owner.process)
        await found.until_told("xxx", "-", "-")


async def test_a_hint_that_says_public_is_no_secret(desktop: Screen) -> None:
    async with copies(desktop) as found:
        Owner(desktop, "public hint", 3)
        await found.until_told("xxx")


async def test_a_hung_owner_costs_one_deadline_and_never_the_loop(desktop: Screen) -> None:
    async with copies(desktop) as found:
        began = time.monotonic()
        Owner(desktop, "hung")
        await found.until_told("-")
        assert 0.9 < time.monotonic() - began < 3
        xclip(desktop, b"after")
        await found.until_told("-", "after")
    assert found.longest_gap_s < 0.5, "the machine is shared; a blocked loop would be 1 s"


async def test_an_owner_that_is_stuck_in_the_middle_costs_one_deadline(desktop: Screen) -> None:
    async with copies(desktop) as found:
        Owner(desktop, "stuck", 500_000)
        await found.until_told("-")
        xclip(desktop, b"after")
        await found.until_told("-", "after")


@pytest.mark.parametrize(("size", "expected"), [(500_000, "x" * 500_000), (20_000_000, "-")])
async def test_a_text_in_pieces_is_read_up_to_the_limit(
    desktop: Screen, size: int, expected: str
) -> None:
    async with copies(desktop) as found:
        Owner(desktop, "big", size)
        await found.until_told(expected)
    assert found.longest_gap_s < 0.5


async def test_an_owner_that_lies_about_its_size_is_stopped_at_the_limit(
    desktop: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = 0
    fetch = X11._property

    async def counted(self: X11, window: Any) -> bytes | list[int]:
        nonlocal fetched
        found = await fetch(self, window)
        fetched += len(found)
        return found

    monkeypatch.setattr(X11, "_property", counted)
    async with copies(desktop) as found:
        owner = Owner(desktop, "liar", 20_000_000)
        await found.until_told("-")
        assert fetched <= 1_000_010
        xclip(desktop, b"after")
        await found.until_told("-", "after")
        assert owner.process.poll() is None, "the refusal does not end the owner"


async def test_two_hundred_megabytes_are_refused_quickly(desktop: Screen) -> None:
    async with copies(desktop) as found:
        owner = await asyncio.to_thread(xclip, desktop, b"x" * 200_000_000)
        await found.until_told("-", timeout_s=20)  # most of it is xclip's own reading
        assert found.longest_gap_s < 0.5
        assert owner.poll() is None
        xclip(desktop, b"after")
        await found.until_told("-", "after")


async def test_a_refused_text_can_still_be_pasted_elsewhere(desktop: Screen) -> None:
    """xclip serves nobody before a transfer that it began is over."""
    size = 20_000_000
    clipboard = Clipboard(Settings(), clock=time.monotonic, environ=desktop.env)
    async with copies(desktop) as found:
        await asyncio.to_thread(xclip, desktop, b"x" * size)
        await found.until_told("-")
        driver = found.clipboard._driver
        assert isinstance(driver, X11)
        await found.until(lambda: not driver._left)
        pasted = await asyncio.to_thread(desktop.run, "xclip", "-selection", "clipboard", "-out")
        assert len(pasted) == size
        with pytest.raises(NotUnderstood, match="longer than"):
            await clipboard.read_once()
        pasted = await asyncio.to_thread(desktop.run, "xclip", "-selection", "clipboard", "-out")
        assert len(pasted) == size


async def test_a_large_text_in_one_property_is_refused_or_read_in_slices(desktop: Screen) -> None:
    async with copies(desktop, Settings(enabled=True, max_bytes=5_000_000)) as found:
        text = b"y" * 3_000_000
        xclip(desktop, text)
        await found.until_told(text.decode())


async def test_bytes_that_are_not_text_only_clear(desktop: Screen) -> None:
    async with copies(desktop) as found:
        Owner(desktop, "bytes")
        await found.until_told("-")
        xclip(desktop, b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "-target", "image/png")
        await found.until_told("-", "-")
        Owner(desktop, "no targets")
        await found.until_told("-", "-", "-")
        xclip(desktop, b"   \n")
        await found.until_told("-", "-", "-", "-")


async def test_a_newer_copy_wins_over_one_that_hangs(desktop: Screen) -> None:
    async with copies(desktop) as found:
        owner = Owner(desktop, "text")
        await found.until_told("xxxxx")
        os.kill(owner.process.pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            Owner(desktop, "hung")
            xclip(desktop, b"newer")
            await found.until(lambda: found.told[-1] == "newer")
            assert time.monotonic() - began < 0.9, "not after the deadline of the older one"
        finally:
            os.kill(owner.process.pid, signal.SIGCONT)
    assert found.told == ["xxxxx", "newer"]


async def test_of_a_burst_of_copies_the_last_is_told_and_none_twice(desktop: Screen) -> None:
    async with copies(desktop) as found:
        owner = Copying(desktop)
        for number in range(300):
            owner.copy(f"copy {number}")
        await found.until(lambda: found.told and found.told[-1] == "copy 299", 20)
        driver = found.clipboard._driver
        assert isinstance(driver, X11)
        assert not driver._waiting
        assert len(driver._left) <= 16
        owner.close()
    assert len(found.told) == len(set(found.told))
    assert found.longest_gap_s < 0.5


async def test_two_hundred_copies_a_minute_are_all_told(desktop: Screen) -> None:
    """Each is waited for: one copy every 0.3 s leaves more time than a reading takes."""
    async with copies(desktop) as found:
        owner = Copying(desktop)
        began = time.monotonic()
        for number in range(200):
            owner.copy(f"copy {number}")
            await found.until(lambda n=number: found.told and found.told[-1] == f"copy {n}")  # type: ignore[misc]  # mypy cannot infer a lambda with a default
        assert time.monotonic() - began < 60
        owner.close()
    assert found.told == [f"copy {n}" for n in range(200)]


class Copying:
    """One program that copies again and again, as an editor does."""

    CODE = r"""
import os, select, sys
from Xlib import X, Xatom, display
from Xlib.protocol import event
x = display.Display()
window = x.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
a = x.intern_atom
text = rest = b""
while True:
    if not x.pending_events():
        if sys.stdin in select.select([sys.stdin, x], [], [])[0]:
            rest += os.read(0, 1 << 16)
            *lines, rest = rest.split(b"\n")
            if not lines:
                break
            for text in lines:
                window.set_selection_owner(a("CLIPBOARD"), X.CurrentTime)
                x.flush()
        continue
    e = x.next_event()
    if e.type != X.SelectionRequest:
        continue
    if e.target == a("TARGETS"):
        e.requestor.change_property(e.property, Xatom.ATOM, 32, [a("TARGETS"), a("UTF8_STRING")])
    else:
        e.requestor.change_property(e.property, e.target, 8, text)
    e.requestor.send_event(event.SelectionNotify(
        time=e.time, requestor=e.requestor, selection=e.selection, target=e.target,
        property=e.property))
    x.flush()
"""

    def __init__(self, screen: Screen) -> None:
        self.process = screen.start(sys.executable, "-c", self.CODE, stdin=subprocess.PIPE)

    def copy(self, text: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(5)


async def test_asked_for_once_it_reads_without_listening(desktop: Screen) -> None:
    xclip(desktop, b"on request")
    desktop.wait_for(lambda: desktop.clipboard() == "on request", "the copy")
    clipboard = Clipboard(Settings(), clock=time.monotonic, environ=desktop.env)
    descriptors = len(os.listdir("/proc/self/fd"))
    assert await clipboard.read_once() == "on request"
    assert len(os.listdir("/proc/self/fd")) == descriptors


async def test_cancelled_it_leaves_nothing(desktop: Screen) -> None:
    async with copies(desktop):
        pass  # modules and a worker thread come with the first
    before = len(os.listdir("/proc/self/fd"))
    async with copies(desktop):
        Owner(desktop, "hung")
        began = time.monotonic()
    assert time.monotonic() - began < 1
    assert len(os.listdir("/proc/self/fd")) <= before + 1  # the pipe of the owner


async def test_a_screen_that_is_not_there_is_told() -> None:
    clipboard = Clipboard(
        Settings(enabled=True), clock=time.monotonic, environ={"DISPLAY": ":98765"}
    )
    with pytest.raises(Unavailable, match="cannot be reached"):
        await clipboard.run(lambda *_, **__: None)
    assert not clipboard.report().working
    assert "DISPLAY" in clipboard.report().fix


async def test_a_screen_that_ends_is_told() -> None:
    told: list[str] = []
    screen = Screen()
    with screen:
        clipboard = Clipboard(Settings(enabled=True), clock=time.monotonic, environ=screen.env)

        def publish(topic: str, /, **_: Any) -> None:
            told.append(topic)

        async def run() -> None:
            with pytest.raises(Unavailable, match="lost"):
                await clipboard.run(publish)

        async with asyncio.TaskGroup() as tasks, asyncio.timeout(10):
            task = tasks.create_task(run())
            while clipboard._driver is None:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(screen.stop)
            await task
    assert not clipboard.report().working

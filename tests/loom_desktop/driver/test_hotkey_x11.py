"""The X11 key grab, on a real X server."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest

from loom_desktop.driver.hotkey_x11 import GrabbedKeys, _Grab
from loom_desktop.sources.hotkey import Combo, Hotkey, Settings, Taken
from tests.loom_desktop.sources.test_hotkey import listening, until
from tests.screen import Screen

pytestmark = pytest.mark.x11

TYPED = """
from PySide6.QtWidgets import QApplication, QWidget
class Window(QWidget):
    def keyPressEvent(self, event):
        print("key", event.key(), flush=True)
app = QApplication(["t"]); w = Window(); w.setWindowTitle("Other"); w.resize(200, 100)
w.show(); app.exec()
"""


def grabber(screen: Screen, *combo: str) -> subprocess.Popen[bytes]:
    """Another program that holds the key; it has it when its line was read."""
    code = (
        "import sys\nfrom Xlib import X, XK, display\nd = display.Display()\n"
        "code = d.keysym_to_keycode(XK.string_to_keysym('l'))\n"
        "d.screen().root.grab_key(code, X.ControlMask | X.ShiftMask, False, 1, 1)\n"
        "d.sync(); print('held', flush=True); sys.stdin.read()\n"
    )
    process = screen.start(
        sys.executable, "-c", code, stdout=subprocess.PIPE, stdin=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def hotkey(screen: Screen, **settings: Any) -> Hotkey:
    return Hotkey(Settings(**settings), environ=screen.env, retry_s=0.05)


async def tap(screen: Screen, combo: str, **more: Any) -> None:
    await asyncio.to_thread(screen.key, combo, **more)


async def test_press_and_release_are_told_once_each_and_carry_the_time(bare_screen: Screen) -> None:
    source = hotkey(bare_screen)
    async with listening(source) as heard:
        report = source.report()
        assert (report.working, report.driver) == (True, "x11")
        assert report.detail == "Ctrl+Shift+L opens Loom."
        assert (report.facts or {})["release"] is True
        before = time.monotonic()
        await tap(bare_screen, "ctrl+shift+l")
        await until(lambda: len(heard.events) == 2, "release")
    (pressed, payload), (released, _) = heard.events
    assert (pressed, released) == ("hotkey.pressed", "hotkey.released")
    assert payload.pop("at") - before < 2
    assert payload == {"name": "popup", "combo": "Ctrl+Shift+L", "driver": "x11"}


async def test_other_programs_do_not_get_the_key_and_get_all_others(bare_screen: Screen) -> None:
    app = bare_screen.start(sys.executable, "-c", TYPED, stdout=subprocess.PIPE)
    assert app.stdout is not None
    await asyncio.to_thread(
        bare_screen.wait_for, lambda: bare_screen.window("Other").focused, "focus"
    )
    async with listening(hotkey(bare_screen)) as heard:
        await tap(bare_screen, "ctrl+shift+l")
        await until(lambda: len(heard.events) == 2, "release")
        await tap(bare_screen, "l")
        await tap(bare_screen, "z")
        lines = []
        while b"key 90\n" not in lines:  # z
            lines.append(await asyncio.to_thread(app.stdout.readline))
    assert lines.count(b"key 76\n") == 1, lines  # the plain l, not the one of the hotkey
    assert heard.topics == ["pressed", "released"]


@pytest.mark.parametrize("locks", [["numlock"], ["capslock"], ["numlock", "capslock"]])
async def test_caps_lock_and_num_lock_do_not_matter(bare_screen: Screen, locks: list[str]) -> None:
    async with listening(hotkey(bare_screen)) as heard:
        for lock in locks:
            await tap(bare_screen, lock)
        await until(lambda: bare_screen.lock_state, "lock")
        await tap(bare_screen, "ctrl+shift+l")
        await until(lambda: len(heard.events) == 2, "release")


async def test_a_held_key_repeats_but_is_one_press(bare_screen: Screen) -> None:
    async with listening(hotkey(bare_screen)) as heard:
        await tap(bare_screen, "ctrl+shift+l", hold_s=1.2)  # the server repeats after 0.66 s
        await until(lambda: "released" in heard.topics, "release")
        await tap(bare_screen, "ctrl+shift+l")
        await until(lambda: len(heard.events) >= 4, "second release")
    assert heard.topics == ["pressed", "released"] * 2
    assert heard.events[1][1]["at"] - heard.events[0][1]["at"] > 1


class Answers:
    """The X server, one event and one answer at a time."""

    def __init__(self) -> None:
        self.display, self.events = self, list[Any]()
        self.questions: list[SimpleNamespace] = []

    def QueryKeymap(self, **_: object) -> SimpleNamespace:
        self.questions.append(SimpleNamespace(_data=None))
        return self.questions[-1]

    def pending_events(self) -> int:
        return len(self.events)

    def next_event(self) -> Any:
        return self.events.pop(0)

    def flush(self) -> None:
        pass


@pytest.mark.parametrize(
    ("story", "told"),
    [
        (["press", "release", "up"], [True, False]),
        (["press", "release", "down"], [True]),
        (["press", "release", "down", "press", "release", "up"], [True, False]),
        (["press", "release", "press", "release", "press", "release", "up"], [True, False]),
        (["press", "press"], [True, False, True]),  # somebody else got the release
        (["press", "release", "up", "press"], [True, False, True]),
        (["release", "other"], []),
    ],
)
def test_what_repeats_and_what_is_let_go(
    monkeypatch: pytest.MonkeyPatch, story: list[str], told: list[bool]
) -> None:
    from Xlib import X
    from Xlib.protocol import request

    server, heard = Answers(), list[bool]()
    monkeypatch.setattr(request, "QueryKeymap", server.QueryKeymap)
    keys = GrabbedKeys("", lambda name, pressed: heard.append(pressed), Taken)
    keys._display = server
    keys._grabs.append(_Grab("popup", Combo.parse("ctrl+l"), code=46, mask=4))
    kinds = {"press": X.KeyPress, "release": X.KeyRelease}
    for step in story:
        if step in kinds:
            server.events.append(SimpleNamespace(type=kinds[step], detail=46, state=4 | 2 | 16))
        elif step == "other":
            server.events.append(SimpleNamespace(type=X.KeyPress, detail=46, state=4 | 1))
        else:
            pressed = bytearray(32)
            pressed[46 // 8] = (1 << (46 % 8)) if step == "down" else 0
            server.questions[-1]._data = {"map": pressed}
        keys._ready()
    assert heard == told


async def test_the_release_counts_even_when_the_modifiers_go_first(bare_screen: Screen) -> None:
    async with listening(hotkey(bare_screen)) as heard:
        await asyncio.to_thread(bare_screen.key_down, "ctrl+shift+l")
        await until(lambda: heard.topics == ["pressed"], "press")
        await asyncio.to_thread(bare_screen.key_up, "ctrl+shift+l", modifiers_first=True)
        await until(lambda: heard.topics == ["pressed", "released"], "release")


async def test_a_taken_key_is_said_and_works_as_soon_as_it_is_free(bare_screen: Screen) -> None:
    other = grabber(bare_screen)
    source = hotkey(bare_screen)
    made, make = list[str](), source._make
    source._make = lambda name: made.append(name) or make(name)  # type: ignore[method-assign,func-returns-value]  # to count
    async with listening(source) as heard:
        await until(lambda: len(made) > 3, "retries")
        assert set(made) == {"x11"}  # another way would hear the key together with its holder
        report = source.report()
        assert not report.working
        assert report.detail == "Another program already uses Ctrl+Shift+L."
        assert "Choose another combination" in report.fix
        assert "loom popup" in report.fix
        assert [t["driver"] for t in (report.facts or {})["tried"]] == ["x11"]
        bare_screen.end(other)
        await until(lambda: source.report().working, "the key")
        await tap(bare_screen, "ctrl+shift+l")
        await until(lambda: len(heard.events) == 2, "release")


async def test_other_settings_take_effect_at_once(bare_screen: Screen) -> None:
    source = hotkey(bare_screen)
    async with listening(source) as heard:
        report = await source.change(Settings(popup="Ctrl+Alt+K"))
        assert report.working
        assert report.detail == "Ctrl+Alt+K opens Loom."
        grabber(bare_screen)  # the old one is free again
        await tap(bare_screen, "ctrl+alt+k")
        await until(lambda: len(heard.events) == 2, "release")
    assert heard.events[0][1]["combo"] == "Ctrl+Alt+K"


async def test_it_follows_a_key_that_moves(bare_screen: Screen) -> None:
    from Xlib import XK, X, display
    from Xlib.ext import xtest

    keyboard = display.Display(bare_screen.env["DISPLAY"])
    nine, ten = (keyboard.keysym_to_keycode(XK.string_to_keysym(name)) for name in ("F9", "F10"))

    def press(code: int) -> None:
        for kind in (X.KeyPress, X.KeyRelease):
            xtest.fake_input(keyboard, kind, code)
        keyboard.sync()

    async with listening(hotkey(bare_screen, popup="F9")) as heard:
        press(nine)
        await until(lambda: len(heard.events) == 2, "release")
        swapped = [XK.XK_F10] * 4
        keyboard.change_keyboard_mapping(nine, [swapped])
        keyboard.change_keyboard_mapping(ten, [[XK.XK_F9] * 4])
        keyboard.sync()

        def moved() -> bool:
            press(ten)
            return len(heard.events) > 2

        await until(moved, "press of the key in its new place")
        await until(lambda: heard.topics[-1] == "released", "release")
        count = len(heard.events)
        press(nine)
        press(ten)
        await until(lambda: len(heard.events) >= count + 2, "release")
        assert len(heard.events) == count + 2
    keyboard.close()


async def test_a_dead_x_server_is_said_and_a_new_one_is_used(bare_screen: Screen) -> None:
    source = hotkey(bare_screen)
    async with listening(source):
        assert bare_screen.server is not None
        number = bare_screen.env["DISPLAY"]
        os.kill(bare_screen.server.pid, signal.SIGKILL)
        bare_screen.server.wait()
        await until(lambda: not source.report().working, "report of the loss")
        assert "X server" in source.report().detail
        again = bare_screen.start("Xvfb", number, "-nolisten", "tcp", "-noreset")
        await until(lambda: source.report().working, "the key on the new server")
        bare_screen.end(again)


async def test_a_server_that_hangs_does_not_stop_the_loop(bare_screen: Screen) -> None:
    source = hotkey(bare_screen)
    async with listening(source) as heard:
        assert bare_screen.server is not None
        await asyncio.to_thread(bare_screen.key_down, "ctrl+shift+l")
        await until(lambda: heard.topics == ["pressed"], "press")
        os.kill(bare_screen.server.pid, signal.SIGSTOP)
        try:
            started = time.monotonic()
            for _ in range(20):
                await asyncio.sleep(0.001)
            async with asyncio.timeout(5):
                changed = asyncio.get_running_loop().time()
                await source.change(Settings(driver="none"))
            assert asyncio.get_running_loop().time() - changed < 1
            assert time.monotonic() - started < 2
        finally:
            os.kill(bare_screen.server.pid, signal.SIGCONT)


async def test_a_key_this_keyboard_lacks_is_said(bare_screen: Screen) -> None:
    source = hotkey(bare_screen, popup="Ctrl+ж")
    async with listening(source):
        assert source.report().detail == "This keyboard has no key 'ж'."
        assert "Choose another" in source.report().fix


async def test_when_it_ends_the_key_is_free_and_no_descriptor_is_left(bare_screen: Screen) -> None:
    before = set(os.listdir("/proc/self/fd"))
    async with listening(hotkey(bare_screen)):
        pass
    assert len(set(os.listdir("/proc/self/fd")) - before) <= 1  # the listing's own
    grabber(bare_screen)
    assert select.select([], [], [], 0) == ([], [], [])

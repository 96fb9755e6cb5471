"""The listener for all keys, with a stand-in for pynput: what it does with what it hears."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from loom_desktop.driver.hotkey_pynput import HeardKeys
from loom_desktop.errors import Unavailable
from loom_desktop.sources.hotkey import Combo, Hotkey, Settings
from tests.loom_desktop.sources.test_hotkey import listening, until


class Listener:
    """As pynput's: calls back in a thread of its own."""

    last: Listener

    def __init__(self, on_press: Callable[[Any], None], on_release: Callable[[Any], None]) -> None:
        self.on_press, self.on_release = on_press, on_release
        self._stopped = threading.Event()
        type(self).last = self

    def start(self) -> None:
        pass

    def stop(self) -> None:
        self._stopped.set()

    def join(self) -> None:
        self._stopped.wait(20)

    def canonical(self, key: str) -> str:
        return key.lower().removesuffix("_l")


class HotKey:
    @staticmethod
    def parse(text: str) -> list[str]:
        if "ж" in text:
            raise ValueError(text)
        return [part.strip("<>") for part in text.split("+")]


@pytest.fixture
def pynput(monkeypatch: pytest.MonkeyPatch) -> None:
    package, keyboard = ModuleType("pynput"), ModuleType("pynput.keyboard")
    vars(keyboard).update(Listener=Listener, HotKey=HotKey)
    vars(package).update(keyboard=keyboard)
    monkeypatch.setitem(sys.modules, "pynput", package)
    monkeypatch.setitem(sys.modules, "pynput.keyboard", keyboard)


@pytest.mark.usefixtures("pynput")
async def test_the_combination_is_one_press_and_one_release() -> None:
    source = Hotkey(Settings(popup="Ctrl+Shift+L", driver="pynput"), environ={})
    async with listening(source) as heard:
        await until(lambda: source.report().working, "listener")
        report = source.report()
        assert report.detail == "Ctrl+Shift+L opens Loom. Other programs get these keys too."
        assert (report.facts or {})["exclusive"] is False
        await until(lambda: hasattr(Listener, "last"), "listener")
        keys = ["ctrl_l", "x", "shift", "L", "L", "L"]

        def type_it() -> None:
            for key in keys:
                Listener.last.on_press(key)
            for key in ("shift", "L", "ctrl_l", "x"):
                Listener.last.on_release(key)

        typist = threading.Thread(target=type_it)
        typist.start()
        await until(lambda: len(heard.events) == 2, "release")
        typist.join()
    assert heard.topics == ["pressed", "released"]


@pytest.mark.usefixtures("pynput")
async def test_a_listener_that_ends_is_said_and_started_again() -> None:
    source = Hotkey(Settings(popup="Ctrl+L", driver="pynput"), environ={}, retry_s=0.01)
    async with listening(source):
        first = Listener.last
        first.stop()
        await until(lambda: Listener.last is not first, "another listener")


@pytest.mark.usefixtures("pynput")
async def test_a_key_that_it_does_not_know_is_said() -> None:
    driver = HeardKeys({}, lambda name, pressed: None)
    await driver.open()
    with pytest.raises(Unavailable, match="does not know the key"):
        await driver.bind("popup", Combo.parse("Ctrl+ж"))


async def test_without_pynput_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynput", None)
    source = Hotkey(Settings(driver="pynput"), environ={})
    async with listening(source):
        assert "not installed" in source.report().detail
        assert "loom popup" in source.report().fix

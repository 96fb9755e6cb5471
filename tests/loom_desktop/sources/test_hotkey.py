"""The hotkey: what may be written in the settings, which way is chosen, and what is said of it."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.errors import LoomError, SettingsError
from loom_desktop.sources.hotkey import BY_HAND, Combo, Hotkey, Settings
from loom_desktop.tasks import Tasks


class Heard:
    """What was published."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, topic: str, /, **payload: Any) -> None:
        self.events.append((topic, payload))

    @property
    def topics(self) -> list[str]:
        return [topic.removeprefix("hotkey.") for topic, _ in self.events]


async def until(true: Callable[[], object], what: str = "change", timeout_s: float = 10) -> None:
    """Wait for a condition with a deadline, letting the loop run."""
    try:
        async with asyncio.timeout(timeout_s):
            while not true():
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"no {what} within {timeout_s} s") from None


@contextlib.asynccontextmanager
async def listening(hotkey: Hotkey) -> AsyncIterator[Heard]:
    """The source runs inside; it has settled on something when the block begins."""
    heard = Heard()
    async with Tasks() as tasks:
        tasks.start("hotkey", hotkey.run(heard))
        await until(lambda: "yet" not in hotkey.report().detail, "report")
        yield heard


@pytest.mark.parametrize(
    ("text", "shown", "keysym"),
    [
        ("Ctrl+Shift+L", "Ctrl+Shift+L", "l"),
        ("shift + CONTROL+l", "Ctrl+Shift+L", "l"),
        ("alt+space", "Alt+Space", "space"),
        ("Win+Return", "Super+Enter", "Return"),
        ("F12", "F12", "F12"),
        ("shift+f5", "Shift+F5", "F5"),
        ("ctrl++", "Ctrl+Plus", "plus"),
        ("ctrl+-", "Ctrl+Minus", "minus"),
        ("Ctrl+PgDn", "Ctrl+Pagedown", "Page_Down"),
        ("ctrl+ä", "Ctrl+Ä", "ä"),
        ("Print", "Print", "Print"),
    ],
)
def test_a_combination_is_read_in_any_case_and_order(text: str, shown: str, keysym: str) -> None:
    combo = Combo.parse(text)
    assert combo.keysym == keysym
    if sys.platform != "darwin":
        assert str(combo) == shown
    assert Combo.parse(str(combo)) == combo


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a key combination"),
        ("   ", "not a key combination"),
        ("Ctrl+", "not a key combination"),
        ("+l", "not a key combination"),
        ("Ctrl+Shift", "no key besides"),
        ("Ctrl+A+B", "more than one key"),
        ("Ctrl+Control+A", "twice"),
        ("Ctrl+Hyper", "no key 'hyper'"),
        ("Ctrl+\n", "not a key combination"),
        ("Ctrl+\x1bx", "no key"),
        ("L", "type with"),
        ("Shift+L", "type with"),
        ("space", "type with"),
        ("ctrl+" + "x" * 5000, "…"),
    ],
)
def test_what_cannot_be_a_hotkey_is_refused_with_a_reason(text: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Combo.parse(text)
    assert said in caught.value.message
    assert caught.value.hint
    assert len(caught.value.message) < 200


@given(st.text(max_size=60))
def test_any_text_is_a_combination_or_a_clear_error(text: str) -> None:
    with contextlib.suppress(LoomError):
        combo = Combo.parse(text)
        assert Combo.parse(str(combo)) == combo


@given(
    st.sets(st.sampled_from(["Ctrl", "Alt", "Shift", "Super"])),
    st.sampled_from([*"abcz019", "F1", "Space", "Enter", "Delete"]),
    st.randoms(),
)
def test_the_order_of_the_modifiers_does_not_matter(
    modifiers: set[str], key: str, random: Any
) -> None:
    words = [*sorted(modifiers), "Ctrl"] if "Ctrl" not in modifiers else sorted(modifiers)
    shuffled = list(words)
    random.shuffle(shuffled)
    assert Combo.parse("+".join([*words, key])) == Combo.parse("+".join([*shuffled, key]))


def test_before_it_runs_the_report_says_so() -> None:
    report = Hotkey(Settings(), environ={}).report()
    assert not report.working
    assert "not listened for yet" in report.detail
    assert "loom popup" in report.fix


@pytest.mark.parametrize("settings", [Settings(driver="none"), Settings(popup="")])
async def test_switched_off_it_waits_and_says_so(settings: Settings) -> None:
    hotkey = Hotkey(settings, environ={"DISPLAY": ":77"})
    async with listening(hotkey):
        assert hotkey.report().detail == "The hotkey is switched off in the settings."
        assert hotkey.report().fix == BY_HAND


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a desktop")
async def test_with_no_desktop_it_says_so_and_does_not_retry() -> None:
    hotkey = Hotkey(Settings(), environ={}, retry_s=0.001)
    async with listening(hotkey):
        assert "no desktop here" in hotkey.report().detail
        assert (hotkey.report().facts or {})["tried"] == []


@pytest.mark.skipif(sys.platform != "linux", reason="X11 and D-Bus")
async def test_a_dead_display_is_said_with_every_way_that_was_tried() -> None:
    hotkey = Hotkey(Settings(), environ={"DISPLAY": ":4242"})
    async with listening(hotkey):
        report = hotkey.report()
        assert not report.working
        assert "':4242' cannot be reached" in report.detail
        assert "loom popup" in report.fix
        tried = [each["driver"] for each in (report.facts or {})["tried"]]
        assert tried == ["x11", "portal", "pynput"]


@pytest.mark.skipif(sys.platform != "linux", reason="X11 and D-Bus")
async def test_on_wayland_without_a_portal_the_reasons_are_listed() -> None:
    environ = {"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":4242"}
    hotkey = Hotkey(Settings(), environ=environ)
    async with listening(hotkey):
        report = hotkey.report()
        assert report.detail == "There is no message bus (D-Bus) here."
        tried = {each["driver"]: each["why"] for each in (report.facts or {})["tried"]}
        assert "only while an X11 window" in tried["x11"]
        assert "D-Bus" in tried["portal"]


async def test_a_combination_that_cannot_be_read_ends_the_source_and_is_reported() -> None:
    hotkey = Hotkey(Settings(popup="Ctrl+Nonsense"), environ={})
    with pytest.raises(SettingsError, match="nonsense"):
        await hotkey.run(Heard())
    assert "nonsense" in hotkey.report().detail


async def test_a_change_that_cannot_be_read_is_refused_and_the_old_one_stays() -> None:
    hotkey = Hotkey(Settings(driver="none"), environ={})
    async with listening(hotkey):
        with pytest.raises(SettingsError):
            await hotkey.change(Settings(popup="L"))
        assert "switched off" in hotkey.report().detail


async def test_a_bug_in_a_driver_ends_the_source_instead_of_a_silent_dead_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hotkey = Hotkey(Settings(), environ={"DISPLAY": ":1"})

    def broken(name: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(hotkey, "_make", broken)
    async with asyncio.timeout(5):
        with pytest.raises(ZeroDivisionError):
            await hotkey.run(Heard())

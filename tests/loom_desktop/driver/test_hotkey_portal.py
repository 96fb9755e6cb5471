"""The desktop portal's shortcuts, against a fake portal on a private bus."""

from __future__ import annotations

from typing import Any

import pytest

from loom_desktop.sources.hotkey import Hotkey, Settings
from loom_desktop.tasks import Tasks
from tests.fake_desktop import FakeDesktop
from tests.loom_desktop.sources.test_hotkey import listening, until
from tests.screen import Screen

pytestmark = pytest.mark.x11  # for the private bus


def hotkey(screen: Screen, **settings: Any) -> Hotkey:
    environ = {**screen.env, "WAYLAND_DISPLAY": "wayland-0"}
    return Hotkey(Settings(**settings), environ=environ, retry_s=0.05)


def bus(screen: Screen) -> str:
    return screen.env["DBUS_SESSION_BUS_ADDRESS"]


async def test_press_and_release_come_through_the_portal(bare_screen: Screen) -> None:
    async with FakeDesktop(bus(bare_screen), ("portal",)) as desk:
        source = hotkey(bare_screen)
        async with listening(source) as heard:
            await until(lambda: source.report().working, "binding")
            report = source.report()
            assert (report.driver, (report.facts or {})["release"]) == ("portal", True)
            (bound,) = (await desk.shortcuts()).items()
            wanted = {"description": "Open Loom", "preferred_trigger": "CTRL+SHIFT+l"}
            assert bound == ("popup", wanted)
            assert desk.registry.app == "org.loomdesktop.Loom"
            await desk.shortcut_down("popup")
            await until(lambda: heard.topics == ["pressed"], "press")
            await desk.shortcut_up("popup")
            await until(lambda: heard.topics == ["pressed", "released"], "release")
            assert heard.events[0][1]["driver"] == "portal"


async def test_the_key_the_person_chose_instead_is_shown(bare_screen: Screen) -> None:
    async with FakeDesktop(bus(bare_screen), ("portal",)) as desk:
        await desk.shortcut_answer(trigger="Meta+J\n")
        source = hotkey(bare_screen)
        async with listening(source):
            await until(lambda: source.report().working, "binding")
            assert source.report().detail == "Meta+J opens Loom."
            assert (source.report().facts or {})["bound"] == "Meta+J"


async def test_a_shortcut_without_a_key_is_said_and_works_once_one_is_set(
    bare_screen: Screen,
) -> None:
    async with FakeDesktop(bus(bare_screen), ("portal",)) as desk:
        await desk.shortcut_answer("none")
        source = hotkey(bare_screen)
        async with listening(source) as heard:
            await until(lambda: "no key is set" in source.report().detail, "report")
            assert not source.report().working
            await desk.shortcut_down("popup")
            await until(lambda: heard.topics == ["pressed"], "press")
            assert source.report().working


async def test_a_refusal_is_said(bare_screen: Screen) -> None:
    async with FakeDesktop(bus(bare_screen), ("portal",)) as desk:
        await desk.shortcut_answer("refuse")
        source = hotkey(bare_screen)
        async with listening(source):
            await until(lambda: "refused" in source.report().detail, "report")
            assert "loom popup" in source.report().fix


async def test_while_the_desktop_asks_the_report_says_so_and_it_can_be_ended(
    bare_screen: Screen,
) -> None:
    async with FakeDesktop(bus(bare_screen), ("portal",)) as desk:
        source = hotkey(bare_screen)
        async with listening(source):
            await until(lambda: source.report().working, "binding")
            desk.portal.silent_bind = True
            async with Tasks() as tasks:
                tasks.start("change", _change(source))
                await until(lambda: "is asking which key" in source.report().detail, "report")
                assert not source.report().working


async def _change(source: Hotkey) -> None:
    await source.change(Settings(popup="Ctrl+Alt+K"))


async def test_a_bus_without_a_portal_is_said_and_a_late_portal_is_used(
    bare_screen: Screen,
) -> None:
    source = hotkey(bare_screen)
    async with listening(source):
        await until(lambda: "GlobalShortcuts" in source.report().detail, "report")
        async with FakeDesktop(bus(bare_screen), ("portal",)):
            await until(lambda: source.report().working, "binding")
        await until(lambda: not source.report().working, "report of the loss")
        async with FakeDesktop(bus(bare_screen), ("portal",)):
            await until(lambda: source.report().working, "binding again")


async def test_signals_of_anybody_else_are_not_believed(bare_screen: Screen) -> None:
    from dbus_fast import Message, MessageType
    from dbus_fast.aio import MessageBus

    async with FakeDesktop(bus(bare_screen), ("portal",)) as desk:
        source = hotkey(bare_screen)
        async with listening(source) as heard:
            await until(lambda: source.report().working, "binding")
            stranger = await MessageBus(bus(bare_screen)).connect()
            forged = Message(
                message_type=MessageType.SIGNAL,
                path="/org/freedesktop/portal/desktop",
                interface="org.freedesktop.portal.GlobalShortcuts",
                member="Activated",
                signature="osta{sv}",
                body=[desk.portal.session, "popup", 0, {}],
                destination=desk.portal.caller,
            )
            await stranger.send(forged)
            await desk.shortcut_down("popup")
            await until(lambda: heard.events, "press")
            assert heard.topics == ["pressed"]
            stranger.disconnect()
            await stranger.wait_for_disconnect()  # type: ignore[no-untyped-call]  # the library


async def test_a_bus_that_is_not_there_is_said(bare_screen: Screen) -> None:
    environ = {"WAYLAND_DISPLAY": "w", "XDG_RUNTIME_DIR": str(bare_screen.folder / "none")}
    source = Hotkey(Settings(), environ=environ, retry_s=60)
    async with listening(source):
        assert "no message bus" in source.report().detail

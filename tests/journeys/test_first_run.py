"""J11: the first start, and a computer that has nothing: no key, model, network, tray or bus."""

from __future__ import annotations

import subprocess
import time
from functools import partial

import pytest

from tests.journeys.application import Application, download
from tests.journeys.papers import LONG_TEXT, invoice
from tests.screen import Screen

pytestmark = [pytest.mark.journey, pytest.mark.x11]

WELCOME = "Welcome to Loom"
GRAB = """
import time
from Xlib import X, XK, display
x = display.Display(); root = x.screen().root
code = x.keysym_to_keycode(XK.string_to_keysym("l"))
for locks in (0, 2, 16, 18):
    root.grab_key(code, X.ControlMask | X.ShiftMask | locks, 1, X.GrabModeAsync, X.GrabModeAsync)
x.sync(); print("owns", flush=True)
time.sleep(600)
"""


def no_network() -> tuple[str, ...]:
    """What takes the network away, loopback too; nothing where the system does not allow that."""
    wrap = ("unshare", "-rn")
    done = subprocess.run([*wrap, "true"], capture_output=True, check=False)
    return wrap if done.returncode == 0 else ()


def test_the_first_start_asks_and_the_second_does_not(desktop: Screen) -> None:
    with Application(desktop, first_run=True) as loom:
        loom.until(lambda: desktop.windows(WELCOME), "first run")
        assert not loom.status()["sources"]["clipboard"]["on"]
        desktop.accessibility.find("What may Loom look at?")
        loom.click("What I copy", "check box")
        loom.click("My Downloads folder", "check box")
        loom.click("Continue")
        desktop.accessibility.find("Which model answers?")
        loom.click("Continue")
        desktop.accessibility.find("Bring Loom up from anywhere")
        loom.click("Start using Loom")
        loom.until(lambda: loom.popup_open, "popup at the end of it")
        loom.until(lambda: not desktop.windows(WELCOME), "end of it")
        for name in ("clipboard", "files"):
            loom.until(partial(loom.settled, name), f"{name} watched")
            assert loom.status()["sources"][name]["on"]
        desktop.clipboard_set(LONG_TEXT)
        loom.card("Summarise what you copied?")
        loom.restart()
        assert loom.status()["sources"]["clipboard"]["on"]
        assert not desktop.windows(WELCOME)


def test_closing_the_first_window_switches_nothing_on(plain_desktop: Screen) -> None:
    with Application(plain_desktop, first_run=True) as loom:
        loom.until(lambda: plain_desktop.windows(WELCOME), "first run")
        plain_desktop.key("alt+F4")
        loom.until(lambda: not plain_desktop.windows(WELCOME), "end of it")
        loom.until(lambda: not loom.status()["first_run"], "note of it")
        for name in ("clipboard", "files"):
            assert not loom.status()["sources"][name]["on"]


def test_with_nothing_at_all_it_says_so_and_does_its_work(bare_screen: Screen) -> None:
    del bare_screen.env["DBUS_SESSION_BUS_ADDRESS"]
    bare_screen.env["DBUS_SYSTEM_BUS_ADDRESS"] = "unix:path=/nonexistent"
    empty = bare_screen.folder / "no bus here"
    empty.mkdir(mode=0o700)
    env = {"XDG_RUNTIME_DIR": str(empty)}
    with Application(bare_screen, watching=True, env=env, wrap=no_network()) as loom:
        found = {one["name"]: one for one in loom.json("doctor")}
        assert found["message bus"]["state"] == "missing"
        assert found["message bus"]["fix"]
        assert found["models"]["state"] in ("off", "missing")
        assert "skills" in found["models"]["detail"]
        assert found["store"]["state"] in ("ok", "warn")
        # J1
        loom.ask("What is 18 % of 249.90?")
        loom.until(lambda: "44.98" in loom.answer()["text"], "sum")
        loom.hide()
        # J2
        bare_screen.clipboard_set(LONG_TEXT)
        card = loom.card("Summarise what you copied?")
        loom.loom("answer", str(card["id"]), "summarise")
        loom.until(lambda: "lighthouse" in loom.answer()["text"], "summary")
        loom.until(lambda: loom.popup_open, "popup")
        loom.hide()
        # J3
        source, content = loom.downloads / "scan0001.pdf", invoice()
        download(source, content)
        card = loom.card("scan0001.pdf")
        window = bare_screen.window("Loom cards")
        assert window.width > 300
        loom.loom("organize", str(source), "--apply")
        assert not source.exists()
        loom.loom("undo")
        assert source.read_bytes() == content
        # J4
        loom.ask("remind me in 2 seconds to drink")
        loom.until(lambda: loom.cards("reminder"), "reminder")
        assert "Traceback" not in loom.log()


def test_where_there_is_no_tray_a_start_by_hand_shows_the_popup(bare_screen: Screen) -> None:
    with Application(bare_screen) as loom:
        loom.stop()
        loom.start(by_hand=True)
        loom.until(lambda: loom.popup is not None, "popup")
        loom.hide()
        loom.stop()
        loom.start()  # as at login: it stays hidden
        loom.press_hotkey()


def test_a_second_start_raises_the_popup_of_the_first(loom: Application) -> None:
    began = time.monotonic()
    done = loom.command()
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 5
    loom.until(lambda: loom.popup_open, "popup")
    loom.hide()
    loom.loom("popup")
    loom.until(lambda: loom.popup_open, "popup")


def test_a_broken_settings_file_is_named_by_line_and_nothing_leaves(plain_desktop: Screen) -> None:
    with Application(plain_desktop) as loom:
        loom.stop()
        path = loom.loom_home / "loom.toml"
        path.write_text(loom.settings_text + "\n[privacy]\nlocal_onyl = true\n", encoding="utf-8")
        line = path.read_text().splitlines().index("local_onyl = true") + 1
        for command in (["ask", "2 + 2"], ["inbox"], ["settings"]):
            done = loom.command(*command)
            assert done.returncode == 1, command
            assert f"loom.toml, line {line}" in done.stderr or f":{line}" in done.stderr, done
            assert "local_only" in done.stderr  # did you mean
        assert loom.command("doctor").returncode == 1
        loom.start()
        status = loom.status()
        assert status["local_only"]
        assert status["state"] == "trouble"
        assert "local_onyl" in status["problems"][0]["message"]
        assert "local_only" in status["problems"][0]["hint"]
        loom.ask("2 + 2")
        loom.page_has("= 4")
        path.write_text(loom.settings_text, encoding="utf-8")
        loom.restart()
        assert not loom.status()["problems"]


def test_a_key_that_another_program_holds_is_told_and_the_command_still_works(
    plain_desktop: Screen,
) -> None:
    from tests.journeys.papers import python

    other = plain_desktop.start(*python(GRAB), stdout=subprocess.PIPE)
    assert other.stdout is not None
    assert other.stdout.readline() == b"owns\n"
    with Application(plain_desktop) as loom:
        (hotkey,) = (one for one in loom.json("doctor") if one["name"] == "hotkey")
        assert hotkey["state"] == "missing"
        assert "Ctrl+Shift+L" in hotkey["detail"]
        assert "loom popup" in hotkey["fix"]
        loom.loom("popup")
        loom.until(lambda: loom.popup_open, "popup")
        loom.hide()
        plain_desktop.end(other)
        loom.until(lambda: loom.status()["sources"]["hotkey"]["working"], "the freed key", 40)
        loom.press_hotkey()


def headless(screen: Screen) -> dict[str, str]:
    """The environment of a machine without a display."""
    for name in ("DISPLAY", "QT_QPA_PLATFORM", "DBUS_SESSION_BUS_ADDRESS"):
        screen.env.pop(name, None)
    return {"XDG_RUNTIME_DIR": str(screen.folder / "none")}


def by_command_line(loom: Application) -> None:
    """The whole of it without a window."""
    answered = loom.json("ask", "What is 6 * 7?")
    assert "42" in answered["answer"]
    assert answered["route"].startswith("offline")
    assert answered["trace"]
    paper = loom.home / "letter.txt"
    paper.write_text(LONG_TEXT)
    assert "lighthouse" in loom.loom("ask", "Summarise this", "--file", str(paper))
    assert loom.json("when", "tomorrow at 9 to call", "--now", "2026-11-20T08:00")["at"].startswith(
        "2026-11-21T09:00"
    )
    scan = loom.downloads / "scan0001.pdf"
    scan.write_bytes(invoice())
    assert loom.json("organize", str(loom.downloads))["plan"][0]["status"] == "planned"
    assert scan.exists()
    loom.loom("organize", str(loom.downloads), "--apply")
    assert not scan.exists()
    assert "loom undo" in loom.loom("inbox")
    loom.loom("undo")
    assert scan.read_bytes() == invoice()
    scan.unlink()
    loom.loom("ask", "remind me tomorrow at 9 to call Ana")
    assert "call Ana" in loom.loom("reminders")
    (reminder,) = loom.json("reminders")
    loom.loom("reminders", "--remove", str(reminder["id"]))
    names = {one["name"]: one["state"] for one in loom.json("doctor")}
    assert names["display"] == "missing"
    assert loom.command("nonsense").returncode == 2
    assert loom.command("undo", "999").returncode == 1


def test_without_a_display_the_engine_runs_and_says_how_to_talk_to_it(bare_screen: Screen) -> None:
    loom = Application(bare_screen, env=headless(bare_screen))
    loom.start("run", "--headless")
    assert 'loom ask "' in loom.said()
    by_command_line(loom)
    assert "without a window" in loom.loom("popup", ok=False)
    assert "running already" in loom.loom("run", "--headless", ok=False)
    loom.verb("remind", text="in 1 second to look up")
    loom.until(lambda: loom.cards("reminder"), "reminder")
    assert "look up" in loom.loom("inbox")
    card = loom.cards("reminder")[0]
    loom.loom("answer", str(card["id"]), "done")
    loom.stop()
    loom.start()  # `loom` alone: there is no display, so it is headless, too
    assert 'loom ask "' in loom.said()
    loom.loom("quit")
    assert loom.process is not None
    assert loom.process.wait(10) == 0
    loom.stop()


def test_the_command_line_works_when_nothing_runs(bare_screen: Screen) -> None:
    loom = Application(bare_screen, env=headless(bare_screen))
    by_command_line(loom)
    said = loom.loom("popup", ok=False)
    assert "Loom is not running" in said
    assert "Start it with: loom" in said
    assert loom.loom("--version").startswith("loom ")


def test_the_environment_alone_decides_where_everything_lies(plain_desktop: Screen) -> None:
    with Application(plain_desktop, watching=True) as loom:
        loom.ask("2 + 2")
        loom.page_has("= 4")
        loom.stop()
        left = [
            path
            for path in loom.home.rglob("*")
            if path.is_file() and "fontconfig" not in path.parts and "qt" not in str(path).lower()
        ]
        assert left == []
        closed = [path for path in loom.loom_home.rglob("*") if path.is_dir()]
        closed += [loom.loom_home, *(loom.loom_home / "data").iterdir()]
        for path in closed:
            assert path.stat().st_mode & 0o077 == 0, path
        loom.start()

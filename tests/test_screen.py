"""The desktop that the tests stand on does what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.accessibility import Accessibility
from tests.screen import Screen, Timeout, WaylandScreen, wait_for

WINDOW = """
from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton, QTextBrowser
from PySide6.QtWidgets import QVBoxLayout, QWidget
app = QApplication(["fixture"])
window = QWidget(); window.setWindowTitle("Fixture"); box = QVBoxLayout(window)
edit, button, label = QLineEdit(), QPushButton("Send"), QTextBrowser()
edit.setAccessibleName("Question"); label.setAccessibleName("Answer")
button.clicked.connect(lambda: label.setMarkdown("You **said** " + edit.text()))
edit.returnPressed.connect(lambda: print(edit.text(), flush=True))
for each in (edit, button, label): box.addWidget(each)
window.resize(400, 200); window.show(); app.exec()
"""
TRAY = """
from PySide6.QtGui import QIcon, QPixmap, QColor
from PySide6.QtWidgets import QApplication, QMenu, QSystemTrayIcon
app = QApplication(["fixture"]); app.setQuitOnLastWindowClosed(False)
pixmap = QPixmap(22, 22); pixmap.fill(QColor("red"))
tray = QSystemTrayIcon(QIcon(pixmap)); menu = QMenu(); tray.setToolTip("Fixture")
menu.addAction("&Ask").triggered.connect(lambda: print("asked", flush=True))
more = menu.addMenu("Pause"); more.addAction("10 minutes").triggered.connect(
    lambda: print("paused", flush=True))
menu.addSeparator(); menu.addAction("Never").setEnabled(False)
tray.activated.connect(lambda reason: print("activated", flush=True))
tray.setContextMenu(menu); tray.show(); app.exec()
"""


def children(process: int) -> list[int]:
    """Ids of the processes whose parent this is."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parts = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(parts[1]) == process:
                found.append(int(entry.name))
    return found


@pytest.mark.x11
def test_a_screen_leaves_nothing_behind() -> None:
    before = set(children(os.getpid()))
    with Screen(tray="trayer", notifications="dunst", accessibility=True, portal=True) as screen:
        folder = screen.folder
        assert len(set(children(os.getpid())) - before) >= 6
        assert "loom-screen" in screen.env["HOME"]
    assert not folder.exists()
    assert set(children(os.getpid())) - before == set()


@pytest.mark.x11
def test_keys_and_text_reach_the_focused_window(bare_screen: Screen) -> None:
    app = bare_screen.start(sys.executable, "-c", WINDOW, stdout=subprocess.PIPE)
    window = bare_screen.window("Fixture")
    assert (window.width, window.height) == (400, 200)
    bare_screen.wait_for(lambda: bare_screen.window("Fixture").focused, "focus")
    bare_screen.type("hé 42")
    bare_screen.key("enter")
    assert app.stdout is not None
    assert app.stdout.readline().decode() == "hé 42\n"
    bare_screen.key("ctrl+a")
    bare_screen.key("x")
    bare_screen.key("enter")
    assert app.stdout.readline().decode() == "x\n"


@pytest.mark.x11
def test_the_clipboard_belongs_to_another_program(bare_screen: Screen) -> None:
    assert bare_screen.clipboard() == ""
    bare_screen.clipboard_set("first")
    bare_screen.clipboard_set("second, naïve")
    assert bare_screen.clipboard_get() == "second, naïve"
    assert bare_screen.clipboard("primary") == ""


@pytest.mark.x11
def test_the_fake_tray_shows_the_icon_and_its_menu(sni_screen: Screen) -> None:
    app = sni_screen.start(sys.executable, "-c", TRAY, stdout=subprocess.PIPE)
    desk = sni_screen.fake
    (item,) = sni_screen.wait_for(desk.items, "tray icon")
    assert item["tooltip"] == "Fixture"
    assert [entry["label"] for entry in desk.menu()] == ["Ask", "Pause", "", "Never"]
    desk.click("Ask")
    assert app.stdout is not None
    assert app.stdout.readline() == b"asked\n"
    desk.click("Pause", "10 minutes")
    assert app.stdout.readline() == b"paused\n"
    desk.activate()
    assert app.stdout.readline() == b"activated\n"
    with pytest.raises(LookupError, match="cannot be chosen"):
        desk.click("Never")
    with pytest.raises(LookupError, match="there are"):
        desk.click("Missing")
    sni_screen.end(app)
    sni_screen.wait_for(lambda: not desk.items(), "icon gone")


@pytest.mark.x11
@pytest.mark.parametrize("screen", [{"notifications": "fake"}], indirect=True)
def test_the_fake_daemon_records_notifications_and_presses_buttons(screen: Screen) -> None:
    arguments = ("app", "0", "", "A file came", "book.pdf", "['open', 'Open', 'no', 'Not now']")
    watch = screen.start(
        *("dbus-monitor", "--session", "interface='org.freedesktop.Notifications'"),
        stdout=subprocess.PIPE,
    )
    path = "/org/freedesktop/Notifications"
    where = ("--session", "-d", "org.freedesktop.Notifications", "-o", path)
    call = ("-m", "org.freedesktop.Notifications.Notify", *arguments, "{}", "5000")
    screen.run("gdbus", "call", *where, *call)
    (shown,) = screen.fake.notifications()
    assert shown["title"] == "A file came"
    assert shown["buttons"] == {"open": "Open", "no": "Not now"}
    screen.fake.press("Not now")
    assert screen.fake.notifications() == []
    assert len(screen.fake.notifications(closed=True)) == 1
    assert watch.stdout is not None
    assert any(b'string "no"' in line for line in iter(watch.stdout.readline, b""))
    with pytest.raises(LookupError, match="no notification"):
        screen.fake.press("Open")


@pytest.mark.x11
def test_a_window_is_used_by_its_accessible_names() -> None:
    if lacking := Accessibility.missing():
        pytest.skip(f"this machine lacks {', '.join(lacking)}")
    with Screen(accessibility=True) as screen:
        screen.start(sys.executable, "-c", WINDOW)
        reader = screen.accessibility
        entry = reader.find("Question")
        assert "editable" in entry.states
        assert entry.place[2] > 100
        reader.set_text("Question", "hello")
        assert reader.text("Question") == "hello"
        reader.press("Send")
        screen.wait_for(lambda: reader.text("Answer") == "You said hello", "answer")
        assert "Send" in [node.name for top in reader.tree() for node in top.walk()]
        with pytest.raises(AssertionError, match="Question"):
            reader.find("Missing", timeout_s=0)


@pytest.mark.x11
def test_a_picture_of_the_screen_is_a_png(bare_screen: Screen, tmp_path: Path) -> None:
    picture = bare_screen.screenshot(tmp_path / "new" / "shot.png")
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.x11
def test_a_program_that_ends_at_once_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Screen, "PROGRAMS", ("Xvfb",))
    with pytest.raises(RuntimeError, match="ended at once"), Screen(size="nonsense"):
        pass


@pytest.mark.wayland
def test_a_window_and_the_clipboard_on_wayland(
    wayland_screen: WaylandScreen, tmp_path: Path
) -> None:
    wayland_screen.start(sys.executable, "-c", WINDOW)
    assert wayland_screen.window("Fixture").width >= 400
    wayland_screen.clipboard_set("from wl-copy")
    assert wayland_screen.clipboard_get() == "from wl-copy"
    picture = wayland_screen.screenshot(tmp_path / "shot.png")
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_waiting_has_a_deadline_and_names_what_it_waited_for() -> None:
    with pytest.raises(Timeout, match=r"no miracle within 0\.02 s"):
        wait_for(lambda: 0, "miracle", 0.02)


INNER = """
import pytest

@pytest.mark.x11
def test_skipped():
    pytest.skip("no reason")

@pytest.mark.x11
def test_fails(bare_screen):
    assert 0

def test_unmarked():
    pytest.skip("fine")
"""


def test_strict_runs_do_not_skip_and_failures_leave_a_picture(tmp_path: Path) -> None:
    if lacking := Screen.missing():
        pytest.skip(f"this machine lacks {', '.join(lacking)}")
    root = Path(__file__).parent.parent
    (tmp_path / "test_inner.py").write_text(INNER)
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("-p", "tests.conftest", "-c", root / "pyproject.toml", tmp_path),
        ],
        cwd=root,
        env={**os.environ, "LOOM_TEST_STRICT": "1"},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert "2 failed, 1 skipped" in run.stdout, run.stdout
    (kept,) = [line for line in run.stdout.splitlines() if line.startswith("kept in")]
    picture = Path(kept.removeprefix("kept in "))
    assert picture.read_bytes().startswith(b"\x89PNG")
    for path in (picture, picture.with_suffix(".log")):
        path.unlink()

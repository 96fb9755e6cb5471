"""A private desktop for tests: nothing on it is seen by, or comes from, the desktop of the person.

``with Screen(tray="sni", notifications="fake") as screen:`` starts an X server, a message bus that
activates nothing, a window manager and what was asked for. Programs get ``screen.env``. Each has
its own process group, and everything is ended by process id when the block is left; if the test
run itself is killed, the kernel ends them (``setpriv --pdeathsig``), so start it from a thread
that lives as long as the screen does. ``WaylandScreen`` is the same around a headless sway.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeVar

if TYPE_CHECKING:
    from types import TracebackType

    from tests.accessibility import Accessibility
    from tests.fake_desktop_process import FakeDesktopProcess

ROOT = Path(__file__).resolve().parent.parent
FAILURES = ROOT / "build" / "failures"
T = TypeVar("T")

_BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>{address}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/>
<allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
"""
_LAUNCHERS = ("/usr/libexec/at-spi-bus-launcher", "/usr/lib/at-spi2-core/at-spi-bus-launcher")
_KEYS = {
    "ctrl": "Control_L",
    "control": "Control_L",
    "shift": "Shift_L",
    "alt": "Alt_L",
    "super": "Super_L",
    "cmd": "Super_L",
    "enter": "Return",
    "return": "Return",
    "esc": "Escape",
    "escape": "Escape",
    "tab": "Tab",
    "backspace": "BackSpace",
    "delete": "Delete",
    "up": "Up",
    "down": "Down",
    "left": "Left",
    "right": "Right",
    "home": "Home",
    "end": "End",
    "pageup": "Page_Up",
    "pagedown": "Page_Down",
    "capslock": "Caps_Lock",
    "numlock": "Num_Lock",
}


class ProgramsMissing(RuntimeError):
    """The machine lacks programs that this desktop is made of; the text says which."""


class Timeout(AssertionError):
    """Something that should have happened did not, within its deadline."""


@dataclass(frozen=True, slots=True)
class Window:
    """One window that can be seen."""

    id: int
    title: str
    x: int
    y: int
    width: int
    height: int
    focused: bool

    @property
    def middle(self) -> tuple[int, int]:
        """Where to click it."""
        return self.x + self.width // 2, self.y + self.height // 2


def wait_for(predicate: Callable[[], T], what: str, timeout_s: float = 10) -> T:
    """The first true answer of the predicate. Raises Timeout, naming what was waited for."""
    deadline = time.monotonic() + timeout_s
    while not (answer := predicate()):
        if time.monotonic() > deadline:
            raise Timeout(f"no {what} within {timeout_s:g} s (last answer: {answer!r})")
        time.sleep(0.01)
    return answer


def missing(programs: Sequence[str]) -> list[str]:
    """Those of the programs that this machine lacks."""
    return [name for name in programs if shutil.which(name) is None]


class _Desktop:
    """A temporary home, a private message bus, and processes that end with it."""

    PROGRAMS: ClassVar[tuple[str, ...]] = ()
    """What must be installed, by name of the program."""

    def __init__(self, *, portal: bool = False, logind: bool = False) -> None:
        self.env: dict[str, str] = {}
        """The environment for every program on this desktop."""
        self._wanted = {"portal": portal, "logind": logind}
        self._fake: FakeDesktopProcess | None = None
        self._accessibility: Accessibility | None = None
        self._processes: list[subprocess.Popen[bytes]] = []
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @classmethod
    def missing(cls) -> list[str]:
        """The programs that are not installed on this machine."""
        if sys.platform != "linux":
            return [f"Linux (this is {sys.platform})"]
        return missing(cls.PROGRAMS)

    @property
    def running(self) -> bool:
        """Whether it is started and not yet stopped."""
        return self._folder is not None

    @property
    def folder(self) -> Path:
        """The temporary folder that holds the home, the runtime folder and the log."""
        assert self._folder is not None, "the screen is not started"
        return Path(self._folder.name)

    @property
    def log(self) -> Path:
        """What all programs on this desktop wrote."""
        return self.folder / "log"

    @property
    def fake(self) -> FakeDesktopProcess:
        """The fake tray host, notification daemon, portal and logind, as far as asked for."""
        assert self._fake is not None, "ask for tray='sni', notifications='fake', portal or logind"
        return self._fake

    @property
    def accessibility(self) -> Accessibility:
        """What a screen reader sees, to find, press, fill in and read."""
        if self._accessibility is None:
            from tests.accessibility import Accessibility

            self._accessibility = Accessibility(self.env)
        return self._accessibility

    def __enter__(self) -> Self:
        if lacking := self.missing():
            raise ProgramsMissing(f"not installed: {', '.join(lacking)}")
        self._folder = tempfile.TemporaryDirectory(
            prefix="loom-screen-", ignore_cleanup_errors=True
        )
        try:
            self._start()
        except BaseException:
            with contextlib.suppress(OSError):
                print(self.log.read_text(errors="replace")[-4000:], file=sys.stderr)  # noqa: T201 - for pytest to show
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        test = os.environ.get("PYTEST_CURRENT_TEST")
        if error is not None and test and self._folder is not None:
            self.keep(test.split(" ")[0])
        self.stop()

    def keep(self, name: str) -> Path:
        """Keep a picture of the screen and its log in build/failures, for whoever looks later."""
        FAILURES.mkdir(parents=True, exist_ok=True)
        stem = re.sub(r"[^\w.-]+", "-", name.removeprefix("tests/")).strip("-")[-150:]
        with contextlib.suppress(OSError):
            shutil.copy(self.log, FAILURES / f"{stem}.log")
        path = FAILURES / f"{stem}.png"
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            self.screenshot(path)
        return path

    def stop(self) -> None:
        """End everything that was started here. Calling it twice is fine."""
        if self._accessibility is not None:
            self._accessibility.close()
            self._accessibility = None
        if self._fake is not None:
            self._fake.close()
            self._fake = None
        while self._processes:
            self.end(self._processes[-1])
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def start(
        self,
        *command: str | Path,
        env: Mapping[str, str] | None = None,
        as_user: int | None = None,
        **more: Any,
    ) -> subprocess.Popen[bytes]:
        """Start a program on this desktop. Its output goes to the log unless told otherwise."""
        guard = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
        if as_user is not None:
            guard = ["setpriv", f"--reuid={as_user}", f"--regid={as_user}", "--clear-groups"]
            guard += ["--pdeathsig", "TERM"]
        with self.log.open("ab") as log:
            more.setdefault("stdout", log)
            more.setdefault("stderr", log)
            more.setdefault("stdin", subprocess.DEVNULL)
            more.setdefault("cwd", ROOT)
            process = subprocess.Popen(
                [*guard, *map(str, command)],
                env={**self.env, **(env or {})},
                start_new_session=True,
                **more,
            )
        self._processes.append(process)
        return process

    def run(self, *command: str | Path, timeout_s: float = 20, **more: Any) -> str:
        """What the program printed. Raises CalledProcessError, or TimeoutExpired."""
        done: subprocess.CompletedProcess[bytes] = subprocess.run(
            [str(part) for part in command],
            env=self.env,
            cwd=ROOT,
            timeout=timeout_s,
            check=True,
            capture_output=True,
            **more,
        )
        return done.stdout.decode(errors="replace")

    def end(self, process: subprocess.Popen[bytes], timeout_s: float = 3) -> int:
        """End it and what it started: first asked, then killed. Returns the exit status."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout_s)
                break
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # children that outlived it
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        if process in self._processes:
            self._processes.remove(process)
        return process.wait(timeout_s)

    def wait_for(self, predicate: Callable[[], T], what: str, timeout_s: float = 10) -> T:
        """The first true answer of the predicate. Raises Timeout, naming what was waited for."""
        return wait_for(predicate, what, timeout_s)

    def bus_has(self, name: str) -> bool:
        """Whether somebody owns the name on the private bus."""
        reply = self.run(
            "dbus-send",
            "--session",
            "--print-reply",
            "--dest=org.freedesktop.DBus",
            "/org/freedesktop/DBus",
            "org.freedesktop.DBus.NameHasOwner",
            f"string:{name}",
        )
        return "boolean true" in reply

    def screenshot(self, path: str | Path) -> Path:
        """Write the whole screen as a PNG."""
        raise NotImplementedError

    def _start(self) -> None:
        raise NotImplementedError

    def _start_bus(self) -> None:
        """Home and bus. It activates nothing: no real portal or keyring comes before a fake."""
        run, home = self.folder / "run", self.folder / "home"
        for each in (run, home, home / ".config", home / ".local/share", home / ".cache"):
            each.mkdir(mode=0o700, parents=True)
        address = f"unix:path={run}/bus"
        dropped = ("DBUS_", "XDG_", "LOOM_", "QT_", "GTK_", "GNOME_", "KDE_", "WAYLAND_", "AT_SPI")
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
        for name in (
            *("DISPLAY", "XAUTHORITY", "DESKTOP_SESSION", "SWAYSOCK", "SESSION_MANAGER"),
            "LANGUAGE",  # the windows would follow it
        ):
            self.env.pop(name, None)
        self.env |= {
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "XDG_DATA_HOME": str(home / ".local/share"),
            "XDG_CACHE_HOME": str(home / ".cache"),
            "XDG_STATE_HOME": str(home / ".local/state"),
            "XDG_RUNTIME_DIR": str(run),
            "XDG_CURRENT_DESKTOP": "",
            "DBUS_SESSION_BUS_ADDRESS": address,
            # the machine's own system bus stays out of it; a fake logind lives on the private one
            "DBUS_SYSTEM_BUS_ADDRESS": address,
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1",
        }
        config = self.folder / "bus.conf"
        config.write_text(_BUS.format(address=address))
        bus = self.start("dbus-daemon", f"--config-file={config}", "--nofork")
        self._until(bus, (run / "bus").is_socket, "message bus")

    def _start_fakes(self, *, tray: bool, notifications: bool) -> None:
        wanted = {**self._wanted, "tray": tray, "notifications": notifications}
        if any(wanted.values()):
            from tests.fake_desktop_process import FakeDesktopProcess

            self._fake = FakeDesktopProcess(self.env, *(name for name, on in wanted.items() if on))

    def _start_accessibility(self) -> None:
        launcher = next((path for path in _LAUNCHERS if Path(path).exists()), None)
        if launcher is None:
            raise ProgramsMissing("not installed: at-spi2-core")
        process = self.start(launcher, "--launch-immediately")
        self._until(process, lambda: self.bus_has("org.a11y.Bus"), "accessibility bus")

    def _until(self, process: subprocess.Popen[bytes], ready: Callable[[], T], what: str) -> None:
        def look() -> T:
            if process.poll() is not None:
                raise RuntimeError(f"{process.args!r} ended at once, with {process.returncode}")
            return ready()

        wait_for(look, what, 15)


class Screen(_Desktop):
    """An X11 desktop: Xvfb, a message bus, openbox, and a tray and notifications when asked for."""

    PROGRAMS = (
        "Xvfb",
        "dbus-daemon",
        "dbus-send",
        "openbox",
        "trayer",
        "dunst",
        "xdotool",
        "xclip",
        "import",
    )

    def __init__(
        self,
        *,
        tray: Literal["trayer", "sni"] | None = None,
        notifications: Literal["dunst", "fake"] | None = None,
        accessibility: bool = False,
        portal: bool = False,
        logind: bool = False,
        size: str = "1280x800",
    ) -> None:
        super().__init__(portal=portal, logind=logind)
        self._tray, self._notifications, self._size = tray, notifications, size
        self._with_accessibility = accessibility
        self._x: Any = None
        self.server: subprocess.Popen[bytes] | None = None
        """The X server, for tests that need it to die."""

    def _start(self) -> None:
        self._start_bus()
        self._start_server()
        manager = self.start("openbox")
        self._until(manager, lambda: self._root_has("_NET_SUPPORTING_WM_CHECK"), "window manager")
        self._start_fakes(tray=self._tray == "sni", notifications=self._notifications == "fake")
        if self._tray == "trayer":
            edge = ("--edge", "bottom", "--align", "right", "--widthtype", "request")
            dock = ("--height", "28", "--SetDockType", "true", "--expand", "true")
            trayer = self.start("trayer", *edge, *dock)
            self._until(trayer, lambda: self._owner("_NET_SYSTEM_TRAY_S0"), "tray")
        if self._notifications == "dunst":
            dunst = self.start("dunst", "-conf", Path(__file__).with_name("dunstrc"))
            name = "org.freedesktop.Notifications"
            self._until(dunst, lambda: self.bus_has(name), "notification daemon")
        if self._with_accessibility:
            self._start_accessibility()

    def _start_server(self) -> None:
        read, write = os.pipe()
        try:
            server = self.start(
                *("Xvfb", "-displayfd", str(write), "-screen", "0", f"{self._size}x24"),
                *("-nolisten", "tcp", "-noreset"),
                pass_fds=[write],
            )
            os.close(write)
            write = -1
            number = b""
            while not number.endswith(b"\n"):
                if not (piece := os.read(read, 16)):
                    raise RuntimeError(f"Xvfb ended at once, with {server.wait(5)}")
                number += piece
        finally:
            os.close(read)
            if write >= 0:
                os.close(write)
        self.server = server
        self.env["DISPLAY"] = f":{int(number)}"
        self.env["QT_QPA_PLATFORM"] = "xcb"
        from Xlib import display

        self._x = display.Display(self.env["DISPLAY"])

    def stop(self) -> None:
        """End everything that was started here. Calling it twice is fine."""
        if self._x is not None:
            with contextlib.suppress(Exception):  # the server may be gone: that is what tests do
                self._x.close()
            self._x = None
        super().stop()

    def screenshot(self, path: str | Path) -> Path:
        """Write the whole screen as a PNG."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self.run("import", "-silent", "-window", "root", path)
        return Path(path)

    def key(self, combo: str, *, hold_s: float = 0) -> None:
        """Press and release a combination, ``ctrl+shift+l``, by XTEST: like a real keyboard."""
        self.key_down(combo)
        if hold_s:
            time.sleep(hold_s)
        self.key_up(combo)

    def key_down(self, combo: str) -> None:
        """Press the combination and hold it, modifiers first."""
        from Xlib import X
        from Xlib.ext import xtest

        *modifiers, key = self._codes(combo)
        for code in modifiers:
            xtest.fake_input(self._x, X.KeyPress, code)
        self._x.sync()
        if modifiers:
            time.sleep(0.02)  # a window manager drops faster ones, and nobody types so fast
        xtest.fake_input(self._x, X.KeyPress, key)
        self._x.sync()

    def key_up(self, combo: str, *, modifiers_first: bool = False) -> None:
        """Let the combination go."""
        from Xlib import X
        from Xlib.ext import xtest

        codes = self._codes(combo)
        for code in codes if modifiers_first else reversed(codes):
            xtest.fake_input(self._x, X.KeyRelease, code)
        self._x.sync()

    def type(self, text: str) -> None:
        """Type into whatever has the focus."""
        # a letter that this keyboard lacks changes the keyboard map, and programs need a moment
        delay = "8" if text.isascii() else "80"
        self.run("xdotool", "type", "--delay", delay, "--", text)

    def click(self, x: int, y: int, button: int = 1) -> None:
        """Move the pointer there and click."""
        from Xlib import X
        from Xlib.ext import xtest

        xtest.fake_input(self._x, X.MotionNotify, x=x, y=y)
        self._x.sync()
        time.sleep(0.02)
        xtest.fake_input(self._x, X.ButtonPress, button)
        xtest.fake_input(self._x, X.ButtonRelease, button)
        self._x.sync()

    def windows(self, title: str = "") -> list[Window]:
        """Windows on the screen whose title contains the text, the lowest first."""
        from Xlib import X, error

        found: list[Window] = []
        focus = self._x.get_input_focus().focus
        focused = {getattr(focus, "id", focus)}

        def walk(window: Any, depth: int) -> None:
            with contextlib.suppress(error.BadWindow, error.BadDrawable, error.BadMatch):
                if window.get_attributes().map_state != X.IsViewable:
                    return
                name = self._title(window)
                if name and title in name:
                    size = window.get_geometry()
                    at = window.translate_coords(self._x.screen().root, 0, 0)
                    has_focus = window.id in focused or any(
                        child.id in focused for child in window.query_tree().children
                    )
                    # translate_coords answers where the root is, seen from the window
                    place = (-at.x, -at.y, size.width, size.height)
                    found.append(Window(window.id, name, *place, has_focus))
                    return
                if depth:
                    for child in window.query_tree().children:
                        walk(child, depth - 1)

        for top in self._x.screen().root.query_tree().children:
            walk(top, 3)
        return found

    def window(self, title: str, timeout_s: float = 10) -> Window:
        """The window with this title, when it is there."""
        return self.wait_for(lambda: self.windows(title), f"window {title!r}", timeout_s)[-1]

    def clipboard_set(self, text: str, selection: str = "clipboard") -> None:
        """Copy the text, as another program would."""
        atom = "PRIMARY" if selection == "primary" else "CLIPBOARD"
        before = self._owner(atom)
        owner = self.start(
            *("xclip", "-selection", selection, "-in", "-quiet"), stdin=subprocess.PIPE
        )
        assert owner.stdin is not None
        owner.stdin.write(text.encode())
        owner.stdin.close()
        self._until(owner, lambda: self._owner(atom) not in (0, before), "owner of the clipboard")

    def clipboard(self, selection: str = "clipboard", timeout_s: float = 5) -> str:
        """What is on the clipboard as text; empty when there is none."""
        if not self._owner("PRIMARY" if selection == "primary" else "CLIPBOARD"):
            return ""
        with contextlib.suppress(subprocess.CalledProcessError):
            return self.run("xclip", "-selection", selection, "-out", timeout_s=timeout_s)
        return ""

    clipboard_get = clipboard

    @property
    def lock_state(self) -> int:
        """Modifier bits that are down or locked now: 2 Caps Lock, 16 Num Lock."""
        return int(self._x.screen().root.query_pointer().mask)

    def _codes(self, combo: str) -> list[int]:
        from Xlib import XK

        codes = []
        for part in combo.split("+"):
            keysym = XK.string_to_keysym(_KEYS.get(part.lower(), part))
            code = self._x.keysym_to_keycode(keysym or XK.string_to_keysym(part.lower()))
            if not code:
                raise ValueError(f"no key {part!r} on this keyboard")
            codes.append(code)
        return codes

    def _title(self, window: Any) -> str:
        from Xlib import Xatom

        name = window.get_full_text_property(self._x.intern_atom("_NET_WM_NAME"))
        return name or window.get_full_text_property(Xatom.WM_NAME) or ""

    def _owner(self, selection: str) -> int:
        owner = self._x.get_selection_owner(self._x.intern_atom(selection))
        return int(getattr(owner, "id", owner))

    def _root_has(self, name: str) -> bool:
        root, atom = self._x.screen().root, self._x.intern_atom(name)
        return root.get_full_property(atom, 0) is not None


class WaylandScreen(_Desktop):
    """A headless Wayland desktop: sway and a message bus. Nobody can type or click on it."""

    PROGRAMS = ("sway", "grim", "wl-copy", "wl-paste", "dbus-daemon", "dbus-send", "setpriv")

    def __init__(
        self,
        *,
        tray: Literal["sni"] | None = None,
        notifications: Literal["fake"] | None = None,
        accessibility: bool = False,
        portal: bool = False,
        logind: bool = False,
    ) -> None:
        super().__init__(portal=portal, logind=logind)
        self._tray, self._notifications = tray, notifications
        self._with_accessibility = accessibility
        self._compositor_folder: tempfile.TemporaryDirectory[str] | None = None

    def _start(self) -> None:
        self._start_bus()
        self._compositor_folder = tempfile.TemporaryDirectory(
            prefix="loom-sway-", ignore_cleanup_errors=True
        )
        folder = Path(self._compositor_folder.name)
        config = folder / "config"
        config.write_text(
            "output HEADLESS-1 resolution 1280x800\n"
            "default_border none\n"
            'for_window [app_id=".*"] floating enable\n'
        )
        nobody = 65534 if os.getuid() == 0 else None  # sway refuses root; its clients may be root
        if nobody is not None:
            for path in (folder, config):
                os.chown(path, nobody, nobody)
        sway = self.start(
            *("sway", "-c", config),
            as_user=nobody,
            cwd=folder,
            env={
                "XDG_RUNTIME_DIR": str(folder),
                "HOME": str(folder),
                "WLR_BACKENDS": "headless",
                "WLR_LIBINPUT_NO_DEVICES": "1",
                "WLR_RENDERER": "pixman",
            },
        )

        def sockets(pattern: str) -> list[Path]:
            return [path for path in folder.glob(pattern) if path.is_socket()]

        self._until(sway, lambda: sockets("wayland-*"), "Wayland socket")
        self._until(sway, lambda: sockets("sway-ipc.*"), "sway control socket")
        self.env["WAYLAND_DISPLAY"] = str(sockets("wayland-*")[0])
        self.env["SWAYSOCK"] = str(sockets("sway-ipc.*")[0])
        self.env["QT_QPA_PLATFORM"] = "wayland"
        self.env["XDG_SESSION_TYPE"] = "wayland"
        self._start_fakes(tray=self._tray == "sni", notifications=self._notifications == "fake")
        if self._with_accessibility:
            self._start_accessibility()

    def stop(self) -> None:
        """End everything that was started here. Calling it twice is fine."""
        super().stop()
        if self._compositor_folder is not None:
            self._compositor_folder.cleanup()
            self._compositor_folder = None

    def screenshot(self, path: str | Path) -> Path:
        """Write the whole screen as a PNG."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self.run("grim", path)
        return Path(path)

    def windows(self, title: str = "") -> list[Window]:
        """Windows whose title contains the text."""
        import json

        found: list[Window] = []

        def walk(node: dict[str, Any]) -> None:
            name = node.get("name") or ""
            if node.get("pid") and node.get("visible") and title in name:
                at = node["rect"]
                place = (at["x"], at["y"], at["width"], at["height"])
                found.append(Window(node["id"], name, *place, bool(node["focused"])))
            for child in (*node.get("nodes", ()), *node.get("floating_nodes", ())):
                walk(child)

        walk(json.loads(self.run("swaymsg", "-r", "-t", "get_tree")))
        return found

    def window(self, title: str, timeout_s: float = 10) -> Window:
        """The window with this title, when it is there."""
        return self.wait_for(lambda: self.windows(title), f"window {title!r}", timeout_s)[-1]

    def clipboard_set(self, text: str) -> None:
        """Copy the text, as another program would."""
        owner = self.start("wl-copy", "--foreground", stdin=subprocess.PIPE)
        assert owner.stdin is not None
        owner.stdin.write(text.encode())
        owner.stdin.close()
        self._until(owner, lambda: self.clipboard() == text, "owner of the clipboard")

    def clipboard(self, timeout_s: float = 5) -> str:
        """What is on the clipboard as text; empty when there is none."""
        with contextlib.suppress(subprocess.CalledProcessError):
            return self.run("wl-paste", "--no-newline", timeout_s=timeout_s)
        return ""

    clipboard_get = clipboard

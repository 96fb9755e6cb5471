"""The screen as somebody who sits before it sees it: icons, windows, pixels, and the keyboard.

Its own connection to the X server, so nothing of the measured program is asked or loaded.
"""

from __future__ import annotations

import contextlib
import select
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self

from tests.measures.process import CannotRun
from tests.screen import Screen

POLL_S = 0.001
MODIFIERS_S = 0.02
"""Between modifiers and key: nobody types faster, and a window manager drops faster ones."""
KEYS = {"ctrl": "Control_L", "shift": "Shift_L", "l": "l"}
COMBO = "ctrl+shift+l"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a window is on the screen."""

    x: int
    y: int
    width: int
    height: int


class Eye:
    """``with Eye(screen) as eye:``"""

    def __init__(self, screen: Screen) -> None:
        from Xlib import display

        self._display = display.Display(screen.env["DISPLAY"])
        self._root = self._display.screen().root
        self._panel: Any = None
        self._held: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(Exception):  # the server may be gone with the program
            self.release()
            self._display.close()

    # ------------------------------------------------------------------ the tray

    def icon_shown(self) -> bool:
        """Whether a window of another program is docked in the panel and can be seen."""
        from Xlib import X, error

        if self._panel is None:
            self._panel = self._find_panel(self._root)
            if self._panel is None:
                raise CannotRun("trayer shows no panel")
        with contextlib.suppress(error.BadWindow, error.BadDrawable):
            for socket in self._panel.query_tree().children:
                for docked in socket.query_tree().children:
                    if docked.get_attributes().map_state == X.IsViewable:
                        return True
        return False

    def _find_panel(self, window: Any) -> Any:
        from Xlib import error

        with contextlib.suppress(error.BadWindow):
            if window.get_wm_class() == ("panel", "trayer"):
                return window
            for child in window.query_tree().children:
                if (found := self._find_panel(child)) is not None:
                    return found
        return None

    # ------------------------------------------------------------------ the hotkey

    def grabbed(self) -> bool:
        """Whether somebody holds the hotkey.

        Found by taking it and giving it back in one piece: the server listens to nobody else
        meanwhile, so the program that wants it cannot find it taken by us.
        """
        from Xlib import X, error

        code = self._codes()[-1]
        mask = X.ControlMask | X.ShiftMask
        catch = error.CatchError(error.BadAccess)
        self._display.grab_server()
        self._root.grab_key(code, mask, False, X.GrabModeAsync, X.GrabModeAsync, onerror=catch)
        self._display.sync()
        if catch.get_error() is None:
            self._root.ungrab_key(code, mask)
        self._display.ungrab_server()
        self._display.sync()
        return catch.get_error() is not None

    def press(self) -> float:
        """Press the hotkey and hold it; the time just before its last key went down."""
        from Xlib import X
        from Xlib.ext import xtest

        *modifiers, key = self._codes()
        for code in modifiers:
            xtest.fake_input(self._display, X.KeyPress, code)
        self._display.sync()
        time.sleep(MODIFIERS_S)
        self._held = [key, *reversed(modifiers)]
        at = time.monotonic()
        xtest.fake_input(self._display, X.KeyPress, key)
        self._display.flush()
        return at

    def release(self) -> None:
        """Let go of the keys."""
        from Xlib import X
        from Xlib.ext import xtest

        for code in self._held:
            xtest.fake_input(self._display, X.KeyRelease, code)
        self._held = []
        self._display.sync()

    def _codes(self) -> list[int]:
        from Xlib import XK

        keysyms = [XK.string_to_keysym(KEYS[part]) for part in COMBO.split("+")]
        return [self._display.keysym_to_keycode(keysym) for keysym in keysyms]

    # ------------------------------------------------------------------ windows and pixels

    def watch_windows(self) -> None:
        """From now on ``appeared`` misses nothing."""
        from Xlib import X

        self._root.change_attributes(event_mask=X.SubstructureNotifyMask)
        self._display.sync()
        while self._display.pending_events():
            self._display.next_event()

    def appeared(self, timeout_s: float) -> tuple[float, Place] | None:
        """When a window as large as a popup was shown, and where; None when none was in time."""
        from Xlib import X, error

        for at, event in self._events(timeout_s):
            if event.type != X.MapNotify:
                continue
            with contextlib.suppress(error.BadWindow, error.BadDrawable):
                size = event.window.get_geometry()
                if size.width >= 200 and size.height >= 100:
                    where = event.window.translate_coords(self._root, 0, 0)
                    return at, Place(-where.x, -where.y, size.width, size.height)
        return None

    def went(self, timeout_s: float) -> bool:
        """Whether a window was taken off the screen in time."""
        from Xlib import X

        return any(event.type == X.UnmapNotify for _, event in self._events(timeout_s))

    def _events(self, timeout_s: float) -> Iterator[tuple[float, Any]]:
        end = time.monotonic() + timeout_s
        while (left := end - time.monotonic()) > 0:
            while self._display.pending_events():
                event = self._display.next_event()
                yield time.monotonic(), event
            select.select([self._display.fileno()], [], [], left)

    def pixel(self, x: int, y: int) -> bytes:
        """What one pixel of the screen shows."""
        from Xlib import X

        image = self._root.get_image(x, y, 1, 1, X.ZPixmap, 0xFFFFFFFF)
        return bytes(image.data)


def wait(done: Callable[[], bool], what: str, timeout_s: float = 30.0) -> float:
    """When it was done first, looking each millisecond. Raises CannotRun, naming what was not."""
    end = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > end:
            raise CannotRun(f"no {what} within {timeout_s:g} s")
        time.sleep(POLL_S)
    return time.monotonic()

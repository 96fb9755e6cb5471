"""Hears a key on X11 by grabbing it: nobody else gets it, and no other key is looked at.

The connection's descriptor is in the engine's loop: no thread while nothing happens. What waits
for the server (connecting, grabbing, reading the keyboard map) runs in a worker thread, and
whether a key is still down is asked without waiting, so a server that hangs stops nobody else.

A grab names key and modifiers exactly, so each is made four times, for Caps Lock and Num Lock on
and off. A new keyboard map moves keys, so the grabs are made again. A held key repeats as release
and press: after a release the server is asked whether the key is still down. A release is known
by its key alone, because the modifiers may be up first.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loom_desktop.errors import Unavailable

if TYPE_CHECKING:
    from loom_desktop.sources.hotkey import Combo, OnKey, Taken

DEADLINE_S = 5.0
_KEYS_OF = {
    "alt": ("Alt_L", "Meta_L"),
    "super": ("Super_L", "Super_R"),
    "numlock": ("Num_Lock",),
}
_USUAL = {"shift": 1, "ctrl": 4, "alt": 8, "numlock": 16, "super": 64}  # Mod1, Mod2, Mod4


@dataclass(slots=True)
class _Grab:
    """One combination that is ours."""

    name: str
    combo: Combo
    code: int
    mask: int
    down: bool = False
    was_release: bool = False
    """The last event was a release: if a press follows while it is down, it is a repeat."""
    question: Any = None
    """Asked of the server, not answered yet: which keys are down."""


class GrabbedKeys:
    """The driver ``x11``. Use it from one loop."""

    name = "x11"
    release = True
    exclusive = True

    def __init__(self, display_name: str, on_key: OnKey, taken: type[Taken]) -> None:
        self._display_name, self._on_key, self._taken = display_name, on_key, taken
        self._display: Any = None
        self._grabs: list[_Grab] = []
        self._masks = dict(_USUAL)
        self._codes: dict[int, int] = {}
        self._wake = asyncio.Event()
        self._lost = self._map_changed = False

    async def open(self) -> None:
        """Connect to the X server. Raises Unavailable when there is none."""
        if not self._display_name:
            raise Unavailable("There is no X11 screen (DISPLAY is not set).")
        self._display = await self._in_thread(self._connect)

    async def bind(self, name: str, combo: Combo) -> str:
        """Grab it. Raises the class for a taken key, and Unavailable without such a key."""
        grab = await self._in_thread(lambda: self._grab(name, combo))
        self._grabs.append(grab)
        return str(combo)

    async def listen(self) -> None:
        """Tell of keys until cancelled. Raises Unavailable when the X server is gone."""
        loop = asyncio.get_running_loop()
        while True:
            descriptor = self._display.display.socket.fileno()
            loop.add_reader(descriptor, self._ready)
            try:
                self._ready()  # the grabbing may have read events into the library's own queue
                await self._wake.wait()
            finally:
                loop.remove_reader(descriptor)
            self._wake.clear()
            if self._lost:
                raise Unavailable(
                    "The X server went away.", hint="Loom tries again until it is back."
                )
            if self._map_changed:
                self._map_changed = False
                await self._in_thread(self._regrab)

    async def close(self) -> None:
        """Let the keys go and disconnect."""
        display, self._display = self._display, None
        if display is not None:
            # a server that hangs must not make us wait, not even a thread that waits for it; the
            # grabs end with the connection
            with contextlib.suppress(OSError):
                display.display.socket.shutdown(socket.SHUT_RDWR)
            display.display.socket.close()
        self._grabs.clear()

    # ---- in a worker thread

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        try:
            async with asyncio.timeout(DEADLINE_S):
                return await asyncio.to_thread(work)
        except TimeoutError as error:
            raise Unavailable("The X server does not answer.") from error

    def _connect(self) -> Any:
        from Xlib import display, error

        try:
            _probe(self._display_name)
            return display.Display(self._display_name)
        except (error.DisplayError, error.ConnectionClosedError, error.XauthError, OSError) as why:
            raise Unavailable(
                f"The X server {self._display_name!r} cannot be reached ({_short(why)}).",
                hint="Start Loom inside the desktop session.",
            ) from why

    def _grab(self, name: str, combo: Combo) -> _Grab:
        from Xlib import X, error

        try:
            if not self._codes:
                self._read_map()
            code, mask = self._place(combo)
            root, catch = self._display.screen().root, error.CatchError(error.BadAccess)
            for lock in self._locks():
                root.grab_key(
                    code, mask | lock, False, X.GrabModeAsync, X.GrabModeAsync, onerror=catch
                )
            self._display.sync()
            if catch.get_error():
                self._ungrab(code, mask)
                raise self._taken(
                    f"Another program already uses {combo}.",
                    hint="Choose another combination in the settings, or free it in that program.",
                )
        except (error.ConnectionClosedError, OSError) as why:
            raise Unavailable("The X server went away.") from why
        return _Grab(name, combo, code, mask)

    def _ungrab(self, code: int, mask: int) -> None:
        for lock in self._locks():
            self._display.screen().root.ungrab_key(code, mask | lock)
        self._display.sync()

    def _regrab(self) -> None:
        """After a new keyboard map. Programs that type change it all the time, mostly elsewhere."""
        from Xlib import error

        try:
            locks = self._locks()
            self._read_map()
            same = locks == self._locks()
            if same and all((g.code, g.mask) == self._place(g.combo) for g in self._grabs):
                return
            for grab in self._grabs:
                for lock in locks:
                    self._display.screen().root.ungrab_key(grab.code, grab.mask | lock)
        except (error.ConnectionClosedError, OSError) as why:
            raise Unavailable("The X server went away.") from why
        self._grabs = [self._grab(grab.name, grab.combo) for grab in self._grabs]

    def _place(self, combo: Combo) -> tuple[int, int]:
        """Key code and modifier mask of the combination on this keyboard."""
        from Xlib import XK

        sym = XK.string_to_keysym(combo.keysym)
        if not sym and len(combo.key) == 1:
            point = ord(combo.key)
            sym = point if point < 0x100 else 0x1000000 | point
        if not sym or sym not in self._codes:
            raise Unavailable(
                f"This keyboard has no key {combo.key!r}.",
                hint="Choose another combination in the settings.",
            )
        return self._codes[sym], sum(self._masks[modifier] for modifier in combo.modifiers)

    def _read_map(self) -> None:
        """Where each key is, and which modifier bits Alt, Super and Num Lock are."""
        from Xlib import XK

        info = self._display.display.info
        rows = self._display.get_keyboard_mapping(
            info.min_keycode, info.max_keycode - info.min_keycode + 1
        )
        self._codes = {}
        for level in range(max((len(row) for row in rows), default=0)):
            for code, row in enumerate(rows, info.min_keycode):
                if level < len(row) and row[level]:
                    self._codes.setdefault(row[level], code)
        self._masks = dict(_USUAL)
        mapping = self._display.get_modifier_mapping()
        for modifier, keys in _KEYS_OF.items():
            codes = {self._codes.get(XK.string_to_keysym(key), 0) for key in keys} - {0}
            for bit in range(3, 8):  # Mod1 to Mod5
                if codes & set(mapping[bit]):
                    self._masks[modifier] = 1 << bit
                    break

    def _locks(self) -> tuple[int, ...]:
        caps, num = 2, self._masks["numlock"]
        return (0, caps, num, caps | num)

    # ---- on the loop, never waiting

    def _ready(self) -> None:
        from Xlib import X, error

        try:
            while self._display.pending_events():
                event = self._display.next_event()
                if event.type == X.MappingNotify:
                    self._map_changed = True
                    self._wake.set()
                elif event.type == X.KeyPress:
                    self._pressed(event)
                elif event.type == X.KeyRelease:
                    self._released(event)
            self._answers()
        except (error.ConnectionClosedError, OSError):
            self._lost = True
            self._wake.set()

    def _pressed(self, event: Any) -> None:
        ours = self._masks["alt"] | self._masks["super"] | 1 | 4
        for grab in self._grabs:
            if grab.code != event.detail or grab.mask != event.state & ours:
                continue
            grab.question = None
            if grab.down and grab.was_release:  # it repeats
                grab.was_release = False
                continue
            if grab.down:  # somebody took the keyboard, and with it the release
                self._on_key(grab.name, False)
            grab.down, grab.was_release = True, False
            self._on_key(grab.name, True)

    def _released(self, event: Any) -> None:
        from Xlib.protocol import request

        for grab in self._grabs:
            if grab.code == event.detail and grab.down:
                grab.was_release = True
                grab.question = request.QueryKeymap(display=self._display.display, defer=True)
                self._display.display.flush()

    def _answers(self) -> None:
        for grab in self._grabs:
            if grab.question is None or grab.question._data is None:
                continue
            keys = grab.question._data["map"]
            grab.question = None
            if not keys[grab.code // 8] & (1 << (grab.code % 8)):
                grab.down = False
                self._on_key(grab.name, False)


def _probe(display_name: str) -> None:
    """Raises OSError when a screen of this machine is not there.

    The library would go on to knock at a network port, where anybody may listen.
    """
    local = re.fullmatch(r"(?:unix)?/?:(\d{1,5})(?:\.\d+)?", display_name)
    if local is None:
        return
    path = f"/tmp/.X11-unix/X{local[1]}"
    with socket.socket(socket.AF_UNIX) as knock:
        knock.settimeout(DEADLINE_S)
        knock.connect(path if os.path.exists(path) else f"\0{path}")


def _short(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__)[:120]


def driver(environ: Mapping[str, str], on_key: OnKey, taken: type[Taken]) -> GrabbedKeys:
    """The driver for this environment."""
    return GrabbedKeys(environ.get("DISPLAY", ""), on_key, taken)

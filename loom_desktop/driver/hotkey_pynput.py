"""Hears a key by listening to all of them, with pynput: Windows, macOS, and X11 as a last resort.

It does not take the key away from other programs and cannot tell whether one already uses it.
Keys other than the wanted ones are looked at and forgotten.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from loom_desktop.errors import Unavailable

if TYPE_CHECKING:
    from loom_desktop.sources.hotkey import Combo, OnKey, Taken

DEADLINE_S = 5.0
_NAMES = {  # where pynput's word is another one than ours
    "super": "cmd",
    "escape": "esc",
    "pageup": "page_up",
    "pagedown": "page_down",
    "print": "print_screen",
}
_SIGNS = {
    "plus": "+",
    "minus": "-",
    "comma": ",",
    "period": ".",
    "slash": "/",
    "backslash": "\\",
    "semicolon": ";",
    "apostrophe": "'",
    "grave": "`",
    "equal": "=",
}


class HeardKeys:
    """The driver ``pynput``. Its listener is a thread; ``on_key`` is called on the loop."""

    name = "pynput"
    release = True
    exclusive = False

    def __init__(self, environ: Mapping[str, str], on_key: OnKey) -> None:
        self._environ, self._on_key = environ, on_key
        self._keyboard: Any = None
        self._listener: Any = None
        self._bound: list[tuple[str, frozenset[Any]]] = []
        self._down: set[Any] = set()
        self._active: set[str] = set()

    async def open(self) -> None:
        """Load pynput. Raises Unavailable where it is not, or cannot work."""
        if sys.platform == "linux" and self._environ.get("WAYLAND_DISPLAY"):
            raise Unavailable("pynput cannot hear keys on Wayland.")
        try:
            async with asyncio.timeout(DEADLINE_S):
                self._keyboard = await asyncio.to_thread(_keyboard)
        except ImportError as error:  # also its own answer to a desktop that it does not know
            raise Unavailable("pynput is not installed, or not for this desktop.") from error
        except TimeoutError as error:
            raise Unavailable("pynput does not start.") from error

    async def bind(self, name: str, combo: Combo) -> str:
        """From now on tell of it. Whether another program uses it, nobody knows."""
        words = [f"<{_NAMES.get(each, each)}>" for each in sorted(combo.modifiers)]
        key = _SIGNS.get(combo.key, combo.key)
        words.append(key if len(key) == 1 else f"<{_NAMES.get(key, key)}>")
        try:
            keys = frozenset(self._keyboard.HotKey.parse("+".join(words)))
        except ValueError as error:
            raise Unavailable(
                f"pynput does not know the key {combo.key!r}.",
                hint="Choose another combination in the settings.",
            ) from error
        self._bound.append((name, keys))
        return str(combo)

    async def listen(self) -> None:
        """Tell of keys until cancelled. Raises Unavailable when the listener ends."""
        loop = asyncio.get_running_loop()

        def tell(key: Any, pressed: bool) -> None:  # in the listener's thread
            if key is not None:
                loop.call_soon_threadsafe(self._key, listener.canonical(key), pressed)

        listener = self._listener = self._keyboard.Listener(
            on_press=lambda key: tell(key, True), on_release=lambda key: tell(key, False)
        )
        listener.start()
        if sys.platform == "darwin" and not getattr(listener, "IS_TRUSTED", True):
            raise Unavailable(
                "macOS does not let Loom hear keys.",
                hint="Allow Loom under System Settings, Privacy & Security, Input Monitoring.",
            )
        await asyncio.to_thread(listener.join)
        raise Unavailable("The listener for keys ended.", hint="Loom tries again.")

    async def close(self) -> None:
        """Stop listening."""
        if self._listener is not None:
            self._listener.stop()
            self._listener = None

    def _key(self, key: Any, pressed: bool) -> None:
        (self._down.add if pressed else self._down.discard)(key)
        for name, keys in self._bound:
            if name in self._active and not keys <= self._down:
                self._active.discard(name)
                self._on_key(name, False)
            elif name not in self._active and pressed and key in keys and keys <= self._down:
                self._active.add(name)
                self._on_key(name, True)


def _keyboard() -> Any:
    from pynput import keyboard

    return keyboard


def driver(environ: Mapping[str, str], on_key: OnKey, taken: type[Taken]) -> HeardKeys:
    """The driver for this environment."""
    return HeardKeys(environ, on_key)

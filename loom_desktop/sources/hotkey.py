"""The key that opens Loom from anywhere.

There is no one way to hear such a key, so there are drivers (``driver/hotkey_*.py``), tried in the
order that fits this desktop: an X11 key grab, the desktop portal on Wayland, a listener for all
keys on Windows and macOS. One that cannot work says why, and the reasons are in the report,
because a dead hotkey that nobody explains is what people complain about most. What always works
is `loom popup`, bound to a key in the desktop's own settings.

A combination that another program holds is tried again, so it works soon after that program has
let it go; the same when the X server or the portal goes away and comes back.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from msgspec import Struct

from loom_desktop.clock import Clock, monotonic
from loom_desktop.errors import SettingsError, Unavailable
from loom_desktop.sources import Publish, Report
from loom_desktop.tasks import Tasks

BY_HAND = "Bind the command `loom popup` to a key in the keyboard settings of your desktop."

_MODIFIERS = {
    "ctrl": "ctrl",
    "control": "ctrl",
    "ctl": "ctrl",
    "shift": "shift",
    "alt": "alt",
    "option": "alt",
    "opt": "alt",
    "super": "super",
    "cmd": "super",
    "command": "super",
    "meta": "super",
    "win": "super",
    "windows": "super",
}
_KEYS = {  # as people write it: as X11 and the portal call it
    "space": "space",
    "enter": "Return",
    "tab": "Tab",
    "escape": "Escape",
    "backspace": "BackSpace",
    "delete": "Delete",
    "insert": "Insert",
    "home": "Home",
    "end": "End",
    "pageup": "Page_Up",
    "pagedown": "Page_Down",
    "up": "Up",
    "down": "Down",
    "left": "Left",
    "right": "Right",
    "pause": "Pause",
    "print": "Print",
    "menu": "Menu",
    "plus": "plus",
    "minus": "minus",
    "comma": "comma",
    "period": "period",
    "slash": "slash",
    "backslash": "backslash",
    "semicolon": "semicolon",
    "apostrophe": "apostrophe",
    "grave": "grave",
    "equal": "equal",
    "[": "bracketleft",
    "]": "bracketright",
    **{f"f{number}": f"F{number}" for number in range(1, 25)},
}
_ALSO = {
    "return": "enter",
    "esc": "escape",
    "del": "delete",
    "ins": "insert",
    "pgup": "pageup",
    "pgdn": "pagedown",
    "spacebar": "space",
    "-": "minus",
    ",": "comma",
    ".": "period",
    "/": "slash",
    "\\": "backslash",
    ";": "semicolon",
    "'": "apostrophe",
    "`": "grave",
    "=": "equal",
}
_ALONE = {"pause", "print", "menu", *(f"f{number}" for number in range(1, 25))}
_ORDER = ("ctrl", "alt", "shift", "super")
_EXAMPLE = "Write it like Ctrl+Shift+L."


@dataclass(frozen=True, slots=True)
class Combo:
    """A combination of keys: any number of modifiers and one key."""

    modifiers: frozenset[str]
    """Of ctrl, alt, shift, super (Cmd on macOS)."""
    key: str
    """Lower case: ``l``, ``f5``, ``space``, ``enter``."""

    @classmethod
    def parse(cls, text: str) -> Combo:
        """Read ``Ctrl+Shift+L``, in any case and order. Raises SettingsError, saying what is wrong.

        Letters need Ctrl, Alt or Super: otherwise nobody could type them any more.
        """
        shown = text if len(text) <= 40 else f"{text[:40]}…"
        parts = [part.strip().lower() for part in text[:200].split("+")]
        if len(parts) > 1 and parts[-1] == parts[-2] == "":  # "Ctrl++"
            parts[-2:] = ["plus"]
        if "" in parts:
            raise SettingsError(f"{shown!r} is not a key combination.", hint=_EXAMPLE)
        modifiers = [_MODIFIERS[part] for part in parts if part in _MODIFIERS]
        keys = [_ALSO.get(part, part) for part in parts if part not in _MODIFIERS]
        if len(set(modifiers)) < len(modifiers):
            raise SettingsError(f"{shown!r} names a modifier twice.", hint=_EXAMPLE)
        if len(keys) != 1:
            said = "has no key besides the modifiers" if not keys else "has more than one key"
            raise SettingsError(f"{shown!r} {said}.", hint=_EXAMPLE)
        key = keys[0]
        if key not in _KEYS and not (len(key) == 1 and key.isprintable() and not key.isspace()):
            raise SettingsError(
                f"There is no key {key[:40]!r} in {shown!r}.",
                hint=f"Letters, digits, F1 to F24, {', '.join(list(_KEYS)[:17])}.",
            )
        if not set(modifiers) - {"shift"} and key not in _ALONE:
            raise SettingsError(
                f"{shown!r} would take a key away that you type with.",
                hint="Add Ctrl, Alt or Super.",
            )
        return cls(frozenset(modifiers), key)

    @property
    def keysym(self) -> str:
        """The key as X11 and the desktop portal name it: ``l``, ``F5``, ``Return``."""
        return _KEYS.get(self.key, self.key)

    def __str__(self) -> str:
        names = {"super": "Cmd" if sys.platform == "darwin" else "Super"}
        words = [names.get(each, each.title()) for each in _ORDER if each in self.modifiers]
        return "+".join([*words, self.key.upper() if len(self.key) == 1 else self.key.title()])


class Driver(Protocol):
    """One way to hear a key while another program has the keyboard."""

    name: str
    release: bool
    """Whether it also tells when the key is let go: what holding a key to talk needs."""
    exclusive: bool
    """Whether other programs do not get the key, and one that is taken is noticed."""

    async def open(self) -> None:
        """Connect. Raises Unavailable when this way does not exist here."""

    async def bind(self, name: str, combo: Combo) -> str:
        """From now on tell of this combination. Returns what the desktop really bound, which may
        be another key, or empty for none yet. Raises Taken when somebody else has it."""

    async def listen(self) -> None:
        """Tell of keys until cancelled. Raises Unavailable when the connection is lost."""

    async def close(self) -> None:
        """Give everything back. Also after ``open`` failed."""


class Taken(Unavailable):
    """Another program already has this combination of keys."""


OnKey = Callable[[str, bool], None]
"""``on_key("popup", True)``: it went down. Called on the loop."""


class Settings(Struct, frozen=True, kw_only=True):
    """[sources.hotkey]"""

    popup: str = "Cmd+Shift+L" if sys.platform == "darwin" else "Ctrl+Shift+L"
    """The keys that open Loom from anywhere; empty for none."""
    push_to_talk: str = ""
    """The keys to hold while you speak to Loom; not used yet."""
    driver: Literal["auto", "x11", "portal", "pynput", "none"] = "auto"
    """How the keys are heard: auto finds the best way for this desktop."""


class Hotkey:
    """Publishes ``hotkey.pressed`` and ``hotkey.released``."""

    origin = "user-typed"

    def __init__(
        self,
        settings: Settings,
        *,
        environ: Mapping[str, str] = os.environ,
        clock: Clock = monotonic,
        retry_s: float = 15.0,
    ) -> None:
        self._settings, self._environ, self._clock = settings, environ, clock
        self._retry_s = retry_s
        self._report = Report(False, detail="The hotkey is not listened for yet.", fix=BY_HAND)
        self._changed = asyncio.Event()
        self._settled = asyncio.Event()
        self._publish: Publish | None = None
        self._combo: Combo | None = None
        self._driver: Driver | None = None
        self._tried: list[dict[str, str]] = []
        self._bug: Exception | None = None

    def report(self) -> Report:
        """Which driver hears the key, and why the others do not."""
        return self._report

    async def change(self, settings: Settings) -> Report:
        """Use other settings from now on; returns how that went.

        Raises SettingsError, and keeps the old ones, when the combination cannot be read.
        """
        if settings.popup:
            Combo.parse(settings.popup)
        self._settings = settings
        if self._publish is not None:
            self._settled.clear()
            self._changed.set()
            with contextlib.suppress(TimeoutError):  # the desktop may be asking the person
                async with asyncio.timeout(5):
                    await self._settled.wait()
        return self._report

    async def run(self, publish: Publish) -> None:
        """Publish until cancelled; what does not work now is tried again, so it need not be there.

        Raises SettingsError when the combination cannot be read.
        """
        self._publish = publish
        try:
            while self._bug is None:
                self._changed.clear()
                self._combo = Combo.parse(self._settings.popup) if self._settings.popup else None
                async with Tasks() as tasks:
                    tasks.start("hotkey", self._serve(self._settings.driver))
                    await self._changed.wait()
            raise self._bug
        except SettingsError as error:
            self._say(False, "", error.message, error.hint)
            raise
        finally:
            self._publish = None

    async def _serve(self, wanted: str) -> None:
        """Listen by the first driver that works, for ever."""
        try:
            if self._combo is None or wanted == "none":
                self._say(False, "", "The hotkey is switched off in the settings.", BY_HAND)
                return
            pause_s = self._retry_s
            while names := self._order(wanted):
                if await self._attempt(names, self._combo):
                    pause_s = self._retry_s
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, 16 * self._retry_s)
            self._say(False, "", "There is no desktop here that could tell of a key.", BY_HAND)
        except Exception as error:
            self._bug = error  # ``run`` raises it: a hotkey that is dead must be seen to be
            self._changed.set()

    async def _attempt(self, names: list[str], combo: Combo) -> bool:
        """Listen by the first of them that works; True when one did, or the key was taken."""
        reason: Unavailable | None = None
        for name in names:
            driver = self._make(name)
            try:
                await driver.open()
                self._driver = driver
                if name == "portal":
                    asks = f"The desktop is asking which key opens Loom, instead of {combo}."
                    fix = "Answer the question on the screen."
                    self._say(False, name, asks, fix, asking=True)
                self._bound(driver, await driver.bind("popup", combo))
                await driver.listen()
            except Taken as error:  # another way would hear the key together with its holder
                self._tried.append({"driver": name, "why": error.message})
                self._say(False, name, error.message, f"{error.hint} {BY_HAND}")
                return True
            except Unavailable as error:
                self._tried.append({"driver": name, "why": error.message})
                reason = reason or error
                if self._report.working:
                    self._say(False, name, error.message, error.hint)
                    return True
            finally:
                self._driver = None
                await driver.close()
        assert reason is not None, names
        self._say(False, "", reason.message, f"{reason.hint} {BY_HAND}".strip())
        return False

    def _bound(self, driver: Driver, bound: str) -> None:
        facts: dict[str, bool | str] = {"release": driver.release, "exclusive": driver.exclusive}
        facts["bound"] = bound
        if bound:
            warning = "" if driver.exclusive else " Other programs get these keys too."
            self._say(True, driver.name, f"{bound} opens Loom.{warning}", "", **facts)
        else:
            detail = "The desktop knows Loom's shortcut, but no key is set for it yet."
            fix = f"Set one in the keyboard settings of your desktop. Or: {BY_HAND}"
            self._say(False, driver.name, detail, fix, **facts)

    def _say(self, working: bool, driver: str, detail: str, fix: str, **more: bool | str) -> None:
        facts = {"combo": str(self._combo or ""), "tried": list(self._tried), **more}
        self._report = Report(working, driver, detail, fix, facts)
        if "asking" not in more:
            self._settled.set()

    def _order(self, wanted: str) -> list[str]:
        """The drivers worth trying here, the best first; why not others is noted."""
        self._tried = []
        if wanted != "auto":
            return [wanted]
        if sys.platform != "linux":
            return ["pynput"]
        if self._environ.get("WAYLAND_DISPLAY"):
            why = "On Wayland a key grab works only while an X11 window has the keyboard."
            self._tried.append({"driver": "x11", "why": why})
            return ["portal"]
        return ["x11", "portal", "pynput"] if self._environ.get("DISPLAY") else []

    def _make(self, name: str) -> Driver:
        # by name, like a catalogue: what is not used here is not imported
        module = importlib.import_module(f"loom_desktop.driver.hotkey_{name}")
        driver: Driver = module.driver(self._environ, self._key, Taken)
        return driver

    def _key(self, name: str, pressed: bool) -> None:
        if self._publish is None or self._driver is None:
            return
        if not self._report.working:  # a key was set in the desktop's own settings meanwhile
            self._bound(self._driver, "The key set in your desktop's settings")
        topic = "hotkey.pressed" if pressed else "hotkey.released"
        combo, driver = str(self._combo), self._driver.name
        self._publish(topic, name=name, combo=combo, driver=driver, at=self._clock())


source = Hotkey

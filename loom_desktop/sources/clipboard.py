"""The clipboard: says what text the person copied, and never what a password manager put there.

Publishes ``clipboard.copied`` (text, size_bytes, hash, app) and ``clipboard.cleared``, which holds
nothing: what was copied before is no longer there, or is none of our business any more (a secret,
not text, too large, empty). Off until the person switches it on.

One reading at a time: a newer copy ends the reading of an older one, whose text is then never
published. On X11 and Wayland a driver reads; on Windows and macOS the window's own clipboard does,
and hands it over with ``offer``. Nothing is written anywhere; the latest text is kept in memory for
ten minutes.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import msgspec

from loom_desktop.clock import Clock
from loom_desktop.driver.clip import Clip, Driver, Refusal, judged, secret
from loom_desktop.driver.clipboard_wayland import Wayland, missing
from loom_desktop.driver.clipboard_x11 import X11
from loom_desktop.errors import Denied, LoomError, NotUnderstood, TimedOut, Unavailable
from loom_desktop.sources import Publish, Report

_DEADLINE_S = 1.0
"""An owner that takes longer to answer is hung."""
_OPEN_S = 5.0
_AGAIN_S = 30.0
"""How often we try again where the clipboard cannot be watched."""
_SAME_S = 2.0
"""The same text again within this time is one copy: some programs copy twice."""
_KEPT_S = 600.0
_OWN_S = 10.0


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """[sources.clipboard]"""

    enabled: bool = False
    """Look at what you copy, and offer help with it."""
    max_bytes: Annotated[int, msgspec.Meta(ge=100, le=5_000_000)] = 1_000_000
    """Longer texts are left alone."""


class Clipboard:
    """What the person copies. Everything but ``run`` and ``read_once`` may be called from any
    thread."""

    origin = "clipboard"

    def __init__(
        self, settings: Settings, *, clock: Clock, environ: Mapping[str, str] = os.environ
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._environ = environ
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._publish: Publish = _nobody
        self._driver: Driver | None = None
        self._bell = asyncio.Event()
        self._switched = asyncio.Event()
        self._reading: asyncio.Timeout | None = None
        self._ended = ""
        self._paused = False
        self._offered = False
        """Something was published that nothing cleared."""
        self._latest: tuple[str, float] | None = None
        self._forgetting: asyncio.TimerHandle | None = None
        self._last: tuple[str, float] = ("", 0.0)
        self._own: dict[str, float] = {}
        self._trouble: LoomError | None = None

    async def run(self, publish: Publish) -> None:
        """Publish until cancelled. Raises Unavailable where there is no clipboard at all."""
        self._loop, self._publish = asyncio.get_running_loop(), publish
        self._trouble = None
        try:
            while True:
                self._switched.clear()
                if not self._settings.enabled:
                    await self._switched.wait()
                    continue
                ways = _ways(self._environ)
                if not ways:
                    raise _no_screen()
                await self._listen_to_one_of(ways)
        except Unavailable as error:
            self._trouble = error
            raise
        finally:
            self._publish, self._loop = _nobody, None
            self._forget()

    def report(self) -> Report:
        """Whether copies are noticed, and by which way."""
        ways = _ways(self._environ)
        driver = self._driver.name if self._driver else ways[0] if ways else ""
        facts = {
            "paused": self._paused,
            "enabled": self._settings.enabled,
            "listening": self._driver is not None,
        }
        trouble = self._trouble
        if trouble is None and driver == "wayland":
            trouble = missing(self._environ)
        if trouble is None and not ways:
            trouble = _no_screen()
        if not self._settings.enabled:
            fix = "Switch the clipboard on in the settings."
            if trouble is not None and trouble.hint:
                fix += f" {trouble.hint}"
            return Report(False, driver, "What you copy is not looked at.", fix, facts)
        if trouble is not None:
            if self._driver is None:
                return Report(False, driver, trouble.message, trouble.hint, facts)
            detail = f"{trouble.message} Only copies that reach programs for X11 are seen."
            return Report(True, driver, detail, trouble.hint, facts)
        if self._paused:
            return Report(True, driver, "Paused: nothing that you copy is read.", facts=facts)
        return Report(True, driver, _WORDS[driver], facts=facts)

    def change(self, settings: Settings) -> None:
        """From now on these settings."""
        self._settings = settings
        self._in_loop(self._switch)

    def pause(self) -> None:
        """From now on nothing is read; what is being read now is dropped."""
        self._paused = True
        self._in_loop(self._interrupt)

    def resume(self) -> None:
        """Copies count again; those made meanwhile do not."""
        self._paused = False

    def latest(self) -> tuple[str, float] | None:
        """The text copied last and when, if it is still there and not older than ten minutes."""
        if self._latest is not None and not 0 <= self._clock() - self._latest[1] < _KEPT_S:
            self._latest = None  # a clock that was set back does not make it younger
        return self._latest

    def ignore_next(self, digest: str) -> None:
        """We ourselves are about to copy the text with this SHA-256 (hex): do not offer it."""
        now = self._clock()
        with self._lock:
            self._own = {d: t for d, t in self._own.items() if 0 <= now - t < _OWN_S}
            self._own[digest] = now

    def wants(self, formats: Sequence[str]) -> bool:
        """Whether the text behind these formats may be read at all. Ask before reading it."""
        return (
            self._settings.enabled
            and not self._paused
            and not secret(formats)
            and any(name.lower().startswith(("text/plain", "utf8_string")) for name in formats)
        )

    def offer(self, formats: Sequence[str], text: str) -> None:
        """The window's clipboard changed. Where it is not wanted, the text is not looked at."""
        if self._paused:
            self._in_loop(self._clear_offered)
        elif self._settings.enabled:
            self._in_loop(self._was_offered, tuple(formats), text)

    async def read_once(self) -> str:
        """What is there now, because the person asked for it: also when switched off or paused.

        Raises what to tell the person where there is no text for us: Denied for a secret.
        """
        if (driver := self._driver) is not None:
            clip = await self._read(driver)
        else:
            ways = [way for way in _ways(self._environ) if way != "shell"]
            if not ways:
                raise Unavailable(
                    "The clipboard cannot be read from here.",
                    hint="Paste the text into the window.",
                )
            driver = self._make(ways[0])
            try:
                if ways[0] == "x11":  # the other one needs nothing open to read
                    await _opened(driver, lambda: None, lambda _: None)
                clip = await self._read(driver)
            finally:
                await driver.close()
        if clip.refused:
            raise _refusal(clip.refused, self._settings.max_bytes)
        return clip.text

    # listening, in the loop

    async def _listen_to_one_of(self, ways: Sequence[str]) -> None:
        """With the first way that works, until the settings change."""
        trouble: Unavailable | None = None
        for way in ways:
            if way == "shell":
                await self._switched.wait()
                return
            driver = self._make(way)
            try:
                self._bell.clear()
                self._ended = ""
                await _opened(driver, self._changed, self._was_ended)
                self._driver, self._trouble = driver, trouble
                await self._listen(driver)
                return
            except Unavailable as error:
                trouble = trouble or error
            finally:
                self._driver = None
                await driver.close()
        self._trouble = trouble
        if ways == ("x11",) and trouble is not None:
            raise trouble
        try:
            async with asyncio.timeout(_AGAIN_S):
                await self._switched.wait()
        except TimeoutError:
            pass

    async def _listen(self, driver: Driver) -> None:
        while not self._switched.is_set():
            await self._bell.wait()
            self._bell.clear()
            if self._ended:
                raise Unavailable(self._ended, hint="Start Loom again if this stays so.")
            if self._paused:
                self._clear_offered()
            elif not self._switched.is_set():
                clip = await self._read_unless_newer(driver)
                if clip is not None and not self._paused:
                    self._take(clip)

    async def _read_unless_newer(self, driver: Driver) -> Clip | None:
        """None when it was interrupted: by a newer copy, or by pause."""
        try:
            async with asyncio.timeout(_DEADLINE_S) as self._reading:
                clip = await driver.read(self._settings.max_bytes)
        except TimeoutError:
            clip = Clip(refused="hung")
        finally:
            self._reading = None
        return None if self._bell.is_set() else clip

    async def _read(self, driver: Driver) -> Clip:
        try:
            async with asyncio.timeout(_DEADLINE_S):
                return await driver.read(self._settings.max_bytes)
        except TimeoutError:
            return Clip(refused="hung")

    def _changed(self) -> None:
        self._interrupt()
        if self._paused:
            self._clear_offered()
        else:
            self._bell.set()

    def _was_ended(self, why: str) -> None:
        self._ended = why
        self._interrupt()
        self._bell.set()

    def _switch(self) -> None:
        self._switched.set()
        self._interrupt()
        self._bell.set()
        if not self._settings.enabled:
            self._forget()

    def _interrupt(self) -> None:
        if (reading := self._reading) is not None and not reading.expired():
            reading.reschedule(asyncio.get_running_loop().time())
            self._reading = None

    def _was_offered(self, formats: tuple[str, ...], text: str) -> None:
        if not self.wants(formats):
            self._take(Clip(refused="secret"))
        elif len(text) > self._settings.max_bytes:
            self._take(Clip(refused="too large"))
        else:
            data = text.encode(errors="surrogatepass")  # half a character is then not UTF-8
            self._take(judged(data, self._settings.max_bytes))

    # what was read

    def _take(self, clip: Clip) -> None:
        if clip.refused:
            self._clear()
            return
        now = self._clock()
        digest = hashlib.sha256(clip.text.encode()).hexdigest()
        with self._lock:
            own = 0 <= now - self._own.pop(digest, -_OWN_S) < _OWN_S
        if own:
            self._clear()
            self._keep(clip.text, now)
            return
        again = digest == self._last[0] and 0 <= now - self._last[1] < _SAME_S
        self._last = (digest, now)
        self._keep(clip.text, now)
        if again:
            return
        self._offered = True
        self._publish(
            "clipboard.copied", text=clip.text, size_bytes=clip.size_bytes, hash=digest, app=""
        )

    def _clear(self) -> None:
        self._forget()
        self._offered = False
        self._publish("clipboard.cleared")

    def _clear_offered(self) -> None:
        """Nothing is read, but what was read before is no longer what is there."""
        if self._offered:
            self._clear()
        self._forget()

    def _keep(self, text: str, now: float) -> None:
        self._latest = (text, now)
        if self._forgetting is not None:
            self._forgetting.cancel()
        self._forgetting = asyncio.get_running_loop().call_later(_KEPT_S, self._forget)

    def _forget(self) -> None:
        self._latest, self._last = None, ("", 0.0)
        if self._forgetting is not None:
            self._forgetting.cancel()
            self._forgetting = None

    def _in_loop(self, call: Callable[..., None], *arguments: Any) -> None:
        if (loop := self._loop) is not None:
            loop.call_soon_threadsafe(call, *arguments)

    def _make(self, way: str) -> Driver:
        if way == "wayland":
            return Wayland(self._environ)
        return X11(self._environ["DISPLAY"])


_WORDS = {
    "x11": "Texts that you copy are noticed at once.",
    "wayland": "Texts that you copy are noticed at once, through wl-paste.",
    "shell": "The window notices texts that you copy.",
}


def _ways(environ: Mapping[str, str]) -> tuple[str, ...]:
    """How the clipboard may be heard of here, best first."""
    if sys.platform in ("win32", "darwin"):
        return ("shell",)
    names = {"wayland": "WAYLAND_DISPLAY", "x11": "DISPLAY"}
    return tuple(way for way, name in names.items() if environ.get(name))


async def _opened(
    driver: Driver, changed: Callable[[], None], ended: Callable[[str], None]
) -> None:
    try:
        async with asyncio.timeout(_OPEN_S):
            await driver.open(changed, ended)
    except TimeoutError:
        raise Unavailable(
            "The desktop does not answer when asked for its clipboard.",
            hint="Log out and in again if this stays so.",
        ) from None


def _refusal(why: Refusal, most_bytes: int) -> LoomError:
    match why:
        case "secret":
            return Denied(
                "What you copied is marked as a secret, so it was not read.",
                hint="Type or paste it yourself where it is needed.",
            )
        case "hung":
            return TimedOut(
                "The program that you copied from does not answer.", hint="Copy the text again."
            )
        case "too large":
            return NotUnderstood(
                f"What you copied is longer than {most_bytes} bytes.",
                hint="Copy less, or raise max_bytes under [sources.clipboard] in loom.toml.",
            )
        case "not text":
            return NotUnderstood("What you copied is not text.", hint="Copy a piece of text first.")
        case _:
            return Unavailable("The clipboard is empty.", hint="Copy a piece of text first.")


def _no_screen() -> Unavailable:
    return Unavailable(
        "There is no desktop here, so there is no clipboard.",
        hint="Start Loom in a desktop session, where DISPLAY or WAYLAND_DISPLAY is set.",
    )


def _nobody(topic: str, /, **payload: Any) -> None:
    """Where events go while nobody listens."""


source = Clipboard

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from loom_desktop.driver.clip import HINT, Clip
from loom_desktop.errors import Denied, LoomError, NotUnderstood, TimedOut, Unavailable
from loom_desktop.sources import clipboard as module
from loom_desktop.sources.clipboard import Clipboard, Settings

ON = Settings(enabled=True)
X = {"DISPLAY": ":99"}


class Owner:
    """A driver whose clipboard the test owns."""

    name = "x11"

    def __init__(self) -> None:
        self.clip = Clip(refused="empty")
        self.answers = asyncio.Event()
        self.answers.set()
        self.reads = 0
        self.closed = False
        self.trouble: Unavailable | None = None
        self._changed: Callable[[], None] | None = None
        self._ended: Callable[[str], None] | None = None

    async def open(self, changed: Callable[[], None], ended: Callable[[str], None]) -> None:
        if self.trouble:
            raise self.trouble
        self._changed, self._ended = changed, ended

    async def read(self, most_bytes: int) -> Clip:
        self.reads += 1
        clip = self.clip
        await self.answers.wait()
        return clip

    async def close(self) -> None:
        self.closed = True

    def copy(self, clip: Clip | str) -> None:
        self.clip = Clip(clip, size_bytes=len(clip.encode())) if isinstance(clip, str) else clip
        assert self._changed
        self._changed()

    def end(self) -> None:
        assert self._ended
        self._ended("The screen is gone.")


class Desk:
    """A clipboard source that runs, and what it published."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, settings: Settings = ON) -> None:
        self.now = 1000.0
        self.owner = Owner()
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.clipboard = Clipboard(settings, clock=lambda: self.now, environ=X)
        monkeypatch.setattr(self.clipboard, "_make", lambda _: self.owner)

    def publish(self, topic: str, /, **payload: Any) -> None:
        self.events.append((topic, payload))

    @property
    def told(self) -> list[str]:
        """Texts that were published, and "-" for a clipboard that was cleared."""
        return [payload.get("text", "-") for _, payload in self.events]

    async def until(self, what: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not what():
                await asyncio.sleep(0.001)

    async def until_told(self, *told: str) -> None:
        try:
            await self.until(lambda: self.told == list(told))
        except TimeoutError:
            raise AssertionError(f"waited for {told}, there was {self.told}") from None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self.clipboard.run(self.publish))
            await self.until(lambda: self.clipboard._loop)
            if self.clipboard._settings.enabled:
                await self.until(lambda: self.clipboard._driver)
            try:
                yield
            finally:
                task.cancel()


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(monkeypatch)


async def test_a_copy_is_published_with_its_size_and_hash(desk: Desk) -> None:
    async with desk.running():
        desk.owner.copy("grüß")
        await desk.until_told("grüß")
    digest = hashlib.sha256("grüß".encode()).hexdigest()
    payload = {"text": "grüß", "size_bytes": 6, "hash": digest, "app": ""}
    assert desk.events == [("clipboard.copied", payload)]
    assert desk.owner.closed


@pytest.mark.parametrize("why", ["secret", "empty", "not text", "too large", "hung"])
async def test_what_is_not_for_us_only_clears(desk: Desk, why: Any) -> None:
    async with desk.running():
        desk.owner.copy("before")
        await desk.until_told("before")
        desk.owner.copy(Clip(refused=why))
        await desk.until_told("before", "-")
        assert desk.events[-1] == ("clipboard.cleared", {})
        assert desk.clipboard.latest() is None


async def test_a_hung_owner_costs_one_deadline(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_DEADLINE_S", 0.02)
    async with desk.running():
        desk.owner.answers.clear()
        desk.owner.copy("never given")
        await desk.until_told("-")
        desk.owner.answers.set()
        desk.owner.copy("next")
        await desk.until_told("-", "next")


async def test_a_newer_copy_ends_the_reading_of_the_older_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_DEADLINE_S", 60)
    async with desk.running():
        desk.owner.answers.clear()
        desk.owner.copy("older")
        await desk.until(lambda: desk.owner.reads == 1)
        desk.owner.copy("newer")
        await desk.until(lambda: desk.owner.reads == 2)
        desk.owner.answers.set()
        await desk.until_told("newer")


async def test_a_secret_copied_while_a_text_is_read_never_shows(desk: Desk) -> None:
    """The answer and the news of the newer copy come in the same moment."""
    async with desk.running():
        desk.owner.answers.clear()
        desk.owner.copy("hunter2")  # as if this were the secret's text under the old formats
        await desk.until(lambda: desk.owner.reads == 1)
        desk.owner.answers.set()
        desk.owner.copy(Clip(refused="secret"))
        await desk.until_told("-")


async def test_the_same_text_within_two_seconds_is_one_copy(desk: Desk) -> None:
    async with desk.running():
        for seconds in (0, 1.9, 1.9, 2.1):
            desk.now += seconds
            desk.owner.copy("twice")
            await desk.until(lambda: desk.clipboard.latest() == ("twice", desk.now))
            await asyncio.sleep(0)
        assert desk.told == ["twice", "twice"]
        desk.owner.copy(Clip(refused="empty"))
        await desk.until_told("twice", "twice", "-")
        desk.owner.copy("twice")
        await desk.until_told("twice", "twice", "-", "twice")


async def test_what_loom_copies_itself_is_not_offered(desk: Desk) -> None:
    digest = hashlib.sha256(b"an answer").hexdigest()
    async with desk.running():
        desk.clipboard.ignore_next(digest)
        desk.owner.copy("an answer")
        await desk.until_told("-")
        assert desk.clipboard.latest() == ("an answer", 1000.0)
        desk.now += 3
        desk.owner.copy("an answer")  # this time it was somebody else
        await desk.until_told("-", "an answer")
        desk.clipboard.ignore_next(hashlib.sha256(b"late").hexdigest())
        desk.now += 11
        desk.owner.copy("late")
        await desk.until_told("-", "an answer", "late")


async def test_while_paused_nothing_is_read_and_an_old_card_ends(desk: Desk) -> None:
    async with desk.running():
        desk.owner.copy("before")
        await desk.until_told("before")
        desk.clipboard.pause()
        reads = desk.owner.reads
        desk.owner.copy("private")
        await desk.until_told("before", "-")
        desk.owner.copy("private, too")
        desk.clipboard.offer(["text/plain"], "private as well")
        desk.clipboard.resume()
        assert desk.clipboard.latest() is None
        assert desk.owner.reads == reads
        desk.owner.copy("after")
        await desk.until_told("before", "-", "after")


async def test_pause_drops_what_is_being_read(desk: Desk) -> None:
    async with desk.running():
        desk.owner.answers.clear()
        desk.owner.copy("private")
        await desk.until(lambda: desk.owner.reads == 1)
        thread = threading.Thread(target=desk.clipboard.pause)
        thread.start()
        thread.join()
        desk.owner.answers.set()
        await desk.until(lambda: desk.clipboard._reading is None)
        await asyncio.sleep(0.01)
        assert desk.told == []


async def test_the_latest_text_is_forgotten_after_ten_minutes(desk: Desk) -> None:
    async with desk.running():
        desk.owner.copy("text")
        await desk.until_told("text")
        assert desk.clipboard.latest() == ("text", 1000.0)
        desk.now += 599
        assert desk.clipboard.latest() == ("text", 1000.0)
        desk.now += 1
        assert desk.clipboard.latest() is None
        desk.owner.copy("again")
        await desk.until_told("text", "again")
        desk.now -= 3600
        assert desk.clipboard.latest() is None, "the clock was set back"


async def test_it_is_forgotten_even_when_nobody_asks(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_KEPT_S", 0.02)
    async with desk.running():
        desk.owner.copy("text")
        await desk.until(lambda: desk.told and desk.clipboard._latest is None)


async def test_a_window_offers_from_another_thread(desk: Desk) -> None:
    offers: list[tuple[list[str], str]] = [
        (["text/plain", "text/html"], "words"),
        (["text/plain", "org.nspasteboard.ConcealedType"], "hunter2"),
        (["image/png"], "not asked for"),
        (["text/plain"], "half a \ud83d character"),
        (["text/plain"], "x" * 1_000_001),
        (["text/plain"], " "),
    ]
    async with desk.running():
        for formats, text in offers:
            thread = threading.Thread(target=desk.clipboard.offer, args=(formats, text))
            thread.start()
            thread.join()
        await desk.until_told("words", *"-----")


def test_a_window_asks_before_it_reads(desk: Desk) -> None:
    clipboard = desk.clipboard
    assert clipboard.wants(["text/plain"])
    assert not clipboard.wants(["text/plain", HINT])
    assert not clipboard.wants(["image/png"])
    clipboard.pause()
    assert not clipboard.wants(["text/plain"])
    clipboard.resume()
    clipboard.change(Settings())
    assert not clipboard.wants(["text/plain"])


async def test_switched_off_nothing_is_read_until_it_is_switched_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk(monkeypatch, Settings())
    async with desk.running():
        desk.clipboard.offer(["text/plain"], "no")
        assert not desk.clipboard.report().working
        assert "settings" in desk.clipboard.report().fix
        desk.clipboard.change(ON)
        await desk.until(lambda: desk.clipboard._driver)
        desk.owner.copy("yes")
        await desk.until_told("yes")
        desk.clipboard.change(Settings())
        await desk.until(lambda: desk.owner.closed)
        assert desk.clipboard.latest() is None
    assert desk.told == ["yes"]


@pytest.mark.parametrize(
    ("clip", "error"),
    [
        (Clip(refused="secret"), Denied),
        (Clip(refused="empty"), Unavailable),
        (Clip(refused="not text"), NotUnderstood),
        (Clip(refused="too large"), NotUnderstood),
        (Clip(refused="hung"), TimedOut),
    ],
)
async def test_asked_for_once_it_reads_or_says_why_not(
    monkeypatch: pytest.MonkeyPatch, clip: Clip, error: type[LoomError]
) -> None:
    desk = Desk(monkeypatch, Settings())
    desk.owner.clip = Clip("text")
    desk.clipboard.pause()
    assert await desk.clipboard.read_once() == "text"
    assert desk.owner.closed
    desk.owner.clip = clip
    with pytest.raises(error) as raised:
        await desk.clipboard.read_once()
    assert raised.value.hint
    assert desk.events == []


async def test_without_a_desktop_it_says_so() -> None:
    clipboard = Clipboard(ON, clock=lambda: 0, environ={})
    with pytest.raises(Unavailable, match="no desktop"):
        await clipboard.run(lambda *_, **__: None)
    report = clipboard.report()
    assert not report.working
    assert report.fix
    with pytest.raises(Unavailable):
        await clipboard.read_once()


async def test_without_wl_paste_it_says_what_to_install() -> None:
    clipboard = Clipboard(ON, clock=lambda: 0, environ={"WAYLAND_DISPLAY": "w", "PATH": "/none"})
    report = clipboard.report()
    assert not report.working
    assert report.driver == "wayland"
    assert "wl-clipboard" in report.fix


async def test_a_desktop_that_cannot_be_watched_is_told_and_tried_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_AGAIN_S", 0.02)
    monkeypatch.setattr(module, "missing", lambda _: None)
    desk.clipboard._environ = {"WAYLAND_DISPLAY": "wayland-9"}
    desk.owner.trouble = Unavailable("It does not let us.", hint="Use the menu.")
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(desk.clipboard.run(desk.publish))
        await desk.until(lambda: desk.clipboard.report().detail == "It does not let us.")
        assert not desk.clipboard.report().working
        assert desk.clipboard.report().fix == "Use the menu."
        desk.clipboard.offer(["text/plain"], "from the window")
        await desk.until_told("from the window")
        desk.owner.trouble = None
        await desk.until(lambda: desk.clipboard.report().working)
        task.cancel()


async def test_when_the_screen_goes_the_source_says_so(desk: Desk) -> None:
    async def until_it_ends() -> None:
        async with desk.running():
            desk.owner.end()
            await asyncio.sleep(5)

    with pytest.raises(ExceptionGroup) as raised:
        await until_it_ends()
    assert raised.group_contains(Unavailable, match="screen is gone")
    assert not desk.clipboard.report().working

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from loom_desktop import Event, Loom, Offer
from loom_desktop.runtime import notifications as module
from loom_desktop.settings import Attention, Settings
from loom_desktop.testing import loom_for_tests
from tests.fake_desktop import FakeDesktop
from tests.screen import Screen

x11 = pytest.mark.x11  # for the private bus
CAUSE = Event(topic="timer.due", origin=frozenset({"schedule", "user-typed"}))
REMINDER = Offer(
    kind="reminder", title="call Anna", text="today at 9:00", expires_s=0,
    actions=(("done", "Done"), ("snooze", "In 10 minutes"), ("hour", "In an hour")),
)  # fmt: skip
SUGGESTION = Offer(
    title="Move a.pdf?", text="It is an invoice", actions=(("move", "Move"),), key="k"
)


@asynccontextmanager
async def notifying(folder: Path, *, desktop: bool = False, on: bool = True) -> AsyncIterator[Loom]:
    settings = Settings(attention=Attention(quiet_hours="", notifications=on))
    async with loom_for_tests(
        folder, settings=settings, desktop=desktop, listening=True
    ) as loom:  # fmt: skip
        yield loom


@pytest.fixture
async def desk(bare_screen: Screen, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeDesktop]:
    address = bare_screen.env["DBUS_SESSION_BUS_ADDRESS"]
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    async with FakeDesktop(address, ("notifications",)) as desk:
        yield desk


async def until(true: Callable[[], Any], what: str) -> None:
    try:
        async with asyncio.timeout(10):
            while not true():
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"no {what}") from None


def shown(desk: FakeDesktop) -> list[dict[str, Any]]:
    return [one for one in desk.notifications_daemon.all.values() if one["open"]]


@x11
async def test_a_reminder_can_be_answered_on_its_notification(
    tmp_path: Path, desk: FakeDesktop
) -> None:
    async with notifying(tmp_path) as loom:
        number = await loom.desk.offer(REMINDER, agent="somebody", cause=CAUSE)
        await until(lambda: shown(desk), "notification")
        (one,) = shown(desk)
        assert (one["title"], one["body"], one["urgency"]) == ("call Anna", "today at 9:00", 2)
        assert list(one["buttons"].values())[-3:] == ["Done", "In 10 minutes", "In an hour"]
        answers: list[Event] = []
        loom.bus.subscribe("card.answered.>", answers.append)
        await desk.press("In 10 minutes")
        await until(lambda: answers, "answer")
        assert answers[0].payload["action"] == "snooze"
        assert answers[0].payload["door"] == "notification"
        assert (await loom.store.cards.get(number)).state == "answered"


@x11
async def test_a_press_that_comes_together_with_the_reply_is_heard(
    tmp_path: Path, desk: FakeDesktop
) -> None:
    async with notifying(tmp_path) as loom:
        desk.notifications_daemon.press_at_once = "In 10 minutes"
        answers: list[Event] = []
        loom.bus.subscribe("card.answered.>", answers.append)
        await loom.desk.offer(REMINDER, agent="somebody", cause=CAUSE)
        await until(lambda: answers, "answer")


@x11
async def test_a_notification_declines_and_never_approves(
    tmp_path: Path, desk: FakeDesktop
) -> None:
    async with notifying(tmp_path) as loom:
        number = await loom.desk.offer(SUGGESTION, agent="downloads", cause=CAUSE)
        await until(lambda: shown(desk), "notification")
        (one,) = shown(desk)
        assert "Move" not in one["buttons"].values()
        await desk.press("Not now")
        await until(lambda: not loom.status._questions, "answer")
        async with asyncio.timeout(10):
            while (await loom.store.cards.get(number)).state == "open":
                await asyncio.sleep(0.005)
        assert (await loom.store.cards.get(number)).state == "declined"


@x11
async def test_with_a_window_only_what_was_asked_for_is_notified(
    tmp_path: Path, desk: FakeDesktop
) -> None:
    async with notifying(tmp_path, desktop=True) as loom:
        await loom.desk.offer(SUGGESTION, agent="downloads", cause=CAUSE)
        await loom.desk.offer(REMINDER, agent="somebody", cause=CAUSE)
        await until(lambda: shown(desk), "notification")
        assert [one["title"] for one in shown(desk)] == ["call Anna"]


@x11
async def test_the_card_and_its_notification_go_together(tmp_path: Path, desk: FakeDesktop) -> None:
    async with notifying(tmp_path) as loom:
        number = await loom.desk.offer(REMINDER, agent="somebody", cause=CAUSE)
        await until(lambda: shown(desk), "notification")
        await loom.desk.answer(number, "done")
        await until(lambda: not shown(desk), "end of it")


@x11
async def test_a_card_that_was_answered_at_once_leaves_no_notification(
    tmp_path: Path, desk: FakeDesktop
) -> None:
    async with notifying(tmp_path) as loom:
        number = await loom.desk.offer(REMINDER, agent="somebody", cause=CAUSE)
        await loom.desk.answer(number, "done")
        all_ = desk.notifications_daemon.all
        await until(lambda: all_ and not shown(desk), "notification that goes again")


@x11
async def test_text_from_outside_is_no_markup(tmp_path: Path, desk: FakeDesktop) -> None:
    offer = Offer(title="<b>a</b>.pdf", text='<img src="file:///etc/x"> & <a href="x">b</a>')
    async with notifying(tmp_path) as loom:
        await loom.desk.offer(offer, agent="downloads", cause=CAUSE)
        await until(lambda: shown(desk), "notification")
        (one,) = shown(desk)
        assert one["title"] == "<b>a</b>.pdf", "a title is plain in every daemon"
        assert one["body"] == '&lt;img src="file:///etc/x"&gt; &amp; &lt;a href="x"&gt;b&lt;/a&gt;'


@x11
async def test_a_daemon_without_buttons_gets_none(tmp_path: Path, desk: FakeDesktop) -> None:
    await desk.show_buttons(False)
    async with notifying(tmp_path) as loom:
        await loom.desk.offer(REMINDER, agent="somebody", cause=CAUSE)
        await until(lambda: shown(desk), "notification")
        assert "Done" not in shown(desk)[0]["buttons"].values()


@x11
async def test_switched_off_is_off(tmp_path: Path, desk: FakeDesktop) -> None:
    async with notifying(tmp_path, on=False) as loom:
        await loom.desk.offer(REMINDER, agent="somebody", cause=CAUSE)
        await loom.supervisor.settled(5)
        assert not desk.notifications_daemon.all


class Daemon:
    """Stands for desktop_notifier: fails as often as it is told."""

    def __init__(self, fails: int) -> None:
        self.fails, self.tries, self.sent = fails, 0, list[str]()

    def __call__(self, app_name: str, app_icon: object = None) -> "Daemon":
        return self

    async def get_capabilities(self) -> frozenset[Any]:
        self.tries += 1
        if self.tries <= self.fails:
            raise OSError("no bus")
        return frozenset()

    async def send(self, *, title: str, **more: Any) -> str:
        self.sent.append(title)
        return title

    async def clear(self, sent: str) -> None:
        raise OSError("gone")


async def test_nobody_there_costs_nothing_and_is_tried_again_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = Daemon(fails=1)
    monkeypatch.setattr("desktop_notifier.DesktopNotifier", daemon)
    async with notifying(tmp_path) as loom:
        await loom.desk.offer(REMINDER, agent="a", cause=CAUSE)
        await until(lambda: daemon.tries == 1, "try")
        await asyncio.sleep(0.01)
        await loom.desk.offer(REMINDER, agent="b", cause=CAUSE)
        await asyncio.sleep(0.01)
        assert daemon.tries == 1, "it is left alone for a while"
        assert len(await loom.call("cards")) == 2, "the inbox has them"
        assert loom.notifications is not None
        assert (loom.notifications.trouble, loom.notifications.sent) == ("no bus", 0)
    monkeypatch.setattr(module, "_REST_S", 0.0)
    daemon = Daemon(fails=1)
    monkeypatch.setattr("desktop_notifier.DesktopNotifier", daemon)
    (tmp_path / "b").mkdir()
    async with notifying(tmp_path / "b") as loom:
        await loom.desk.offer(REMINDER, agent="a", cause=CAUSE)
        await until(lambda: daemon.tries == 1, "try")
        await asyncio.sleep(0.01)
        number = await loom.desk.offer(REMINDER, agent="b", cause=CAUSE)
        await until(lambda: daemon.sent, "notification")
        assert loom.notifications is not None
        await until(lambda: loom.notifications.sent == 1, "count")  # type: ignore[union-attr]
        assert loom.notifications.trouble == "", "it is over"
        await loom.desk.answer(number, "done")

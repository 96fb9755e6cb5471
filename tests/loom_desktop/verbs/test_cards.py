import asyncio
from pathlib import Path

import pytest

from loom_desktop import Event, Offer
from loom_desktop.errors import NotFound
from loom_desktop.settings import Attention, Settings
from loom_desktop.testing import loom_for_tests, next_event

CAUSE = Event(topic="file.created", origin=frozenset({"file"}))
QUIET = Settings(attention=Attention(quiet_hours=""))


async def test_the_inbox_holds_cards_and_acts_and_finds_them(tmp_path: Path) -> None:
    for name in ("in", "home"):
        (tmp_path / name).mkdir()
    (tmp_path / "in/song.mp3").write_bytes(b"ID3\x04" + bytes(200))
    async with loom_for_tests(tmp_path / "home", settings=QUIET) as loom:
        await loom.desk.offer(Offer(title="Summarise?", text="400 words"), agent="a", cause=CAUSE)
        done = await loom.call("organize", paths=[str(tmp_path / "in")], apply=True)
        items = await loom.call("inbox")
        assert {item["kind"] for item in items} == {"card", "action"}
        (act,) = await loom.call("inbox", kind="action")
        assert act["undo"] == done["undo"] == act["id"]
        assert [one["title"] for one in await loom.call("inbox", query="summ")] == ["Summarise?"]
        await loom.call("undo")
        assert (await loom.call("inbox", kind="action"))[0]["undo"] == 0


async def test_never_for_this_can_be_taken_back(tmp_path: Path) -> None:
    offer = Offer(title="Summarise?", key="copy")
    async with loom_for_tests(tmp_path, settings=QUIET) as loom:
        card = await loom.desk.offer(offer, agent="clipboard", cause=CAUSE)
        await loom.call("never_for_this", card=card)
        (never,) = await loom.call("nevers")
        assert (never["agent"], never["what"]) == ("clipboard", "copy")
        assert await loom.desk.offer(offer, agent="clipboard", cause=CAUSE) == 0
        assert (await loom.call("offer_again", agent="clipboard", what="copy"))["removed"]
        assert await loom.desk.offer(offer, agent="clipboard", cause=CAUSE)


async def test_why_goes_from_the_cause_to_the_effect(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path, settings=QUIET) as loom:
        offered = loom.tasks.run("wait", next_event(loom, "card.offered"))
        await asyncio.sleep(0)
        publish = loom.outside.publisher("clipboard", "clipboard")
        publish("clipboard.copied", text="word " * 100, size_bytes=500, hash="0" * 64, app="")
        card = (await offered).payload["card"]
        chain = await loom.call("why", card=card["id"])
        assert [one["topic"] for one in chain] == ["clipboard.copied", "card.offered"]
        with pytest.raises(NotFound):
            await loom.call("why", event=5)

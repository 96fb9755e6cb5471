import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest

from loom_desktop import Event, Loom
from loom_desktop.settings import Attention, Settings
from loom_desktop.testing import loom_for_tests, next_event

QUIET = Settings(attention=Attention(quiet_hours="", cards_per_hour=100))
GERMAN = "Der Regen fiel die ganze Woche und der Fluss stieg weiter an. " * 12


async def copy(loom: Loom, text: str) -> Event:
    """Copy it, and return when the agent is through with it."""
    publish = loom.outside.publisher("clipboard", "clipboard")
    digest = hashlib.sha256(text.encode()).hexdigest()
    publish("clipboard.copied", text=text, size_bytes=len(text), hash=digest, app="")
    await loom.supervisor.settled(5)
    return Event(topic="")


async def titles(loom: Loom) -> list[str]:
    return [f"{card['title']} {card['text']}" for card in await loom.call("cards")]


async def test_a_long_copy_offers_a_summary_and_says_why(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path, settings=QUIET) as loom:
        await copy(loom, GERMAN)
        (card,) = await loom.call("cards")
        assert card["title"] == "Summarise what you copied?"
        assert card["text"] == "144 words in German"
        assert "144 words" in card["why"]
        assert card["origin"] == ["clipboard"]
        assert "Regen" not in str(card), "the card holds a hash, and nothing of the text"


@pytest.mark.parametrize(("words", "offered"), [(79, False), (80, True)])
async def test_a_short_copy_is_left_alone(tmp_path: Path, words: int, offered: bool) -> None:
    async with loom_for_tests(tmp_path, settings=QUIET) as loom:
        await copy(loom, "word " * words)
        assert bool(await titles(loom)) is offered


async def test_words_are_counted_where_no_spaces_are_written(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path, settings=QUIET) as loom:
        await copy(loom, "昨夜河水上涨，到了早晨，低处的田地都被淹没了。人们把家具搬到楼上。" * 8)
        (card,) = await loom.call("cards")
        assert card["text"].endswith("in Chinese")


async def test_the_card_ends_with_what_it_was_about(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path, settings=QUIET) as loom:
        await copy(loom, GERMAN)
        await copy(loom, GERMAN + "Ende.")
        assert len(await titles(loom)) == 1, "one card, for what was copied last"
        await copy(loom, "short")
        assert not await titles(loom)
        await copy(loom, GERMAN)
        loom.outside.publisher("clipboard", "clipboard")("clipboard.cleared")
        await loom.supervisor.settled(5)
        assert not await titles(loom)


class Board:
    origin = "clipboard"
    text: str | None = GERMAN

    async def run(self, publish: Any) -> None:
        """Nothing to listen to."""

    def report(self) -> None:
        """Nothing to say."""

    def latest(self) -> tuple[str, float] | None:
        return (self.text, 0.0) if self.text else None

    async def read_once(self) -> str | None:
        return self.text


@pytest.mark.parametrize(
    ("now", "topic"), [(GERMAN, "chat.answered"), ("else", "chat.failed"), (None, "chat.failed")]
)
async def test_yes_answers_in_a_conversation_if_it_is_still_there(
    tmp_path: Path, now: str | None, topic: str
) -> None:
    board = Board()
    board.text = now
    async with loom_for_tests(tmp_path, settings=QUIET) as loom:
        loom.outside.sources.add("clipboard", lambda: board)
        await copy(loom, GERMAN)
        (card,) = await loom.call("cards")
        popup = loom.tasks.run("wait", next_event(loom, "popup.requested"))
        over = loom.tasks.run("wait", next_event(loom, topic))
        await asyncio.sleep(0)
        await loom.call("answer", card=card["id"], action="summarise", door="window")
        said = await over
        assert (await popup).payload["conversation"] == said.payload["turn"]
        assert "clipboard" in said.origin
        if topic == "chat.answered":
            assert "Regen" in said.payload["text"]
        else:
            assert said.payload["hint"]

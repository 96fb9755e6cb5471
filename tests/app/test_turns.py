from __future__ import annotations

from app.turns import LONGEST_TURN, MOST_TURNS, Turns
from loom_desktop.event import Event


def piece(text: str) -> Event:
    return Event(topic="chat.streamed", payload={"text": text})


def test_what_came_before_joining_is_kept_in_order_and_given_once() -> None:
    turns, end = Turns(), Event(topic="chat.answered", payload={"text": "ab"})
    turns.asked(1, "Q")
    turns.keep(1, piece("a"))
    turns.keep(1, piece("b"))
    turns.keep(1, end)
    kept = turns.take(1)
    assert kept is not None
    assert (kept.question, kept.pieces, kept.end) == ("Q", ["a", "b"], end)
    assert turns.take(1) is None


def test_only_the_newest_are_kept_and_none_grows_without_end() -> None:
    turns = Turns()
    for turn in range(MOST_TURNS + 5):
        turns.keep(turn, piece("x"))
    assert turns.take(0) is None
    for _ in range(10):
        turns.keep(MOST_TURNS, piece("x" * (LONGEST_TURN // 4)))
    kept = turns.take(MOST_TURNS)
    assert kept is not None
    assert kept.size <= LONGEST_TURN * 1.25 + 1

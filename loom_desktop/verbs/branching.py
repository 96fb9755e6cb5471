"""Going back in a conversation: a branch from a turn, a question in other words or once more.

What there was stays as it is: what is asked anew is asked in a branch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loom_desktop.errors import NotFound, UsageError
from loom_desktop.verbs.asking import checked, put
from loom_desktop.verbs.conversations import unknown

if TYPE_CHECKING:
    from loom_desktop.loom import Loom
    from loom_desktop.store.conversations import Message


async def branch(loom: Loom, conversation: int, turn: int = 0) -> dict[str, int]:
    """A new conversation with all that was said up to and with this turn; 0: the last one."""
    said = await _said(loom, conversation)
    turn = turn or said[-1].turn
    _in(said, turn)
    if turn in loom.status.turns:
        raise UsageError("That is still being answered.", hint="Wait for its end, or stop it.")
    return {"conversation": await _branch(loom, conversation, turn, turn)}


async def edit(
    loom: Loom,
    conversation: int,
    text: str,
    files: list[str] | None = None,
    turn: int = 0,
    door: str = "window",
) -> dict[str, int]:
    """Ask the question of this turn in other words, in a branch that ends before it; 0: the last
    question. Its files come along, and ``files`` with them. The answer comes as ``chat`` events.

    Other words are seldom all other words: the new question has the labels of the old one, too.
    """
    said = await _said(loom, conversation)
    turn = turn or _last_question(said)
    question = _question(said, turn)
    before = await _asked(loom, conversation, turn)
    before["files"] = checked(loom, text, [*before["files"], *(files or ())])
    branch = await _branch(loom, conversation, turn, turn - 1)
    return put(
        loom, text, conversation=branch, door=door, also=question.origin,
        privacy=question.privacy, **before,
    )  # fmt: skip


async def retry(
    loom: Loom, conversation: int, turn: int = 0, model: str = "", door: str = "window"
) -> dict[str, int]:
    """Ask the question of this turn once more, in a branch that ends before it; 0: the last one.

    ``model``: the one of that name in loom.toml is to answer, and no other. What was in somebody
    else's words stays in theirs: the question keeps its labels.
    """
    if model and model not in loom.settings.llm:
        there = ", ".join(loom.settings.llm) or "none"
        raise NotFound(f"There is no model {model!r} in loom.toml.", hint=f"There are: {there}.")
    said = await _said(loom, conversation)
    turn = turn or _last_question(said)
    question = _question(said, turn)
    before = await _asked(loom, conversation, turn)
    checked(loom, question.text, before["files"])
    branch = await _branch(loom, conversation, turn, turn - 1)
    return put(
        loom, question.text, conversation=branch, door=door, model=model, also=question.origin,
        privacy=question.privacy, **before,
    )  # fmt: skip


async def _said(loom: Loom, conversation: int) -> list[Message]:
    await loom.recorder.settled()
    said = await loom.store.conversations.messages(conversation, limit=1_000_000)
    if not said:
        raise unknown(conversation)
    return said


def _in(said: list[Message], turn: int) -> None:
    if all(one.turn != turn for one in said):
        raise NotFound(
            f"There is no turn {turn} in that conversation.",
            hint=f"See: loom conversations show {said[0].conversation}",
        )


def _question(said: list[Message], turn: int) -> Message:
    _in(said, turn)
    question = next((one for one in said if one.turn == turn and one.role == "user"), None)
    if question is None:
        raise UsageError("Nothing was asked in that turn.", hint="Choose one with a question.")
    return question


def _last_question(said: list[Message]) -> int:
    """One with an answer, if there is any: what was only said in between was no question."""
    asked = [one.turn for one in said if one.role == "user"]
    if not asked:
        raise UsageError("Nothing was asked in that conversation.", hint="Ask something.")
    answered = {one.turn for one in said if one.role == "assistant"}
    return next((turn for turn in reversed(asked) if turn in answered), asked[-1])


async def _asked(loom: Loom, conversation: int, turn: int) -> dict[str, Any]:
    """What was handed over with the question of a turn, as long as the journal knows it. In a
    branch it is the turn that the copy was made from."""
    about = await loom.store.conversations.provenance(conversation)
    event = await loom.store.journal.event(about.copies.get(turn, turn))
    said = event.payload if event is not None and event.topic == "chat.asked" else {}
    return {key: said.get(key, empty) for key, empty in (("files", []), ("clip", ""), ("way", ""))}


async def _branch(loom: Loom, conversation: int, turn: int, upto: int) -> int:
    made = await loom.store.conversations.branch(conversation, upto)
    loom.publisher("door", origin="user-typed")(
        "conversation.branched", thread=made, conversation=made, parent=conversation, turn=turn
    )
    return made

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from loom_desktop.errors import NotUnderstood
from loom_desktop.text import transcripts
from loom_desktop.text.transcripts import (
    LATEST,
    Message,
    Transcript,
    from_json,
    from_markdown,
    to_json,
    to_markdown,
)

WORDS = st.text(max_size=200)
HARD = st.sampled_from(
    ["# You", "## Loom", "```", "~~~~\n", "> quoted", "<!--", "-->", "---", "\n\n", "  ", "* x",
     "<!-- Loom conversation, version 1, loom:1 -->", "*2026-11-20 08:00:00 UTC*", "\r\n", "    x",
     "</details>", "\u2028", "\x85", "[a](b)"]
)  # fmt: skip
TEXTS = st.lists(st.one_of(WORDS, HARD), max_size=6).map("\n".join)
NUMBERS = st.floats(0, 1e6)
MESSAGES = st.builds(
    Message,
    role=st.sampled_from(["user", "assistant"]),
    text=TEXTS,
    time=st.floats(0, LATEST),
    route=st.text(max_size=40),
    model=st.text(max_size=40),
    seconds=NUMBERS,
    cost=st.one_of(st.just(-1.0), NUMBERS),
    state=st.sampled_from(["done", "failed", "cancelled", "interrupted", "streaming"]),
    origin=st.lists(
        st.sampled_from(["user-typed", "file", "mcp:a/b", "tool:x.y"]), unique=True
    ).map(tuple),
    privacy=st.sampled_from(["public", "sensitive", "private", "local-only"]),
)
TRANSCRIPTS = st.lists(
    st.builds(
        Transcript,
        title=st.one_of(st.text(max_size=60), HARD),
        service=st.sampled_from(["loom", "chatgpt", "claude"]),
        id=st.from_regex(r"\A[A-Za-z0-9._:-]{0,40}\Z"),
        messages=st.lists(MESSAGES, min_size=1, max_size=4).map(tuple),
    ),
    min_size=1,
    max_size=3,
)


@given(TRANSCRIPTS)
def test_json_loses_nothing(said: list[Transcript]) -> None:
    assert from_json(to_json(said)) == said


@given(TRANSCRIPTS)
def test_markdown_gives_back_all_that_it_says_it_holds(said: list[Transcript]) -> None:
    """What it does not hold is in the docstring of the module, and here."""

    def held(message: Message) -> Message:
        text = message.text.replace("\r\n", "\n").replace("\r", "\n")
        time = int(datetime.fromtimestamp(message.time, UTC).timestamp())
        return Message(
            role=message.role,
            text=text,
            time=float(time),
            route=" ".join(message.route.replace("`", "'").split()),
            seconds=float(f"{message.seconds:.1f}"),
            cost=float(f"{message.cost:.4f}") if message.cost >= 0 else -1.0,
            state=message.state,
        )

    assert from_markdown(to_markdown(said)) == [
        replace(
            one,
            title=" ".join(one.title.split()) or "Without a title",
            messages=tuple(map(held, one.messages)),
        )
        for one in said
    ]


TALK = Transcript(
    title="Tea & *cake*",
    id="7",
    messages=(
        Message(role="user", text="How?\n\n# Loud", time=1_795_161_615.25),
        Message(
            role="assistant",
            text="Like this:\n```python\nboil()",  # a fence that nobody closed
            time=1_795_161_616.0,
            route="cloud · deepseek-chat",
            model="deepseek-chat",
            seconds=1.26,
            cost=0.00123,
            state="cancelled",
        ),
    ),
)


def test_markdown_reads_well_and_nothing_in_a_message_reaches_beyond_it() -> None:
    assert (
        to_markdown([TALK])
        == """\
<!-- Loom conversation, version 1, loom:7 -->
# Tea \\& \\*cake\\*

## You

*2026-11-20 08:00:15 UTC*

> How?
>
> # Loud

## Loom

*2026-11-20 08:00:16 UTC · `cloud · deepseek-chat` · 1.3 s · $0.0012 · cancelled*

> Like this:
> ```python
> boil()
"""
    )


def test_markdown_that_a_person_went_over_is_still_read() -> None:
    text = to_markdown([TALK]).replace("\n", "\r\n").replace(", loom:7", "")
    text = text.replace("*2026-11-20 08:00:15 UTC*\r\n", "")
    (read,) = from_markdown(text)
    assert (read.id, read.messages[0].time) == ("", 0.0)
    assert [one.text for one in read.messages] == [one.text for one in TALK.messages]


def without(key: str) -> Callable[[Any], None]:
    return lambda file: file["conversations"][0].pop(key)


def message(**more: Any) -> Callable[[Any], None]:
    return lambda file: file["conversations"][0]["messages"][0].update(more)


def conversation(**more: Any) -> Callable[[Any], None]:
    return lambda file: file["conversations"][0].update(more)


def top(**more: Any) -> Callable[[Any], None]:
    return lambda file: file.update(more)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (top(version=2), "version 2 of Loom's format; this Loom knows version 1"),
        (top(version="one"), "not what Loom writes"),
        (top(format="other"), "not what Loom writes"),
        (top(more=1), "not what Loom writes"),
        (top(conversations={}), "not what Loom writes"),
        (top(conversations=[1]), "Conversation 1 cannot be read"),
        (without("title"), "Conversation 1 cannot be read: .*title"),
        (without("messages"), "nothing was said in it"),
        (conversation(title="x" * 401), "title is longer than 400"),
        (conversation(service="other"), "Invalid enum value 'other'"),
        (conversation(id="a b"), "its id is none"),
        (conversation(id="x" * 101), "its id is none"),
        (message(role="system"), "Invalid enum value 'system'"),
        (message(text=None), "Expected `str`, got `null`"),
        (message(more="x"), "unknown field `more`"),
        (message(time=-1.0), "message 1 is of no time"),
        (message(time=1e300), "message 1 is of no time"),
        (message(seconds=-1), "cannot be"),
        (message(cost=1e12), "cannot be"),
        (message(route="x" * 201), "at too great a length"),
        (message(origin=["a b"]), "a label that is none"),
        (message(origin=["a"] * 101), "a label that is none"),
        (message(privacy="secret"), "Invalid enum value 'secret'"),
        (message(state="thinking"), "Invalid enum value 'thinking'"),
    ],
)
def test_json_that_is_wrong_is_told_and_where(spoil: Callable[[Any], None], told: str) -> None:
    file = json.loads(to_json([TALK]))
    spoil(file)
    with pytest.raises(NotUnderstood, match=told) as error:
        from_json(json.dumps(file).encode())
    assert error.value.hint


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("<!-- Loom conv", "<!-- A conv", "not a conversation that Loom wrote"),
        ("<!--", "Hello\n<!--", "not a conversation that Loom wrote"),
        ("version 1", "version 2", "Line 1 says that it is of version 2"),
        ("loom:7", "bing:7", "Line 1 is no beginning"),
        ("# Tea", "Tea", "Line 2 should be the title"),
        ("## You", "## Me", "Line 4 is neither quoted"),
        ("## You", "You", "Line 4 is neither quoted"),
        ("*2026-11-20 08:00:15 UTC*", "*yesterday*", "Line 6 does not say time"),
        ("2026-11-20 08:00:15", "2026-02-30 08:00:15", "Line 6 names a day"),
        ("2026-11-20 08:00:15", "2026-11-20 08:61:15", "Line 6 names a day"),
        ("> How?\n>\n> # Loud\n", "", "Line 9 should be what was said"),
        ("> # Loud", "# Loud", "Line 10 is neither quoted"),
        ("> boil()", "boil()", "Line 18 is neither quoted"),
        ("## ", "", "Line 4"),
    ],
)
def test_markdown_that_is_wrong_is_told_with_its_line(old: str, new: str, told: str) -> None:
    text = to_markdown([TALK])
    assert old in text
    with pytest.raises(NotUnderstood, match=told) as error:
        from_markdown(text.replace(old, new, 1))
    assert error.value.hint


@pytest.mark.parametrize(
    ("limit", "most", "told"),
    [
        ("MOST_CONVERSATIONS", 1, "more than 1 conversations"),
        ("MOST_MESSAGES", 1, "more than 1 messages"),
        ("MOST_CHARACTERS", 5, "message 1 is longer than 5"),
    ],
)
def test_what_is_beyond_a_limit_is_told(
    limit: str, most: int, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, text = to_json([TALK, TALK]), to_markdown([TALK, TALK])
    monkeypatch.setattr(transcripts, limit, most)
    with pytest.raises(NotUnderstood, match=told):
        from_json(data)
    with pytest.raises(NotUnderstood, match=told):
        from_markdown(text)

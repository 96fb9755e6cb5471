from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.llm import Call, Delta, Finish, Text, Thinking, ToolCall, Usage, calls


def test_a_call_is_put_together_from_its_pieces() -> None:
    pieces = [
        ToolCall(index=0, id="a", name="find", arguments='{"ti'),
        ToolCall(index=1, id="b", name="move"),
        ToolCall(index=0, arguments='tle": 1}'),
    ]
    assert calls(pieces) == [
        Call(id="a", name="find", arguments='{"title": 1}'),
        Call(id="b", name="move", arguments="{}"),
    ]


def test_a_call_without_an_id_gets_one() -> None:
    assert calls([ToolCall(index=3, name="x")])[0].id == "call_3"


@given(st.text(max_size=40), st.lists(st.integers(1, 7), max_size=10))
def test_no_cut_changes_the_arguments(arguments: str, sizes: list[int]) -> None:
    pieces, rest = [ToolCall(index=0, id="i", name="n")], arguments
    for size in sizes:
        pieces.append(ToolCall(index=0, arguments=rest[:size]))
        rest = rest[size:]
    pieces.append(ToolCall(index=0, arguments=rest))
    assert calls(pieces)[0].arguments == (arguments or "{}")


@pytest.mark.parametrize(
    "delta", [Text("a"), Thinking("b"), ToolCall(index=0), Usage(1, 2), Finish("stop")]
)
def test_every_piece_survives_a_journey_as_json(delta: Delta) -> None:
    assert msgspec.json.decode(msgspec.json.encode(delta), type=Delta) == delta

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.cognition.written import Piece, Written, call_of, manual, repaired
from loom_desktop.llm import Tool

CALL = '{"name": "find", "arguments": {"q": "a"}}'


def split(text: str, size: int = 10**9) -> list[Piece]:
    written, pieces = Written(), list[Piece]()
    for start in range(0, len(text), size):
        pieces += written.feed(text[start : start + size])
    pieces += written.end()
    joined: list[Piece] = []
    for one in pieces:  # text may come in any pieces
        if one.kind == "text" and joined and joined[-1].kind == "text":
            joined[-1] = Piece("text", joined[-1].text + one.text)
        else:
            joined.append(one)
    return joined


FORMS: dict[str, tuple[str, list[Piece]]] = {
    "plain": ("Hello < ` there", [Piece("text", "Hello < ` there")]),
    "hermes": (
        f"I look.<tool_call>\n{CALL}\n</tool_call>",
        [Piece("text", "I look."), Piece("call", CALL)],
    ),
    "fenced": (f"```tool\n{CALL}\n```\nDone", [Piece("call", CALL), Piece("text", "\nDone")]),
    "fenced, longer": (f"```tool_call\n{CALL}\n```", [Piece("call", CALL)]),
    "llama": ('<function=find>{"q": "a"}</function>', [Piece("call", '{"q": "a"}', "find")]),
    "two": (
        f"<tool_call>{CALL}</tool_call><tool_call>{CALL}</tool_call>",
        [Piece("call", CALL)] * 2,
    ),
    "other code": ("```python\nx\n```", [Piece("text", "```python\nx\n```")]),
    "a tool's code": ("```toolbox\nx\n```", [Piece("text", "```toolbox\nx\n```")]),
    "without its end": (f"<tool_call>{CALL}", [Piece("call", CALL)]),
    "an end that is no mark": ("Use <tool", [Piece("text", "Use <tool")]),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 10**9])
def test_calls_are_found_in_whatever_pieces_they_come(form: str, size: int) -> None:
    text, expected = FORMS[form]
    assert split(text, size) == expected


@given(st.text(alphabet="<`tol_cal/funi=> \n{}x", max_size=80), st.integers(1, 9))
def test_nothing_is_lost_and_the_pieces_do_not_matter(text: str, size: int) -> None:
    assert split(text, size) == split(text)
    assert all(one.text for one in split(text) if one.kind == "text")


@given(st.text(max_size=80).filter(lambda text: "<" not in text and "`" not in text))
def test_text_without_marks_is_passed_on_at_once(text: str) -> None:
    written = Written()
    assert "".join(one.text for one in written.feed(text)) == text
    assert list(written.end()) == []


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('{"a": 1}', {"a": 1}),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ('{"a": [1, 2,],}', {"a": [1, 2]}),
        ('{"a": ", }",}', {"a": ", }"}),
        ("{'a': True, 'b': None}", {"a": True, "b": None}),
        ('{"a": {"b": [1, 2', {"a": {"b": [1, 2]}}),
        ('{"a": "b"', {"a": "b"}),
        ('{"a": "b\\"', None),
        ('{"a": "/home/x/impor', None),
        ('{"a": ', None),
        ('{"a": 1]', None),
        ("[1]", None), ("7", None), ("", None), ("{1: 2}", None), ("[" * 5_000, None),
        ('{"a": 1} and more', None), ("__import__('os')", None), ("{" * 100_000, None),
    ],
)  # fmt: skip
def test_punctuation_is_repaired_and_nothing_that_is_not_certain(text: str, meant: Any) -> None:
    assert repaired(text) == meant


_PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
_OBJECTS = st.dictionaries(
    st.text(max_size=5),
    st.recursive(
        _PLAIN,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        ),
    ),
    max_size=4,
)


@given(_OBJECTS, st.integers(0, 200))
def test_what_was_cut_off_is_whole_or_none(meant: dict[str, Any], at: int) -> None:
    text = json.dumps(meant)
    assert repaired(text[:at], cut=True) == (meant if at >= len(text) else None)


@given(_OBJECTS, st.integers(0, 3))
def test_brackets_that_the_model_forgot_are_closed(meant: dict[str, Any], forgot: int) -> None:
    text = json.dumps(meant)
    end = len(text) - min(forgot, len(text) - len(text.rstrip("]}")))
    assert repaired(text[:end]) == meant


@pytest.mark.parametrize(
    ("piece", "call"),
    [
        (Piece("call", CALL), ("find", {"q": "a"})),
        (Piece("call", '{"q": "a"}', "find"), ("find", {"q": "a"})),
        (Piece("call", '{"tool": "find", "parameters": {"q": "a"}}'), ("find", {"q": "a"})),
        (
            Piece("call", '{"name": "find", "arguments": "{\\"q\\": \\"a\\"}"}'),
            ("find", {"q": "a"}),
        ),
        (Piece("call", '{"name": "find"}'), ("find", {})),
        (Piece("call", '{"name": 7}'), None),
        (Piece("call", '{"name": "find", "arguments": [1]}'), None),
        (Piece("call", "find the file"), None),
    ],
)
def test_what_was_called(piece: Piece, call: Any) -> None:
    assert call_of(piece) == call


@pytest.mark.parametrize(
    "text",
    [
        '{"a": {1, 2}}', '{"a": ...}', '{"a": b"x"}', '{"a": NaN}', '{"a": 1e999}',
        '{"a": 0x' + "f" * 9_000 + "}",
    ],
    ids=["set", "ellipsis", "bytes", "nan", "infinite", "digits"],
)  # fmt: skip
def test_what_json_cannot_say_is_no_arguments(text: str) -> None:
    assert repaired(text) is None


def test_blanks_after_a_fence_take_no_time() -> None:
    """Looked for with a pattern that goes back, this took an hour."""
    assert repaired("```" + " " * 100_000 + "x") is None
    assert repaired("```json\n" + '{"a": 1}' + " " * 100_000 + "\n```") == {"a": 1}


def test_a_call_without_end_is_looked_at_once_and_given_up_when_it_is_too_long() -> None:
    written = Written()
    pieces = list(written.feed("<tool_call>"))
    for _ in range(100_000):  # looked through from its beginning each time, this took minutes
        pieces += written.feed("abcd")
    pieces += written.feed("</tool_call>Hello")
    assert pieces[-1] == Piece("text", "Hello")
    (call,) = [one for one in pieces if one.kind == "call"]
    assert len(call.text) < 1_000
    assert call_of(call) is None


def test_the_manual_names_every_tool_and_its_arguments() -> None:
    tool = Tool(name="find", description="Finds things.", parameters={"type": "object"})
    said = manual([tool])
    assert "<tool_call>" in said
    assert 'find: Finds things. Arguments: {"type":"object"}' in said

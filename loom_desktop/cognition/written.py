"""Calls of tools that a model writes into its text, where it has no other way, and their repair.

Models are trained on different forms. Three are read: ``<tool_call>{...}</tool_call>`` (Hermes,
Qwen and most), a fenced block ``tool`` or ``tool_call``, and ``<function=NAME>{...}</function>``
(Llama).
What is repaired is punctuation alone, and only where the model ended by itself. What was cut off is
never closed: half a path would be a whole one of something else.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from loom_desktop.llm import Tool

_OPENING = re.compile(r"<tool_call>|```tool(?:_call)?[ \t]*\n|<function=(?P<name>[\w.-]{1,64})>")
_ENDS = {"<": "</tool_call>", "`": "```", "f": "</function>"}
_MARKS = ("<tool_call>", "```tool_call\n", "```tool\n", "<function=")
_LONGEST_NAME = len("<function=") + 65
_MOST = 200_000
"""Characters of one call; more is none."""
_TOO_LONG = "(a call that is too long)"
_FENCE = "```"


class Piece(NamedTuple):
    """Text for the person, or a call as it was written: what stands between its marks."""

    kind: Literal["text", "call"]
    text: str
    name: str = ""
    """Of the tool, where the mark says it."""


class Written:
    """Splits a text that comes in pieces. What may become a mark is held back."""

    def __init__(self) -> None:
        self._held = ""
        """Outside of a call: what is not certain yet."""
        self._inside: list[str] = []
        self._size = 0
        self._tail = ""
        """The end of what is inside, in which the mark may have begun."""
        self._end = ""
        self._name = ""

    def feed(self, text: str) -> Iterator[Piece]:
        """The pieces that are certain with this one."""
        while text or self._held:
            if self._end:
                rest = self._go_on(text)
                if rest is None:
                    return
                yield self._whole()
                text = rest
                continue
            self._held, text = self._held + text, ""
            opening = _OPENING.search(self._held)
            if opening is None:
                safe = len(self._held) - _begun(self._held)
                if safe:
                    yield Piece("text", self._held[:safe])
                    self._held = self._held[safe:]
                return
            if before := self._held[: opening.start()]:
                yield Piece("text", before)
            self._name = opening["name"] or ""
            self._end = _ENDS["f" if self._name else opening[0][0]]
            text, self._held = self._held[opening.end() :], ""

    def end(self) -> Iterator[Piece]:
        """The rest. A call without its end is one all the same: some servers cut the mark off."""
        held, self._held = self._held, ""
        if held:
            yield Piece("text", held)
        if self._end and "".join(self._inside).strip():
            yield self._whole()
        self._end = ""

    def _go_on(self, text: str) -> str | None:
        """More of a call: what comes after its end, None while it has none."""
        window = self._tail + text
        at = window.find(self._end)
        if at < 0:
            self._inside.append(text)
            self._size += len(text)
            if self._size > _MOST:  # nothing of that will be read: its end is waited for
                self._inside = [_TOO_LONG]
            self._tail = window[-(len(self._end) - 1) :]
            return None
        self._inside.append(text)
        whole = "".join(self._inside)
        after = len(window) - at - len(self._end)
        self._inside = [whole[: len(whole) - after - len(self._end)]]
        return text[len(text) - after :] if after else ""

    def _whole(self) -> Piece:
        inside, name = "".join(self._inside).strip(), self._name
        self._inside, self._size, self._tail, self._end, self._name = [], 0, "", "", ""
        return Piece("call", inside, name)


def _begun(text: str) -> int:
    """How many characters at the end may be the beginning of a mark."""
    for start in range(max(0, len(text) - _LONGEST_NAME), len(text)):
        tail = text[start:]
        if any(mark.startswith(tail) for mark in _MARKS):
            return len(tail)
        if tail.startswith("<function=") and ">" not in tail:
            return len(tail)
        if re.fullmatch(r"```tool(_call)?[ \t]*", tail):
            return len(tail)
    return 0


def call_of(piece: Piece, *, cut: bool = False) -> tuple[str, dict[str, Any]] | None:
    """The tool and its arguments, or None when that is no call. ``cut``: see ``repaired``."""
    found = repaired(piece.text, cut=cut)
    if found is None:
        return None
    if piece.name:
        return piece.name, found
    name = found.get("name") or found.get("tool") or found.get("function")
    keys = [key for key in ("arguments", "parameters", "input") if key in found]
    given: Any = found[keys[0]] if keys else {}
    if isinstance(given, str):
        given = repaired(given)
    return (name, given) if isinstance(name, str) and name and isinstance(given, dict) else None


def repaired(text: str, *, cut: bool = False) -> dict[str, Any] | None:
    """The object that was meant, None where that is not certain. ``cut``: the answer was cut off,
    so nothing is closed that is open at its end."""
    if len(text) > _MOST:
        return None
    text = _unfenced(text.strip())
    for mend in (str, _without_commas) if cut else (str, _without_commas, _closed):
        tried = mend(text)
        for read in (json.loads, ast.literal_eval):
            try:
                said: Any = read(tried)
                found: Any = json.loads(json.dumps(said, allow_nan=False))
            except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
                continue
            # what Python reads and JSON cannot say (sets, bytes, odd keys) is no arguments
            return found if isinstance(found, dict) and found == said else None
    return None


def _unfenced(text: str) -> str:
    """Without the fence of a code block around it."""
    if text.startswith(_FENCE) and text.endswith(_FENCE) and len(text) > 2 * len(_FENCE):
        return text[len(_FENCE) : -len(_FENCE)].removeprefix("json").strip()
    return text


def _without_commas(text: str) -> str:
    """Without commas before a closing bracket, outside of texts."""
    return "".join(
        part if inside else re.sub(r",(\s*[}\]])", r"\1", part) for inside, part in _parts(text)
    )


def _closed(text: str) -> str:
    """With the brackets closed that are open at the end; the same when a text is open there."""
    stack: list[str] = []
    parts = list(_parts(text))
    for inside, part in parts:
        if inside:
            continue
        for sign in part:
            if sign in "{[":
                stack.append("}" if sign == "{" else "]")
            elif sign in "}]" and (not stack or stack.pop() != sign):
                return text
    inside, last = parts[-1] if parts else (False, "")
    if inside and not (len(last) > 1 and last[-1] == '"' and not last.endswith('\\"')):
        return text
    return _without_commas(text + "".join(reversed(stack)))


def _parts(text: str) -> Iterator[tuple[bool, str]]:
    """Texts in double quotes, and what stands between them."""
    at = 0
    for one in re.finditer(r'"(?:[^"\\]|\\.)*"?', text, re.S):
        if one.start() > at:
            yield False, text[at : one.start()]
        yield True, one[0]
        at = one.end()
    if at < len(text):
        yield False, text[at:]


def manual(tools: Sequence[Tool]) -> str:
    """What a model is told that has no tool calls of its own."""
    lines = [
        "You can use tools. To use one, write exactly this and then stop:",
        '<tool_call>{"name": "NAME", "arguments": {...}}</tool_call>',
        "Its result is told to you in the next message. Use a tool only where it helps; "
        "answer in plain words when you know enough. The tools:",
    ]
    for one in tools:
        schema = json.dumps(one.parameters, ensure_ascii=False, separators=(",", ":"))
        lines.append(f"- {one.name}: {one.description} Arguments: {schema}")
    return "\n".join(lines)

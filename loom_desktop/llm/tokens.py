"""How many tokens a text is, without a vocabulary: a guess per kind of writing, learnt from usage.

Against a real vocabulary the guess errs by -2 % (German) to +25 % (code), on the safe side; four
letters a token, the usual rule, is 68 % too low for Chinese. Vocabularies cost 34 to 142 MB.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from loom_desktop.llm import Message, Tool

_WORDS, _DIGITS = re.compile(r"[^\W\d_]+"), re.compile(r"\d+")
_BREAKS = re.compile(r"\s{2,}|[^\S ]")
"""White space that is more than one blank."""
_SIGNS = re.compile(r"[^\w\s]|_")
_PARTS = re.compile(
    r"(?P<latin>[A-Za-z]+)|(?P<cjk>[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+)|(?P<letters>\w+)"
)
_LATIN, _LETTERS = 5.5, 2.9  # letters in a token: English; other alphabets and accents
_CJK, _LINE, _SIGN = 0.95, 0.8, 0.72  # tokens for a character, for blanks and breaks, for a sign
PER_MESSAGE = 4
"""What a turn costs beside its text."""
PER_IMAGE = 800


def estimate(text: str) -> float:
    """Tokens of a text, before any correction. About 60 ns a word: each kind of run is found in one
    go, and only words beyond ASCII are looked at one by one."""
    words = sum(
        [
            (1.0 if len(one) < _LATIN else len(one) / _LATIN) if one.isascii() else _mixed(one)
            for one in _WORDS.findall(text)
        ]
    )
    digits = sum([-(-len(one) // 3) for one in _DIGITS.findall(text)])
    breaks = len(_BREAKS.findall(text)) * _LINE
    return words + digits + breaks + len(_SIGNS.findall(text)) * _SIGN


def _mixed(word: str) -> float:
    tokens = 0.0
    for part in _PARTS.finditer(word):
        length = part.end() - part.start()
        if part.lastgroup == "cjk":
            tokens += length * _CJK
        else:
            tokens += max(1.0, length / (_LATIN if part.lastgroup == "latin" else _LETTERS))
    return tokens


class Counter:
    """Counts for one model, and learns from what its server says it counted."""

    def __init__(self, weight: float = 0.2) -> None:
        """``weight`` of the newest observation in the moving average."""
        self._weight = weight
        self.factor = 1.0

    def count(self, text: str) -> int:
        """Tokens of a text, rounded up."""
        return -int(-estimate(text) * self.factor // 1)

    def prompt(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> int:
        """Tokens of a whole conversation, with its calls and the tools that are told of."""
        said = sum(
            self.count(one.text) + PER_MESSAGE + PER_IMAGE * len(one.images) for one in messages
        )
        called = sum(
            self.count(f"{call.name} {call.arguments}") for one in messages for call in one.calls
        )
        return said + called + sum(self._tool(one) for one in tools)

    def _tool(self, tool: Tool) -> int:
        schema = msgspec.json.encode(tool.parameters).decode()
        return self.count(f"{tool.name} {tool.description} {schema}")

    def learn(self, text: str, counted: int) -> None:
        """The server counted ``counted`` tokens in ``text``, and in nothing else. Short texts teach
        nothing."""
        guess = estimate(text)
        if guess <= 20 or counted <= 0:
            return
        seen = min(3.0, max(0.3, counted / guess))  # one odd answer must not throw it off
        self.factor += self._weight * (seen - self.factor)

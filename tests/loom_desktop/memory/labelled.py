"""Short memories in English and German, and questions whose answer is known."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

_HERE = Path(__file__).parent


class Question(NamedTuple):
    kind: str
    """words, misspelling, or inflection."""
    text: str
    answer: str
    """How the memory begins that should be found."""


def memories() -> list[str]:
    return (_HERE / "memories.txt").read_text(encoding="utf-8").splitlines()


def questions() -> list[Question]:
    lines = (_HERE / "queries.txt").read_text(encoding="utf-8").splitlines()
    return [Question(*(part.strip() for part in line.split("|"))) for line in lines]

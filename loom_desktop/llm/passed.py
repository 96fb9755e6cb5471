"""Why a model that was asked did not answer, in our own words: they are stored and published.

What its server said may repeat the question, so it is told to who asked, and kept nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from loom_desktop.errors import (
    Denied,
    LoomError,
    NotFound,
    SettingsError,
    TimedOut,
    Unavailable,
)
from loom_desktop.llm import Facts

_STATUS = re.compile(r"(?:(?!: ).){0,200}?\(([45]\d\d)\)")
"""Our words come before the colon, and those of the server after it."""
_KINDS: tuple[tuple[type[LoomError], str], ...] = (
    (TimedOut, "took too long"),
    (NotFound, "has no such model"),
    (SettingsError, "is not set up as it should be"),
    (Unavailable, "did not answer"),
)
_STATUSES = {
    "401": "wants another key",
    "402": "has no credit left",
    "403": "refused the request",
    "429": "has too many requests at the moment",
    "529": "is overloaded at the moment",
}


class LeftAlone(Unavailable):
    """It failed again and again, so nobody asked it."""


def left_alone(facts: Facts) -> LeftAlone:
    """What is raised instead of asking."""
    return LeftAlone(
        f"{called(facts)} failed again and again, so it is left alone for half a minute.",
        hint="Check that it runs, or pick another model in Settings.",
    )


def why(facts: Facts, error: LoomError) -> str:
    """A sentence without its full stop: who it was, the kind of the error and its status."""
    if isinstance(error, Denied | LeftAlone):  # said here, before anybody was asked
        return error.message.rstrip(".")
    kinds = (words for kind, words in _KINDS if isinstance(error, kind))
    found = _STATUS.match(error.message)
    if found is None:
        return f"{called(facts)} {next(kinds, 'failed')}"
    words = _STATUSES.get(found[1]) or (
        "had an error of its own" if found[1].startswith("5") else next(kinds, "failed")
    )
    return f"{called(facts)} {words} ({found[1]})"


def joined(errors: Sequence[LoomError]) -> LoomError:
    """One error for several models that did not answer: the kind and the hint of the first."""
    first = errors[0]
    messages = list(dict.fromkeys(one.message for one in errors))
    return type(first)(" ".join(messages), hint=first.hint)


def not_that(name: str) -> NotFound:
    """There is no model of that name."""
    return NotFound(
        f"There is no model called {name!r}, here or in loom.toml.", hint="See them: loom models"
    )


def called(facts: Facts) -> str:
    """``mine (llama3.2)``."""
    return f"{facts.name} ({facts.model})" if facts.model else facts.name

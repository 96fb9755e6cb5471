"""What a model server says when it will not answer, in words for a person.

The server's own sentence is quoted: one line, plain, short, and without the key that some repeat.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from loom_desktop.errors import LoomError, NotFound, Unavailable, UsageError
from loom_desktop.llm import Facts

_MOST_CHARACTERS = 200
_NO_MODEL = re.compile(r"model.{0,80}(not found|not exist|unknown|no such)|model_not_found", re.I)
_TOO_LONG = re.compile(
    r"context.{0,20}(length|window|size)|too many tokens|too long|exceed.{0,40}context", re.I
)
_NO_CREDIT = re.compile(r"insufficient.{0,10}(quota|balance|credit|funds)", re.I)
_INVALID = re.compile(r"validation errors?\b|literal_error", re.I)
_NO_TOOLS = re.compile(
    r"not support (tools|tool use|function|tool.call)|tools? (param|choice|use|calling).{0,40}"
    r"(requires|not (supported|enabled|available))|--jinja|tool-call-parser"
    r"|function calling is not",
    re.I,
)
_OTHER = "Try again later, or pick another model in Settings."


class NoTools(UsageError):
    """The model knows no tools. It may be told of them in words, and asked again."""


class Failed(Exception):
    """The server answered, but not with an answer."""

    def __init__(
        self, status: int, words: str, *, retry_after_s: float | None = None, location: str = ""
    ) -> None:
        super().__init__(words)
        self.status = status
        """Of HTTP, or what an error inside a stream says that it would have been."""
        self.words = words
        self.retry_after_s = retry_after_s
        self.location = location

    def mask(self, secret: str) -> None:
        """Take the secret out of what the server said: some repeat the key."""
        self.words, self.location = plain(self.words, secret), plain(self.location, secret)
        self.args = (self.words,)

    @property
    def invalid(self) -> bool:
        """Whether the server could not read the request: some say 500 where they mean 400."""
        return _INVALID.search(self.words) is not None

    @property
    def passing(self) -> bool:
        """Whether the same request may work in a moment."""
        if self.invalid or any(
            one.search(self.words) for one in (_NO_CREDIT, _TOO_LONG, _NO_TOOLS)
        ):
            return False
        return self.status in (408, 409, 429) or 500 <= self.status <= 599


def said(body: bytes, secret: str = "") -> str:
    """The sentence in an error body, however it is wrapped; empty when there is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        text = body.decode("utf-8", errors="replace")
        return "" if text.lstrip().startswith("<") else plain(text, secret)
    return plain(sentence(found), secret)


def sentence(found: Any) -> str:
    """The words of an error object: ``error.message``, ``error``, ``message`` or ``detail``."""
    for _ in range(4):
        if isinstance(found, list) and found:
            found = found[0]
        if not isinstance(found, dict):
            break
        inner = next((found[k] for k in ("error", "message", "detail", "msg") if found.get(k)), "")
        code = found.get("code") or found.get("type")
        if isinstance(inner, str) and isinstance(code, str) and _NO_CREDIT.search(code):
            return f"{inner} ({code})"
        found = inner
    return found if isinstance(found, str) else ""


def status_of(error: Any) -> int:
    """What HTTP would have said for an error inside a stream."""
    if isinstance(error, dict):
        for one in (error.get("status"), error.get("code"), error.get("status_code")):
            if isinstance(one, int) and 400 <= one <= 599:
                return one
            if isinstance(one, str) and one.isdigit() and 400 <= int(one) <= 599:
                return int(one)
        kind = f"{error.get('type')} {error.get('code')}"
        for word, status in (("overloaded", 529), ("rate_limit", 429), ("invalid_request", 400)):
            if word in kind:
                return status
    return 500


def plain(text: str, secret: str = "") -> str:
    """One short line without control characters and without the secret."""
    if len(secret) >= 4:
        text = text.replace(secret, "…")
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 1] + "…"


def refusal(
    failed: Failed, facts: Facts, who: str, *, key: str = "", there: Sequence[str] | None = None
) -> LoomError:
    """The error a person sees. ``key`` is the reference in loom.toml, ``there`` its models."""
    status, quoted = failed.status, f": {failed.words}" if failed.words else "."
    if status in (400, 422, 500, 501) and _NO_TOOLS.search(failed.words):
        return NoTools(
            f"{facts.model} cannot use tools{quoted}", hint="Pick another model in Settings."
        )
    if _TOO_LONG.search(failed.words) or status == 413:
        return UsageError(
            f"This is too long for {facts.model} to read in one piece.",
            hint="Start a new conversation, or ask about a shorter text.",
        )
    if status == 402 or _NO_CREDIT.search(failed.words):
        return Unavailable(
            f"The account at {who} has no credit left ({status}).",
            hint="Fill it up at the provider, or pick another model in Settings.",
        )
    if status in (401, 403):
        return _not_let_in(failed, facts, who, key)
    if status == 404 or _NO_MODEL.search(failed.words):
        return _not_there(failed, facts, who, there)
    if 300 <= status < 400:
        return Unavailable(
            f"{who} sends us on to another address ({status}).",
            hint=f"Set api_base under [llm.{facts.name}] to {plain(failed.location)}.",
        )
    if status == 429:
        wait = failed.retry_after_s
        return Unavailable(
            f"{who} has too many requests at the moment (429){quoted}",
            hint=f"Try again in {wait:.0f} seconds." if wait else _OTHER,
        )
    if status == 529:
        return Unavailable(f"{who} is overloaded at the moment (529){quoted}", hint=_OTHER)
    if status >= 500:
        return Unavailable(f"{who} had an error of its own ({status}){quoted}", hint=_OTHER)
    return Unavailable(
        f"{who} refused the request ({status}){quoted}",
        hint=f"Check [llm.{facts.name}] in loom.toml, or pick another model in Settings.",
    )


def _not_let_in(failed: Failed, facts: Facts, who: str, key: str) -> LoomError:
    if not key:
        return Unavailable(
            f"{who} wants a key, and none is set ({failed.status}).",
            hint=f'Store it with "loom secrets set {facts.name}" and write '
            f'api_key = "keyring:{facts.name}" under [llm.{facts.name}].',
        )
    if failed.status == 403:
        return Unavailable(
            f"{who} refused the request (403){': ' + failed.words if failed.words else '.'}",
            hint="The key may not be allowed to use this model.",
        )
    kind, _, name = key.partition(":")
    store = {
        "keyring": f'Store the right one with "loom secrets set {name}".',
        "env": f"Check what the environment variable {name} holds.",
    }
    return Unavailable(
        f"{who} did not accept the key (401).",
        hint=store.get(kind, "Check what the command in api_key prints."),
    )


def _not_there(failed: Failed, facts: Facts, who: str, there: Sequence[str] | None) -> LoomError:
    if there and facts.model not in there:
        most = ", ".join(plain(one) for one in there[:12]) + (", …" if len(there) > 12 else "")
        fetch = (
            f', or fetch it with "ollama pull {facts.model}"' if who.startswith("Ollama") else ""
        )
        return NotFound(
            f"{who} has no model called {facts.model!r}. There are: {most}.",
            hint=f"Pick one of them in Settings{fetch}.",
        )
    if there == [] or _NO_MODEL.search(failed.words):
        fetch = f'"ollama pull {facts.model}"' if who.startswith("Ollama") else "the server's tools"
        return NotFound(
            f"{who} has no model called {facts.model!r}.",
            hint=f"Fetch it with {fetch}, or pick another model in Settings.",
        )
    return NotFound(
        f"There is no chat at {facts.api_base} (404).",
        hint=f"Check api_base under [llm.{facts.name}]; it usually ends in /v1.",
    )

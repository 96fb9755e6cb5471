"""Conversations as plain data, and the two forms in which they leave: Markdown and JSON.

JSON is lossless. Markdown is for reading: every message is a quotation, so that no heading, fence,
comment or tag in it can reach beyond itself. It can be read back, but it does not hold everything:

- labels (origin and privacy) and the name of the model; the route says who answered;
- fractions of a second in times, and seconds and costs below their last shown digit;
- carriage returns, which become line ends.

What other services export is read by ``exports``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec
from msgspec import Struct

from loom_desktop.errors import NotUnderstood

FORMAT, VERSION = "loom-conversations", 1
MOST_CONVERSATIONS = 50_000
MOST_MESSAGES = 20_000
"""In one conversation."""
MOST_CHARACTERS = 2_000_000
"""In one message."""
MOST_TITLE = 400
LATEST = 253_402_300_799.0
"""The end of the year 9999, in seconds since 1970."""
SERVICES = {"loom": "Loom", "chatgpt": "ChatGPT", "claude": "Claude"}
"""Where a conversation was held, and what the one who answered is called there."""

State = Literal["done", "failed", "cancelled", "interrupted", "streaming"]
_ID = re.compile(r"[\w.:-]{0,100}", re.ASCII)
_LABEL = re.compile(r"[\w.:@/-]{1,200}")


class Message(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one side said. A message of the assistant answers the user's before it."""

    role: Literal["user", "assistant"]
    text: str
    time: float = 0.0
    """Seconds since 1970; 0 when nobody knows."""
    route: str = ""
    model: str = ""
    seconds: float = 0.0
    cost: float = 0.0
    """Dollars; below 0 when nobody knows."""
    state: State = "done"
    origin: tuple[str, ...] = ()
    """Labels, in order. Empty is a missing label."""
    privacy: Literal["public", "sensitive", "private", "local-only"] = "local-only"


class Transcript(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One conversation."""

    title: str
    service: Literal["loom", "chatgpt", "claude"] = "loom"
    id: str = ""
    """As the service knows it; empty when it has none."""
    messages: tuple[Message, ...] = ()


class _File(Struct, forbid_unknown_fields=True):
    format: Literal["loom-conversations"]
    version: int
    conversations: list[msgspec.Raw]


# ---------------------------------------------------------------- JSON


def to_json(transcripts: Sequence[Transcript]) -> bytes:
    """All of it, as ``from_json`` reads it. Lone surrogates are the one text that it cannot hold:
    UnicodeEncodeError."""
    said = {"format": FORMAT, "version": VERSION, "conversations": transcripts}
    return msgspec.json.format(msgspec.json.encode(said), indent=1) + b"\n"


def from_json(data: bytes) -> list[Transcript]:
    """What ``to_json`` wrote. Raises NotUnderstood, which says what is wrong and where."""
    try:
        version = msgspec.json.decode(data, type=_Version).version
    except (msgspec.DecodeError, RecursionError) as error:
        raise _no_json(error) from None
    if version != VERSION:
        raise NotUnderstood(
            f"It is in version {version} of Loom's format; this Loom knows version {VERSION}.",
            hint="Import it with the Loom that wrote it, or a newer one.",
        )
    try:
        file = msgspec.json.decode(data, type=_File)
    except msgspec.DecodeError as error:
        raise _no_json(error) from None
    return checked(_one(number, raw) for number, raw in enumerate(file.conversations, 1))


class _Version(Struct):
    version: int


def _one(number: int, raw: msgspec.Raw) -> Transcript:
    try:
        return msgspec.json.decode(raw, type=Transcript)
    except (msgspec.DecodeError, RecursionError) as error:
        raise broken(number, str(error)) from None


def _no_json(error: Exception) -> NotUnderstood:
    return NotUnderstood(
        f"It is not what Loom writes as JSON: {error}.",
        hint="Export it again: loom conversations export --to FILE.json",
    )


# ---------------------------------------------------------------- limits, the same for all forms


def checked(transcripts: Iterable[Transcript]) -> list[Transcript]:
    """The same, when every one is within the limits and says nothing impossible.

    Raises NotUnderstood, which names the conversation and what is wrong with it.
    """
    found: list[Transcript] = []
    for number, one in enumerate(transcripts, 1):
        if number > MOST_CONVERSATIONS:
            raise NotUnderstood(
                f"There are more than {MOST_CONVERSATIONS:,} conversations in it.",
                hint="Split the file.",
            )
        if wrong := _wrong(one):
            raise broken(number, wrong, one.title)
        found.append(one)
    return found


def broken(number: int, wrong: str, title: str = "") -> NotUnderstood:
    """That conversation cannot be read, and so nothing is."""
    named = f" (“{' '.join(title.split())[:60]}”)" if title.strip() else ""
    return NotUnderstood(
        f"Conversation {number}{named} cannot be read: {wrong.rstrip('.')}.",
        hint="Nothing was imported. Export it again, or take that conversation out of the file.",
    )


def _wrong(one: Transcript) -> str:
    if len(one.title) > MOST_TITLE:
        return f"its title is longer than {MOST_TITLE} characters"
    if not _ID.fullmatch(one.id):
        return "its id is none"
    if not one.messages:
        return "nothing was said in it"
    if len(one.messages) > MOST_MESSAGES:
        return f"it has more than {MOST_MESSAGES:,} messages"
    for at, message in enumerate(one.messages, 1):
        numbers = (message.time, message.seconds, message.cost)
        if len(message.text) > MOST_CHARACTERS:
            return f"message {at} is longer than {MOST_CHARACTERS:,} characters"
        if len(message.route) > 200 or len(message.model) > 200:
            return f"message {at} says at too great a length who answered"
        if not all(map(math.isfinite, numbers)) or not 0 <= message.time <= LATEST:
            return f"message {at} is of no time that there is"
        if message.seconds < 0 or max(numbers[1:]) > 1e9 or message.cost < -1e9:
            return f"message {at} took a time or a cost that cannot be"
        if len(message.origin) > 100 or not all(map(_LABEL.fullmatch, message.origin)):
            return f"message {at} has a label that is none"
    return ""


# ---------------------------------------------------------------- Markdown

_SIGN = "<!-- Loom conversation"
"""No line of a message begins so: each has a > before it."""
_BEGINS = re.compile(
    r"<!-- Loom conversation, version (?P<version>\d+)"
    r"(?:, (?P<service>[a-z]+):(?P<id>[\w.:-]{0,100}))? -->",
    re.ASCII,
)
_META = re.compile(
    r"\*(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC)?"
    r"(?:(?: · )?`(?P<route>[^`]+)`)?"
    r"(?:(?: · )?(?P<seconds>\d+\.\d) s)?"
    r"(?:(?: · )?(?:\$(?P<cost>\d+\.\d{4})|(?P<unknown>cost unknown)))?"
    r"(?:(?: · )?(?P<state>failed|cancelled|interrupted|streaming))?\*",
    re.ASCII,
)
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|!&~$])")
_TIME = "%Y-%m-%d %H:%M:%S UTC"


def to_markdown(transcripts: Sequence[Transcript]) -> str:
    """For reading: who said what, when, and who answered. See the module for what it leaves out."""
    return "\n".join(_written(one) for one in transcripts)


def _written(one: Transcript) -> str:
    title = _SPECIAL.sub(r"\\\1", " ".join(one.title.split())) or "Without a title"
    lines = [f"{_SIGN}, version {VERSION}, {one.service}:{one.id} -->", f"# {title}", ""]
    for message in one.messages:
        lines += [f"## {'You' if message.role == 'user' else SERVICES[one.service]}", ""]
        if meta := _meta(message):
            lines += [f"*{meta}*", ""]
        text = message.text.replace("\r\n", "\n").replace("\r", "\n")
        lines += [f"> {line}" if line else ">" for line in text.split("\n")]
        lines.append("")
    return "\n".join(lines)


def _meta(message: Message) -> str:
    parts = [datetime.fromtimestamp(message.time, UTC).strftime(_TIME)] if message.time else []
    if route := " ".join(message.route.replace("`", "'").split()):
        parts.append(f"`{route}`")
    if message.seconds >= 0.05:  # else it would say 0.0
        parts.append(f"{message.seconds:.1f} s")
    if message.cost:
        parts.append("cost unknown" if message.cost < 0 else f"${message.cost:.4f}")
    if message.state != "done":
        parts.append(message.state)
    return " · ".join(parts)


def from_markdown(text: str) -> list[Transcript]:
    """What ``to_markdown`` wrote. Raises NotUnderstood, which names the line that is wrong."""
    lines = text.replace("\r\n", "\n").split("\n")
    starts = [number for number, line in enumerate(lines) if line.startswith(_SIGN)]
    if not starts or any(line.strip() for line in lines[: starts[0]]):
        raise NotUnderstood(
            "This Markdown is not a conversation that Loom wrote.",
            hint="Loom imports its own Markdown and JSON, and what ChatGPT and Claude export.",
        )
    ends = [*starts[1:], len(lines)]
    return checked(
        _Reading(lines, begin, end).transcript() for begin, end in zip(starts, ends, strict=True)
    )


class _Reading:
    """One conversation of a Markdown file, from line to line."""

    def __init__(self, lines: list[str], begin: int, end: int) -> None:
        self._lines, self._at, self._end = lines, begin, end

    def transcript(self) -> Transcript:
        head = _BEGINS.fullmatch(self._lines[self._at].rstrip())
        if head is None or (head["service"] or "loom") not in SERVICES:
            raise self._error("is no beginning of a conversation")
        if int(head["version"][:9]) != VERSION:
            raise self._error(f"says that it is of version {head['version']}, which is not known")
        self._at += 1
        self._skip()
        if not (title := self._line()).startswith("# "):
            raise self._error("should be the title, with # before it")
        self._at += 1
        messages: list[Message] = []
        while self._skip():
            messages.append(self._message())
        return Transcript(
            title=re.sub(r"\\(.)", r"\1", title[2:].strip()),
            service=head["service"] or "loom",  # type: ignore[arg-type]  # one of them, see above
            id=head["id"] or "",
            messages=tuple(messages),
        )

    def _message(self) -> Message:
        heading = self._line().rstrip()
        who = heading.removeprefix("## ")
        if heading == who or (who != "You" and who not in SERVICES.values()):
            raise self._error("is neither quoted with > nor a heading such as ## You or ## Loom")
        self._at += 1
        self._skip()
        meta: dict[str, str | None] = {}
        if (line := self._line().rstrip()).startswith("*"):
            if (found := _META.fullmatch(line)) is None:
                raise self._error("does not say time, route, seconds and cost as Loom writes them")
            meta = found.groupdict()
            time = self._time(meta["time"])
            self._at += 1
            self._skip()
        else:
            time = 0.0
        quoted: list[str] = []
        while (line := self._line()).startswith(">"):
            quoted.append(line[2:] if line[1:2] == " " else line[1:])
            self._at += 1
        if not quoted:
            raise self._error("should be what was said, with > before each line")
        return Message(
            role="user" if who == "You" else "assistant",
            text="\n".join(quoted),
            time=time,
            route=meta.get("route") or "",
            seconds=float(meta.get("seconds") or 0),
            cost=-1.0 if meta.get("unknown") else float(meta.get("cost") or 0),
            state=meta.get("state") or "done",  # type: ignore[arg-type]  # the pattern knows them
        )

    def _time(self, said: str | None) -> float:
        try:
            return datetime.strptime(f"{said}+0000", f"{_TIME}%z").timestamp() if said else 0.0
        except ValueError:
            raise self._error("names a day or a time that there is not") from None

    def _line(self) -> str:
        return self._lines[self._at] if self._at < self._end else ""

    def _skip(self) -> bool:
        """Past empty lines. Whether there is more."""
        while self._at < self._end and not self._lines[self._at].strip():
            self._at += 1
        return self._at < self._end

    def _error(self, wrong: str) -> NotUnderstood:
        shown = msgspec.json.encode(self._line()[:60]).decode()
        return NotUnderstood(
            f"Line {self._at + 1} {wrong}: {shown}.",
            hint="Nothing was imported. Mend that line, or export it again.",
        )

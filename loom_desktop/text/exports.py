"""Conversations out of a file: Loom's own JSON and Markdown, and what ChatGPT and Claude export.

Their exports are a ``conversations.json`` (large ones in numbered parts), alone or in the ZIP that
they send. Of a conversation with several versions the one is read that was shown last. What is no
text is named in brackets where it stood: pictures, sounds, files, calls of tools and their results.
Left out are what was never shown as part of the conversation: system messages, hidden ones, and
the model's reasoning.

Written for hostile files: a ZIP is measured before it is read and its members are counted as they
come, numbers of conversations and lengths of messages have limits, and a file with one conversation
that cannot be read is not read at all. It can take seconds: call it in a thread.
"""

from __future__ import annotations

import json
import math
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from loom_desktop.errors import LoomError, NotUnderstood, Unavailable
from loom_desktop.text import transcripts
from loom_desktop.text.decode import clean
from loom_desktop.text.office import DAMAGE, Archive, Enough
from loom_desktop.text.transcripts import Message, Transcript

MOST_BYTES = 256_000_000
"""Of a file, and of what comes out of a ZIP."""
_PART = re.compile(r"conversations(-\d+)?\.json")
_MOST_MODEL = 100
_Node = TypeVar("_Node")


def read(path: Path) -> list[Transcript]:
    """The conversations in it, in its order.

    Raises NotUnderstood when it is none of these, is damaged or beyond a limit, and Unavailable
    when it is gone or may not be read. Both name the file and say what to do.
    """
    try:
        found = [one for data in _parts(path) for one in _of_bytes(data)]
        return transcripts.checked(found)
    except OSError as error:
        raise Unavailable(
            f"{path.name} cannot be read: {error.strerror or error}.", hint="Check the file."
        ) from error
    except LoomError as error:
        raise type(error)(f"{path.name}: {error.message}", hint=error.hint) from None


def _parts(path: Path) -> Iterator[bytes]:
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise Unavailable("It cannot be read: it is no file.", hint="Name the exported file.")
    with path.open("rb") as file:
        begin = file.read(4)
        if begin[:2] != b"PK":
            data = begin + file.read(MOST_BYTES)
            if len(data) > MOST_BYTES:
                raise _too_large()
            yield data
            return
    try:
        archive = Archive(path, most=MOST_BYTES)
        try:
            names = [one for one in archive.names if _PART.fullmatch(posixpath.basename(one))]
            if not names:
                raise NotUnderstood(
                    "There is no conversations.json in this archive.",
                    hint="Import the ZIP that ChatGPT or Claude sent, as it came.",
                )
            for name in sorted(names, key=lambda one: (len(one), one)):
                yield b"".join(archive.pieces(name))
        finally:
            archive.close()
    except Enough:
        raise _too_large() from None
    except DAMAGE as error:
        raise NotUnderstood(
            "The archive is damaged.", hint="Download it again: the link is good for a while."
        ) from error
    except (RuntimeError, NotImplementedError) as error:  # what zipfile raises for passwords
        raise NotUnderstood(
            "The archive is protected with a password, or packed in an unknown way.",
            hint="Unpack it, and import conversations.json.",
        ) from error


def _too_large() -> NotUnderstood:
    return NotUnderstood(
        f"There are more than {MOST_BYTES // 1_000_000} MB in it.",
        hint="Split conversations.json into several files.",
    )


def _of_bytes(data: bytes) -> list[Transcript]:
    data = data.removeprefix(b"\xef\xbb\xbf").strip()
    if not data:
        raise NotUnderstood("The file is empty.", hint="Export it again.")
    if data[:1] not in b"[{":
        try:
            return transcripts.from_markdown(data.decode())
        except UnicodeDecodeError:
            raise NotUnderstood(
                "This is neither JSON nor Markdown.",
                hint="Loom imports its own Markdown and JSON, and what ChatGPT and Claude export.",
            ) from None
    try:
        if data[:1] == b"[":
            raws = msgspec.json.decode(data, type=list[msgspec.Raw])
        elif msgspec.json.decode(data, type=_Signed).format is not UNSET:
            return transcripts.from_json(data)
        else:
            raws = [msgspec.Raw(data)]
    except (msgspec.DecodeError, RecursionError) as error:
        raise NotUnderstood(
            f"This is no JSON that is whole: {error}.",
            hint="It may be cut off. Download or export it again.",
        ) from None
    if not raws:
        raise NotUnderstood("There is no conversation in it.", hint="Nothing is to be imported.")
    if len(raws) > transcripts.MOST_CONVERSATIONS:
        raise NotUnderstood(
            f"There are more than {transcripts.MOST_CONVERSATIONS:,} conversations in it.",
            hint="Split the file.",
        )
    found = (_one(number, raw) for number, raw in enumerate(raws, 1))
    said = [one for one in found if one.messages]  # begun, and nothing was asked
    if not said:
        raise NotUnderstood("Nothing was said in it.", hint="Nothing is to be imported.")
    return said


class _Signed(Struct):
    format: Any = UNSET


class _Probe(Struct):
    """What tells the two services apart."""

    mapping: msgspec.Raw | UnsetType = UNSET
    chat_messages: msgspec.Raw | UnsetType = UNSET


def _one(number: int, raw: msgspec.Raw) -> Transcript:
    title = ""
    try:
        probe = msgspec.json.decode(raw, type=_Probe)
        if probe.mapping is not UNSET:
            gpt = msgspec.json.decode(raw, type=_Gpt)
            title = gpt.title or ""
            return _Talk("chatgpt", gpt.conversation_id or gpt.id or "", title).of_gpt(gpt)
        if probe.chat_messages is not UNSET:
            claude = msgspec.json.decode(raw, type=_Claude)
            title = claude.name or ""
            return _Talk("claude", claude.uuid, title).of_claude(claude)
    except (msgspec.DecodeError, RecursionError) as error:
        raise transcripts.broken(number, str(error), title) from None
    raise transcripts.broken(
        number, "it has neither a mapping, as ChatGPT's, nor chat_messages, as Claude's"
    )


# ---------------------------------------------------------------- what the services write


class _GptAuthor(Struct):
    role: str
    name: str | None = None


class _GptMessage(Struct):
    author: _GptAuthor
    content: dict[str, Any] | None = None
    create_time: float | None = None
    recipient: str | None = "all"
    metadata: dict[str, Any] | None = None


class _GptNode(Struct):
    message: _GptMessage | None = None
    parent: str | None = None
    children: list[str] = []


class _Gpt(Struct):
    mapping: dict[str, _GptNode]
    title: str | None = ""
    id: str | None = ""
    conversation_id: str | None = ""
    create_time: float | None = None
    current_node: str | None = None


class _ClaudeMessage(Struct):
    sender: str
    uuid: str = ""
    text: str | None = ""
    content: list[dict[str, Any]] | None = None
    created_at: str | None = ""
    attachments: list[dict[str, Any]] | None = None
    files: list[dict[str, Any]] | None = None
    parent_message_uuid: str | None = None


class _Claude(Struct):
    uuid: str
    chat_messages: list[_ClaudeMessage]
    name: str | None = ""
    created_at: str | None = ""
    current_leaf_message_uuid: str | None = None


class _Talk:
    """A conversation of a service on its way to become ours: what one side says in several pieces
    is one message."""

    def __init__(self, service: Literal["chatgpt", "claude"], id_: str, title: str) -> None:
        self._service: Literal["chatgpt", "claude"] = service
        self._id = id_
        self._title = " ".join(clean(title).split())[: transcripts.MOST_TITLE]
        self._said: list[tuple[str, float, list[str], str]] = []
        self._time = 0.0

    def of_gpt(self, gpt: _Gpt) -> Transcript:
        self._time = _seconds(gpt.create_time)
        for node in _branch(gpt):
            message = node.message
            if message is None or _hidden(message):
                continue
            meta, role = message.metadata or {}, message.author.role
            pieces = _gpt_pieces(message)
            files = meta.get("attachments")
            for one in files if isinstance(files, list) else ():
                if isinstance(one, dict) and isinstance(one.get("name"), str):
                    pieces.append(f"[file {one['name']}]")
            model = meta.get("model_slug")
            self._add(
                "user" if role == "user" else "assistant",
                _seconds(message.create_time),
                pieces,
                model[:_MOST_MODEL] if isinstance(model, str) else "",
            )
        return self._whole()

    def of_claude(self, claude: _Claude) -> Transcript:
        self._time = _moment(claude.created_at)
        for message in _claude_branch(claude):
            pieces = _claude_pieces(message)
            for one in [*(message.attachments or ()), *(message.files or ())]:
                name = one.get("file_name")
                pieces.append(f"[file {name}]" if name else "[pasted text]")
                if isinstance(held := one.get("extracted_content"), str) and held:
                    pieces.append(_fenced(held))
            self._add(
                "assistant" if message.sender == "assistant" else "user",
                _moment(message.created_at),
                pieces,
            )
        return self._whole()

    def _add(self, role: str, time: float, pieces: list[str], model: str = "") -> None:
        pieces = [text for one in pieces if (text := clean(one).strip())]
        if not pieces:
            return
        if role == "assistant" and self._said and self._said[-1][0] == role:
            before = self._said[-1]
            before[2].extend(pieces)
            self._said[-1] = (*before[:3], model or before[3])
        else:
            self._time = time or self._time
            self._said.append((role, self._time, pieces, model))

    def _whole(self) -> Transcript:
        name = transcripts.SERVICES[self._service]
        messages = tuple(
            Message(
                role="user" if role == "user" else "assistant",
                text="\n\n".join(pieces),
                time=time,
                route="" if role == "user" else f"{name} · {model}" if model else name,
                model=model,
                cost=0.0 if role == "user" else -1.0,
                origin=("file",),
                privacy="private",
            )
            for role, time, pieces, model in self._said
        )
        return Transcript(title=self._title, service=self._service, id=self._id, messages=messages)


def _branch(gpt: _Gpt) -> Iterator[_GptNode]:
    """From the root to the node that was shown last."""
    nodes, at = gpt.mapping, gpt.current_node
    if at not in nodes:  # an old export: the last version of everything
        at = next((key for key, node in nodes.items() if node.parent not in nodes), None)
        seen = {at}
        while at in nodes and nodes[at].children and nodes[at].children[-1] not in seen:
            at = nodes[at].children[-1]
            seen.add(at)
    return iter(_upwards(at, nodes, lambda node: node.parent))


def _claude_branch(claude: _Claude) -> list[_ClaudeMessage]:
    messages = claude.chat_messages
    if not messages or not any(one.parent_message_uuid for one in messages):
        return messages
    by_id = {one.uuid: one for one in messages}
    leaf = claude.current_leaf_message_uuid
    if leaf not in by_id:
        leaf = messages[-1].uuid
    return _upwards(leaf, by_id, lambda one: one.parent_message_uuid)


def _upwards(
    leaf: str | None, nodes: Mapping[str, _Node], parent: Callable[[_Node], str | None]
) -> list[_Node]:
    """From there up to the root, and turned round. A circle ends where it closes."""
    found: dict[str, _Node] = {}
    while leaf is not None and leaf in nodes and leaf not in found:
        found[leaf] = nodes[leaf]
        leaf = parent(nodes[leaf])
    return [*found.values()][::-1]


def _hidden(message: _GptMessage) -> bool:
    meta = message.metadata or {}
    unseen = message.author.role not in ("user", "assistant", "tool")
    return unseen or bool(meta.get("is_visually_hidden_from_conversation"))


_REASONING = frozenset(
    {"thoughts", "reasoning_recap", "user_editable_context", "model_editable_context"}
)
_POINTERS = {
    "image_asset_pointer": "[image]",
    "audio_asset_pointer": "[sound]",
    "video_container_asset_pointer": "[video]",
    "real_time_user_audio_video_asset_pointer": "[sound and video]",
}
_CITED = re.compile("\ue200[^\ue200\ue201]*\ue201")
"""How ChatGPT marks its sources in the text: signs that only its own window can show. None holds
another: else each one without an end would be followed to the end of the text."""


def _gpt_pieces(message: _GptMessage) -> list[str]:
    content = message.content or {}
    kind = content.get("content_type")
    if kind in _REASONING:
        return []
    parts = content.get("parts")
    pieces = [_gpt_part(one) for one in parts] if isinstance(parts, list) else []
    if message.author.role == "tool":
        named = [one for one in pieces if one in _POINTERS.values()]
        return [f"[result of {message.author.name or 'a tool'}]", *named]
    text = content.get("text")
    if isinstance(text, str) and text.strip():
        language = content.get("language")
        code = kind in ("code", "execution_output")
        pieces.append(_fenced(text, language) if code else text)
    elif not isinstance(parts, list) and kind:
        pieces.append(f"[{kind}]")
    if message.author.role == "assistant" and message.recipient not in (None, "all"):
        said = "\n\n".join(one for one in pieces if one)
        shown = said if kind == "code" else _fenced(said) if said else ""
        return [f"[call of {message.recipient}]", shown]
    return pieces


def _gpt_part(part: Any) -> str:
    if isinstance(part, str):
        too_long = len(part) > transcripts.MOST_CHARACTERS  # it is refused, see transcripts.checked
        return part if too_long else _CITED.sub("", part)
    if not isinstance(part, dict):
        return "[something that is no text]" if part is not None else ""
    kind = part.get("content_type")
    if isinstance(kind, str) and kind in _POINTERS:
        return _POINTERS[kind]
    if isinstance(text := part.get("text"), str):  # what was said aloud
        return text
    return f"[{kind}]" if isinstance(kind, str) else "[something that is no text]"


_SILENT = frozenset({"thinking", "redacted_thinking", "token_budget", "flag"})


def _claude_pieces(message: _ClaudeMessage) -> list[str]:
    pieces: list[str] = []
    for block in message.content or ():
        kind = block.get("type")
        if kind in _SILENT:
            continue
        text = block.get("text")
        if kind == "tool_use":
            pieces.append(f"[call of {block.get('name') or 'a tool'}]")
            held = block.get("input")
            if isinstance(held, dict) and held:
                pieces.append(_given(held))
        elif kind == "tool_result":
            pieces.append(f"[result of {block.get('name') or 'a tool'}]")
        elif isinstance(text, str):
            pieces.append(text)
        else:
            pieces.append(f"[{kind or 'something that is no text'}]")
    if not any(one.strip() for one in pieces):
        pieces.append(message.text or "")
    return pieces


def _given(held: dict[str, Any]) -> str:
    """What a tool was told: the text when it is one, such as an artifact's, else all of it."""
    for key in ("content", "code"):
        if isinstance(text := held.get(key), str) and text:
            return _fenced(text, held.get("language"))
    return _fenced(json.dumps(held, ensure_ascii=False, indent=1), "json")


def _fenced(text: str, language: object = "") -> str:
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    known = isinstance(language, str) and re.fullmatch(r"[\w+#-]{1,20}", language, re.ASCII)
    named = language if known and language != "unknown" else ""
    return f"{fence}{named}\n{text.strip()}\n{fence}"


def _seconds(said: float | None) -> float:
    if said is None or not math.isfinite(said) or not 0 <= said <= transcripts.LATEST:
        return 0.0
    return said


def _moment(said: str | None) -> float:
    """Seconds since 1970 of an ISO time; 0 when it is none."""
    try:
        found = datetime.fromisoformat(said or "")
        return _seconds((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return 0.0

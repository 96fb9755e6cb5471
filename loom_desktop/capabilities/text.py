"""Summaries and the text of documents."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from loom_desktop import capability
from loom_desktop.errors import LoomError, NotUnderstood
from loom_desktop.text.summarize import summarize as shorten

if TYPE_CHECKING:
    from loom_desktop import CapabilityContext

_MOST_FILES = 10
_MOST_SHOWN = 4000


@capability("text.summarize", effect="none", idempotent=True)
async def summarize(text: str, sentences: int = 3) -> dict[str, Any]:
    """Sum a text up in its own most telling sentences."""
    summary = await asyncio.to_thread(shorten, text, sentences=sentences)
    if not summary.sentences:
        raise NotUnderstood("There is nothing to sum up.", hint="Copy or type a longer text.")
    return {"text": _bullets(summary.sentences, summary.words_in)}


@capability("text.summarize_clipboard", effect="read-local", idempotent=True)
async def summarize_clipboard(ctx: CapabilityContext, sentences: int = 3) -> dict[str, Any]:
    """Sum up what was copied last."""
    return await summarize.run(await ctx.clip(), sentences)  # type: ignore[no-any-return]


@capability("text.summarize_file", effect="read-local", idempotent=True, paths=("path",))
async def summarize_file(ctx: CapabilityContext, path: str, sentences: int = 5) -> dict[str, Any]:
    """Sum up a document: PDF, Office, HTML, e-book or plain text."""
    document = await ctx.read(path)
    summary = await asyncio.to_thread(shorten, document.text, sentences=sentences)
    name = document.title or path.rpartition("/")[2]
    if not summary.sentences:
        raise NotUnderstood(
            f"{name} holds no text to sum up.",
            hint="A scan is a picture: its text has to be recognised first.",
        )
    cut = "\n\n*Only the beginning was read: the document is very long.*" if document.cut else ""
    return {"text": f"**{name}**\n\n{_bullets(summary.sentences, summary.words_in)}{cut}"}


@capability("text.summarize_files", effect="read-local", idempotent=True, paths=("paths",))
async def summarize_files(
    ctx: CapabilityContext, paths: list[str], sentences: int = 3
) -> dict[str, Any]:
    """Sum up several documents, one after the other; one that cannot be read is named."""
    parts = []
    for path in paths[:_MOST_FILES]:
        try:
            parts.append((await summarize_file.run(ctx, path, sentences))["text"])
        except LoomError as error:
            parts.append(f"**{path.rpartition('/')[2]}**: {error.message}")
    if len(paths) > _MOST_FILES:
        parts.append(f"*{len(paths) - _MOST_FILES} more files were left out.*")
    return {"text": "\n\n".join(parts)}


@capability("text.read", effect="read-local", idempotent=True, paths=("path",))
async def read(ctx: CapabilityContext, path: str) -> dict[str, Any]:
    """The text of a document: PDF, Office, HTML, e-book or plain text."""
    document = await ctx.read(path)
    if not document.text.strip():
        raise NotUnderstood(f"{path.rpartition('/')[2]} holds no text.")
    text = document.text[:_MOST_SHOWN]
    more = "\n\n*… and more.*" if len(document.text) > _MOST_SHOWN or document.cut else ""
    return {"text": text + more, "title": document.title, "kind": document.kind}


def _bullets(sentences: tuple[str, ...] | list[str], words_in: int) -> str:
    lines = "\n".join(f"- {one}" for one in sentences)
    return f"{lines}\n\n*The most telling sentences of {words_in:,} words, unchanged.*"

"""Reads the text of a document: PDF, office formats, e-books, HTML, RTF, mail and plain text.

Parsers of hostile files can be slow, and PDFium is C++ code that a hostile PDF may crash or hang.
The caller therefore runs ``extract`` in a child process, or at the very least in a thread with a
deadline; it must never run on an event loop. Nothing is written, fetched or executed.
"""

from __future__ import annotations

import csv
import os
import re
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loom_desktop.errors import NotUnderstood, Unavailable
from loom_desktop.text.decode import clean, decode
from loom_desktop.text.kind import Kind, kind_of
from loom_desktop.text.markup import html_encoding, html_text, mail_text, rtf_text
from loom_desktop.text.office import Content, office_text

MOST_CHARS = 200_000
MOST_BYTES = 100_000_000
MOST_PAGES = 2_000

_pdfium = threading.Lock()
"""PDFium is not safe for threads: one document at a time."""


@dataclass(frozen=True, slots=True)
class Document:
    """What a document says."""

    kind: str
    """As ``kind_of`` names it: pdf, docx, html, text ..."""
    title: str
    """As the document states it, "" when it does not."""
    text: str
    meta: dict[str, str] = field(default_factory=dict)
    """author, date (as written there), language, to, attachments; only what is there."""
    pages: int = 0
    """Pages, slides, sheets or chapters; 0 when the format has none."""
    cut: bool = False
    """Whether there was more than was read."""


def extract(path: Path, *, max_chars: int = MOST_CHARS, max_bytes: int = MOST_BYTES) -> Document:
    """The text of the file, at most ``max_chars`` characters of it.

    Plain text longer than ``max_bytes`` is cut; other formats of that size are refused. Raises
    NotUnderstood when it is no document, is damaged or needs a password, and Unavailable when it
    is gone or may not be read. See the module for why this needs a deadline.
    """
    try:
        size = _size(path)
        if not size:
            return Document("empty", "", "")
        kind = kind_of(path)
        if kind.name in _WHOLE and size > max_bytes:
            raise NotUnderstood(
                f"{path.name} is too large to be read: {size // 1_000_000} MB.",
                hint="Open it in its own program.",
            )
        content = _read(path, kind, max_chars, max_bytes)
    except FileNotFoundError:
        raise Unavailable(
            f"{path.name} is no longer there.", hint="It was moved, renamed or removed meanwhile."
        ) from None
    except PermissionError:
        raise Unavailable(
            f"{path.name} may not be read.", hint="Change its permissions, or choose another file."
        ) from None
    except OSError as error:
        raise Unavailable(
            f"{path.name} cannot be read: {error.strerror or 'the disk reports an error'}.",
            hint="Check the disk and try again.",
        ) from error
    cut = content.cut or len(content.text) > max_chars
    text = content.text[:max_chars]
    return Document(kind.name, content.title[:300], text, content.meta, content.pages, cut)


def _size(path: Path) -> int:
    found = os.stat(path)
    if stat.S_ISDIR(found.st_mode):
        raise NotUnderstood(f"{path.name} is a folder.", hint="Choose a file inside it.")
    if not stat.S_ISREG(found.st_mode):
        raise NotUnderstood(f"{path.name} is not an ordinary file.", hint="Choose another file.")
    return found.st_size


def _read(path: Path, kind: Kind, most: int, max_bytes: int) -> Content:
    if reader := _READERS.get(kind.name):
        return reader(path, most, max_bytes)
    if kind.name in ("docx", "xlsx", "pptx", "odt", "ods", "odp", "epub"):
        return office_text(path, kind.name, most=most)
    if kind.family in ("text", "code", "data", "key") and kind.name not in ("torrent",):
        return _plain(path, most, max_bytes)
    if kind.name == "encrypted-office":
        raise _locked(path)
    if kind.name == "ole":
        raise NotUnderstood(
            f"{path.name} is in an old Office format that cannot be read.",
            hint="Open it and save it as docx, xlsx, pptx or PDF.",
        )
    what = _WHAT.get(kind.family, "no document")
    raise NotUnderstood(
        f"{path.name} is {what}: it has no text to read.", hint="Choose a document."
    )


_WHAT = {
    "image": "a picture", "audio": "a sound file", "video": "a video", "font": "a font",
    "archive": "an archive", "installer": "an installer", "program": "a program",
    "disk": "a disk image", "database": "a database",
}  # fmt: skip


def _locked(path: Path) -> NotUnderstood:
    return NotUnderstood(
        f"{path.name} is protected with a password.",
        hint="Open it in its own program and save a copy without a password.",
    )


def _bytes(path: Path, most: int) -> tuple[bytes, bool]:
    with path.open("rb") as file:
        data = file.read(most + 1)
    return data[:most], len(data) > most


def _plain(path: Path, most: int, max_bytes: int) -> Content:
    data, cut = _bytes(path, min(max_bytes, 4 * most + 4))
    text = decode(data)
    heading = re.match(r"\s*#\s+(.{1,200})", text)
    return Content(text.strip("\n"), heading[1].strip() if heading else "", cut=cut)


def _table(path: Path, most: int, max_bytes: int) -> Content:
    """Rows with tabs between the cells, whatever parted them before."""
    content = _plain(path, most, max_bytes)
    content.title = ""
    try:
        sniffed = csv.Sniffer().sniff(content.text[:8_192], ",;\t|")
        rows = csv.reader(content.text.splitlines(), sniffed)
        content.text = "\n".join("\t".join(map(str.strip, row)) for row in rows)
    except csv.Error:
        pass  # no table after all: the text as it is
    return content


def _html(path: Path, most: int, max_bytes: int) -> Content:
    data, cut = _bytes(path, min(max_bytes, 8_000_000))
    text, title, meta = html_text(html_encoding(data), most=most + 1)
    return Content(text, title, meta, cut=cut)


def _rtf(path: Path, most: int, max_bytes: int) -> Content:
    data, cut = _bytes(path, min(max_bytes, 20_000_000))
    text, title, meta = rtf_text(data.decode("latin-1"), most=most + 1)
    return Content(text, title, meta, cut=cut)


def _mail(path: Path, most: int, max_bytes: int) -> Content:
    data, cut = _bytes(path, min(max_bytes, 20_000_000))
    text, title, meta = mail_text(data, most=most + 1)
    return Content(text, title, meta, cut=cut)


def _pdf(path: Path, most: int, _: int) -> Content:
    import pypdfium2

    with _pdfium:
        try:
            document = pypdfium2.PdfDocument(path)
        except pypdfium2.PdfiumError as error:
            if getattr(error, "err_code", None) == pypdfium2.raw.FPDF_ERR_PASSWORD:
                raise _locked(path) from error
            raise NotUnderstood(
                f"{path.name} is damaged and cannot be read.",
                hint="Download it again, or open it in a PDF viewer.",
            ) from error
        try:
            return _pdf_text(document, most, pypdfium2.PdfiumError)
        finally:
            document.close()


def _pdf_text(pdf: Any, most: int, broken: type[Exception]) -> Content:
    """Page by page; a page that is broken is left out."""
    said = pdf.get_metadata_dict(skip_empty=True)
    content = Content(pages=len(pdf))
    content.title = clean(" ".join(str(said.get("Title", "")).split()))
    content.meta = {
        key: clean(str(said[name]))
        for key, name in (("author", "Author"), ("date", "CreationDate"), ("made_by", "Producer"))
        if said.get(name)
    }
    parts: list[str] = []
    left = most
    for at in range(content.pages):
        if left < 0 or at >= MOST_PAGES:
            content.cut = True
            break
        try:
            page = pdf[at]
            words = page.get_textpage()
            text = clean(words.get_text_range()).strip()
            words.close()
            page.close()
        except broken:
            content.cut = True
            continue
        parts.append(text)
        left -= len(text) + 2
    content.text = "\n\n".join(part for part in parts if part)
    return content


_READERS: dict[str, Callable[[Path, int, int], Content]] = {
    "pdf": _pdf,
    "html": _html,
    "rtf": _rtf,
    "eml": _mail,
    "mbox": _mail,
    "csv": _table,
}
_WHOLE = frozenset({"pdf", "docx", "xlsx", "pptx", "odt", "ods", "odp", "epub"})

"""Text out of office documents and e-books: they are ZIP archives with XML inside.

Written for hostile files: the directory is measured before it is read, only members with the
names that the format prescribes are opened and nothing is unpacked to disk, each is read in pieces
and counted, so that a bomb ends the reading; XML is streamed through expat, which never fetches
anything, and entities of one's own are refused. What exceeds a limit is cut, not an error.
"""

from __future__ import annotations

import lzma
import posixpath
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote
from xml.parsers import expat

from loom_desktop.errors import NotUnderstood
from loom_desktop.text.decode import clean
from loom_desktop.text.markup import html_encoding, html_text

MOST_DIRECTORY = 8_000_000
"""Bytes of the archive's directory."""
MOST_UNPACKED = 64_000_000
"""Bytes read out of one archive, all members together."""
MOST_MEMBERS = 2_000
"""Slides, sheets or chapters."""

_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_STRICT_WORD = "http://purl.oclc.org/ooxml/wordprocessingml/main"


@dataclass(slots=True)
class Content:
    """What was read out of a document."""

    text: str = ""
    title: str = ""
    meta: dict[str, str] = field(default_factory=dict)
    pages: int = 0
    cut: bool = False


class Enough(Exception):
    """As much text as wanted was collected, or a limit was reached."""


DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    expat.ExpatError,
    EOFError,
    KeyError,
    ValueError,
    IndexError,
)
"""What reading a broken archive raises, all the way down."""


class Archive:
    """The members of one ZIP, each read in pieces and counted. Raises what zipfile raises."""

    def __init__(self, path: Path, *, most: int | None = None) -> None:
        """``most``: bytes that may come out of it, all members together."""
        _measure(path)
        self._zip = zipfile.ZipFile(path)
        self._left = MOST_UNPACKED if most is None else most
        self.names = frozenset(self._zip.namelist())

    def close(self) -> None:
        """Let go of the file."""
        self._zip.close()

    def pieces(self, name: str) -> Iterator[bytes]:
        """The bytes of a member. Raises Enough when the archive turns out to be a bomb."""
        with self._zip.open(name) as member:
            while piece := member.read(65_536):
                self._left -= len(piece)
                if self._left < 0:
                    raise Enough
                yield piece

    def read(self, name: str, most: int) -> bytes:
        """At most so many bytes of a member."""
        found = b""
        for piece in self.pieces(name):
            found += piece
            if len(found) >= most:
                break
        return found[:most]


def _measure(path: Path) -> None:
    """Refuse a directory of entries so long that reading it alone would hurt."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 65_557))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        raise zipfile.BadZipFile("no end of directory")
    directory = int.from_bytes(tail[at + 12 : at + 16], "little")
    if (
        directory > MOST_DIRECTORY
    ):  # 4 GiB - 1 says: look into the 64-bit record; no document needs it
        raise NotUnderstood(
            f"{path.name} holds too many parts to be a document.", hint="Open it as an archive."
        )


def office_text(path: Path, kind: str, *, most: int) -> Content:
    """What is written in a docx, xlsx, pptx, odt, ods, odp or epub.

    Raises NotUnderstood when the file is damaged or protected with a password.
    """
    content = Content()
    collected = _Collected(most)
    try:
        archive = Archive(path)
        try:
            _READERS[kind](archive, collected, content)
        except Enough:
            content.cut = True
        finally:
            archive.close()
    except DAMAGE as error:
        if not collected.text:
            raise NotUnderstood(
                f"{path.name} is damaged and cannot be read.",
                hint="Download it again, or open it in the program it was made with.",
            ) from error
        content.cut = True
    except (RuntimeError, NotImplementedError) as error:  # what zipfile raises for passwords
        raise NotUnderstood(
            f"{path.name} is protected with a password or packed in an unknown way.",
            hint="Open it in its own program and save it without a password.",
        ) from error
    content.text = re.sub(r"\n{3,}", "\n\n", clean(collected.text)).strip()
    return content


class _Collected:
    """Text up to a limit."""

    def __init__(self, most: int) -> None:
        self._parts: list[str] = []
        self._left = most

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def add(self, text: str) -> None:
        self._parts.append(text[: max(0, self._left)])
        self._left -= len(text)
        if self._left < 0:
            raise Enough


Begin = Callable[[str, dict[str, str]], None]


def _parse(
    archive: Archive,
    name: str,
    begin: Begin,
    end: Callable[[str], None],
    say: Callable[[str], None],
) -> None:
    """Stream a member through expat. Element names come without their namespace."""
    if name not in archive.names:
        raise KeyError(name)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = lambda tag, attributes: begin(
        tag.rpartition(" ")[2], {key.rpartition(" ")[2]: value for key, value in attributes.items()}
    )
    parser.EndElementHandler = lambda tag: end(tag.rpartition(" ")[2])
    parser.CharacterDataHandler = say

    def refuse(*_: object) -> None:
        raise ValueError("entities of its own")

    parser.EntityDeclHandler = refuse
    for piece in archive.pieces(name):
        parser.Parse(piece, False)
    parser.Parse(b"", True)


def _nothing(*_: object) -> None:
    """For the events nobody needs."""


# ---------------------------------------------------------------- one reader per format


def _properties(archive: Archive, name: str, content: Content) -> None:
    """Title, author and date, where Office and OpenDocument keep them."""
    known = {"title": "title", "creator": "author", "initial-creator": "author", "created": "date",
             "creation-date": "date", "date": "date", "language": "language"}  # fmt: skip
    current: list[str] = []
    found: dict[str, str] = {}

    def begin(tag: str, _: dict[str, str]) -> None:
        current.append(tag)

    def end(_: str) -> None:
        current.pop()

    def say(text: str) -> None:
        key = known.get(current[-1]) if current else None
        if key and len(found.get(key, "")) < 300:
            found[key] = (found.get(key, "") + text)[:300]

    if name not in archive.names:
        return
    try:
        _parse(archive, name, begin, end, say)
    except (expat.ExpatError, ValueError):
        return  # the text matters more than its title
    content.title = clean(" ".join(found.pop("title", "").split()))
    content.meta.update(
        {key: clean(" ".join(value.split())) for key, value in found.items() if value}
    )


def _docx(archive: Archive, out: _Collected, content: Content) -> None:
    _properties(archive, "docProps/core.xml", content)
    inside: list[str] = []

    def begin(tag: str, attributes: dict[str, str]) -> None:
        inside.append(tag)
        if tag in ("tab", "ptab") and "pPr" not in inside:
            out.add("\t")
        elif tag in ("br", "cr"):
            out.add("\n")
        elif tag == "noBreakHyphen":
            out.add("-")
        if tag == "pStyle" and not content.title and attributes.get("val", "").lower() in _TITLES:
            content.meta["style"] = "title"

    def end(tag: str) -> None:
        inside.pop()
        if tag == "p":
            out.add("\n")
            content.meta.pop("style", None)
        elif tag == "tc":
            out.add("\t")

    def say(text: str) -> None:
        if inside and inside[-1] == "t":
            out.add(text)
            if content.meta.get("style"):
                content.title = (content.title + text)[:300]

    _parse(archive, "word/document.xml", begin, end, say)
    content.meta.pop("style", None)


_TITLES = frozenset({"title", "titel", "titre", "título", "titulo", "titolo"})


def _shared(archive: Archive) -> list[str]:
    """The texts that the cells of a workbook refer to by number."""
    found: list[str] = []
    inside: list[str] = []

    def begin(tag: str, _: dict[str, str]) -> None:
        inside.append(tag)
        if tag == "si":
            found.append("")

    def end(_: str) -> None:
        inside.pop()

    def say(text: str) -> None:
        if found and inside and inside[-1] == "t" and "rPh" not in inside:
            found[-1] += text

    if "xl/sharedStrings.xml" in archive.names:
        _parse(archive, "xl/sharedStrings.xml", begin, end, say)
    return found


def _xlsx(archive: Archive, out: _Collected, content: Content) -> None:
    _properties(archive, "docProps/core.xml", content)
    sheets: list[str] = []

    def sheet(tag: str, attributes: dict[str, str]) -> None:
        if tag == "sheet":
            sheets.append(attributes.get("name", ""))

    _parse(archive, "xl/workbook.xml", sheet, _nothing, _nothing)
    texts = _shared(archive)
    members = _numbered(archive, r"xl/worksheets/sheet(\d+)\.xml")
    content.pages = len(members)
    for at, member in enumerate(members[:MOST_MEMBERS]):
        if len(members) > 1 and at < len(sheets):
            out.add(f"\n{sheets[at]}\n")
        _sheet(archive, member, texts, out)


def _sheet(archive: Archive, member: str, texts: list[str], out: _Collected) -> None:
    inside: list[str] = []
    cell = {"kind": "", "value": ""}
    row: list[str] = []

    def begin(tag: str, attributes: dict[str, str]) -> None:
        inside.append(tag)
        if tag == "c":
            cell.update(kind=attributes.get("t", ""), value="")
        elif tag == "row":
            row.clear()

    def end(tag: str) -> None:
        inside.pop()
        if tag == "c":
            value = cell["value"].strip()
            if cell["kind"] == "s" and value.isdigit() and len(value) < 9:
                value = texts[int(value)] if int(value) < len(texts) else ""
            row.append(" ".join(value.split()))
        elif tag == "row" and any(row):
            out.add("\t".join(row).rstrip() + "\n")

    def say(text: str) -> None:
        if inside and (inside[-1] == "v" or (inside[-1] == "t" and "is" in inside)):
            cell["value"] += text

    _parse(archive, member, begin, end, say)


def _pptx(archive: Archive, out: _Collected, content: Content) -> None:
    _properties(archive, "docProps/core.xml", content)
    members = _numbered(archive, r"ppt/slides/slide(\d+)\.xml")
    content.pages = len(members)
    inside: list[str] = []

    def end(tag: str) -> None:
        inside.pop()
        if tag in ("p", "tr"):
            out.add("\n")

    def say(text: str) -> None:
        if inside and inside[-1] == "t":
            out.add(text)

    for member in members[:MOST_MEMBERS]:
        inside.clear()
        _parse(archive, member, lambda tag, _: inside.append(tag), end, say)
        out.add("\n")


def _numbered(archive: Archive, pattern: str) -> list[str]:
    """Members with a number in their name, in the order of the numbers."""
    found = [(int(m[1][:9]), m[0]) for name in archive.names if (m := re.fullmatch(pattern, name))]
    return [name for _, name in sorted(found)]


def _opendocument(archive: Archive, out: _Collected, content: Content) -> None:
    _properties(archive, "meta.xml", content)
    inside: list[str] = []

    def begin(tag: str, attributes: dict[str, str]) -> None:
        inside.append(tag)
        if tag == "s" and "p" in inside:
            count = attributes.get("c", "1")
            out.add(" " * (min(int(count), 100) if count.isdigit() else 1))
        elif tag == "tab":
            out.add("\t")
        elif tag == "line-break":
            out.add("\n")
        elif tag == "page" or (tag == "table" and "spreadsheet" in inside):
            content.pages += 1
            out.add("\n")

    def end(tag: str) -> None:
        inside.pop()
        if tag == "table-cell":
            out.add("\t")
        elif tag == "table-row" or (tag in ("p", "h") and "table-cell" not in inside):
            out.add("\n")

    def say(text: str) -> None:
        if ("p" in inside or "h" in inside) and "annotation" not in inside:
            out.add(re.sub(r"\s+", " ", text))

    _parse(archive, "content.xml", begin, end, say)


def _epub(archive: Archive, out: _Collected, content: Content) -> None:
    places: list[str] = []

    def rootfile(tag: str, attributes: dict[str, str]) -> None:
        if tag == "rootfile" and "full-path" in attributes:
            places.append(attributes["full-path"])

    _parse(archive, "META-INF/container.xml", rootfile, _nothing, _nothing)
    package = places[0]
    _properties(archive, package, content)
    items: dict[str, str] = {}
    order: list[str] = []

    def item(tag: str, attributes: dict[str, str]) -> None:
        if tag == "item" and len(items) < 10_000:
            items[attributes.get("id", "")] = attributes.get("href", "")
        elif tag == "itemref" and len(order) < MOST_MEMBERS:
            order.append(attributes.get("idref", ""))

    _parse(archive, package, item, _nothing, _nothing)
    folder = posixpath.dirname(package)
    for one in order:
        href = unquote(items.get(one, "").partition("#")[0])
        name = posixpath.normpath(posixpath.join(folder, href))
        if name in archive.names:  # a path that leads elsewhere is no member
            content.pages += 1
            chapter, heading, _ = html_text(html_encoding(archive.read(name, 2_000_000)))
            content.title = content.title or heading
            out.add(chapter + "\n\n")


_READERS: dict[str, Callable[[Archive, _Collected, Content], None]] = {
    "docx": _docx,
    "xlsx": _xlsx,
    "pptx": _pptx,
    "odt": _opendocument,
    "ods": _opendocument,
    "odp": _opendocument,
    "epub": _epub,
}

"""Text out of HTML, RTF and mail: what a reader would see, without scripts and menus.

Nothing is fetched and nothing is executed. The parts that repeat on every page (navigation,
header, footer, asides, forms) are left out; when the page says which part is its main text or
article, only that is taken.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from loom_desktop.text.decode import clean, decode

MOST_HTML = 2_000_000
"""Characters of HTML that are parsed; the parser of Python takes about a second for them."""
MOST_NESTED = 400

_SILENT = frozenset(
    {"script", "style", "noscript", "template", "svg", "math", "iframe", "object", "canvas",
     "audio", "video", "select", "button", "textarea", "nav", "footer", "aside", "form", "dialog",
     "menu"}
)  # fmt: skip
_BLOCK = frozenset(
    {"p", "div", "section", "article", "main", "header", "ul", "ol", "dl", "table", "blockquote",
     "pre", "h1", "h2", "h3", "h4", "h5", "h6", "figure", "figcaption", "address", "hr", "dt", "dd",
     "tbody", "thead", "caption", "body", "html"}
)  # fmt: skip
_VOID = frozenset(
    {"br", "hr", "img", "input", "meta", "link", "area", "base", "col", "embed", "source", "track",
     "wbr", "param"}
)  # fmt: skip


class _Page(HTMLParser):
    """Collects the text of a page, of its main part, its title and what it says about itself."""

    def __init__(self, most: int) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self.meta: dict[str, str] = {}
        self._parts: list[str] = []
        self._main: list[str] = []
        self._open: list[str] = []
        self._silent = 0
        self._in_main = 0
        self._left = most

    @property
    def text(self) -> str:
        main = _tidy("".join(self._main))
        return (
            main if len(main) > 200 or (main and not self._parts) else _tidy("".join(self._parts))
        )

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "meta":
            self._describe({name: value or "" for name, value in attrs})
        if tag == "html":
            self.meta.update({"language": lang[:20]} if (lang := dict(attrs).get("lang")) else {})
        if tag in ("br", "tr"):
            self._say("\n")
        elif tag == "li":
            self._say("\n- ")
        elif tag in ("td", "th"):
            self._say("\t")
        elif tag in _BLOCK:
            self._say("\n\n")
        if tag in _VOID or len(self._open) >= MOST_NESTED:
            return
        self._open.append(tag)
        self._silent += tag in _SILENT
        self._in_main += tag in ("main", "article")

    def handle_endtag(self, tag: str) -> None:
        if tag not in self._open:
            return
        while self._open:
            last = self._open.pop()
            self._silent -= last in _SILENT
            if last in ("main", "article"):
                self._in_main -= 1
            if last == tag:
                break
        if tag in _BLOCK:
            self._say("\n\n")

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "title" and not self._silent:
            self.title = " ".join((self.title + data).split())[:300]
        else:
            self._say(data if "pre" in self._open else re.sub(r"\s+", " ", data))

    def _say(self, text: str) -> None:
        if self._silent or self._left <= 0 or "head" in self._open[-3:]:
            return
        self._left -= len(text)
        self._parts.append(text)
        if self._in_main:
            self._main.append(text)

    def _describe(self, attributes: dict[str, str]) -> None:
        name = (attributes.get("name") or attributes.get("property") or "").lower()
        content = " ".join(attributes.get("content", "").split())[:300]
        if name in ("author", "article:author", "dc.creator"):
            self.meta.setdefault("author", content)
        elif name in ("article:published_time", "date", "dc.date", "last-modified"):
            self.meta.setdefault("date", content)
        elif name == "og:title" and not self.title:
            self.title = content


def html_text(source: str, *, most: int = 200_000) -> tuple[str, str, dict[str, str]]:
    """Text, title and what the page says about itself (author, date, language)."""
    page = _Page(2 * most)
    page.feed(source[:MOST_HTML])
    page.close()
    return page.text[:most], clean(page.title), page.meta


def html_encoding(data: bytes) -> str:
    """HTML as text, in the encoding that it names itself, when that is one."""
    head = data[:2_048]
    named = re.search(
        rb"(?i)<(?:meta|\?xml)[^>]{0,200}(?:charset|encoding)\s*=\s*[\"']?([\w-]{2,30})", head
    )
    if named and not data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        encoding = named[1].decode("ascii").lower()
        if encoding in _ENCODINGS or re.fullmatch(
            r"(?:iso-8859|windows|cp|koi8)[-\w]{1,8}", encoding
        ):
            try:
                return clean(data.decode(encoding, "replace"))
            except LookupError:
                pass  # a name that Python does not know: found out below
    return decode(data)


_ENCODINGS = frozenset(
    {"utf-8", "utf8", "latin1", "latin-1", "us-ascii", "ascii", "shift_jis", "shift-jis", "euc-jp",
     "iso-2022-jp", "gb2312", "gbk", "gb18030", "big5", "euc-kr", "tis-620"}
)  # fmt: skip


def _tidy(text: str) -> str:
    text = clean(text).replace("\xa0", " ")
    text = re.sub(r"[^\S\n\t]+", " ", text)
    text = re.sub(r" ?\t[ \t]*", "\t", text)
    text = "\n".join(line.strip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", text).strip()


# ---------------------------------------------------------------- RTF

_RTF = re.compile(
    r"\\([a-z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-z])|([{}])|[\r\n]+|"
    r"([^\\{}\r\n]+)|\\"
)
_RTF_DESTINATIONS = (
    "fonttbl colortbl stylesheet info pict header footer headerl headerr footerl footerr footnote "
    "object themedata listtable listoverridetable rsidtbl generator xmlnstbl fldinst datastore "
    "latentstyles filetbl revtbl bkmkstart bkmkend"
)
_RTF_SILENT = frozenset(_RTF_DESTINATIONS.split())
_RTF_SAYS = {
    "par": "\n", "line": "\n", "tab": "\t", "cell": "\t", "row": "\n", "sect": "\n\n",
    "page": "\n\n", "emdash": "—", "endash": "–", "lquote": "‘", "rquote": "’", "ldblquote": "“",
    "rdblquote": "”", "bullet": "•", "emspace": " ", "enspace": " ",
}  # fmt: skip


def rtf_text(source: str, *, most: int = 200_000) -> tuple[str, str, dict[str, str]]:
    """Text, title and author of an RTF document (specification 1.9.1), formatting left out.

    ``source`` is the file read as Latin-1.
    """
    parts: list[str] = []
    stack: list[tuple[bool, int]] = []
    silent, skip, pending, size = False, 1, 0, 0
    codepage = "cp1252"
    for match in _RTF.finditer(source):
        word, number, byte, symbol, brace, plain = match.groups()
        said = ""
        if brace == "{":
            if len(stack) < 2_000:
                stack.append((silent, skip))
        elif brace == "}":
            silent, skip = stack.pop() if stack else (False, 1)
        elif word:
            if word == "u" and number:
                said = chr(int(number) % 65_536)
                pending = skip
            elif word == "uc":
                skip = min(int(number or 1), 8)
            elif word == "ansicpg" and number:
                codepage = f"cp{number}" if number in _CODEPAGES else "cp1252"
            elif word in _RTF_SILENT:
                silent = True
            else:
                said = _RTF_SAYS.get(word, "")
        elif byte:
            if pending:
                pending -= 1
            else:
                said = bytes.fromhex(byte).decode(codepage, "replace")
        elif symbol == "*":
            silent = True
        elif symbol:
            said = {"~": "\xa0", "_": "-", "\n": "\n", "\r": "\n"}.get(symbol, "")
            said = said or (symbol if symbol in "\\{}" else "")
        elif plain:
            said, pending = plain[pending:], max(0, pending - len(plain))
        if said and not silent:
            parts.append(said)
            size += len(said)
            if size > most:
                break
    text = "".join(parts).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    meta = {"author": found} if (found := _rtf_info(source, "author")) else {}
    return _tidy(text)[:most], _rtf_info(source, "title"), meta


_CODEPAGES = frozenset({"1250", "1251", "1252", "1253", "1254", "1255", "1256", "1257", "1258",
                        "932", "936", "949", "950", "437", "850", "65001"})  # fmt: skip


def _rtf_info(source: str, name: str) -> str:
    found = re.search(rf"\{{\\{name} ([^{{}}\\]{{1,300}})\}}", source[:100_000])
    return clean(" ".join(found[1].split())) if found else ""


# ---------------------------------------------------------------- mail


def mail_text(data: bytes, *, most: int = 200_000) -> tuple[str, str, dict[str, str]]:
    """Text, subject, and author, date and names of attachments of a message (RFC 5322)."""
    import email
    from email.header import decode_header
    from email.message import Message

    def header(message: Message, name: str) -> str:
        raw = str(message.get(name, ""))[:2_000]
        try:
            pieces = decode_header(raw)
            text = "".join(
                piece.decode(encoding or "utf-8", "replace") if isinstance(piece, bytes) else piece
                for piece, encoding in pieces
            )
        except (LookupError, ValueError):
            text = raw  # an encoding nobody knows, or a header that is not one
        return clean(" ".join(text.split()))

    message = email.message_from_bytes(data)
    plain, pages, attached = "", "", []
    for count, part in enumerate(message.walk()):
        if count > 200:
            break
        if part.is_multipart():
            continue
        name = part.get_param("filename", "", "content-disposition") or part.get_param("name", "")
        if isinstance(name, str) and name:
            attached.append(clean(name)[:200])
            continue
        if part.get_content_type() not in ("text/plain", "text/html"):
            continue
        body = part.get_payload(decode=True)
        if not isinstance(body, bytes):
            continue
        charset = str(part.get_param("charset", "") or "")
        try:
            text = clean(body.decode(charset, "replace")) if charset else decode(body)
        except LookupError:
            text = decode(body)
        if part.get_content_type() == "text/plain":
            plain += text + "\n"
        else:
            pages += text
    text = plain.strip() or html_text(pages, most=most)[0]
    meta = {
        "author": header(message, "from"),
        "date": header(message, "date"),
        "to": header(message, "to"),
        "attachments": ", ".join(attached[:20]),
    }
    return text[:most], header(message, "subject"), {k: v for k, v in meta.items() if v}

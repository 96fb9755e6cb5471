"""Tells what a file is by its first bytes and by its name, and whether the two agree.

About 70 signatures (their sources are the formats' own specifications), the parts of ZIP and OLE2
containers, and a look at text. A file whose name promises something else than it holds is what a
trick looks like: nothing should be moved or opened on the strength of such a name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

HEAD_BYTES = 8_192
TAIL_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Kind:
    """What a file is."""

    name: str
    """``pdf``, ``docx``, ``jpeg``, ``text``; ``empty`` for no bytes, ``unknown`` for others."""
    family: str
    """document, text, data, spreadsheet, presentation, ebook, image, audio, video, archive,
    installer, program, disk, font, code, mail, database, key, or "" when unknown."""
    agrees: bool
    """Whether the suffix of the name may stand for this content."""
    suffix: str
    """Of the name, small, with its dot; "" when there is none."""


# kind | family | suffixes that may stand for it, the usual one first
_KINDS = """
pdf|document|pdf ai
postscript|document|ps eps ai
djvu|document|djvu djv
docx|document|docx docm dotx dotm
xlsx|spreadsheet|xlsx xlsm xltx xlsb
pptx|presentation|pptx pptm potx ppsx
odt|document|odt ott
ods|spreadsheet|ods ots
odp|presentation|odp otp
odg|image|odg
epub|ebook|epub
mobi|ebook|mobi azw azw3 prc pdb
rtf|document|rtf doc
ole|document|doc xls ppt dot xlt pps msg pub vsd mpp db
msi|installer|msi msp msm
encrypted-office|document|docx xlsx pptx docm xlsm pptm
png|image|png apng
jpeg|image|jpg jpeg jpe jfif
gif|image|gif
webp|image|webp
tiff|image|tif tiff dng nef cr2 arw
bmp|image|bmp dib
ico|image|ico cur
heic|image|heic heif hif
avif|image|avif
jxl|image|jxl
psd|image|psd psb
svg|image|svg
xcf|image|xcf
mp3|audio|mp3
flac|audio|flac
ogg|audio|ogg oga opus ogv ogx spx
wav|audio|wav
aiff|audio|aif aiff aifc
m4a|audio|m4a m4b aac
aac|audio|aac
midi|audio|mid midi
wma|video|wma wmv asf
mp4|video|mp4 m4v mov 3gp 3g2 m4a
mov|video|mov qt
matroska|video|mkv webm mka mks
avi|video|avi
mpeg|video|mpg mpeg vob ts m2ts
flv|video|flv
zip|archive|zip cbz kmz sketch oxt xpi crx key pages numbers
jar|program|jar war ear
apk|installer|apk
wheel|archive|whl
gzip|archive|gz tgz svgz
bzip2|archive|bz2 tbz tbz2
xz|archive|xz txz
zstd|archive|zst tzst
lz4|archive|lz4
7z|archive|7z cb7
rar|archive|rar cbr
tar|archive|tar
cab|archive|cab
cpio|archive|cpio
deb|installer|deb ipk
rpm|installer|rpm
exe|installer|exe dll sys scr com msix
elf|program|so o bin run appimage elf
appimage|installer|appimage
macho|program|dylib bin
dmg|installer|dmg
pkg|installer|pkg xar mpkg
iso|disk|iso img
qcow|disk|qcow2 qcow
class|program|class
wasm|program|wasm
pyc|program|pyc
ttf|font|ttf ttc
otf|font|otf
woff|font|woff woff2
sqlite|database|sqlite sqlite3 db db3
access|database|mdb accdb
torrent|data|torrent
html|document|html htm xhtml mhtml mht
eml|mail|eml
mbox|mail|mbox mbx
ics|data|ics ical
vcf|data|vcf
pem|key|pem key crt cer asc pub p7b csr
script|code|sh bash zsh py pl rb js php
xml|data|xml xsl xslt xsd rss atom opml gpx kml plist xmp svg html htm rdf owl fb2 xspf
json|data|json geojson webmanifest har ipynb map jsonl ndjson
text|text|txt text md markdown rst log csv tsv
"""
_FAMILY: dict[str, str] = {}
_SUFFIXES: dict[str, frozenset[str]] = {}
_FIRST: dict[str, str] = {}
"""The kind that a suffix stands for, where content cannot say (plain text) or there is none."""
for _line in _KINDS.strip().splitlines():
    _name, _family, _list = _line.split("|")
    _FAMILY[_name] = _family
    _SUFFIXES[_name] = frozenset(f".{one}" for one in _list.split())
    for _one in _list.split():
        _FIRST.setdefault(f".{_one}", _name)

_WRITTEN: dict[str, str] = {
    f".{suffix}": family
    for family, suffixes in {
        "text": "txt text md markdown rst adoc org tex log nfo srt vtt ass readme me diz",
        "data": "csv tsv json jsonl ndjson geojson xml yaml yml toml ini cfg conf env properties "
        "ics vcf rss atom opml gpx kml plist har map lock desktop service bib ris",
        "code": "py js ts jsx tsx mjs cjs c h cc cpp cxx hpp cs java kt kts go rs rb php pl pm sh "
        "bash zsh fish bat cmd ps1 psm1 vbs swift m mm scala clj hs lua r jl sql css scss "
        "sass less vue svelte asm s f f90 pas dart ex exs erl ml mli nim zig v vhd tcl "
        "gradle cmake mk make diff patch ipynb dockerfile tf proto",
        "document": "html htm xhtml mht mhtml rtf ps eps",
        "image": "svg",
        "mail": "eml mbox mbx",
        "key": "pem key crt cer asc pub p7b csr",
    }.items()
    for suffix in suffixes.split()
}
"""Suffixes of files that are text."""
_KEEPS_QUIET = frozenset(
    {"", ".bin", ".dat", ".data", ".bak", ".tmp", ".part", ".old", ".orig", ".download", ".file"}
)
"""Suffixes that promise nothing."""

_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%!PS", "postscript"), (0, b"AT&TFORM", "djvu"), (0, b"{\\rtf", "rtf"),
    (0, b"\x89PNG\r\n\x1a\n", "png"), (0, b"\xff\xd8\xff", "jpeg"), (0, b"GIF87a", "gif"),
    (0, b"GIF89a", "gif"), (0, b"II*\x00", "tiff"), (0, b"MM\x00*", "tiff"),
    (0, b"\x00\x00\x01\x00", "ico"), (0, b"\x00\x00\x02\x00", "ico"), (0, b"8BPS", "psd"),
    (0, b"gimp xcf", "xcf"), (0, b"\xff\x0a", "jxl"),
    (0, b"\x00\x00\x00\x0cJXL \r\n\x87\n", "jxl"), (0, b"ID3", "mp3"), (0, b"fLaC", "flac"),
    (0, b"OggS", "ogg"), (0, b"MThd", "midi"), (0, b"0&\xb2u\x8ef\xcf\x11", "wma"),
    (0, b"\x1aE\xdf\xa3", "matroska"), (0, b"\x00\x00\x01\xba", "mpeg"),
    (0, b"\x00\x00\x01\xb3", "mpeg"), (0, b"FLV\x01", "flv"), (0, b"\x1f\x8b", "gzip"),
    (0, b"BZh", "bzip2"), (0, b"\xfd7zXZ\x00", "xz"), (0, b"(\xb5/\xfd", "zstd"),
    (0, b"\x04\"M\x18", "lz4"), (0, b"7z\xbc\xaf'\x1c", "7z"), (0, b"Rar!\x1a\x07", "rar"),
    (257, b"ustar", "tar"), (0, b"MSCF", "cab"), (0, b"070701", "cpio"), (0, b"070707", "cpio"),
    (0, b"!<arch>\ndebian", "deb"), (0, b"\xed\xab\xee\xdb", "rpm"), (8, b"AI\x02", "appimage"),
    (0, b"\x7fELF", "elf"), (0, b"\xfe\xed\xfa\xce", "macho"), (0, b"\xfe\xed\xfa\xcf", "macho"),
    (0, b"\xce\xfa\xed\xfe", "macho"), (0, b"\xcf\xfa\xed\xfe", "macho"), (0, b"xar!", "pkg"),
    (0, b"QFI\xfb", "qcow"), (0, b"\x00asm", "wasm"), (0, b"\x00\x01\x00\x00\x00", "ttf"),
    (0, b"true\x00", "ttf"), (0, b"ttcf", "ttf"), (0, b"OTTO", "otf"), (0, b"wOFF", "woff"),
    (0, b"wOF2", "woff"), (0, b"SQLite format 3\x00", "sqlite"),
    (4, b"Standard Jet DB", "access"), (4, b"Standard ACE DB", "access"),
    (60, b"BOOKMOBI", "mobi"), (0, b"d8:announce", "torrent"), (0, b"d13:announce-list", "torrent"),
    (0, b"From ", "mbox"), (0, b"-----BEGIN ", "pem"), (0, b"BEGIN:VCALENDAR", "ics"),
    (0, b"BEGIN:VCARD", "vcf"), (0, b"#!", "script"),
)  # fmt: skip
_BRANDS = {
    b"heic": "heic", b"heix": "heic", b"mif1": "heic", b"msf1": "heic", b"heim": "heic",
    b"avif": "avif", b"avis": "avif", b"M4A ": "m4a", b"M4B ": "m4a", b"qt  ": "mov",
}  # fmt: skip
_IN_ZIP: tuple[tuple[bytes, str], ...] = (
    (b"word/document.xml", "docx"), (b"xl/workbook.", "xlsx"), (b"ppt/presentation.xml", "pptx"),
    (b"AndroidManifest.xml", "apk"), (b".dist-info/WHEEL", "wheel"),
    (b"META-INF/MANIFEST.MF", "jar"),
)  # fmt: skip
_MIMETYPES = {
    b"application/epub+zip": "epub",
    b"application/vnd.oasis.opendocument.text": "odt",
    b"application/vnd.oasis.opendocument.spreadsheet": "ods",
    b"application/vnd.oasis.opendocument.presentation": "odp",
    b"application/vnd.oasis.opendocument.graphics": "odg",
}
_MAIL = re.compile(
    rb"(?im)\A(?:(?:from|to|subject|date|received|return-path|message-id|mime-version|delivered-to|"
    rb"x-[\w-]+|dkim-signature|content-type|reply-to|arc-[\w-]+): .*\r?\n(?:[ \t].*\r?\n)*){3,}"
)


def kind_of(source: Path | bytes, name: str = "") -> Kind:
    """What the file or the bytes are. Reads at most 72 kB; raises OSError when it cannot."""
    if isinstance(source, bytes):
        head, tail = source[:HEAD_BYTES], source[-TAIL_BYTES:]
        whole = len(source) <= HEAD_BYTES
    else:
        name = name or source.name
        with source.open("rb") as file:
            head = file.read(HEAD_BYTES)
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL_BYTES))
            tail = file.read(TAIL_BYTES) if head[:4] in _CONTAINERS else b""
            whole = size <= HEAD_BYTES
    suffix = suffix_of(name)
    kind = _content(head, tail, whole=whole)
    if kind == "text":
        return _text(head, suffix)
    if kind == "elf" and suffix in ("", ".run", ".x86_64"):
        return Kind(kind, _FAMILY[kind], True, suffix)
    if kind in ("", "empty"):
        # Content says nothing: believe the suffix unless its kind has a signature it should show.
        promised = _FIRST.get(suffix, "")
        agrees = kind == "empty" or suffix in _KEEPS_QUIET
        agrees = agrees or (not promised and suffix not in _WRITTEN)
        return Kind(kind or "unknown", "", agrees or promised in _SHY, suffix)
    agrees = suffix in _SUFFIXES[kind] or suffix in _KEEPS_QUIET or _holds(kind, suffix)
    return Kind(kind, _FAMILY[kind], agrees, suffix)


def suffix_of(name: str) -> str:
    """The last suffix, small, with its dot: ``.gz``; "" when there is none that looks like one."""
    match = re.search(r"[^.\s/\\](\.[A-Za-z0-9_~-]{1,12})$", name)
    return match[1].lower() if match else ""


_CONTAINERS = frozenset({b"PK\x03\x04", b"PK\x05\x06", b"\xd0\xcf\x11\xe0"})
_SHY = frozenset({"mp3", "aac", "mpeg", "iso", "tar", "pyc", "dmg", "class", "gzip"})
"""Kinds that may come without their signature."""


def _holds(kind: str, suffix: str) -> bool:
    """Whether the suffix names a format that is built in this one: every .docx is a ZIP."""
    promised = _FIRST.get(suffix, "")
    if kind == "zip":
        return promised in ("jar", "apk", "wheel", "xpi") or (
            not promised and suffix not in _WRITTEN
        )
    if kind in ("docx", "xlsx", "pptx", "odt", "ods", "odp", "epub", "jar", "apk", "wheel"):
        return suffix == ".zip" or (kind == "jar" and promised in ("zip", "apk"))
    return not promised and suffix not in _WRITTEN


def _content(head: bytes, tail: bytes, *, whole: bool) -> str:
    """The kind by content alone: "text" for any text, "" when nothing is known."""
    if not head:
        return "empty"
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return _zip(head, tail)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _ole(head + tail)
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "mp4")
    if head[:4] == b"RIFF":
        return {b"WAVE": "wav", b"AVI ": "avi", b"WEBP": "webp"}.get(head[8:12], "")
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    if head[:2] == b"MZ" and (len(head) > 64 or not _is_text(head, whole=whole)):
        return "exe"
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return "bmp"
    if head[:4] == b"\xca\xfe\xba\xbe":
        return "class" if int.from_bytes(head[4:8], "big") > 40 else "macho"
    for at, magic, kind in _SIGNATURES:
        if head[at : at + len(magic)] == magic:
            # Some signatures are words: what follows must be text as well.
            if kind in ("mbox", "pem", "ics", "vcf", "script") and not _is_text(head, whole=whole):
                continue
            return kind
    if head[0] == 0xFF and len(head) > 2 and head[1] & 0xE0 == 0xE0 and not head.startswith(_BOMS):
        return "aac" if head[1] & 0xF6 == 0xF0 else "mp3"
    if head[0:1] == head[188:189] == head[376:377] == b"G":  # packets of a transport stream
        return "mpeg" if not _is_text(head, whole=whole) else "text"
    if tail[-512:-508] == b"koly":
        return "dmg"
    return "text" if _is_text(head, whole=whole) else ""


_BOMS = (b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")


def _zip(head: bytes, tail: bytes) -> str:
    if head[30:38] == b"mimetype":
        size = int.from_bytes(head[18:22], "little")
        extra = int.from_bytes(head[28:30], "little")
        return _MIMETYPES.get(head[38 + extra : 38 + extra + size].strip(), "zip")
    for part, kind in _IN_ZIP:
        if part in head or part in tail:
            return kind
    return "zip"


def _ole(parts: bytes) -> str:
    if "EncryptedPackage".encode("utf-16-le") in parts:
        return "encrypted-office"
    office = ("WordDocument", "Workbook", "Book", "PowerPoint Document", "__substg1.0", "Catalog")
    if any(stream.encode("utf-16-le") in parts for stream in office):
        return "ole"
    return "msi" if b"\x84\x10\x0c\x00\x00\x00\x00\x00\xc0\x00" in parts else "ole"


def _is_text(head: bytes, *, whole: bool) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    if b"\0" in head:
        return _wide(head)
    try:
        head.decode("utf-8")
        strange = 0
    except UnicodeDecodeError as error:
        strange = 0 if not whole and error.start > len(head) - 4 else 1
    controls = sum(one < 32 and one not in (9, 10, 12, 13, 27) for one in head)
    if controls * 50 > len(head):
        return False
    letters = sum(one in b"etaoinsrlu ETAOINSRLU" for one in head)
    return not strange or letters * 4 > len(head)  # an older 8-bit encoding


def _wide(head: bytes) -> bool:
    """UTF-16 without a mark: every other byte of mostly Latin text is zero."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    return (even == 0 or odd == 0) and max(even, odd) * 10 > len(head) * 4


def _text(head: bytes, suffix: str) -> Kind:
    """Text: its first words, or else its suffix, say which."""
    plain = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    start = plain[:1024].lower()
    kind = "text"
    if start.startswith((b"<!doctype html", b"<html")) or (
        start.startswith((b"<?xml", b"<!--")) and b"<html" in start
    ):
        kind = "html"
    elif b"<svg" in start and start.startswith((b"<?xml", b"<svg", b"<!--", b"<!doctype svg")):
        kind = "svg"
    elif start.startswith(b"<?xml"):
        kind = "xml"
    elif _MAIL.match(plain[:4096]):
        kind = "eml"
    elif plain[:1] in (b"{", b"[") and re.match(rb'[{\[]\s*(?:["{\[\d\]}]|true|false|null)', plain):
        kind = "json"
    if kind == "text":
        family = _WRITTEN.get(suffix, "text")
        name = {".csv": "csv", ".tsv": "csv", ".md": "markdown", ".markdown": "markdown"}.get(
            suffix
        )
        name = name or (_FIRST.get(suffix, "text") if family in ("document", "mail") else "text")
        if family == "code":
            name = "code"
        promised = _FIRST.get(suffix)
        agrees = suffix in _WRITTEN or suffix in _KEEPS_QUIET or not promised
        return Kind(name, family, agrees, suffix)
    family = _FAMILY[kind]
    if suffix in _WRITTEN and kind in ("json", "xml", "html", "svg", "eml"):
        agrees = suffix not in (".rtf", ".ps", ".eps")
        return Kind(kind, _WRITTEN[suffix] if suffix == ".ipynb" else family, agrees, suffix)
    agrees = suffix in _SUFFIXES[kind] or suffix in _KEEPS_QUIET or suffix not in _FIRST
    return Kind(kind, family, agrees, suffix)

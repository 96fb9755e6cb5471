"""Turns bytes of unknown encoding into clean text."""

from __future__ import annotations

import codecs
import re

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROLS = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe]"
    "|[\ud800-\udfff]"
)


def decode(data: bytes) -> str:
    """The text: by its mark, else UTF-8, else UTF-16 when half of it is zeros, else Windows-1252.

    Always succeeds. A character cut off at the end is left out. Controls, marks that change the
    direction of writing and lone surrogates are removed; line ends become ``\\n``.
    """
    return clean(_decode(data))


def clean(text: str) -> str:
    """The text without controls and direction marks, with plain line ends."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x85", "\n")
    return _CONTROLS.sub("", text)


def _decode(data: bytes) -> str:
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return data[len(bom) :].decode(encoding, "replace").rstrip("\ufffd")
    sample = data[:4_096]
    if b"\0" in sample:
        even, odd = sample[::2].count(0), sample[1::2].count(0)
        if max(even, odd) * 10 > len(sample) * 3 and min(even, odd) * 10 < len(sample):
            return data.decode("utf-16-be" if even > odd else "utf-16-le", "replace")
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        return decoder.decode(data)  # not final: a cut character is kept back
    except UnicodeDecodeError:
        # Windows-1252 leaves five bytes undefined; Latin-1 knows them all.
        return data.decode("cp1252", "replace") if _smart(data) else data.decode("latin-1")


def _smart(data: bytes) -> bool:
    """Whether bytes stand where Latin-1 has only controls: quotes, dashes and the euro."""
    return any(0x80 <= one <= 0x9F for one in data[:65_536])

"""When a photo was taken: the date in the EXIF part of a JPEG (CIPA DC-008, TIFF 6.0).

Only the few tags that hold dates are looked up; every offset is checked, because photos come from
strangers, too.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Literal

HEAD_BYTES = 262_144
_TAGS = (0x9003, 0x9004, 0x0132)  # original, digitised, changed
_EXIF_IFD = 0x8769
_MOST_ENTRIES = 200


def taken(path: Path) -> datetime | None:
    """The local time at which a JPEG says it was taken, or None. May raise OSError."""
    with path.open("rb") as file:
        return exif_date(file.read(HEAD_BYTES))


def exif_date(data: bytes) -> datetime | None:
    """The same from the first bytes of the file."""
    tiff = _exif(data)
    if tiff is None:
        return None
    if tiff[:2] not in (b"II", b"MM"):
        return None
    order: Literal["little", "big"] = "little" if tiff[:2] == b"II" else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(tiff[at : at + size], order)

    found: dict[int, str] = {}
    places = [number(4, 4)]
    for at in places:  # the first directory, and the EXIF one that it may point to
        if not 8 <= at <= len(tiff) - 2:
            continue
        for entry in range(min(number(at, 2), _MOST_ENTRIES)):
            place = at + 2 + 12 * entry
            if place + 12 > len(tiff):
                break
            tag = number(place, 2)
            if tag == _EXIF_IFD and len(places) == 1:
                places.append(number(place + 8, 4))
            elif tag in _TAGS and number(place + 2, 2) == 2:
                where = number(place + 8, 4)
                found[tag] = tiff[where : where + 19].decode("latin-1")
    for tag in _TAGS:
        if date := _date(found.get(tag, "")):
            return date
    return None


def _exif(data: bytes) -> bytes | None:
    """The TIFF structure inside the first APP1 segment that is EXIF."""
    if data[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in (0xD9, 0xDA) or size < 2:
            return None
        if marker == 0xE1 and data[at + 4 : at + 10] == b"Exif\0\0":
            return data[at + 10 : at + 2 + size]
        at += 2 + size
    return None


def _date(written: str) -> datetime | None:
    match = re.fullmatch(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)", written, re.ASCII)
    if match is None:
        return None
    try:
        date = datetime(*(int(part) for part in match.groups()))  # type: ignore[arg-type]  # six
    except ValueError:
        return None  # 0000:00:00 is what cameras without a clock write
    return date if 1980 <= date.year <= 2200 else None

from __future__ import annotations

import struct
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.text.photo import exif_date, taken


def jpeg(original: str = "2026:03:03 14:05:06", *, order: str = "<", changed: str = "") -> bytes:
    """The beginning of a JPEG with an EXIF part, written by hand."""
    mark = b"II*\x00" if order == "<" else b"MM\x00*"
    exif_at = 8 + 2 + 2 * 12 + 4
    text_at = exif_at + 2 + 12 + 4
    first = struct.pack(order + "H", 2)
    first += struct.pack(order + "HHII", 0x0132, 2, 20, text_at + 20)
    first += struct.pack(order + "HHII", 0x8769, 4, 1, exif_at) + bytes(4)
    exif = struct.pack(order + "H", 1)
    exif += struct.pack(order + "HHII", 0x9003, 2, 20, text_at) + bytes(4)
    texts = original.encode().ljust(20, b"\0") + changed.encode().ljust(20, b"\0")
    tiff = mark + struct.pack(order + "I", 8) + first + exif + texts
    app1 = b"Exif\0\0" + tiff
    jfif = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0" + bytes(9)
    return (
        b"\xff\xd8" + jfif + b"\xff\xe1" + struct.pack(">H", len(app1) + 2) + app1 + b"\xff\xda\0\0"
    )


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_photo_says_when_it_was_taken(order: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(order=order))
    assert taken(path) == datetime(2026, 3, 3, 14, 5, 6)


def test_the_time_of_taking_goes_before_the_time_of_changing() -> None:
    assert exif_date(jpeg(changed="2027:01:01 00:00:00")) == datetime(2026, 3, 3, 14, 5, 6)
    assert exif_date(jpeg("", changed="2027:01:01 00:00:00")) == datetime(2027, 1, 1)


@pytest.mark.parametrize("written", ["0000:00:00 00:00:00", "2026:13:40 99:99:99", "", "yesterday"])
def test_a_camera_without_a_clock_has_no_date(written: str) -> None:
    assert exif_date(jpeg(written)) is None


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\x89PNG", b"\xff\xd8\xff\xe1\x00\x00"])
def test_what_is_no_such_photo_has_no_date(data: bytes) -> None:
    assert exif_date(data) is None


@given(st.integers(0, len(jpeg()) - 1), st.integers(0, 255))
def test_a_changed_byte_is_never_more_than_no_date(at: int, byte: int) -> None:
    data = bytearray(jpeg())
    data[at] = byte
    exif_date(bytes(data))
    exif_date(bytes(data[:at]))

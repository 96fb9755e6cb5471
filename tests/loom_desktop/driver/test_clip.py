from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.driver.clip import HINT, Clip, judged, secret


@pytest.mark.parametrize(
    ("data", "clip"),
    [
        (b"hello", Clip("hello", size_bytes=5)),
        ("grüß".encode(), Clip("grüß", size_bytes=6)),
        (b"c string\0", Clip("c string", size_bytes=8)),
        (b"", Clip(refused="empty")),
        (b" \n\t ", Clip(refused="empty")),
        (b"\0\0", Clip(refused="empty")),
        (b"a\0b", Clip(refused="not text")),
        (b"\xff\xfe\x00", Clip(refused="not text")),
        (b"x" * 100, Clip("x" * 100, size_bytes=100)),
        (b"x" * 101, Clip(refused="too large")),
    ],
)
def test_bytes_are_text_or_left_alone(data: bytes, clip: Clip) -> None:
    assert judged(data, 100) == clip


@given(st.binary(max_size=200))
def test_any_bytes_give_utf8_text_within_the_limit_or_a_reason(data: bytes) -> None:
    clip = judged(data, 100)
    assert bool(clip.text) != bool(clip.refused)
    assert len(clip.text.encode()) == clip.size_bytes <= 100


@pytest.mark.parametrize(
    "mark",
    [
        HINT,
        'application/x-qt-windows-mime;value="Clipboard Viewer Ignore"',
        'application/x-qt-windows-mime;value="ExcludeClipboardContentFromMonitorProcessing"',
        'application/x-qt-windows-mime;value="CanIncludeInClipboardHistory"',
        "org.nspasteboard.ConcealedType",
        "com.agilebits.onepassword",
    ],
)
def test_a_secret_is_known_by_one_of_its_formats(mark: str) -> None:
    assert secret(["text/plain", mark])
    assert not secret(["text/plain", "text/html", "UTF8_STRING"])

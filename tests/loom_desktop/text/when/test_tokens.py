"""What is a number and what only looks like one."""

from __future__ import annotations

import pytest

from loom_desktop.text.when.tokens import fold, tokens


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("$50", "blob"), ("50 €", "blob"), ("30 euros", "blob"), ("555-1234", "blob"),
        ("+34600123456", "blob"), ("v1.2.3", "blob"), ("3.11.2", "blob"), ("24/7", "blob"),
        ("B12", "blob"), ("#2027", "blob"), ("a@b.org", "blob"), ("https://x.org/8:30", "blob"),
        ("8:30", "clock"), ("20h30", "hletter"), ("20h", "hletter"), ("8.30pm", "dec word"),
        ("8pm", "num word"), ("8 p.m.", "num word"), ("15th", "num"), ("1er", "num"),
        ("2027-03-03", "iso"), ("2027-03-03T14:00+01:00", "iso"), ("3/4", "slash"),
        ("3.4.", "dots"), ("3.4.2027", "dots"), ("1.5", "dec"), ("d'une heure", "word word word"),
        ("don't", "word"), ("o'clock", "word"), ("½ hour", "word word"), ("mon-fri", "word word"),
    ],
)  # fmt: skip
def test_kinds(text: str, kinds: str) -> None:
    assert " ".join(t.kind for t in tokens(text)) == kinds


def test_folding_keeps_the_place_in_the_text() -> None:
    text = "Nächsten Freitag über Öl"
    found = tokens(text)
    assert [t.word for t in found] == ["nachsten", "freitag", "uber", "ol"]
    assert [text[t.start : t.end] for t in found] == text.split()
    assert fold("Straße ’til") == "strasse 'til"

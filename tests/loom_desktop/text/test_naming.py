from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from loom_desktop.text.naming import (
    MOST_BYTES,
    deceives,
    free_name,
    safe_name,
    split_name,
    tells,
    tidy,
)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("a.pdf", ("a", ".pdf")),
        ("a.tar.gz", ("a", ".tar.gz")),
        ("a.b.PDF", ("a.b", ".PDF")),
        (".bashrc", (".bashrc", "")),
        ("a", ("a", "")),
        ("Dr. No", ("Dr. No", "")),
        ("отчёт.док", ("отчёт", ".док")),
    ],
)
def test_a_name_has_a_stem_and_a_suffix(name: str, parts: tuple[str, str]) -> None:
    assert split_name(name) == parts


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("Plain name.pdf", "Plain name.pdf"),
        ("a/b.pdf", "a-b.pdf"),
        ("../../etc/passwd", "etc-passwd"),
        ("nul.txt", "nul_.txt"),
        ("CON", "CON_"),
        ("com1.tar.gz", "com1_.tar.gz"),
        ("..hidden", "hidden"),
        ("-rf.txt", "rf.txt"),
        ("a\u202egnp.exe", "agnp.exe"),
        ("a\nb\x00c.txt", "a bc.txt"),
        ("a. . .", "a"),
        ("", "file"),
        ("..", "file"),
        ("cafe\u0301.txt", "café.txt"),
        ('a<b>"c|d?.txt', "a-b-c-d-.txt"),
    ],
)
def test_a_safe_name_has_nothing_that_is_not_allowed(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@given(st.text(max_size=200))
@example("a" * 119 + "é.pdf")
@example("aux." * 30)
@example("日本語" * 60 + ".docx")
@example("con .txt")
@example("a.\u0301" * 60)
def test_every_safe_name_keeps_the_rules(name: str) -> None:
    safe = safe_name(name)
    assert 0 < len(safe.encode()) <= MOST_BYTES
    assert not set(safe) & set('/\\:*?"<>|\x00')
    assert safe[0] not in ".- "
    assert safe[-1] not in ". "
    assert not deceives(safe)
    assert all(unicodedata.category(one)[0] != "C" or one in "\u200c\u200d" for one in safe)
    assert safe.split(".")[0].rstrip().upper() not in {"CON", "PRN", "AUX", "NUL", "COM1", "LPT9"}
    assert safe_name(safe) == safe


@given(st.text(max_size=200), st.sampled_from([".pdf", ".JPG", ".tar.gz", ".docx", ".7z"]))
def test_a_suffix_is_never_lost(stem: str, suffix: str) -> None:
    assert safe_name(f"a{stem}b{suffix}").endswith(suffix)


@pytest.mark.parametrize(
    ("taken", "name", "free"),
    [
        (set(), "a.pdf", "a.pdf"),
        ({"a.pdf"}, "a.pdf", "a (2).pdf"),
        ({"a.pdf", "a (2).pdf"}, "a.pdf", "a (3).pdf"),
        ({"a.pdf", "A (2).PDF"}, "A.pdf", "A (3).pdf"),
        ({"report (2).pdf"}, "report (2).pdf", "report (3).pdf"),
        ({"a.tar.gz"}, "a.tar.gz", "a (2).tar.gz"),
        ({"cafe\u0301"}, "café", "café (2)"),
    ],
)
def test_a_taken_name_gets_a_number(taken: set[str], name: str, free: str) -> None:
    assert free_name(taken, name) == free


@given(st.sets(st.integers(1, 30)), st.text(alphabet="aé日 ", min_size=1, max_size=80))
def test_a_free_name_is_free_and_short(numbers: set[int], stem: str) -> None:
    name = safe_name(f"{stem}.pdf")
    base, suffix = split_name(name)
    taken = {name, *(f"{base} ({number}){suffix}" for number in numbers)}
    free = free_name(taken, name)
    assert free.casefold() not in {one.casefold() for one in taken}
    assert free.endswith(suffix)
    assert len(free.encode()) <= MOST_BYTES


@pytest.mark.parametrize(
    "stem",
    [
        "download (3)", "IMG_2044", "scan0001", "Unbenannt", "x7f3k9q2", "invoice", "Rechnung_4711",
        "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "document", "final_v2", "DSC01234", "4711", "file",
        "Screenshot 2026-11-20", "attachment-1", "bcdfghjkl", "report", "Untitled document",
        "2026-11-20", "PXL_20261120_101112", "WhatsApp Image 2026-11-20 at 10.11.12", "sans titre",
        "Copy of document", "notes", "", "...", "a", "Scan%20001",
    ],
)  # fmt: skip
def test_these_names_tell_nothing(stem: str) -> None:
    assert not tells(stem)


@pytest.mark.parametrize(
    "stem",
    [
        "Rental contract Main Street", "Acme invoice March", "Lebenslauf", "履歴書", "Thesis",
        "Kopie von Haushaltsplan", "annual report 2025", "Jahresbericht", "Отпуск",
        "2026-11-20 Acme invoice 4711", "holiday_plans",
    ],
)  # fmt: skip
def test_these_names_tell_what_it_is(stem: str) -> None:
    assert tells(stem)


@pytest.mark.parametrize(
    ("stem", "words"),
    [
        ("holiday_plans (2)", "holiday plans"),
        ("My%20file%20name", "My file name"),
        ("Kopie von Plan", "Plan"),
        ("plan - Kopie", "plan"),
        ("a_b c", "a_b c"),
        ("(3)", "(3)"),
    ],
)
def test_the_marks_of_downloads_are_taken_off(stem: str, words: str) -> None:
    assert tidy(stem) == words

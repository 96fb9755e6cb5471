from __future__ import annotations

import os
import zipfile
from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loom_desktop.errors import Unavailable
from loom_desktop.text.extract import Document
from loom_desktop.text.filing import _FOLDERS, _NOUNS, Proposal, propose

TODAY = date(2026, 11, 20)
PDF = b"%PDF-1.4\n%%EOF"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(9)
EXE = b"MZ" + bytes(100)
INVOICE = "Invoice 4711\nAcme GmbH\nDate: 3 March 2026\nTotal: 119.00 EUR"


def filed(
    tmp_path: Path,
    name: str,
    data: bytes,
    text: str | None = None,
    title: str = "",
    lang: str = "en",
) -> Proposal:
    folder = tmp_path / "Downloads"
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(data)
    when = datetime(2026, 11, 5, 12).timestamp()
    os.utime(path, (when, when))
    document = None if text is None else Document("pdf", title, text)
    return propose(
        path, today=TODAY, destination=tmp_path / "Documents", document=document, language=lang
    )


def test_an_invoice_gets_a_name_a_folder_and_a_reason(tmp_path: Path) -> None:
    got = filed(tmp_path, "download (3).pdf", PDF, INVOICE)
    assert got.target == tmp_path / "Documents/Invoices/2026/2026-03-03 Acme invoice 4711.pdf"
    assert got.folder == "Invoices/2026"
    assert got.reason == "It reads like an invoice from Acme dated 3 March 2026."
    assert got.confidence > 0.8
    assert got.moves
    assert not got.warning


def test_folders_and_words_come_in_the_language_of_the_person(tmp_path: Path) -> None:
    got = filed(tmp_path, "scan0001.pdf", PDF, INVOICE, lang="de")
    assert got.folder == "Rechnungen/2026"
    assert got.name == "2026-03-03 Acme Rechnung 4711.pdf"


def test_every_language_has_the_same_folders_and_words() -> None:
    assert all(table.keys() == _FOLDERS["en"].keys() for table in _FOLDERS.values())
    assert all(table.keys() == _NOUNS["en"].keys() for table in _NOUNS.values())
    assert _FOLDERS.keys() == _NOUNS.keys()


@pytest.mark.parametrize("name", ["Acme hosting March.pdf", "Jahresbericht.pdf"])
def test_a_good_name_is_kept(tmp_path: Path, name: str) -> None:
    assert filed(tmp_path, name, PDF, INVOICE).name == name
    assert filed(tmp_path, name, PDF, "Some words.").name == name


@pytest.mark.parametrize(
    ("name", "data", "folder"),
    [
        ("setup.exe", EXE, "Installers"),
        ("tool.deb", b"!<arch>\ndebian-binary", "Installers"),
        ("stuff.7z", b"7z\xbc\xaf'\x1c" + bytes(20), "Archives"),
        ("song.mp3", b"ID3\x03" + bytes(20), "Music"),
        ("clip_20250102.mp4", b"\x00\x00\x00\x18ftypisom", "Videos/2025"),
        ("font.ttf", b"\x00\x01\x00\x00\x00" + bytes(20), "Fonts"),
        ("tool.py", b"def f():\n    pass\n", "Code"),
        ("data.csv", b"a,b\n1,2\n", "Data"),
        ("notes.txt", b"just some words", "2026"),
        ("image.png", PNG, "Pictures/2026/2026-11"),
        ("Screenshot from 2025-03-04 10-11-12.png", PNG, "Pictures/2025/2025-03"),
        ("Bildschirmfoto vom 2025-03-04.png", PNG, "Pictures/2025/2025-03"),
        ("IMG_20240506_070809.jpg", JPEG, "Pictures/2024/2024-05"),
    ],
)
def test_a_file_goes_where_its_kind_belongs(
    tmp_path: Path, name: str, data: bytes, folder: str
) -> None:
    got = filed(tmp_path, name, data)
    assert got.folder == folder
    assert got.name == name
    assert got.reason.endswith(".")


def test_a_photo_goes_by_the_day_it_was_taken(tmp_path: Path) -> None:
    exif = (
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x32\x01\x02\0\x14\0\0\0\x1a\0\0\0\0\0\0\0"
        b"2024:12:24 18:00:00\0"
    )
    data = b"\xff\xd8\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + b"\xff\xd9"
    got = filed(tmp_path, "IMG_2044.JPG", data)
    assert got.folder == "Pictures/2024/2024-12"
    assert got.name == "2024-12-24 IMG_2044.JPG"
    assert got.reason == "It is a photo taken on 24 December 2024."


def test_a_spreadsheet_and_a_book_are_known_by_their_content(tmp_path: Path) -> None:
    (tmp_path / "Downloads").mkdir()
    path = tmp_path / "Downloads/budget plan.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
    assert filed(tmp_path, path.name, path.read_bytes()).folder == "Spreadsheets"


def test_a_document_with_a_poor_name_is_named_after_its_title(tmp_path: Path) -> None:
    text = "Plans for the garden\n\nOn 3 March 2026 we met. The garden needs water and light."
    got = filed(tmp_path, "Unbenannt.pdf", PDF, text)
    assert got.name == "2026-03-03 Plans for the garden.pdf"
    titled = filed(tmp_path, "x7f3k9q2.pdf", PDF, text, title="Microsoft Word - Garden rules.docx")
    assert titled.name == "2026-03-03 Garden rules.pdf"


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("invoice.pdf", EXE, "says PDF, but it holds a program"),
        ("invoice.pdf", b"<html></html>", "holds HTML"),
        ("photo.jpg", b"just words", "plain text"),
        ("invoice.pdf.exe", EXE, "looks like a PDF, but it is a program"),
        ("photo.jpg.sh", b"#!/bin/sh\n", "looks like a JPG"),
        ("a\u202efdp.exe", EXE, "invisible marks"),
    ],
)
def test_a_file_that_is_not_what_it_says_stays_with_a_warning(
    tmp_path: Path, name: str, data: bytes, words: str
) -> None:
    got = filed(tmp_path, name, data, INVOICE)
    assert not got.moves
    assert got.warning
    assert got.confidence == 0
    assert words in got.reason


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("film.mp4.part", b"x" * 100, "downloaded"),
        ("a.crdownload", b"x" * 100, "downloaded"),
        (".hidden.txt", b"words", "hidden"),
        ("empty.pdf", b"", "empty"),
    ],
)
def test_what_is_not_ready_stays(tmp_path: Path, name: str, data: bytes, words: str) -> None:
    got = filed(tmp_path, name, data)
    assert not got.moves
    assert not got.warning
    assert words in got.reason


def test_links_and_folders_stay_and_a_missing_file_is_told(tmp_path: Path) -> None:
    link = tmp_path / "link.pdf"
    link.symlink_to(tmp_path / "elsewhere.pdf")
    assert "link" in propose(link, today=TODAY, destination=tmp_path).reason
    assert "folder" in propose(tmp_path, today=TODAY, destination=tmp_path).reason
    with pytest.raises(Unavailable, match="no longer there"):
        propose(tmp_path / "gone.pdf", today=TODAY, destination=tmp_path)


def test_a_taken_name_gets_a_number(tmp_path: Path) -> None:
    path = tmp_path / "setup.exe"
    path.write_bytes(EXE)
    asked: list[Path] = []

    def names_in(folder: Path) -> list[str]:
        asked.append(folder)
        return ["Setup.EXE"]

    got = propose(path, today=TODAY, destination=tmp_path / "D", names_in=names_in)
    assert got.name == "setup (2).exe"
    assert asked == [tmp_path / "D/Installers"]


def test_a_file_in_its_place_stays(tmp_path: Path) -> None:
    folder = tmp_path / "Installers"
    folder.mkdir()
    (folder / "setup.exe").write_bytes(EXE)
    got = propose(folder / "setup.exe", today=TODAY, destination=tmp_path, names_in=os.listdir)
    assert not got.moves
    assert "already" in got.reason


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(sender=st.text(max_size=60), number=st.text(max_size=30), title=st.text(max_size=150))
def test_no_content_leads_outside_of_the_destination(
    tmp_path: Path, sender: str, number: str, title: str
) -> None:
    text = f"From: {sender}\nInvoice No: {number}\nTotal 5.00 EUR\n{title}"
    for body in (text, title):
        got = filed(tmp_path, "scan0001.pdf", PDF, body, title=title)
        inside = got.target.relative_to(tmp_path / "Documents")
        assert ".." not in inside.parts
        assert got.name == got.target.name
        assert got.name.endswith(".pdf")
        assert len(got.name.encode()) <= 120

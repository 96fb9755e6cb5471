from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from loom_desktop.errors import NotUnderstood, Unavailable
from loom_desktop.text.extract import extract


def pdf(*pages: str, title: str = "", encrypted: bool = False) -> bytes:
    """A small PDF, written by hand: one line of text on each page."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    kids = []
    font = 3 + 2 * len(pages)
    for at, text in enumerate(pages):
        kids.append(f"{3 + 2 * at} 0 R")
        stream = f"BT /F1 12 Tf 50 700 Td ({text}) Tj ET".encode("latin-1")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {4 + 2 * at} 0 R "
            f"/Resources << /Font << /F1 {font} 0 R >> >> >>".encode()
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    objects[1] = f"<< /Type /Pages /Count {len(pages)} /Kids [{' '.join(kids)}] >>".encode()
    objects.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    objects.append(f"<< /Title ({title}) /Author (Anna) >>".encode())
    trailer = f"/Root 1 0 R /Info {len(objects)} 0 R /Size {len(objects) + 1}"
    if encrypted:
        key = "00" * 32
        trailer += f" /Encrypt << /Filter /Standard /V 1 /R 2 /O <{key}> /U <{key}> /P -4 >>"
        trailer += " /ID [<00112233445566778899aabbccddeeff> <00112233445566778899aabbccddeeff>]"
    out = b"%PDF-1.4\n"
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + b"trailer << %s >>\nstartxref\n%d\n%%%%EOF\n" % (trailer.encode(), start)


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_a_pdf_gives_its_text_title_and_pages(tmp_path: Path) -> None:
    got = extract(written(tmp_path / "a.pdf", pdf("Hello world", "Second page", title="My paper")))
    assert got.kind == "pdf"
    assert got.text == "Hello world\n\nSecond page"
    assert got.title == "My paper"
    assert got.meta["author"] == "Anna"
    assert got.pages == 2
    assert not got.cut


def test_a_long_pdf_is_cut(tmp_path: Path) -> None:
    path = written(tmp_path / "a.pdf", pdf(*["Some words on a page"] * 20))
    got = extract(path, max_chars=50)
    assert got.cut
    assert len(got.text) <= 50
    assert got.pages == 20


def test_a_pdf_with_a_password_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotUnderstood, match="password") as raised:
        extract(written(tmp_path / "a.pdf", pdf("secret", encrypted=True)))
    assert raised.value.hint


@pytest.mark.parametrize("data", [b"%PDF-1.4\n", b"%PDF-1.7 garbage" * 50, pdf("x")[:60]])
def test_a_damaged_pdf_says_so(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(NotUnderstood, match="damaged"):
        extract(written(tmp_path / "a.pdf", data))


def test_plain_text_is_read_in_any_encoding(tmp_path: Path) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "latin-1"):
        path = written(tmp_path / "a.txt", "Grüße an alle, die dieses lesen".encode(encoding))
        got = extract(path)
        assert got.text == "Grüße an alle, die dieses lesen"
        assert got.kind == "text"


def test_long_text_is_cut_and_says_so(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", b"word " * 10_000)
    got = extract(path, max_chars=100)
    assert len(got.text) == 100
    assert got.cut
    assert extract(path, max_bytes=1000).cut


def test_tables_have_tabs_between_their_cells(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", b'name;amount\n"Rent; flat";900\nWater;40\n')
    assert extract(path).text == "name\tamount\nRent; flat\t900\nWater\t40"


def test_html_rtf_mail_and_markdown_go_to_their_readers(tmp_path: Path) -> None:
    page = extract(
        written(tmp_path / "a.html", b"<html><title>T</title><p>Hello<script>x</script>")
    )
    assert (page.kind, page.title, page.text) == ("html", "T", "Hello")
    letter = extract(written(tmp_path / "a.rtf", b"{\\rtf1 Hello\\par}"))
    assert (letter.kind, letter.text) == ("rtf", "Hello")
    mail = extract(written(tmp_path / "a.eml", b"From: a@b.cc\nTo: c@d.ee\nSubject: Hi\n\nHello"))
    assert (mail.kind, mail.title, mail.text) == ("eml", "Hi", "Hello")
    notes = extract(written(tmp_path / "a.md", b"# Notes\n\nHello"))
    assert (notes.kind, notes.title) == ("markdown", "Notes")


def test_office_documents_go_to_their_reader(tmp_path: Path) -> None:
    path = tmp_path / "a.docx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
        archive.writestr("word/document.xml", '<w:d xmlns:w="w"><w:p><w:t>Hello</w:t></w:p></w:d>')
    got = extract(path)
    assert (got.kind, got.text) == ("docx", "Hello")


def test_an_empty_file_is_an_empty_document(tmp_path: Path) -> None:
    assert extract(written(tmp_path / "a.pdf", b"")).kind == "empty"


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(20), "a picture"),
        ("a.zip", b"PK\x03\x04" + bytes(40), "an archive"),
        ("a.bin", bytes(range(256)) * 2, "no document"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old Office format"),
        (
            "a.docx",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            "password",
        ),
    ],
)
def test_what_has_no_text_says_what_it_is(
    tmp_path: Path, name: str, data: bytes, words: str
) -> None:
    with pytest.raises(NotUnderstood, match=words) as raised:
        extract(written(tmp_path / name, data))
    assert raised.value.hint


def test_what_is_gone_or_no_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no longer there"):
        extract(tmp_path / "gone.pdf")
    with pytest.raises(NotUnderstood, match="folder"):
        extract(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotUnderstood, match="ordinary"):
        extract(tmp_path / "pipe")


def test_a_document_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotUnderstood, match="too large"):
        extract(written(tmp_path / "a.pdf", pdf("x")), max_bytes=100)

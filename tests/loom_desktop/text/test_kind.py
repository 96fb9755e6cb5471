from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.text.kind import kind_of, suffix_of


def zipped(*names: str, mimetype: str = "") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        if mimetype:
            archive.writestr("mimetype", mimetype)
        for name in names:
            archive.writestr(name, "x" * 5000)
    return file.getvalue()


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500)
DOCX = zipped("[Content_Types].xml", "padding.bin", "pad2.bin", "word/document.xml")
ODF = "application/vnd.oasis.opendocument."
PE = b"MZ" + bytes(100) + b"This program cannot be run in DOS mode"

KNOWN = [
    (b"%PDF-1.7\n", "a.pdf", "pdf", "document"),
    (DOCX, "a.docx", "docx", "document"),
    (zipped("[Content_Types].xml", "xl/workbook.xml"), "a.xlsx", "xlsx", "spreadsheet"),
    (zipped("[Content_Types].xml", "ppt/presentation.xml"), "a.pptx", "pptx", "presentation"),
    (zipped("content.xml", mimetype=ODF + "text"), "a.odt", "odt", "document"),
    (zipped("x.opf", mimetype="application/epub+zip"), "a.epub", "epub", "ebook"),
    (zipped("notes.txt"), "a.zip", "zip", "archive"),
    (zipped("META-INF/MANIFEST.MF"), "a.jar", "jar", "program"),
    (OLE + "WordDocument".encode("utf-16-le"), "a.doc", "ole", "document"),
    (OLE + "EncryptedPackage".encode("utf-16-le"), "a.docx", "encrypted-office", "document"),
    (b"{\\rtf1\\ansi hello}", "a.rtf", "rtf", "document"),
    (b"\x89PNG\r\n\x1a\n" + bytes(20), "a.png", "png", "image"),
    (b"\xff\xd8\xff\xe0" + bytes(20), "a.JPG", "jpeg", "image"),
    (b"GIF89a" + bytes(20), "a.gif", "gif", "image"),
    (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "a.webp", "webp", "image"),
    (b"RIFF\x00\x00\x00\x00WAVEfmt ", "a.wav", "wav", "audio"),
    (b"\x00\x00\x00\x18ftypheic" + bytes(20), "a.heic", "heic", "image"),
    (b"\x00\x00\x00\x18ftypisom" + bytes(20), "a.mp4", "mp4", "video"),
    (b"\x00\x00\x00\x18ftypM4A " + bytes(20), "a.m4a", "m4a", "audio"),
    (b"ID3\x03" + bytes(20), "a.mp3", "mp3", "audio"),
    (b"\xff\xfb\x90\x00" + bytes(200), "a.mp3", "mp3", "audio"),
    (b"fLaC" + bytes(20), "a.flac", "flac", "audio"),
    (b"\x1aE\xdf\xa3" + bytes(20), "a.mkv", "matroska", "video"),
    (b"\x1f\x8b\x08" + bytes(20), "a.tar.gz", "gzip", "archive"),
    (b"7z\xbc\xaf'\x1c" + bytes(20), "a.7z", "7z", "archive"),
    (bytes(257) + b"ustar\x00", "a.tar", "tar", "archive"),
    (b"!<arch>\ndebian-binary", "a.deb", "deb", "installer"),
    (PE, "setup.exe", "exe", "installer"),
    (b"\x7fELF" + bytes(20), "tool", "elf", "program"),
    (b"\x00\x01\x00\x00\x00" + bytes(20), "a.ttf", "ttf", "font"),
    (b"SQLite format 3\x00", "a.db", "sqlite", "database"),
    (b"<!DOCTYPE html><html><body>x", "a.html", "html", "document"),
    (b"<?xml version='1.0'?><svg xmlns='x'/>", "a.svg", "svg", "image"),
    (b'{"a": 1}', "a.json", "json", "data"),
    (b"From: a@b.cc\nTo: c@d.ee\nSubject: hi\nDate: x\n\nHello", "a.eml", "eml", "mail"),
    (b"BEGIN:VCALENDAR\nVERSION:2.0", "a.ics", "ics", "data"),
    (b"#!/bin/sh\necho hi", "a.sh", "script", "code"),
    (b"a,b\n1,2\n", "a.csv", "csv", "data"),
    (b"def f():\n    pass\n", "a.py", "code", "code"),
    (b"just words", "a.txt", "text", "text"),
    ("Grüße".encode("utf-16"), "a.txt", "text", "text"),
    ("Grüße an alle, die hier sind".encode("latin-1"), "a.txt", "text", "text"),
    (b"just words", "README", "text", "text"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "name", "kind", "family"), KNOWN)
def test_content_says_what_a_file_is(data: bytes, name: str, kind: str, family: str) -> None:
    got = kind_of(data, name)
    assert (got.name, got.family) == (kind, family)
    assert got.agrees


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (PE, "invoice.pdf"),
        (b"<html>not a pdf</html>", "invoice.pdf"),
        (b"just words", "invoice.pdf"),
        (b"just words", "photo.jpg"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "report.docx"),
        (b"%PDF-1.7\n", "setup.exe"),
        (zipped("notes.txt"), "report.docx"),
        (zipped("META-INF/MANIFEST.MF"), "song.mp3"),
        (bytes(range(256)) * 4, "report.pdf"),
        (b"\x7fELF" + bytes(20), "notes.txt"),
        (b"<html></html>", "table.xls"),
        (b"#!/bin/sh\nrm", "photo.png"),
    ],
)
def test_a_name_that_promises_something_else_does_not_agree(data: bytes, name: str) -> None:
    assert not kind_of(data, name).agrees


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (DOCX, "a.zip"),
        (DOCX, "download"),
        (bytes(range(256)) * 4, "blob.bin"),
        (bytes(range(256)) * 4, "strange.xyz"),
        (b"", "empty.pdf"),
        (b"const a = 1;", "a.ts"),
        (b'{"cells": []}', "a.ipynb"),
    ],
)
def test_a_name_that_promises_nothing_wrong_agrees(data: bytes, name: str) -> None:
    assert kind_of(data, name).agrees


def test_a_file_is_read_at_its_head_and_tail_only(tmp_path: Path) -> None:
    path = tmp_path / "big.docx"
    path.write_bytes(
        zipped("[Content_Types].xml", *(f"f{n}" for n in range(40)), "word/document.xml")
    )
    assert kind_of(path).name == "docx"
    with pytest.raises(FileNotFoundError):
        kind_of(tmp_path / "gone.txt")


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("a.PDF", ".pdf"),
        ("a.tar.gz", ".gz"),
        (".bashrc", ""),
        ("a", ""),
        ("a. b", ""),
        ("a.b c", ""),
    ],
)
def test_a_suffix_is_small_and_has_a_dot(name: str, suffix: str) -> None:
    assert suffix_of(name) == suffix


@given(st.binary(max_size=600), st.text(max_size=20))
def test_any_bytes_have_a_kind(data: bytes, name: str) -> None:
    got = kind_of(data, name)
    assert got.name
    assert kind_of(data, name) == got

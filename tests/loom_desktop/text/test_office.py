from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from loom_desktop.errors import NotUnderstood
from loom_desktop.text import office
from loom_desktop.text.office import office_text

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
CORE = (
    '<cp:coreProperties xmlns:cp="c" xmlns:dc="d" xmlns:t="t"><dc:title>The plan</dc:title>'
    "<dc:creator>Anna</dc:creator><t:created>2026-03-03T10:00:00Z</t:created></cp:coreProperties>"
)


def packed(path: Path, **members: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "/"), text)
    return path


def docx(path: Path, body: str, **more: str) -> Path:
    members = {"word/document.xml": f"<w:document {W}><w:body>{body}</w:body></w:document>", **more}
    return packed(path, **members)


def test_a_letter_gives_its_paragraphs_and_who_wrote_it(tmp_path: Path) -> None:
    body = "<w:p><w:r><w:t>One</w:t><w:tab/><w:t>two</w:t></w:r></w:p>"
    body += "<w:p><w:r><w:t>Three</w:t></w:r></w:p>"
    path = docx(tmp_path / "a.docx", body, **{"docProps/core.xml": CORE})
    got = office_text(path, "docx", most=1000)
    assert got.text == "One\ttwo\nThree"
    assert got.title == "The plan"
    assert got.meta == {"author": "Anna", "date": "2026-03-03T10:00:00Z"}
    assert not got.cut


def test_a_workbook_gives_its_rows(tmp_path: Path) -> None:
    path = packed(
        tmp_path / "a.xlsx",
        **{
            "xl/workbook.xml": '<w xmlns="x"><sheets><sheet name="Costs"/></sheets></w>',
            "xl/sharedStrings.xml": '<sst xmlns="x"><si><t>Rent</t></si>'
            "<si><r><t>Wa</t></r><r><t>ter</t></r></si></sst>",
            "xl/worksheets/sheet1.xml": '<s xmlns="x"><sheetData>'
            '<row><c t="s"><v>0</v></c><c><v>900</v></c></row>'
            '<row><c t="s"><v>1</v></c><c t="inlineStr"><is><t>40</t></is></c></row>'
            '<row><c t="s"><v>99</v></c></row></sheetData></s>',
        },
    )  # fmt: skip
    got = office_text(path, "xlsx", most=1000)
    assert got.text == "Rent\t900\nWater\t40"
    assert got.pages == 1


def test_slides_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    slide = '<p:s xmlns:p="p" xmlns:a="a"><a:p><a:r><a:t>Slide {}</a:t></a:r></a:p></p:s>'
    members = {f"ppt/slides/slide{n}.xml": slide.format(n) for n in (10, 2, 1)}
    got = office_text(packed(tmp_path / "a.pptx", **members), "pptx", most=1000)
    assert got.text.split("\n\n") == ["Slide 1", "Slide 2", "Slide 10"]
    assert got.pages == 3


@pytest.mark.parametrize("kind", ["odt", "ods", "odp"])
def test_opendocument_gives_its_text(tmp_path: Path, kind: str) -> None:
    content = (
        '<o:d xmlns:o="o" xmlns:t="t"><t:h>Head</t:h><t:p>One<t:s t:c="2"/>two'
        "<t:line-break/>three</t:p>"
        "</o:d>"
    )
    path = packed(tmp_path / f"a.{kind}", **{"content.xml": content})
    assert office_text(path, kind, most=1000).text == "Head\nOne  two\nthree"


def test_a_book_is_read_along_its_spine_and_never_outside_of_it(tmp_path: Path) -> None:
    path = packed(
        tmp_path / "a.epub",
        **{
            "META-INF/container.xml": '<c xmlns="x"><rootfile full-path="OPS/book.opf"/></c>',
            "OPS/book.opf": '<package xmlns="x" xmlns:dc="d">'
            "<metadata><dc:title>Book</dc:title></metadata>"
            '<manifest><item id="a" href="one.xhtml"/><item id="b" href="two%20x.xhtml"/>'
            '<item id="c" href="../../../etc/passwd"/></manifest>'
            '<spine><itemref idref="b"/><itemref idref="a"/><itemref idref="c"/>'
            '<itemref idref="z"/></spine></package>',
            "OPS/one.xhtml": "<!DOCTYPE html><html><body><p>First</p></body></html>",
            "OPS/two x.xhtml": "<html><body><p>Second</p></body></html>",
        },
    )  # fmt: skip
    got = office_text(path, "epub", most=1000)
    assert got.text == "Second\n\nFirst"
    assert got.title == "Book"
    assert got.pages == 2


def test_text_beyond_the_limit_is_cut(tmp_path: Path) -> None:
    path = docx(tmp_path / "a.docx", "<w:p><w:t>abcdefghij</w:t></w:p>" * 100)
    got = office_text(path, "docx", most=50)
    assert len(got.text) <= 50
    assert got.cut


def test_a_zip_bomb_ends_the_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(office, "MOST_UNPACKED", 300_000)
    path = docx(tmp_path / "a.docx", "<w:p><w:t>hi</w:t></w:p>" + " " * 50_000_000)
    assert path.stat().st_size < 100_000
    got = office_text(path, "docx", most=1000)
    assert got.cut
    assert got.text == "hi"


BOMB = (
    '<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
    f"<w:document {W}><w:p><w:t>&b;</w:t></w:p></w:document>"
)
OUTSIDE = (
    '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    f"<w:document {W}><w:p><w:t>&x;</w:t></w:p></w:document>"
)


@pytest.mark.parametrize("xml", [BOMB, OUTSIDE, "<w:document", "", "\x00", "<a></b>"])
def test_entities_and_broken_xml_are_refused_in_words(tmp_path: Path, xml: str) -> None:
    path = packed(tmp_path / "a.docx", **{"word/document.xml": xml})
    with pytest.raises(NotUnderstood, match="damaged"):
        office_text(path, "docx", most=1000)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 broken", b"PK\x05\x06" + bytes(18), b"x" * 100])
@pytest.mark.parametrize("kind", ["docx", "xlsx", "pptx", "odt", "epub"])
def test_a_broken_archive_is_refused_in_words(tmp_path: Path, data: bytes, kind: str) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(data)
    try:
        got = office_text(path, kind, most=1000)
    except NotUnderstood as error:
        assert "damaged" in error.message  # noqa: PT017 - an empty archive of slides is fine
    else:
        assert got.text == ""


def test_a_directory_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    path = docx(tmp_path / "a.docx", "<w:p/>")
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\x05\x06")
    data[at + 12 : at + 16] = (200_000_000).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(NotUnderstood, match="too many parts"):
        office_text(path, "docx", most=1000)


def test_an_encrypted_member_is_said_to_need_a_password(tmp_path: Path) -> None:
    path = docx(tmp_path / "a.docx", "<w:p/>")
    data = bytearray(path.read_bytes())
    data[6] |= 1  # the flag in the local header and in the directory
    data[data.rfind(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(NotUnderstood, match="password"):
        office_text(path, "docx", most=1000)


@pytest.mark.parametrize("at", range(0, 400, 7))
def test_a_flipped_byte_is_text_or_words(tmp_path: Path, at: int) -> None:
    path = docx(tmp_path / "a.docx", "<w:p><w:t>hello</w:t></w:p>", **{"docProps/core.xml": CORE})
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= 0xFF
    path.write_bytes(data)
    try:
        office_text(path, "docx", most=1000)
    except NotUnderstood as error:
        assert error.hint  # noqa: PT017 - both ways out are fine

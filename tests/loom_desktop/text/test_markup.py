from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.text.markup import html_encoding, html_text, mail_text, rtf_text

PAGE = """<!doctype html><html lang="de"><head><title>The  title</title>
<meta name="author" content="Anna"><meta property="article:published_time" content="2026-03-03">
<style>p {color: red}</style><script>alert("no")</script></head>
<body><nav>Home | About</nav><header>Logo</header>
<p>First <b>bold</b> &amp; plain.</p><ul><li>one<li>two</ul>
<table><tr><td>a<td>b</tr></table><footer>Imprint</footer></body></html>"""


def test_a_page_becomes_what_a_reader_sees() -> None:
    text, title, meta = html_text(PAGE)
    assert title == "The title"
    assert "First bold & plain." in text
    assert "- one\n- two" in text
    assert "a\tb" in text
    assert meta == {"author": "Anna", "date": "2026-03-03", "language": "de"}


@pytest.mark.parametrize("gone", ["alert", "color", "Home", "Imprint", "The title"])
def test_scripts_styles_and_menus_are_left_out(gone: str) -> None:
    assert gone not in html_text(PAGE)[0]


def test_the_main_part_is_preferred() -> None:
    story = "The bridge was opened today. " * 20
    text, _, _ = html_text(f"<div>Ad</div><article><p>{story}</p></article><div>More ads</div>")
    assert "bridge" in text
    assert "ads" not in text


@pytest.mark.parametrize(
    "evil", ["<div>" * 50_000, "<" * 50_000, "&" * 50_000, "<p " + "a=b " * 50_000, "</p>" * 50_000]
)
@pytest.mark.timeout(10)
def test_broken_html_ends(evil: str) -> None:
    html_text(evil)


@given(st.text(max_size=300))
def test_any_text_is_some_html(text: str) -> None:
    assert isinstance(html_text(text)[0], str)


def test_the_encoding_that_a_page_names_is_used() -> None:
    page = '<meta charset="shift_jis"><p>今日は</p>'.encode("shift_jis")
    assert "今日は" in html_encoding(page)
    assert "Grüße" in html_encoding('<meta charset="nonsense"><p>Grüße'.encode())


RTF = (
    r"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}{\info{\title My letter}{\author Anna}}"
    r"\pard Gr\'fc\'dfe \u8364?5\par Second {\b bold} line\par{\*\hidden secret}{\pict 0102}}"
)


def test_rtf_gives_its_words_without_its_formatting() -> None:
    text, title, meta = rtf_text(RTF)
    assert text == "Grüße €5\nSecond bold line"
    assert title == "My letter"
    assert meta == {"author": "Anna"}


@given(st.text(alphabet="{}\\'abu*0123 \n", max_size=200))
def test_any_rtf_is_safe(text: str) -> None:
    rtf_text("{\\rtf1" + text)[0].encode("utf-8")


MAIL = (
    b"From: =?utf-8?q?J=C3=B6rg?= <j@example.com>\r\nTo: a@example.com\r\nSubject: Hello\r\n"
    b"Date: Tue, 3 Mar 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=X\r\n\r\n--X\r\nContent-Type: text/plain; "
    b"charset=utf-8\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n--X\r\nContent-Type: application/pdf\r\n"
    b"Content-Disposition: attachment; filename=bill.pdf\r\n\r\nxxx\r\n--X--\r\n"
)


def test_a_mail_gives_its_words_and_who_wrote_it() -> None:
    text, subject, meta = mail_text(MAIL)
    assert text == "Grüße"
    assert subject == "Hello"
    assert meta["author"] == "Jörg <j@example.com>"
    assert meta["attachments"] == "bill.pdf"


def test_a_mail_of_html_alone_is_read_too() -> None:
    data = b"Subject: x\nContent-Type: text/html; charset=nonsense\n\n<p>Hello <b>you</b></p>"
    assert mail_text(data)[0] == "Hello you"


@given(st.binary(max_size=300))
def test_any_mail_is_safe(data: bytes) -> None:
    mail_text(b"Subject: x\nContent-Type: multipart/mixed; boundary=X\n\n--X\n" + data)
    mail_text(data)

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtGui import QTextDocument

from app.markdown import CODE_PAD, Ink, Stream, Writer, completed, finished, link, marked
from app.theme import LIGHT

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

SAMPLE = """Some **bold** and *slanted* `code` with a [link](https://example.org/x).

1. one
2. two

   goes on
3. three

- a
  - b
- [x] done

> quoted
> twice

```python
def f():

    return 1
```

| a | b |
|---|--:|
| 1 | 2 |

## End
---
Last words."""


def made() -> tuple[QTextDocument, Writer]:
    document = QTextDocument()
    return document, Writer(document, Ink(LIGHT))


def written(markdown: str) -> tuple[QTextDocument, Writer]:
    document, writer = made()
    Stream(writer).finish(markdown)
    return document, writer


def shape(document: QTextDocument) -> list[tuple[object, ...]]:
    """All that can be seen of a document."""
    found: list[tuple[object, ...]] = []
    block = document.begin()
    while block.isValid():
        form, listed = block.blockFormat(), block.textList()
        fragments = []
        it = block.begin()
        while not it.atEnd():
            char = it.fragment().charFormat()
            fragments.append(
                (it.fragment().text(), char.fontWeight(), char.fontItalic(), char.anchorHref())
            )
            it += 1
        found.append(
            (
                tuple(fragments),
                form.topMargin(),
                form.bottomMargin(),
                form.leftMargin(),
                listed.itemText(block) if listed is not None else "",
            )
        )
        block = block.next()
    return found


@pytest.mark.parametrize("step", [1, 2, 3, 7, 50, 10_000])
def test_a_stream_in_pieces_ends_like_the_whole(qtbot: QtBot, step: int) -> None:
    document, writer = made()
    stream = Stream(writer)
    for at in range(0, len(SAMPLE), step):
        stream.feed(SAMPLE[at : at + step])
        stream.flush()
    stream.finish()
    whole, whole_writer = written(SAMPLE)
    assert shape(document) == shape(whole)
    kinds = [card.kind for card in writer.cards.values()]
    assert kinds == [card.kind for card in whole_writer.cards.values()]
    assert kinds == ["quote", "code", "rule"]
    assert [c.text for c in writer.cards.values() if c.kind == "code"] == [
        "def f():\n\n    return 1"
    ]


WORDS = (
    "word ", "**b** ", "\n", "\n\n", "- item\n", "1. one\n", "```\n", "~~~\n", "    x\n", "> q\n",
    "| a | b |\n", "|--|--|\n", "# h\n", "c`", "[t](http", "![i](x)", "<b>", "---\n", "\u202e",
    "مرحبا ", "  - n\n", "\\", "*", " ``",
)  # fmt: skip
PIECES = st.lists(st.sampled_from(WORDS), max_size=40)


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(pieces=PIECES)
def test_whatever_comes_the_document_survives_and_no_words_are_lost(
    qapp: object, pieces: list[str]
) -> None:
    document, writer = made()
    stream = Stream(writer)
    for piece in pieces:
        stream.feed(piece)
        stream.flush()
    stream.finish()
    assert document.toPlainText().count("word") == "".join(pieces).count("word")
    assert stream.text == "".join(pieces)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("one\n\ntwo", "one\n\n"),
        ("one\ntwo", ""),
        ("one\n\n  - still the same", ""),
        ("- a\n- b", "- a\n"),
        ("- a\n  more", ""),
        ("1. a\n2. b", "1. a\n"),
        ("born in\n1984. what", ""),
        ("```\na\n\nb", ""),
        ("```\na\n```\n\nb", "```\na\n```\n\n"),
        ("text\n```py\n", "text\n"),
        ("text\n```py", ""),
        ("~~~\n```\n\nx", ""),
        ("a\n\nb\n\nc", "a\n\nb\n\n"),
        ("", ""),
        ("\n\n", ""),
    ],
)
def test_a_block_stays_as_soon_as_another_begins(text: str, kept: str) -> None:
    assert text[: finished(text)] == kept


@pytest.mark.parametrize(
    ("tail", "shown"),
    [
        ("a **b", "a **b**"),
        ("a **", "a "),
        ("a **b*", "a **b**"),
        ("a **b**", "a **b**"),
        ("say `x", "say `x`"),
        ("say `", "say "),
        ("see [the page](http://exa", "see the page"),
        ("see [the page](http://e.org)", "see [the page](http://e.org)"),
        ("~~no", "~~no~~"),
        ("5 * 3", "5 * 3"),
    ],
)
def test_marks_do_not_flicker_while_they_are_half_there(tail: str, shown: str) -> None:
    assert completed(tail) == shown


@pytest.mark.parametrize(
    "text",
    [
        "![pic](http://example.org/x.png)",
        "![](file:///etc/passwd)",
        "<img src='http://example.org/x.png'>",
        "<script>alert(1)</script>",
        "[x](file:///etc/passwd)",
        "[x](\\\\server\\share)",
        "[x](//server/share)",
        "[x](javascript:alert(1))",
        "[x](mailto:a@b.c)",
        "[x](http:///nohost)",
        "<file:///etc/passwd>",
        "[x](data:text/html,hi)",
        "[ref]: file:///etc/passwd\n\n[ref]",
    ],
)
def test_no_picture_file_or_script_gets_in(qtbot: QtBot, text: str) -> None:
    document, _ = written(f"before {text} after\n\n{text}")
    assert all(not href for block in shape(document) for _, _, _, href in block[0])  # type: ignore[attr-defined]  # tuples above
    html = document.toHtml()
    assert "<img" not in html
    assert "<script" not in html
    assert "href" not in html


def test_of_a_picture_its_words_are_left(qtbot: QtBot) -> None:
    document, _ = written("A ![cat & dog](http://example.org/x.png).")
    assert document.toPlainText() == "A [cat & dog]."


def test_a_link_keeps_its_words_and_shows_where_it_leads(qtbot: QtBot) -> None:
    document, _ = written("[your bank](https://evil.example/login) and https://good.example/x")
    text = document.toPlainText()
    assert "your bank (evil.example)" in text
    assert text.count("good.example") == 1


@pytest.mark.parametrize(
    ("href", "host"),
    [
        ("https://example.org/a?b=c", "example.org"),
        ("HTTP://Example.org", "example.org"),
        ("https://google.com@evil.example/", "evil.example"),
        ("https://аррle.com/", "xn--le-6kcf3c.com"),
        ("ftp://example.org", None),
        ("https:example.org", None),
        ("", None),
        ("file://host/share", None),
    ],
)
def test_only_web_links_count_and_their_host_is_told_plainly(href: str, host: str | None) -> None:
    found = link(href)
    if host is None:
        assert found is None
    else:
        assert found is not None
        assert found.host.startswith("xn--") if host.startswith("xn--") else found.host == host


def test_signs_that_cannot_be_seen_become_marks_in_code(qtbot: QtBot) -> None:
    assert marked("a\u202eb\u200bc") == "a⟨202E⟩b⟨200B⟩c"
    document, writer = written("```\nif a\u202e: pass\n```\n")
    assert "if a⟨202E⟩: pass" in document.toPlainText()
    assert next(iter(writer.cards.values())).text == "if a\u202e: pass"


def test_a_number_list_goes_on_counting_across_pieces(qtbot: QtBot) -> None:
    document, _ = written("3. three\n4. four\n5. five")
    assert [row[4] for row in shape(document)] == ["3.", "4.", "5."]


def test_the_answer_that_was_sent_replaces_what_streamed(qtbot: QtBot) -> None:
    document, writer = made()
    stream = Stream(writer)
    stream.feed("half an ans\n\n```\ncode")
    stream.flush()
    stream.finish("The whole answer.")
    assert document.toPlainText() == "The whole answer."
    assert writer.cards == {}


def test_long_code_and_lists_are_not_written_again_at_every_flush(qtbot: QtBot) -> None:
    for line in ("    value = 1\n", "- item\n"):
        document, writer = made()
        stream = Stream(writer)
        stream.feed("```\n" if line[0] == " " else "")
        counts = []
        for _ in range(300):
            stream.feed(line)
            before = document.revision()
            stream.flush()
            counts.append(document.revision() - before)
        assert max(counts[-50:]) <= 2 * max(counts[5:55])
        assert document.blockCount() >= 299


def test_rows_beyond_those_that_are_shown_are_not_written_again(qtbot: QtBot) -> None:
    document, writer = made()
    stream = Stream(writer)
    head, row = "| a | b |\n|--|--|\n", "| one | **two** |\n"
    stream.feed(head + 250 * row)
    stream.flush()
    before = document.revision()
    for piece in (row, 10 * row, row[:5], row[5:]):
        stream.feed(piece)
        stream.flush()
    assert document.revision() == before
    for piece in ("> said\n", row, "\nafter"):
        stream.feed(piece)
        stream.flush()
        assert document.revision() > before
    assert "after" in document.toPlainText()
    stream.finish()
    assert shape(document) == shape(written(stream.text)[0])


def test_what_follows_a_table_stands_clear_of_it(qtbot: QtBot) -> None:
    def top(after: str) -> float:
        document, _ = written("| a |\n|--|\n| c |\n\n" + after)
        return document.documentLayout().blockBoundingRect(document.lastBlock()).top()

    assert top("```\nx\n```\n") - top("words") == CODE_PAD, "the card is drawn around its text"
    assert top("# words") - top("words") == 6


def test_deep_nesting_is_flattened(qtbot: QtBot) -> None:
    document, _ = written("> " * 60 + "deep")
    block = document.lastBlock()
    assert block.text() == "deep"
    assert block.blockFormat().leftMargin() < 150

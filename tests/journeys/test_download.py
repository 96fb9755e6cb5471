"""J3: a file finishes downloading, a card says where it belongs, Move moves it, Undo brings it
back byte for byte. Nothing is ever deleted."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.application import Application, download
from tests.journeys.papers import invoice
from tests.screen import Screen

pytestmark = [pytest.mark.journey, pytest.mark.x11]


@pytest.fixture
def loom_here(plain_desktop: Screen) -> Iterator[Application]:
    """Watching, on one kind of desktop: what follows has nothing to do with trays."""
    with Application(plain_desktop, watching=True) as application:
        yield application


def files_in(folder: Path) -> list[Path]:
    """All files below it."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("partial", [".part", ".crdownload"])
def test_a_download_is_offered_moved_and_brought_back(watching: Application, partial: str) -> None:
    screen, source = watching._keys, watching.downloads / "download (3).pdf"
    content = invoice()
    download(source, content, suffix=partial)
    before = source.stat()
    card = watching.card("download (3).pdf")
    assert "Invoices/2026" in card["title"]
    assert "invoice" in card["text"].lower()
    watching.click(card["actions"][0]["label"])
    watching.until(lambda: not source.exists(), "move")
    (moved,) = files_in(watching.documents)
    assert moved.parent == watching.documents / "Invoices/2026"
    assert "northwind" in moved.name.lower()
    assert moved.suffix == ".pdf"
    assert moved.read_bytes() == content
    watching.card("Moved 1 file")
    watching.click("Undo")
    watching.until(source.exists, "undo")
    after = source.stat()
    assert source.read_bytes() == content
    assert after.st_mtime_ns == before.st_mtime_ns
    assert after.st_ino == before.st_ino
    watching.card("Moved 1 file back")  # and with it the folders that it had made
    assert files_in(watching.documents) == []
    assert list(watching.documents.iterdir()) == []
    screen.accessibility.gone("Undo")


def test_undo_works_after_a_restart_and_says_what_it_did(watching: Application) -> None:
    source, content = watching.downloads / "scan0001.pdf", invoice(12)
    download(source, content)
    before = source.stat()
    card = watching.card("scan0001.pdf")
    watching.click(card["actions"][0]["label"])
    watching.until(lambda: not source.exists(), "move")
    watching.restart()
    assert "1 file" in watching.loom("undo", "--list") or "scan0001" in watching.loom(
        "undo", "--list"
    )
    assert "back" in watching.loom("undo")
    assert source.read_bytes() == content
    assert source.stat().st_mtime_ns == before.st_mtime_ns
    assert "nothing to undo" in watching.loom("undo", ok=False)


def test_undo_works_when_loom_does_not_run(loom_here: Application) -> None:
    source, content = loom_here.downloads / "scan0002.pdf", invoice(13)
    download(source, content)
    card = loom_here.card("scan0002.pdf")
    loom_here.click(card["actions"][0]["label"])
    loom_here.until(lambda: not source.exists(), "move")
    loom_here.stop()
    assert "back" in loom_here.loom("undo")
    assert source.read_bytes() == content
    loom_here.start()


def test_what_was_taken_back_is_not_offered_again(loom_here: Application) -> None:
    source = loom_here.downloads / "scan0020.pdf"
    download(source, invoice(80))
    card = loom_here.card("scan0020.pdf")
    loom_here.click(card["actions"][0]["label"])
    loom_here.card("Moved 1 file")
    loom_here.click("Undo")
    loom_here.card("Moved 1 file back")
    download(loom_here.downloads / "scan0021.pdf", invoice(81))

    def offered() -> str:
        return "\n".join(one["detail"] for one in loom_here.cards("suggestion"))

    loom_here.until(lambda: "scan0021.pdf" in offered(), "card of the second")
    assert "scan0020.pdf" not in offered()


def test_dismissed_it_stays_where_it_is(loom_here: Application) -> None:
    source = loom_here.downloads / "scan0003.pdf"
    download(source, invoice(14))
    card = loom_here.card("scan0003.pdf")
    loom_here.click("Dismiss")
    loom_here.no_cards()
    assert source.exists()
    states = {item["id"]: item["state"] for item in loom_here.verb("inbox")}
    assert states[card["id"]] == "declined"


def test_the_card_dies_with_its_file(loom_here: Application) -> None:
    source = loom_here.downloads / "scan0004.pdf"
    download(source, invoice(15))
    loom_here.card("scan0004.pdf")
    source.unlink()
    loom_here.no_cards()


def test_many_at_once_are_one_card(watching: Application) -> None:
    kinds = ("photo.png", "song.mp3", "film.mp4", "letter.txt", "data.csv")
    contents = (b"\x89PNG\r\n\x1a\n" + bytes(64), b"ID3" + bytes(64), bytes(64), b"Dear Ana,\n" * 9)
    for number in range(8):
        for name, content in zip(kinds, (*contents, b"a,b\n1,2\n"), strict=True):
            download(watching.downloads / f"{number} {name}", content)
    card = watching.until(
        lambda: next((c for c in watching.cards() if "Sort" in c["title"]), None), "card of many"
    )
    assert card is not None
    count = len(files_in(watching.downloads))
    watching.until(lambda: len(watching.cards("suggestion")) == 1, "one card")

    def all_on_it() -> bool:
        last = watching.cards("suggestion")[-1]["title"]
        return any(f"Sort {number} downloads" in last for number in range(8, count + 1))

    watching.until(all_on_it, "card with most of them")
    watching.click(watching.cards("suggestion")[-1]["actions"][0]["label"])
    watching.card("Moved")
    left, moved = files_in(watching.downloads), files_in(watching.documents)
    assert len(left) + len(moved) == count
    assert len(moved) >= 8
    watching.click("Undo")
    watching.until(lambda: not list(watching.documents.iterdir()), "undo of folders and files")
    assert len(files_in(watching.downloads)) == count


def test_five_thousand_files_at_once_leave_it_quick(loom_here: Application) -> None:
    loom_here.press_hotkey()
    for number in range(5_000):
        (loom_here.downloads / f"file {number}.txt").write_text("some words\n" * 3)
    began = time.monotonic()
    loom_here.ask("What is 6 * 7?")
    loom_here.page_has("42")
    assert time.monotonic() - began < 5
    loom_here.hide()
    loom_here.until(lambda: loom_here.cards("suggestion"), "a card", 50)
    longest = 0.0
    for _ in range(5):
        began = time.monotonic()
        loom_here.press_hotkey()
        longest = max(longest, time.monotonic() - began)
        loom_here.hide()
    assert longest < 1
    shown = [
        one["card"]
        for one in loom_here.verb("inbox", limit=1000)
        if one["card"]["state"] != "quiet"
    ]
    assert len(shown) <= 6
    assert len(files_in(loom_here.downloads)) == 5_000


def test_a_name_that_exists_is_not_replaced(loom_here: Application) -> None:
    first, second = invoice(20), invoice(21)
    source = loom_here.downloads / "scan0005.pdf"
    download(source, first)
    card = loom_here.card("scan0005.pdf")
    loom_here.click(card["actions"][0]["label"])
    loom_here.until(lambda: not source.exists(), "first move")
    (place,) = files_in(loom_here.documents)
    download(source, second)
    again = loom_here.card("scan0005.pdf")
    offered = Path(again["data"]["moves"][0]["target"])
    if not offered.exists():
        offered.parent.mkdir(parents=True, exist_ok=True)
        offered.write_bytes(b"somebody was quicker")
    there = {path: path.read_bytes() for path in files_in(loom_here.documents)}
    loom_here.click(again["actions"][0]["label"])
    loom_here.until(lambda: loom_here.verb("undoables") and len(loom_here.cards()), "an outcome")
    loom_here.until(
        lambda: not source.exists() or "Nothing was moved" in str(loom_here.cards()), "an outcome"
    )
    for path, content in there.items():
        assert path.read_bytes() == content
    everything = [path.read_bytes() for path in files_in(loom_here.home)]
    assert first in everything
    assert second in everything
    assert place.read_bytes() == first


@pytest.mark.parametrize(
    "name",
    ["in\nvoice.pdf", "invoice \u202efdp.exe.pdf", "inv\x1b[31moice.pdf", "-rf invoice.pdf"],
    ids=["newline", "right-to-left", "escape", "dash"],
)
def test_a_strange_name_is_shown_as_it_is_and_comes_back(loom_here: Application, name: str) -> None:
    source, content = loom_here.downloads / name, invoice(30)
    download(source, content)
    download(loom_here.downloads / "scan0006.pdf", invoice(31))
    card = loom_here.until(lambda: next(iter(loom_here.cards("suggestion")), None), "card")
    assert card is not None
    for text in (card["title"], card["text"]):
        assert not {"\n", "\u202e", "\x1b"} & set(text), text
    assert not {"\u202e", "\x1b"} & set(card["detail"])
    told = loom_here.loom("inbox") + loom_here.loom("organize", str(loom_here.downloads))
    assert not {"\u202e", "\x1b"} & set(told)
    loom_here.click(card["actions"][0]["label"])
    loom_here.card("Moved")
    for path in files_in(loom_here.documents):
        assert path.name.isprintable(), path
    loom_here.loom("undo")
    assert source.read_bytes() == content


def test_a_link_out_of_the_folder_is_left_alone(loom_here: Application) -> None:
    outside = loom_here.folder / "outside.pdf"
    outside.write_bytes(invoice(40))
    (loom_here.downloads / "link.pdf").symlink_to(outside)
    secret = loom_here.folder / "elsewhere"
    secret.mkdir()
    (loom_here.downloads / "folder").symlink_to(secret)
    download(loom_here.downloads / "scan0007.pdf", invoice(41))
    card = loom_here.card("scan0007.pdf")
    assert "link.pdf" not in card["detail"]
    loom_here.click(card["actions"][0]["label"])
    loom_here.card("Moved 1 file")
    assert outside.exists()
    assert (loom_here.downloads / "link.pdf").is_symlink()
    assert list(secret.iterdir()) == []
    (loom_here.documents / "Invoices").rename(loom_here.documents / "old")
    (loom_here.documents / "Invoices").symlink_to(secret)
    download(loom_here.downloads / "scan0008.pdf", invoice(42))
    card = loom_here.card("scan0008.pdf")
    loom_here.click(card["actions"][0]["label"])
    loom_here.until(
        lambda: [c for c in loom_here.cards("notice") if "Nothing was moved" in c["title"]],
        "refusal",
    )
    assert list(secret.iterdir()) == []
    assert (loom_here.downloads / "scan0008.pdf").exists()


def test_a_file_that_is_still_written_is_waited_for(loom_here: Application) -> None:
    source = loom_here.downloads / "scan0009.pdf"
    content = invoice(50)
    with source.open("wb") as file:
        file.write(content[:100])
        file.flush()
        download(loom_here.downloads / "scan0010.pdf", invoice(51))
        card = loom_here.card("scan0010.pdf")
        assert "scan0009" not in card["detail"]
        file.write(content[100:])
    loom_here.until(
        lambda: any("scan0009" in c["detail"] for c in loom_here.cards("suggestion")), "both on it"
    )


def test_what_came_while_it_did_not_run_is_offered_at_the_start(loom_here: Application) -> None:
    loom_here.stop()
    download(loom_here.downloads / "scan0011.pdf", invoice(60))
    loom_here.start()
    loom_here.card("scan0011.pdf")


def test_the_same_by_the_command_line(loom_here: Application) -> None:
    source, content = loom_here.downloads / "scan0012.pdf", invoice(70)
    download(source, content)
    loom_here.card("scan0012.pdf")
    plan = loom_here.json("organize", str(source))
    (row,) = plan["plan"]
    assert row["status"] == "planned"
    assert row["reason"]
    assert source.exists()
    done = loom_here.json("organize", str(source), "--apply")
    assert not source.exists()
    assert Path(done["plan"][0]["target"]).read_bytes() == content
    loom_here.no_cards()
    loom_here.loom("undo", str(done["undo"]))
    assert source.read_bytes() == content
    assert os.path.getsize(source) == len(content)

import asyncio
import os
import sys
from pathlib import Path

import pytest

from loom_desktop.actions.folders import Folders
from loom_desktop.errors import Denied, NotUnderstood, TimedOut, Unavailable
from loom_desktop.runtime import reading
from loom_desktop.runtime.reading import Reader
from loom_desktop.tasks import Tasks

HANGS = "import sys, time; sys.stdin.read(); time.sleep(60)"
CRASHES = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
BABBLES = "import sys; sys.stdin.read(); sys.stdout.write('hello')"


def children() -> set[str]:
    """Processes that this one started and that still run."""
    found = set()
    for task in Path("/proc/self/task").iterdir():
        found |= set((task / "children").read_text().split())
    return found


@pytest.fixture
def html(tmp_path: Path) -> str:
    path = tmp_path / "page.html"
    path.write_text("<html><head><title>Rain</title></head><body><p>It rained all week.</p></body>")
    return str(path)


async def test_text_is_read_and_what_needs_a_parser_is_read_in_a_child(
    tmp_path: Path, html: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text("Just words.")
    reader, asked = Reader(), list[str]()
    in_child = reading._in_child

    async def noted(path: Path) -> object:
        asked.append(path.name)
        return await in_child(path)

    monkeypatch.setattr(reading, "_in_child", noted)
    assert (await reader.read(str(tmp_path / "a.txt"))).text.strip() == "Just words."
    assert not asked
    document = await reader.read(html)
    assert (document.title, document.text.strip()) == ("Rain", "It rained all week.")
    assert asked == ["page.html"]


@pytest.mark.parametrize("name", ["notes.txt", "data.csv", "noextension"])
async def test_a_name_does_not_bring_a_parser_into_our_process(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).write_bytes(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\nhostile")

    def never(path: Path) -> None:
        raise AssertionError("a PDF was opened in here")

    monkeypatch.setattr(reading, "_extract", never)
    with pytest.raises(NotUnderstood):
        await Reader().read(str(tmp_path / name))
    assert "pypdfium2" not in sys.modules


@pytest.mark.parametrize(
    ("what", "kind"),
    [("missing", Unavailable), ("folder", NotUnderstood), ("pipe", NotUnderstood),
     ("long", Unavailable), ("picture", NotUnderstood), ("nul", Unavailable)],
)  # fmt: skip
async def test_what_is_no_document_is_told_at_once(
    tmp_path: Path, what: str, kind: type[Exception]
) -> None:
    path = tmp_path / "x.txt"
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "long":
        path = tmp_path / ("x" * 300)
    elif what == "picture":
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    async with asyncio.timeout(5):
        with pytest.raises(kind):
            await Reader().read(str(path) if what != "nul" else f"{path}\0")


async def test_a_name_that_is_not_text_is_read_too(tmp_path: Path, html: str) -> None:
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\n.html")
    os.rename(html, odd)
    assert (await Reader().read(odd)).title == "Rain"


async def test_a_reader_that_hangs_is_ended_at_its_deadline(
    html: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_CHILD", HANGS)
    before = children()
    with pytest.raises(TimedOut, match=r"page.html took longer than 0.3 s"):
        await Reader(deadline_s=0.3).read(html)
    assert children() == before


async def test_a_cancel_ends_the_child_within_200_ms(
    html: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_CHILD", HANGS)
    before = children()
    async with Tasks() as tasks:
        work = tasks.run("read", Reader().read(html))
        async with asyncio.timeout(10):
            while children() == before:
                await asyncio.sleep(0.005)
        work.cancel()
        async with asyncio.timeout(0.2):
            with pytest.raises(asyncio.CancelledError):
                await work
    assert children() == before


@pytest.mark.parametrize("child", [CRASHES, BABBLES])
async def test_a_reader_that_breaks_costs_one_document(
    html: str, monkeypatch: pytest.MonkeyPatch, child: str
) -> None:
    reader = Reader()
    with monkeypatch.context() as patch:
        patch.setattr(reading, "_CHILD", child)
        with pytest.raises(NotUnderstood, match=r"page.html cannot be read"):
            await reader.read(html)
    assert (await reader.read(html)).title == "Rain"


async def test_the_child_sees_nothing_of_our_environment(
    html: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    told = (
        "import os, sys; sys.path[:0] = sys.argv[1:]; sys.stdin.read(); import msgspec;"
        "said = {'error': ' '.join(os.environ), 'kind': 'NotUnderstood'};"
        "sys.stdout.buffer.write(msgspec.msgpack.encode(said))"
    )
    monkeypatch.setattr(reading, "_CHILD", told)
    with pytest.raises(NotUnderstood) as error:
        await Reader().read(html)
    assert "SECRET_TOKEN" not in error.value.message
    assert "HOME" not in error.value.message.split()
    assert "PATH" in error.value.message.split()


async def test_only_so_many_are_read_at_once(html: str, monkeypatch: pytest.MonkeyPatch) -> None:
    running, most = 0, 0

    async def counted(path: Path) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1

    monkeypatch.setattr(reading, "_in_child", counted)
    reader = Reader(at_once=2)
    await asyncio.gather(*(reader.read(html) for _ in range(8)))
    assert most == 2


# -------------------------------------------------------------------- what was checked is read
@pytest.mark.parametrize("name", ["a.txt", "a.html"])
async def test_a_link_that_comes_to_stand_there_after_the_check_is_not_followed(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "granted").mkdir()
    (tmp_path / "outside").write_text("<p>secret</p>")
    (tmp_path / "granted" / name).symlink_to(tmp_path / "outside")
    folders = Folders([tmp_path / "granted"])
    path = str(tmp_path / "granted" / name)
    with pytest.raises(Denied):
        await Reader().read(path, within=folders)
    monkeypatch.setattr(folders, "covers", lambda path: True)  # as it was at the check
    with pytest.raises(Denied, match="link"):
        await Reader().read(path, within=folders)
    assert "secret" in (await Reader().read(path)).text  # the person named it


@pytest.mark.parametrize("name", ["a.txt", "a.html"])
async def test_a_file_that_changes_places_while_it_is_read_stays_the_one_that_was_opened(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    path.write_text("<html><body><p>ours</p></body></html>")
    (tmp_path / "secret").write_text("<html><body><p>secret</p></body></html>")
    harmless = reading._harmless

    def swapped(held: Path) -> bool:
        path.unlink()
        path.symlink_to(tmp_path / "secret")
        return harmless(held)

    monkeypatch.setattr(reading, "_harmless", swapped)
    document = await Reader().read(str(path), within=Folders([tmp_path]))
    assert "ours" in document.text
    assert "secret" not in document.text


async def test_what_is_closed_is_not_read_by_its_name_nor_over_a_link(tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/id").write_text("key")
    (tmp_path / "key.txt").symlink_to(tmp_path / ".ssh/id")
    for path in (tmp_path / ".ssh/id", tmp_path / "key.txt"):
        with pytest.raises(Denied):
            await Reader(closed=Folders([]).closed).read(str(path))
        late = Reader(closed=lambda one: "key.txt" not in one and Folders([]).closed(one))
        with pytest.raises(Denied):
            await late.read(str(path))


PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + b"\0" * 40


async def test_a_picture_comes_byte_for_byte_and_what_is_none_does_not(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    (tmp_path / "b.txt").write_text("words")
    reader = Reader()
    found = await reader.picture(str(tmp_path / "a.png"))
    assert found is not None
    assert (found.media_type, found.data) == ("image/png", PNG)
    assert await reader.picture(str(tmp_path / "b.txt")) is None


async def test_a_picture_that_no_model_takes_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.bmp").write_bytes(b"BM" + b"\0" * 60)
    (tmp_path / "b.png").write_bytes(PNG)
    reader = Reader()
    with pytest.raises(NotUnderstood, match="no model takes") as caught:
        await reader.picture(str(tmp_path / "a.bmp"))
    assert "PNG" in caught.value.hint
    monkeypatch.setattr(reading, "_MOST_PICTURE", 20)
    with pytest.raises(NotUnderstood, match="too large"):
        await reader.picture(str(tmp_path / "b.png"))
    for path in (str(tmp_path / "gone.png"), "a\0b"):
        with pytest.raises(Unavailable):
            await reader.picture(path)


async def test_a_picture_outside_of_what_was_granted_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    (tmp_path / "granted").mkdir()
    with pytest.raises(Denied):
        await Reader().picture(str(tmp_path / "a.png"), within=Folders([tmp_path / "granted"]))

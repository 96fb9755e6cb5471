"""Every row that a damaged store still gives."""

from __future__ import annotations

import random
from pathlib import Path

import apsw
import pytest

from loom_desktop.clock import wall
from loom_desktop.event import Event
from loom_desktop.store import schema
from loom_desktop.store.database import connect
from loom_desktop.store.journal import encoded
from loom_desktop.store.recovery import begin, opened_in_memory
from loom_desktop.store.salvage import salvage
from tests.loom_desktop.store.conftest import KEY

ROWS = 2_000
PAGE = 4_096


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    path = tmp_path / "origin.db"
    connection = connect(path, KEY)
    schema.migrate(connection)
    with connection:
        for n in range(ROWS):
            connection.execute(
                "insert into known_file(id, folder, path, size_bytes, mtime_ns) values (?,?,?,?,?)",
                (n * 1_000_003, b"/d", f"/d/{n}".encode() * 20, n, n),
            )
        connection.execute("insert into note values (5, 'bread', 0, 0, 'active', 0, '[]', 3)")
    connection.pragma("journal_mode", "delete")
    connection.close()
    return path


def saved_from(path: Path) -> tuple[set[tuple[object, ...]], int]:
    target = opened_in_memory(wall)
    source = connect(path, KEY, only_read=True)
    saved, failed = salvage(source, target)
    rows = set(target.execute("select id, folder, path, size_bytes, mtime_ns from known_file"))
    assert saved >= len(rows)
    source.close()
    target.close()
    return rows, failed


def test_from_a_sound_store_everything_comes_and_the_index_with_it(origin: Path) -> None:
    target = opened_in_memory(wall)
    source = connect(origin, KEY, only_read=True)
    assert salvage(source, target) == (ROWS + 1, 0)
    assert salvage(source, target) == (0, 0)  # nothing is new any more
    assert target.execute("select rowid from note_words where note_words match 'bread'").get == 5
    source.close()
    target.close()


def test_of_two_versions_the_damaged_and_newer_one_counts(origin: Path) -> None:
    target = opened_in_memory(wall)
    target.execute("insert into note values (5, 'butter', 0, 0, 'active', 0, '[]', 3)")
    source = connect(origin, KEY, only_read=True)
    salvage(source, target)
    assert target.execute("select text from note").fetchall() == [("bread",)]
    assert (
        target.execute("select count(*) from note_words where note_words match 'butter'").get == 0
    )
    source.close()
    target.close()


def test_one_bad_page_costs_its_own_rows_and_no_row_is_wrong(origin: Path) -> None:
    image = origin.read_bytes()
    right = saved_from(origin)[0]
    pages = len(image) // PAGE
    rng = random.Random(7)
    most = 0
    for page in rng.sample(range(2, pages), 12):
        bad = bytearray(image)
        bad[page * PAGE : (page + 1) * PAGE] = rng.randbytes(PAGE)
        path = origin.with_name(f"bad{page}.db")
        path.write_bytes(bad)
        rows, _ = saved_from(path)
        assert rows <= right
        most += len(rows) > ROWS * 0.9
    assert most >= 10  # but for a page far up in the tree


def test_without_a_readable_schema_nothing_comes_and_nothing_breaks(origin: Path) -> None:
    bad = bytearray(origin.read_bytes())
    bad[100:200] = bytes(100)
    origin.write_bytes(bad)
    with pytest.raises(apsw.NotADBError):
        connect(origin, KEY).close()
    target = opened_in_memory(wall)
    source = connect(origin, KEY, only_read=True)
    assert salvage(source, target)[0] == 0
    source.close()
    target.close()


def test_an_older_schema_gives_the_columns_it_has() -> None:
    source = apsw.Connection(":memory:")
    source.execute("create table note(id integer primary key, text, time, changed)")
    source.execute("insert into note values (1, 'old', 0.0, 0.0)")
    target = opened_in_memory(wall)
    salvage(source, target)
    assert target.execute("select count(*) from note").get == 0  # its labels are not known
    source.close()
    target.close()


def plain_store(path: Path, harm: tuple[bytes, bytes] = (b"", b"")) -> apsw.Connection:
    """Two events, a dead letter and two notes; then those bytes changed wherever they are."""
    connection = connect(path, None)
    schema.migrate(connection, last=lambda one: begin(one, 0.0))
    with connection:
        blobs = [encoded(Event(id=n, topic="a.b", payload={"text": f"<{n}>" * 9})) for n in (1, 2)]
        for seq, blob in enumerate(blobs, 1):
            connection.execute(
                "insert into event values (?1, ?1, 0.0, 'a.b', 0, 0, ?2, ?3)",
                (seq, schema.check_of(blob, seq), blob),
            )
            connection.execute(
                "insert into note values (?1, 'bread ' || ?1, 0, 0, 'active', 0, '[]', 3)", (seq,)
            )
        connection.execute(
            """insert into dead values (1, 'one', 2, 2, 'a.b', 0, 'h', 'told <2><2>', 3, 0.0, 0,
                '[]', 3, ?, ?)""",
            (schema.check_of(blobs[1], 2), blobs[1]),
        )
    connection.pragma("journal_mode", "delete")
    connection.close()
    content = path.read_bytes()
    assert not harm[0] or harm[0] in content
    path.write_bytes(content.replace(*harm) if harm[0] else content)
    return connect(path, None)


@pytest.mark.parametrize(
    ("harm", "left"),
    [
        ((b"<2><2>", b"<3><2>"), {"event": 1, "dead": 0, "note": 2}),
        ((b"bread 2", b"bre\xe1d 2"), {"event": 2, "dead": 1, "note": 1}),
        ((b"told <2>", b"t\xeeld <2>"), {"event": 2, "dead": 0, "note": 2}),
    ],
    ids=["an event", "a text", "a traceback"],
)
def test_what_is_not_what_was_written_comes_from_no_file_and_stays_in_none(
    tmp_path: Path, harm: tuple[bytes, bytes], left: dict[str, int]
) -> None:
    """Of an event and a dead letter by their check values, of others when it is no text."""

    def there(target: apsw.Connection) -> dict[str, object]:
        return {table: target.execute(f"select count(*) from {table}").get for table in left}

    bad = plain_store(tmp_path / "bad.db", harm)
    good = plain_store(tmp_path / "good.db")
    empty, copy = opened_in_memory(wall), plain_store(tmp_path / "copy.db", harm)
    assert salvage(bad, empty)[1] > 0
    assert there(empty) == left
    assert salvage(bad, copy)[1] > 0, "a copy from after the damage"
    assert there(copy) == left
    assert copy.pragma("integrity_check") == "ok"
    assert salvage(bad, good)[1] > 0
    assert there(good) == {"event": 2, "dead": 1, "note": 2}, "a good row gives way to no bad one"
    assert salvage(good, copy)[0] > 0
    assert there(copy) == there(good)
    found = "select rowid from note_words where note_words match 'bread' order by rowid"
    assert copy.execute(found).fetchall() == [(1,), (2,)]
    for one in (bad, good, empty, copy):
        one.close()

"""Every row that a damaged store still gives."""

from __future__ import annotations

import random
from pathlib import Path

import apsw
import pytest

from loom_desktop.clock import wall
from loom_desktop.store import schema
from loom_desktop.store.database import connect
from loom_desktop.store.recovery import opened_in_memory
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

"""The nearest by signs, beside a search that looks at every row each time."""

from __future__ import annotations

from typing import Any

import apsw
import hypothesis
from hypothesis import strategies as st

from loom_desktop.store import schema
from loom_desktop.store.nearest import Nearest

STEP = st.tuples(
    st.sampled_from(["put", "put", "remove", "again"]),
    st.integers(1, 8),
    st.sampled_from(["m", "other"]),
    st.integers(0, 255),
)


def plainly(connection: apsw.Connection, model: str, bits: int) -> list[tuple[int, int]]:
    rows: Any = connection.execute(
        "select memory, bits from memory_vector where model = ?", (model,)
    ).fetchall()
    return sorted(((signs[0] ^ bits).bit_count(), memory) for memory, signs in rows)


@hypothesis.settings(max_examples=150, deadline=None)
@hypothesis.given(st.lists(STEP, max_size=25))
def test_it_finds_what_a_look_at_every_row_finds(steps: list[tuple[str, int, str, int]]) -> None:
    connection = apsw.Connection(":memory:")
    schema.migrate(connection)
    connection.execute("pragma foreign_keys = off")
    one_of_each, of_both = {"m": Nearest(), "other": Nearest()}, Nearest()
    for what, memory, model, bits in steps:
        if what != "put":  # "again": its number in the table may be the one it had
            connection.execute("delete from memory_vector where memory = ?", (memory,))
        if what != "remove":
            connection.execute(
                "insert or replace into memory_vector(memory, model, vector, bits) "
                "values (?, ?, x'00', ?)",
                (memory, model, bytes([bits])),
            )
        for asked in ("m", "other"):
            expected = plainly(connection, asked, 0b10101010)
            apart = {memory: distance for distance, memory in expected}
            for nearest in (one_of_each[asked], of_both):
                found = nearest.find(connection, asked, bytes([0b10101010]), 100)
                assert sorted(found) == sorted(apart)
                assert [apart[one] for one in found] == [distance for distance, _ in expected]
                few = nearest.find(connection, asked, bytes([0b10101010]), 2)
                assert [apart[one] for one in few] == [distance for distance, _ in expected[:2]]
    connection.close()

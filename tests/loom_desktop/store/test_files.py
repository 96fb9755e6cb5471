"""What was in a folder when we looked last."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from loom_desktop.store import Store
from loom_desktop.store.files import Signature

names = st.binary(min_size=1).filter(lambda name: b"\0" not in name)
numbers = st.integers(-(2**62), 2**62)


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(
        names.map(lambda name: name.decode("utf-8", "surrogateescape")),
        st.tuples(numbers, numbers),
    )
)
async def test_every_file_name_comes_back(files: dict[str, Signature]) -> None:
    async with Store(":memory:") as store:
        await store.files.remember("/d", files)
        assert await store.files.load("/d") == files


async def test_folders_do_not_know_each_others_files(store: Store) -> None:
    await store.files.remember("/a", {"/a/x": (1, 1), "/a/b": (2, 2), "/a": (0, 0)})
    await store.files.remember("/a/b", {"/a/b": (0, 0)})
    await store.files.remember("/a", {"/a/x": (9, 9)})
    await store.files.forget("/a", ["/a/b", "/nowhere"])
    assert await store.files.load("/a") == {"/a/x": (9, 9), "/a": (0, 0)}
    assert await store.files.load("/a/b") == {"/a/b": (0, 0)}
    assert await store.files.forget_folder("/a") == 2
    assert await store.files.load("/a") == {}
    assert await store.files.load("/a/b") == {"/a/b": (0, 0)}


async def test_five_thousand_files_are_one_write(store: Store) -> None:
    files = {f"/d/{n}": (n, n) for n in range(5_000)}
    await store.files.remember("/d", files)
    assert await store.files.load("/d") == files

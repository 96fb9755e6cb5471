"""What was in a folder when we looked last."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from loom_desktop.store import Store
from loom_desktop.store.files import Known

names = st.binary(min_size=1).filter(lambda name: b"\0" not in name)
known = st.builds(Known, st.integers(0, 2**62), st.integers(-(2**62), 2**62))


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(names.map(lambda name: name.decode("utf-8", "surrogateescape")), known))
async def test_every_file_name_comes_back(files: dict[str, Known]) -> None:
    async with Store(":memory:") as store:
        await store.files.add("/d", files)
        assert await store.files.load("/d") == files


async def test_folders_do_not_know_each_others_files(store: Store) -> None:
    await store.files.add("/a", {"/a/x": Known(1, 1), "/a/y": Known(2, 2)})
    await store.files.add("/b", {"/b/x": Known(3, 3)})
    await store.files.add("/a", {"/a/x": Known(9, 9)})
    await store.files.remove(["/a/y", "/nowhere"])
    assert await store.files.load("/a") == {"/a/x": Known(9, 9)}
    await store.files.replace("/a", {"/a/z": Known(4, 4)})
    assert await store.files.load("/a") == {"/a/z": Known(4, 4)}
    assert await store.files.load("/b") == {"/b/x": Known(3, 3)}
    await store.files.forget("/b")
    assert await store.files.load("/b") == {}


async def test_five_thousand_files_are_one_write(store: Store) -> None:
    files = {f"/d/{n}": Known(n, n) for n in range(5_000)}
    await store.files.replace("/d", files)
    assert await store.files.load("/d") == files

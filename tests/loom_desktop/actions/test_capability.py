import msgspec
import pytest

from loom_desktop import Context, capability, tool


@capability("books.find", effect="read-local", paths=("folder",))
def find(ctx: Context, title: str, folder: str = ".", limit: int = 5) -> list[str]:
    """Find books by title.

    More about it.
    """
    return [title] * limit


def test_the_signature_is_the_schema_and_ctx_is_ours() -> None:
    schema = find.schema
    assert set(schema["properties"]) == {"title", "folder", "limit"}
    assert schema["required"] == ["title"]
    assert find.wants_context
    assert find.paths == ("folder",)
    assert find.description.startswith("Find books by title.")


def test_arguments_are_checked_and_defaults_filled() -> None:
    assert find.check({"title": "Dune"}) == {"title": "Dune", "folder": ".", "limit": 5}


@pytest.mark.parametrize(
    "arguments", [{}, {"title": 3}, {"title": "Dune", "limit": "many"}, {"title": "x", "more": 1}]
)
def test_wrong_arguments_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        find.check(arguments)


@pytest.mark.parametrize("name", ["find", "books.", ".find", "books.find it", "a.b.c"])
def test_a_name_is_family_dot_verb(name: str) -> None:
    with pytest.raises(ValueError, match=r"family\.verb"):
        capability(name, effect="none")


def test_an_unknown_effect_is_refused() -> None:
    with pytest.raises(ValueError, match="not an effect"):
        capability("books.burn", effect="burn")  # type: ignore[arg-type]


def test_a_capability_without_a_docstring_is_refused() -> None:
    with pytest.raises(ValueError, match="docstring"):

        @capability("books.open", effect="none")
        def bare() -> None: ...


def test_the_older_word_is_the_same() -> None:
    assert tool is capability

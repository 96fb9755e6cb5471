import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, rule

from loom_desktop.bus.topics import Trie, matches, segments
from loom_desktop.errors import UsageError


@pytest.mark.parametrize(
    ("pattern", "topic", "expected"),
    [
        ("a.b", "a.b", True),
        ("a.b", "a.c", False),
        ("a.b", "a", False),
        ("a.b", "a.b.c", False),
        ("a.*", "a.b", True),
        ("a.*", "a", False),
        ("a.*", "a.b.c", False),
        ("*.b", "a.b", True),
        ("*.b", "a.c", False),
        (">", "a", True),
        (">", "a.b.c", True),
        ("a.>", "a.b", True),
        ("a.>", "a.b.c", True),
        ("a.>", "a", False),
        ("*.*.c", "a.b.c", True),
        ("a.*.>", "a.b", False),
        ("a.*.>", "a.b.c.d", True),
    ],
)
def test_matches(pattern: str, topic: str, expected: bool) -> None:
    assert matches(pattern.split("."), topic.split(".")) is expected


# -------------------------------------------------------------------- many patterns at once
SEGMENT = st.sampled_from(["a", "b", "c"])
PATTERN = st.builds(
    lambda parts, last: [*parts, *last],
    st.lists(st.sampled_from(["a", "b", "c", "*"]), min_size=1, max_size=4),
    st.sampled_from([[], [">"]]),
) | st.just([">"])
TOPIC = st.lists(SEGMENT, min_size=1, max_size=5)


class Patterns(RuleBasedStateMachine):
    """The trie beside a list that is looked through one by one."""

    held: Bundle[tuple[list[str], object]] = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.trie: Trie[object] = Trie()
        self.model: list[tuple[list[str], object]] = []

    @rule(target=held, pattern=PATTERN)
    def add(self, pattern: list[str]) -> tuple[list[str], object]:
        one = (pattern, object())
        self.trie.add(*one)
        self.model.append(one)
        return one

    @rule(one=held)
    def remove(self, one: tuple[list[str], object]) -> None:
        assert self.trie.remove(*one) is (one in self.model)
        self.model = [other for other in self.model if other is not one]

    @rule(topic=TOPIC)
    def find(self, topic: list[str]) -> None:
        wanted = tuple(value for pattern, value in self.model if matches(pattern, topic))
        assert self.trie.find(topic) == wanted

    def teardown(self) -> None:
        for one in self.model:
            assert self.trie.remove(*one)
        root = self.trie._root
        assert not root.children, "no branch is left of what is gone"
        assert (root.here, root.rest) == ((), ())


TestPatterns = Patterns.TestCase


def test_a_topic_that_holds_a_star_is_taken_in_once() -> None:
    trie: Trie[str] = Trie()
    trie.add(["a", "*"], "star")
    trie.add(["a", ">"], "rest")
    assert trie.find(["a", "*"]) == ("star", "rest")
    assert trie.find(["a"]) == ()


@pytest.mark.parametrize("pattern", ["", "a.", ".a", "a..b", "a.>.b", ">.a"])
def test_what_can_never_match_is_a_mistake(pattern: str) -> None:
    with pytest.raises(UsageError):
        segments(pattern)

"""Which topics a pattern takes in, whether a pattern is one, and which of many take in a topic."""

from __future__ import annotations

from typing import Generic, TypeVar

from loom_desktop.errors import UsageError

T = TypeVar("T")


def matches(pattern: list[str], topic: list[str]) -> bool:
    """``*`` is exactly one segment, a last ``>`` is one or more."""
    for i, segment in enumerate(pattern):
        if segment == ">":
            return len(topic) > i
        if i >= len(topic) or segment not in ("*", topic[i]):
            return False
    return len(pattern) == len(topic)


def segments(pattern: str) -> list[str]:
    """The segments of a pattern. Raises UsageError: one that can never match is a mistake."""
    parts = pattern.split(".")
    if not all(parts) or ">" in parts[:-1]:
        raise UsageError(
            f"{pattern!r} is not a pattern of topics.",
            hint="Segments stand between dots; * is one of them, and > at the end is the rest.",
        )
    return parts


class Trie(Generic[T]):
    """Patterns by their segments: finding those of a topic costs its length, not their number.

    What was added first is found first, whatever its pattern is.
    """

    __slots__ = ("_root", "_serial")

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()
        self._serial = 0

    def add(self, pattern: list[str], value: T) -> None:
        """One more. The same value may be there under several patterns, or under one twice."""
        self._serial += 1
        node = self._root
        for segment in pattern:
            if segment == ">":
                node.rest += ((self._serial, value),)
                return
            children = node.children
            if children is None:
                children = node.children = {}
            below = children.get(segment)
            if below is None:
                below = children[segment] = _Node()
            node = below
        node.here += ((self._serial, value),)

    def remove(self, pattern: list[str], value: T) -> bool:
        """Take one away, and the branches that led to it alone. Whether it was there."""
        path: list[tuple[dict[str, _Node[T]], str]] = []
        node = self._root
        for segment in pattern:
            if segment == ">":
                break
            below = node.children.get(segment) if node.children else None
            if node.children is None or below is None:
                return False
            path.append((node.children, segment))
            node = below
        rest = pattern[-1] == ">"
        kept = _without(node.rest if rest else node.here, value)
        if kept is None:
            return False
        if rest:
            node.rest = kept
        else:
            node.here = kept
        for children, segment in reversed(path):
            below = children[segment]
            if below.children or below.here or below.rest:
                break
            del children[segment]
        return True

    def find(self, topic: list[str]) -> tuple[T, ...]:
        """Whatever takes it in, in the order in which it was added."""
        found: list[tuple[int, T]] = []
        self._root.collect(topic, 0, found)
        found.sort(key=_serial)
        return tuple(value for _, value in found)


class _Node(Generic[T]):
    """One segment. Few objects and flat: a collection walks through all of them."""

    __slots__ = ("children", "here", "rest")

    def __init__(self) -> None:
        self.children: dict[str, _Node[T]] | None = None
        self.here: tuple[tuple[int, T], ...] = ()
        """Of patterns that end here."""
        self.rest: tuple[tuple[int, T], ...] = ()
        """Of patterns that go on with ``>``."""

    def collect(self, topic: list[str], at: int, found: list[tuple[int, T]]) -> None:
        if at == len(topic):
            found += self.here
            return
        found += self.rest
        if self.children:
            for segment in {topic[at], "*"}:
                below = self.children.get(segment)
                if below is not None:
                    below.collect(topic, at + 1, found)


def _serial(one: tuple[int, object]) -> int:
    return one[0]


def _without(held: tuple[tuple[int, T], ...], value: T) -> tuple[tuple[int, T], ...] | None:
    for place, (_, one) in enumerate(held):
        if one is value:
            return held[:place] + held[place + 1 :]
    return None

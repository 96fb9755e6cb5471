"""A small pattern language over tokens: the rules of every language are written in it.

    in [the] <part>              words, optional words, slots
    (at|by|@) [about] <clock>    one of several
    <hour:b>                     a slot under a name of its own

A slot is another rule set of the language, or one of the terminals that ``terminals.py`` knows.
Results are remembered per slot and place, every rule spans a bounded number of tokens and none
refers to itself at its left edge, so reading is linear in the length of the phrase.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from loom_desktop.text.when.tokens import Token

Captures = tuple[tuple[str, Any], ...]
Step = Callable[["Reader", int, Captures], Iterator[tuple[int, Captures]]]


class Reader(Protocol):
    """What a pattern needs of the phrase that is being read."""

    tokens: list[Token]

    def slot(self, name: str, at: int) -> list[tuple[int, Any]]:
        """Every way to read that slot here: where it ends and what it means."""


_LEX = re.compile(r"\[|\]|\(|\)|\||<[a-z_]+(?::[a-z_]+)?>|[^\s\[\]()|<>]+")


class Pattern:
    """One compiled pattern."""

    def __init__(self, text: str) -> None:
        self.text = text
        lexemes = _LEX.findall(text)
        tree, rest = _alternatives(lexemes, 0)
        if rest != len(lexemes):
            raise ValueError(f"unbalanced pattern: {text}")
        self._tree = tree
        self._step: Step | None = None

    def matches(self, reader: Reader, at: int) -> Iterator[tuple[int, Captures]]:
        """Where it ends when it begins here, and what its slots hold."""
        if self._step is None:  # most rules are never needed
            self._step = _compile(self._tree)
        return self._step(reader, at, ())

    def first(self, of_slot: Callable[[str], frozenset[str]]) -> frozenset[str]:
        """The words and terminals (``<num>``) a match can begin with."""
        return _first(self._tree, of_slot)[0]

    def slots(self) -> frozenset[str]:
        """The names of all slots in it."""
        return frozenset(re.findall(r"<([a-z_]+)", self.text))

    def literals(self) -> frozenset[str]:
        """All its words."""
        return frozenset(x for x in _LEX.findall(self.text) if x[0] not in "[]()|<")


Tree = tuple[Any, ...]


def _alternatives(lexemes: list[str], at: int) -> tuple[Tree, int]:
    options: list[Tree] = []
    while True:
        sequence: list[Tree] = []
        while at < len(lexemes) and lexemes[at] not in (")", "]", "|"):
            lexeme = lexemes[at]
            if lexeme in ("[", "("):
                inner, at = _alternatives(lexemes, at + 1)
                if at >= len(lexemes) or lexemes[at] != {"[": "]", "(": ")"}[lexeme]:
                    raise ValueError(f"unbalanced pattern: {' '.join(lexemes)}")
                sequence.append(("maybe", inner) if lexeme == "[" else inner)
            elif lexeme[0] == "<":
                name, _, label = lexeme[1:-1].partition(":")
                sequence.append(("slot", name, label or name))
            else:
                sequence.append(("word", lexeme))
            at += 1
        options.append(("all", tuple(sequence)))
        if at < len(lexemes) and lexemes[at] == "|":
            at += 1
            continue
        return (options[0] if len(options) == 1 else ("any", tuple(options))), at


def _compile(tree: Tree) -> Step:
    if tree[0] == "word":
        return _word(tree[1])
    if tree[0] == "slot":
        return _slot(tree[1], tree[2])
    if tree[0] == "maybe":
        return _maybe(_compile(tree[1]))
    if tree[0] == "any":
        return _any([_compile(option) for option in tree[1]])
    return _all([_compile(part) for part in tree[1]])


def _word(word: str) -> Step:
    def step(reader: Reader, at: int, held: Captures) -> Iterator[tuple[int, Captures]]:
        if at < len(reader.tokens) and reader.tokens[at].word == word:
            yield at + 1, held

    return step


def _slot(name: str, label: str) -> Step:
    def step(reader: Reader, at: int, held: Captures) -> Iterator[tuple[int, Captures]]:
        if at < len(reader.tokens):
            for end, value in reader.slot(name, at):
                yield end, (*held, (label, value))

    return step


def _maybe(inner: Step) -> Step:
    def step(reader: Reader, at: int, held: Captures) -> Iterator[tuple[int, Captures]]:
        yield from inner(reader, at, held)
        yield at, held

    return step


def _any(options: list[Step]) -> Step:
    def step(reader: Reader, at: int, held: Captures) -> Iterator[tuple[int, Captures]]:
        for option in options:
            yield from option(reader, at, held)

    return step


def _all(parts: list[Step]) -> Step:
    if len(parts) == 1:
        return parts[0]

    def step(reader: Reader, at: int, held: Captures) -> Iterator[tuple[int, Captures]]:
        return run(reader, at, held, 0)

    def run(reader: Reader, at: int, held: Captures, n: int) -> Iterator[tuple[int, Captures]]:
        if n == len(parts):
            yield at, held
            return
        for end, more in parts[n](reader, at, held):
            yield from run(reader, end, more, n + 1)

    return step


def _first(tree: Tree, of_slot: Callable[[str], frozenset[str]]) -> tuple[frozenset[str], bool]:
    """First words, and whether it can match nothing at all."""
    kind = tree[0]
    if kind == "word":
        return frozenset([tree[1]]), False
    if kind == "slot":
        return of_slot(tree[1]), False
    if kind == "maybe":
        return _first(tree[1], of_slot)[0], True
    found: frozenset[str] = frozenset()
    if kind == "any":
        empty = False
        for option in tree[1]:
            words, nothing = _first(option, of_slot)
            found, empty = found | words, empty or nothing
        return found, empty
    for part in tree[1]:
        words, nothing = _first(part, of_slot)
        found |= words
        if not nothing:
            return found, False
    return found, True


Rules = Mapping[str, tuple[str, ...]]
"""``{"clock.half_past": ("half past <hour>", ...)}``: slot, a dot, and the rule's name."""


class Grammar:
    """The rules of one language, found by the first token of what they match.

    The index is keyed by literal words and by terminals (``<num>``); what terminals a word may
    begin is looked up once per word, so that a large vocabulary costs nothing at the start.
    """

    def __init__(
        self, rules: Rules, terminals: Mapping[str, frozenset[str]], lists: Mapping[str, str]
    ) -> None:
        self._terminals = terminals
        self._lists = lists
        self._patterns: dict[str, list[tuple[str, Pattern]]] = {}
        for name, texts in rules.items():
            known = self._patterns.setdefault(name.partition(".")[0], [])
            known.extend((name, Pattern(text)) for text in texts)
        self._firsts: dict[str, frozenset[str]] = {}
        self._open: set[str] = set()
        self._index: dict[str, dict[str, list[int]]] = {}
        for slot, patterns in self._patterns.items():
            index = self._index.setdefault(slot, {})
            for place, (_, pattern) in enumerate(patterns):
                for key in pattern.first(self.first):
                    index.setdefault(key, []).append(place)
        self._found: dict[tuple[str, str], list[tuple[str, Pattern]]] = {}

    def first(self, slot: str) -> frozenset[str]:
        """The words and terminals that slot can begin with."""
        if slot in self._terminals:
            return frozenset([f"<{slot}>"])
        if slot in self._lists:
            return self.first(self._lists[slot])
        if slot in self._firsts:
            return self._firsts[slot]
        if slot not in self._patterns:
            raise ValueError(f"no rule set is called {slot}")
        if slot in self._open:
            raise ValueError(f"{slot} refers to itself at its left edge")
        self._open.add(slot)
        found: frozenset[str] = frozenset()
        for _, pattern in self._patterns[slot]:
            found |= pattern.first(self.first)
        self._open.discard(slot)
        self._firsts[slot] = found
        return found

    def candidates(self, slot: str, token: Token) -> list[tuple[str, Pattern]]:
        """The rules of a slot that could begin with this token, in the order of the table."""
        key = token.word if token.kind in ("word", "mark") else "#" + token.kind
        known = self._found.get((slot, key))
        if known is not None:
            return known
        index = self._index[slot]
        places = set(index.get(key, ()))
        for name, words in self._terminals.items():
            if key in words:
                places.update(index.get(f"<{name}>", ()))
        found = [self._patterns[slot][place] for place in sorted(places)]
        if found:  # words without meaning are endless, and are not remembered
            self._found[slot, key] = found
        return found

"""Mailbox: what waits for one subscriber, within bounds."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """When full it drops its oldest letter and counts it: a slow reader never holds up a sender."""

    def __init__(self, size: int = 1024) -> None:
        self.dropped = 0
        self._letters: deque[T] = deque(maxlen=size)
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._letters)

    def put(self, letter: T) -> None:
        """Never waits, never raises."""
        if len(self._letters) == self._letters.maxlen:
            self.dropped += 1
        self._letters.append(letter)
        self._filled.set()

    def remove(self, unwanted: Callable[[T], bool]) -> int:
        """Take letters out unread. Returns how many."""
        kept = [letter for letter in self._letters if not unwanted(letter)]
        removed = len(self._letters) - len(kept)
        if removed:
            self._letters.clear()
            self._letters.extend(kept)
        return removed

    def holds(self, wanted: Callable[[T], bool]) -> bool:
        """Whether such a letter waits."""
        return any(map(wanted, self._letters))

    async def get(self) -> T:
        """Wait for the next letter. One reader only."""
        while not self._letters:
            self._filled.clear()
            await self._filled.wait()
        return self._letters.popleft()

"""Thoughts that a model writes into its answer, between ``<think>`` and ``</think>``."""

from __future__ import annotations

from collections.abc import Iterator

from loom_desktop.llm import Text, Thinking


class Thoughts:
    """Takes what stands between ``<think>`` and ``</think>`` at the beginning out of the answer."""

    def __init__(self) -> None:
        self._held = ""
        self._state = "before"

    def feed(self, text: str) -> Iterator[Text | Thinking]:
        """What is certain with this piece."""
        if self._state == "gap" and (text := text.lstrip()):
            self._state = "after"
        if self._state in ("gap", "after"):
            if text:
                yield Text(text)
            return
        self._held += text
        if self._state == "before":
            start = self._held.lstrip()
            if "<think>".startswith(start[:7]) and len(start) < 7:
                return
            if not start.startswith("<think>"):
                self._state, held, self._held = "after", self._held, ""
                yield Text(held)
                return
            self._state, self._held = "inside", start[7:]
        thought, mark, rest = self._held.partition("</think>")
        if mark:
            self._state, self._held = "gap", ""
            if thought:
                yield Thinking(thought)
            yield from self.feed(rest)
            return
        safe = len(self._held) - _overlap(self._held, "</think>")
        if safe:
            yield Thinking(self._held[:safe])
            self._held = self._held[safe:]

    def end(self) -> Iterator[Text | Thinking]:
        """What was held back."""
        held, self._held = self._held, ""
        if held:
            yield Thinking(held) if self._state == "inside" else Text(held)


def _overlap(text: str, mark: str) -> int:
    """How many characters at the end of ``text`` may be the beginning of ``mark``."""
    return next((n for n in range(len(mark) - 1, 0, -1) if text.endswith(mark[:n])), 0)

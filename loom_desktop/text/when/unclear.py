"""Why a phrase was not understood, in a word that callers may rely on."""

from __future__ import annotations

from typing import Literal

from loom_desktop.errors import NotUnderstood

Reason = Literal["none", "vague", "impossible", "over", "several"]


class Unclear(NotUnderstood):
    """The phrase names no moment that we can be sure of; the hint says what to say instead."""

    def __init__(self, message: str, *, hint: str = "", reason: Reason = "vague") -> None:
        super().__init__(message, hint=hint)
        self.reason: Reason = reason
        """none: no time was said; vague: too little; impossible: no calendar has it; over: it is
        past; several: more than one."""

    @property
    def has_when(self) -> bool:
        """Whether a time was said at all."""
        return self.reason != "none"

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.message, self.hint, self.reason)


def _rebuild(message: str, hint: str, reason: Reason) -> Unclear:
    return Unclear(message, hint=hint, reason=reason)

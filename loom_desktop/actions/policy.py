"""Policy: may this be done, must the person be asked, or never? One table, read top down.

The classes of effects are the rows; the columns are whether the words behind the call may have
been written by a stranger (*tainted*, see ``event.tainted``). Deny is looked at first; a person's
own rule can only turn *ask* into *allow* in a clean context; what no row names is denied.
The table is the one of the safety handbook; where it is narrower here, the reason stands beside.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from loom_desktop.actions.capability import Effect

Verdict = Literal["allow", "ask", "deny"]


class Asked(msgspec.Struct, frozen=True):
    """What the policy looks at."""

    effect: Effect
    tainted: bool
    granted: bool = True
    """Every path among the arguments lies in a granted folder."""
    closed: bool = False
    """A path among them is closed to Loom, whoever names it: keys, or Loom's own data."""
    attended: bool = True
    """Somebody could answer: not a locked screen, not a run without a window."""
    by_model: bool = False
    many: bool = False
    """More than five files at once: the plan is shown before."""


class Decision(msgspec.Struct, frozen=True):
    """The verdict, and why, in words for the person and for the audit."""

    verdict: Verdict
    reason: str


def decide(asked: Asked) -> Decision:
    """Look the call up. Never raises; what is not known is denied."""
    effect, tainted = asked.effect, asked.tainted
    if asked.closed:
        return Decision("deny", "A place among these is closed to Loom, also when you name it.")
    if effect in ("none", "notify"):
        return Decision("allow", "It changes nothing.")
    if effect == "write-own":
        return Decision("allow", "It is kept on this computer, marked with where it comes from.")
    if effect in ("execute", "spend"):
        return Decision("deny", f"Loom does not {effect} anything: that is switched off.")
    if effect == "settings":
        if asked.by_model or tainted:
            return Decision("deny", "Settings are changed by you alone, never by what Loom read.")
        return Decision("allow", "You changed a setting.")
    decision = _consequential(asked)
    if decision.verdict == "ask" and not asked.attended:
        return Decision("deny", f"{decision.reason} Nobody is there to be asked.")
    return decision


def _consequential(asked: Asked) -> Decision:
    effect, tainted, granted = asked.effect, asked.tainted, asked.granted
    if effect == "read-local":
        if granted:
            return Decision("allow", "It reads in a folder that you granted.")
        return Decision("ask", "It reads outside the folders that you granted.")
    if effect == "read-net":
        if tainted:
            return Decision("ask", "What a stranger wrote would decide what is fetched.")
        return Decision("ask", "It fetches something from the network.")
    if effect == "write-reversible":
        if not granted:
            return Decision("ask", "It changes something outside the folders that you granted.")
        if tainted:
            return Decision("ask", "What a stranger wrote has a part in it; it can be undone.")
        if asked.many:
            return Decision("ask", "It changes more than five files; it can be undone.")
        return Decision("allow", "You asked for it, and it can be undone.")
    if effect == "write-irreversible":
        return Decision("ask", "It cannot be undone.")
    if effect == "send":
        return Decision("ask", "It sends something to somebody else.")
    return Decision("deny", f"Nobody has decided what to do about the effect {effect!r}.")

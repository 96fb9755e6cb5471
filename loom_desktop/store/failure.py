"""Failure: what SQLite says when the disk or the file fails, in words for a person."""

from __future__ import annotations

import apsw

from loom_desktop.errors import Unavailable

DAMAGED = (apsw.CorruptError, apsw.NotADBError)
NO_ROOM = (apsw.FullError, apsw.IOError)
WHOLE_GROUP = (*DAMAGED, *NO_ROOM, apsw.NoMemError, apsw.InterruptError)
"""What costs not one job but all of its transaction."""


def closed() -> Unavailable:
    """What is said to whoever comes after the end."""
    return Unavailable("The store is closed.", hint="Start Loom again.")


def understandable(error: BaseException | None) -> BaseException | None:
    """The error as a person may see it; what is a bug stays as it is."""
    if not isinstance(error, apsw.Error | UnicodeDecodeError):
        return error
    told: Unavailable | None = None
    if isinstance(error, apsw.FullError):
        told = Unavailable("The disk is full: this was not saved.", hint="Free some space.")
    elif isinstance(error, apsw.ReadOnlyError | apsw.CantOpenError | apsw.IOError):
        told = Unavailable(
            "The disk did not take it: this was not saved.",
            hint="Look whether the disk is full, write-protected or failing.",
        )
    elif isinstance(error, (*DAMAGED, UnicodeDecodeError)):
        told = Unavailable(
            "Loom's data is damaged there.", hint="Start Loom again: it restores what it can."
        )
    elif isinstance(error, apsw.BusyError | apsw.LockedError):
        told = Unavailable(
            "Another program holds Loom's data.", hint="Close the other program and try again."
        )
    if told is not None:
        told.__cause__ = error
        return told
    return error


def reason(error: BaseException) -> apsw.Error:
    """Why SQLite gave up the transaction: what a job raises then is often that its savepoint is
    gone, on its way out of the error that counts."""
    before: BaseException | None = error
    while before is not None:
        if isinstance(before, WHOLE_GROUP):
            return before
        before = before.__context__
    return apsw.AbortError(str(error))

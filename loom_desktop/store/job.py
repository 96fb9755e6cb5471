"""Job: one piece of work for the store's threads, and whoever waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar, cast

import apsw

T = TypeVar("T")
Work = Callable[[apsw.Connection], T]
Settled = Callable[[BaseException | None], None]
"""Told in the store's thread how it went."""


class Job:
    """Answered on a loop (``future``), in any thread (``answer``), or not at all."""

    __slots__ = ("answer", "error", "future", "loop", "result", "settled", "work")

    def __init__(
        self,
        work: Work[Any],
        loop: asyncio.AbstractEventLoop | None = None,
        future: asyncio.Future[Any] | None = None,
        answer: Future[Any] | None = None,
        settled: Settled | None = None,
    ) -> None:
        self.work = work
        self.settled = settled
        self.loop = loop
        self.future = future
        self.answer = answer
        self.result: Any = None
        self.error: BaseException | None = None


class Special(Job):
    """A job outside of every transaction."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[[], Any], answer: Future[Any]) -> None:
        super().__init__(lambda connection: None, answer=answer)
        self.call = call

    def run(self) -> None:
        """Do it, and answer."""
        answer = cast(Future[Any], self.answer)
        if not answer.set_running_or_notify_cancel():
            return
        try:
            answer.set_result(self.call())
        except BaseException as error:
            answer.set_exception(error)


def resolve(jobs: Sequence[Job]) -> None:
    """Answer those who wait on this loop, the one that it runs on."""
    for job in jobs:
        future = cast(asyncio.Future[Any], job.future)
        if future.done():  # whoever waited was cancelled
            continue
        if job.error is None:
            future.set_result(job.result)
        else:
            future.set_exception(job.error)

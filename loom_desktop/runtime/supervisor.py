"""Supervisor: gives every agent a mailbox and tasks, and goes on when one fails.

Every event is handled in a task of its own, so that one conversation can be stopped by its thread
id, with all it started, while the agent goes on. A handler that raises or overruns its deadline
costs that event and is told; it never costs the agent. An agent whose own task dies is started
again after a wait; one that dies three times in a minute is paused, and that is told once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from loom_desktop.bus.mailbox import Mailbox
from loom_desktop.bus.topics import segments
from loom_desktop.errors import LoomError, UsageError
from loom_desktop.event import Event, QoS
from loom_desktop.runtime.agent import Agent, Handler
from loom_desktop.runtime.context import Context, Parts
from loom_desktop.tasks import Tasks

log = logging.getLogger(__name__)
Letter = tuple[Handler, Event]
_NOT_AGENTS = frozenset({"broker", "desk", "loom", "person", "runtime"})
"""Who else acts and publishes: an agent of this name would be taken for them."""
MOST_WAITING = 16_384
"""Events that wait for one agent: as many as the kernel keeps for the watcher of a folder."""
_MOST_DEATHS, _WITHIN_S = 3, 60.0
_FIRST_WAIT_S = 0.5
_FIRST = asyncio.FIRST_COMPLETED
DEADLINE_S = {QoS.REALTIME: 2.0, QoS.BATCHED: 30.0, QoS.BACKGROUND: 900.0}


def _nothing(message: str, hint: str) -> None:
    """Nobody is to be told."""


class Supervisor:
    """Keeps agents going."""

    def __init__(
        self, parts: Parts, tasks: Tasks, trouble: Callable[[str, str], None] = _nothing
    ) -> None:
        """``trouble`` is told, in words and with a hint, of an agent that is paused."""
        self.parts = parts
        self._parts, self._tasks, self._trouble = parts, tasks, trouble
        self._deaths: defaultdict[str, list[float]] = defaultdict(list)
        self._stops: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)
        self._running: _Running = defaultdict(set)
        self._mailboxes: dict[str, Mailbox[Letter]] = {}
        self._local: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        self.failed: dict[str, str] = {}
        """The last failure of each agent, in words."""
        self.left_behind = 0
        """Handlers that ignored their cancel, and were waited for no longer."""

    @property
    def busy(self) -> int:
        """How many events are being handled."""
        return sum(map(len, self._running.values()))

    @property
    def agents(self) -> list[str]:
        """Who runs."""
        return sorted(self._mailboxes)

    def at_work(self, thread: int) -> bool:
        """Whether anything is being done for this thread, or waits to be."""
        waits = partial(_of, thread)
        return thread in self._running or any(b.holds(waits) for b in self._mailboxes.values())

    def start(self, agent: Agent) -> None:
        """From now on it misses nothing: it is subscribed here and not in its task.

        Raises UsageError for a topic that is none and for a name that is taken; then nothing was
        started.
        """
        if agent.name in _NOT_AGENTS or agent.name in self._mailboxes:
            raise UsageError(
                f"An agent cannot be called {agent.name!r}: somebody else is.",
                hint="Give it another name in its file.",
            )
        for pattern, _ in agent.handlers:
            segments(pattern)
        for one in agent.capabilities:
            self._parts.broker.add(one)
        mailbox: Mailbox[Letter] = Mailbox(MOST_WAITING)
        self._mailboxes[agent.name] = mailbox
        for pattern, handler in agent.handlers:
            stop = self._parts.bus.subscribe(pattern, partial(_post, mailbox, handler))
            self._stops[agent.name].append(stop)
        for number in range(agent.at_once):
            self._tasks.start(f"agent:{agent.name}:{number}", self._live(agent, mailbox))

    def cancel(self, thread: int) -> int:
        """Stop everything that is being done for this thread; how many pieces of work it was."""
        waiting = sum(box.remove(partial(_of, thread)) for box in self._mailboxes.values())
        running = self._running.pop(thread, set())
        for one in running:
            if isinstance(one, asyncio.Task):
                self._tasks.cancel(one)
            else:
                one.cancel()
        return len(running) + waiting

    async def settled(self, deadline_s: float) -> bool:
        """Return when nothing is being handled and nothing waits, or when the time is over."""
        try:
            async with asyncio.timeout(deadline_s):
                while self.busy or any(map(len, self._mailboxes.values())):
                    works = [one for ones in self._running.values() for one in ones]
                    running = [one for one in works if isinstance(one, asyncio.Task)]
                    running += [one.task for one in works if isinstance(one, _Work) and one.task]
                    running = [one for one in running if not one.done()]
                    await (asyncio.wait(running) if running else asyncio.sleep(0))
        except TimeoutError:
            return False
        return True

    async def _live(self, agent: Agent, mailbox: Mailbox[Letter]) -> None:
        while True:
            try:
                await self._work(agent, mailbox)
            except Exception:  # not the handler's: those are told and forgotten in ``_handle``
                log.exception("agent %s died", agent.name)
            now = asyncio.get_running_loop().time()
            deaths = [one for one in self._deaths[agent.name] if now - one < _WITHIN_S] + [now]
            self._deaths[agent.name] = deaths
            if len(deaths) >= _MOST_DEATHS:
                self._pause(agent, mailbox)
                return
            import random  # only who fails needs it

            await asyncio.sleep(_FIRST_WAIT_S * 2 ** len(deaths) * random.uniform(0.5, 1.0))

    def _pause(self, agent: Agent, mailbox: Mailbox[Letter]) -> None:
        """It gets no more events; told once, however many of its tasks die."""
        if self._mailboxes.pop(agent.name, None) is None:
            return
        for stop in self._stops.pop(agent.name):
            stop()
        mailbox.remove(lambda letter: True)
        message = f"The agent {agent.name} failed again and again and is paused."
        hint = "The log says why. It is tried again when Loom starts."
        self.failed[agent.name] = message
        self._trouble(message, hint)
        self._parts.bus.publish(
            Event(
                topic="agent.failed",
                payload={"agent": agent.name, "topic": "", "error": message, "hint": hint},
                sender="supervisor",
                time=self._parts.clock(),
                origin=frozenset({"schedule"}),
            )
        )

    async def _work(self, agent: Agent, mailbox: Mailbox[Letter]) -> None:
        while True:
            handler, event = await mailbox.get()
            work = _Work()  # known from the moment it leaves the mailbox: a stop finds it
            running = self._running[event.begins]
            running.add(work)
            try:
                if agent.at_once > 1 or mailbox:
                    await asyncio.sleep(0)
                if not work.stopped:
                    await self._handle(agent, handler, event, work)
            finally:
                running.discard(work)
                if not running and self._running.get(event.begins) is running:
                    del self._running[event.begins]  # and not of one asked after a cancel

    async def _handle(self, agent: Agent, handler: Handler, event: Event, work: _Work) -> None:
        spawned = _Spawned(self._tasks, self._running, event.begins)
        local = self._local[agent.name]
        ctx = Context(agent.name, event, self._parts, spawned, local, lambda: work.stopped)
        try:
            await self._attempt(agent, handler, event, ctx, work)
        except Exception as error:  # a handler that is not quite one, a deadline that is no number
            await self._failed(ctx, error)

    async def _attempt(
        self, agent: Agent, handler: Handler, event: Event, ctx: Context, work: _Work
    ) -> None:
        limit_s = agent.deadline_s or DEADLINE_S[event.qos]
        async with Tasks() as inside:
            task = inside.run(f"{agent.name} on {event.topic}", handler(ctx, event))
            work.begun(task, inside)
            done, _ = await asyncio.wait({task, work.stop}, timeout=limit_s, return_when=_FIRST)
            if work.stopped:
                pass  # the end of the block waits for it, though not for ever
            elif not done:
                inside.cancel(task)
                await self._tell(ctx, f"It took longer than {limit_s:g} s and was stopped.", "")
            elif not task.cancelled() and (error := task.exception()) is not None:
                await self._failed(ctx, error)
        self.left_behind += inside.left_behind

    async def _failed(self, ctx: Context, error: BaseException) -> None:
        log.error("agent %s failed on %s", ctx.agent, ctx.event.topic, exc_info=error)
        hint = error.hint if isinstance(error, LoomError) else ""
        await self._tell(ctx, str(error) or repr(error), hint)

    async def _tell(self, ctx: Context, message: str, hint: str) -> None:
        self.failed[ctx.agent] = message
        # An agent that listens to failures must not be able to fail for ever.
        if ctx.event.topic != "agent.failed":
            await ctx.emit(
                "agent.failed", agent=ctx.agent, topic=ctx.event.topic, error=message, hint=hint
            )


class _Work:
    """One event in hand: from when it leaves the mailbox until its handler has ended."""

    def __init__(self) -> None:
        self.task: asyncio.Task[Any] | None = None
        self.stop: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tasks: Tasks | None = None

    def begun(self, task: asyncio.Task[Any], tasks: Tasks) -> None:
        """From now on this task of ``tasks`` handles it."""
        self.task, self._tasks = task, tasks

    @property
    def stopped(self) -> bool:
        """The person stopped it: it says nothing more, whatever its handler still does."""
        return self.stop.done()

    def cancel(self) -> None:
        """Stop it, also when it has not begun."""
        if not self.stop.done():
            self.stop.set_result(None)
        if self.task is not None and self._tasks is not None:
            self._tasks.cancel(self.task)


_Running = defaultdict[int, set[_Work | asyncio.Task[Any]]]
"""What is in hand, by thread."""


class _Spawned(Tasks):
    """What handlers leave running: it outlives them, and ends with its thread."""

    def __init__(self, tasks: Tasks, running: _Running, thread: int) -> None:
        super().__init__()
        self._tasks, self._threads, self._thread = tasks, running, thread

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[Any]:
        """See ``Tasks.start``; a cancel of the thread reaches it as well."""
        task = self._tasks.start(name, work)
        running = self._threads[self._thread]
        running.add(task)
        task.add_done_callback(partial(self._over, running))
        return task

    def _over(self, running: set[_Work | asyncio.Task[Any]], task: asyncio.Task[Any]) -> None:
        running.discard(task)
        if not running and self._threads.get(self._thread) is running:
            del self._threads[self._thread]


def _of(thread: int, letter: Letter) -> bool:
    return letter[1].begins == thread


def _post(mailbox: Mailbox[Letter], handler: Handler, event: Event) -> None:
    mailbox.put((handler, event))

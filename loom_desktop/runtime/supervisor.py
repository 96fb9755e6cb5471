"""Supervisor: gives every agent a mailbox and tasks, and goes on when one fails.

Every event is handled in a task of its own, so that one conversation can be stopped by its thread
id, with all it started, while the agent goes on. A handler that raises or overruns its deadline
costs that event and is told; it never costs the agent. What breaks out of that, or ignores its
cancel, costs the agent a restart after a wait; three in a minute, and it is paused and that is
told.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Literal, TypeGuard

from msgspec import Struct

from loom_desktop.bus import MOST_WAITING, Subscription
from loom_desktop.bus.ended import Counts
from loom_desktop.bus.subscription import DEADLINE_S
from loom_desktop.bus.topics import matches, segments
from loom_desktop.errors import LoomError, NotFound, TimedOut, Unavailable, UsageError
from loom_desktop.event import Event, QoS, by_itself, follow
from loom_desktop.runtime.agent import Agent, Handler
from loom_desktop.runtime.context import Context, Parts, Staged
from loom_desktop.runtime.durable import Durable, Follower
from loom_desktop.runtime.restarts import Restarts
from loom_desktop.tasks import Tasks

log = logging.getLogger(__name__)
_NOT_AGENTS = frozenset({"broker", "desk", "loom", "person", "runtime"})
"""Who else acts and publishes: an agent of this name would be taken for them."""
_FIRST = asyncio.FIRST_COMPLETED
AgentState = Literal["running", "paused", "stopped", "failed"]


def _nothing(message: str, hint: str) -> None:
    """Nobody is to be told."""


class AgentReport(Struct, frozen=True):
    """How one agent stands."""

    name: str
    state: AgentState
    """``paused`` and ``stopped`` by somebody, ``failed`` by its failures."""
    topics: list[str]
    capabilities: list[str]
    waiting: int
    busy: int
    handled: int
    dropped: int
    """Both since Loom started, however often the agent was restarted."""
    restarts: int
    """In the last minute."""
    failure: str
    """The last one, in words."""
    durable: bool


class _Life:
    """One agent, whether it runs or not."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.state: AgentState = "stopped"
        self.box: Subscription | None = None
        self.held: asyncio.Future[None] | None = None
        """While it is paused: what it is given waits for this."""
        self.ended: Subscription | None = None
        """The last mailbox that it has no more: what was in hand is counted there at its end."""
        self.past = Counts()
        """What those before that one counted."""
        self.restarts = Restarts()
        self.more: list[tuple[str, Handler]] = []
        """What it listens to since it runs, beside what it was declared with."""
        self.local: dict[str, Any] = {}
        self.follower: Follower | None = None
        """Where it gets its events from when it is durable."""
        self._found: dict[str, tuple[Handler, ...]] = {}

    @property
    def counted(self) -> Counts:
        """What all its mailboxes counted."""
        now = self.past if self.ended is None else self.past.plus(Counts.of(self.ended))
        return now if self.box is None else now.plus(Counts.of(self.box))

    @property
    def patterns(self) -> list[str]:
        return list(dict.fromkeys(pattern for pattern, _ in (*self.agent.handlers, *self.more)))

    def handlers(self, topic: str) -> tuple[Handler, ...]:
        """Those that this topic wakes, in the order of their declaration."""
        found = self._found.get(topic)
        if found is None:
            parts = topic.split(".")
            found = tuple(
                dict.fromkeys(  # of several patterns of one handler it is woken once
                    handler
                    for pattern, handler in (*self.agent.handlers, *self.more)
                    if matches(segments(pattern), parts)
                )
            )
            if len(self._found) > _MOST_TOPICS:
                self._found.clear()
            self._found[topic] = found
        return found

    def changed(self) -> None:
        """Its patterns are others now."""
        self._found.clear()

    def hold(self, on: bool) -> None:
        """What it is given waits from now on, or no longer."""
        if on and self.held is None:
            self.held = asyncio.get_running_loop().create_future()
        elif not on and self.held is not None:
            self.held.set_result(None)
            self.held = None


_MOST_TOPICS = 4_096


class Supervisor:
    """Keeps agents going."""

    def __init__(
        self,
        parts: Parts,
        tasks: Tasks,
        trouble: Callable[[str, str], None] = _nothing,
        *,
        crashed: bool = False,
        new_only: bool = False,
    ) -> None:
        """``trouble`` is told, in words and with a hint, of an agent that is paused.

        ``crashed`` and ``new_only``: see ``Durable``.
        """
        self.parts = parts
        self.durable = Durable(parts.bus, parts.store, tasks, crashed=crashed, new_only=new_only)
        self.durable.buried = self._buried
        self._parts, self._tasks, self._trouble = parts, tasks, trouble
        self._lives: dict[str, _Life] = {}
        self._running: _Running = defaultdict(set)
        self.failed: dict[str, str] = {}
        """The last failure of each agent, in words."""
        self._letters_told: set[str] = set()
        """Of which dead letters a card was offered, in the words of ``buried_words``."""
        self.left_behind = 0
        """Handlers that ignored their cancel, and were waited for no longer."""
        self.changed: Callable[[AgentReport], None] = lambda report: None
        """Told whenever an agent begins, pauses, ends or listens to something else."""
        self.deleted: Callable[[str], None] = lambda name: None
        """Told of an agent that there is not any more."""
        parts.bus.failed = self._box_failed
        parts.bus.on_cancel += [self._stop_work, self.durable.cancelled]

    @property
    def busy(self) -> int:
        """How many events are being handled."""
        return sum(map(len, self._running.values()))

    @property
    def agents(self) -> list[str]:
        """Who runs, or is paused."""
        return sorted(name for name, life in self._lives.items() if life.box is not None)

    @property
    def states(self) -> dict[str, AgentState]:
        """How every agent stands, by name. From any thread."""
        return {name: life.state for name, life in sorted(self._lives.items())}

    def reports(self) -> list[AgentReport]:
        """Every agent there is, by name."""
        return [self._report(life) for _, life in sorted(self._lives.items())]

    def report(self, name: str) -> AgentReport:
        """How one agent stands. Raises NotFound."""
        return self._report(self._life(name))

    def at_work(self, thread: int) -> bool:
        """Whether anything is being done for this thread, or waits to be."""
        waits = partial(_of, thread)
        return thread in self._running or any(box.holds(waits) for box in self._boxes())

    # ------------------------------------------------------------------ the life of an agent

    def start(self, agent: Agent) -> None:
        """From now on it misses nothing: it is subscribed here and not in its task.

        Raises UsageError for a topic that is none and for a name that is taken; then nothing was
        started.
        """
        if agent.name in _NOT_AGENTS or agent.name in self._lives:
            raise UsageError(
                f"An agent cannot be called {agent.name!r}: somebody else is.",
                hint="Give it another name in its file.",
            )
        for pattern, _ in agent.handlers:
            segments(pattern)
        life = _Life(agent)
        self._begin(life)
        self._lives[agent.name] = life

    def start_again(self, name: str) -> None:
        """One that was stopped, or paused by itself. Raises NotFound, and UsageError if it runs."""
        life = self._life(name)
        if life.box is not None:
            raise UsageError(f"{name} runs already.", hint=f"loom restart {name} starts it anew.")
        life.restarts.clear()
        self.failed.pop(name, None)
        self._begin(life)

    async def stop(self, name: str, *, drain_s: float = 5.0) -> None:
        """It gets no more events; what it has in hand is finished, or cancelled after that time.

        What waited is gone, but for a durable one, which goes on there when it starts again. What
        it keeps in the store stays. Raises NotFound.
        """
        life = self._life(name)
        box, life.box, life.state = life.box, None, "stopped"
        if box is None:
            self.changed(self._report(life))
            return
        life.ended = box
        for one in life.agent.capabilities:
            self._parts.broker.remove(one.name)
        self.durable.leave(name)
        box.close(finish=True)
        works = [w for ones in self._running.values() for w in ones if _of_agent(w, name)]
        for work in works:
            if not work.begun:  # it waited for a paused agent to go on
                work.cancel(had=False)
        if works:
            _, late = await asyncio.wait([work.over for work in works], timeout=drain_s)
            for work in works if late else ():
                work.cancel(had=False)
        self.changed(self._report(life))

    async def restart(self, name: str) -> None:
        """Stop it and start it anew; what it kept in memory is gone. Raises NotFound."""
        await self.stop(name)
        self._life(name).local.clear()
        self.start_again(name)

    async def delete(self, name: str, *, forget: bool = False) -> None:
        """Stop it, and there is no such agent any more. ``forget``: nor what it kept in the store.

        Raises NotFound, and Unavailable when it is gone and what it kept is not.
        """
        await self.stop(name)
        self._lives.pop(name, None)
        self.failed.pop(name, None)
        self.deleted(name)
        if forget:
            await self._parts.store.deliveries.forget(name)
            await self._parts.store.schedules.forget_agent(name)
            await self._parts.store.state.forget(name)  # and of all of it no byte stays

    def pause(self, name: str) -> None:
        """Events wait in its mailbox until it goes on. Raises NotFound; UsageError if it is off."""
        self._open(name, False)

    def resume(self, name: str) -> None:
        """Go on with what waits. Raises NotFound; UsageError if it is off."""
        self._open(name, True)

    def subscribe(self, name: str, pattern: str, handler: Handler | None = None) -> bool:
        """Wake it on one more pattern from now on; whether it did not before.

        Without a handler, with the one it was declared with, if that is one. Raises NotFound,
        UsageError for what is no pattern and when it is not clear which handler is meant.
        """
        life = self._running_life(name)
        segments(pattern)
        if pattern in life.patterns:
            return False
        if handler is None:
            declared = list(dict.fromkeys(one for _, one in life.agent.handlers))
            if len(declared) != 1:
                raise UsageError(f"{name} has {len(declared)} handlers: say which one is meant.")
            handler = declared[0]
        life.more.append((pattern, handler))
        life.changed()
        assert life.box is not None
        self._parts.bus.also(life.box, pattern)
        self.changed(self._report(life))
        return True

    def unsubscribe(self, name: str, pattern: str) -> bool:
        """Wake it on that pattern no longer; whether it did since ``subscribe``.

        What it was declared with stays. Raises NotFound.
        """
        life = self._running_life(name)
        kept = [one for one in life.more if one[0] != pattern]
        if len(kept) == len(life.more):
            return False
        life.more = kept
        life.changed()
        box = life.box
        if box is not None and pattern not in life.patterns:
            self._parts.bus.no_more(box, pattern)
            if life.follower is not None:
                takes = partial(self._parts.bus.takes, box)
                life.follower.taken_out(lambda event: not takes(event.topic))
        self.changed(self._report(life))
        return True

    def begin_anew(self) -> None:
        """The store holds other data now: durable agents go on from where those say they are.

        What waited for them was of the data before, and is gone; what is in hand is finished, and
        the store takes no mark of it.
        """
        self.durable.begin_anew()
        for name, life in self._lives.items():
            if life.box is not None and life.follower is not None:
                life.box.remove(lambda event: event.qos is not QoS.REALTIME)
                life.follower = self.durable.follow(name, life.box)

    # ------------------------------------------------------------------ stopping work

    def cancel(self, thread: int) -> int:
        """Stop everything that is being done for this thread; how many pieces of work it was."""
        return self._parts.bus.cancel(thread)

    async def settled(self, deadline_s: float) -> bool:
        """Return when nothing is being handled and nothing waits, or when the time is over."""
        try:
            async with asyncio.timeout(deadline_s):
                while True:
                    await self._all_committed()
                    if not (self.busy or any(not box.idle for box in self._boxes())):
                        return True
                    works = [one for ones in self._running.values() for one in ones]
                    running = [one.over if isinstance(one, _Work) else one for one in works]
                    running = [one for one in running if not one.done()]
                    await (asyncio.wait(running) if running else self._parts.bus.quieter())
        except TimeoutError:
            return False

    # ------------------------------------------------------------------ below

    async def _all_committed(self) -> None:
        """What was published so far has come to those who get it from the disk."""
        if not self.durable.followed:
            return
        with contextlib.suppress(LoomError):  # a disk that takes nothing: nothing comes from it
            await self._parts.store.journal.flush()
        await self.durable.caught_up()

    def _boxes(self) -> list[Subscription]:
        return [life.box for life in self._lives.values() if life.box is not None]

    def _life(self, name: str) -> _Life:
        life = self._lives.get(name)
        if life is None:
            raise NotFound(
                f"There is no agent {name!r}.",
                hint=f"There are: {', '.join(sorted(self._lives)) or 'none'}.",
            )
        return life

    def _running_life(self, name: str) -> _Life:
        life = self._life(name)
        if life.box is None:
            raise UsageError(f"{name} does not run.", hint=f"loom start {name} starts it.")
        return life

    def _report(self, life: _Life) -> AgentReport:
        box, name = life.box, life.agent.name
        busy = sum(_of_agent(work, name) for works in self._running.values() for work in works)
        waiting, now = 0 if box is None else len(box), life.counted
        return AgentReport(
            name, life.state, life.patterns, [one.name for one in life.agent.capabilities],
            waiting, busy, now.handled, now.dropped, life.restarts.recent(_loop_time()),
            self.failed.get(name, ""), life.agent.durable,
        )  # fmt: skip

    def _begin(self, life: _Life) -> None:
        agent = life.agent
        life.hold(False)
        life.past, life.ended = life.counted, None
        life.box = self._parts.bus.subscribe(
            life.patterns, partial(self._work, life), name=f"agent:{agent.name}",
            size=agent.room or MOST_WAITING, when_full=agent.when_full, at_once=agent.at_once,
            managed=True, from_journal=agent.durable,
        )  # fmt: skip
        for at, one in enumerate(agent.capabilities):
            try:
                self._parts.broker.add(one, provider=agent.name)
            except ValueError:  # somebody else does what is called so
                for added in agent.capabilities[:at]:
                    self._parts.broker.remove(added.name)
                life.box.close()
                life.box = None
                raise
        life.follower = self.durable.follow(agent.name, life.box) if agent.durable else None
        life.state = "running"
        self.changed(self._report(life))

    def _open(self, name: str, on: bool) -> None:
        life = self._running_life(name)
        life.state = "running" if on else "paused"
        life.hold(not on)
        self.changed(self._report(life))

    def _stop_work(self, thread: int) -> int:
        running = self._running.pop(thread, set())
        for one in running:
            if isinstance(one, asyncio.Task):
                self._tasks.cancel(one)
            else:
                one.cancel()
        return len(running)

    async def _died(self, life: _Life) -> None:
        """Wait before it goes on; not at all when it dies again and again."""
        wait_s = life.restarts.died(_loop_time())
        if wait_s is None:
            self._give_up(life)
        else:
            await asyncio.sleep(wait_s)

    def _give_up(self, life: _Life) -> None:
        """It gets no more events; told once, however many of its tasks die."""
        box, life.box = life.box, None
        if box is None:
            return
        name, life.state, life.ended = life.agent.name, "failed", box
        self.durable.leave(name)
        for one in life.agent.capabilities:
            self._parts.broker.remove(one.name)
        box.close(finish=True)
        message = f"The agent {name} failed again and again and is paused."
        hint = f"The log says why. loom start {name} tries it again, and so does the next start."
        self.failed[name] = message
        self._trouble(message, hint)
        told = {"agent": name, "topic": "", "error": message, "hint": hint}
        now = self._parts.clock()
        self._parts.bus.publish(by_itself("agent.failed", told, sender="supervisor", time=now))
        self.changed(self._report(life))

    async def _work(self, life: _Life, event: Event) -> None:
        """One event, from when it leaves the mailbox: a stop finds it from that moment on."""
        if life.follower is not None and life.follower.expired(event):
            return
        work = _Work(life.agent.name)
        running = self._running[event.begins]
        running.add(work)
        dead = False
        try:
            while life.held is not None and not work.stop.done():
                await asyncio.wait({work.stop, life.held}, return_when=_FIRST)
            work.begun = True
            dead = await self._let_handle(life, event, work)
        except Exception as error:  # not the handler's: those are told in ``_handle``
            log.exception("agent %s died", life.agent.name)
            dead = True
            if life.follower is not None:
                await life.follower.failed(event, error, "")
        finally:
            work.ended()
            running.discard(work)
            if not running and self._running.get(event.begins) is running:
                del self._running[event.begins]  # and not of one asked after a cancel
        if dead:
            await self._died(life)

    async def _let_handle(self, life: _Life, event: Event, work: _Work) -> bool:
        """Whether that cost the agent: a handler goes on that should have ended."""
        follower = life.follower
        staged = Staged() if follower is not None else None
        error: BaseException | None = None
        failing = ""
        for handler in life.handlers(event.topic):
            if not work.stopped:
                failed = await self._handle(life, handler, event, work, staged)
                if failed is not None:
                    error, failing = failed, getattr(handler, "__qualname__", repr(handler))
        if follower is not None and staged is not None:
            staged.over = True
            if not work.stopped:
                await self._settle(follower, event, staged, error, failing)
            elif work.had:
                follower.had(event)
        return work.left_behind > 0

    async def _settle(
        self,
        follower: Follower,
        event: Event,
        staged: Staged,
        error: BaseException | None,
        failing: str,
    ) -> None:
        """Mark what a durable agent has had, with what it remembers; or have it come again."""
        if error is None and staged.values:
            try:
                if await follower.commit(event, staged.writes(follower.name)):
                    return
                error = Unavailable("What it remembers was changed by somebody else meanwhile.")
            except LoomError as refused:
                error = refused
        if error is None:
            follower.had(event)
        else:
            await follower.failed(event, error, failing)

    async def letters_over(self, name: str, topic: str) -> None:
        """There are no dead letters like that any more: their card goes away."""
        self._letters_told.discard(buried_words(name, topic))
        await self._parts.desk.supersede(name, f"dead letter {topic}")

    def _buried(self, name: str, event: Event, letter: int) -> None:
        words = buried_words(name, event.topic)
        hint = f"loom dead show {letter} says why; loom dead replay {letter} tries it again."
        self._trouble(words, hint)
        if words not in self._letters_told:  # one card for all that are alike
            self._letters_told.add(words)
            self._tasks.start("a dead letter is told", self._offer_letter(name, event, words, hint))

    async def _offer_letter(self, name: str, event: Event, words: str, hint: str) -> None:
        from loom_desktop.runtime.attention import Offer

        card = Offer(
            kind="notice", title=words, text=hint, key=f"dead letter {event.topic}", expires_s=0,
            why=f"{name} failed three times on an event. It is kept until you drop it.",
        )  # fmt: skip
        try:
            await self._parts.desk.offer(card, agent=name, cause=event)
        except LoomError as error:  # the status says it as well
            log.warning("no card for a dead letter of %s: %s", name, error.message)

    async def _handle(
        self,
        life: _Life,
        handler: Handler,
        event: Event,
        work: _Work,
        staged: Staged | None = None,
    ) -> BaseException | None:
        """Why it failed, which was told, or None."""
        agent = life.agent
        spawned = _Spawned(self._tasks, self._running, event.begins)
        ctx = Context(
            agent.name, event, self._parts, spawned, life.local, lambda: work.stopped, staged
        )
        try:
            return await self._attempt(agent, handler, event, ctx, work)
        except Exception as error:  # a handler that is not quite one, a deadline that is no number
            self._failed(ctx, error)
            return error

    async def _attempt(
        self, agent: Agent, handler: Handler, event: Event, ctx: Context, work: _Work
    ) -> BaseException | None:
        failed: BaseException | None = None
        limit_s = agent.deadline_s or DEADLINE_S[event.qos]
        async with Tasks() as inside:
            task = inside.run(f"{agent.name} on {event.topic}", handler(ctx, event))
            work.goes_on_in(task, inside)
            done, _ = await asyncio.wait({task, work.stop}, timeout=limit_s, return_when=_FIRST)
            if work.stopped:
                pass  # the end of the block waits for it, though not for ever
            elif not done:
                inside.cancel(task)
                failed = TimedOut(f"It took longer than {limit_s:g} s and was stopped.")
                self._tell(ctx, failed.message, "")
            elif task.cancelled():
                failed = Unavailable("What it waited for was cancelled.")
                self._failed(ctx, failed)
            elif (failed := task.exception()) is not None:
                self._failed(ctx, failed)
        self.left_behind += inside.left_behind
        work.left_behind += inside.left_behind
        return failed

    def _failed(self, ctx: Context, error: BaseException) -> None:
        log.error("agent %s failed on %s", ctx.agent, ctx.event.topic, exc_info=error)
        hint = error.hint if isinstance(error, LoomError) else ""
        self._tell(ctx, str(error) or repr(error), hint)

    def _tell(self, ctx: Context, message: str, hint: str) -> None:
        self._tell_of(ctx.agent, ctx.event, message, hint)

    def _tell_of(self, name: str, event: Event, message: str, hint: str) -> None:
        self.failed[name] = message
        # An agent that listens to failures must not be able to fail for ever.
        if event.topic != "agent.failed":
            told = {"agent": name, "topic": event.topic, "error": message, "hint": hint}
            self._parts.bus.publish(
                follow(event, "agent.failed", told, sender=name, time=self._parts.clock())
            )

    def _box_failed(self, box: Subscription, event: Event, error: BaseException) -> None:
        """The mailbox of an agent could not take an event: its handlers never saw it."""
        name = box.name.removeprefix("agent:")
        life = self._lives.get(name)
        if life is not None and life.box is box and isinstance(error, LoomError):
            # once the event has reached the others, which is now being published
            tell = partial(self._tell_of, name, event, error.message, error.hint)
            self._parts.bus.loop.call_soon(tell)


def buried_words(name: str, topic: str) -> str:
    """What is told of a dead letter, and taken back when there is none like it any more."""
    return f"The agent {name} could not work on {topic}, and does not try any more."


class _Work:
    """One event in hand: from when it leaves the mailbox until its handler has ended."""

    def __init__(self, agent: str) -> None:
        loop = asyncio.get_running_loop()
        self.agent = agent
        self.task: asyncio.Task[Any] | None = None
        self.stop: asyncio.Future[None] = loop.create_future()
        self.over: asyncio.Future[None] = loop.create_future()
        self.begun = False
        """Not while its agent is paused."""
        self.left_behind = 0
        """Its handlers that ignored their cancel."""
        self.had = True
        """Whether a durable agent is done with it when it is stopped."""
        self._tasks: Tasks | None = None

    def goes_on_in(self, task: asyncio.Task[Any], tasks: Tasks) -> None:
        """From now on this task of ``tasks`` handles it."""
        self.task, self._tasks = task, tasks

    def ended(self) -> None:
        """Nothing is in hand any more."""
        if not self.over.done():
            self.over.set_result(None)

    @property
    def stopped(self) -> bool:
        """It says nothing more, whatever its handler still does."""
        return self.stop.done()

    def cancel(self, *, had: bool = True) -> None:
        """Stop it, also when it has not begun. Not ``had``: a durable agent gets it again."""
        if not self.stop.done():
            self.had = had
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
        task.add_done_callback(partial(self._leaves, running))
        return task

    def _leaves(self, running: set[_Work | asyncio.Task[Any]], task: asyncio.Task[Any]) -> None:
        running.discard(task)
        if not running and self._threads.get(self._thread) is running:
            del self._threads[self._thread]


def _of(thread: int, event: Event) -> bool:
    return event.begins == thread


def _of_agent(work: _Work | asyncio.Task[Any], name: str) -> TypeGuard[_Work]:
    return isinstance(work, _Work) and work.agent == name


def _loop_time() -> float:
    return asyncio.get_running_loop().time()

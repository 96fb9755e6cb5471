"""The composition root: every part is made and joined here, and nowhere else."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec

from loom_desktop import catalog, clock
from loom_desktop import settings as toml
from loom_desktop.actions import Broker, Capability, Consent
from loom_desktop.actions.folders import Folders
from loom_desktop.bus import Bus
from loom_desktop.entries import Entries, broken, misnamed
from loom_desktop.errors import LoomError, NotFound, SettingsError, Unavailable, UsageError
from loom_desktop.event import SCHEDULED, Event, Privacy, QoS, count_ids_from, privacy_at_birth
from loom_desktop.paths import Paths, paths, private_folder
from loom_desktop.runtime import Supervisor
from loom_desktop.runtime.agenda import Agenda
from loom_desktop.runtime.attention import Desk
from loom_desktop.runtime.audit import Audit
from loom_desktop.runtime.brain import Brain
from loom_desktop.runtime.context import Parts, handed
from loom_desktop.runtime.conversations import Recorder
from loom_desktop.runtime.loop_watch import LoopWatch
from loom_desktop.runtime.lost_answers import LOOK_S, LostAnswers
from loom_desktop.runtime.memory import Remembering
from loom_desktop.runtime.mover import Mover
from loom_desktop.runtime.notifications import Notifications
from loom_desktop.runtime.outside import Broken, Outside
from loom_desktop.runtime.reading import Reader
from loom_desktop.runtime.reminders import Reminders, local_zone
from loom_desktop.runtime.schedule import Timers, Told
from loom_desktop.runtime.status import Status
from loom_desktop.runtime.warm_up import warm_up
from loom_desktop.settings import Nothing, Settings
from loom_desktop.store import Problem, Schedule, Store
from loom_desktop.store.keys import Key, obtain
from loom_desktop.tasks import Tasks

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from loom_desktop.llm.router import Router
    from loom_desktop.runtime.degradation import Degradation
    from loom_desktop.runtime.directory import Directory
    from loom_desktop.runtime.health import Finding, Health
    from loom_desktop.runtime.supervisor import AgentReport

log = logging.getLogger(__name__)
_named: ContextVar[tuple[Path, ...]] = ContextVar("folders named by a command", default=())
_NEEDS_WINDOW = ("hotkey",)
_ALWAYS_ON = ("system",)
_DRAIN_S = 2.0
_ZONE_S = 30.0
"""How long a zone is taken to be the person's before it is looked up again."""


class Loom:
    """Everything that runs: ``async with Loom() as loom: ...``.

    Without arguments it is the person's own: their loom.toml and their data. ``desktop`` is for
    the shell: it listens to the hotkey, asks for approvals, and starts also when loom.toml cannot
    be followed, with nothing leaving the computer until it can. A ``key`` given here is used for
    the store as it is, and no keyring is asked. Not ``listening``: for one command, with no
    sources and no timers; not ``following``: durable agents get what happens in this run and
    nothing of what waits for them. ``router`` is for tests: the way to a model that says their
    lines.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        paths: Paths | None = None,
        desktop: bool = False,
        listening: bool = True,
        following: bool = True,
        key: bytes | None = None,
        clock: clock.Clock = clock.wall,
        zone: ZoneInfo | None = None,
        router: Callable[[Loom], Router] | None = None,
    ) -> None:
        self.settings, self.desktop, self.clock = settings or Settings(), desktop, clock
        self._listening, self._following = listening, following
        self.loop_watch: LoopWatch | None = None
        self.degradation: Degradation | None = None
        self.started = False
        """Whether everything is joined and runs."""
        self.around: dict[str, Callable[[], Finding]] = {}
        """How what stands around it says that it stands: ``door``, ``shell``. In a thread."""
        self.notifications: Notifications | None = None
        self.key: Key | LoomError | None = None
        """The key of the store, or why there is none; None: it was given, or none is wanted."""
        self.not_forgotten = ""
        """Why what is old was not forgotten the last time, in words."""
        self.agents_wanted: tuple[str, ...] = ()
        """Those that loom.toml named when this started."""
        self.left_out: dict[str, LoomError] = {}
        """Agents that could not be started, by the name of their file, and why."""
        self.paths = paths or _usual_paths()
        self._fixed_zone = self._zone = zone
        self._zone_until = clock()
        self._read_settings, self._key = settings is None, key
        self._make_router = router
        self.changing = asyncio.Lock()
        """Held while a setting is written and followed: one after the other."""

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            # Made in the order they lean on each other ...
            self.bus = await stack.enter_async_context(Bus(self.clock))
            self.status = Status(self.bus, self.clock, self._zone_now)
            self.entries = Entries(self.paths.config, self.paths.settings, self.status.trouble)
            on = self._start_settings()
            self.store = await stack.enter_async_context(await self._open_store())
            count_ids_from(
                max(await self.store.journal.last_id() + 1, int(self.clock() * 1_000_000))
            )
            for problem in self.store.problems:
                self._store_trouble(problem)
            self.bus.subscribe(">", self._keep)
            self.tasks = await stack.enter_async_context(Tasks())
            self._folders = self._granted(on)
            self.audit = Audit(self.bus, self.store, self.clock)
            self.broker = Broker(
                Consent(self.clock),
                self.clock,
                granted=lambda path: self.folders.covers(path),
                closed=lambda path: self.folders.closed(path),
                hand=handed,
                find=self._capabilities,
                audit=self.audit,
            )
            self.desk = Desk(
                self.bus, self.store, self.broker.consent, on.attention, self.clock, self._zone_now,
                self.tasks,
            )  # fmt: skip
            self.outside = Outside(self.bus.publish_from_thread, self.clock, self.tasks)
            reader = Reader(closed=lambda path: self.folders.closed(path))
            self.mover = Mover(
                self.store, lambda: self.folders, reader, self.clock, self._zone_now,
                watched=self._watched, destination=self._destination,
            )  # fmt: skip
            self.reminders = Reminders(self.bus, self.store, self.clock, self._zone_now)
            self.agenda = Agenda(
                self.bus, self.store, self.desk, self.clock, self._zone_now, self.tasks
            )
            self.memory = Remembering(self.bus, self.store, self.desk, self.clock, self.tasks, self)
            self.brain = Brain(
                self.broker, self.store, settings=lambda: self.settings,
                recorder=lambda: self.recorder, make=self._routed, ask=self._ask_next,
                families=functools.partial(self.entries.names, "capabilities"),
            )  # fmt: skip
            self.agents_settings: dict[str, Any] = {}
            self.supervisor = Supervisor(
                Parts(
                    self.bus, self.broker, self.store, self.desk, self.brain.thinker, self.clock,
                    self._zone_now, self.mover, self.reminders, self.agenda, reader,
                    self.agents_settings, self.outside.sources, lambda: self.supervisor,
                    lambda: self.directory, self.memory,
                ),
                self.tasks,
                self.status.trouble,
                crashed=await self._previous_run_broke_off(),
                new_only=not self._following,
            )  # fmt: skip
            await self.supervisor.durable.prepare()
            self.store.restored = self.supervisor.begin_anew
            stack.push_async_callback(self._came_to_its_end)
            stack.callback(self.supervisor.durable.close)
            self.recorder = Recorder(self.bus, self.store, self.tasks)
            self.bus.subscribe("chat.*", self.brain.hear)
            if self._listening:
                self.notifications = Notifications(
                    self.bus, self.desk, self.tasks, desktop=self.desktop,
                    on=lambda: self.settings.attention.notifications, show=self._show_inbox,
                )  # fmt: skip
                stack.push_async_callback(self.notifications.close)

            # ... then filled: who does what, and last what sets it off.
            self._start_agents(on)
            self.timers = Timers(
                self.store.schedules, self._fire, self.clock, zone=lambda: self.zone.key,
                publish=self.bus.publish,
            )  # fmt: skip
            if self._listening:
                self.reminders.timers = self.agenda.timers = self.timers
                await self.desk.start_over()
            if self.desktop:
                self.desk.attend()
            await self._tell_interrupted()
            self.bus.subscribe("system.resumed", self._resumed)
            self.bus.subscribe("system.sleeping", self._sleeping)
            self.lost_answers = LostAnswers(
                self.bus, self.status, self.supervisor, self.tasks, self._publish
            )
            self.bus.subscribe("system.locked", lambda _: self.desk.lock(True))
            self.bus.subscribe("system.unlocked", lambda _: self.desk.lock(False))
            self._make_sources(on)
            await self._resume_pause()
            self.status.changed = self._say_status
            if self._listening:
                stack.callback(self._watch_loop().stop)
                warm_up(self)
                self.tasks.start("cards", self.desk.run())
                self.tasks.start("timers", self.timers.run())
                self.tasks.start("housekeeping", self._housekeeping())
                self.tasks.start("memory", self.memory.run())
                for name in filter(self._wanted, self.outside.sources):
                    self.outside.start(name)
            stack.push_async_callback(self._stop_sources)
            self._stop = stack.pop_all()
            self.supervisor.changed, self.supervisor.deleted = self._heard, self._deleted
            self.started = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self.started = False
        # What has begun is finished: a card, a line of the conversation. Not for long.
        await self.supervisor.settled(_DRAIN_S)
        await self.recorder.settled(_DRAIN_S)
        await self._stop.aclose()

    @functools.cached_property
    def health(self) -> Health:
        """How every part stands. Made when somebody looks for the first time."""
        from loom_desktop.runtime.probes import watch

        return watch(self)

    @functools.cached_property
    def directory(self) -> Directory:
        """Which agents there are, and what can be done. Made when somebody asks, or when an agent
        changes after the start."""
        return self._listed()

    def _listed(self, *, but: str = "") -> Directory:
        from loom_desktop.runtime.directory import Directory

        families = functools.partial(self.entries.names, "capabilities")
        return Directory(self.supervisor, self.broker, self.bus, self.clock, families, but=but)

    def _heard(self, report: AgentReport) -> None:
        if "directory" not in vars(self):
            self.directory = self._listed(but=report.name)
        self.directory.heard(report)

    def _deleted(self, name: str) -> None:
        self.agents_wanted = tuple(one for one in self.agents_wanted if one != name)
        self.directory.deleted(name)

    async def call(self, verb: str, /, **arguments: Any) -> Any:
        """One of the verbs that every door has (``verbs``). Raises LoomError."""
        from loom_desktop import verbs

        return await verbs.call(self, verb, arguments)

    async def talk(self, verb: str, /, **arguments: Any) -> AsyncGenerator[Event, None]:
        """A verb that asks, and the events of its answer. Closing it early cancels the answer."""
        from loom_desktop import verbs

        if verb not in verbs.ASKING:
            raise UsageError(
                f"{verb!r} is answered at once.", hint=f"These are not: {', '.join(verbs.ASKING)}."
            )
        events: asyncio.Queue[Event] = asyncio.Queue()
        stop = self.bus.subscribe("chat.*", events.put_nowait)
        asked: dict[str, int] = {}
        over = False
        try:
            asked = await self.call(verb, **arguments)
            while not over:
                try:
                    async with asyncio.timeout(LOOK_S):
                        event = await events.get()
                except TimeoutError:
                    self.lost_answers.end()
                    continue
                if event.payload.get("turn") == asked["turn"]:
                    over = event.topic in ("chat.answered", "chat.failed", "chat.cancelled")
                    yield event
        finally:
            stop()
            if asked and not over:
                await self.call("cancel", conversation=asked["conversation"])

    # ---------------------------------------------------------------- events from the doors
    def publisher(self, sender: str, *, origin: str = "") -> Callable[..., Event]:
        """How a door speaks for the person: ``publish(topic, thread=0, **payload)``."""
        return functools.partial(self._publish, sender, frozenset({origin} if origin else ()))

    def _publish(
        self,
        sender: str,
        origin: frozenset[str],
        topic: str,
        /,
        *,
        thread: int = 0,
        also: frozenset[str] = frozenset(),
        least: Privacy = Privacy.PUBLIC,
        qos: QoS = QoS.BATCHED,
        **payload: Any,
    ) -> Event:
        origins = origin | also
        event = Event(
            topic=topic,
            payload=payload,
            sender=sender,
            time=self.clock(),
            thread=thread,
            qos=qos,
            origin=origins,
            privacy=max(privacy_at_birth(origins), least),
        )
        self.bus.publish_from_thread(event)
        return event

    def _keep(self, event: Event) -> None:
        """Into the journal, but for what is not durable. Copied text is not stored at all."""
        if event.qos is QoS.REALTIME:
            return
        if event.topic == "clipboard.copied":
            kept = {key: value for key, value in event.payload.items() if key != "text"}
            event = msgspec.structs.replace(event, payload=kept)
        self.store.journal.keep(event)

    def _say_status(self) -> None:
        self._publish("loom", SCHEDULED, "status.changed", qos=QoS.REALTIME)

    def _show_inbox(self) -> None:
        self._publish(
            "loom", frozenset({"user-typed"}), "window.requested", qos=QoS.REALTIME, window="inbox"
        )

    def _sleeping(self, event: Event) -> None:
        self.tasks.start("write down before the sleep", self._write_down())

    async def _write_down(self) -> None:
        """Not every computer that sleeps wakes up again."""
        await self.recorder.settled(_DRAIN_S)
        await self.store.journal.flush()

    def _resumed(self, event: Event) -> None:
        self.timers.changed()
        rescan = getattr(self.outside.sources.get("files"), "rescan", None)
        if rescan is not None:
            rescan()

    # ---------------------------------------------------------------- folders
    @property
    def folders(self) -> Folders:
        """What the person granted, and in a command that names more, that as well."""
        more = _named.get()
        if not more:
            return self._folders
        return self._with([*self._folders.granted, *more])

    @contextmanager
    def granting(self, folders: Iterable[Path]) -> Iterator[None]:
        """Inside, and for whoever is inside alone, these folders are granted too."""
        before = _named.set((*_named.get(), *folders))
        try:
            yield
        finally:
            _named.reset(before)

    def _granted(self, on: Settings) -> Folders:
        return self._with(map(Path, on.grants.folders))

    def _with(self, granted: Iterable[Path]) -> Folders:
        """Ours is closed: no file is moved into or out of it. What lies in agents/ is run.

        Where LOOM_HOME names a folder that holds other things as well, those stay usable.
        """
        at = self.paths
        ours = [at.config / name for name in (*catalog.KINDS, "llm")]
        ours += [one for one in (at.data, at.logs, at.cache, at.runtime) if one != at.config]
        shared = at.runtime == at.config
        never = ours if shared else [at.config, *ours]
        return Folders(granted, never=never, home=at.config)

    # ---------------------------------------------------------------- settings
    def _start_settings(self) -> Settings:
        if not self._read_settings:
            return self.settings
        try:
            said = toml.read(self.paths.settings)
            self.entries.find_missing(said)
            self.settings = self.entries.without_missing(said)
            self.entries.tell_missing(said)
            self.entries.check(self.settings)
        except SettingsError as error:
            if not self.desktop:
                raise
            self.settings = Settings(privacy=toml.Privacy(local_only=True))
            self.status.trouble(error.message, error.hint)
        return self.settings

    async def reload(self) -> None:
        """Follow loom.toml as it is now. Raises SettingsError; then nothing is changed."""
        said = toml.read(self.paths.settings)
        self.entries.look_again()
        on = self.entries.without_missing(said)
        self.entries.check(on)
        before, self.settings = self.settings, on
        self.desk.settings = on.attention
        self._folders = self._granted(on)
        for name in self.agents_settings:
            self.agents_settings[name] = self.entries.settings("agents", name, on)
        heard = (before.llm, before.router, before.privacy, before.agents)
        if (on.llm, on.router, on.privacy, on.agents) != heard:
            await self.brain.close()
        for name in list(self.outside.sources):
            changed = on.sources.get(name) != before.sources.get(name)
            if changed or self.outside.running(name) != self._wanted(name):
                await self.outside.stop(name)
                self._make_source(name, on)
                made = self.outside.sources[name] if self._wanted(name) else None
                if isinstance(made, Broken) and isinstance(made.error, SettingsError):
                    raise made.error
                if self.status.paused:
                    await self.outside.pause(True)
                if self._wanted(name):
                    self.outside.start(name)
        self.status.problems = [one for one in self.status.problems if "loom.toml" not in one[0]]
        self.entries.tell_missing(said)
        self._publish("loom", frozenset({"user-typed"}), "settings.changed")
        self.status.look()
        self._say_status()

    def _wanted(self, name: str) -> bool:
        if name in _NEEDS_WINDOW:
            return self.desktop
        if name in _ALWAYS_ON:
            return True
        if name not in self.settings.sources:
            return False  # a source that the person did not name is off, and not even loaded
        return bool(getattr(self.entries.settings("sources", name, self.settings), "enabled", True))

    def _watched(self) -> list[Path]:
        folders = getattr(self.entries.settings("sources", "files", self.settings), "folders", ())
        return [Path(one).expanduser().absolute() for one in folders]

    def _destination(self) -> Path:
        settings = self.entries.settings("agents", "downloads", self.settings)
        return Path(settings.destination).expanduser().absolute()

    # ---------------------------------------------------------------- parts from the catalogue
    async def _open_store(self) -> Store:
        """The store, or one in memory that is told: a start never fails because of it."""
        key = self._key
        try:
            private_folder(self.paths.data)
        except LoomError as error:  # what can be read there is still read
            self.status.trouble(error.message, error.hint)
        try:
            if key is None and self.settings.store.encrypted:
                self.key = await obtain(self.paths.data)
                key = self.key.bytes
        except LoomError as error:
            self.key = error
            self.status.trouble(error.message, error.hint)
            self.status.trouble(
                "Nothing is saved in this run.", "See what was said before this, and start again."
            )
            return Store(":memory:", None, clock=self.clock)
        told, over = self._store_trouble, self.status.solved
        return Store(self.paths.database, key, clock=self.clock, told=told, over=over)

    def _store_trouble(self, problem: Problem) -> None:
        self.status.trouble(problem.message, problem.hint)

    def _start_agents(self, on: Settings) -> None:
        self.agents_wanted = tuple(dict.fromkeys(on.assistant.agents))
        for name in self.agents_wanted:
            if on.assistant.agents.count(name) > 1:
                words = f"loom.toml names the agent {name} more than once, under [assistant]."
                self.status.trouble(words, "It runs once. Leave its name there one time.")
            try:
                self._start_agent(name, on)
            except (NotFound, Unavailable, UsageError) as error:
                self.status.trouble(error.message, error.hint)

    def start_agent(self, name: str) -> str:
        """The one in that file, which loom.toml does not name, for this run; answers with what it
        is called. Raises LoomError."""
        self.entries.look_again(self.left_out)
        return self._start_agent(name, self.settings)

    def _start_agent(self, name: str, on: Settings) -> str:
        try:
            called = self._start_file(name, on)
        except LoomError as error:
            self.left_out[name] = error
            raise
        if name in self.left_out:
            self.status.solved(self.left_out.pop(name).message)
        return called

    def _start_file(self, name: str, on: Settings) -> str:
        module = self.entries.load("agents", name)
        settings = self.entries.settings("agents", name, on)
        agent = catalog.export("agents", module)
        try:
            if agent.name != name:
                raise misnamed(name, agent.name)
            self.supervisor.start(agent)
        except (TypeError, ValueError, AttributeError) as error:  # it is not quite an agent
            message, hint = broken("agents", name, error)
            raise Unavailable(message, hint=hint) from error
        self.agents_settings[name] = settings
        return str(agent.name)

    def _make_sources(self, on: Settings) -> None:
        for name in self.entries.names("sources"):
            if name not in _NEEDS_WINDOW or self.desktop:
                self._make_source(name, on)

    def _make_source(self, name: str, on: Settings) -> None:
        self.outside.add(name, lambda: self._source_or_broken(name, on))

    def _source_or_broken(self, name: str, on: Settings) -> Any:
        try:
            return self._made_source(name, on)
        except LoomError as error:
            return Broken(error)
        except Exception as error:  # somebody's own file again
            log.exception("the source %s cannot be made", name)
            message, hint = broken("sources", name, error)
            return Broken(Unavailable(message, hint=hint))

    def _made_source(self, name: str, on: Settings) -> Any:
        make = catalog.export("sources", self.entries.load("sources", name))
        settings = self.entries.settings("sources", name, on)
        more: dict[str, Any] = {"clipboard": {"clock": self.clock}}.get(name, {})
        if name == "files":
            more["known"] = self.store.files
        return make(**more) if isinstance(settings, Nothing) else make(settings, **more)

    def _capabilities(self, family: str) -> Iterator[Capability]:
        if family in self.entries.names("capabilities"):
            module = self.entries.load("capabilities", family)
            yield from (one for one in vars(module).values() if isinstance(one, Capability))

    async def _stop_sources(self) -> None:
        # All at once: each may take its seconds, and somebody waits for the end.
        await asyncio.gather(*map(self.outside.stop, list(self.outside.sources)))
        await self.brain.close()

    def _ask_next(self, conversation: int, text: str) -> None:
        self.publisher("window", origin="user-typed")(
            "chat.asked", thread=conversation, text=text, files=[], clip="", way="",
            conversation=conversation,
        )  # fmt: skip

    async def _routed(self) -> Router:
        if self._make_router is not None:
            return self._make_router(self)
        from loom_desktop.runtime.routing import routed

        return await routed(self)

    # ---------------------------------------------------------------- time
    def _watch_loop(self) -> LoopWatch:
        watch = self.loop_watch = LoopWatch(self.bus.publish_from_thread, self.clock)
        watch.turned = self._watch_strain
        watch.at_work, self.bus.begins = lambda: bool(self.bus.at_work), watch.arm
        self.bus.subscribe(">", watch.arm)
        watch.start()
        return watch

    def _watch_strain(self) -> None:
        """With the first beat, so that the start need not load it: slow what can wait."""
        from loom_desktop.runtime.degradation import Degradation, Signals, memory_taken

        watch = self.loop_watch
        assert watch, "it is the watch that calls"

        def signals() -> Signals:
            states = self.supervisor.states.items()
            held_up = {f"agent:{name}" for name, state in states if state == "paused"}
            return Signals(
                lag_s=watch.lag_s, fill=self.bus.fill(but=held_up), disk=self.store.disk,
                memory=memory_taken(),
            )  # fmt: skip

        self.degradation = Degradation(
            signals, self.bus.pace, self.bus.publish, self.clock, clock.monotonic
        )
        watch.turned = self.degradation.arm
        self.tasks.start("degradation", self.degradation.run())

    def _fire(self, schedule: Schedule, occurrence: float, late_s: float) -> Told:
        whose = self.agenda if schedule.agent else self.reminders
        return whose.fire(schedule, occurrence, late_s)

    @property
    def zone(self) -> ZoneInfo:
        """The person's zone, looked up again now and then: they travel."""
        now = self.clock()
        zone = self._zone
        old = self._fixed_zone is None and not now < self._zone_until <= now + _ZONE_S
        if zone is None or old:
            zone = self._zone = local_zone()
            self._zone_until = now + _ZONE_S
        return zone

    def _zone_now(self) -> ZoneInfo:
        return self.zone

    async def _previous_run_broke_off(self) -> bool:
        """Whether the run before this one did not come to its end; from now on this one runs."""
        if not self._following:
            return False
        broke_off = bool(await self.store.state.fact("running", False))
        if not broke_off:  # nobody waits for it: a crash this early has nothing in hand
            self.tasks.start("note the run", self.store.state.set_fact("running", True))
        return broke_off

    async def _came_to_its_end(self) -> None:
        """Also of a start that failed half way: it broke off nothing."""
        if self._following:
            with contextlib.suppress(LoomError):  # told by the store
                await self.store.state.set_fact("running", False)

    async def _resume_pause(self) -> None:
        self.status.paused_until = float(await self.store.state.fact("paused_until", 0.0))
        if self.status.paused:
            await self.outside.pause(True)
            self.tasks.start("resume capture", self._resume_later())

    async def _resume_later(self) -> None:
        """End a pause when its time is over; looks at the wall clock, which sleeps do not stop."""
        while self.status.paused_until > 0:
            left_s = self.status.paused_until - self.clock()
            if left_s <= 0:
                try:
                    await self.call("resume_capture")
                    return
                except LoomError as error:  # the store: somebody waits for capture to go on
                    log.warning("capture is still paused: %s", error.message)
                    left_s = 15.0
            await asyncio.sleep(min(left_s, 15.0))

    async def _housekeeping(self) -> None:
        """Forget what is older than the person wants kept, once a day."""
        await asyncio.sleep(600.0)
        from loom_desktop.runtime.retention import DAY_S, forget_old

        while True:
            days = self.settings.store.keep_days
            try:
                # else what concerned nobody counts as not worked on
                await self.supervisor.durable.mark()
                self.not_forgotten = await forget_old(
                    self.store, self.paths.kept, now=self.clock(), keep_days=days
                )
            except Exception as error:  # one of the fences: tomorrow it is tried again
                log.exception("what is old was not forgotten")
                self.not_forgotten = str(error) or repr(error)
            await asyncio.sleep(DAY_S)

    async def _tell_interrupted(self) -> None:
        if await self.store.acts.unknown():
            from loom_desktop.runtime.interrupted import tell_interrupted

            await tell_interrupted(self.store, self.desk, self.bus, self.clock)


def _usual_paths() -> Paths:
    return paths()

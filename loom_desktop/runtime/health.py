"""Health: how every part stands, and whether the whole is ready, as one answer for every door.

A part registers a name and a probe. A probe is sync and quick, and reads; it runs in a thread of
its own, because nobody knows that of the probes of others. One that raises, hangs or says
nonsense is a finding about its part, and the others are asked all the same.

What comes and goes is shown as it was at its worst until it has been good for a while: three
falls within five minutes are one trouble, not three. A single fall is over when it is over.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec

from loom_desktop.clock import Clock

log = logging.getLogger(__name__)
State = Literal["ok", "degraded", "failed"]
"""``degraded``: it works, with less. The order is from good to bad."""
_RANKS: dict[State, int] = {"ok": 0, "degraded": 1, "failed": 2}
PATIENCE_S = 1.0
"""How long a probe may take before its part is said not to answer."""
FALLS, FALLS_WITHIN_S, CALM_S = 3, 300.0, 60.0
"""So many falls within that time are a flapping part, until it was good for so long."""


class Finding(msgspec.Struct, frozen=True):
    """What a probe answers."""

    state: State = "ok"
    words: str = ""
    """A sentence for a person."""
    hint: str = ""
    """What to do."""
    since: float = 0.0
    """Seconds since 1970, where the part knows; 0: since it was first seen to be so."""
    facts: dict[str, Any] = {}
    """Plain data, for who wants to look closer."""


Probe = Callable[[], Finding]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One part, as every door shows it."""

    name: str
    state: State
    words: str
    hint: str
    since: float
    flapping: bool
    needed: bool
    """Whether Loom is not ready while it has failed."""
    facts: dict[str, Any]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How the whole stands: as its worst part does."""

    state: State
    ready: bool
    """Started, and no part that is needed has failed."""
    words: str
    time: float
    parts: tuple[Part, ...]


class Health:
    """The parts and how they stand. Made on the loop it serves."""

    def __init__(
        self, clock: Clock, started: Callable[[], bool], *, patience_s: float = PATIENCE_S
    ) -> None:
        """``started``: whether everything is joined and runs."""
        self._clock, self._started, self._patience_s = clock, started, patience_s
        self._parts: dict[str, _Watched] = {}
        self._one_at_a_time = asyncio.Lock()

    def register(self, name: str, probe: Probe, *, needed: bool = False) -> Callable[[], None]:
        """From now on the part is asked, in place of one of that name. Returns the undo."""
        part = self._parts[name] = _Watched(name, probe, needed)

        def remove() -> None:
            if self._parts.get(name) is part:
                del self._parts[name]

        return remove

    async def look(self) -> Standing:
        """Ask every part. Takes ``patience_s`` for each that hangs, once; never raises for one."""
        async with self._one_at_a_time:
            watched = list(self._parts.values())
            await self._ask([one for one in watched if not one.hangs])
            now = self._clock()
            parts = tuple(one.standing(now) for one in watched)
        worst: State = max((one.state for one in parts), key=_rank, default="ok")
        started = self._started()
        failed = any(one.needed and one.state == "failed" for one in parts)
        return Standing(
            state=worst, ready=started and not failed, words=_in_words(started, parts), time=now,
            parts=parts,
        )  # fmt: skip

    async def _ask(self, watched: list[_Watched]) -> None:
        """In one thread as long as all is well, in a further one past each that hangs."""
        while watched:
            asked = _Round(watched)
            try:
                async with asyncio.timeout(self._patience_s):
                    await asked.over
                return
            except TimeoutError:
                at = asked.leave()
                watched = watched[at + 1 :]


class _Watched:
    """A part, what its probe said last, and how often it fell."""

    def __init__(self, name: str, probe: Probe, needed: bool) -> None:
        self.name, self.needed, self._probe = name, needed, probe
        self.round: _Round | None = None
        """The one that waits for the probe, once nobody waits for that one any more."""
        self._said: Finding | None = None
        self._state: State = "ok"
        self._since = 0.0
        self._falls: deque[float] = deque(maxlen=FALLS)
        self._worst = Finding()
        self._bad_at = 0.0

    @property
    def hangs(self) -> bool:
        """Whether its probe was called and has not come back."""
        return self.round is not None and not self.round.ended

    def ask(self) -> None:
        """In the thread."""
        self._said = None
        try:
            self._said = _checked(self._probe())
        except Exception as error:
            log.warning("%s cannot say how it stands", self.name, exc_info=error)
            self._said = Finding("failed", f"It cannot say how it stands: {error or type(error)}")

    def standing(self, now: float) -> Part:
        """How it stands by what was said last, with what comes and goes held down."""
        said = self._said
        if self.hangs or said is None:
            said = Finding("failed", "It does not answer.", "The log says more.")
        self._since = self._since or now
        if said.state != self._state:
            if _rank(said.state) > _rank(self._state):
                self._falls.append(now)
            self._state, self._since = said.state, now
        if said.state != "ok":
            self._bad_at = now
        flapping = self._flaps(now)
        if _rank(said.state) > _rank(self._worst.state) or not flapping:
            self._worst = said  # a calm part begins anew with what it says
        shown = said
        if flapping and _rank(said.state) < _rank(self._worst.state):
            words = f"It comes and goes: {self._worst.words}"
            shown = msgspec.structs.replace(self._worst, words=words, since=self._falls[0])
        return Part(
            name=self.name, state=shown.state, words=shown.words, hint=shown.hint,
            since=shown.since or self._since, flapping=flapping, needed=self.needed,
            facts=said.facts,
        )  # fmt: skip

    def _flaps(self, now: float) -> bool:
        # The clock on the wall is set now and then: what lies in the future is as long ago.
        falls = self._falls
        many = len(falls) == FALLS and abs(falls[-1] - falls[0]) <= FALLS_WITHIN_S
        return many and abs(now - self._bad_at) < CALM_S


class _Round:
    """Asks one part after the other in a daemon thread: one that hangs keeps no process alive."""

    def __init__(self, watched: Sequence[_Watched]) -> None:
        self._watched, self._at, self._left = watched, 0, False
        self._loop = asyncio.get_running_loop()
        self.over: asyncio.Future[None] = self._loop.create_future()
        self.ended = False
        threading.Thread(target=self._run, name="loom-health", daemon=True).start()

    def leave(self) -> int:
        """Wait no longer. Answers with the number of the part that hangs."""
        self._left = True
        at = self._at
        self._watched[at].round = self
        log.warning("%s does not say how it stands", self._watched[at].name)
        return at

    def _run(self) -> None:
        try:
            for at, one in enumerate(self._watched):
                self._at = at
                one.ask()
                if self._left:  # another round asks those that come after this one
                    return
        finally:
            self.ended = True
            with contextlib.suppress(RuntimeError):  # the loop is closed: we are stopping
                self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        if not self.over.done():
            self.over.set_result(None)


def _checked(said: object) -> Finding:
    if not isinstance(said, Finding):
        raise TypeError(f"it said {said!r}")
    return said


def _rank(state: State) -> int:
    return _RANKS[state]


def _in_words(started: bool, parts: Sequence[Part]) -> str:
    bad = sorted((one for one in parts if one.state != "ok"), key=lambda one: -_rank(one.state))
    if not started:
        return "Loom is starting."
    if not bad:
        return "Everything works."
    return " ".join(f"{one.name}: {one.words or one.state}" for one in bad)

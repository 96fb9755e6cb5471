"""Attention: which cards reach the person, when, and what becomes of their answers.

The store is the truth: a card is written down before it is shown, on every door it has the same
id, and the first answer wins. A suggestion dies with its cause (``supersede``) or its time; no
answer is never a yes. At most one suggestion shows at a time, at most ``cards_per_hour`` an hour,
none in quiet hours: the others wait in the inbox. Reminders and approvals were asked for, and come
at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from loom_desktop.actions.consent import Consent, Question, digest
from loom_desktop.bus import Bus
from loom_desktop.clock import Clock
from loom_desktop.errors import Denied, LoomError, UsageError
from loom_desktop.event import Event, Privacy, QoS, privacy_at_birth
from loom_desktop.runtime.context import follow, named
from loom_desktop.settings import Attention, quiet_hours
from loom_desktop.store import Store
from loom_desktop.store.cards import Action, Card
from loom_desktop.tasks import Tasks

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

log = logging.getLogger(__name__)
_ACTS = frozenset({"Move", "Copy", "Rename", "Remove", "Delete", "Open", "Send", "Write"})
Door = Literal["window", "notification", "cli", "voice", "agent"]
"""Where an answer came from. Approvals are given in our own window alone."""
LIVE = ("open", "waiting")
_HOUR_S = 3600.0
_QUIET_S = 86_400.0
"""How long a card that was never shown can be answered in the inbox."""
_RETRY_S = 5.0
_AWAKE_S = 30.0
"""A card that is shown ends no later than this after a sleep, which stops the loop's clock."""


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A card as an agent offers it."""

    title: str
    text: str = ""
    actions: tuple[tuple[str, str], ...] = ()
    """(id, label), the first is the main one. At most three."""
    kind: Literal["suggestion", "reminder", "notice"] = "suggestion"
    detail: str = ""
    why: str = ""
    """One sentence that answers "why is this here?"."""
    key: str = ""
    """What it is about: a newer card of the agent with the same key takes its place."""
    topic: str = ""
    """What the person says never to when they say "never for this": by default the key."""
    expires_s: float = -1.0
    """-1: as the settings say; 0: never."""
    data: dict[str, Any] = msgspec.field(default_factory=dict)
    """Comes back with the answer. Plain data."""
    calls: dict[str, tuple[str, dict[str, Any]]] = msgspec.field(default_factory=dict)
    """Action -> the capability and the arguments it stands for. Choosing the action in our own
    window allows exactly that call, once."""


class Desk:
    """Where cards lie until they are answered."""

    def __init__(
        self,
        bus: Bus,
        store: Store,
        consent: Consent,
        settings: Attention,
        clock: Clock,
        zone: Callable[[], ZoneInfo],
        tasks: Tasks,
    ) -> None:
        self._bus, self._store, self._consent = bus, store, consent
        self.settings = settings
        self._clock, self._zone, self._tasks = clock, zone, tasks
        self.showing: set[int] = set()
        """The cards that are open, by their ids."""
        self.trouble = ""
        """Why cards are not shown and not ended now, in words."""
        self._changed = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._questions: dict[int, Question] = {}
        self._attending = self._locked = False
        consent.withdraw = self._withdraw

    def attend(self) -> None:
        """A window is there: approvals can be asked, while the screen is not locked."""
        self._attending = True
        self.lock(self._locked)

    @property
    def alone(self) -> bool:
        """Whether nobody is there who could be asked."""
        return self._consent.ask is None

    def lock(self, locked: bool) -> None:
        """While the screen is locked nobody is there: approvals are refused and cards wait."""
        self._locked = locked
        self._consent.ask = self._ask if self._attending and not locked else None
        self._changed.set()

    async def offer(self, offer: Offer, *, agent: str, cause: Event) -> int:
        """Write the card down, and show it when its time has come. Returns its id, 0 when the
        person said never to this."""
        if len(offer.actions) > 3:
            raise UsageError("A card has at most three buttons.")
        topic = offer.topic or offer.key
        if offer.kind == "suggestion" and await self._store.cards.never(agent, topic):
            return 0
        expires_s = self.settings.card_expires_s if offer.expires_s < 0 else offer.expires_s
        now = self._clock()
        data = dict(offer.data)
        data["_"] = {
            "key": offer.key,
            "topic": topic,
            "calls": {action: list(call) for action, call in offer.calls.items()},
            "expires_s": expires_s,
            "privacy": int(cause.privacy),
        }
        card = Card(
            kind=offer.kind,
            agent=agent,
            title=offer.title,
            text=offer.text,
            detail=offer.detail,
            actions=[
                Action(one, label, number == 0) for number, (one, label) in enumerate(offer.actions)
            ],
            state="waiting",
            created=now,
            thread=cause.begins,
            cause=cause.id,
            origin=cause.origin,
            why=offer.why,
            data=data,
        )
        async with self._one_at_a_time:
            if offer.key:
                await self._supersede(agent, offer.key)
            if offer.kind == "suggestion" and (reason := await self._held_back(now)):
                card = msgspec.structs.replace(card, state="quiet", expires=now + _QUIET_S)
                log.info("a card of %s waits in the inbox: %s", agent, reason)
            card = await self._store.cards.put(card)
            if card.state == "waiting":
                await self._show_next()
        return card.id

    async def supersede(self, agent: str, key: str) -> None:
        """What it was about is over."""
        async with self._one_at_a_time:
            await self._supersede(agent, key)
            await self._show_next()

    async def answer(
        self, number: int, action: str, *, door: Door = "window", bound: str = ""
    ) -> str:
        """The person chose. Returns the state; raises what a person can understand.

        ``bound`` is the digest of the approval as the window showed it: an approval that shows
        something else than what would be done is refused.
        """
        card = await self._store.cards.get(number)
        known = [one.id for one in card.actions]
        if action not in known and action != "dismiss":
            raise UsageError(
                f"The card has no {action!r}.", hint=f"It has {', '.join([*known, 'dismiss'])}."
            )
        declining = action in ("dismiss", "deny")
        stands_for_a_call = action in card.data.get("_", {}).get("calls", {})
        if card.kind == "suggestion" and stands_for_a_call and door != "window" and self.alone:
            label = next(one.label for one in card.actions if one.id == action)
            raise Denied(
                f"“{label}” is chosen in Loom's own window, and none is open.",
                hint="Choose it there, or do it yourself on the command line. To let go of the "
                f"card: loom answer {number} dismiss",
            )
        if card.kind == "approval" and not declining:
            if door != "window":
                raise Denied(
                    "An approval is given in Loom's own window alone.",
                    hint="Open Loom and answer the card there.",
                )
            if bound != card.digest:
                raise Denied("The card does not show what would be done. It was not done.")
        state = "declined" if declining else "answered"
        live = (*LIVE, "quiet") if card.kind != "approval" else ("open",)
        async with self._one_at_a_time:
            first = await self._store.cards.set_state(number, state, answer=action, expected=live)
        if not first:
            now_is = (await self._store.cards.get(number)).state
            was = "over" if now_is in LIVE else f"{now_is} already"
            raise Denied(f"The card was {was}.", hint="Nothing was done twice.")
        self._close(card, state, action)
        if card.kind == "approval":
            self._questions.pop(number, None)
            self._consent.answer(card.digest, allowed=not declining)
        elif action != "dismiss":
            self._tell_agent(card, action, door)
        async with self._one_at_a_time:
            await self._show_next()
        return state

    async def never(self, number: int) -> None:
        """The agent does not offer this kind of thing again."""
        card = await self._store.cards.get(number)
        await self._store.cards.add_never(card.agent, card.data.get("_", {}).get("topic", ""))
        if card.state in (*LIVE, "quiet"):
            await self.answer(number, "dismiss")

    async def run(self) -> None:
        """End cards whose time is over. Sleeps until the next one, so idle costs nothing."""
        while True:
            self._changed.clear()
            try:
                wait_s = await self._look()
                self.trouble = ""
            except LoomError as error:  # a full disk: the cards stay as they are, and are tried on
                log.warning("cards wait: %s", error.message)
                wait_s, self.trouble = _RETRY_S, error.message
            except Exception as error:  # one of the fences: else no card would ever end again
                log.exception("cards wait")
                wait_s, self.trouble = _RETRY_S, str(error) or repr(error)
            try:
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _look(self) -> float | None:
        """End and show what is due. Returns the seconds until the next look, None for no end."""
        async with self._one_at_a_time:
            for card in await self._store.cards.expire_due((*LIVE, "quiet")):
                self._close(card, "expired", "")
                self._questions.pop(card.id, None)
            await self._show_next()
            there = await self._store.cards.open()
            self.showing = {card.id for card in there}  # a restore may have brought others
            ends = [c.expires for c in there if c.expires]
            quiet = [c.expires for c in await self._store.cards.quiet() if c.expires]
        if ends:
            return min(_AWAKE_S, max(0.05, min(ends) - self._clock()))
        return min(_HOUR_S, max(0.05, min(quiet) - self._clock())) if quiet else None

    async def start_over(self) -> None:
        """After a restart: approvals of the last run are void, their calls are gone."""
        there = await self._store.cards.open()
        for card in there:
            if card.kind == "approval":
                await self._store.cards.set_state(card.id, "expired")
        self.showing = {card.id for card in there if card.kind != "approval"}
        for card in await self._store.cards.quiet():  # of a version that gave them no end
            if not card.expires and card.created < self._clock() - _QUIET_S:
                await self._store.cards.set_state(card.id, "expired", expected=("quiet",))

    def quiet(self) -> bool:
        """Whether it is one of the person's quiet hours."""
        hours = quiet_hours(self.settings.quiet_hours)
        if hours is None:
            return False
        now = datetime.fromtimestamp(self._clock(), self._zone())
        minute = now.hour * 60 + now.minute
        start, end = hours
        return start <= minute < end if start < end else minute >= start or minute < end

    async def _held_back(self, now: float) -> str:
        if self.quiet():
            return "it is one of the quiet hours"
        shown = await self._store.cards.offered_since(now - _HOUR_S)
        if shown >= self.settings.cards_per_hour:
            return f"{shown} suggestions were shown in the last hour"
        return ""

    async def _show_next(self) -> None:
        """Open what waits: everything that was asked for, and one suggestion."""
        if self._locked:
            return
        busy = any(card.kind == "suggestion" for card in await self._store.cards.open())
        for card in await self._store.cards.waiting():
            if card.kind == "suggestion" and busy:
                continue
            busy = busy or card.kind == "suggestion"
            expires_s = float(card.data.get("_", {}).get("expires_s", 0.0))
            expires = self._clock() + expires_s if expires_s else 0.0
            shown = msgspec.structs.replace(card, state="open", expires=expires)
            await self._store.cards.put(shown)
            self._show(shown)

    async def _supersede(self, agent: str, key: str) -> None:
        cards = self._store.cards
        for card in [*await cards.open(), *await cards.waiting(), *await cards.quiet()]:
            same = card.agent == agent and card.data.get("_", {}).get("key") == key
            live = (*LIVE, "quiet")
            if same and await cards.set_state(card.id, "superseded", expected=live):
                self._close(card, "superseded", "")

    def _ask(self, question: Question) -> None:
        self._tasks.start(f"ask:{question.capability}", self._ask_card(question))

    async def _ask_card(self, question: Question) -> None:
        lines = [f"{key}: {_one_line(value)}" for key, value in question.arguments.items()]
        origin = ", ".join(sorted(question.origin)) or "unknown"
        card = Card(
            kind="approval",
            agent=question.agent,
            title=question.words,
            text=question.reason,
            detail="\n".join(lines),
            actions=[
                Action("deny", "Do not", primary=True),
                Action("allow", _consent(question.words)),
            ],
            state="open",
            created=self._clock(),
            expires=question.expires,
            thread=question.thread,
            cause=question.cause,
            origin=question.origin,
            why=f"{question.agent} asked for it. It comes from: {origin}.",
            digest=question.digest,
            data={
                "capability": question.capability,
                "arguments": question.arguments,
                "effect": question.effect,
            },
        )
        card = await self._store.cards.put(card)
        self._questions[card.id] = question
        self._show(card)

    def _withdraw(self, question: Question) -> None:
        for number, one in list(self._questions.items()):
            if one.digest == question.digest:
                self._questions.pop(number)
                self._tasks.start(f"withdraw:{number}", self._end(number))

    async def _end(self, number: int) -> None:
        card = await self._store.cards.get(number)
        if await self._store.cards.set_state(number, "expired"):
            self._close(card, "expired", "")

    def _show(self, card: Card) -> None:
        self.showing.add(card.id)
        self._say("card.offered", {"card": plain(card)}, card)
        self._changed.set()

    def _close(self, card: Card, state: str, action: str) -> None:
        self.showing.discard(card.id)
        self._say("card.closed", {"card": card.id, "state": state, "action": action}, card)
        self._changed.set()

    def _tell_agent(self, card: Card, action: str, door: Door) -> None:
        inside = card.data.get("_", {})
        if door == "window" and (call := inside.get("calls", {}).get(action)):
            self._consent.give(digest(call[0], call[1]))
        data = {key: value for key, value in card.data.items() if key != "_"}
        payload = {"card": card.id, "action": action, "data": data, "door": door}
        self._say(f"card.answered.{card.agent}.{action}", payload, card, typed=True)

    def _say(self, topic: str, payload: dict[str, Any], card: Card, *, typed: bool = False) -> None:
        """Tell it on the thread of the card, with the labels of what the card was made from."""
        origin = named(card.origin) | ({"user-typed"} if typed else frozenset())
        privacy = Privacy(card.data.get("_", {}).get("privacy", Privacy.PUBLIC))
        before = Event(
            topic="card", id=card.cause or 1, thread=card.thread, origin=origin,
            privacy=max(privacy, privacy_at_birth(origin)), time=self._clock(),
        )  # fmt: skip
        self._bus.publish(
            follow(before, topic, payload, sender="desk", time=self._clock(), qos=QoS.BATCHED)
        )


def plain(card: Card) -> dict[str, Any]:
    """A card as every door gets it: without what only the desk needs."""
    made: dict[str, Any] = msgspec.to_builtins(card)
    made["origin"], made["actions"] = sorted(card.origin), list(made["actions"])
    made["data"] = {key: value for key, value in card.data.items() if key != "_"}
    return made


def _consent(words: str) -> str:
    """What the button says that allows it: the act, where its first word is one."""
    first = words.partition(" ")[0]
    return first if first in _ACTS else "Allow"


def _one_line(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(_one_line(one) for one in value)
    if isinstance(value, dict):
        return " → ".join(_one_line(one) for one in value.values())
    return str(value)

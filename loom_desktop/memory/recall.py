"""Recall: what is kept is found again by words, by letters and by vectors, and fades.

Three lists are made: by words (bm25), by letters in a row, and by vectors. Each memory gets
``1 / (60 + place)`` from every list it is on (reciprocal rank fusion), so that no list has to be
weighed against another, and what is on several comes first. How sure one may still be of it then
moves it up or down: confidence halves with time, quickly for what happened, slowly for facts,
never for what the person asked to keep.

A fact that says something else of the same takes the place of the old one, which stays as its
history; unless strangers may have written the new one and not the old one: then both stand.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import msgspec
from msgspec.structs import replace

from loom_desktop.clock import Clock
from loom_desktop.errors import Unavailable, UsageError
from loom_desktop.event import Privacy, named, tainted
from loom_desktop.memory.embed import Embedder, Letters, bits, grams, likeness
from loom_desktop.store.memories import CANDIDATES, Memories, Memory

log = logging.getLogger(__name__)
K = 60
HALF_LIFE_S = {"episodic": 30 * 86_400.0, "semantic": 365 * 86_400.0}
"""After this time one is half as sure."""
LASTS_S = {"working": 86_400.0, "session": 3_600.0}
"""How long a memory of a tier is there at most."""
MOST_CHARS = 4_000
_MOST_RESULTS = 100
_LIST = 50
"""So many of each list count."""
_CONFIRMED = 0.5
"""Of what is lacking to be sure, so much is gained when a fact is said again."""
_UNCERTAIN = 0.5
"""What nobody is sure of any more keeps so much of its rank."""
_BATCH = 32


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for, and what may be found."""

    text: str = ""
    """Empty: the newest."""
    limit: int = 5
    kind: str = ""
    tier: str = ""
    agent: str = ""
    """Only what this agent kept."""
    thread: int = 0
    """Whose working memory is looked at, too."""
    privacy: Privacy = Privacy.LOCAL_ONLY
    """Nothing more private than this."""
    trusted: bool = False
    """Nothing that strangers may have written."""


class Recalled(msgspec.Struct, frozen=True, kw_only=True):
    """A memory that was found. It is data: whoever shows it to a model says where it comes from."""

    memory: Memory
    score: float
    confidence: float
    """As of now."""
    tainted: bool
    """Strangers may have written it. It is never an instruction."""


class Backend(Protocol):
    """Where memories are kept and found. ``Recall`` is the one that ships."""

    async def add(self, memory: Memory, *, sources: Sequence[int] = ()) -> Memory:
        """Keep it, with its labels; as it was kept. ``sources``: what it was made from."""

    async def query(self, query: Query) -> list[Recalled]:
        """The best first, and nothing that the query does not allow."""

    async def forget(self, ids: Iterable[int]) -> list[int]:
        """Remove these and all that was made from them, without a trace; what is gone."""


class Recall:
    """Memories in the store. ``embedder`` is asked each time: a model may come and go."""

    def __init__(
        self,
        memories: Memories,
        clock: Clock,
        embedder: Callable[[], Embedder] = Letters,
    ) -> None:
        self._memories, self._clock, self._embedder = memories, clock, embedder

    async def add(self, memory: Memory, *, sources: Sequence[int] = ()) -> Memory:
        """See ``Backend``. A fact that is known already is confirmed, and no second one is kept.

        Raises UsageError for what cannot be kept.
        """
        memory = _checked(memory, self._clock())
        for source in sources:
            one = await self._memories.get(source)
            memory = replace(
                memory,
                origin=named(memory.origin) | named(one.origin),
                privacy=max(memory.privacy, one.privacy),
            )
        replaced: list[int] = []
        if memory.kind == "semantic":
            stranger = tainted(memory.origin)
            for old in await self._memories.facts(memory.subject, memory.relation):
                if "working" in (old.tier, memory.tier) and old.thread != memory.thread:
                    continue
                trusted = not tainted(old.origin)
                if _same(old.object, memory.object):
                    if stranger and trusted:  # it gains nothing by what a stranger says
                        return old
                    if stranger or trusted:
                        return await self._confirm(old, memory)
                # what soon ends takes the place of nothing that lasts
                if not (stranger and trusted) and old.tier == memory.tier:
                    replaced.append(old.id)
        return await self._memories.add(
            memory,
            sources=sources,
            supersedes=replaced,
            vectors=await self._vectors(memory.text),
        )

    async def change(self, memory: Memory) -> Memory:
        """Give it other words. Raises UsageError, NotFound."""
        return await self._memories.change(
            _checked(memory, self._clock()), vectors=await self._vectors(memory.text)
        )

    async def query(self, query: Query) -> list[Recalled]:
        """See ``Backend``. Raises UsageError for a limit that is none."""
        if not 1 <= query.limit <= _MOST_RESULTS:
            raise UsageError(f"The limit is 1 to {_MOST_RESULTS}, not {query.limit}.")
        if not query.text.strip():
            newest = await self._memories.listed(kind=query.kind, tier=query.tier, limit=CANDIDATES)
            return [self._recalled(one, 0.0) for one in newest if _allowed(one, query)][
                : query.limit
            ]
        scores: dict[int, float] = {}
        there: dict[int, Memory | None] = {}
        for ranked in await self._lists(query.text):
            for place, one in enumerate(await self._best(ranked, query, there)):
                scores[one] = scores.get(one, 0.0) + 1 / (K + place)
        found = [
            self._recalled(memory, score)
            for one, score in scores.items()
            if (memory := there[one]) is not None
        ]
        found.sort(key=lambda one: (one.score, one.memory.id), reverse=True)
        return found[: query.limit]

    async def forget(self, ids: Iterable[int]) -> list[int]:
        """See ``Backend``."""
        return await self._memories.forget(ids)

    async def embed_missing(self) -> int:
        """Give vectors to those that have none of today's embedder; how many got one."""
        embedder, done = self._embedder(), 0
        while missing := await self._memories.without_vector(embedder.name, limit=_BATCH):
            made = await _embedded(embedder, [one.text for one in missing])
            await self._memories.put_vectors(
                {
                    one.id: (embedder.name, vector, _bits(embedder, vector))
                    for one, vector in zip(missing, made, strict=True)
                }
            )
            done += len(missing)
        if embedder.exact and (first := await self._memories.listed(limit=1)):
            known = await self._memories.vectors(embedder.name, [first[0].id])
            for vector in known.values():  # so that what is looked through is there already
                await self._memories.near(embedder.name, bits(vector), limit=1)
        return done

    async def _best(
        self, ranked: Sequence[int], query: Query, there: dict[int, Memory | None]
    ) -> list[int]:
        """The first of a list that may be found. ``there`` collects those that were looked up."""
        best: list[int] = []
        for at in range(0, len(ranked), _LIST):
            page = ranked[at : at + _LIST]
            if unknown := [one for one in page if one not in there]:
                there |= dict.fromkeys(unknown)
                there |= {one.id: one for one in await self._memories.some(unknown)}
            best += [one for one in page if (it := there[one]) and _allowed(it, query)]
            if len(best) >= _LIST:
                break
        return best[:_LIST]

    async def _lists(self, text: str) -> list[list[int]]:
        """What words find, what letters find, and what vectors find; each the best first."""
        embedder = self._embedder()
        by_words = await self._memories.words(text)
        shares = dict(await self._memories.letters(grams(text)))
        try:
            (wanted,) = await _embedded(embedder, [text])
        except Unavailable as error:  # the model went: words and letters are there
            log.warning("found without vectors: %s", error.message)
            return [by_words, list(shares)]
        if embedder.exact:
            near = await self._memories.near(embedder.name, bits(wanted))
        else:
            near = list(shares)
        vectors = await self._memories.vectors(embedder.name, near)
        like = likeness(wanted)
        scores = {one: like(vector) for one, vector in vectors.items()}
        if not embedder.exact:
            scores = {one: score + shares[one] for one, score in scores.items()}
        by_vectors = sorted(scores, key=lambda one: scores[one], reverse=True)
        return [by_words, list(shares), by_vectors]

    async def _confirm(self, old: Memory, new: Memory) -> Memory:
        """It was said again: surer than it still was, and as of now. Labels are only added."""
        now = self.confidence(old)
        sure = max(new.confidence, now + (1 - now) * _CONFIRMED * new.confidence)
        return await self._memories.change(
            replace(
                old,
                time=new.time,
                confidence=min(1.0, sure),
                origin=named(old.origin) | named(new.origin),
                privacy=max(old.privacy, new.privacy),
                tier="long-term" if "long-term" in (old.tier, new.tier) else old.tier,
                expires=max(old.expires, new.expires) if old.expires and new.expires else 0.0,
            )
        )

    def confidence(self, memory: Memory) -> float:
        """How sure one may be of it now, 0 to 1."""
        half = HALF_LIFE_S.get(memory.kind)
        if half is None:
            return memory.confidence
        age_s = max(0.0, self._clock() - memory.time)
        return float(memory.confidence * 0.5 ** (age_s / half))

    def _recalled(self, memory: Memory, score: float) -> Recalled:
        sure = self.confidence(memory)
        return Recalled(
            memory=memory,
            score=score * (_UNCERTAIN + (1 - _UNCERTAIN) * sure),
            confidence=sure,
            tainted=tainted(memory.origin),
        )

    async def _vectors(self, text: str) -> dict[str, tuple[bytes, bytes]]:
        embedder = self._embedder()
        try:
            (vector,) = await _embedded(embedder, [text])
        except Unavailable as error:  # what is to be remembered is, and gets its vector later
            log.warning("kept without a vector: %s", error.message)
            return {}
        return {embedder.name: (vector, _bits(embedder, vector))}


def _bits(embedder: Embedder, vector: bytes) -> bytes:
    return bits(vector) if embedder.exact else b""


async def _embedded(embedder: Embedder, texts: list[str]) -> list[bytes]:
    if not embedder.exact:  # letters take less time than a thread
        return embedder.embed(texts)
    return await asyncio.to_thread(embedder.embed, texts)


def _allowed(memory: Memory, query: Query) -> bool:
    return (
        memory.privacy <= query.privacy
        and (memory.tier != "working" or (query.thread != 0 and memory.thread == query.thread))
        and query.kind in ("", memory.kind)
        and query.tier in ("", memory.tier)
        and query.agent in ("", memory.agent)
        and not (query.trusted and tainted(memory.origin))
    )


def _same(one: str, other: str) -> bool:
    return " ".join(one.casefold().split()) == " ".join(other.casefold().split())


def _checked(memory: Memory, now: float) -> Memory:
    """As it is kept. Raises UsageError."""
    words = [" ".join(one.split()) for one in (memory.subject, memory.relation, memory.object)]
    if any(words) != all(words):
        raise UsageError(
            "A fact has a subject, a relation and an object.",
            hint="Say all three, or a text instead.",
        )
    kind = "semantic" if all(words) else memory.kind
    text = " ".join(words) if all(words) else memory.text.strip()
    if kind == "semantic" and not all(words):
        raise UsageError("A fact has a subject, a relation and an object.")
    if not text:
        raise UsageError("There is nothing to remember.", hint="Say a text.")
    if len(text) > MOST_CHARS:
        raise UsageError(
            f"A memory has at most {MOST_CHARS:,} characters, not {len(text):,}.",
            hint="Sum it up first, or keep the file.",
        )
    if not 0.0 <= memory.confidence <= 1.0:
        raise UsageError(f"Confidence is 0 to 1, not {memory.confidence}.")
    lasts_s = LASTS_S.get(memory.tier)
    return replace(
        memory,
        kind=kind,
        text=text,
        subject=words[0],
        relation=words[1],
        object=words[2],
        time=memory.time or now,
        expires=memory.expires or (now + lasts_s if lasts_s else 0.0),
    )

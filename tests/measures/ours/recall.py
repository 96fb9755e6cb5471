"""A memory of many: ``fill STORE COUNT SEED`` adds to it, ``search STORE`` looks in it.

The 225 labelled memories are among them. Half of the words of the others are theirs as well, so
that every question has thousands of memories that look like an answer.
"""

import asyncio
import json
import random
import sys
from pathlib import Path
from time import perf_counter as now

from loom_desktop.clock import wall
from loom_desktop.memory.embed import bits, packed
from loom_desktop.memory.recall import Query, Recall
from loom_desktop.store import Memory, Store
from tests.loom_desktop.memory.labelled import memories, questions

KEY = bytes(range(32))
AT_ONCE = 2_000
DIMENSIONS = 384
MODEL = "as large as a model's"


class Among:
    """Words by how often people use them: the second half as often as the first, and so on."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        beginnings = [c + v for c in "bdfghklmnprstvwz" for v in "aeiou"]
        syllables = [*beginnings, "ing", "ter", "sch", "ten", "lich", "ung", "er", "st"]
        steady = random.Random(0)
        made = ["".join(steady.choices(syllables, k=steady.randint(2, 4))) for _ in range(30_000)]
        theirs = sorted({word.strip(".,") for text in memories() for word in text.split()})
        steady.shuffle(theirs)
        self._words = [one for pair in zip(theirs, made, strict=False) for one in pair]
        self._words += made[len(theirs) :]
        self._weights: list[float] = []
        total = 0.0
        for rank in range(len(self._words)):
            total += 1 / (rank + 1)
            self._weights.append(total)

    def text(self) -> str:
        count = self._random.randint(5, 16)
        return " ".join(self._random.choices(self._words, cum_weights=self._weights, k=count))

    def vector(self) -> bytes:
        return packed(self._random.gauss(0, 1) for _ in range(DIMENSIONS))


async def fill(path: Path, count: int, seed: int) -> None:
    among = Among(seed)
    async with Store(path, KEY, upkeep=False, use_keyring=False) as store:
        recall = Recall(store.memories, wall)
        texts = memories() if not await store.memories.count() else []
        texts += [among.text() for _ in range(count - len(texts))]
        for at in range(0, len(texts), AT_ONCE):
            made = await asyncio.gather(
                *(recall.add(Memory(text=one)) for one in texts[at : at + AT_ONCE])
            )
            vectors = {one.id: among.vector() for one in made}
            await store.memories.put_vectors(
                {one: (MODEL, vector, bits(vector)) for one, vector in vectors.items()}
            )
    print(json.dumps({"count": count}))  # noqa: T201  # that is how it tells


async def search(path: Path) -> None:
    asked = questions()
    random.Random(1).shuffle(asked)
    found = dict.fromkeys((one.kind for one in asked), 0)
    took: list[float] = []
    near: list[float] = []
    wanted = Among(99)
    async with Store(path, KEY, upkeep=False, use_keyring=False) as store:
        recall = Recall(store.memories, wall)
        count = await store.memories.count()
        for one in asked:
            began = now()
            results = await recall.query(Query(text=one.text))
            took.append((now() - began) * 1000)
            found[one.kind] += any(r.memory.text.startswith(one.answer) for r in results)
        for _ in range(10):
            vector = wanted.vector()
            began = now()
            best = await store.memories.near(MODEL, bits(vector))
            await store.memories.vectors(MODEL, best)
            near.append((now() - began) * 1000)
    kinds = {kind: sum(one.kind == kind for one in asked) for kind in found}
    told = {
        "count": count,
        "first_ms": took[0],
        "took_ms": took[1:],
        "near_ms": near,
        "recall": {kind: found[kind] / kinds[kind] for kind in found},
    }
    print(json.dumps(told))  # noqa: T201


if __name__ == "__main__":
    what, path, *numbers = sys.argv[1:]
    if what == "fill":
        asyncio.run(fill(Path(path), *map(int, numbers)))
    else:
        asyncio.run(search(Path(path)))

"""A model from a folder, of the published build but tiny, beside the same sums done one by one."""

from __future__ import annotations

import importlib.util
import json
import math
import random
import struct
from pathlib import Path
from typing import Any

import pytest

from loom_desktop.errors import Unavailable
from loom_desktop.memory import minilm
from loom_desktop.memory.embed import packed
from loom_desktop.memory.minilm import MiniLM

SIZE, HEADS, WIDE, LAYERS = 8, 2, 12, 2
WORDS = ["[UNK]", "the", "dog", "barks", "cat", "sleeps"]
installed = pytest.mark.skipif(
    bool(minilm.missing()), reason="the extra embed is not installed: nothing can be computed"
)
Table = list[list[float]]


def shapes() -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (len(WORDS), SIZE),
        "embeddings.position_embeddings.weight": (512, SIZE),
        "embeddings.token_type_embeddings.weight": (2, SIZE),
        "embeddings.LayerNorm.weight": (SIZE,),
        "embeddings.LayerNorm.bias": (SIZE,),
    }
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}."
        for name, out, into in (
            *((f"attention.self.{one}", SIZE, SIZE) for one in ("query", "key", "value")),
            ("attention.output.dense", SIZE, SIZE),
            ("intermediate.dense", WIDE, SIZE),
            ("output.dense", SIZE, WIDE),
        ):
            found[f"{at}{name}.weight"], found[f"{at}{name}.bias"] = (out, into), (out,)
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            found[f"{at}{name}.weight"] = found[f"{at}{name}.bias"] = (SIZE,)
    return found


def model(folder: Path, *, prefix: str = "", seed: int = 1) -> dict[str, list[float]]:
    """A folder as models are published in, with random weights; answers with them."""
    folder.mkdir(exist_ok=True)
    rng, weights, header, data = random.Random(seed), {}, {}, b""
    for name, shape in shapes().items():
        raw = struct.pack(
            f"<{math.prod(shape)}f", *(rng.uniform(-1, 1) for _ in range(math.prod(shape)))
        )
        weights[name] = list(struct.unpack(f"<{math.prod(shape)}f", raw))
        header[prefix + name] = {
            "dtype": "F32", "shape": shape, "data_offsets": (len(data), len(data) + len(raw)),
        }  # fmt: skip
        data += raw
    head = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    head += b" " * (-len(head) % 8)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + data)
    (folder / "config.json").write_text(json.dumps({"num_attention_heads": HEADS}))
    vocabulary = {word: number for number, word in enumerate(WORDS)}
    (folder / "tokenizer.json").write_text(
        json.dumps(
            {
                "version": "1.0",
                "pre_tokenizer": {"type": "Whitespace"},
                "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"},
            }
        )
    )
    return weights


# -------------------------------------------------------------------- the same, one by one
def rows(weights: dict[str, list[float]], name: str) -> Table:
    numbers, (_, wide) = weights[name], shapes()[name]
    return [numbers[at : at + wide] for at in range(0, len(numbers), wide)]


def by_hand(weights: dict[str, list[float]], ids: list[int]) -> bytes:
    def norm(x: list[float], name: str) -> list[float]:
        mean = sum(x) / len(x)
        spread = math.sqrt(sum((one - mean) ** 2 for one in x) / len(x) + 1e-12)
        scale, shift = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return [(one - mean) / spread * s + b for one, s, b in zip(x, scale, shift, strict=True)]

    def dense(x: list[float], name: str) -> list[float]:
        table, bias = rows(weights, f"{name}.weight"), weights[f"{name}.bias"]
        return [
            sum(a * b for a, b in zip(x, row, strict=True)) + c
            for row, c in zip(table, bias, strict=True)
        ]

    def added(*lists: list[float]) -> list[float]:
        return [sum(one) for one in zip(*lists, strict=True)]

    words, places = (rows(weights, f"embeddings.{one}_embeddings.weight")
                     for one in ("word", "position"))  # fmt: skip
    segment = rows(weights, "embeddings.token_type_embeddings.weight")[0]
    xs = [
        norm(added(words[one], places[at], segment), "embeddings.LayerNorm")
        for at, one in enumerate(ids)
    ]
    each = SIZE // HEADS
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}."
        q, k, v = (
            [dense(x, f"{at}attention.self.{one}") for x in xs] for one in ("query", "key", "value")
        )
        seen: Table = [[] for _ in xs]
        for head in range(HEADS):
            part = slice(head * each, (head + 1) * each)
            for number, one in enumerate(q):
                raw = [
                    math.exp(sum(a * b for a, b in zip(one[part], other[part], strict=True))
                             / math.sqrt(each))
                    for other in k
                ]  # fmt: skip
                share = [value / sum(raw) for value in raw]
                seen[number] += [
                    sum(s * other[part][column] for s, other in zip(share, v, strict=True))
                    for column in range(each)
                ]
        after = []
        for x, one in zip(xs, seen, strict=True):
            x = norm(added(x, dense(one, f"{at}attention.output.dense")),
                     f"{at}attention.output.LayerNorm")  # fmt: skip
            wide = [value * 0.5 * (1 + math.erf(value / math.sqrt(2)))
                    for value in dense(x, f"{at}intermediate.dense")]  # fmt: skip
            after.append(norm(added(x, dense(wide, f"{at}output.dense")), f"{at}output.LayerNorm"))
        xs = after
    return packed([sum(column) / len(xs) for column in zip(*xs, strict=True)])


@installed
@pytest.mark.parametrize("prefix", ["", "bert."])
def test_it_computes_what_the_build_says(tmp_path: Path, prefix: str) -> None:
    weights = model(tmp_path / "m", prefix=prefix)
    texts = ["the dog barks", "the cat sleeps", "cat dog the the barks sleeps", "unheard"]
    made = MiniLM(tmp_path / "m").embed(texts)
    for text, vector in zip(texts, made, strict=True):
        ids = [WORDS.index(one) if one in WORDS else 0 for one in text.split()]
        expected = by_hand(weights, ids)
        apart = [abs(a - b) % 255 for a, b in zip(vector, expected, strict=True)]
        assert max(apart) <= 1, "but for how the last digit is rounded"
    assert len(set(made)) == len(texts)


@installed
def test_vectors_of_other_weights_have_another_name(tmp_path: Path) -> None:
    model(tmp_path / "a")
    model(tmp_path / "b", seed=2)
    one, other = MiniLM(tmp_path / "a"), MiniLM(tmp_path / "b")
    assert one.name == MiniLM(tmp_path / "a").name != other.name
    before = one.embed(["the dog"])
    one.unload()
    assert one.embed(["the dog"]) == before


@installed
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.safetensors", b""),
        ("model.safetensors", b"\xff" * 100),
        ("model.safetensors", struct.pack("<Q", 2) + b"{}" + b"\0" * 8),
        ("tokenizer.json", b"{}"),
        ("config.json", b'{"num_attention_heads": 3}'),
    ],
)
def test_what_is_no_model_is_told(tmp_path: Path, name: str, content: bytes) -> None:
    model(tmp_path / "m")
    (tmp_path / "m" / name).write_bytes(content)
    with pytest.raises(Unavailable) as told:
        MiniLM(tmp_path / "m").embed(["the dog"])
    assert told.value.message


@installed
def test_a_file_that_is_cut_off_is_told(tmp_path: Path) -> None:
    model(tmp_path / "m")
    file = tmp_path / "m" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(Unavailable, match="cut off"):
        MiniLM(tmp_path / "m").embed(["the dog"])


def test_a_folder_without_its_files_is_told(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(minilm, "missing", lambda: "")
    with pytest.raises(Unavailable, match=r"model\.safetensors") as told:
        MiniLM(tmp_path)
    assert told.value.hint


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: Any) -> None:
    there = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *more: None if name in ("numpy", "tokenizers") else there(name, *more),
    )
    with pytest.raises(Unavailable, match="numpy, tokenizers") as told:
        MiniLM(tmp_path)
    assert "loom-desktop[embed]" in told.value.hint

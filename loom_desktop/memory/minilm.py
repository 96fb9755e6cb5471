"""A sentence model from a folder, by numpy alone: all-MiniLM-L6-v2 and others of its build.

The folder holds ``model.safetensors`` and ``tokenizer.json`` as they are published, and may hold
``config.json``. Nothing is ever downloaded. The weights are mapped and not read into memory, of
the word vectors only the rows that are used. numpy and tokenizers come with the extra ``embed``,
and are loaded with the first text.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import math
import os
import struct
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loom_desktop.errors import Unavailable
from loom_desktop.memory.embed import packed

_TYPES = {"F32": "<f4", "F16": "<f2"}
_MOST_TOKENS = 256
_MOST_HEADER = 10_000_000
_HEADS = 12
_FILES = ("model.safetensors", "tokenizer.json")
_EXTRA = 'Install it: pip install "loom-desktop[embed]"'


def missing() -> str:
    """The part that is not installed and that every model needs; empty when all is there."""
    names = ("numpy", "tokenizers")
    return ", ".join(one for one in names if importlib.util.find_spec(one) is None)


class MiniLM:
    """An ``Embedder``. The name has the hash of the weights: vectors of others are not compared."""

    exact = True

    def __init__(self, folder: Path) -> None:
        """Raises Unavailable when it cannot be used, and says why and what to do."""
        if lacking := missing():
            raise Unavailable(f"The model needs {lacking}.", hint=_EXTRA)
        self._folder = folder
        for name in _FILES:
            if not (folder / name).is_file():
                raise Unavailable(
                    f"{folder} has no {name}.",
                    hint="Give the folder of a sentence model as it is published.",
                )
        self.name = f"minilm-{_hash(folder / _FILES[0])[:16]}"
        self._lock = threading.Lock()
        self._loaded: tuple[_Encoder, Any] | None = None

    def embed(self, texts: Sequence[str]) -> list[bytes]:
        """See ``Embedder``. Raises Unavailable when the files are not what they should be."""
        with self._lock:  # one at a time: it would only take twice the memory
            if self._loaded is None:
                self._loaded = self._load()
            encoder, tokenizer = self._loaded
            return [
                packed(encoder.encode(tokenizer.encode(text).ids[:_MOST_TOKENS]).tolist())
                for text in texts
            ]

    def unload(self) -> None:
        """Let go of the memory it takes. The next text loads it again."""
        with self._lock:
            self._loaded = None

    def _load(self) -> tuple[_Encoder, Any]:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a desktop has other things to do
        try:
            tokenizers = importlib.import_module("tokenizers")
            tokenizer = tokenizers.Tokenizer.from_file(str(self._folder / "tokenizer.json"))
            tokenizer.no_padding()
            tokenizer.enable_truncation(_MOST_TOKENS)
            config = self._folder / "config.json"
            said = json.loads(config.read_text(encoding="utf-8")) if config.is_file() else {}
            heads = int(said.get("num_attention_heads", _HEADS))
            return _Encoder(_tensors(self._folder / "model.safetensors"), heads), tokenizer
        except Unavailable:
            raise
        except Exception as error:  # libraries of others, files of others: whatever they raise
            raise Unavailable(
                f"The model in {self._folder} cannot be used: {error}.",
                hint="Give the folder of a sentence model as it is published.",
            ) from error


class _Encoder:
    """A BERT encoder, with the mean of its last layer as the vector."""

    def __init__(self, tensors: dict[str, Any], heads: int) -> None:
        np = self._np = importlib.import_module("numpy")

        def get(name: str) -> Any:
            return tensors[name] if name in tensors else tensors[f"bert.{name}"]

        def norm(name: str) -> tuple[Any, Any]:
            return (
                np.array(get(f"{name}.weight"), "f4"),
                np.array(get(f"{name}.bias"), "f4"),
            )

        def dense(name: str) -> tuple[Any, Any]:
            weight = np.ascontiguousarray(get(f"{name}.weight").T, "f4")
            return weight, np.array(get(f"{name}.bias"), "f4")

        self._heads = heads
        self._words = get("embeddings.word_embeddings.weight")
        self._positions = np.array(get("embeddings.position_embeddings.weight"), "f4")
        self._segment = np.array(get("embeddings.token_type_embeddings.weight")[0], "f4")
        self._norm = norm("embeddings.LayerNorm")
        self._layers: list[Any] = []
        while any(
            f"{begin}encoder.layer.{len(self._layers)}.output.dense.weight" in tensors
            for begin in ("", "bert.")
        ):
            at = f"encoder.layer.{len(self._layers)}."
            parts = [dense(f"{at}attention.self.{one}") for one in ("query", "key", "value")]
            self._layers.append(
                (
                    (np.hstack([w for w, _ in parts]), np.hstack([b for _, b in parts])),
                    dense(f"{at}attention.output.dense"),
                    norm(f"{at}attention.output.LayerNorm"),
                    dense(f"{at}intermediate.dense"),
                    dense(f"{at}output.dense"),
                    norm(f"{at}output.LayerNorm"),
                )
            )
        size = self._positions.shape[1]
        if not self._layers or size % heads:
            raise Unavailable(f"The model has {len(self._layers)} layers of {size} numbers.")

    def encode(self, ids: list[int]) -> Any:
        """The vector of these tokens, not of unit length."""
        np = self._np
        count, size = len(ids), self._positions.shape[1]
        each = size // self._heads
        x = self._words[ids].astype("f4") + self._positions[:count] + self._segment
        x = self._normed(x, self._norm)
        for parts, out, norm1, up, down, norm2 in self._layers:
            mixed = (x @ parts[0] + parts[1]).reshape(count, 3, self._heads, each)
            query, key, value = mixed.transpose(1, 2, 0, 3)
            weights = query @ key.transpose(0, 2, 1) * (1 / math.sqrt(each))
            weights = np.exp(weights - weights.max(-1, keepdims=True))
            weights /= weights.sum(-1, keepdims=True)
            seen = (weights @ value).transpose(1, 0, 2).reshape(count, size)
            x = self._normed(x + seen @ out[0] + out[1], norm1)
            x = self._normed(x + self._gelu(x @ up[0] + up[1]) @ down[0] + down[1], norm2)
        return x.mean(0)

    def _normed(self, x: Any, weights: tuple[Any, Any]) -> Any:
        x = x - x.mean(-1, keepdims=True)
        spread = self._np.sqrt((x * x).mean(-1, keepdims=True) + 1e-12)
        return x / spread * weights[0] + weights[1]

    def _gelu(self, x: Any) -> Any:
        np = self._np
        z = np.abs(x) * math.sqrt(0.5)
        t = 1 / (1 + 0.3275911 * z)  # erf by Abramowitz and Stegun 7.1.26, right to 1.5e-7
        curve = 1.061405429 * t - 1.453152027
        curve = ((curve * t + 1.421413741) * t - 0.284496736) * t + 0.254829592
        return 0.5 * x * (1 + np.sign(x) * (1 - curve * t * np.exp(-z * z)))


def _tensors(path: Path) -> dict[str, Any]:
    """What a safetensors file holds, mapped. Raises Unavailable for what is none."""
    np = importlib.import_module("numpy")
    raw = np.memmap(path, dtype=np.uint8, mode="r")
    length = struct.unpack("<Q", raw[:8].tobytes())[0] if len(raw) > 8 else 0
    if not 0 < length <= min(_MOST_HEADER, len(raw) - 8):
        raise Unavailable(f"{path.name} is no safetensors file.")
    header = json.loads(raw[8 : 8 + length].tobytes())
    found = {}
    for name, info in header.items():
        if name == "__metadata__" or info["dtype"] not in _TYPES:
            continue
        begin, end = info["data_offsets"]
        if not 0 <= begin <= end <= len(raw) - 8 - length:
            raise Unavailable(f"{path.name} is cut off: {name} is not in it.")
        piece = raw[8 + length + begin : 8 + length + end]
        found[name] = piece.view(_TYPES[info["dtype"]]).reshape(info["shape"])
    return found


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""multilingual-e5-small in small: the same file layout, tokenizer and layers with two layers of 32 random numbers.

For tests of what is fine-tuned: `E5Body(tiny_e5())` opens in milliseconds.
"""

from __future__ import annotations

import string
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from shoplens.encoders.packed_e5 import BLOCK, PackedE5, Sizes

SIZES = Sizes(hidden=32, layers=2, heads=2, feed_forward=64, vocabulary=0, positions=512, epsilon=1e-5)
MARKS = ("<s>", "<pad>", "</s>", "<unk>", "▁")


def tiny_e5(words: Iterable[str] = (), *, seed: int = 0, shape: Sizes = SIZES) -> PackedE5:
    """Random weights; the vocabulary are the letters of ASCII, and `words` as they are and at the start of a word.

    `shape`: of the network, whose vocabulary is not taken from it; the real one's costs what the real one does.
    """
    letters = [one for one in string.printable if one.strip()]
    wanted = dict.fromkeys([*letters, *(f"▁{one}" for one in letters), *words, *(f"▁{one}" for one in words)])
    pieces = [(one, 0.0) for one in MARKS[:4]] + [("▁", -9.0)]
    pieces += [(one, -8.0 + len(one)) for one in wanted if one not in MARKS]
    random = np.random.default_rng(seed)
    content, directory = bytearray(), {}

    def put(name: str, value: bytes) -> None:
        directory[name] = (len(content), len(value))
        content.extend(value)

    def matrix(name: str, rows: int, width: int, scale: float) -> None:
        blocks = np.empty((rows * width // BLOCK, 2 + BLOCK // 2), np.uint8)
        blocks[:, :2] = np.array([scale / 4], np.float16).view(np.uint8)
        blocks[:, 2:] = random.integers(0, 256, (len(blocks), BLOCK // 2))
        put(name, blocks.tobytes())

    hidden, wide = shape.hidden, shape.feed_forward
    matrix("emb.word", len(pieces), hidden, 1.0)
    put("emb.pos", (random.standard_normal((shape.positions, hidden)) * 0.1).astype(np.float32).tobytes())
    put("emb.type", np.zeros(hidden, np.float32).tobytes())
    for layer in range(shape.layers):
        shapes = {**dict.fromkeys(("q", "k", "v", "ao"), (hidden, hidden)), "fi": (wide, hidden), "fo": (hidden, wide)}
        for name, (rows, width) in shapes.items():
            matrix(f"l{layer}.{name}.w", rows, width, width**-0.5)
            put(f"l{layer}.{name}.b", np.zeros(rows, np.float32).tobytes())
    for name in ("emb.ln", *(f"l{layer}.{one}" for layer in range(shape.layers) for one in ("aln", "oln"))):
        put(f"{name}.w", np.ones(hidden, np.float32).tobytes())
        put(f"{name}.b", np.zeros(hidden, np.float32).tobytes())
    return PackedE5(replace(shape, vocabulary=len(pieces)), pieces, 0, 2, 1, 3, {}, bytes(content), directory)

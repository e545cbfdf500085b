"""A fine-tuned encoder as an ONNX graph beside its tokenizer: written once, read by ONNX Runtime, without torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from shoplens.encoders.e5_graph import write_e5
from shoplens.encoders.e5_torch import LearntE5
from shoplens.encoders.session import open_session
from shoplens.encoders.text import LONGEST, TOKENS_A_BATCH, E5Tokens, batches_by_length, write_reading
from shoplens.errors import ModelFileError

FILES = ("model.onnx", "tokenizer.json", "normalisation.json")

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def write_body(weights: LearntE5, folder: Path, *, precision: str, states: Sequence[int] = ()) -> None:
    """Write the encoder into an existing folder; `precision` and `states` as of `e5_graph.write_e5`."""
    write_e5(weights, precision, folder / FILES[0], states=states)
    write_reading(weights.packed, folder)


class ServedBody:
    """What `write_body` wrote, opened. Several threads may use it at once."""

    def __init__(self, session: Any, tokens: E5Tokens) -> None:
        self._session = session
        self.tokens = tokens

    @classmethod
    def open(cls, folder: Path, *, threads: int | None = None, longest: int = LONGEST) -> Self:
        """ModelFileError when a file is missing or cannot be read. `longest`: tokens of a text that are read."""
        try:
            session = open_session(folder / FILES[0], threads)
            return cls(session, E5Tokens.read(folder / FILES[1], folder / FILES[2], longest))
        except Exception as error:  # ONNX Runtime and tokenizers raise kinds of their own
            raise ModelFileError(f"{folder} does not hold a fine-tuned encoder ({error}); train it again") from error

    def vectors(self, ids: Sequence[Sequence[int] | Ints]) -> Floats:
        """Unit vectors of texts, from their token ids. [len(ids), hidden]"""
        found: list[tuple[list[int], Floats]] = [(rows, one) for rows, (one,), _ in self.run(ids, ["embedding"])]
        width = found[0][1].shape[1] if found else 0
        vectors = np.empty((len(ids), width), np.float32)
        for rows, one in found:
            vectors[rows] = one
        return vectors

    def run(
        self, ids: Sequence[Sequence[int] | Ints], outputs: Sequence[str], budget: int = TOKENS_A_BATCH
    ) -> Iterator[tuple[list[int], list[Floats], npt.NDArray[np.bool_]]]:
        """Batches of like length: rows of `ids`, the wanted outputs, and where there are tokens [n, tokens]."""
        for rows in batches_by_length([len(one) for one in ids], budget):
            width = max(len(ids[row]) for row in rows)
            words = np.ones((len(rows), width), np.int64)  # 1 is the padding token
            mask = np.zeros_like(words)
            for place, row in enumerate(rows):
                words[place, : len(ids[row])] = ids[row]
                mask[place, : len(ids[row])] = 1
            yield rows, self._session.run(list(outputs), {"input_ids": words, "attention_mask": mask}), mask > 0

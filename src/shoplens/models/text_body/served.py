"""A fine-tuned encoder as an ONNX graph beside its tokenizer: written once, read by ONNX Runtime, without torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from shoplens.encoders.e5_graph import write_e5
from shoplens.encoders.e5_torch import LearntE5
from shoplens.encoders.in_order import in_order
from shoplens.encoders.session import available_cores, open_session
from shoplens.encoders.text import LONGEST, E5Tokens, as_rectangle, batches_by_length
from shoplens.errors import ModelFileError

FILES = ("model.onnx", "tokenizer.json", "normalisation.json")

TOKENS_A_BATCH = 256  # padded: what a layer writes stays near the core; 1,024 take a quarter more of its time a token

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Batch = tuple[list[int], list[Floats], npt.NDArray[np.bool_]]
States = tuple[list[int], list[list[Floats]]]


def write_body(
    weights: LearntE5, tokens: E5Tokens, folder: Path, *, precision: str, states: Sequence[int] = ()
) -> None:
    """Write the encoder into an existing folder; `precision` and `states` as of `e5_graph.write_e5`."""
    write_e5(weights, precision, folder / FILES[0], states=states)
    tokens.write(folder)


class ServedBody:
    """What `write_body` wrote, opened. Several threads may use it at once.

    `threads` batches run side by side, each on one core: more is done in a second than by cores that share a batch.
    """

    def __init__(self, session: Any, tokens: E5Tokens, threads: int = 1) -> None:
        self._session, self._threads = session, threads
        self.tokens = tokens

    @classmethod
    def open(cls, folder: Path, *, threads: int | None = None, longest: int = LONGEST) -> Self:
        """ModelFileError when a file is missing or cannot be read. `longest`: tokens of a text that are read."""
        try:
            tokens = E5Tokens.read(folder / FILES[1], folder / FILES[2], longest)
            return cls(open_session(folder / FILES[0], 1), tokens, threads or available_cores())
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

    def states(self, ids: Sequence[Sequence[int] | Ints], layers: Sequence[int]) -> Iterator[States]:
        """Rows of `ids` that were read together, and of each of these layers the states of each row's tokens
        [tokens, hidden]."""
        for rows, found, there in self.run(ids, [f"states_{number}" for number in layers]):
            yield rows, [[one[mask] for one, mask in zip(square, there, strict=True)] for square in found]

    def run(self, ids: Sequence[Sequence[int] | Ints], outputs: Sequence[str]) -> Iterator[Batch]:
        """Batches of like length: rows of `ids`, the wanted outputs, and where there are tokens [n, tokens]."""
        batches = batches_by_length([len(one) for one in ids], TOKENS_A_BATCH)
        return in_order(lambda rows: self._run(ids, rows, outputs), batches, self._threads)

    def _run(self, ids: Sequence[Sequence[int] | Ints], rows: list[int], outputs: Sequence[str]) -> Batch:
        words, mask = as_rectangle([ids[row] for row in rows])
        return rows, self._session.run(list(outputs), {"input_ids": words, "attention_mask": mask}), mask > 0

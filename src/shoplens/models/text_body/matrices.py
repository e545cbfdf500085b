"""What `served.write_body` wrote, computed in bfloat16 where the processor multiplies matrices of it (AMX).

There it is faster than int8 by ONNX Runtime. The numbers are those of the graph, and what is added up is rounded less.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import numpy as np

from shoplens.encoders.e5_matrices import E5Matrices
from shoplens.encoders.session import available_cores, has_bfloat16_tiles
from shoplens.encoders.text import LONGEST, E5Tokens
from shoplens.errors import ModelFileError
from shoplens.models.text_body.served import FILES, Ints, ServedBody, States


def open_states(folder: Path, *, threads: int | None = None) -> ServedBody | MatrixBody:
    """What gives states of tokens fastest here. `threads` batches run side by side; None = one a core."""
    if has_bfloat16_tiles():
        return MatrixBody.open(folder, threads=threads)
    return ServedBody.open(folder, threads=threads)


class MatrixBody:
    """States as `ServedBody` gives them. Several threads may use it at once."""

    def __init__(self, matrices: E5Matrices, tokens: E5Tokens, threads: int = 1) -> None:
        self._matrices, self._threads = matrices, threads
        self.tokens = tokens

    @classmethod
    def open(cls, folder: Path, *, threads: int | None = None, longest: int = LONGEST) -> Self:
        """ModelFileError when a file is missing or cannot be read."""
        try:
            tokens = E5Tokens.read(folder / FILES[1], folder / FILES[2], longest)
            return cls(E5Matrices.open(folder / FILES[0]), tokens, threads or available_cores())
        except Exception as error:  # protobuf and tokenizers raise kinds of their own
            raise ModelFileError(f"{folder} does not hold a fine-tuned encoder ({error}); train it again") from error

    def states(self, ids: Sequence[Sequence[int] | Ints], layers: Sequence[int]) -> Iterator[States]:
        """See `ServedBody.states`."""
        for batch, states in self._matrices.run(ids, layers, threads=self._threads):
            yield batch.texts, [np.split(one, batch.starts[1:]) for one in states]

"""Which 64-bit keys were seen lately, in constant memory."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


class RecentKeys:
    """Remembers about the last `2 ** bits` keys in a table with one slot a key.

    A key is forgotten when another takes its slot, so a repetition `d` different keys later is missed with probability
    1 - exp(-d / 2 ** bits); a key that was never added is never reported. 8 bytes a slot: 32 MB by default.
    """

    def __init__(self, bits: int = 22) -> None:
        self._mask = np.uint64((1 << bits) - 1)
        self._table = ~np.arange(1 << bits, dtype=np.uint64)  # slot s holds ~s, a key that belongs in another slot

    def seen(self, keys: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Which of the keys are remembered. Shape [len(keys)]."""
        unsigned = keys.view(np.uint64)
        result: npt.NDArray[np.bool_] = self._table[unsigned & self._mask] == unsigned
        return result

    def add(self, keys: npt.NDArray[np.int64]) -> None:
        """Remember keys."""
        unsigned = keys.view(np.uint64)
        self._table[unsigned & self._mask] = unsigned

    def repeated(self, keys: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Which keys were seen before, earlier in `keys` included; all of them are remembered from now on."""
        result = self.seen(keys)
        first = np.zeros(len(keys), np.bool_)
        first[np.unique(keys, return_index=True)[1]] = True
        self.add(keys)
        return result | ~first

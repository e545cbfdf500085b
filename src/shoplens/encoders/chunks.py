"""Texts longer than a network reads at once: cut into pieces, one vector from all of them.

The first piece, where a product is named, counts double: searched for by its title or by a fact far down in its
description, it is found either way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shoplens.encoders.base import Vectors

SENTENCE_ENDS = (".", "!", "?", ";", "。", "！", "？", "；", "…", "▁.", "▁!", "▁?")  # pieces of the vocabulary
FIRST_WEIGHT = 2.0  # of the first piece; each later one weighs 1


@dataclass(frozen=True, slots=True)
class ChunkLayout:
    """How lists of token ids are cut. Each list is: `lead` ids that belong to every piece, the text, one end mark."""

    lead: int
    window: int  # most ids of a piece, lead and end mark included
    most: int  # pieces of a text; what lies beyond is not read
    sentence_ends: frozenset[int]

    def cut(self, ids: Sequence[int]) -> list[list[int]]:
        """The pieces, at most `most`, each of at most `window` ids. A list that fits is its own only piece."""
        if len(ids) <= self.window:
            return [list(ids)]
        lead, body, end = list(ids[: self.lead]), list(ids[self.lead : -1]), [ids[-1]]
        room = self.window - self.lead - 1
        pieces: list[list[int]] = []
        stop = 0
        while stop < len(body) and len(pieces) < self.most:
            start, stop = stop, self._stop(body, stop, room)
            pieces.append(lead + body[start:stop] + end)
        return pieces

    def _stop(self, body: list[int], start: int, room: int) -> int:
        """Where a piece that begins at `start` ends: behind the last sentence end of its last quarter, if any."""
        stop = min(start + room, len(body))
        if stop < len(body):
            for place in range(stop, start + room - room // 4, -1):
                if body[place - 1] in self.sentence_ends:
                    return place
        return stop


def pool_chunks(vectors: Vectors, counts: Sequence[int]) -> Vectors:
    """One unit vector a text from those of its pieces [sum(counts), size]. float32 [len(counts), size]"""
    first = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
    pooled: Vectors = vectors[first]
    for text, (start, count) in enumerate(zip(first, counts, strict=True)):
        if count == 1:
            continue
        own = vectors[start : start + count]
        total = own.sum(axis=0) + (FIRST_WEIGHT - 1) * own[0]
        length = np.linalg.norm(total)
        if length > 1e-6:  # they never cancel out in practice; the first piece stands for the text if they do
            pooled[text] = total / length
    return pooled

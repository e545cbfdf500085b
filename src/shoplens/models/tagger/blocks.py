"""Which sentences are read together: what stands before and after a sentence tells whom it speaks of.

A block is one text for the encoder: begin mark, sentences, an end mark after each. The end mark between two sentences
is a unit of its own, which is outside every entity, so that none reaches from one sentence into the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplens.models.tagger.reading import LETTERS, SEPARATOR, ReadSentence

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Block:
    """One text for the encoder. `unit[i]`: row of unit i among all units of all sentences; -1 = a mark between two."""

    ids: Ints  # [tokens]
    token: Ints  # [units]
    place: Ints
    shape: Ints
    letters: Ints  # [units, LETTERS]
    unit: Ints


def make_blocks(
    sentences: Sequence[ReadSentence],
    documents: Sequence[int],
    *,
    marks: tuple[int, int],
    room: int,
    longest: int,
    random: np.random.Generator | None = None,
) -> list[Block]:
    """Put consecutive sentences of one document together while they fit into `room` tokens.

    `documents`: number of each sentence's document; `marks`: begin and end token; `longest`: tokens of a block at most,
    a longer sentence is cut. With `random` every fourth block holds one sentence only, and the others less or more: a
    tagger must also know what to do with a sentence that stands alone.
    """
    blocks: list[Block] = []
    group: list[tuple[ReadSentence, int]] = []  # parts and the row of their first unit
    filled, first, document, allowed = 0, 0, -1, _room(room, random)
    for sentence, where in zip(sentences, documents, strict=True):
        size = len(sentence.ids) + 1
        if group and (where != document or filled + size > allowed):
            blocks.append(_join(group, marks))
            group, filled, allowed = [], 0, _room(room, random)
        for begin, end in _cuts(sentence, longest - 2):
            if group and filled + size > longest - 1:
                blocks.append(_join(group, marks))
                group, filled = [], 0
            group.append((sentence.part(begin, end, longest - 2), first + begin))
            filled += len(group[-1][0].ids) + 1
        first, document = first + len(sentence), where
    return [*blocks, _join(group, marks)] if group else blocks


def _room(room: int, random: np.random.Generator | None) -> int:
    if random is None:
        return room
    return 0 if random.random() < 0.25 else int(random.integers(room // 3, room + 1))


def _cuts(sentence: ReadSentence, longest: int) -> list[tuple[int, int]]:
    """Runs of units of at most so many tokens: one, unless the sentence is very long."""
    if len(sentence.ids) <= longest:
        return [(0, len(sentence))] if len(sentence) else []
    cuts, begin = [], 0
    for unit in range(1, len(sentence)):
        after = int(sentence.token[unit + 1]) if unit + 1 < len(sentence) else len(sentence.ids)
        if after - int(sentence.token[begin]) > longest:
            cuts.append((begin, unit))
            begin = unit
    return [*cuts, (begin, len(sentence))]


def _join(group: Sequence[tuple[ReadSentence, int]], marks: tuple[int, int]) -> Block:
    begin, end = marks
    ids: list[Ints] = [np.array([begin], np.int64)]
    token: list[Ints] = []
    unit: list[Ints] = []
    filled, last = 1, len(group) - 1
    for number, (one, first) in enumerate(group):
        token.append(one.token + filled)
        unit.append(np.arange(first, first + len(one)))
        ids += [one.ids[:], np.array([end], np.int64)]
        filled += len(one.ids) + 1
        if number < last:
            token.append(np.array([filled - 1]))
            unit.append(np.array([-1]))
    between = np.zeros(1, np.int64)
    return Block(
        np.concatenate(ids),
        np.concatenate(token),
        _spread([one.place for one, _ in group], between),
        _spread([one.shape for one, _ in group], between + SEPARATOR),
        _spread([one.letters for one, _ in group], np.zeros((1, LETTERS), np.int64)),
        np.concatenate(unit),
    )


def _spread(parts: Sequence[Ints], between: Ints) -> Ints:
    joined: list[Ints] = []
    for number, part in enumerate(parts):
        joined += [between, part] if number else [part]
    return np.concatenate(joined)

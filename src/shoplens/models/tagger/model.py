"""A tagger that was trained: opened from its folder, it marks entities in sentences of units and in raw texts."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from shoplens.domain.tagging import Entity, spans_of
from shoplens.errors import ModelFileError
from shoplens.models.tagger.blocks import Block, make_blocks
from shoplens.models.tagger.network import TaggerHead, UnitBatch
from shoplens.models.tagger.reading import read_sentences
from shoplens.models.tagger.training import FACTS, FORMAT, HEAD, LONGEST
from shoplens.models.tagger.units import CutText, cut_sentences
from shoplens.models.text_body.matrices import MatrixBody, open_states
from shoplens.models.text_body.served import ServedBody

AT_ONCE = 1_024  # sentences that are cut into tokens at a time
HELD = 64  # blocks whose states wait to be labelled together: a step of the chain costs about the same for one


@dataclass(frozen=True, slots=True)
class Told:
    """Labels of a sentence's units, and how sure each is (probability under the whole chain)."""

    labels: tuple[str, ...]
    sure: tuple[float, ...]


class Tagger:
    """Marks entities. Several threads may use one at the same time."""

    def __init__(self, body: ServedBody | MatrixBody, head: TaggerHead, facts: dict[str, Any]) -> None:
        self._body, self._head, self.facts = body, head.eval().requires_grad_(requires_grad=False), facts
        self.labels: tuple[str, ...] = tuple(facts["labels"])
        self.characters: bool = facts["characters"]
        self.documents: bool = facts["documents"]
        begin, end = body.tokens.ids([""], "")[0]
        self._marks = (begin, end)

    @classmethod
    def load(cls, folder: Path, *, threads: int | None = None) -> Self:
        """Read what `TrainedTagger.save` wrote. ModelFileError when it is damaged or of another version."""
        try:
            facts = json.loads((folder / FACTS).read_bytes())
            if facts["format"] != FORMAT:
                raise ModelFileError(f"{folder} was written by another version; run: shoplens entities train")
            head = TaggerHead(facts["hidden"], facts["labels"])
            head.load_state_dict(load_file(folder / HEAD))
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise ModelFileError(f"{folder} does not hold a tagger ({error}); run: shoplens entities train") from error
        return cls(open_states(folder, threads=threads), head, facts)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of entity that it knows."""
        return tuple(sorted({label[2:] for label in self.labels if label[2:]}))

    def tag_units(self, sentences: Sequence[Sequence[str]], documents: Sequence[int] | None = None) -> list[Told]:
        """Labels of sentences that are cut into units already.

        `documents`: number of the document that each stands in; sentences of one are read together, if the tagger
        learnt to. By default they all stand in one.
        """
        numbers = list(documents) if documents is not None else [0] * len(sentences)
        told: list[Told] = []
        for first in range(0, len(sentences), AT_ONCE):
            rows = slice(first, first + AT_ONCE)
            told += self._tag(sentences[rows], numbers[rows])
        return told

    def tag_texts(self, texts: Sequence[str]) -> list[list[Entity]]:
        """Entities of raw texts, each a document of its own, by where they stand in it."""
        cut = [cut_sentences(text, characters=self.characters) for text in texts]
        numbers = [number for number, sentences in enumerate(cut) for _ in sentences]
        flat = [one for sentences in cut for one in sentences]
        told = self.tag_units([one.units for one in flat], numbers)
        found: list[list[Entity]] = [[] for _ in texts]
        for number, sentence, one in zip(numbers, flat, told, strict=True):
            found[number] += _entities(texts[number], sentence, one)
        return found

    def _tag(self, sentences: Sequence[Sequence[str]], documents: Sequence[int]) -> list[Told]:
        read = read_sentences(self._body.tokens, sentences, characters=self.characters)
        alone = documents if self.documents else range(len(read))
        blocks = make_blocks(read, list(alone), marks=self._marks, room=self.facts["room"], longest=LONGEST)
        edges = np.concatenate([[0], np.cumsum([len(one) for one in read])]).astype(np.int64)
        best, sure = np.zeros(edges[-1] + 1, np.int64), np.zeros(edges[-1] + 1)
        held: list[tuple[Block, npt.NDArray[np.float32], npt.NDArray[np.float32]]] = []
        for rows, (lower, final) in self._body.states([one.ids for one in blocks], self.facts["states"]):
            held += [(blocks[row], lower[place], final[place]) for place, row in enumerate(rows)]
            if len(held) >= HELD:
                self._label(held, best, sure)
                held = []
        if held:
            self._label(held, best, sure)
        return [
            Told(tuple(self.labels[code] for code in best[first:last]), tuple(sure[first:last].tolist()))
            for first, last in itertools.pairwise(edges)
        ]

    @torch.no_grad()
    def _label(
        self,
        held: Sequence[tuple[Block, npt.NDArray[np.float32], npt.NDArray[np.float32]]],
        best: npt.NDArray[np.int64],
        sure: npt.NDArray[np.float64],
    ) -> None:
        """Write the labels' numbers and probabilities of these blocks' units to their rows. `held`: blocks with the
        states of their tokens [tokens, hidden] at the cut and after the last layer."""
        blocks = [block for block, _, _ in held]
        units = UnitBatch.of(blocks)
        longest = max(len(lower) for _, lower, _ in held)
        states = np.zeros((2, len(held), longest, self.facts["hidden"]), np.float32)
        for place, (_, lower, final) in enumerate(held):
            states[0, place, : len(lower)], states[1, place, : len(final)] = lower, final
        emissions = self._head(torch.from_numpy(states[0]), torch.from_numpy(states[1]), units)
        labels = self._head.chain.best(emissions, units.lengths)
        chances = self._head.chain.marginals(emissions, units.lengths).gather(2, labels.unsqueeze(2)).squeeze(2)
        for place, one in enumerate(blocks):
            count = len(one.unit)
            best[one.unit], sure[one.unit] = labels[place, :count].numpy(), chances[place, :count].numpy()


def _entities(text: str, sentence: CutText, told: Told) -> list[Entity]:
    found = []
    for span in spans_of(told.labels):
        start, last = sentence.starts[span.start], span.end - 1
        end = sentence.starts[last] + len(sentence.units[last])
        score = round(float(min(max(min(told.sure[span.start : span.end]), 0.0), 1.0)), 4)
        found.append(Entity(start, end, text[start:end], span.kind, score))
    return found

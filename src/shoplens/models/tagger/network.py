"""From what the encoder says of tokens to how well each label fits each unit."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from shoplens.models.tagger.blocks import Block
from shoplens.models.tagger.chain import LabelChain
from shoplens.models.tagger.reading import BUCKETS, LETTERS, PLACES, SHAPES

LETTER_SIZE, SHAPE_SIZE, PLACE_SIZE = 24, 16, 8
RECURRENT = 160  # numbers of each direction


@dataclass(frozen=True, slots=True)
class UnitBatch:
    """Units of some blocks, padded with zeros. int64 [n, units], `letters` [n, units, LETTERS], `lengths` [n].

    `lengths` stay on the CPU, where recurrent layers want them.
    """

    token: Tensor
    place: Tensor
    shape: Tensor
    letters: Tensor
    lengths: Tensor

    @classmethod
    def of(cls, blocks: Sequence[Block]) -> UnitBatch:
        """As rectangles."""
        longest = max(len(one.token) for one in blocks)
        flat = np.zeros((3, len(blocks), longest), np.int64)
        letters = np.zeros((len(blocks), longest, LETTERS), np.int64)
        for row, one in enumerate(blocks):
            flat[:, row, : len(one.token)] = one.token, one.place, one.shape
            letters[row, : len(one.token)] = one.letters
        lengths = torch.tensor([len(one.token) for one in blocks])
        token, place, shape = torch.from_numpy(flat)
        return cls(token, place, shape, torch.from_numpy(letters), lengths)

    def to(self, device: torch.device) -> UnitBatch:
        """The same where a network reads it."""
        token, place, shape, letters = (one.to(device) for one in (self.token, self.place, self.shape, self.letters))
        return UnitBatch(token, place, shape, letters, self.lengths)


class TaggerHead(nn.Module):
    """Reads each unit's token below and above what was fine-tuned, its shape and letters, then to the left and right.

    Both directions of an LSTM (Huang, Xu and Yu, 2015) bring what tokens cannot say: where in a token a character
    stands, and how a word is spelt.
    """

    def __init__(self, hidden: int, labels: Sequence[str], dropout: float = 0.3) -> None:
        super().__init__()
        self.letters = nn.Embedding(LETTERS * BUCKETS, LETTER_SIZE)
        self.shape = nn.Embedding(SHAPES, SHAPE_SIZE)
        self.place = nn.Embedding(PLACES, PLACE_SIZE)
        width = 2 * hidden + LETTERS * LETTER_SIZE + SHAPE_SIZE + PLACE_SIZE
        self.recurrent = nn.LSTM(width, RECURRENT, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * RECURRENT + hidden, len(labels))
        self.chain = LabelChain(labels)
        self.dropout = nn.Dropout(dropout)
        nn.init.normal_(self.letters.weight, std=0.1)

    def forward(self, lower: Tensor, final: Tensor, units: UnitBatch) -> Tensor:
        """Emissions [n, units, labels] from token states [n, tokens, hidden] at the cut and after the last layer."""
        rows = torch.arange(len(units.token), device=final.device).unsqueeze(1)
        above = self.dropout(final[rows, units.token].float())
        letters = self.dropout(self.letters(units.letters)).flatten(2)
        below = self.dropout(lower[rows, units.token].float())
        given = torch.cat([above, below, letters, self.shape(units.shape), self.place(units.place)], 2)
        packed = pack_padded_sequence(given, units.lengths, batch_first=True, enforce_sorted=False)
        # cuDNN's recurrent layers know no bfloat16.
        with torch.autocast("cuda", enabled=False) if given.is_cuda else nullcontext():
            told = self.recurrent(packed)[0]
        read, _ = pad_packed_sequence(told, batch_first=True, total_length=given.shape[1])
        emissions: Tensor = self.out(torch.cat([self.dropout(read), above], 2))
        return emissions

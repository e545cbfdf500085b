"""What the frozen layers make of texts: each is read once, its token states are kept for the layers above."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from shoplens.encoders.e5_torch import Body, padded, token_batches
from shoplens.encoders.hub_device import Hardware

CPU = torch.device("cpu")

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Texts:
    """The distinct texts of a catalogue. Products of the same text share a row: shops list one thing many times."""

    distinct: tuple[str, ...]
    row: Ints  # [n_items], row in `distinct`; -1 for products without a text

    @classmethod
    def of(cls, texts: Sequence[str]) -> Texts:
        """From one text a product; blanks count as none."""
        place: dict[str, int] = {}
        row = [place.setdefault(text, len(place)) if (text := one.strip()) else -1 for one in texts]
        return cls(tuple(place), np.array(row, np.int64))


class Reader:
    """A body cut below its uppermost `trained` layers, with the lower ones ready to read."""

    def __init__(self, body: Body, trained: int, longest: int, hardware: Hardware) -> None:
        self.body, self.longest, self.hardware = body, longest, hardware
        self.cut = max(0, body.sizes.layers - trained)
        lower = nn.ModuleList(body.layer(number) for number in range(self.cut)).eval().requires_grad_(False)
        self._lower = lower.to(hardware.device)

    def upper(self) -> nn.ModuleList:
        """New modules of the layers above the cut, with the pretrained weights."""
        return nn.ModuleList(self.body.layer(number) for number in range(self.cut, self.body.sizes.layers))

    def tokens(self, texts: Sequence[str]) -> list[Ints]:
        """Token ids of each text."""
        return self.body.tokens(texts, self.longest)

    @torch.inference_mode()
    def read(self, tokens: Sequence[Ints]) -> Iterator[tuple[list[int], Tensor, Tensor]]:
        """Batches of like length: rows, their states at the cut [n, longest, hidden], which tokens are there; both on
        the device that reads."""
        for rows in token_batches([len(one) for one in tokens]):
            ids, there = padded([tokens[row] for row in rows])
            states, present = self.body.embed(ids).to(self.hardware.device), there.to(self.hardware.device)
            with self.hardware.autocast():
                for layer in self._lower:
                    states = layer(states, present)
            yield rows, states, present


@dataclass(frozen=True, slots=True)
class TokenStates:
    """States at the cut of some texts, one after another without padding. 2 × hidden bytes a token, of the machine's
    memory and not of an accelerator's: there may be more of them than that holds."""

    indptr: Ints  # [n + 1]
    states: Tensor  # bfloat16 [tokens, hidden]

    @classmethod
    def read(
        cls, reader: Reader, tokens: Sequence[Ints], tell: Callable[[int, int], None] | None = None
    ) -> TokenStates:
        """Read all these texts; `tell`: texts read so far, of how many."""
        indptr = np.concatenate([[0], np.cumsum([len(one) for one in tokens])]).astype(np.int64)
        states = torch.empty((int(indptr[-1]), reader.body.sizes.hidden), dtype=torch.bfloat16)
        done = 0
        for rows, read, present in reader.read(tokens):
            told = torch.split(read[present].to("cpu", torch.bfloat16), present.sum(1).tolist())
            for row, one in zip(rows, told, strict=True):
                states[int(indptr[row]) : int(indptr[row + 1])] = one
            done += len(rows)
            if tell is not None:
                tell(done, len(tokens))
        return cls(indptr, states)

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def batches(self, rows: Ints) -> Iterator[tuple[Ints, Tensor, Tensor]]:
        """Chosen texts in batches of like length: positions in `rows`, states [n, longest, hidden], present."""
        length = (self.indptr[rows + 1] - self.indptr[rows]).tolist()
        for chosen in token_batches(length):
            positions = np.array(chosen, np.int64)
            yield positions, *self.rectangle(rows[positions])

    def rectangle(self, rows: Ints, device: torch.device = CPU) -> tuple[Tensor, Tensor]:
        """Chosen texts padded: float32 [n, longest, hidden] and bool [n, longest]. A negative row is an empty text.

        `device`: where both are put.
        """
        start = self.indptr[np.maximum(rows, 0)]
        length = np.where(rows < 0, 0, self.indptr[np.maximum(rows, 0) + 1] - start)
        offset = np.arange(max(int(length.max(initial=0)), 1))
        present = torch.from_numpy(offset < length[:, None]).to(device)
        token = np.where(offset < length[:, None], start[:, None] + offset, 0)
        if not len(self.states):
            return torch.zeros((*token.shape, self.states.shape[1]), device=device), present
        return self.states[torch.from_numpy(token)].to(device).float() * present.unsqueeze(2), present


def tokens_that_fit(lengths: Ints, hidden: int, megabytes: int) -> int:
    """How many texts, from the first on, have states that fit into so much memory."""
    return int(np.searchsorted(np.cumsum(lengths) * hidden * 2, megabytes * 2**20, "right"))

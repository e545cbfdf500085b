"""Person vectors from ordered events: what every token looks like, and what becomes of its hidden state."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its customary name

from shoplens.models.fusion.batches import AGE_BUCKETS, Ints
from shoplens.models.fusion.config import FusionConfig
from shoplens.models.fusion.layers import short_norm, silent, unit
from shoplens.models.fusion.moments import clock
from shoplens.models.fusion.packed import START, Packed
from shoplens.models.fusion.people.attention import TransformerBody
from shoplens.models.fusion.people.convolution import ConvolutionBody
from shoplens.models.fusion.people.profile import UNTOLD, MomentReader, ProfileReader, ProfileShape
from shoplens.models.fusion.people.recurrent import RecurrentBody

BODIES: dict[str, type[TransformerBody | ConvolutionBody | RecurrentBody]] = {
    "transformer": TransformerBody,
    "cnn": ConvolutionBody,
    "gru": RecurrentBody,
}


class SequenceTower(nn.Module):
    """A causal body between item vectors and person vectors; every token's output is a person vector of its moment.

    A start token, which also knows the profile, stands before the events: it answers for people without a history. The
    moment of the request (time since the latest event, hour, weekday) joins after the body, so that one pass over a
    sequence trains all its moments.
    """

    def __init__(self, config: FusionConfig, profile: ProfileShape, *, timed: bool) -> None:
        super().__init__()
        size, hidden = config.embedding_size, config.hidden_size
        self.config = config
        self.start = nn.Parameter(torch.randn(size))
        self.strength = nn.Parameter(torch.zeros(size))  # what a stronger preference adds to a token
        self.gap = nn.Embedding(AGE_BUCKETS, size) if timed else None
        self.wait = nn.Embedding(AGE_BUCKETS, size) if timed else None
        self.moment = MomentReader(size) if timed else None
        for table in (self.gap, self.wait):
            if table is not None:
                nn.init.zeros_(table.weight)
        self.profile = ProfileReader(profile, size) if profile else None
        self.body = BODIES[config.history](config)
        self.norm = short_norm(size)
        self.conformity = nn.Parameter(torch.full((1,), config.temperature))  # how much appeal to everybody counts
        self.appeal = silent(nn.Linear(size, 1))
        width = size * (1 + timed + bool(profile))
        self.adjust = (
            nn.Sequential(
                nn.LayerNorm(width),
                nn.Linear(width, hidden),
                nn.GELU(),
                nn.Dropout(config.dropout),
                silent(nn.Linear(hidden, size)),
            )
            if width > size
            else None
        )

    def forward(
        self, vectors: Tensor, history: Packed, categorical: Tensor, numeric: Tensor, *, every: bool = False
    ) -> Tensor:
        """Person vectors [n, size + 1] after the latest event, or, with `every`, after each token [tokens, size + 1].

        `vectors`: [rows, size + 1] that `history.item` points into. Profiles: one row a sequence.
        """
        device = vectors.device
        fields = None if self.profile is None else self.profile(categorical, numeric)
        tokens = self._tokens(vectors, history, fields)
        state = self.body(tokens, history)
        asked = np.arange(len(history.item)) if every else history.last
        if not every:
            state = state[torch.from_numpy(asked).to(device)]
        person = self.norm(state)
        if self.adjust is not None:
            known = [person * person.shape[1] ** 0.5]
            if fields is not None:
                known.append(fields[torch.from_numpy(history.owner[asked]).to(device)])
            if self.moment is not None and self.wait is not None:
                known.append(self._context(history, asked, device))
            person = person + self.adjust(torch.cat(known, 1))
        appeal = self.appeal(person) + self.conformity
        person = unit(person) if self.config.similarity == "cosine" else person
        return torch.cat([person, appeal.to(person.dtype)], 1)

    def _tokens(self, vectors: Tensor, history: Packed, fields: Tensor | None) -> Tensor:
        """What the body reads. [tokens, size]."""
        device, size = vectors.device, self.config.embedding_size
        item = torch.from_numpy(history.item).to(device)
        tokens = F.embedding(item.clamp(min=0), vectors)[:, :-1] * size**0.5
        tokens = tokens + torch.from_numpy(history.strength).to(device).unsqueeze(1) * self.strength
        if self.gap is not None:
            tokens = tokens + self.gap(torch.from_numpy(history.gap).to(device))
        starts = item == START
        if self.training and self.config.history_dropout:  # the event stays in its place, but not what it was
            tokens = tokens * (torch.rand(len(item), 1, device=device) >= self.config.history_dropout)
        start = self.start.to(tokens.dtype) if fields is None else (self.start + fields).to(tokens.dtype)
        if fields is None:
            return torch.where(starts.unsqueeze(1), start, tokens)
        return torch.where(starts.unsqueeze(1), start[torch.from_numpy(history.owner).to(device)], tokens)

    def _context(self, history: Packed, asked: Ints, device: torch.device) -> Tensor:
        """What the moment of the request says. [len(asked), size]."""
        assert self.wait is not None
        assert self.moment is not None
        wait = torch.from_numpy(history.wait[asked]).to(device)
        if self.training:
            wait = wait * (torch.rand(len(wait), device=device) >= UNTOLD)
        told: Tensor = self.wait(wait) + self.moment(torch.from_numpy(clock(history.now[asked])).to(device))
        return told

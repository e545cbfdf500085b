"""Person vectors from a set of products with ages: attention pooling and a small MLP."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its customary name

from shoplens.models.fusion.batches import AGE_BUCKETS, RANK_BUCKETS, PaddedHistories
from shoplens.models.fusion.config import FusionConfig
from shoplens.models.fusion.layers import ABSENT, silent, unit
from shoplens.models.fusion.people.profile import MomentReader, ProfileReader, ProfileShape


class PersonTower(nn.Module):
    """Attention pooling of a history, corrected by a small residual MLP that also reads the profile.

    Every head weighs the products by what they are, how recent they are (place and age) and how strongly they were
    preferred. One more slot, the same for everybody, is what an empty history answers and a short one leans on.
    """

    def __init__(self, config: FusionConfig, profile: ProfileShape, *, timed: bool = False) -> None:
        super().__init__()
        size, hidden, heads = config.embedding_size, config.hidden_size, config.heads
        self.config = config
        self.query = nn.Parameter(torch.zeros(size + 1, heads))
        self.recency = nn.Parameter(torch.zeros(RANK_BUCKETS, heads))
        self.age = nn.Parameter(torch.zeros(AGE_BUCKETS, heads))
        self.strength = nn.Parameter(torch.full((heads,), 0.5))  # exponent of the preference weight
        self.default = nn.Parameter(torch.zeros(size))
        self.default_logit = nn.Parameter(torch.zeros(heads))
        self.join = nn.Linear(heads * size, size, bias=False)
        self.conformity = nn.Parameter(torch.full((1,), config.temperature))  # how much appeal to everybody counts
        with torch.no_grad():  # starts as a mean of the history in which what everybody buys says less
            self.query[-1] = -0.3
            self.join.weight.copy_(torch.eye(size).repeat(1, heads) / heads)
        self.profile = ProfileReader(profile, size) if profile else None
        self.moment = MomentReader(size) if timed else None
        width = size * (heads + bool(profile) + timed)
        self.adjust = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, hidden),
            nn.GELU(),
            nn.Dropout(config.dropout),
            silent(nn.Linear(hidden, size + 1)),
        )

    def forward(self, vectors: Tensor, history: PaddedHistories, categorical: Tensor, numeric: Tensor) -> Tensor:
        """Person vectors [n, size + 1] from item vectors [n, longest, size + 1]."""
        bias = self.recency[history.rank] + self.age[history.age]
        bias = bias + self.strength * history.strength.unsqueeze(2)
        logits = vectors @ self.query + bias  # [n, longest, heads]
        present = history.present
        if self.training and self.config.history_dropout:
            present = present & (torch.rand(present.shape, device=present.device) >= self.config.history_dropout)
        logits = logits.masked_fill(~present.unsqueeze(2), ABSENT)
        slot = self.default_logit.expand(len(logits), 1, -1)
        weight = torch.cat([logits, slot], 1).float().softmax(1).to(vectors.dtype)  # [n, longest + 1, heads]
        pooled = torch.einsum("nlh,nls->nhs", weight[:, :-1], vectors[..., :-1])
        pooled = pooled + weight[:, -1].unsqueeze(2) * self.default
        flat = pooled.flatten(1)
        known = [flat]
        if self.profile is not None:
            known.append(self.profile(categorical, numeric))
        if self.moment is not None:
            known.append(self.moment(history.clock))
        adjustment = self.adjust(torch.cat(known, 1) if len(known) > 1 else flat)
        person = F.dropout(self.join(flat) + adjustment[:, :-1], self.config.dropout, self.training)
        person = unit(person) if self.config.similarity == "cosine" else person
        return torch.cat([person, adjustment[:, -1:] * self.config.temperature + self.conformity], 1)

"""Person vectors as an average of products, for products whose vectors have been spread over the purchase graph."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its customary name

from shoplens.models.fusion.batches import AGE_BUCKETS, RANK_BUCKETS, PaddedHistories
from shoplens.models.fusion.config import FusionConfig
from shoplens.models.fusion.layers import ABSENT, unit
from shoplens.models.fusion.people.profile import MomentReader, ProfileReader, ProfileShape

DAMPING = 0.5  # exponent by which popular products say less: a person's row of the normalised purchase graph


class AveragedTower(nn.Module):
    """Weighted mean of the chosen products, of length one, moved by what the profile says.

    The graph has done the thinking; what is left to learn is how much recent and popular products count.
    """

    def __init__(
        self, config: FusionConfig, profile: ProfileShape, *, log_scale: nn.Parameter, timed: bool = False
    ) -> None:
        """`log_scale`: of the network. Appeal is divided by it, so that it counts the same whatever likeness counts."""
        super().__init__()
        size = config.embedding_size
        self.config = config
        kept = 1.0 if config.popularity_kept is None else config.popularity_kept
        self.prior = DAMPING / max(kept, 0.1)  # what decay pulls the damping back to
        self.log_scale = log_scale
        self.damping = nn.Parameter(torch.zeros(1))  # logarithm of how much less popular products say
        self.conformity = nn.Parameter(torch.zeros(1))  # logarithm of how much appeal to everybody counts
        self.recency = nn.Parameter(torch.zeros(RANK_BUCKETS))
        self.age = nn.Parameter(torch.zeros(AGE_BUCKETS))
        self.strength = nn.Parameter(torch.zeros(1))  # exponent of the preference weight
        self.default = nn.Parameter(torch.zeros(size))  # direction of somebody of whom nothing is known
        self.profile = ProfileReader(profile, size) if profile else None
        self.moment = MomentReader(size) if timed else None
        if self.profile is not None:
            with torch.no_grad():
                for weight in self.profile.parameters():
                    weight.mul_(0.1)  # a history says more than a profile until learnt otherwise

    def forward(self, vectors: Tensor, history: PaddedHistories, categorical: Tensor, numeric: Tensor) -> Tensor:
        """Person vectors [n, size + 1] from item vectors [n, longest, size + 1]."""
        logits = self.recency[history.rank] + self.age[history.age] + self.strength * history.strength
        logits = (logits - self.prior * self.damping.exp() * vectors[..., -1]).float()
        present = history.present
        if self.training and self.config.history_dropout:
            present = present & (torch.rand(present.shape, device=present.device) >= self.config.history_dropout)
        weight = logits.masked_fill(~present, ABSENT).softmax(1) * present
        person = unit(torch.einsum("nl,nls->ns", weight.to(vectors.dtype), vectors[..., :-1]))
        person = person + self.default * ~present.any(1, keepdim=True)
        if self.profile is not None:
            person = person + self.profile(categorical, numeric)
        if self.moment is not None:
            person = person + self.moment(history.clock)
        person = F.dropout(unit(person), self.config.dropout, self.training)
        conformity = (self.conformity - self.log_scale).exp()
        return torch.cat([person, conformity.expand(len(person), 1)], 1)

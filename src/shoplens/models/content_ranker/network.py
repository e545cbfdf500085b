"""The two towers that serve: a text becomes a vector, a history of vectors a person; their product is the score."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its customary name

from shoplens.encoders.e5_torch import mean_of_tokens
from shoplens.models.content_ranker.config import ContentRankerConfig
from shoplens.models.fusion.batches import AGE_BUCKETS, RANK_BUCKETS, PaddedHistories

ABSENT = -1e9


class TextTower(nn.Module):
    """The encoder's uppermost layers, the mean over tokens, and a projection to length one; then one number more.

    The projection starts as the principal axes of what the frozen encoder says, so that learning begins at (centred)
    frozen similarity. The last number is the appeal to everybody that the text lets one expect; it starts at zero.
    """

    def __init__(self, config: ContentRankerConfig, layers: nn.ModuleList, hidden: int) -> None:
        super().__init__()
        self.config = config
        self.layers = layers
        size = min(config.embedding_size, hidden)
        self.project = nn.Linear(hidden, size)
        # Without a bias: what is added to all products alike changes no ranking, only the noise in it would be learnt.
        last = nn.Linear(2 * size, 1, bias=False)
        nn.init.zeros_(last.weight)
        self.appeal = nn.Sequential(nn.Linear(size, 2 * size), nn.GELU(), nn.Dropout(config.dropout), last)

    def start(self, pooled: Tensor) -> None:
        """Set the projection from the frozen vectors [n, hidden] of the texts that were touched."""
        size = self.project.out_features
        mean = pooled.mean(0) if len(pooled) else torch.zeros(self.project.in_features)
        axes = torch.eye(self.project.in_features)
        if len(pooled) > 1:
            covariance = (pooled - mean).T @ (pooled - mean)
            axes = torch.linalg.eigh(covariance).eigenvectors.flip(1)
            # Signs are arbitrary; fixing them keeps results comparable between machines.
            axes = axes * axes.gather(0, axes.abs().argmax(0, keepdim=True)).sign()
        with torch.no_grad():
            self.project.weight.copy_(axes[:, :size].T)
            self.project.bias.copy_(-(axes[:, :size].T @ mean))

    def pooled(self, states: Tensor, present: Tensor, precision: torch.dtype) -> Tensor:
        """States at the cut [n, tokens, hidden] → the encoder's vector [n, hidden], length one."""
        if self.training and self.config.token_dropout:
            kept = torch.rand(present.shape) >= self.config.token_dropout
            kept[:, 0] = True  # the mark at the beginning: no text is ever empty
            present = present & kept
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
            for layer in self.layers:
                states = layer(states, present)
        return F.normalize(mean_of_tokens(states.float(), present), dim=1)

    def forward(self, states: Tensor, present: Tensor, precision: torch.dtype) -> Tensor:
        """Vectors [n, size + 1]; the encoder's layers compute in `precision`."""
        return self.finish(self.pooled(states, present, precision))

    def finish(self, pooled: Tensor) -> Tensor:
        """From the encoder's vector to the one that serves."""
        projected = F.dropout(self.project(pooled), self.config.dropout, self.training)
        vectors = F.normalize(projected.float(), dim=1, eps=1e-6)
        appeal = self.appeal(vectors * vectors.shape[1] ** 0.5)  # numbers of about one, as the layer expects
        return torch.cat([vectors, appeal], 1)


class PersonTower(nn.Module):
    """Attention pooling of a history by what, how recent and how strong; linear from there on.

    Linear on purpose: a score is then exactly the sum of what each product of the history says, which is what
    explanations show.
    """

    def __init__(self, config: ContentRankerConfig, size: int) -> None:
        super().__init__()
        heads = config.heads
        self.history_dropout = config.history_dropout
        self.query = nn.Parameter(torch.zeros(size, heads))
        self.recency = nn.Parameter(torch.zeros(RANK_BUCKETS, heads))
        self.age = nn.Parameter(torch.zeros(AGE_BUCKETS, heads))
        self.strength = nn.Parameter(torch.full((heads,), 0.5))  # exponent of the summed event weights
        self.join = nn.Linear(heads * size, size)  # its bias is the taste of everybody
        self.conformity = nn.Parameter(torch.ones(1))  # how much appeal to everybody counts
        with torch.no_grad():
            self.join.weight.copy_(torch.eye(size).repeat(1, heads) / heads)
            self.join.bias.zero_()

    def weights(self, vectors: Tensor, history: PaddedHistories) -> Tensor:
        """How much each product of a history counts; sums to one for each head. [n, longest, heads]."""
        bias = self.recency[history.rank] + self.age[history.age] + self.strength * history.strength.unsqueeze(2)
        present = history.present
        if self.training and self.history_dropout:
            kept = present & (torch.rand(present.shape) >= self.history_dropout)
            present = torch.where(kept.any(1, keepdim=True), kept, present)
        logits = (vectors[..., :-1] @ self.query + bias).masked_fill(~present.unsqueeze(2), ABSENT)
        return logits.softmax(1) * present.unsqueeze(2)

    def forward(self, vectors: Tensor, history: PaddedHistories) -> Tensor:
        """People [n, size + 1] from the vectors of what they touched [n, longest, size + 1]; without any, zeros."""
        weight = self.weights(vectors, history)
        pooled = torch.einsum("nlh,nls->nhs", weight, vectors[..., :-1]).flatten(1)
        person = torch.cat([self.join(pooled), self.conformity.expand(len(pooled), 1)], 1)
        return person * history.present.any(1, keepdim=True)

    def said(self, vectors: Tensor, history: PaddedHistories, product: Tensor) -> Tensor:
        """What each product of each history adds to the score of `product` [size + 1]. [n, longest]."""
        heads = self.query.shape[1]
        asked = self.join.weight.view(-1, heads, vectors.shape[2] - 1)  # [size, heads, size]
        asked = torch.einsum("o,ohs->hs", product[:-1], asked)
        return (self.weights(vectors, history) * (vectors[..., :-1] @ asked.T)).sum(2)


class RankerNetwork(nn.Module):
    """Both towers and the factor between their product and a logit."""

    def __init__(self, config: ContentRankerConfig, layers: nn.ModuleList, hidden: int) -> None:
        super().__init__()
        self.texts = TextTower(config, layers, hidden)
        self.people = PersonTower(config, self.texts.project.out_features)
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / config.temperature)))

    def scale(self) -> Tensor:
        """What products of vectors are multiplied with in the loss; at most 100, as in CLIP (Radford et al., 2021)."""
        return self.log_scale.exp().clamp(max=100.0)

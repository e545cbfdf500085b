"""Two towers: products from whatever modalities they have, people from what they did and who they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its customary name

from shoplens.models.fusion.batches import AGE_BUCKETS, RANK_BUCKETS, PaddedHistories
from shoplens.models.fusion.config import FusionConfig
from shoplens.models.fusion.content import Content

ID = "id"  # the modality that every product earns by being bought
ABSENT = -1e4  # logit of what is not there: far below any real one, and finite when nothing is


@dataclass(frozen=True, slots=True)
class ProfileShape:
    """What is known about people: number of values of each categorical field, number of numeric fields."""

    categories: tuple[int, ...] = ()
    numeric: int = 0


class ItemTower(nn.Module):
    """Gated fusion with a missing-modality mask, after the gated multimodal unit of Arevalo et al. (ICLR 2017).

    The last coordinate of a vector is the product's appeal to everybody. It starts as log-popularity, so that a network
    that has learnt nothing yet recommends what sells; of a product that nobody bought, content has to guess it.
    """

    def __init__(self, config: FusionConfig, n_ids: int, ranks: Sequence[int]) -> None:
        super().__init__()
        size, hidden = config.embedding_size, config.hidden_size
        self.config = config
        self.size = size
        self.ids = nn.Embedding(max(n_ids, 1), size + 1)
        self.fresh = nn.Parameter(torch.zeros(1))  # appeal of a product that nobody bought, before content says more
        self.readers = nn.ModuleList(
            nn.Sequential(
                nn.Linear(rank, hidden),
                nn.GELU(),
                nn.Dropout(config.dropout),
                nn.Linear(hidden, size),
                short_norm(size),
            )
            for rank in ranks
        )
        self.guesses = nn.ModuleList(silent(nn.Linear(size, 1)) for _ in ranks)
        self.gates = nn.ModuleList(silent(nn.Linear(size, 1)) for _ in range(len(ranks) + 1))
        self.mix = nn.Linear((len(ranks) + 1) * size, size) if config.fusion == "concat" else None

    def parts(self, items: Tensor, id_place: Tensor, contents: Sequence[Content]) -> tuple[Tensor, Tensor]:
        """Projections (id first) and which are present: [n, modalities, size + 1] and [n, modalities].

        Only present rows are projected: a modality that 54 of 92,000 products have costs 54 rows.
        """
        ids = id_place[items]
        known = ids >= 0
        parts = [self.ids(ids.clamp(min=0)) * known.unsqueeze(1)]
        mask = [known]
        for content, reader, guess in zip(contents, self.readers, self.guesses, strict=True):
            place = content.place[items]
            here = place >= 0
            rows = here.nonzero().squeeze(1)
            part = parts[0].new_zeros(len(items), self.size + 1)
            if len(rows):
                projected = reader(content.values[place[rows]].to(parts[0].dtype))
                projected = torch.cat([projected, guess(projected)], 1).to(parts[0].dtype)
                part = projected if len(rows) == len(items) else part.index_copy(0, rows, projected)
            parts.append(part)
            mask.append(here)
        return torch.stack(parts, 1), torch.stack(mask, 1)

    def drop(self, mask: Tensor) -> Tensor:
        """Modality dropout: the mask with random holes, never leaving a product with nothing. [n, modalities]."""
        chance = mask.new_full((mask.shape[1],), self.config.modality_dropout, dtype=torch.float32)
        chance[0] = self.config.id_dropout
        left = mask & (torch.rand(mask.shape, device=mask.device) >= chance)
        return torch.where(left.any(1, keepdim=True), left, mask)

    def shares(self, parts: Tensor, mask: Tensor) -> Tensor:
        """How open each gate is, zero where absent; without gates, each part's share of length. [n, modalities]."""
        if self.mix is not None:
            turned = self.mix.weight.view(self.size, -1, self.size)  # [size, modalities, size of a part]
            length = torch.einsum("oms,nms->nmo", turned, parts[..., :-1]).norm(dim=2) * mask
            return torch.div(length, length.sum(1, keepdim=True).clamp(min=1e-9))
        logits = torch.cat([gate(parts[:, number, :-1]) for number, gate in enumerate(self.gates)], 1).float()
        if self.config.fusion == "softmax":
            return logits.masked_fill(~mask, ABSENT).softmax(1) * mask
        return logits.sigmoid() * mask

    def combine(self, parts: Tensor, mask: Tensor) -> Tensor:
        """One vector a product, zero but for its appeal when it has nothing at all. [n, size + 1]."""
        content = parts[..., :-1]
        if self.mix is not None:
            fused = self.mix((content * mask.unsqueeze(2)).flatten(1)) * mask.any(1, keepdim=True)
        else:
            fused = torch.einsum("nm,nms->ns", self.shares(parts, mask).to(parts.dtype), content)
        fused = unit(fused) if self.config.similarity == "cosine" else fused
        guess = (parts[:, 1:, -1] * mask[:, 1:]).sum(1) / mask[:, 1:].sum(1).clamp(min=1)
        appeal = torch.where(mask[:, 0], parts[:, 0, -1], self.fresh + guess)
        return torch.cat([fused, appeal.unsqueeze(1).to(fused.dtype)], 1)


class PersonTower(nn.Module):
    """Attention pooling of a history, corrected by a small residual MLP that also reads the profile.

    Every head weighs the products by what they are, how recent they are (place and age) and how strongly they were
    preferred. One more slot, the same for everybody, is what an empty history answers and a short one leans on.
    """

    def __init__(self, config: FusionConfig, profile: ProfileShape) -> None:
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
        width = size if profile.categories or profile.numeric else 0
        self.categories = nn.ModuleList(nn.Embedding(count, size, padding_idx=0) for count in profile.categories)
        self.numeric = nn.Linear(2 * profile.numeric, size) if profile.numeric else None
        self.adjust = nn.Sequential(
            nn.LayerNorm(heads * size + width),
            nn.Linear(heads * size + width, hidden),
            nn.GELU(),
            nn.Dropout(config.dropout),
            silent(nn.Linear(hidden, size + 1)),
        )

    def read_profile(self, categorical: Tensor, numeric: Tensor) -> Tensor | None:
        """Sum of the fields: codes [n, fields] with 0 = unknown, numbers [n, fields] with NaN = unknown. [n, size]."""
        parts = [table(categorical[:, number]) for number, table in enumerate(self.categories)]
        if self.numeric is not None:
            missing = numeric.isnan()
            parts.append(self.numeric(torch.cat([numeric.masked_fill(missing, 0.0), missing.to(numeric.dtype)], 1)))
        return torch.stack(parts).sum(0) if parts else None

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
        profile = self.read_profile(categorical, numeric)
        known = flat if profile is None else torch.cat([flat, profile], 1)
        adjustment = self.adjust(known)
        person = F.dropout(self.join(flat) + adjustment[:, :-1], self.config.dropout, self.training)
        person = unit(person) if self.config.similarity == "cosine" else person
        return torch.cat([person, adjustment[:, -1:] * self.config.temperature + self.conformity], 1)


class FusionNetwork(nn.Module):
    """Both towers and the factor between their product and a logit."""

    def __init__(self, config: FusionConfig, n_ids: int, ranks: Sequence[int], profile: ProfileShape) -> None:
        super().__init__()
        self.items = ItemTower(config, n_ids, ranks)
        self.people = PersonTower(config, profile)
        self.log_scale = nn.Parameter(torch.tensor(1 / config.temperature).log())

    def scale(self) -> Tensor:
        """What products of vectors are multiplied with in the loss; at most 100, as in CLIP (Radford et al., 2021)."""
        return self.log_scale.exp().clamp(max=100.0)


def silent(layer: nn.Linear) -> nn.Linear:
    """A layer that starts by saying nothing: zero weights and bias."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def short_norm(size: int) -> nn.LayerNorm:
    """Layer normalisation whose vectors start with length one, as id vectors do, so that no modality drowns another."""
    norm = nn.LayerNorm(size)
    nn.init.constant_(norm.weight, size**-0.5)
    return norm


def unit(vectors: Tensor) -> Tensor:
    """Rows of length one; a row of zeros stays."""
    return F.normalize(vectors, dim=-1, eps=1e-6)

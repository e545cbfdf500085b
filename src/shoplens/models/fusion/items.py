"""The product tower: one vector from whatever modalities a product has."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from shoplens.models.fusion.config import FusionConfig
from shoplens.models.fusion.content import Content
from shoplens.models.fusion.layers import ABSENT, short_norm, silent, unit

ID = "id"  # the modality that every product earns by being bought


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
                short_norm(size, config.start_length),
            )
            for rank in ranks
        )
        self.guesses = nn.ModuleList(silent(nn.Linear(size, 1)) for _ in ranks)
        self.gates = nn.ModuleList(silent(nn.Linear(size, 1)) for _ in range(len(ranks) + 1))
        self.mix = nn.Linear((len(ranks) + 1) * size, size) if config.fusion == "concat" else None
        self.council = ModalityAttention(size, len(ranks) + 1) if config.fusion == "attention" else None

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
        content = parts[..., :-1]
        if self.mix is not None:
            turned = self.mix.weight.view(self.size, -1, self.size)  # [size, modalities, size of a part]
            length = torch.einsum("oms,nms->nmo", turned, content).norm(dim=2) * mask
            return torch.div(length, length.sum(1, keepdim=True).clamp(min=1e-9))
        return self._open(content if self.council is None else self.council(content, mask), mask)

    def _open(self, content: Tensor, mask: Tensor) -> Tensor:
        """The gates, from what the parts say. [n, modalities]."""
        logits = torch.cat([gate(content[:, number]) for number, gate in enumerate(self.gates)], 1).float()
        if self.config.fusion == "sigmoid":
            return logits.sigmoid() * mask
        return logits.masked_fill(~mask, ABSENT).softmax(1) * mask

    def guess(self, parts: Tensor, mask: Tensor) -> Tensor:
        """What content says about a product's appeal, beyond that of newcomers in general. [n]."""
        said: Tensor = (parts[:, 1:, -1] * mask[:, 1:]).sum(1) / mask[:, 1:].sum(1).clamp(min=1)
        return said

    def combine(self, parts: Tensor, mask: Tensor) -> Tensor:
        """One vector a product, zero but for its appeal when it has nothing at all. [n, size + 1]."""
        content = parts[..., :-1]
        if self.mix is not None:
            fused = self.mix((content * mask.unsqueeze(2)).flatten(1)) * mask.any(1, keepdim=True)
        else:
            content = content if self.council is None else self.council(content, mask)
            fused = torch.einsum("nm,nms->ns", self._open(content, mask).to(content.dtype), content)
        fused = unit(fused) if self.config.similarity == "cosine" else fused
        appeal = torch.where(mask[:, 0], parts[:, 0, -1], self.fresh + self.guess(parts, mask))
        return torch.cat([fused, appeal.unsqueeze(1).to(fused.dtype)], 1)


class ModalityAttention(nn.Module):
    """Modalities of one product look at each other before they are weighed: one layer of self-attention, residual.

    What a photo adds can then depend on what the title already said. Absent modalities are not seen.
    """

    def __init__(self, size: int, modalities: int) -> None:
        super().__init__()
        self.kind = nn.Parameter(torch.zeros(modalities, size))  # which modality speaks
        nn.init.normal_(self.kind, std=size**-0.5)
        self.norm = nn.LayerNorm(size)
        self.asked = nn.Linear(size, 3 * size)
        self.answer = silent(nn.Linear(size, size))  # starts as plain gates

    def forward(self, content: Tensor, mask: Tensor) -> Tensor:
        """Parts [n, modalities, size] → the same shape; rows that are absent mean nothing."""
        query, key, value = self.asked(self.norm(content + self.kind)).chunk(3, -1)
        logits = (query @ key.transpose(1, 2)).float() * query.shape[-1] ** -0.5
        weight = logits.masked_fill(~mask.unsqueeze(1), ABSENT).softmax(2).to(value.dtype)
        heard: Tensor = content + self.answer(weight @ value)
        return heard

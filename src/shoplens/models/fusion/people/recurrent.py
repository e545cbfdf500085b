"""A gated recurrent network over packed sequences."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from shoplens.models.fusion.config import FusionConfig
from shoplens.models.fusion.packed import Packed


class RecurrentBody(nn.Module):
    """Layers of GRU, after Hidasi et al. (GRU4Rec, ICLR 2016); the tokens are added to what it remembers."""

    def __init__(self, config: FusionConfig) -> None:
        super().__init__()
        size = config.embedding_size
        self.before = nn.LayerNorm(size)
        self.dropout = nn.Dropout(config.dropout)
        between = config.dropout if config.layers > 1 else 0.0
        self.memory = nn.GRU(size, size, config.layers, batch_first=True, dropout=between)

    def forward(self, tokens: Tensor, history: Packed) -> Tensor:
        """[tokens, size] → [tokens, size]; runs of equal lengths are rectangles without padding."""
        size = tokens.shape[1]
        read = self.dropout(self.before(tokens))
        told = [
            self.memory(read[first : first + number * length].view(number, length, size))[0].reshape(-1, size)
            for first, number, length in history.runs
        ]
        return tokens + self.dropout(torch.cat(told)) if told else tokens

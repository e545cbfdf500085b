"""A causal transformer over packed sequences."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its customary name

from shoplens.models.fusion.config import FusionConfig
from shoplens.models.fusion.packed import Packed


class TransformerBody(nn.Module):
    """Pre-norm layers of causal self-attention, after Kang and McAuley (SASRec, ICDM 2018); learnt positions."""

    def __init__(self, config: FusionConfig) -> None:
        super().__init__()
        self.places = nn.Embedding(config.max_events + 1, config.embedding_size)
        nn.init.normal_(self.places.weight, std=0.1)
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(TransformerLayer(config) for _ in range(config.layers))

    def forward(self, tokens: Tensor, history: Packed) -> Tensor:
        """[tokens, size] → [tokens, size]; a token sees itself and what came before it in its sequence."""
        state: Tensor = self.dropout(tokens + self.places(torch.from_numpy(history.place).to(tokens.device)))
        runs = history.runs
        for layer in self.layers:
            state = layer(state, runs)
        return state


class TransformerLayer(nn.Module):
    """Attention, then a small MLP, both residual."""

    def __init__(self, config: FusionConfig) -> None:
        super().__init__()
        size = config.embedding_size
        self.heads = config.heads
        self.dropout = config.dropout
        self.before = nn.LayerNorm(size)
        self.asked = nn.Linear(size, 3 * size)
        self.joined = nn.Linear(size, size)
        self.between = nn.LayerNorm(size)
        self.wide = nn.Linear(size, config.feedforward * size)
        self.narrow = nn.Linear(config.feedforward * size, size)

    def forward(self, state: Tensor, runs: list[tuple[int, int, int]]) -> Tensor:
        """[tokens, size] → the same."""
        heard = self.joined(self.attend(self.asked(self.before(state)), runs))
        state = state + F.dropout(heard, self.dropout, self.training)
        thought = F.dropout(F.gelu(self.wide(self.between(state))), self.dropout, self.training)
        return state + F.dropout(self.narrow(thought), self.dropout, self.training)

    def attend(self, asked: Tensor, runs: list[tuple[int, int, int]]) -> Tensor:
        """Exact causal attention over each run of equal lengths. [tokens, 3 size] → [tokens, size]."""
        size = asked.shape[1] // 3
        heard = []
        for first, number, length in runs:
            part = asked[first : first + number * length].view(number, length, 3, self.heads, size // self.heads)
            query, key, value = part.permute(2, 0, 3, 1, 4)
            answer = F.scaled_dot_product_attention(query, key, value, is_causal=True)
            heard.append(answer.transpose(1, 2).reshape(number * length, size))
        return heard[0] if len(heard) == 1 else torch.cat(heard) if heard else asked[:, :size]

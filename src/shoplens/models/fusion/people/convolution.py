"""Causal convolutions over packed sequences."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its customary name

from shoplens.models.fusion.config import FusionConfig
from shoplens.models.fusion.packed import Packed


class ConvolutionBody(nn.Module):
    """Residual layers of causal convolution, each reaching twice as far as the one before.

    After Yuan et al. (NextItNet, WSDM 2019), with pre-norm. A layer is one product of a matrix with tokens and those
    that came some places earlier, so sequences need not be rectangles at all.
    """

    def __init__(self, config: FusionConfig) -> None:
        super().__init__()
        size = config.embedding_size
        self.kernel = config.kernel
        self.dropout = nn.Dropout(config.dropout)
        self.norms = nn.ModuleList(nn.LayerNorm(size) for _ in range(config.layers))
        self.wide = nn.ModuleList(
            nn.Linear(config.kernel * size, config.feedforward * size) for _ in range(config.layers)
        )
        self.narrow = nn.ModuleList(nn.Linear(config.feedforward * size, size) for _ in range(config.layers))

    def forward(self, tokens: Tensor, history: Packed) -> Tensor:
        """[tokens, size] → [tokens, size]; before the start of a sequence there are zeros."""
        state: Tensor = self.dropout(tokens)
        place, here = history.place, np.arange(len(history.item))
        step = 1
        for norm, wide, narrow in zip(self.norms, self.wide, self.narrow, strict=True):
            seen = norm(state)
            # One row of zeros at the end stands for everything before the start.
            padded = torch.cat([seen, seen.new_zeros(1, seen.shape[1])])
            back = [np.where(place >= k * step, here - k * step, len(here)) for k in range(self.kernel)]
            taken = torch.cat([padded[torch.from_numpy(index).to(tokens.device)] for index in back], 1)
            state = state + self.dropout(narrow(self.dropout(F.gelu(wide(taken)))))
            step *= 2
        return state

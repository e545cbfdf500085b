"""A gated recurrent network over packed sequences."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its customary name

from shoplens.models.fusion.config import FusionConfig
from shoplens.models.fusion.packed import Packed


class RecurrentBody(nn.Module):
    """Layers of GRU, after Hidasi et al. (GRU4Rec, ICLR 2016); the tokens are added to what it remembers.

    The layers stand apart, with dropout of our own in between: that of cuDNN has random numbers of its own, which no
    seed reaches once they are drawn, so that no fit on a GPU could be repeated or resumed.
    """

    def __init__(self, config: FusionConfig) -> None:
        super().__init__()
        size = config.embedding_size
        self.before = nn.LayerNorm(size)
        self.dropout = nn.Dropout(config.dropout)
        self.memory = nn.ModuleList(nn.GRU(size, size, batch_first=True) for _ in range(config.layers))
        self.register_load_state_dict_pre_hook(_set_apart)  # type: ignore[no-untyped-call]

    def forward(self, tokens: Tensor, history: Packed) -> Tensor:
        """[tokens, size] → [tokens, size]; runs of equal lengths are rectangles without padding."""
        size = tokens.shape[1]
        read = self.dropout(self.before(tokens))
        told = [
            self._remember(read[first : first + number * length].view(number, length, size)).reshape(-1, size)
            for first, number, length in history.runs
        ]
        return tokens + self.dropout(torch.cat(told)) if told else tokens

    def _remember(self, state: Tensor) -> Tensor:
        """[number, length, size] → the same. In float32 also under autocast, which on a GPU would make float16 of it,
        whose small gradients vanish."""
        with torch.autocast(state.device.type, enabled=False):
            state = state.float()
            for number, layer in enumerate(self.memory):
                state = layer(F.dropout(state, self.dropout.p, self.training and number > 0))[0]
        return state


def _set_apart(module: nn.Module, state: dict[str, Any], prefix: str, *rest: Any) -> None:
    """Names of the weights in networks that were saved when all layers were one module: memory.weight_ih_l1."""
    del module, rest
    for name in [name for name in state if name.startswith(f"{prefix}memory.") and not name.endswith("_l0")]:
        kind, _, layer = name.removeprefix(f"{prefix}memory.").rpartition("_l")
        state[f"{prefix}memory.{layer}.{kind}_l0"] = state.pop(name)
    for name in [name for name in state if name.startswith((f"{prefix}memory.weight", f"{prefix}memory.bias"))]:
        state[f"{prefix}memory.0.{name.removeprefix(f'{prefix}memory.')}"] = state.pop(name)

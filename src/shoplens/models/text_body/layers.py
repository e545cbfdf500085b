"""The encoder's upper layers as a module that learns, and how fast each part of a network does."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from shoplens.encoders.e5_torch import TransformerLayer
from shoplens.models.text_body.settings import FineTuning


class UpperLayers(nn.Module):
    """Layers above the cut; while they learn, some of the numbers that they receive are left out."""

    def __init__(self, layers: nn.ModuleList, dropout: float = 0.1) -> None:
        super().__init__()
        self.layers = layers
        self.dropout = dropout

    def forward(self, states: Tensor, present: Tensor) -> Tensor:
        """States at the cut float32 [n, tokens, hidden] and where there are tokens [n, tokens] → final states."""
        states = nn.functional.dropout(states, self.dropout, self.training)
        for layer in self.layers:
            states = layer(states, present)
        return states

    def by_number(self, whole: int) -> dict[int, TransformerLayer]:
        """The layers by their number in the encoder, which has `whole` of them; what `E5Body.with_layers` takes."""
        first = whole - len(self.layers)
        return {first + place: layer for place, layer in enumerate(self.layers)}  # type: ignore[misc]


def parameter_groups(network: nn.Module, upper: UpperLayers, settings: FineTuning) -> list[dict[str, Any]]:
    """Groups for an optimiser: layers slower the lower they are, the rest of `network` quickly; only matrices decay."""
    speed: dict[int, float] = {}
    for below, layer in enumerate(reversed(list(upper.layers))):
        rate = settings.learning_rate * settings.layer_decay**below
        speed |= {id(one): rate for one in layer.parameters()}
    groups: dict[tuple[float, bool], list[Tensor]] = {}
    for one in network.parameters():
        if one.requires_grad:
            groups.setdefault((speed.get(id(one), settings.head_learning_rate), one.ndim > 1), []).append(one)
    return [
        {"params": members, "lr": rate, "rate": rate, "weight_decay": settings.weight_decay if decays else 0.0}
        for (rate, decays), members in groups.items()
    ]


class Average:
    """Exponential moving average of a network's numbers, which steps of the optimiser jump around."""

    def __init__(self, network: nn.Module, share: float) -> None:
        """`share` of the average that stays at each step; 0 = no averaging."""
        self.share, self.steps = share, 0
        self.numbers = {name: value.detach().clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def add(self, network: nn.Module) -> None:
        """Take in the numbers after a step; the first steps count for more, or the start would never be forgotten."""
        self.steps += 1
        share = min(self.share, (1 + self.steps) / (10 + self.steps))
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                self.numbers[name].lerp_(value, 1 - share)
            else:
                self.numbers[name].copy_(value)

"""The smallest thing that fine-tuning can learn: a line."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from shoplens.encoders.hub_device import Hardware
from shoplens.features.align.facets import Codes
from shoplens.learning.finetune.fitting import FitSettings, Fitted, fit


class Slope:
    """Products that check may lie on another line than those that are learnt from."""

    def __init__(self, checked: float = 3.0, *, device: torch.device | None = None) -> None:
        torch.manual_seed(0)
        self.network: nn.Module = nn.Sequential(nn.Linear(1, 1), nn.Dropout(0.1))
        self.projections: nn.Module = nn.Linear(1, 1)
        self.x = torch.linspace(-1, 1, 40, device=device)[:, None]
        self.y = torch.cat([3.0 * self.x[:30], checked * self.x[30:]])

    def batches(self, size: int, random: np.random.Generator) -> list[Codes]:
        order = random.permutation(30)
        return [order[begin : begin + size] for begin in range(0, 30, size)]

    def checks(self, size: int) -> list[Codes]:
        return [np.arange(30, 40)]

    def loss(self, products: Codes, random: np.random.Generator) -> Tensor:
        rows = torch.from_numpy(products).to(self.x.device)
        noise = torch.from_numpy(random.normal(0, 0.01, (len(rows), 1)).astype(np.float32)).to(self.x.device)
        reckoned = self.projections(self.network(self.x[rows])).float() + noise
        loss: Tensor = (reckoned - self.y[rows]).square().mean()
        return loss


def run(task: Slope, hardware: Hardware, epochs: int = 6, **more: object) -> tuple[Fitted, list[float]]:
    """What came of it, and the numbers of the network."""
    settings = FitSettings(epochs=epochs, batch=10, rate=0.05, projection_rate=0.05)
    fitted = fit(task, settings, hardware=hardware, seed=1, **more)  # type: ignore[arg-type]
    return fitted, [value for one in task.network.parameters() for value in one.flatten().tolist()]

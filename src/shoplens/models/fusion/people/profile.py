"""What is known of a person beside the history: profile fields, and the moment of the request."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from shoplens.models.fusion.moments import HOURS, WEEKDAYS

UNTOLD = 0.1  # chance that a training sample does not know its moment, so that requests need not say it


@dataclass(frozen=True, slots=True)
class ProfileShape:
    """What is known about people: number of values of each categorical field, number of numeric fields."""

    categories: tuple[int, ...] = ()
    numeric: int = 0

    def __bool__(self) -> bool:
        return bool(self.categories or self.numeric)


class ProfileReader(nn.Module):
    """Sum of a person's fields; what is missing says that it is missing."""

    def __init__(self, profile: ProfileShape, size: int) -> None:
        super().__init__()
        self.categories = nn.ModuleList(nn.Embedding(count, size, padding_idx=0) for count in profile.categories)
        self.numeric = nn.Linear(2 * profile.numeric, size) if profile.numeric else None

    def forward(self, categorical: Tensor, numeric: Tensor) -> Tensor:
        """Codes [n, fields] with 0 = unknown, numbers [n, fields] with NaN = unknown → [n, size]."""
        parts = [table(categorical[:, number]) for number, table in enumerate(self.categories)]
        if self.numeric is not None:
            missing = numeric.isnan()
            parts.append(self.numeric(torch.cat([numeric.masked_fill(missing, 0.0), missing.to(numeric.dtype)], 1)))
        return torch.stack(parts).sum(0)


class MomentReader(nn.Module):
    """Hour and weekday of a request; starts by saying nothing."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.hour = nn.Embedding(HOURS, size, padding_idx=0)
        self.weekday = nn.Embedding(WEEKDAYS, size, padding_idx=0)
        nn.init.zeros_(self.hour.weight)
        nn.init.zeros_(self.weekday.weight)

    def forward(self, clock: Tensor) -> Tensor:
        """Hour and weekday [n, 2], 0 = unknown → [n, size]."""
        if self.training:
            clock = clock * (torch.rand(len(clock), 1, device=clock.device) >= UNTOLD)
        told: Tensor = self.hour(clock[:, 0]) + self.weekday(clock[:, 1])
        return told

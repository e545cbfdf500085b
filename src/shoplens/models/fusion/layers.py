"""Small pieces that both towers are made of."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its customary name

ABSENT = -1e4  # logit of what is not there: far below any real one, and finite when nothing is


def silent(layer: nn.Linear) -> nn.Linear:
    """A layer that starts by saying nothing: zero weights and bias."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def short_norm(size: int, length: float = 1.0) -> nn.LayerNorm:
    """Layer normalisation whose vectors start with a length, that of id vectors, so that no modality drowns another."""
    norm = nn.LayerNorm(size)
    nn.init.constant_(norm.weight, length * size**-0.5)
    return norm


def unit(vectors: Tensor) -> Tensor:
    """Rows of length one; a row of zeros stays."""
    return F.normalize(vectors, dim=-1, eps=1e-6)

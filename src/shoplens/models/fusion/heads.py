"""What is asked of a person and a product: two exchangeable heads on the same two towers.

Both read the vectors that the towers give and answer with a logit, never with a probability, because that is what
binary cross-entropy with logits and BPR take; the sigmoid is applied once, when somebody asks for a probability.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from shoplens.models.fusion.layers import silent
from shoplens.models.fusion.people.profile import ProfileReader, ProfileShape


class DotHead(nn.Module):
    """The product of both vectors, as retrieval ranks by, and a constant that turns it into a logit.

    It cannot read the context: the answer has to be a product of one vector a person and one a product.
    """

    def __init__(self, size: int, context: ProfileShape, *, hidden_size: int, dropout: float) -> None:
        super().__init__()
        del size, context, hidden_size, dropout  # the same arguments as the other head, so that they are exchangeable
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, person: Tensor, product: Tensor, scale: Tensor, codes: Tensor, numbers: Tensor) -> Tensor:
        """Logits [n] of pairs of vectors [n, size + 1]; `scale` is the network's."""
        del codes, numbers
        return (person * product).sum(1) * scale + self.bias


class PointwiseHead(nn.Module):
    """ŷ = M(x, a, p): an MLP over the person, the product, their element-wise product and the context of the row.

    The element-wise product gives the MLP the interaction that it would learn badly by itself (Rendle et al., RecSys
    2020). What it says is added to the dot product and starts at zero, so that a body trained for retrieval answers
    as before until this head has learnt better.
    """

    def __init__(self, size: int, context: ProfileShape, *, hidden_size: int, dropout: float) -> None:
        super().__init__()
        self.size = size
        self.context = ProfileReader(context, hidden_size) if context else None
        self.layers = nn.Sequential(
            nn.Linear(3 * (size + 1) + (hidden_size if context else 0), hidden_size),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden_size, hidden_size // 2),
            nn.GELU(),
            nn.Dropout(dropout),
            silent(nn.Linear(hidden_size // 2, 1)),
        )
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, person: Tensor, product: Tensor, scale: Tensor, codes: Tensor, numbers: Tensor) -> Tensor:
        """Logits [n] of pairs of vectors [n, size + 1] with context codes and numbers [n, fields]."""
        together = person * product
        root = self.size**0.5  # vectors have length one: entries of about one are what a linear layer is started for
        known = [person * root, product * root, together * self.size]
        if self.context is not None:
            known.append(self.context(codes, numbers))
        answer: Tensor = together.sum(1) * scale + self.bias + self.layers(torch.cat(known, 1)).squeeze(1)
        return answer


HEADS: dict[str, type[DotHead] | type[PointwiseHead]] = {"dot": DotHead, "pointwise": PointwiseHead}

"""The graph of who bought what, and vectors of products spread over it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from shoplens.models.fusion.batches import Ints
from shoplens.models.fusion.layers import unit


@dataclass(frozen=True, slots=True)
class PurchaseGraph:
    """Purchases as a sparse matrix, each one divided by the root of the degrees of its person and its product."""

    people: Tensor  # CSR [n_users, n_items]
    products: Tensor  # CSR [n_items, n_users], the same turned

    @classmethod
    def of(cls, user: Ints, item: Ints, n_users: int, n_items: int, device: torch.device) -> PurchaseGraph:
        """The graph of distinct pairs."""
        users, items = np.bincount(user, minlength=n_users), np.bincount(item, minlength=n_items)
        value = 1 / np.sqrt(users[user] * items[item])
        there = sparse.csr_array((value.astype(np.float32), (user, item)), shape=(n_users, n_items))
        return cls(_tensor(there, device), _tensor(sparse.csr_array(there.T), device))

    def spread(self, start: Tensor, layers: int) -> Tensor:
        """Sum over 1 to `layers` of unit vectors after that many walks product → person → product. [n_items, size].

        Propagation without weights in between, as in LightGCN (He et al., SIGIR 2020). Products that nobody bought
        stay at zero. In float32 wherever it is called: there are no sparse products in bfloat16.
        """
        there, back = self.people, self.products
        start = start.float()
        total = torch.zeros_like(start)
        with torch.autocast(start.device.type, enabled=False):
            for _ in range(layers):
                start = _Product.apply(back, there, _Product.apply(there, back, start))  # type: ignore[no-untyped-call]
                total = total + unit(start)
        return total


class _Product(torch.autograd.Function):
    """Sparse constant times dense variable. The turned matrix is at hand, so that going back needs no transposing."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, turned: Tensor, dense: Tensor) -> Tensor:
        ctx.turned = turned
        return matrix @ dense

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, Tensor]:
        return None, None, ctx.turned @ gradients[0].contiguous()


def _tensor(matrix: sparse.csr_array, device: torch.device) -> Tensor:
    with warnings.catch_warnings():  # torch says that its CSR support is young; what is used here is tested
        warnings.simplefilter("ignore", UserWarning)
        return torch.sparse_csr_tensor(
            torch.from_numpy(matrix.indptr.astype(np.int64)),
            torch.from_numpy(matrix.indices.astype(np.int64)),
            torch.from_numpy(matrix.data),
            size=matrix.shape,
            check_invariants=True,
        ).to(device)

"""The graph that `e5_graph.write_e5` wrote, computed in bfloat16 where the processor multiplies matrices of it (AMX).

There many tokens at once take half the time that ONNX Runtime takes in int8, few take longer. The weights are the
graph's own, and what is added up is rounded less: its vectors are nearer to those of fp32 than the graph's are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from threadpoolctl import ThreadpoolController
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its customary name

from shoplens.encoders.in_order import in_order
from shoplens.encoders.session import has_bfloat16_tiles
from shoplens.encoders.text_rows import Ints, TextRows, laid_out

TOKENS_A_BATCH = 2_560  # padded: large products take an eighth less a token than those of 1,024; half a turn of posts

Floats = npt.NDArray[np.float32]
Arrays = Mapping[str, npt.NDArray[Any]]


class E5Matrices:
    """Layers and tables of a graph. Several threads may use it at once."""

    def __init__(self, arrays: Arrays, heads: int, epsilon: float, dtype: torch.dtype) -> None:
        """`arrays`: the graph's constants by name."""
        self.dtype = dtype
        self._words, self._scales = arrays["words"], arrays.get("word_scales")
        self._places = torch.from_numpy(arrays["places"].copy())
        self._normalise = _Normaliser(arrays["emb.ln.w"], arrays["emb.ln.b"], epsilon, torch.float32)
        count = 1 + max(int(found[1]) for name in arrays if (found := re.fullmatch(r"l(\d+)\.qkv\.w", name)))
        self.layers = [_Layer(arrays, f"l{number}", heads, epsilon, dtype) for number in range(count)]

    @property
    def depth(self) -> int:
        """How many layers there are."""
        return len(self.layers)

    @classmethod
    def open(cls, graph: Path, dtype: torch.dtype | None = None) -> Self:
        """`dtype`: what is computed in; None = bfloat16 where it is fast, else float32. Takes a second."""
        content = onnx.load(str(graph)).graph
        arrays = {one.name: numpy_helper.to_array(one) for one in content.initializer}
        told = {
            attribute.name: attribute for node in content.node if node.op_type in _TOLD for attribute in node.attribute
        }
        chosen = dtype or (torch.bfloat16 if has_bfloat16_tiles() else torch.float32)
        return cls(arrays, int(told["num_heads"].i), float(told["epsilon"].f), chosen)

    def run(
        self, ids: Sequence[Sequence[int] | Ints], wanted: Sequence[int], *, threads: int = 1
    ) -> Iterator[tuple[TextRows, list[Floats]]]:
        """Batches of lists of token ids, and for each of the wanted layers the states after it of all their tokens,
        text by text as `TextRows.texts` says: float32 [sum of lengths, hidden]. 0 = before the first layer.

        `threads` batches are computed side by side, each on one core: cores that share a batch wait for one another.
        """
        batches = laid_out(ids, TOKENS_A_BATCH, threads)
        return in_order(lambda batch: (batch, self._states(batch, wanted)), batches, threads)

    def _states(self, batch: TextRows, wanted: Sequence[int]) -> list[Floats]:
        with _on_one_core(), torch.inference_mode():
            owners = torch.from_numpy(batch.owners)
            # Tokens see those of their own text; places without a token see one another: nobody sees nothing.
            apart = owners[:, :, None] != owners[:, None, :]
            bias = torch.zeros(apart.shape, dtype=self.dtype).masked_fill_(apart, -torch.inf)[:, None]
            there = torch.from_numpy(np.flatnonzero(batch.owners.ravel() >= 0))
            x = self._normalise(self._embedded(batch.ids) + self._places[torch.from_numpy(batch.places)])
            x = x.to(self.dtype)
            found = {0: x}
            for number, layer in enumerate(self.layers[: max(wanted, default=0)], start=1):
                x = layer(x, bias)
                if number in wanted:
                    found[number] = x
            return [found[number].flatten(0, 1)[there].float().numpy() for number in wanted]

    def _embedded(self, ids: Ints) -> Tensor:
        words = self._words[ids].astype(np.float32)
        return torch.from_numpy(words if self._scales is None else words * self._scales[ids])


_TOLD = ("MultiHeadAttention", "LayerNormalization")  # nodes whose attributes say what the constants do not


class _Layer:
    """Attention and feed-forward, each added to its input and normalised after it. `e5_torch.TransformerLayer`, which
    learns, says the same; this one only answers, with weights laid out once, and its texts share rows."""

    def __init__(self, arrays: Arrays, at: str, heads: int, epsilon: float, dtype: torch.dtype) -> None:
        self._heads = heads
        self._qkv, self._out, self._wide, self._narrow = (
            _Product(_weight(arrays, f"{at}.{name}"), arrays[f"{at}.{bias}.b"], dtype)
            for name, bias in (("qkv", "qkv"), ("out", "ao"), ("wide", "fi"), ("narrow", "fo"))
        )
        root = self._out.width**0.5  # gains are kept times this
        self._after_attention, self._after_feeding = (
            _Normaliser(arrays[f"{at}.{name}.gain"] / root, arrays[f"{at}.{name}.b"], epsilon, dtype)
            for name in ("aln", "oln")
        )

    def __call__(self, x: Tensor, bias: Tensor) -> Tensor:
        """States [rows, width, hidden]; `bias` of attention [rows, 1, width, width]."""
        rows, width, hidden = x.shape
        query, key, value = self._qkv(x).view(rows, width, 3, self._heads, -1).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(query, key, value, bias)
        x = self._after_attention(self._out.added_to(x, attended.transpose(1, 2).reshape(rows, width, hidden)))
        return self._after_feeding(self._narrow.added_to(x, F.gelu(self._wide(x))))


class _Product:
    """x Wᵀ + b, with weights that lie as the processor wants them: laid out at each call they cost a third of it."""

    def __init__(self, weight: Floats, bias: npt.NDArray[Any], dtype: torch.dtype) -> None:
        self.width = len(weight)
        self._weight = torch.from_numpy(weight).to(dtype)
        self._bias = torch.from_numpy(np.array(bias, np.float32)).to(dtype)
        # What torch's own compiler calls; torch is pinned. Where there is no oneDNN, the plain way says the same.
        self._fused: Any = torch.ops.mkldnn if torch._C._has_mkldnn else None
        if self._fused is not None:
            self._weight = self._fused._reorder_linear_weight(self._weight)

    def __call__(self, x: Tensor) -> Tensor:
        if self._fused is None:
            return F.linear(x, self._weight, self._bias)
        made: Tensor = self._fused._linear_pointwise(x, self._weight, self._bias, "none", [], "")
        return made

    def added_to(self, base: Tensor, x: Tensor) -> Tensor:
        """`base` + the product, rounded once."""
        if self._fused is None:
            return base + F.linear(x, self._weight, self._bias)
        made: Tensor = self._fused._linear_pointwise.binary(x, base, self._weight, self._bias, "add")
        return made


class _Normaliser:
    def __init__(self, gain: npt.NDArray[Any], bias: npt.NDArray[Any], epsilon: float, dtype: torch.dtype) -> None:
        self._gain, self._bias = (torch.from_numpy(np.array(one, np.float32)).to(dtype) for one in (gain, bias))
        self._epsilon = epsilon

    def __call__(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, self._gain.shape, self._gain, self._bias, self._epsilon)


def _weight(arrays: Arrays, name: str) -> Floats:
    """[out, in]"""
    weight = arrays[f"{name}.w"].T.astype(np.float32)
    scales = arrays.get(f"{name}.scales")
    return np.ascontiguousarray(weight if scales is None else weight * scales[:, None])


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()


def _on_one_core() -> AbstractContextManager[Any]:
    """What torch computes in this thread stays in it; other threads keep their number."""
    torch.get_num_threads()  # a thread takes over torch's number at its first call: before ours, not after
    limited: AbstractContextManager[Any] = _threads().limit(limits=1, user_api="openmp")
    return limited

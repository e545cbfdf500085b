"""What `served.write_body` wrote, computed in bfloat16 where the processor multiplies matrices of it (AMX).

There it is faster than int8 by ONNX Runtime. The numbers are those of the graph, and what is added up is rounded less.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from shoplens.encoders.e5_torch import TransformerLayer, padded
from shoplens.encoders.packed_e5 import Sizes
from shoplens.encoders.text import LONGEST, E5Tokens, batches_by_length
from shoplens.errors import ModelFileError
from shoplens.models.text_body.served import FILES, Batch, Ints, ServedBody

TOKENS_A_BATCH = 2_048  # padded: large enough for whole tiles of a matrix; half as many take a seventh longer a token

Arrays = Mapping[str, npt.NDArray[Any]]


def open_states(folder: Path, *, threads: int | None = None) -> ServedBody | MatrixBody:
    """What gives states of tokens fastest here. `threads`: of ONNX Runtime; torch has its own number."""
    if torch.cpu.get_capabilities().get("amx_bf16"):
        return MatrixBody.open(folder)
    return ServedBody.open(folder, threads=threads)


class MatrixBody:
    """Layers and tables of a graph. Several threads may use it at once."""

    def __init__(self, tokens: E5Tokens, arrays: Arrays, heads: int, epsilon: float) -> None:
        """`arrays`: the graph's constants by name, see `encoders.e5_graph`."""
        self.tokens = tokens
        hidden, wide = arrays["l0.wide.w"].shape
        count = 1 + max(int(found[1]) for name in arrays if (found := re.fullmatch(r"l(\d+)\.qkv\.w", name)))
        self._words, self._scales = arrays["words"], arrays.get("word_scales")
        sizes = Sizes(hidden, count, heads, wide, len(self._words), len(arrays["places"]), epsilon)
        self._places = torch.from_numpy(arrays["places"].copy())
        self._normalise = nn.LayerNorm(hidden, eps=epsilon)
        _fill(self._normalise, arrays["emb.ln.w"], arrays["emb.ln.b"])
        self._layers = nn.ModuleList(_layer(arrays, f"l{number}", sizes) for number in range(count))
        self._layers.to(torch.bfloat16).eval().requires_grad_(requires_grad=False)
        if torch.ops.mkldnn._is_mkldnn_bf16_supported():
            for layer in self._layers:
                for name in ("qkv", "out", "wide", "narrow"):
                    setattr(layer, name, LaidOut(getattr(layer, name)))

    @classmethod
    def open(cls, folder: Path, *, longest: int = LONGEST) -> Self:
        """ModelFileError when a file is missing or cannot be read."""
        try:
            graph = onnx.load(str(folder / FILES[0])).graph
            arrays = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
            told = {
                attribute.name: attribute
                for node in graph.node
                if node.op_type in _TOLD
                for attribute in node.attribute
            }
            tokens = E5Tokens.read(folder / FILES[1], folder / FILES[2], longest)
            return cls(tokens, arrays, int(told["num_heads"].i), float(told["epsilon"].f))
        except Exception as error:  # protobuf and tokenizers raise kinds of their own
            raise ModelFileError(f"{folder} does not hold a fine-tuned encoder ({error}); train it again") from error

    def run(self, ids: Sequence[Sequence[int] | Ints], outputs: Sequence[str]) -> Iterator[Batch]:
        """See `ServedBody.run`; of the outputs, states (`states_NUMBER`)."""
        wanted = [int(name.removeprefix("states_")) for name in outputs]
        for rows in batches_by_length([len(one) for one in ids], TOKENS_A_BATCH):
            states, present = self._states([np.asarray(ids[row], np.int64) for row in rows], wanted)
            yield rows, states, present

    @torch.inference_mode()
    def _states(
        self, rows: Sequence[Ints], wanted: Sequence[int]
    ) -> tuple[list[npt.NDArray[np.float32]], npt.NDArray[np.bool_]]:
        words, present = padded(rows)
        x: Tensor = (self._normalise(self._embedded(words.numpy()) + self._places[: words.shape[1]])).bfloat16()
        found = {0: x}
        for number, layer in enumerate(self._layers, start=1):
            x = layer(x, present)
            if number in wanted:
                found[number] = x
        return [found[number].float().numpy() for number in wanted], present.numpy()

    def _embedded(self, ids: Ints) -> Tensor:
        words = self._words[ids].astype(np.float32)
        return torch.from_numpy(words if self._scales is None else words * self._scales[ids])


class LaidOut(nn.Module):
    """A linear layer whose weights lie as oneDNN's tiles read them. Otherwise each product lays them out anew, which is
    a third of its time."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self._weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), TOKENS_A_BATCH)
        self._bias = linear.bias.detach()

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] → [..., out]"""
        product: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._weight, self._bias, "none", [], "")
        return product


_TOLD = ("MultiHeadAttention", "LayerNormalization")  # nodes whose attributes say what the constants do not


def _layer(arrays: Arrays, at: str, sizes: Sizes) -> TransformerLayer:
    layer = TransformerLayer(sizes)
    for module, name, bias in (
        (layer.qkv, "qkv", "qkv"),
        (layer.out, "out", "ao"),
        (layer.wide, "wide", "fi"),
        (layer.narrow, "narrow", "fo"),
    ):
        weight = arrays[f"{at}.{name}.w"].T.astype(np.float32)  # [out, in]
        scales = arrays.get(f"{at}.{name}.scales")
        _fill(module, weight if scales is None else weight * scales[:, None], arrays[f"{at}.{bias}.b"])
    for normaliser, name in ((layer.after_attention, "aln"), (layer.after_feeding, "oln")):
        gain = np.asarray(arrays[f"{at}.{name}.gain"] / sizes.hidden**0.5, np.float32)  # kept times this root
        _fill(normaliser, gain, arrays[f"{at}.{name}.b"])
    return layer


def _fill(module: nn.Linear | nn.LayerNorm, weight: npt.NDArray[np.float32], bias: npt.NDArray[np.float32]) -> None:
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(np.array(weight, np.float32)))
        module.bias.copy_(torch.from_numpy(np.array(bias, np.float32)))

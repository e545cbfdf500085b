"""Builds multilingual-e5-small as an ONNX graph, straight from its packed weights: no tracing, no torch, seconds.

The network is BERT (Devlin et al. 2019, arXiv:1810.04805) trained as E5 (Wang et al. 2024, arXiv:2402.05672): mean over
tokens, unit length. ONNX Runtime's fused operators (domain com.microsoft) do attention and the activation.

int8 quantises each activation row (one token) by its own largest value, and each weight column by its own. The usual
dynamic quantisation takes one scale for the whole batch, so that a text's vector depends on its neighbours in the batch
(cosine down to .993 here); by rows the same text gives the same vector in any batch, and is closer to fp32 (.999).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from shoplens.encoders.packed_e5 import Sizes

FUSED = "com.microsoft"
OPSET = 21
IR_VERSION = 10  # what an ONNX Runtime of 2024 still reads
LEAST_OF_GELU = 0.17  # no value of GELU is below minus this: the largest magnitude is found without taking magnitudes


class E5Weights(Protocol):
    """The network's numbers by name: those of the package (`PackedE5`), or some of them learnt anew."""

    @property
    def sizes(self) -> Sizes:
        """Shape of the network."""
        ...

    def plain(self, name: str) -> npt.NDArray[np.float32]:
        """A vector, flat."""
        ...

    def unpacked(self, name: str, width: int) -> npt.NDArray[np.float32]:
        """A matrix [rows, width]."""
        ...


def write_e5(packed: E5Weights, precision: str, file: Path, *, states: Sequence[int] = ()) -> None:
    """Write the graph: input_ids, attention_mask int64 [batch, tokens] → embedding float32 [batch, hidden].

    `states`: numbers of layers after which the states of all tokens are given too, as `states_NUMBER` float32 [batch,
    tokens, hidden]; 0 = as the first layer receives them.
    """
    builder = _Builder(packed, precision)
    builder.network(states)
    hidden = packed.sizes.hidden
    more = [
        helper.make_tensor_value_info(f"states_{n}", TensorProto.FLOAT, ["batch", "tokens", hidden]) for n in states
    ]
    graph = helper.make_graph(
        builder.nodes,
        "multilingual-e5-small",
        [
            helper.make_tensor_value_info(n, TensorProto.INT64, ["batch", "tokens"])
            for n in ("input_ids", "attention_mask")
        ],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", hidden]), *more],
        builder.constants,
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(FUSED, 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION), str(file))


class _Builder:
    """Collects nodes and constants; each method returns the name of its result."""

    def __init__(self, packed: E5Weights, precision: str) -> None:
        self.packed = packed
        self.sizes = packed.sizes
        self.quantised = precision == "int8"
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, value: npt.NDArray[Any] | np.generic) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value).reshape(np.shape(value)), name))
        return name

    def node(self, kind: str, inputs: Sequence[str], output: str, *, domain: str = "", **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, list(inputs), [output], domain=domain, **attributes))
        return output

    def network(self, states: Sequence[int]) -> None:
        """Everything from token ids to the unit vector, and the states after some layers."""
        self.constant("last_axis", np.array([-1], np.int64))
        self.constant("width_epsilon", np.float32(self.sizes.hidden * self.sizes.epsilon))
        if self.quantised:
            self.constant("step", np.float32(1 / 127))
            self.constant("middle", np.uint8(128))
            self.constant("least_of_gelu", np.float32(LEAST_OF_GELU))
        x = self.embeddings()
        self.node("Cast", ["attention_mask"], "key_mask", to=TensorProto.INT32)
        for layer in range(self.sizes.layers + 1):
            x = self.layer(layer - 1, x) if layer else x
            if layer in states:
                self.node("Identity", [x], f"states_{layer}")
        self.node("Cast", ["attention_mask"], "mask", to=TensorProto.FLOAT)
        self.node("Unsqueeze", ["mask", "last_axis"], "mask_3d")
        self.node("Mul", [x, "mask_3d"], "masked")
        self.node("ReduceSum", ["masked", self.constant("token_axis", np.array([1], np.int64))], "sum", keepdims=0)
        self.node("LpNormalization", ["sum"], "embedding", axis=-1, p=2)  # of the sum = of the mean

    def embeddings(self) -> str:
        """Word + position + type, normalised."""
        hidden = self.sizes.hidden
        words = self.packed.unpacked("emb.word", hidden)
        if self.quantised:
            scale = np.abs(words).max(axis=1, keepdims=True) / 127
            scale[scale == 0] = 1
            self.node(
                "Gather", [self.constant("words", np.rint(words / scale).astype(np.int8)), "input_ids"], "word_int"
            )
            self.node("Cast", ["word_int"], "word_float", to=TensorProto.FLOAT)
            self.node("Gather", [self.constant("word_scales", scale.astype(np.float32)), "input_ids"], "word_scale")
            self.node("Mul", ["word_float", "word_scale"], "word")
        else:
            self.node("Gather", [self.constant("words", words), "input_ids"], "word")
        place = self.packed.plain("emb.pos").reshape(-1, hidden) + self.packed.plain("emb.type")[:hidden]
        self.node("Shape", ["input_ids"], "tokens", start=1, end=2)
        start = self.constant("start", np.array([0], np.int64))
        self.node("Slice", [self.constant("places", place), start, "tokens"], "place")
        self.node("Add", ["word", "place"], "embedded")
        inputs = ["embedded", self.plain("emb.ln.w"), self.plain("emb.ln.b")]
        return self.node("LayerNormalization", inputs, "layer_in", axis=-1, epsilon=self.sizes.epsilon)

    def layer(self, number: int, x: str) -> str:
        """Attention and feed-forward, each added to its input and normalised."""
        at, hidden = f"l{number}", self.sizes.hidden
        if number == 0:
            self.constant("thirds", np.array([hidden] * 3, np.int64))
        joined = self.product(x, [f"{at}.q", f"{at}.k", f"{at}.v"], hidden, f"{at}.qkv")
        parts = [f"{at}.queries", f"{at}.keys", f"{at}.values"]
        self.nodes.append(helper.make_node("Split", [joined, "thirds"], parts, axis=-1))
        bias = self.constant(f"{at}.qkv.b", np.concatenate([self.packed.plain(f"{at}.{one}.b") for one in "qkv"]))
        attended = self.node(
            "MultiHeadAttention", [*parts, bias, "key_mask"], f"{at}.attended", domain=FUSED, num_heads=self.sizes.heads
        )
        x = self.add_and_normalise(
            x, self.product(attended, [f"{at}.ao"], hidden, f"{at}.out"), f"{at}.ao", f"{at}.aln"
        )
        wide = self.product(x, [f"{at}.fi"], hidden, f"{at}.wide")
        active = self.node("BiasGelu", [wide, self.plain(f"{at}.fi.b")], f"{at}.active", domain=FUSED)
        narrow = self.product(active, [f"{at}.fo"], self.sizes.feed_forward, f"{at}.narrow", after_gelu=True)
        return self.add_and_normalise(x, narrow, f"{at}.fo", f"{at}.oln")

    def product(self, x: str, names: Sequence[str], width: int, output: str, *, after_gelu: bool = False) -> str:
        """X times the weights of `names` side by side, without their biases."""
        weights = np.concatenate([self.packed.unpacked(f"{name}.w", width) for name in names])  # [out, in]
        if not self.quantised:
            return self.node("MatMul", [x, self.constant(f"{output}.w", weights.T)], output)
        scale = (np.abs(weights).max(axis=1) / 127).astype(np.float32)  # [out]
        if after_gelu:
            self.node("ReduceMax", [x, "last_axis"], f"{output}.most", keepdims=1)
            self.node("Max", [f"{output}.most", "least_of_gelu"], f"{output}.largest")
        else:
            self.node("Abs", [x], f"{output}.abs")
            self.node("ReduceMax", [f"{output}.abs", "last_axis"], f"{output}.largest", keepdims=1)
        self.node("Reciprocal", [f"{output}.largest"], f"{output}.shrinkage")  # one division a token, not one a number
        self.node("Mul", [x, f"{output}.shrinkage"], f"{output}.scaled")
        self.node("QuantizeLinear", [f"{output}.scaled", "step", "middle"], f"{output}.int")
        rounded = self.constant(f"{output}.w", np.rint(weights / scale[:, None]).astype(np.int8).T)
        scales = self.constant(f"{output}.scales", scale)
        inputs = [f"{output}.int", rounded, "step", scales, "middle"]
        self.node("MatMulIntegerToFloat", inputs, f"{output}.unscaled", domain=FUSED)
        return self.node("Mul", [f"{output}.unscaled", f"{output}.largest"], output)

    def add_and_normalise(self, x: str, update: str, bias_of: str, normaliser: str) -> str:
        """LayerNorm(x + update + bias), spelt out: the fused operator's kernel takes four times as long."""
        at = normaliser
        self.node("Add", [update, self.plain(f"{bias_of}.b")], f"{at}.biased")
        self.node("Add", [x, f"{at}.biased"], f"{at}.sum")
        self.node("ReduceMean", [f"{at}.sum", "last_axis"], f"{at}.mean", keepdims=1)
        self.node("Sub", [f"{at}.sum", f"{at}.mean"], f"{at}.centred")
        self.node("ReduceSumSquare", [f"{at}.centred", "last_axis"], f"{at}.squares", keepdims=1)
        self.node("Add", [f"{at}.squares", "width_epsilon"], f"{at}.padded")
        self.node("Sqrt", [f"{at}.padded"], f"{at}.length")
        self.node("Reciprocal", [f"{at}.length"], f"{at}.shrinkage")
        self.node("Mul", [f"{at}.centred", f"{at}.shrinkage"], f"{at}.unit")
        # length² = width × (variance + epsilon): the root of the width goes into the weights.
        gain = self.constant(f"{at}.gain", self.packed.plain(f"{at}.w") * np.float32(self.sizes.hidden**0.5))
        self.node("Mul", [f"{at}.unit", gain], f"{at}.scaled")
        return self.node("Add", [f"{at}.scaled", self.plain(f"{at}.b")], f"{at}.x")

    def plain(self, name: str) -> str:
        return self.constant(name, self.packed.plain(name))

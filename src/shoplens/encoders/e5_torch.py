"""multilingual-e5-small as a torch module, cut in two: lower layers that stay as they are, upper ones that may learn.

The same verified file as everywhere (`encoders.text.WEIGHTS`). The word table, 96 of the network's 118 million numbers,
stays packed: four bits a number, the rows of a batch are unpacked when it is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its customary name

from shoplens.encoders.packed_e5 import PackedE5, Sizes, read_packed_e5
from shoplens.encoders.text import WEIGHTS, E5Tokens, as_rectangle, batches_by_length

REVISION = "1"  # of tokenizer and layers: what was learnt on top of them depends on it
TOKENS_A_BATCH = 4_096  # padded; a layer's widest activation is then 4,096 × 1,536 numbers


class Body(Protocol):
    """A text transformer that can be cut: token ids → word vectors → layers, one after another."""

    name: str  # with the version: what was learnt on top belongs to this body and no other
    sizes: Sizes

    def tokens(self, texts: Sequence[str], longest: int) -> list[npt.NDArray[np.int64]]:
        """Token ids of each text, at most `longest`."""
        ...

    def embed(self, ids: Tensor) -> Tensor:
        """Input of the first layer for ids [n, tokens]; float32 [n, tokens, hidden]."""
        ...

    def layer(self, number: int) -> TransformerLayer:
        """A new module with the pretrained weights of that layer."""
        ...


class Packed(Protocol):
    """Pretrained numbers by name, as `e5_graph.E5Weights` has them, and the table of words by rows."""

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

    def unpacked_rows(self, name: str, width: int, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Some rows of a matrix."""
        ...


class TransformerLayer(nn.Module):
    """Self-attention and feed-forward, each added to its input and normalised after it (Devlin et al., 2019)."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.heads = sizes.heads
        self.qkv = nn.Linear(sizes.hidden, 3 * sizes.hidden)
        self.out = nn.Linear(sizes.hidden, sizes.hidden)
        self.wide = nn.Linear(sizes.hidden, sizes.feed_forward)
        self.narrow = nn.Linear(sizes.feed_forward, sizes.hidden)
        self.after_attention = nn.LayerNorm(sizes.hidden, eps=sizes.epsilon)
        self.after_feeding = nn.LayerNorm(sizes.hidden, eps=sizes.epsilon)

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """States [n, tokens, hidden] after the layer; `present`: bool [n, tokens]."""
        return self.finish(x, attend(*self.heads_of(x), present))

    def heads_of(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each [n, heads, tokens, hidden / heads]."""
        n, tokens, hidden = x.shape
        query, key, value = self.qkv(x).view(n, tokens, 3, self.heads, hidden // self.heads).permute(2, 0, 3, 1, 4)
        return query, key, value

    def finish(self, x: Tensor, attended: Tensor) -> Tensor:
        """What follows attention, from what it found: [n, heads, tokens, hidden / heads] → [n, tokens, hidden]."""
        x = self.after_attention(x + self.out(attended.transpose(1, 2).flatten(2)))
        return self.after_feeding(x + self.narrow(F.gelu(self.wide(x))))  # type: ignore[no-any-return]


def attend(query: Tensor, key: Tensor, value: Tensor, present: Tensor) -> Tensor:
    """What tokens find among others: [n, heads, tokens, size] and twice [n, heads, others, size], `present` bool
    [n, others] → [n, heads, tokens, size].

    The way back through torch's fused attention takes ten times as long in bfloat16 on a CPU as through these products,
    which was half of all fine-tuning.
    """
    if not (query.requires_grad and query.dtype is torch.bfloat16 and query.device.type == "cpu"):
        return F.scaled_dot_product_attention(query, key, value, present[:, None, None, :])
    shape = query.shape
    query, key, value = (one.flatten(0, 1) for one in (query, key, value))
    absent = torch.zeros(present.shape, dtype=query.dtype).masked_fill(~present, torch.finfo(query.dtype).min)
    bias = absent.repeat_interleave(shape[1], 0).unsqueeze(1)  # [n * heads, 1, others]
    scores = torch.baddbmm(bias, query, key.transpose(1, 2), alpha=shape[3] ** -0.5)
    return (scores.softmax(2).to(value.dtype) @ value).view(shape)


class E5Body:
    """The built-in encoder's weights. Opening it takes a second or two and 130 MB."""

    name = f"e5-small/{WEIGHTS.version}-{REVISION}"
    query_prefix = "query: "  # how it reads what people say

    def __init__(self, packed: Packed | None = None) -> None:
        """`packed`: other weights than the package's. ModelFileError when its file is missing or altered."""
        self._packed: Packed = packed if packed is not None else read_packed_e5(WEIGHTS.locate())
        self.sizes = self._packed.sizes
        self._tokens: dict[int, E5Tokens] = {}
        hidden = self.sizes.hidden
        place = self._packed.plain("emb.pos").reshape(-1, hidden) + self._packed.plain("emb.type")[:hidden]
        self._place = torch.from_numpy(place)
        self._normalise = nn.LayerNorm(hidden, eps=self.sizes.epsilon).requires_grad_(False)
        _fill(self._normalise, self._packed.plain("emb.ln.w"), self._packed.plain("emb.ln.b"))

    def tokens(self, texts: Sequence[str], longest: int, prefix: str = "passage: ") -> list[npt.NDArray[np.int64]]:
        """See `Body`; texts are read as products, with "query: " as what shoppers type."""
        return [np.array(ids, np.int64) for ids in self.reading(longest).ids(texts, prefix)]

    def reading(self, longest: int) -> E5Tokens:
        """What turns texts into token ids, at most `longest` of each."""
        if longest not in self._tokens:
            assert isinstance(self._packed, PackedE5)  # others say for themselves how they read
            self._tokens = {longest: E5Tokens.of(self._packed, longest)}
        return self._tokens[longest]

    def embed(self, ids: Tensor) -> Tensor:
        """See `Body`."""
        rows, inverse = np.unique(ids.numpy(), return_inverse=True)
        words = torch.from_numpy(self._packed.unpacked_rows("emb.word", self.sizes.hidden, rows))
        embedded: Tensor = self._normalise(
            F.embedding(torch.from_numpy(inverse.reshape(ids.shape)), words) + self._place[: ids.shape[1]]
        )
        return embedded

    def with_layers(self, layers: Mapping[int, TransformerLayer]) -> LearntE5:
        """The weights to write as a graph, those of `layers` (number → layer) instead of the package's."""
        learnt: dict[str, npt.NDArray[np.float32]] = {}
        for number, layer in layers.items():
            learnt |= _named(f"l{number}", layer)
        return LearntE5(self._packed, learnt)

    def layer(self, number: int) -> TransformerLayer:
        """See `Body`."""
        packed, at, sizes = self._packed, f"l{number}", self.sizes
        layer = TransformerLayer(sizes)
        _fill(
            layer.qkv,
            np.concatenate([packed.unpacked(f"{at}.{one}.w", sizes.hidden) for one in "qkv"]),
            np.concatenate([packed.plain(f"{at}.{one}.b") for one in "qkv"]),
        )
        _fill(layer.out, packed.unpacked(f"{at}.ao.w", sizes.hidden), packed.plain(f"{at}.ao.b"))
        _fill(layer.wide, packed.unpacked(f"{at}.fi.w", sizes.hidden), packed.plain(f"{at}.fi.b"))
        _fill(layer.narrow, packed.unpacked(f"{at}.fo.w", sizes.feed_forward), packed.plain(f"{at}.fo.b"))
        _fill(layer.after_attention, packed.plain(f"{at}.aln.w"), packed.plain(f"{at}.aln.b"))
        _fill(layer.after_feeding, packed.plain(f"{at}.oln.w"), packed.plain(f"{at}.oln.b"))
        return layer


class LearntE5:
    """The package's numbers, some of them replaced; what `e5_graph.write_e5` reads."""

    def __init__(self, packed: Packed, learnt: Mapping[str, npt.NDArray[np.float32]]) -> None:
        self.packed = packed
        self.learnt = learnt
        self.sizes = packed.sizes

    def plain(self, name: str) -> npt.NDArray[np.float32]:
        """A vector, flat."""
        return self.learnt[name] if name in self.learnt else self.packed.plain(name)

    def unpacked(self, name: str, width: int) -> npt.NDArray[np.float32]:
        """A matrix [rows, width]."""
        return self.learnt[name] if name in self.learnt else self.packed.unpacked(name, width)


def _named(at: str, layer: TransformerLayer) -> dict[str, npt.NDArray[np.float32]]:
    """A layer's numbers under the names that the package's file gives them."""
    modules: dict[str, nn.Linear | nn.LayerNorm] = {"ao": layer.out, "fi": layer.wide, "fo": layer.narrow}
    modules |= {"aln": layer.after_attention, "oln": layer.after_feeding}
    found = {f"{at}.{name}.w": module.weight for name, module in modules.items()}
    found |= {f"{at}.{name}.b": module.bias for name, module in modules.items()}
    for one, weight, bias in zip("qkv", layer.qkv.weight.chunk(3), layer.qkv.bias.chunk(3), strict=True):
        found |= {f"{at}.{one}.w": weight, f"{at}.{one}.b": bias}
    return {name: value.detach().float().cpu().numpy().copy() for name, value in found.items()}


def _fill(module: nn.Linear | nn.LayerNorm, weight: npt.NDArray[np.float32], bias: npt.NDArray[np.float32]) -> None:
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(weight))
        module.bias.copy_(torch.from_numpy(bias))


def padded(rows: Sequence[npt.NDArray[np.int64]]) -> tuple[Tensor, Tensor]:
    """Token ids as a rectangle, and where there is one. int64 and bool [n, longest]."""
    ids, mask = as_rectangle(rows)
    return torch.from_numpy(ids), torch.from_numpy(mask > 0)


def mean_of_tokens(states: Tensor, present: Tensor) -> Tensor:
    """The text's vector as E5 takes it, before it is cut to length one. [n, hidden]."""
    weight = present.unsqueeze(2).to(states.dtype)
    return (states * weight).sum(1) / weight.sum(1).clamp(min=1)


def token_batches(lengths: Sequence[int]) -> list[list[int]]:
    """Rows of like length together, so that little is padded."""
    return batches_by_length(lengths, TOKENS_A_BATCH)

"""multilingual-e5-small as a folder of sentence-transformers, from the very weights that Shoplens itself reads."""

from __future__ import annotations

from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from tokenizers import Tokenizer, normalizers
from torch import Tensor
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast
from transformers.utils import logging

from shoplens.encoders.model_cache import prepare
from shoplens.encoders.packed_e5 import PackedE5, read_packed_e5
from shoplens.encoders.text import WEIGHTS, conversion


def write_e5_folder(folder: Path, cache: Path) -> None:
    """Network, tokenizer, mean pooling and unit length, in fp32, as the original model is published."""
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    packed = read_packed_e5(WEIGHTS.locate())
    sizes = packed.sizes
    config = BertConfig(
        vocab_size=sizes.vocabulary,
        hidden_size=sizes.hidden,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        intermediate_size=sizes.feed_forward,
        max_position_embeddings=sizes.positions,
        layer_norm_eps=sizes.epsilon,
        pad_token_id=packed.pad,
    )
    inner = folder / "network"
    network = BertModel(config, add_pooling_layer=False)
    network.load_state_dict(_weights(packed))
    network.save_pretrained(inner)
    tokenizer = Tokenizer.from_file(str(prepare(cache, conversion("fp32")).file("tokenizer.json")))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace("\t", " "), normalizers.Replace("\n", " "), normalizers.Strip()]
    )
    wrapped: PreTrainedTokenizerFast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
        model_max_length=512,
    )
    wrapped.save_pretrained(inner)
    pooling = Pooling(sizes.hidden, pooling_mode="mean")
    modules = [Transformer(str(inner)), pooling, Normalize()]
    SentenceTransformer(modules=modules, prompts={"passage": "passage: "}, device="cpu").save(str(folder / "model"))


def _weights(packed: PackedE5) -> dict[str, Tensor]:
    """Under the names that transformers gives them."""
    sizes = packed.sizes
    found: dict[str, Tensor] = {}

    def plain(ours: str, theirs: str) -> None:
        found[theirs] = torch.from_numpy(packed.plain(ours))

    def product(ours: str, theirs: str, width: int) -> None:
        found[f"{theirs}.weight"] = torch.from_numpy(packed.unpacked(f"{ours}.w", width))
        plain(f"{ours}.b", f"{theirs}.bias")

    def normaliser(ours: str, theirs: str) -> None:
        plain(f"{ours}.w", f"{theirs}.weight")
        plain(f"{ours}.b", f"{theirs}.bias")

    found["embeddings.word_embeddings.weight"] = torch.from_numpy(packed.unpacked("emb.word", sizes.hidden))
    for ours, theirs in (("emb.pos", "position"), ("emb.type", "token_type")):
        table = torch.from_numpy(packed.plain(ours)).reshape(-1, sizes.hidden)
        found[f"embeddings.{theirs}_embeddings.weight"] = table
    normaliser("emb.ln", "embeddings.LayerNorm")
    for layer in range(sizes.layers):
        at, to = f"l{layer}", f"encoder.layer.{layer}"
        for ours, theirs in (("q", "query"), ("k", "key"), ("v", "value")):
            product(f"{at}.{ours}", f"{to}.attention.self.{theirs}", sizes.hidden)
        product(f"{at}.ao", f"{to}.attention.output.dense", sizes.hidden)
        normaliser(f"{at}.aln", f"{to}.attention.output.LayerNorm")
        product(f"{at}.fi", f"{to}.intermediate.dense", sizes.hidden)
        product(f"{at}.fo", f"{to}.output.dense", sizes.feed_forward)
        normaliser(f"{at}.oln", f"{to}.output.LayerNorm")
    return found

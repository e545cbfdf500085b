"""Checkpoints of a few thousand random weights, saved as transformers saves real ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    ChineseCLIPConfig,
    ChineseCLIPModel,
    CLIPConfig,
    CLIPModel,
    CLIPTextConfig,
    CLIPTextModelWithProjection,
    ConvNextConfig,
    ConvNextModel,
    Dinov2Config,
    Dinov2Model,
    PreTrainedTokenizerFast,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Siglip2Config,
    Siglip2Model,
    SiglipConfig,
    SiglipModel,
    T5Config,
    T5ForConditionalGeneration,
    ViTConfig,
    ViTForImageClassification,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
)
from transformers.models.chinese_clip.image_processing_pil_chinese_clip import ChineseCLIPImageProcessorPil
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.siglip2.image_processing_pil_siglip2 import Siglip2ImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

SMALL: dict[str, Any] = {
    "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
}  # fmt: skip
EYES: dict[str, Any] = {**SMALL, "image_size": 32, "patch_size": 8}
LETTERS = [*"abcdefghijklmnopqrstuvwxyz0123456789,.-%红色跑步鞋é"]


def save_tokenizer(folder: Path, *, longest: int = 64, marks: Sequence[str] = ()) -> PreTrainedTokenizerFast:
    """A tokenizer by letters: [PAD] 0, [UNK] 1, [CLS] 2 begins, the last piece [SEP] ends. `marks` are more pieces."""
    vocabulary = {piece: place for place, piece in enumerate(["[PAD]", "[UNK]", "[CLS]", *LETTERS, "[SEP]"])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split("", "isolated")]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", vocabulary["[SEP]"])]
    )
    wrapped: PreTrainedTokenizerFast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        eos_token="[SEP]", model_max_length=longest,
    )  # fmt: skip
    if marks:
        wrapped.add_special_tokens({"additional_special_tokens": list(marks)})
    wrapped.save_pretrained(folder)
    return wrapped


def save_bert(folder: Path, *, seed: int = 0) -> None:
    tokenizer = save_tokenizer(folder)
    torch.manual_seed(seed)
    BertModel(
        BertConfig(vocab_size=len(tokenizer), max_position_embeddings=64, **SMALL), add_pooling_layer=False
    ).save_pretrained(folder)


def save_roberta(folder: Path) -> None:
    """With a head for masked words, positions counted from the padding on, and a tokenizer that names no limit."""
    tokenizer = save_tokenizer(folder, longest=10**30)
    torch.manual_seed(0)
    config = XLMRobertaConfig(vocab_size=len(tokenizer), max_position_embeddings=66, pad_token_id=0, **SMALL)
    XLMRobertaForMaskedLM(config).save_pretrained(folder)


def save_t5(folder: Path) -> None:
    tokenizer = save_tokenizer(folder)
    torch.manual_seed(0)
    config = T5Config(vocab_size=len(tokenizer), pad_token_id=0, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2)
    T5ForConditionalGeneration(config).save_pretrained(folder)


def save_causal(folder: Path) -> None:
    """A language model, whose last token has read all others."""
    tokenizer = save_tokenizer(folder)
    torch.manual_seed(0)
    marks: dict[str, Any] = {"pad_token_id": 0, "bos_token_id": None, "eos_token_id": None}
    config = Qwen3Config(vocab_size=len(tokenizer), num_key_value_heads=2, head_dim=8, **marks, **SMALL)
    Qwen3ForCausalLM(config).save_pretrained(folder)


def save_convnext(folder: Path) -> None:
    """Maps instead of tokens."""
    torch.manual_seed(0)
    ConvNextModel(ConvNextConfig(hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1])).save_pretrained(folder)
    ConvNextImageProcessorPil(size={"shortest_edge": 64}).save_pretrained(folder)


def save_vit_classifier(folder: Path) -> None:
    """Without the pooling that its bare form would have: that would hold random numbers."""
    torch.manual_seed(0)
    ViTForImageClassification(ViTConfig(**EYES)).save_pretrained(folder)
    ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)


def save_half_of_a_clip(folder: Path) -> None:
    tokenizer = save_tokenizer(folder, longest=24)
    config = CLIPTextConfig(vocab_size=len(tokenizer), bos_token_id=2, eos_token_id=len(tokenizer) - 1, **SMALL)
    CLIPTextModelWithProjection(config).save_pretrained(folder)


def save_clip(folder: Path, *, seed: int = 0) -> None:
    tokenizer = save_tokenizer(folder, longest=24)
    torch.manual_seed(seed)
    text = {**SMALL, "vocab_size": len(tokenizer), "max_position_embeddings": 24, "eos_token_id": len(tokenizer) - 1}
    CLIPModel(CLIPConfig(text_config=text, vision_config=EYES, projection_dim=12)).save_pretrained(folder)
    CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(folder)


def save_siglip(folder: Path) -> None:
    tokenizer = save_tokenizer(folder, longest=16)
    torch.manual_seed(0)
    text = {**SMALL, "vocab_size": len(tokenizer), "max_position_embeddings": 16}
    SiglipModel(SiglipConfig(text_config=text, vision_config=EYES)).save_pretrained(folder)
    SiglipImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)


def save_siglip2(folder: Path) -> None:
    """The form that keeps the shape of a photo."""
    tokenizer = save_tokenizer(folder, longest=16)
    torch.manual_seed(0)
    text = {**SMALL, "vocab_size": len(tokenizer), "max_position_embeddings": 16, "projection_size": 16}
    eyes = {**SMALL, "patch_size": 8, "num_patches": 16}
    Siglip2Model(Siglip2Config(text_config=text, vision_config=eyes)).save_pretrained(folder)
    Siglip2ImageProcessorPil(patch_size=8, max_num_patches=16).save_pretrained(folder)


def save_chinese_clip(folder: Path) -> None:
    tokenizer = save_tokenizer(folder)
    torch.manual_seed(0)
    text = {**SMALL, "vocab_size": len(tokenizer), "max_position_embeddings": 64}
    ChineseCLIPModel(ChineseCLIPConfig(text_config=text, vision_config=EYES, projection_dim=12)).save_pretrained(folder)
    ChineseCLIPImageProcessorPil(
        size={"height": 32, "width": 32}, crop_size={"height": 32, "width": 32}
    ).save_pretrained(folder)


def save_dino(folder: Path) -> None:
    torch.manual_seed(0)
    Dinov2Model(Dinov2Config(**EYES)).save_pretrained(folder)
    ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)


def save_sentence_transformer(folder: Path, *, pooling: str = "cls") -> None:
    """Token vectors, pooled as it says, a projection to 8 numbers, and prompts."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, Transformer

    inner = folder.with_name(f"{folder.name}-inner")
    save_bert(inner)
    torch.manual_seed(1)
    SentenceTransformer(
        modules=[Transformer(str(inner)), Pooling(16, pooling_mode=pooling), Dense(16, 8), Normalize()],
        prompts={"query": "query: ", "passage": "passage: "},
        device="cpu",
    ).save(str(folder))


def save_sentence_clip(folder: Path) -> None:
    """A CLIP in a folder of sentence-transformers, in a subfolder as the older ones are."""
    save_clip(folder / "0_CLIPModel")
    module = {"idx": 0, "name": "0", "path": "0_CLIPModel", "type": "sentence_transformers.models.CLIPModel"}
    (folder / "modules.json").write_text(json.dumps([module]), encoding="utf-8")
    versions = {"__version__": {"sentence_transformers": "2.0.0"}}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(versions), encoding="utf-8")


def save_vision_language(folder: Path, family: str) -> None:
    """A tiny Qwen2-VL or Qwen3-VL, saved as its generating form, as the published ones are."""
    marks = ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>"]
    tokenizer = save_tokenizer(folder, longest=512, marks=marks)
    token = {mark: tokenizer.convert_tokens_to_ids(mark) for mark in marks}
    places: dict[str, Any] = {
        "image_token_id": token["<|image_pad|>"], "vision_start_token_id": token["<|vision_start|>"],
        "vision_end_token_id": token["<|vision_end|>"], "video_token_id": 1,
    }  # fmt: skip
    text = {
        **SMALL, "vocab_size": len(tokenizer), "num_key_value_heads": 2, "max_position_embeddings": 512,
        "bos_token_id": None, "eos_token_id": token["<|endoftext|>"], "pad_token_id": 0,
    }  # fmt: skip
    torch.manual_seed(0)
    if family == "qwen2":
        rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10_000.0}
        eyes: dict[str, Any] = {
            "embed_dim": 16,
            "hidden_size": 16,
            "depth": 1,
            "num_heads": 2,
            "patch_size": 8,
            "mlp_ratio": 2,
        }
        seen = Qwen2VLConfig(text_config={**text, "rope_parameters": rope}, vision_config=eyes, **places)
        Qwen2VLForConditionalGeneration(seen).save_pretrained(folder)
    else:
        rope = {"rope_type": "default", "mrope_section": [2, 1, 1], "rope_theta": 10_000.0}
        eyes = {
            **EYES, "depth": 2, "num_heads": 2, "out_hidden_size": 16, "deepstack_visual_indexes": [0],
            "num_position_embeddings": 16,
        }  # fmt: skip
        asked = Qwen3VLConfig(
            text_config={**text, "head_dim": 8, "rope_parameters": rope}, vision_config=eyes, **places
        )
        Qwen3VLForConditionalGeneration(asked).save_pretrained(folder)
    pixels = {"shortest_edge": 16 * 16, "longest_edge": 48 * 48}
    Qwen2VLImageProcessorPil(patch_size=8, size=pixels).save_pretrained(folder)


def write_json(path: Path, **changes: Any) -> None:
    """Change some values of a JSON file."""
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


#: Every family, and what it is saved by.
SAVED: dict[str, Callable[[Path], None]] = {
    "bert": save_bert,
    "clip": save_clip,
    "siglip": save_siglip,
    "chinese-clip": save_chinese_clip,
    "dino": save_dino,
    "sentence": save_sentence_transformer,
    "sentence-clip": save_sentence_clip,
    "siglip2": save_siglip2,
    "roberta": save_roberta,
    "t5": save_t5,
    "causal": save_causal,
    "convnext": save_convnext,
    "vit": save_vit_classifier,
    "qwen2-vl": lambda folder: save_vision_language(folder, "qwen2"),
    "qwen3-vl": lambda folder: save_vision_language(folder, "qwen3"),
}


def save_all(folder: Path) -> Path:
    """Every family in a folder of its name."""
    for name, save in SAVED.items():
        save(folder / name)
    return folder


#: Family, half, and width of its vectors.
HALVES = [
    ("bert", "text", 16), ("sentence", "text", 8), ("dino", "image", 16), ("clip", "text", 12), ("clip", "image", 12),
    ("siglip", "text", 16), ("siglip", "image", 16), ("chinese-clip", "text", 12), ("chinese-clip", "image", 12),
    ("roberta", "text", 16), ("t5", "text", 16), ("causal", "text", 16), ("vit", "image", 16),
    ("convnext", "image", 16),
    ("siglip2", "text", 16), ("siglip2", "image", 16), ("sentence-clip", "text", 12), ("sentence-clip", "image", 12),
    ("qwen2-vl", "text", 16), ("qwen2-vl", "image", 16), ("qwen3-vl", "text", 16), ("qwen3-vl", "image", 16),
]  # fmt: skip

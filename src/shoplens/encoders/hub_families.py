"""Families of hub checkpoints: how each is asked for vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from shoplens.encoders.base import Vectors
from shoplens.encoders.hub_checkpoint import Checkpoint
from shoplens.encoders.hub_device import Hardware
from shoplens.encoders.hub_network import (
    PHOTOS_A_BATCH,
    PhotoPreparation,
    Tokens,
    by_length,
    complete,
    damage_named,
    in_parts,
    load_model,
    prompts_of,
    shared_network,
)
from shoplens.encoders.hub_open_clip import OpenClip
from shoplens.encoders.hub_vision_language import VisionLanguage, is_vision_language
from shoplens.errors import ConfigurationError

TEXTS_A_BATCH = 32  # of sentence-transformers, which sorts by length itself
OFFSET_POSITIONS = ("roberta", "camembert", "mpnet", "longformer")  # families that count positions from the padding on


def open_network(checkpoint: Checkpoint, hardware: Hardware, modalities: frozenset[str]) -> Any:
    """The checkpoint, loaded as its family wants it; one copy a process. It `ReadsTexts`, `ReadsPhotos` or both."""
    family: Callable[[Checkpoint, Hardware], Any]
    if is_vision_language(checkpoint):  # also where sentence-transformers could: it would want torchvision
        family = VisionLanguage
    elif checkpoint.is_open_clip:
        family = OpenClip
    elif checkpoint.is_sentence_transformers:
        family = SentenceTransformersNetwork
    elif "text_config" in checkpoint.config and "vision_config" in checkpoint.config:
        family = TwoTowers
    else:
        family = TextNetwork if "text" in modalities else PhotoNetwork
    return shared_network(checkpoint, hardware, lambda: family(checkpoint, hardware))


class SentenceTransformersNetwork:
    """A folder of sentence-transformers: pooling, projections and prompts as it says."""

    def __init__(self, checkpoint: Checkpoint, hardware: Hardware) -> None:
        from sentence_transformers import SentenceTransformer

        with damage_named(checkpoint):
            model = SentenceTransformer(
                str(checkpoint.folder),
                device=str(hardware.device),
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"dtype": hardware.dtype, "use_safetensors": True},
            )
        self._model: Any = model.to(hardware.dtype).eval()
        self._prompts = prompts_of(checkpoint)
        self._hardware = hardware

    def texts(self, inputs: Sequence[str], *, queries: bool) -> Vectors:
        """See `hub_network`."""
        return self._encode(list(inputs), self._prompts[queries])

    def photos(self, inputs: Sequence[Image.Image]) -> Vectors:
        """See `hub_network`."""
        return self._encode([photo.convert("RGB") for photo in inputs], None)

    def _encode(self, inputs: list[Any], prompt: str | None) -> Vectors:
        def run(part: slice) -> Tensor:
            with self._hardware.alone():
                made: Tensor = self._model.encode(
                    inputs[part],
                    prompt=prompt or None,
                    batch_size=TEXTS_A_BATCH,
                    convert_to_tensor=True,
                    show_progress_bar=False,
                )
            return made

        return in_parts(len(inputs), 1_024, run)


class TwoTowers:
    """Texts and photos in one space: CLIP, Chinese-CLIP, SigLIP, SigLIP 2 and whatever else offers both towers."""

    def __init__(self, checkpoint: Checkpoint, hardware: Hardware) -> None:
        self._model, missing = load_model(checkpoint, hardware)
        if not (hasattr(self._model, "get_text_features") and hasattr(self._model, "get_image_features")):
            raise ConfigurationError(
                f"{checkpoint.name} is a {checkpoint.model_type} model, which gives no vectors of texts and photos; "
                "take a CLIP, Chinese-CLIP or SigLIP, or a sentence-transformers model"
            )
        complete(checkpoint, missing)
        self._hardware = hardware
        longest = int(checkpoint.config["text_config"].get("max_position_embeddings", 0)) or int(
            getattr(self._model.config.text_config, "max_position_embeddings", 64)
        )
        self._tokens = Tokens(checkpoint, longest)
        self._prepare = PhotoPreparation(checkpoint, hardware)
        # SigLIP has learnt to read texts padded to its full length, the padding included.
        self._width = longest if checkpoint.model_type.startswith("siglip") else None

    def texts(self, inputs: Sequence[str], *, queries: bool) -> Vectors:  # noqa: ARG002 - it reads both alike
        """See `hub_network`."""
        tokens = self._tokens.ids(inputs)

        def run(rows: list[int]) -> Tensor:
            given = self._tokens.rectangle([tokens[row] for row in rows], self._hardware.device, width=self._width)
            if self._width is not None:
                del given["attention_mask"]
            with self._hardware.alone():
                return _vector_of(self._model.get_text_features(**given))

        return by_length(tokens, run)

    def photos(self, inputs: Sequence[Image.Image]) -> Vectors:
        """See `hub_network`."""

        def run(part: slice) -> Tensor:
            given = self._prepare(inputs[part])
            with self._hardware.alone():
                return _vector_of(self._model.get_image_features(**given))

        return in_parts(len(inputs), PHOTOS_A_BATCH, run)


class TextNetwork:
    """A text model that does not say how it is pooled: the mean over tokens, or the last token where each token sees
    those before it only."""

    def __init__(self, checkpoint: Checkpoint, hardware: Hardware) -> None:
        if checkpoint.model_type.endswith("_text_model"):
            raise ConfigurationError(
                f"{checkpoint.name} is half of a model for texts and photos; take the whole one, whose halves are "
                "one space"
            )
        model, missing = load_model(checkpoint, hardware)
        config = model.config
        self._model = model.get_encoder() if config.is_encoder_decoder else model
        complete(checkpoint, {name for name in missing if not name.startswith(("pooler.", "decoder."))})
        longest = getattr(config, "max_position_embeddings", None)
        if longest and any(family in checkpoint.model_type for family in OFFSET_POSITIONS):
            longest -= (config.pad_token_id or 0) + 1
        self._tokens = Tokens(checkpoint, longest)
        architectures = checkpoint.config.get("architectures") or []
        self._last = any(name.endswith(("ForCausalLM", "LMHeadModel")) for name in architectures)
        self._hardware = hardware
        self._prompts = prompts_of(checkpoint)

    def texts(self, inputs: Sequence[str], *, queries: bool) -> Vectors:
        """See `hub_network`."""
        prompt = self._prompts[queries]
        tokens = self._tokens.ids([prompt + text for text in inputs])
        tokens = [ids or [0] for ids in tokens]  # a tokenizer without marks makes nothing of an empty text

        def run(rows: list[int]) -> Tensor:
            given = self._tokens.rectangle([tokens[row] for row in rows], self._hardware.device)
            mask: Tensor = given["attention_mask"]
            with self._hardware.alone():
                states: Tensor = self._model(**given).last_hidden_state  # [n, tokens, hidden]
                if self._last:
                    return states[torch.arange(len(states), device=states.device), mask.sum(1) - 1]
                weight = mask.unsqueeze(2).to(states.dtype)
                return (states * weight).sum(1) / weight.sum(1)

        return by_length(tokens, run)


class PhotoNetwork:
    """A photo model, such as DINOv2, ViT or ConvNeXt: its pooled output where it has learnt one."""

    def __init__(self, checkpoint: Checkpoint, hardware: Hardware) -> None:
        self._model, missing = load_model(checkpoint, hardware)
        complete(checkpoint, {name for name in missing if not name.startswith("pooler.")})
        self._hardware = hardware
        self._pooled = not any(name.startswith("pooler.") for name in missing)
        self._prepare = PhotoPreparation(checkpoint, hardware)

    def photos(self, inputs: Sequence[Image.Image]) -> Vectors:
        """See `hub_network`."""

        def run(part: slice) -> Tensor:
            prepared = self._prepare(inputs[part])
            with self._hardware.alone():
                output = self._model(**prepared)
            pooled = getattr(output, "pooler_output", None) if self._pooled else None
            if pooled is not None:
                flat: Tensor = pooled.flatten(1)
                return flat
            states: Tensor = output.last_hidden_state
            return states.mean((2, 3)) if states.ndim == 4 else states[:, 0]  # maps, or tokens led by the summary

        return in_parts(len(inputs), PHOTOS_A_BATCH, run)


def _vector_of(output: Any) -> Tensor:
    """The projected vector, whichever way this version of transformers hands it over."""
    vector: Tensor = output if isinstance(output, Tensor) else output.pooler_output
    return vector

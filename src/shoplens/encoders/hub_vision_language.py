"""Language models with eyes as encoders: Qwen2-VL, Qwen2.5-VL and Qwen3-VL, and what was trained from them.

Qwen3-VL-Embedding (Li et al. 2026) and GME (Zhang et al. 2024, arXiv:2412.16855) give a text or a photo to the model as
a turn of a conversation, told by an instruction what to do, and take the state of the last token as its vector. The
pieces are put together here rather than by the checkpoint's own processor, which also wants torchvision, for videos.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from shoplens.encoders.base import Vectors
from shoplens.encoders.hub_checkpoint import Checkpoint
from shoplens.encoders.hub_device import Hardware
from shoplens.encoders.hub_network import (
    PhotoPreparation,
    Tokens,
    by_length,
    complete,
    in_parts,
    load_model,
    prompts_of,
)

PHOTOS_A_BATCH = 4  # a photo is hundreds of tokens
MOST_PIXELS = 1_000_000  # of a photo; a larger one is shrunk: about 1,000 tokens, as many as GME reads
CONVERSATION = "<|im_start|>system\n{}<|im_end|>\n<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
PHOTO = "<|vision_start|><|image_pad|><|vision_end|>"

#: Family → instruction for products, instruction for queries, what follows the turn; as the embedding models of the
#: family were trained. A checkpoint's own prompts come first.
INSTRUCTIONS = {
    "qwen3_vl": ("Represent the user's input.", "Retrieve images or text relevant to the user's query.", ""),
    "qwen2": ("You are a helpful assistant.", "Find an image that matches the given text.", "<|endoftext|>"),
}


def is_vision_language(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint is of these families."""
    return checkpoint.model_type.startswith(("qwen2_vl", "qwen2_5_vl", "qwen3_vl"))


class VisionLanguage:
    """Texts and photos in the space of a language model's last token."""

    def __init__(self, checkpoint: Checkpoint, hardware: Hardware) -> None:
        self._model, missing = load_model(checkpoint, hardware)
        complete(checkpoint, missing)
        self._hardware = hardware
        self._tokens = Tokens(checkpoint, None)
        self._prepare = PhotoPreparation(checkpoint, hardware)
        family = "qwen3_vl" if checkpoint.model_type.startswith("qwen3_vl") else "qwen2"
        product, query, self._tail = INSTRUCTIONS[family]
        own_product, own_query = prompts_of(checkpoint)
        self._instructions = own_product or product, own_query or query
        self._photo_token = int(self._model.config.image_token_id)
        self._merged = int(self._model.config.vision_config.spatial_merge_size) ** 2  # patches that become one token

    def texts(self, inputs: Sequence[str], *, queries: bool) -> Vectors:
        """See `hub_network`. A text that is too long loses its end, not the end of the turn."""
        instruction = self._instructions[queries]
        # No text may pass itself off as one of the marks: "<|image_pad|>" would be a photo that is not there.
        harmless = [text.replace("<|", "< |") for text in inputs]
        tokens = self._tokens.ids(
            [CONVERSATION.format(instruction, text) + self._tail for text in harmless], marks=False
        )
        _, after = self._turn(instruction)
        for row in tokens:
            row[len(row) - len(after) :] = after  # lost where the text was cut

        def run(rows: list[int]) -> Tensor:
            return self._last(self._tokens.rectangle([tokens[row] for row in rows], self._hardware.device))

        return by_length(tokens, run)

    def photos(self, inputs: Sequence[Image.Image]) -> Vectors:
        """See `hub_network`."""
        before, after = self._turn(self._instructions[0])
        around = self._tokens.ids([PHOTO], marks=False)[0]
        place = around.index(self._photo_token)

        def run(part: slice) -> Tensor:
            seen = self._prepare([_shrunk(photo) for photo in inputs[part]])
            counts = (seen["image_grid_thw"].prod(1) // self._merged).tolist()
            rows = [
                before + around[:place] + [self._photo_token] * count + around[place + 1 :] + after for count in counts
            ]
            given = self._tokens.rectangle(rows, self._hardware.device)
            return self._last({**given, "mm_token_type_ids": (given["input_ids"] == self._photo_token).int(), **seen})

        return in_parts(len(inputs), PHOTOS_A_BATCH, run)

    def _turn(self, instruction: str) -> tuple[list[int], list[int]]:
        """Token ids before and after what the turn is about."""
        start, end = CONVERSATION.format(instruction, "\0").split("\0")
        before, after = self._tokens.ids([start, end + self._tail], marks=False)
        return before, after

    def _last(self, given: dict[str, Any]) -> Tensor:
        """State of the last token of each row. [n, hidden]"""
        with self._hardware.alone():
            states: Tensor = self._model(**given, use_cache=False).last_hidden_state
        last = given["attention_mask"].sum(1) - 1
        return states[torch.arange(len(states), device=states.device), last]


def _shrunk(photo: Image.Image) -> Image.Image:
    """At most `MOST_PIXELS`, the same shape."""
    share = (MOST_PIXELS / (photo.width * photo.height)) ** 0.5
    if share >= 1:
        return photo
    size = max(1, int(photo.width * share)), max(1, int(photo.height * share))
    return photo.convert("RGB").resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)

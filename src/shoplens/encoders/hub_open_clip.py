"""Checkpoints of open_clip (Ilharco et al. 2021), for machines where torchvision is installed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from shoplens.encoders.base import Vectors
from shoplens.encoders.hub_checkpoint import Checkpoint
from shoplens.encoders.hub_device import Hardware
from shoplens.encoders.hub_network import PHOTOS_A_BATCH, damage_named, in_parts
from shoplens.errors import ConfigurationError

TEXTS_A_BATCH = 64  # each padded to the full length, as they were in training


class OpenClip:
    """Texts and photos in one space."""

    def __init__(self, checkpoint: Checkpoint, hardware: Hardware) -> None:
        try:
            open_clip: Any = import_module("open_clip")
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                f"{checkpoint.name} is a checkpoint of open_clip, and {error.name} is missing; install both: "
                "pip install open-clip-torch torchvision. Most such models are also published for transformers, which "
                "needs neither"
            ) from error
        source = f"local-dir:{checkpoint.folder}"
        with damage_named(checkpoint):
            model, _, self._prepare = open_clip.create_model_and_transforms(source)
            self._tokenizer: Any = open_clip.get_tokenizer(source)
        self._model: Any = model.to(hardware.device, hardware.dtype).eval()
        self._hardware = hardware

    def texts(self, inputs: Sequence[str], *, queries: bool) -> Vectors:  # noqa: ARG002 - it reads both alike
        """See `hub_network`."""

        def run(part: slice) -> Tensor:
            tokens = self._hardware.take(self._tokenizer(list(inputs[part])))
            with self._hardware.alone():
                made: Tensor = self._model.encode_text(tokens)
            return made

        return in_parts(len(inputs), TEXTS_A_BATCH, run)

    def photos(self, inputs: Sequence[Image.Image]) -> Vectors:
        """See `hub_network`."""

        def run(part: slice) -> Tensor:
            prepared = self._hardware.take(torch.stack([self._prepare(photo.convert("RGB")) for photo in inputs[part]]))
            with self._hardware.alone():
                made: Tensor = self._model.encode_image(prepared)
            return made

        return in_parts(len(inputs), PHOTOS_A_BATCH, run)

"""Networks of hub checkpoints, loaded by transformers or sentence-transformers: texts and photos to unit vectors.

One checkpoint is loaded once in a process, also when its texts and its photos are read by two encoders.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Protocol
from weakref import WeakValueDictionary

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its customary name

from shoplens.encoders.base import Vectors
from shoplens.encoders.hub_checkpoint import Checkpoint
from shoplens.encoders.hub_device import Hardware
from shoplens.encoders.session import available_cores
from shoplens.encoders.text import batches_by_length
from shoplens.errors import ModelFileError

TOKENS_A_BATCH = 4_096
PHOTOS_A_BATCH = 16
THINNEST = 50  # times longer than wide that a photo may be
LONGEST = 8_192  # tokens, where the checkpoint names no limit of its own
_PREPARING = ThreadPoolExecutor(available_cores(), thread_name_prefix="shoplens-photos")


class ReadsTexts(Protocol):
    """A loaded checkpoint that takes texts."""

    def texts(self, inputs: Sequence[str], *, queries: bool) -> Vectors:
        """Vectors of products' texts, or of what shoppers type. float32 [n, size], unit length; n > 0."""
        ...


class ReadsPhotos(Protocol):
    """A loaded checkpoint that takes photos."""

    def photos(self, inputs: Sequence[Image.Image]) -> Vectors:
        """Vectors of RGB photos. float32 [n, size], unit length; n > 0."""
        ...


def in_parts(n: int, most: int, run: Callable[[slice], Tensor]) -> Vectors:
    """Vectors of `n` inputs, made `most` at a time."""
    parts = [_unit(run(slice(start, start + most))) for start in range(0, n, most)]
    return np.concatenate(parts)


def by_length(tokens: Sequence[Sequence[int]], run: Callable[[list[int]], Tensor]) -> Vectors:
    """Vectors of token lists, those of like length together; `run` gets positions in `tokens`."""
    batches = batches_by_length([len(ids) for ids in tokens], TOKENS_A_BATCH)
    made = np.concatenate([_unit(run(rows)) for rows in batches])
    vectors = np.empty_like(made)
    vectors[np.concatenate(batches)] = made
    return vectors


def _unit(values: Tensor) -> Vectors:
    """Of unit length; a vector of nothing but zeros becomes the first axis."""
    wide = values.float()
    length = wide.norm(dim=-1, keepdim=True)
    first = F.one_hot(torch.zeros(len(wide), dtype=torch.long, device=wide.device), wide.shape[1]).float()
    result: Vectors = torch.where(length > 1e-12, wide / length.clamp(min=1e-12), first).cpu().numpy()
    return result


class Tokens:
    """A checkpoint's tokenizer: texts to rectangles of token ids."""

    def __init__(self, checkpoint: Checkpoint, longest: int | None) -> None:
        from transformers import AutoTokenizer

        with damage_named(checkpoint):
            self._tokenizer: Any = AutoTokenizer.from_pretrained(
                checkpoint.folder, local_files_only=True, trust_remote_code=False
            )
        own = int(self._tokenizer.model_max_length)  # a huge number when the checkpoint does not say
        self.longest = min(own, longest or LONGEST)

    def ids(self, texts: Sequence[str], *, marks: bool = True) -> list[list[int]]:
        """Token ids, cut to what the network can read; with the tokenizer's own begin and end marks or without."""
        found: list[list[int]] = self._tokenizer(
            list(texts), truncation=True, max_length=self.longest, add_special_tokens=marks
        )["input_ids"]
        return found

    def backend(self) -> Any:
        """The `tokenizers.Tokenizer` inside, without padding. ModelFileError when it is written in Python."""
        inner = getattr(self._tokenizer, "backend_tokenizer", None)
        if inner is None:
            raise ModelFileError(
                "its tokenizer is none that can be kept as tokenizer.json; save it as a fast one where you trust it: "
                "AutoTokenizer.from_pretrained(folder, use_fast=True).save_pretrained(folder)"
            )
        inner.no_padding()
        return inner

    def rectangle(self, rows: Sequence[Sequence[int]], device: torch.device, *, width: int | None = None) -> Any:
        """`input_ids` and `attention_mask` of some rows, padded on the right. int64 [len(rows), longest]."""
        pad = self._tokenizer.pad_token_id
        wide = width or max(len(row) for row in rows)
        ids = torch.full((len(rows), wide), 0 if pad is None else pad, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for place, row in enumerate(rows):
            ids[place, : len(row)], mask[place, : len(row)] = torch.tensor(row, dtype=torch.long), 1
        return {"input_ids": ids.to(device), "attention_mask": mask.to(device)}


class PhotoPreparation:
    """A checkpoint's own way to resize and normalise photos, with Pillow."""

    def __init__(self, checkpoint: Checkpoint, hardware: Hardware) -> None:
        from transformers import AutoImageProcessor

        automatic: Any = AutoImageProcessor  # its methods have no types
        with damage_named(checkpoint):
            self._processor: Any = automatic.from_pretrained(
                checkpoint.folder, local_files_only=True, trust_remote_code=False, backend="pil"
            )
        self._hardware = hardware

    def __call__(self, photos: Sequence[Image.Image]) -> dict[str, Tensor]:
        """What the network takes; numbers with a fraction in its precision.

        On all cores: one prepares some 180 photos a second, a tenth of what a GPU reads.
        """
        parts = list(_PREPARING.map(self._prepared, photos))
        return {name: self._hardware.take(torch.cat([part[name] for part in parts])) for name in parts[0]}

    def _prepared(self, photo: Image.Image) -> dict[str, Tensor]:
        prepared = self._processor(_not_too_thin(photo.convert("RGB")), return_tensors="pt")
        return {name: value for name, value in prepared.items() if isinstance(value, Tensor)}


def _not_too_thin(photo: Image.Image) -> Image.Image:
    """Preparations that keep the shape fail on a line of pixels: its missing height is made up in its mean colour."""
    least = -(-max(photo.size) // THINNEST)
    if min(photo.size) >= least:
        return photo
    mean = photo.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    wider = Image.new("RGB", (max(photo.width, least), max(photo.height, least)), mean)
    wider.paste(photo)
    return wider


@contextmanager
def damage_named(checkpoint: Checkpoint) -> Iterator[None]:
    """What the libraries raise over a checkpoint that they cannot read, as a ModelFileError that names it.

    Their progress bars and reports of loading are held back.
    """
    from safetensors import SafetensorError
    from transformers.utils import logging as chatter

    logging: Any = chatter  # its functions have no types
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, ImportError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().split("\n", maxsplit=1)[0]
        raise ModelFileError(
            f"{checkpoint.name} could not be opened by transformers: {reason}. Is the folder complete, and the model "
            "of a kind that this version of transformers knows?"
        ) from error
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def load_model(checkpoint: Checkpoint, hardware: Hardware) -> tuple[Any, set[str]]:
    """The network and the names of weights that the checkpoint lacks (they hold random numbers)."""
    from transformers import AutoModel

    with damage_named(checkpoint):
        model, told = AutoModel.from_pretrained(
            checkpoint.folder,
            dtype=hardware.dtype,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    return model.eval().to(hardware.device), set(told["missing_keys"])


def complete(checkpoint: Checkpoint, missing: set[str]) -> None:
    """ModelFileError when weights are missing: random ones would make vectors of noise."""
    if missing:
        raise ModelFileError(
            f"{checkpoint.name} lacks weights of its network ({', '.join(sorted(missing)[:3])}); take a complete model"
        )


_LOADED: WeakValueDictionary[tuple[str, str, str], Any] = WeakValueDictionary()
_LOADING = threading.Lock()


def shared_network(checkpoint: Checkpoint, hardware: Hardware, load: Callable[[], Any]) -> Any:
    """The network of a checkpoint, loaded once for as long as somebody in this process uses it."""
    key = (checkpoint.digest, str(hardware.device), str(hardware.dtype))
    with _LOADING:
        network = _LOADED.get(key)
        if network is None:
            network = load()
            _LOADED[key] = network
        return network


def prompts_of(checkpoint: Checkpoint) -> tuple[str, str]:
    """What the checkpoint puts before products' texts and before queries; "" where it names nothing."""
    known: Mapping[str, Any] = checkpoint.read_json("config_sentence_transformers.json").get("prompts") or {}
    product = next((known[name] for name in ("document", "passage", "corpus") if known.get(name)), "")
    return str(product), str(known.get("query") or "")

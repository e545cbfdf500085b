"""Encoders of texts from the hub or a folder, cut like the built-in one so that their upper layers may learn a task.

Families whose network is BERT's: bert (MiniLM, bge and many more), roberta, xlm-roberta, camembert. Weights are read
from safetensors by name, the tokenizer from JSON; neither pickles nor a checkpoint's own code are opened.
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from shoplens.encoders.e5_torch import E5Body
from shoplens.encoders.hub_checkpoint import Checkpoint, find_checkpoint
from shoplens.encoders.hub_network import Tokens, prompts_of
from shoplens.encoders.packed_e5 import Sizes
from shoplens.encoders.text import E5Tokens
from shoplens.errors import ConfigurationError, ModelFileError
from shoplens.registry import find

BUILT_IN = "e5-small"
PREFIX = "hub:"
FAMILIES = ("bert", "roberta", "xlm-roberta", "camembert")
#: What a layer's numbers are called here → there.
_LAYER = {
    "q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value", "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm", "fi": "intermediate.dense", "fo": "output.dense", "oln": "output.LayerNorm",
}  # fmt: skip
_NAMED = re.compile(r"l(\d+)\.(\w+)\.([wb])")

Floats = npt.NDArray[np.float32]


def open_body(name: str, cache: Path) -> E5Body:
    """What fine-tuning begins with: "e5-small", or a folder or name of the hub as `find_checkpoint` takes it, with or
    without "hub:" before it. ConfigurationError for a network that is not BERT's; ModelFileError as there;
    MissingExtraError where what reads such models is not installed."""
    if name == BUILT_IN:
        return E5Body()
    find("encoders", PREFIX)
    return HubBody(find_checkpoint(name.removeprefix(PREFIX).strip(), cache))


def encoder_name(name: str) -> str:
    """What `open_encoder` calls the encoder that `open_body` means by a folder or a name of the hub: with "hub:" before
    it. Other names, those of the registry, stay as they are."""
    meant = ":" not in name and ("/" in name or Path(name).is_dir())
    return f"{PREFIX}{name}" if meant else name


class HubWeights:
    """A checkpoint's numbers under the names of the built-in encoder: what `E5Body` and `write_e5` read."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        config = checkpoint.config
        family, act = checkpoint.model_type, str(config.get("hidden_act", "gelu"))
        if family not in FAMILIES or act != "gelu" or config.get("position_embedding_type", "absolute") != "absolute":
            raise ConfigurationError(
                f"{checkpoint.name} cannot be fine-tuned here: it is {family or 'of no named family'} with {act}; "
                f"take one of {', '.join(FAMILIES)} with gelu and absolute places, such as "
                "sentence-transformers/all-MiniLM-L6-v2"
            )
        # Rows of the table of places that are not used: all but BERT itself count from behind the padding's number.
        self._skip = 0 if family == "bert" else int(config.get("pad_token_id", 1)) + 1
        try:
            self.sizes = Sizes(
                hidden=int(config["hidden_size"]),
                layers=int(config["num_hidden_layers"]),
                heads=int(config["num_attention_heads"]),
                feed_forward=int(config["intermediate_size"]),
                vocabulary=int(config["vocab_size"]),
                positions=int(config["max_position_embeddings"]) - self._skip,
                epsilon=float(config.get("layer_norm_eps", 1e-12)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ModelFileError(f"{checkpoint.folder}/config.json does not say {error}; download it again") from error

    def plain(self, name: str) -> Floats:
        """See `E5Weights`."""
        value = self._tensor(name)
        return value[self._skip :].ravel() if name == "emb.pos" else value.ravel()

    def unpacked(self, name: str, width: int) -> Floats:
        """See `E5Weights`."""
        return self._tensor(name).reshape(-1, width)

    def unpacked_rows(self, name: str, width: int, rows: npt.NDArray[np.int64]) -> Floats:
        """Some rows."""
        return self._words[rows] if name == "emb.word" else self.unpacked(name, width)[rows]

    @cached_property
    def _words(self) -> Floats:
        return self._tensor("emb.word")

    @cached_property
    def _places(self) -> dict[str, tuple[Path, str]]:
        """Name without the network's own prefix → file, and its name there."""
        found: dict[str, tuple[Path, str]] = {}
        files = [one for one in self._checkpoint.files if one.suffix == ".safetensors" and one.parent == self._folder]
        try:
            for file in files:
                with safe_open(file, framework="pt") as tensors:
                    for own in tensors.keys():  # noqa: SIM118 - it is no dictionary
                        start = re.search(r"(?:embeddings\.(?:word|position|token|LayerNorm)|encoder\.layer\.\d)", own)
                        if start is not None:
                            found[own[start.start() :]] = (file, own)
        except (OSError, SafetensorError) as error:
            raise ModelFileError(f"{self._folder}: {error}; download the model again") from error
        return found

    @property
    def _folder(self) -> Path:
        return self._checkpoint.folder

    def _tensor(self, name: str) -> Floats:
        there = _called(name)
        old = there.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
        place = self._places.get(there) or self._places.get(old)
        if place is None:
            if name == "emb.type":  # some have none
                return np.zeros((1, self.sizes.hidden), np.float32)
            raise ModelFileError(f"{self._folder} lacks {there}: it is not a complete checkpoint; download it again")
        with safe_open(place[0], framework="pt") as tensors:
            value: Floats = tensors.get_tensor(place[1]).float().numpy()
            return value


class HubBody(E5Body):
    """A checkpoint as a body that can be cut."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(HubWeights(checkpoint))
        self._checkpoint = checkpoint
        self.name = f"{checkpoint.name}/{checkpoint.digest[:16]}"
        self.query_prefix = prompts_of(checkpoint)[1]

    def reading(self, longest: int) -> E5Tokens:
        """Its own tokenizer, as it was made: nothing is replaced before."""
        longest = min(longest, self.sizes.positions)
        if longest not in self._tokens:
            tokenizer = Tokens(self._checkpoint, longest).backend()
            self._tokens = {longest: E5Tokens(tokenizer, {}, longest)}
        return self._tokens[longest]


def _called(name: str) -> str:
    """What the checkpoint calls a tensor, without the network's own prefix."""
    embeddings = {
        "emb.word": "embeddings.word_embeddings.weight", "emb.pos": "embeddings.position_embeddings.weight",
        "emb.type": "embeddings.token_type_embeddings.weight", "emb.ln.w": "embeddings.LayerNorm.weight",
        "emb.ln.b": "embeddings.LayerNorm.bias",
    }  # fmt: skip
    if name in embeddings:
        return embeddings[name]
    matched = _NAMED.fullmatch(name)
    if matched is None:
        raise KeyError(name)
    return f"encoder.layer.{matched[1]}.{_LAYER[matched[2]]}.{'weight' if matched[3] == 'w' else 'bias'}"

"""Networks that a shop fine-tuned on its own products, kept as encoder versions of their own.

    models/<encoder>-<digest>/    model.onnx and what the encoder needs beside it, model.json, manifest.json
    models/current.json           which of them stands in for which encoder (service.finetuning)

A folder appears by one rename and never changes: `digest` is taken over what was learnt, the manifest holds the SHA-256
of every file, and a file that differs is refused. An encoder opened from it has the name of the one it came from and
"+digest" behind its version, so that its vectors have tables of their own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from shoplens.encoders.base import Encoder, EncoderOptions
from shoplens.encoders.model_cache import Conversion, ConvertedModel, WeightFile, prepare
from shoplens.errors import ConfigurationError, ModelFileError
from shoplens.registry import find

FACTS = "model.json"
PREFIX = "finetuned:"
REMEDY = "run: shoplens train --finetune, or delete models/current.json and run: shoplens embed"


class FineTuned:
    """Opens "finetuned:<folder in models/>"; what comes back is the encoder that was fine-tuned."""

    @classmethod
    def open(cls, options: EncoderOptions) -> Encoder:
        """ConfigurationError for a name that is none; ModelFileError when files are missing or altered."""
        if options.models is None:
            raise ConfigurationError(f"{PREFIX}{options.model} belongs to a workspace and opens in one only")
        if options.model != Path(options.model).name or options.model.startswith("."):
            raise ConfigurationError(f"{PREFIX}{options.model} is not the name of a folder in {options.models}")
        return open_finetuned(options.models / options.model, options)


def open_finetuned(folder: Path, options: EncoderOptions) -> Encoder:
    """The encoder in a folder that `write_finetuned` made."""
    model = ConvertedModel(folder, REMEDY)
    facts = read_facts(model)
    kind = find("encoders", facts["base"])
    return cast(Encoder, kind.finetuned(options, model, facts["precision"], facts["digest"]))


def read_facts(model: ConvertedModel) -> dict[str, Any]:
    """What `model.json` says; its hash is checked."""
    try:
        facts = json.loads(model.file(FACTS).read_text(encoding="utf-8"))
        return dict(facts) | {name: str(facts[name]) for name in ("base", "precision", "digest")}
    except (ValueError, KeyError, TypeError) as error:
        raise ModelFileError(f"{model.folder / FACTS} cannot be read ({error}); {REMEDY}") from error


def write_finetuned(
    models: Path,
    facts: Mapping[str, Any],
    learnt: Mapping[str, npt.NDArray[np.float32]],
    source: WeightFile,
    files: tuple[str, ...],
    write: Callable[[Path], None],
) -> Path:
    """Write a version under `models` and return its folder; nothing happens when the very same one is there.

    `facts` name "base" (as the registry does) and "precision"; `learnt` are the numbers that differ from the package's,
    `write` puts `files` into a folder.
    """
    digest = digest_of(facts, learnt)

    def convert(_sources: Mapping[str, Path], folder: Path) -> None:
        write(folder)
        (folder / FACTS).write_text(json.dumps({**facts, "digest": digest}, indent=1), encoding="utf-8")

    made = Conversion(str(facts["base"]), digest, {"weights": source}, (*files, FACTS), convert)
    return prepare(models, made).folder


def digest_of(facts: Mapping[str, Any], learnt: Mapping[str, npt.NDArray[np.float32]]) -> str:
    """Twelve hexadecimal digits of what was learnt and what it was exported as."""
    digest = hashlib.sha256(f"{facts['base']} {facts['precision']}".encode())
    for name in sorted(learnt):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(learnt[name]).data)
    return digest.hexdigest()[:12]

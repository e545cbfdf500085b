"""Checkpoints of the Hugging Face hub: found by name or folder, refused when unsafe, known by their content.

A checkpoint is read only from safetensors and JSON: other weight files are pickles, which may run code when they are
opened. Code that a checkpoint brings along is never run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from shoplens.encoders.model_cache import sha256_of
from shoplens.errors import ConfigurationError, ModelFileError
from shoplens.files import replaced

READ = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")  # configurations, weights, vocabularies, templates
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5", "*.msgpack")
OTHER_FORMATS = frozenset({"onnx", "openvino", "original", "tflite", "coreml"})  # folders with copies we do not read

Stamp = list[tuple[str, int, int]]  # file in the folder, bytes, modification time in ns


@dataclass(frozen=True)
class Checkpoint:
    """A folder with a model in it."""

    name: str  # as the shop wrote it
    folder: Path
    cache: Path  # where digests are remembered

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """config.json; empty where there is none."""
        return self.read_json("config.json")

    @property
    def model_type(self) -> str:
        """What transformers calls the family, such as "bert" or "clip"."""
        return str(self.config.get("model_type", ""))

    @property
    def is_sentence_transformers(self) -> bool:
        """Whether the folder says how token vectors become one vector."""
        return (self.folder / "modules.json").is_file()

    @property
    def is_open_clip(self) -> bool:
        """Whether it is written for open_clip and not for transformers as well."""
        return (self.folder / "open_clip_config.json").is_file() and not self.model_type

    @cached_property
    def files(self) -> list[Path]:
        """All that makes up the model, in a fixed order."""
        found = {path for pattern in READ for path in self.folder.rglob(pattern) if path.is_file()}
        return sorted(path for path in found if not self._is_copy(path))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of names and contents of all files: the same model elsewhere has the same, a changed one another.

        Gigabytes take seconds: the result is remembered until a file's size or time changes.
        """
        stamp: Stamp = [
            (str(path.relative_to(self.folder)), path.stat().st_size, path.stat().st_mtime_ns) for path in self.files
        ]
        remembered = self.remember("digest", {})
        if remembered.get("stamp") == [list(one) for one in stamp]:
            return str(remembered["sha256"])
        whole = hashlib.sha256()
        for path in self.files:
            whole.update(f"{path.relative_to(self.folder).as_posix()} {sha256_of(path)}\n".encode())
        self.remember("digest", {"stamp": stamp, "sha256": whole.hexdigest()}, write=True)
        return whole.hexdigest()

    def remember(self, what: str, value: Mapping[str, Any], *, write: bool = False) -> Mapping[str, Any]:
        """A small fact about this folder, kept in the model cache; `value` where nothing is kept yet."""
        place = hashlib.sha256(str(self.folder.resolve()).encode()).hexdigest()[:16]
        file = self.cache / "hub" / f"{place}-{what}.json"
        if write:
            with replaced(file) as stream:
                stream.write(json.dumps(value).encode())
            return value
        try:
            found: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return value  # not kept, or damaged: it is made again
        return found if isinstance(found, dict) else value

    def read_json(self, name: str) -> Mapping[str, Any]:
        """A JSON object in the folder; empty when it is not there. ModelFileError when it is damaged."""
        path = self.folder / name
        if not path.is_file():
            return {}
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ModelFileError(f"{path} is damaged ({error}); download the model again") from error
        return value if isinstance(value, dict) else {"items": value}

    def check(self) -> None:
        """ModelFileError when there are no weights, or only unsafe ones, or when the model wants its own code run."""
        if not any(path.suffix == ".safetensors" for path in self.files):
            pickles = [path.name for pattern in PICKLES for path in self.folder.rglob(pattern)]
            if pickles:
                raise ModelFileError(
                    f"{self.name}: its weights are {pickles[0]}, a kind of file that may run code when it is opened. "
                    "Take a checkpoint with .safetensors, or convert it where you trust it: "
                    "AutoModel.from_pretrained(folder).save_pretrained(new_folder)"
                )
            raise ModelFileError(f"{self.folder} holds no .safetensors file: it is not a complete checkpoint")
        for module in self.read_json("modules.json").get("items", []):
            kind = str(module.get("type", ""))
            if not kind.startswith("sentence_transformers."):
                raise ModelFileError(f"{self.name} wants to run its own code ({kind}); only models without it are read")
            inside = self.folder / str(module.get("path", ""))
            if any(inside.glob("*.bin")) and not any(inside.glob("*.safetensors")):
                raise ModelFileError(f"{inside}: its weights may run code when they are opened; only .safetensors are")

    def _is_copy(self, path: Path) -> bool:
        return not OTHER_FORMATS.isdisjoint(path.relative_to(self.folder).parts[:-1])


def find_checkpoint(name: str, cache: Path) -> Checkpoint:
    """The model of that name, checked: a local folder, or "owner/model" or "owner/model@revision" on the hub.

    What was downloaded before is taken without asking the network. ConfigurationError when the name is neither,
    ModelFileError when it cannot be downloaded or must not be opened.
    """
    folder = Path(name).expanduser()
    if not folder.is_dir():
        if folder.is_absolute() or name.startswith((".", "~")) or name.count("/") != 1:
            raise ConfigurationError(
                f"there is no model folder {folder}; write an existing folder, or a name of the hub such as BAAI/bge-m3"
            )
        folder = _download(name)
    checkpoint = Checkpoint(name, folder, cache)
    checkpoint.check()
    return checkpoint


def _download(name: str) -> Path:
    """Folder of a hub model, downloaded unless it already is."""
    import httpx
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    model, _, revision = name.partition("@")
    wanted: dict[str, Any] = {
        "revision": revision or None,
        "allow_patterns": list(READ),
        "ignore_patterns": [f"{folder}/*" for folder in sorted(OTHER_FORMATS)],
    }
    try:
        return Path(snapshot_download(model, local_files_only=True, **wanted))
    except LocalEntryNotFoundError:
        pass  # not on this machine yet
    except HFValidationError as error:
        raise ConfigurationError(f"{model!r} is not a name of the hub: {error}") from error
    try:
        return Path(snapshot_download(model, **wanted))
    except (httpx.HTTPError, HfHubHTTPError, OSError, ValueError) as error:
        reason = str(error).strip().split("\n", maxsplit=1)[0]
        raise ModelFileError(
            f"{name} could not be downloaded ({reason}). Without a connection to the hub, put the model into a folder "
            f'(on another machine: hf download {model} --local-dir FOLDER) and write "hub:FOLDER" instead'
        ) from error

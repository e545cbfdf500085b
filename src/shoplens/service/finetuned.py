"""Which fine-tuned networks stand in for the encoders that the settings name: `models/current.json`.

Replaced as a whole by one rename. It also keeps what came of fine-tuning the last time, so that the same is not learnt
twice. Another encoder in the settings puts a stand-in aside: it stands in for the one it was fine-tuned from only.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson
from filelock import FileLock

from shoplens.encoders.finetuned import PREFIX
from shoplens.errors import ModelFileError
from shoplens.features.current import read_current
from shoplens.files import replaced
from shoplens.service.workspace import Workspace

POINTER = "current.json"
UNFINISHED, CHECKPOINT = ".unfinished", ".checkpoint"  # folder in models/, and ending, of what a killed run left
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Tuned:
    """What came of fine-tuning one modality."""

    base: str  # the encoder, as the settings name it
    folder: str = ""  # in models/, of the network that stands in for it; "" = none was better
    fingerprint: str = ""  # of what the last fine-tuning learnt from, and how
    told: str = ""  # in words
    report: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As `open_encoder` knows it; "" when nothing stands in."""
        return f"{PREFIX}{self.folder}" if self.folder else ""


def read_tuned(models: Path) -> dict[str, Tuned]:
    """By modality; empty before anything was fine-tuned. ModelFileError when the file is damaged."""
    path = models / POINTER
    try:
        content = orjson.loads(path.read_bytes())
        if content["format"] != FORMAT:
            raise ModelFileError(f"{path} was written by another version; delete it and run: shoplens embed")
        return {modality: Tuned(**one) for modality, one in content["encoders"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelFileError(f"{path} is damaged; delete it and run: shoplens embed") from error


def write_tuned(models: Path, modality: str, tuned: Tuned) -> None:
    """From now on this is what came of it."""
    models.mkdir(parents=True, exist_ok=True)
    with FileLock(models / f".{POINTER}.lock"):
        known = {**read_tuned(models), modality: tuned}
        content = {"format": FORMAT, "encoders": {name: asdict(one) for name, one in sorted(known.items())}}
        with replaced(models / POINTER, durable=True) as stream:
            stream.write(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY))


def prune_models(workspace: Workspace) -> list[str]:
    """Delete fine-tuned networks that neither answer nor stand in for an encoder; returns their folders.

    Nothing is deleted while fine-tuning is under way, or waits to be taken up again.
    """
    if list((workspace.models / UNFINISHED).glob(f"*{CHECKPOINT}")):
        return []
    wanted = {one.folder for one in read_tuned(workspace.models).values()}
    for used in read_current(workspace.features).values():
        wanted |= {used.setting.removeprefix(PREFIX), used.photo.removeprefix(PREFIX)}
    gone = []
    for folder in sorted(one.parent for one in workspace.models.glob("*/manifest.json")):
        if folder.name not in wanted and not folder.name.startswith("."):
            shutil.rmtree(folder)
            gone.append(folder.name)
    return gone

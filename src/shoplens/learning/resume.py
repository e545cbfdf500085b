"""What a training has so far, kept on disk, so that a killed one goes on instead of starting again.

    <folder>/<stage>/<model>.checkpoint   of a fit that is under way, written by the model after every epoch
    <folder>/<stage>/<model>/             a fitted model, as it saves itself, with fitted.json

The folder belongs to one training: same data, same settings, same seed (the caller sees to that).
"""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

from shoplens.errors import ShoplensError
from shoplens.models.base import Recommender

log = logging.getLogger(__name__)
FITTED = "fitted.json"


class Resume:
    """Keeps fitted models, and says where a model that learns in epochs may keep its state."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def checkpoint(self, stage: str, name: str) -> Path:
        """File for the state of a fit that is under way."""
        path = self.folder / stage / f"{name}.checkpoint"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def fitted(self, stage: str, name: str, model: Recommender) -> tuple[Recommender, float] | None:
        """What `keep` wrote, and the seconds that the fit took, if it did. `model`: an unfitted one."""
        folder = self.folder / stage / name
        if not (folder / FITTED).exists():
            return None
        try:
            told = json.loads((folder / FITTED).read_text(encoding="utf-8"))
            found = type(model).load(folder)
        except (ShoplensError, OSError, ValueError) as error:  # cut off by a power failure, say: fit it again
            log.warning("%s cannot be taken from the training that was stopped: %s", name, error)
            return None
        if "history" in told:
            found.history = told["history"]  # type: ignore[attr-defined]
        return found, float(told["seconds"])

    def keep(self, stage: str, name: str, model: Recommender, seconds: float) -> None:
        """Write a fitted model; a kill at any moment leaves all of it or nothing."""
        folder = self.folder / stage / name
        beside = folder.with_name(f"{name}.part")
        for old in (beside, folder):
            shutil.rmtree(old, ignore_errors=True)
        beside.mkdir(parents=True)
        model.save(beside)
        told: dict[str, Any] = {"seconds": seconds}
        history = getattr(model, "history", None)
        if history is not None:
            told["history"] = list(history)
        (beside / FITTED).write_text(json.dumps(told), encoding="utf-8")
        beside.rename(folder)

    def finish(self) -> None:
        """The training is done: nothing of this is needed again."""
        shutil.rmtree(self.folder, ignore_errors=True)

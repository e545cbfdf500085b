"""Where a training of a workspace keeps what it has so far, until it is finished: `runs/.unfinished/<what>/`."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from shoplens import __version__
from shoplens.domain.dataset import TrainingData
from shoplens.learning.resume import Resume

FOLDER = ".unfinished"
Tell = Callable[[str, int, int], None]


class Claimed(Resume):
    """Belongs to this process until it is released, or the process ends."""

    def __init__(self, folder: Path, lock: FileLock) -> None:
        super().__init__(folder)
        self._lock = lock

    def release(self) -> None:
        """Another training may begin; what was not finished stays."""
        self._lock.release()


def claim(runs: Path, what: Sequence[str], tell: Tell) -> Claimed | None:
    """The place of the training that `what` describes (data, settings, seed), with what a killed one left there.

    None, and word of it, while another process trains in the same workspace. What was left of other data or settings
    can never be used again and is removed.
    """
    folder = runs / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        tell("another training of this workspace is running; this one cannot go on if it is stopped", 1, 1)
        return None
    key = hashlib.sha256("\x1f".join([__version__, *what]).encode()).hexdigest()[:24]
    for old in folder.iterdir():
        if old.is_dir() and old.name != key:
            shutil.rmtree(old, ignore_errors=True)
    if (folder / key).exists():
        tell("a training of the same events was stopped: it goes on", 1, 1)
    (folder / key).mkdir(exist_ok=True)
    return Claimed(folder / key, lock)


def content_fingerprint(data: TrainingData) -> str:
    """SHA-256 of what is learnt from besides events: vectors, texts, fields of people."""
    digest = hashlib.sha256()
    for one in data.modalities:
        digest.update(one.name.encode())
        digest.update(np.ascontiguousarray(one.values).data)
        digest.update(np.ascontiguousarray(one.present).data)
    digest.update("\x1f".join(data.texts or ()).encode())
    if data.profiles is not None:
        for columns in (data.profiles.categorical, data.profiles.numeric):
            for name, column in columns.items():
                digest.update(name.encode())
                digest.update(np.ascontiguousarray(column).data)
    return digest.hexdigest()

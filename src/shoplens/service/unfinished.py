"""Where a training of a workspace keeps what it has so far, until it is finished: `runs/.unfinished/<what>/`."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from shoplens import __version__
from shoplens.domain.dataset import TrainingData
from shoplens.errors import ConflictError
from shoplens.learning.resume import Resume

FOLDER = ".unfinished"
Tell = Callable[[str, int, int], None]


@contextmanager
def training_alone(runs: Path) -> Iterator[None]:
    """One process trains in a workspace: two would need twice the memory, and the one that ends last would answer,
    whatever it had read. ConflictError for the second one. The lock ends with the process, however that ends."""
    folder = runs / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ConflictError(
            "another training of this workspace is running (by hand, or of shoplens schedule); wait until it has "
            "ended, or stop it"
        ) from error
    try:
        yield
    finally:
        lock.release()


def kept_from(runs: Path, what: Sequence[str], tell: Tell) -> Resume:
    """The place of the training that `what` describes (data, settings, seed), with what a killed one left there. What
    was left of other data or settings can never be used again and is removed. Only while `training_alone`."""
    folder = runs / FOLDER
    key = hashlib.sha256("\x1f".join([__version__, *what]).encode()).hexdigest()[:24]
    for old in folder.iterdir():
        if old.is_dir() and old.name != key:
            shutil.rmtree(old, ignore_errors=True)
    if (folder / key).exists():
        tell("a training of the same events was stopped: it goes on", 1, 1)
    (folder / key).mkdir(exist_ok=True)
    return Resume(folder / key)


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

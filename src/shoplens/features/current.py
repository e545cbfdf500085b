"""Which table of each modality is read: `features/current.json`, replaced as a whole by one rename.

Tables of several encoders and versions lie side by side. A run of `embed` with another encoder fills a table of its
own, and only when that is complete does this file name it: whoever reads meanwhile, or after the run was killed, reads
the table before. Processes that write take turns; readers need no lock.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
from filelock import FileLock, Timeout

from shoplens.errors import StoreError
from shoplens.features.table import INDEX, table_folder
from shoplens.files import replaced

FILE_NAME = "current.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class InUse:
    """What made the table of a modality that is read, and how its encoder is opened."""

    setting: str  # the encoder as the settings name it
    precision: str  # as the settings had it
    name: str  # what the encoder says of itself
    version: str
    reader: str = ""  # name and version of what found the texts, in "ocr" and "speech"
    photo: str = ""  # encoder of the frames of videos, as the settings name it

    @property
    def stamp(self) -> str:
        """Changes when the same media would give other vectors."""
        return f"{self.version}+{self.reader}".replace("/", "_") if self.reader else self.version

    @property
    def noted(self) -> str:
        """As bundles note what they were trained on."""
        return f"{self.name}/{self.stamp}"

    def folder(self, features: Path, modality: str) -> Path:
        """Where its table lives."""
        return table_folder(features, modality, self.name, self.stamp)


def folder_noted(features: Path, modality: str, noted: str) -> Path | None:
    """The table that `InUse.noted` stands for; None when it is not there (any longer)."""
    name, slash, stamp = noted.rpartition("/")
    folder = table_folder(features, modality, name, stamp)
    return folder if slash and folder.is_dir() else None


def read_current(features: Path) -> dict[str, InUse]:
    """Modality → table in use; empty before the first complete `embed`. StoreError when the file is damaged."""
    path = features / FILE_NAME
    try:
        content = orjson.loads(path.read_bytes())
        if content["format"] != FORMAT:
            raise StoreError(f"{path} was written by another version; delete it and run `shoplens embed` again")
        return {modality: InUse(**one) for modality, one in content["tables"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"{path} is damaged; delete it and run `shoplens embed` again") from error


def switch(features: Path, modality: str, chosen: InUse) -> InUse | None:
    """From now on this table is read; returns the one before (the same one when nothing changed)."""
    features.mkdir(parents=True, exist_ok=True)
    with FileLock(features / f".{FILE_NAME}.lock"):
        tables = read_current(features)
        before = tables.get(modality)
        if before != chosen:
            tables[modality] = chosen
            _write(features, tables)
    return before


def _write(features: Path, tables: dict[str, InUse]) -> None:
    content = {"format": FORMAT, "tables": {name: asdict(one) for name, one in sorted(tables.items())}}
    with replaced(features / FILE_NAME, durable=True) as stream:
        stream.write(orjson.dumps(content, option=orjson.OPT_INDENT_2))


def prune(features: Path, keep: Collection[tuple[str, str]]) -> list[tuple[str, str]]:
    """Delete tables that are neither in use nor in `keep`; returns what was deleted, as (modality, folder).

    A table that somebody is writing stays. Readers that have a table mapped keep it until they close.
    """
    wanted = {*keep, *((name, one.folder(features, name).name) for name, one in read_current(features).items())}
    gone = []
    for table in sorted(one.parent for one in features.glob("*/*/writer.lock")):
        place = (table.parent.name, table.name)
        if place in wanted:
            continue
        lock = FileLock(table / "writer.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        try:
            (table / INDEX).unlink(missing_ok=True)  # first: without it the table is empty, not damaged
            shutil.rmtree(table)
        finally:
            lock.release()
        gone.append(place)
    return gone

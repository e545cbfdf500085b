"""Vectors for other programs: a shop's tables as .npy files with ids, those of loose files as .npz or Parquet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from shoplens.errors import ConfigurationError
from shoplens.features.modalities import language_means, table_modality
from shoplens.features.table import FeatureTable
from shoplens.service.encoders import modalities_on, table_of, version_of
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store

IDS, MANIFEST = "ids.json", "manifest.json"
ROWS_A_PART = 16_384
ENDINGS = (".npz", ".parquet")

Vectors = npt.NDArray[np.float32]


def export_tables(
    workspace: Workspace,
    store: Store,
    folder: Path,
    *,
    modalities: Sequence[str] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, dict[str, Any]]:
    """Write `<modality>.npy` (float32, a row a product) for each table in use, and what the rows are.

    `ids.json`: modality → item_ids in the order of its rows, which is that of the catalogue. `manifest.json`: encoder,
    size and rows. Vectors are as training reads them: of unit length, those of texts less their language's mean.
    ConfigurationError when nothing can be written into the folder.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigurationError(
            f"nothing can be written into {folder} ({error.strerror}); name another folder"
        ) from error
    ids: dict[str, list[str]] = {}
    facts: dict[str, dict[str, Any]] = {}
    order = store.catalogue.rows().item_id
    for modality in modalities or modalities_on(workspace):
        table = table_of(workspace, modality)
        names = [name for name in order if name in table]
        if not names:
            continue
        _export(table, modality, names, folder / f"{modality}.npy", progress)
        ids[modality] = names
        facts[modality] = {
            "encoder": version_of(workspace, modality),
            "rows": len(names),
            "size": table.size,
            "language_centred": language_means(table) is not None,
        }
    (folder / IDS).write_bytes(orjson.dumps(ids))
    (folder / MANIFEST).write_bytes(orjson.dumps(facts, option=orjson.OPT_INDENT_2))
    return facts


def _export(
    table: FeatureTable,
    modality: str,
    names: Sequence[str],
    file: Path,
    progress: Callable[[str, int, int], None] | None,
) -> None:
    values = np.lib.format.open_memmap(file, "w+", np.dtype("<f4"), (len(names), table.size))
    for start in range(0, len(names), ROWS_A_PART):
        part = names[start : start + ROWS_A_PART]
        values[start : start + len(part)] = table_modality(modality, table, part).values
        if progress is not None:
            progress(f"export {modality}", start + len(part), len(names))
    values.flush()


def check_ending(file: Path) -> None:
    """ConfigurationError unless vectors can be written in this format."""
    if file.suffix not in ENDINGS:
        raise ConfigurationError(f"--out {file}: name a file that ends in {' or '.join(ENDINGS)}")


def write_vectors(file: Path, found: Mapping[str, tuple[Sequence[str], Vectors]]) -> None:
    """Write modality → (names, vectors [n, size]) into one file.

    .npz: arrays `<modality>` and `<modality>_files`. .parquet: rows of file, modality and vector.
    """
    check_ending(file)
    if file.suffix == ".npz":
        arrays: dict[str, Any] = {}
        for modality, (names, vectors) in found.items():
            arrays |= {modality: vectors, f"{modality}_files": np.array(list(names), np.str_)}
        with file.open("wb") as stream:
            np.savez(stream, allow_pickle=False, **arrays)
        return
    import polars

    rows = [
        {"file": name, "modality": modality, "vector": vector.tolist()}
        for modality, (names, vectors) in found.items()
        for name, vector in zip(names, vectors, strict=True)
    ]
    kinds = [("file", polars.String()), ("modality", polars.String()), ("vector", polars.List(polars.Float32()))]
    polars.DataFrame(rows, schema=kinds).write_parquet(file)

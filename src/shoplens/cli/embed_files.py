"""The part of `shoplens embed` that reads loose files: any picture, video, sound or text to its features."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from rich.table import Table

from shoplens.cli.app import console, emit, ready_to_write, stage_progress

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from shoplens.service.loose_files import ReadFile
    from shoplens.service.workspace import Workspace


def embed_files(
    workspace: Workspace, given: Sequence[Path], modalities: Sequence[str] | None, out: Path | None, *, json: bool
) -> bool:
    """Read files (and all files in folders) and print what they hold; whether all could be used.

    A line of JSON a file; with `json` one object for all. With `out` the vectors go there instead.
    """
    from shoplens.service.feature_export import check_ending, write_vectors
    from shoplens.service.loose_files import files_in, read_files

    if out is not None:
        check_ending(out)
        ready_to_write(out)
    files = files_in(given)
    results: list[dict[str, Any]] = []
    refused = 0
    vectors: dict[str, tuple[list[str], list[npt.NDArray[np.float32]]]] = {}
    left_out: dict[str, str] = {}
    with stage_progress() as tell:
        tell("embed files", 0, len(files))
        for number, file in enumerate(read_files(files, workspace=workspace, modalities=modalities), start=1):
            if file.refused:
                refused += 1
                console.print(file.refused, style="yellow", markup=False, highlight=False, soft_wrap=True)
            left_out |= file.left_out
            described = _described(file, with_vectors=out is None)
            if json:
                results.append(described)
            elif out is None:
                sys.stdout.write(orjson.dumps(described, option=orjson.OPT_SERIALIZE_NUMPY).decode() + "\n")
            if out is not None:
                for modality, vector in file.seen.vectors.items():
                    names, rows = vectors.setdefault(modality, ([], []))
                    names.append(str(file.path))
                    rows.append(vector)
            tell("embed files", number, len(files))
    table = Table("modality", "vectors", "size")
    if out is not None:
        import numpy as np

        write_vectors(out, {name: (names, np.stack(rows)) for name, (names, rows) in vectors.items()})
        for name, (names, rows) in vectors.items():
            table.add_row(name, str(len(names)), str(len(rows[0])))
    if json or out is not None:
        written = {"out": str(out)} if out is not None else {}
        emit({"files": results, "left_out": left_out, **written}, json=json, table=table)
    for name, why in left_out.items():
        console.print(f"{name} is left out: {why}", style="dim", markup=False, highlight=False)
    return not refused


def _described(file: ReadFile, *, with_vectors: bool) -> dict[str, Any]:
    """What is printed about a file."""
    if file.refused:
        return {"file": str(file.path), "refused": file.refused}
    seen = file.seen
    modalities: dict[str, Any] = {
        name: {"encoder": seen.encoders[name], "size": len(vector), **({"vector": vector} if with_vectors else {})}
        for name, vector in seen.vectors.items()
    }
    shots = [
        {"start": shot.start, "end": shot.end, **({"vector": shot.vector} if with_vectors else {})}
        for shot in seen.shots
    ]
    colours = [{"en": english, "zh": chinese, "share": share} for english, chinese, share in seen.colours]
    found = [{key: value for key, value in asdict(one).items() if value is not None} for one in seen.found]
    return {
        "file": str(file.path),
        "kind": seen.kind,
        "modalities": modalities,
        **({"shots": shots} if seen.kind == "video" else {}),
        **({"colours": colours} if seen.kind == "image" else {}),
        **({"found_text": found} if seen.kind != "text" else {}),
    }

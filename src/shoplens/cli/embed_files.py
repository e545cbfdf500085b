"""The part of `shoplens embed` that reads loose files: any picture, video, sound or text to its features."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from rich.table import Table

from shoplens.cli.app import console, emit, stage_progress

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from shoplens.service.loose_media import LooseMedia, Part, Seen
    from shoplens.service.media_sources import MediaSources
    from shoplens.service.settings import Workspace

LONGEST_TEXT = 1_000_000  # bytes of a text file


def embed_files(
    workspace: Workspace, given: Sequence[Path], modalities: Sequence[str] | None, out: Path | None, *, json: bool
) -> bool:
    """Read files (and all files in folders) and print what they hold; whether all could be used.

    A line of JSON a file; with `json` one object for all. With `out` the vectors go there instead.
    """
    from shoplens.errors import InputError
    from shoplens.service.feature_export import check_ending, write_vectors
    from shoplens.service.loose_media import LooseMedia
    from shoplens.service.media_sources import MediaSources

    if out is not None:
        check_ending(out)
    files = list(_files(given))
    results: list[dict[str, Any]] = []
    vectors: dict[str, tuple[list[str], list[npt.NDArray[np.float32]]]] = {}
    with stage_progress() as tell, MediaSources(workspace) as sources:
        media = LooseMedia(workspace, sources)
        for number, file in enumerate(files, start=1):
            try:
                seen = _seen(media, sources, file, modalities)
            except InputError as error:
                result: dict[str, Any] = {"file": str(file), "refused": str(error)}
            else:
                for modality, vector in seen.vectors.items():
                    names, rows = vectors.setdefault(modality, ([], []))
                    names.append(str(file))
                    rows.append(vector)
                result = _described(file, seen, with_vectors=out is None)
            results.append(result)
            if out is None and not json:
                sys.stdout.write(orjson.dumps(result, option=orjson.OPT_SERIALIZE_NUMPY).decode() + "\n")
            tell("embed files", number, len(files))
    if out is not None:
        import numpy as np

        write_vectors(out, {name: (names, np.stack(rows)) for name, (names, rows) in vectors.items()})
    if json or out is not None:
        table = Table("modality", "vectors", "size")
        for name, (names, rows) in vectors.items():
            table.add_row(name, str(len(names)), str(len(rows[0])))
        emit({"files": results, **({"out": str(out)} if out is not None else {})}, json=json, table=table)
    if out is not None and not json:
        for one in results:
            if "refused" in one:
                console.print(one["refused"], style="yellow", markup=False, highlight=False)
    return not any("refused" in one for one in results)


def _files(given: Sequence[Path]) -> Iterator[Path]:
    for path in given:
        if path.is_dir():
            files = (one for one in path.rglob("*") if one.is_file())
            yield from sorted(one for one in files if not one.name.startswith("."))
        else:
            yield path


def _seen(media: LooseMedia, sources: MediaSources, file: Path, modalities: Sequence[str] | None) -> Seen:
    """One file, as every modality that reads it and is on (or as those of `modalities`)."""
    from shoplens.errors import InputError
    from shoplens.service.encoders import modalities_on
    from shoplens.service.loose_media import READ_AS

    part = _part(sources, file)
    wanted = [name for name in READ_AS[part.kind] if name in (modalities or modalities_on(media.workspace))]
    if not wanted:
        raise InputError(f"{file}: it is {part.kind}, which none of the chosen modalities reads")
    return media.see([part], [wanted])[0]


def _part(sources: MediaSources, file: Path) -> Part:
    """What a file is, by its content."""
    from shoplens.errors import InputError, UnsafeInputError
    from shoplens.service.file_facts import kind_at
    from shoplens.service.loose_media import Part

    try:
        return Part(kind_at(sources, file, str(file)), file, str(file))
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror})") from error
    except UnsafeInputError:
        raise
    except InputError:
        text = _text(file)
        if text is None:
            raise
        return Part("text", text, str(file))


def _text(file: Path) -> str | None:
    """The text in a file, if it is one."""
    with file.open("rb") as stream:
        content = stream.read(LONGEST_TEXT + 1)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return text if len(content) <= LONGEST_TEXT and _plain(text) else None


def _plain(text: str) -> bool:
    """Whether a text has letters and no control characters but line ends and tabs."""
    return bool(text.strip()) and all(letter.isprintable() or letter in "\r\n\t" for letter in text)


def _described(file: Path, seen: Seen, *, with_vectors: bool) -> dict[str, Any]:
    """What is printed about a file."""
    modalities: dict[str, Any] = {
        name: {"encoder": seen.encoders[name], "size": len(vector), **({"vector": vector} if with_vectors else {})}
        for name, vector in seen.vectors.items()
    }
    shots = [
        {"start": shot.start, "end": shot.end, **({"vector": shot.vector} if with_vectors else {})}
        for shot in seen.shots
    ]
    found = [{key: value for key, value in asdict(one).items() if value is not None} for one in seen.found]
    return {
        "file": str(file),
        "kind": seen.kind,
        "modalities": modalities,
        **({"shots": shots} if seen.kind == "video" else {}),
        **({"found_text": found} if seen.kind != "text" else {}),
    }

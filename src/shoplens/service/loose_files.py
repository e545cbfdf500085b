"""Your own pictures, videos, sound and texts to features: what each file is, its content tells.

from shoplens.service.loose_files import read_files

for file in read_files(["photos/", "film.mp4", "note.txt"]):
    print(file.path, file.refused or {name: vector.shape for name, vector in file.seen.vectors.items()})
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from shoplens.errors import InputError, MissingExtraError, UnsafeInputError
from shoplens.service.encoders import FOUND, encoder_of, known_modality, modalities_on, recogniser_of
from shoplens.service.file_facts import kind_at
from shoplens.service.loose_media import READ_AS, LooseMedia, Part, Seen
from shoplens.service.media_sources import MediaSources
from shoplens.service.settings import Settings
from shoplens.service.workspace import Workspace

LONGEST_TEXT = 1_000_000  # bytes of a text file


@dataclass(frozen=True, slots=True)
class ReadFile:
    """One file and what it holds, or why it could not be used."""

    path: Path
    seen: Seen  # empty when refused
    refused: str = ""
    left_out: Mapping[str, str] = field(default_factory=dict)  # modality → the optional part that it lacks, in words


def files_in(paths: Sequence[Path | str]) -> list[Path]:
    """The files themselves: folders are walked, in order; what is hidden in them is left out."""
    files: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            files += sorted(one for one in path.rglob("*") if one.is_file() and not one.name.startswith("."))
        else:
            files.append(path)
    return files


def read_files(
    paths: Sequence[Path | str], *, workspace: Workspace | None = None, modalities: Sequence[str] | None = None
) -> Iterator[ReadFile]:
    """Features of files, one after the other: by the encoders of a workspace, or by the default ones.

    `modalities`: of those that read a file (`loose_media.READ_AS`), these alone; a missing optional part then raises
    MissingExtraError. Default: all that are on and whose optional part is installed. A file that cannot be used is
    told, not raised.
    """
    shop = workspace if workspace is not None else Workspace(Path(), Settings.read(None))
    chosen = [known_modality(name) for name in modalities] if modalities else modalities_on(shop)

    @cache
    def lacks(modality: str) -> str:
        return "" if modalities else _lacking(shop, modality)

    with MediaSources(shop) as sources:
        media = LooseMedia(shop, sources)
        for path in files_in(paths):
            try:
                part = _part(sources, path)
                wanted = [name for name in READ_AS[part.kind] if name in chosen]
                if not wanted:
                    raise InputError(f"{path}: it is {part.kind}, which none of the chosen modalities reads")
                left_out = {name: why for name in wanted if (why := lacks(name))}
                if len(left_out) == len(wanted):
                    raise InputError(f"{path}: {left_out[wanted[0]]}")
                seen = media.see([part], [[name for name in wanted if name not in left_out]], colours=True)[0]
                yield ReadFile(path, seen, left_out=left_out)
            except InputError as error:
                yield ReadFile(path, Seen(""), str(error))


def _lacking(shop: Workspace, modality: str) -> str:
    """What is not installed of what a modality needs, in words; "" when everything is."""
    try:
        if modality in FOUND:
            recogniser_of(shop, modality)
        else:
            encoder_of(shop, modality)
    except MissingExtraError as error:
        return str(error)
    return ""


def _part(sources: MediaSources, path: Path) -> Part:
    """What a file is, by its content."""
    try:
        return Part(kind_at(sources, path, str(path)), path, str(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except UnsafeInputError:
        raise
    except InputError:
        text = _text(path)
        if text is None:
            raise
        return Part("text", text, str(path))


def _text(path: Path) -> str | None:
    """The text in a file, if it is one: UTF-8 without control characters but line ends and tabs."""
    with path.open("rb") as stream:
        content = stream.read(LONGEST_TEXT + 1)
    try:
        decoder = codecs.getincrementaldecoder("utf-8-sig")()
        text = decoder.decode(content, final=len(content) <= LONGEST_TEXT)  # the cut may go through a letter
    except UnicodeDecodeError:
        return None
    plain = all(letter.isprintable() or letter in "\r\n\t" for letter in text)
    if plain and len(content) > LONGEST_TEXT:
        raise InputError(f"{path}: refused, a text of more than {LONGEST_TEXT:,} bytes")
    return text if plain and text.strip() else None

"""Documents that the assistant answers from: kept in the workspace as they came, read into passages, with vectors.

assistant/documents/<name>      as it was added
assistant/pages/<key>.json      text of PDFs; see `assistant_pages`
assistant/vectors/<key>.npz     what an encoder says of all passages; made again when it is missing
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from shoplens.apps.assistant.knowledge.documents import ENDINGS, Document
from shoplens.apps.assistant.knowledge.index import Knowledge, PassageVectors
from shoplens.apps.assistant.knowledge.passages import Passage, passages_of
from shoplens.encoders.base import TextEncoder
from shoplens.encoders.centring import LanguageMeans
from shoplens.errors import InputError, NotFoundError
from shoplens.files import replaced
from shoplens.service.assistant_pages import DocumentReader
from shoplens.service.workspace import Workspace

LAYOUT = "2"  # raise it when documents come to be cut, read or scored otherwise
_NAME = re.compile(r"[^\w.\-]+")


class Documents:
    """The documents of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self.folder = workspace.assistant / "documents"
        self._reader = DocumentReader(workspace.assistant / "pages")
        self._vectors = workspace.assistant / "vectors"

    def add(self, files: Sequence[Path]) -> list[Document]:
        """Read files, or all documents of folders, and keep them; all or nothing. One of the same name is replaced.

        InputError and FormatError name the file that cannot be used.
        """
        found = [one for file in files for one in _within(file)]
        read = [(document_name(one), one.read_bytes()) for one in found]
        documents = [self._reader.read(name, content) for name, content in read]
        twice = [name for name, count in Counter(name for name, _ in read).items() if count > 1]
        if twice:
            raise InputError(f"two documents have the same name, {twice[0]}; rename one of them")
        for name, content in read:
            self.put(name, content)
        return documents

    def put(self, name: str, content: bytes) -> None:
        """Keep one document, replaced as a whole."""
        with replaced(self.folder / name) as stream:
            stream.write(content)

    def remove(self, name: str) -> None:
        """Take one out. NotFoundError names those there are."""
        if name not in self.names():
            raise NotFoundError(f"no document {name!r}; there are: {', '.join(self.names()) or 'none'}")
        (self.folder / name).unlink()

    def names(self) -> list[str]:
        """In order."""
        if not self.folder.is_dir():
            return []
        return sorted(one.name for one in self.folder.iterdir() if one.suffix.lower() in ENDINGS and one.name[0] != ".")

    def stamp(self) -> tuple[tuple[str, int, int], ...]:
        """Changes with every change."""
        states = [(name, (self.folder / name).stat()) for name in self.names()]
        return tuple((name, state.st_mtime_ns, state.st_size) for name, state in states)

    def passages(self) -> list[Passage]:
        """Of all documents, in order of their names."""
        contents = {name: (self.folder / name).read_bytes() for name in self.names()}
        self._reader.keep_only(contents.values())
        return [
            passage for name, content in contents.items() for passage in passages_of(self._reader.read(name, content))
        ]

    def open(self, encoder: TextEncoder) -> Knowledge | None:
        """Ready to be asked; None without documents."""
        passages = self.passages()
        if not passages:
            return None
        file = self._vectors / f"{_key(passages, encoder)}.npz"
        knowledge = Knowledge(passages, encoder, _read(file, len(passages)))
        if not file.exists():
            _write(file, knowledge)
        return knowledge


def document_name(file: Path) -> str:
    """The name under which a file is kept."""
    return _NAME.sub("_", file.name)[-120:].lstrip("._-") or "document.txt"


def _within(file: Path) -> list[Path]:
    if file.is_dir():
        found = sorted(one for one in file.rglob("*") if one.suffix.lower() in ENDINGS and one.is_file())
        if not found:
            raise InputError(f"{file}: holds no documents ({', '.join(sorted(ENDINGS))})")
        return found
    if not file.is_file():
        raise InputError(f"{file}: there is no such file")
    return [file]


def _key(passages: Sequence[Passage], encoder: TextEncoder) -> str:
    digest = hashlib.sha256(f"{LAYOUT}\x1f{encoder.name}\x1f{encoder.version}".encode())
    for one in passages:
        digest.update(f"{one.id}\x1f{one.title}\x1f{one.text}\x1e".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:24]


def _read(file: Path, count: int) -> PassageVectors | None:
    try:
        with np.load(file, allow_pickle=False) as arrays:
            vectors, means, threshold = arrays["passages"], arrays["means"], float(arrays["threshold"])
    except (OSError, ValueError, KeyError):
        return None
    return PassageVectors(vectors, LanguageMeans(means), threshold) if len(vectors) == count else None


def _write(file: Path, knowledge: Knowledge) -> None:
    for old in file.parent.glob("*.npz"):
        old.unlink(missing_ok=True)
    vectors = knowledge.vectors
    with replaced(file) as stream:
        np.savez(stream, passages=vectors.passages, means=vectors.means.means, threshold=knowledge.threshold)

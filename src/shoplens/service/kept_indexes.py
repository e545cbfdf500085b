"""Indexes of vectors on disk: one process builds each; the others, and whoever starts later, open it in a moment.

    search/vectors/<signal>/kept.json       which generation counts, what made its vectors, how long its files are
    search/vectors/<signal>/<generation>/   vectors.npy, codes.faiss, and places.npz: whose vector each place holds, and
                                            what it was made from

The files are mapped, so that all processes of a machine share one copy in memory. What changed since an index was built
is found by comparing digests of inputs, as with the tables that `embed` writes. The folder can be deleted at any time.
"""

from __future__ import annotations

import logging
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
from filelock import FileLock, Timeout

from shoplens.features.table import DIGEST_BYTES
from shoplens.files import replaced
from shoplens.retrieval.codes import FILES, CodesIndex

log = logging.getLogger(__name__)

FORMAT = 2  # of the files described above
HEAD, PLACES, LOCK = "kept.json", "places.npz", ".building.lock"
NOBODY = bytes(DIGEST_BYTES)  # digest of a place whose product changed or left while the index was built


@dataclass(frozen=True, slots=True)
class KeptIndex:
    """An index that was built before."""

    generation: int  # counts up; a later one is newer
    index: CodesIndex
    ids: list[str]  # [places], whose vector each holds
    digests: list[bytes]  # [places], of the input that it was made from


class KeptIndexes:
    """The indexes of one workspace, by name of signal. Several processes may use the same folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def generation(self, name: str, origin: str) -> int:
        """Of the index that is kept of vectors made with `origin`; 0 when there is none."""
        head = self._head(name)
        return int(head["generation"]) if head is not None and head["origin"] == origin else 0

    def read(self, name: str, origin: str) -> KeptIndex | None:
        """The index that is kept of vectors made with `origin`; None when there is none, or it is damaged."""
        head = self._head(name)
        if head is None or head["origin"] != origin:
            return None
        folder = self._folder / name / str(head["generation"])
        try:
            for file, length in head["bytes"].items():  # a mapped file that is too short would end the process
                if (folder / file).stat().st_size != length:
                    raise ValueError(f"{file} is not {length} bytes long")
            with np.load(folder / PLACES, allow_pickle=False) as places:
                ids, digests = orjson.loads(places["ids"].tobytes()), places["digests"].tobytes()
            index = CodesIndex.load(folder, mapped=True)
            if not len(index) == len(ids) == len(digests) // DIGEST_BYTES:
                raise ValueError("its places do not fit its index")
        except FileNotFoundError:  # another process has just replaced it
            return None
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, zipfile.BadZipFile) as error:
            log.warning("the index of %s in %s is built again: %s", name, folder, error)
            return None
        parts = [digests[start : start + DIGEST_BYTES] for start in range(0, len(digests), DIGEST_BYTES)]
        return KeptIndex(int(head["generation"]), index, ids, parts)

    @contextmanager
    def building(self, name: str) -> Iterator[bool]:
        """Whether it is for this process to build; False while another one does."""
        (self._folder / name).mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._folder / name / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def write(
        self, name: str, origin: str, index: CodesIndex, ids: Sequence[str], digests: Sequence[bytes]
    ) -> tuple[int, CodesIndex]:
        """Keep an index in the place of the one before, inside `building`; its generation, and itself mapped.

        OSError when it cannot be written; what was kept before is still there then.
        """
        own = self._folder / name
        head = self._head(name)
        generation = 1 + (0 if head is None else int(head["generation"]))
        folder = own / str(generation)
        try:
            shutil.rmtree(folder, ignore_errors=True)  # a kill left it
            folder.mkdir()
            index.save(folder)
            with replaced(folder / PLACES) as stream:
                np.savez(
                    stream,
                    allow_pickle=False,
                    ids=np.frombuffer(orjson.dumps(list(ids)), np.uint8),
                    digests=np.frombuffer(b"".join(digests), np.uint8),
                )
            told = {
                "format": FORMAT, "generation": generation, "origin": origin,
                "bytes": {file: (folder / file).stat().st_size for file in (*FILES, PLACES)},
            }  # fmt: skip
            mapped = CodesIndex.load(folder, mapped=True)
            with replaced(own / HEAD, durable=True) as stream:
                stream.write(orjson.dumps(told))
        except (OSError, RuntimeError) as error:  # faiss says RuntimeError when the disk is full
            shutil.rmtree(folder, ignore_errors=True)
            raise OSError(f"{folder} cannot be written: {error}") from error
        for one in own.iterdir():  # processes that have an older one mapped keep it until they let go
            if one.is_dir() and one != folder:
                shutil.rmtree(one, ignore_errors=True)
        return generation, mapped

    def _head(self, name: str) -> dict[str, Any] | None:
        try:
            head: dict[str, Any] = orjson.loads((self._folder / name / HEAD).read_bytes())
            return head if head["format"] == FORMAT and {"generation", "origin", "bytes"} <= set(head) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None


def digests_of(ids: Sequence[str], known: dict[str, bytes]) -> list[bytes]:
    """What `write` keeps of these products."""
    return [one if len(one := known.get(item_id, NOBODY)) == DIGEST_BYTES else NOBODY for item_id in ids]


def same_inputs(kept: KeptIndex, digests: dict[str, bytes]) -> npt.NDArray[np.bool_]:
    """Which places hold a vector of what the table was made from. [places]"""
    same = [
        digests.get(item_id, NOBODY) == digest != NOBODY for item_id, digest in zip(kept.ids, kept.digests, strict=True)
    ]
    return np.array(same, np.bool_)

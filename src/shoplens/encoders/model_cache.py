"""Pretrained models: found in an installed package, checked, converted once, kept in a folder, checked again when used.

One conversion has one folder, `<name>-<version>/`, with the converted files and `manifest.json`. It appears by one
rename, so a killed conversion leaves nothing that looks finished; a lock lets several processes start at the same time.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from filelock import FileLock

from shoplens.errors import ModelFileError

MANIFEST = "manifest.json"

#: Files whose full hash was right in this process: path → (inode, bytes, modification time in ns) at that moment.
_VERIFIED: dict[Path, tuple[int, int, int]] = {}


@dataclass(frozen=True, slots=True)
class WeightFile:
    """A file inside an installed package, pinned. These packages have one maintainer each, hence the hash."""

    package: str  # as pip calls it
    version: str
    module: str  # importable name
    path: str  # inside the module's folder
    sha256: str
    instead: str  # what to do when it cannot be had

    def locate(self) -> Path:
        """Where the file is, its hash checked. ModelFileError when it is missing or altered."""
        try:
            installed = installed_version(self.package)
            spec = find_spec(self.module)  # finds without importing
        except (PackageNotFoundError, ModuleNotFoundError):
            installed, spec = "", None
        if spec is None or not spec.submodule_search_locations:
            raise ModelFileError(f"the package {self.package} is not installed{self._remedy()}")
        file = Path(spec.submodule_search_locations[0]) / self.path
        if not file.is_file():
            raise ModelFileError(f"{file} is missing from the package {self.package} {installed}{self._remedy()}")
        if sha256_of(file) != self.sha256:
            raise ModelFileError(
                f"{file} of the package {self.package} {installed} is not the file that was checked "
                f"(its SHA-256 differs): it is damaged, altered or of another version{self._remedy()}"
            )
        return file

    def _remedy(self) -> str:
        return (
            f". Install exactly this: pip install --force-reinstall {self.package}=={self.version}; or {self.instead}"
        )


@dataclass(frozen=True, slots=True)
class Conversion:
    """How weight files become the files that an encoder loads.

    `convert(sources, folder)` writes `files` into the folder. `version` must change when the result would.
    """

    name: str
    version: str
    sources: Mapping[str, WeightFile]
    files: tuple[str, ...]
    convert: Callable[[Mapping[str, Path], Path], None]


class ConvertedModel:
    """A folder of converted files."""

    def __init__(self, folder: Path, remedy: str) -> None:
        self.folder = folder
        self._remedy = remedy
        self._entries = self._read_manifest()

    def file(self, name: str) -> Path:
        """Path of a converted file. Hashed in full the first time in this process, later by size and time only.

        ModelFileError when it is missing or altered.
        """
        path = (self.folder / name).resolve()
        expected = self._entries.get(name)
        if expected is None or not path.is_file():
            raise ModelFileError(f"{path} is missing; {self._remedy}")
        status = path.stat()
        stamp = (status.st_ino, status.st_size, status.st_mtime_ns)
        if _VERIFIED.get(path) == stamp:
            return path
        if status.st_size != expected["bytes"] or sha256_of(path) != expected["sha256"]:
            raise ModelFileError(f"{path} was altered after it was converted; {self._remedy}")
        _VERIFIED[path] = stamp
        return path

    def _read_manifest(self) -> dict[str, Any]:
        try:
            entries: dict[str, Any] = json.loads((self.folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelFileError(f"{self.folder / MANIFEST} cannot be read; {self._remedy}") from error
        return entries


def prepare(cache: Path, conversion: Conversion) -> ConvertedModel:
    """The converted model, converting it first when this cache does not have it.

    Safe in several processes at once: the first converts, the others wait. ModelFileError as in `WeightFile.locate`.
    """
    folder = cache / f"{conversion.name}-{conversion.version}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f"{folder.name}.lock"):
            if not folder.exists():
                _convert(folder, conversion)
    packages = " and ".join(sorted({f"{one.package}=={one.version}" for one in conversion.sources.values()}))
    return ConvertedModel(folder, f"delete the folder {folder} to convert it again from {packages}")


def sha256_of(file: Path) -> str:
    """Hex digest of a file's content."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _convert(folder: Path, conversion: Conversion) -> None:
    """Convert beside the final place and rename; the caller holds the lock."""
    for abandoned in folder.parent.glob(f".{folder.name}.*"):  # of a process that was killed: we hold the lock
        shutil.rmtree(abandoned, ignore_errors=True)
    sources = {role: weights.locate() for role, weights in conversion.sources.items()}
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        conversion.convert(sources, partial)
        manifest = {
            "name": conversion.name,
            "version": conversion.version,
            "sources": {
                role: {"package": one.package, "version": one.version, "file": one.path, "sha256": one.sha256}
                for role, one in conversion.sources.items()
            },
            "files": {
                name: {"bytes": (partial / name).stat().st_size, "sha256": sha256_of(partial / name)}
                for name in conversion.files
            },
        }
        (partial / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        for file in partial.iterdir():
            _sync(file)
        partial.chmod(0o755)  # mkdtemp makes it private; the cache may be shared, and it is not secret
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _sync(file: Path) -> None:
    """Put a file's content on the disk before its name appears."""
    with file.open("rb") as stream:
        os.fsync(stream.fileno())

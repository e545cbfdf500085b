"""Models of texts that a shop trained, by name: `text-models/NAME/<version>/`, versions side by side.

    manifest.json      what kind of model, from which data, how good, and the SHA-256 of every file
    …                  the model's own files
    ../current         the version that answers, replaced as a whole by one rename

A version is written next to the others and only then named: whoever reads meanwhile reads the one before.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import orjson
from filelock import FileLock

from shoplens.errors import ConfigurationError, ModelFileError, NotFoundError, did_you_mean
from shoplens.learning.runs.code_version import code_version

FORMAT = 1
FOLDER = "text-models"  # in a workspace
MANIFEST = "manifest.json"
POINTER = "current"
KEPT = 3  # versions of a name that stay, the current one among them
AGAIN = "train it again"
CLASSIFIER, TAGGER = "classifier", "tagger"  # kinds of models

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")


class Saves(Protocol):
    """A model that can write itself into an existing, empty folder."""

    def save(self, folder: Path) -> None:
        """Write every file that loading needs."""
        ...


@dataclass(frozen=True, slots=True)
class SavedTextModel:
    """One version on disk, as its manifest tells of it."""

    name: str
    version: str
    folder: Path  # what the model's own `load` is given
    kind: str  # "classifier", "tagger", …
    labels: tuple[str, ...]
    metrics: Mapping[str, Any]
    encoder: str | None  # "name/version" of the frozen encoder that it reads with
    data: str  # fingerprint of what it was trained on
    created: str  # ISO 8601, UTC
    code: Mapping[str, Any]
    details: Mapping[str, Any]  # whatever else its maker noted


class TextModels:
    """The named models of one folder, usually `workspace.root / "text-models"`."""

    def __init__(self, home: Path) -> None:
        self.home = home

    @classmethod
    def of(cls, workspace_root: Path) -> TextModels:
        """Those of a workspace."""
        return cls(workspace_root / FOLDER)

    def save(
        self,
        name: str,
        model: Saves,
        *,
        kind: str,
        labels: Sequence[str],
        metrics: Mapping[str, Any],
        data: str,
        encoder: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> SavedTextModel:
        """Write a new version and let it answer from now on.

        ConfigurationError for a name that cannot be a folder, or that is a model of another kind already: nobody's
        tagger is to be replaced by a classifier.
        """
        home = self.home / checked_name(name)
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / ".lock"):
            self._refuse_other_kind(name, kind)
            version = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{uuid.uuid4().hex[:8]}"
            building = home / f".{version}"
            building.mkdir()
            try:
                model.save(building)
                manifest = {
                    "format": FORMAT,
                    "name": name,
                    "version": version,
                    "kind": kind,
                    "labels": list(labels),
                    "metrics": dict(metrics),
                    "encoder": encoder,
                    "data": data,
                    "created": datetime.now(UTC).isoformat(timespec="seconds"),
                    "code": code_version(),
                    "details": dict(details or {}),
                    "files": {file: _described(building / file) for file in _files(building)},
                }
                _write_manifest(building, manifest)
                building.rename(home / version)
            except BaseException:
                shutil.rmtree(building, ignore_errors=True)
                raise
            _point(home, version)
            self._prune(home, version)
        return self.open(name)

    def open(self, name: str, version: str | None = None) -> SavedTextModel:
        """A version, by default the one that answers, after checking every file.

        NotFoundError names the models there are; ModelFileError when a file is missing, added or altered.
        """
        folder = self._folder(name, version)
        manifest = _read_manifest(folder)
        listed = manifest["files"]
        there = set(_files(folder)) - {MANIFEST}
        if there != set(listed):
            odd = sorted(there ^ set(listed))[0]
            raise ModelFileError(f"{folder}: the file {odd} is missing or does not belong to the model; {AGAIN}")
        for file, expected in listed.items():
            if _described(folder / file) != expected:
                raise ModelFileError(f"{folder / file} is damaged or was altered; {AGAIN}")
        return _saved(folder, manifest)

    def names(self, kind: str | None = None) -> list[str]:
        """Models that answer, of one kind or of all, in order. Their files are not checked here."""
        return [one.name for one in self.all(kind)]

    def all(self, kind: str | None = None) -> list[SavedTextModel]:
        """What the manifests of the current versions say; models whose manifest is damaged are left out."""
        found = []
        for home in sorted(self.home.iterdir()) if self.home.is_dir() else []:
            try:
                if _NAME.fullmatch(home.name):
                    folder = self._folder(home.name, None)
                    found.append(_saved(folder, _read_manifest(folder)))
            except (NotFoundError, ModelFileError):
                continue
        return [one for one in found if kind is None or one.kind == kind]

    def versions(self, name: str) -> list[str]:
        """Versions of a model on disk, newest first."""
        home = self.home / checked_name(name)
        return sorted((one.name for one in home.glob("[!.]*") if (one / MANIFEST).is_file()), reverse=True)

    def stamp(self, name: str) -> str:
        """The version that answers now, cheap enough to ask at every request. NotFoundError as in `open`."""
        return self._folder(name, None).name

    def switch(self, name: str, version: str) -> SavedTextModel:
        """Let another version answer, after checking it."""
        chosen = self.open(name, version)
        with FileLock(self.home / name / ".lock"):
            _point(self.home / name, version)
        return chosen

    def discard(self, name: str, version: str) -> None:
        """Delete one version, unless it is the one that answers."""
        with FileLock(self.home / checked_name(name) / ".lock"):
            if version != self.stamp(name):
                shutil.rmtree(self._folder(name, version))

    def remove(self, name: str) -> None:
        """Delete a model with all its versions. NotFoundError when there is none of that name."""
        if not self.versions(name):
            raise NotFoundError(self._none(name))
        shutil.rmtree(self.home / name)

    def _folder(self, name: str, version: str | None) -> Path:
        if not _NAME.fullmatch(name):
            raise NotFoundError(self._none(name))
        home = self.home / name
        try:
            chosen = version if version is not None else str(orjson.loads((home / POINTER).read_bytes())["version"])
        except FileNotFoundError:
            raise NotFoundError(self._none(name)) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelFileError(f"{home / POINTER} cannot be read ({error}); {AGAIN}") from error
        folder = home / chosen
        if not chosen or folder.parent != home or chosen.startswith(".") or not (folder / MANIFEST).is_file():
            raise NotFoundError(f"the model {name!r} has no version {chosen!r}; it has: {self._listed(name)}")
        return folder

    def _listed(self, name: str) -> str:
        return ", ".join(self.versions(name)) or "none"

    def _none(self, name: str) -> str:
        there = sorted(pointer.parent.name for pointer in self.home.glob(f"[!.]*/{POINTER}"))
        if not there:
            none = "none was trained yet: shoplens classify train, shoplens entities train"
            return f"there is no text model {name!r}, {none}"
        return f"there is no text model {name!r}; {did_you_mean(name, there)}there are: {', '.join(there)}"

    def _refuse_other_kind(self, name: str, kind: str) -> None:
        try:
            folder = self._folder(name, None)
            before = _read_manifest(folder)["kind"]
        except (NotFoundError, ModelFileError):
            return
        if before != kind:
            raise ConfigurationError(f"{name!r} is a {before} already; choose another name for a {kind}")

    def _prune(self, home: Path, current: str) -> None:
        others = [version for version in self.versions(home.name) if version != current]
        for version in others[KEPT - 1 :]:
            shutil.rmtree(home / version, ignore_errors=True)


def checked_name(name: str) -> str:
    """The same name; ConfigurationError when it cannot be one."""
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name!r} cannot be the name of a model: use up to 63 of a-z, 0-9, - _ and . (not first)"
        )
    return name


def fingerprint(parts: Sequence[Sequence[str]]) -> str:
    """SHA-256 of columns of texts, in order: the same data give the same, and hardly anything else does."""
    digest = hashlib.sha256()
    for column in parts:
        digest.update(f"{len(column)}\x1e".encode())
        for text in column:
            digest.update(f"{len(text)}\x1f".encode())
            digest.update(text.encode(errors="surrogatepass"))
    return digest.hexdigest()


def _saved(folder: Path, manifest: Mapping[str, Any]) -> SavedTextModel:
    return SavedTextModel(
        name=folder.parent.name,
        version=folder.name,
        folder=folder,
        kind=manifest["kind"],
        labels=tuple(manifest["labels"]),
        metrics=manifest["metrics"],
        encoder=manifest["encoder"],
        data=manifest["data"],
        created=manifest["created"],
        code=manifest["code"],
        details=manifest["details"],
    )


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = orjson.loads(path.read_bytes())
        if manifest["format"] != FORMAT:
            raise ModelFileError(
                f"{path} has format {manifest['format']}, this version of Shoplens reads {FORMAT}; {AGAIN}"
            )
        if manifest["digest"] != _digest(manifest):
            raise ModelFileError(f"{path} was altered after it was written; {AGAIN}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFileError(f"{path} cannot be read ({error}); {AGAIN}") from error
    return dict(manifest)


def _write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    plain = orjson.loads(orjson.dumps(manifest, option=orjson.OPT_SERIALIZE_NUMPY))  # as a reader will see it
    plain["digest"] = _digest(plain)
    _write(folder / MANIFEST, orjson.dumps(plain, option=orjson.OPT_INDENT_2))
    for file in _files(folder):
        with (folder / file).open("rb") as stream:
            os.fsync(stream.fileno())


def _digest(manifest: Mapping[str, Any]) -> str:
    rest = {name: value for name, value in manifest.items() if name != "digest"}
    return hashlib.sha256(orjson.dumps(rest, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _files(folder: Path) -> list[str]:
    """All files under a folder, as POSIX paths, sorted; links are refused."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise ModelFileError(f"{folder}: {path.name} is a link; a model holds plain files only")
        if path.is_file():
            found.append(path.relative_to(folder).as_posix())
    return found


def _described(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"sha256": hashlib.file_digest(file, "sha256").hexdigest(), "bytes": path.stat().st_size}


def _point(home: Path, version: str) -> None:
    partial = home / f".{POINTER}-{uuid.uuid4().hex}"
    _write(partial, orjson.dumps({"version": version}))
    partial.replace(home / POINTER)


def _write(file: Path, content: bytes) -> None:
    with file.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())

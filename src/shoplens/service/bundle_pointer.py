"""Which bundle answers: the file `bundles/current`, replaced atomically, so every process sees the old or the new."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import EllipsisType
from typing import Any

import orjson

from shoplens.errors import BundleError, ConflictError, NotFoundError
from shoplens.service.bundle import MANIFEST, read_manifest, verify_bundle

POINTER = "current"
GONE = ".gone-"  # names what is being deleted
KEPT = 20  # versions that the pointer remembers for rolling back


@dataclass(frozen=True, slots=True)
class BundleEntry:
    """One bundle as listed."""

    version: str
    current: bool
    created: str | None
    items: int | None
    shipped: str | None
    metrics: dict[str, Any]
    problem: str | None = None  # why it cannot be used


def current_version(bundles: Path) -> str | None:
    """The version that answers, or None before the first promotion."""
    trail = _trail(bundles)
    return trail[0] if trail else None


def earlier_version(bundles: Path) -> str | None:
    """The version that rolling back would return to; None when there is none."""
    return next(iter(earlier_versions(bundles)), None)


def list_bundles(bundles: Path) -> list[BundleEntry]:
    """All bundles, newest first. Checksums are verified on opening, not here."""
    current = current_version(bundles)
    entries = []
    for folder in sorted(bundles.glob("[!.]*"), reverse=True) if bundles.is_dir() else []:
        if not folder.is_dir():
            continue
        try:
            manifest = read_manifest(folder)
        except BundleError as error:
            entries.append(BundleEntry(folder.name, folder.name == current, None, None, None, {}, str(error)))
            continue
        entries.append(
            BundleEntry(
                folder.name,
                folder.name == current,
                manifest["created"],
                manifest["items"],
                manifest["shipped"],
                manifest["metrics"],
            )
        )
    return entries


def bundle_folder(bundles: Path, version: str) -> Path:
    """Folder of a version; NotFoundError when there is none. A version is one folder name, never a path."""
    folder = bundles / version
    if not version or folder.parent != bundles or version.startswith(".") or not (folder / MANIFEST).is_file():
        raise NotFoundError(f"no bundle {version!r}; see: shoplens bundles list")
    return folder


def promote(bundles: Path, version: str, *, instead_of: str | EllipsisType | None = ...) -> str | None:
    """Let this version answer from now on, after verifying it. Returns the version before it.

    `instead_of`: the version (None: none) that it was judged against; ConflictError when another answers by now.
    """
    verify_bundle(bundle_folder(bundles, version))
    with _exclusive(bundles):
        trail = _trail(bundles)
        before = trail[0] if trail else None
        if instead_of is not ... and instead_of != before:
            raise ConflictError(f"meanwhile {before or 'none'} answers, which it was not judged against")
        if version != before:
            _write(bundles, [version, *(one for one in trail if one != version)])
    return before


def rollback(bundles: Path, version: str | None = None) -> str:
    """Return to the version before the current one and return its name.

    `version`, when given, must be the current one: so two people who press the button go back one step, not two.
    """
    with _exclusive(bundles):
        trail = _trail(bundles)
        if version is not None and (not trail or trail[0] != version):
            raise BundleError(f"{version} is not the bundle that answers now ({trail[0] if trail else 'none'} does)")
        earlier = earlier_versions(bundles)
        if not earlier:
            raise BundleError("there is no earlier bundle to return to; promote one: shoplens bundles promote VERSION")
        verify_bundle(bundles / earlier[0])
        _write(bundles, earlier)
    return earlier[0]


def earlier_versions(bundles: Path) -> list[str]:
    """Those that answered before the current one and are still there, the latest first."""
    return [one for one in _trail(bundles)[1:] if (bundles / one / MANIFEST).is_file()]


def prunable(bundles: Path, keep: int, spared: Collection[str] = ()) -> list[str]:
    """Bundles that nobody would return to, oldest first: all but the current one, the `keep - 1` before it that once
    answered, what is newer than the current one, and `spared` (those of running experiments). None before the first
    promotion."""
    trail = [one for one in _trail(bundles) if (bundles / one).is_dir()]
    if not trail:
        return []
    kept = {*trail[: max(keep, 1)], *spared}
    names = sorted(folder.name for folder in bundles.glob("[!.]*") if folder.is_dir())
    return [name for name in names if name not in kept and name < trail[0]]


def prune(bundles: Path, keep: int, spared: Collection[str] = ()) -> list[str]:
    """Delete what is `prunable`. A bundle goes as a whole: a kill leaves a hidden folder that the next call deletes."""
    with _exclusive(bundles):
        gone = prunable(bundles, keep, spared)
        for name in gone:
            (bundles / name).replace(bundles / f"{GONE}{name}-{uuid.uuid4().hex[:8]}")
    for folder in bundles.glob(f"{GONE}*"):
        shutil.rmtree(folder, ignore_errors=True)
    return gone


def _trail(bundles: Path) -> list[str]:
    """Promoted versions, the current one first."""
    try:
        trail = orjson.loads((bundles / POINTER).read_bytes())["trail"]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{bundles / POINTER} cannot be read ({error}); promote a bundle again") from error
    return [str(version) for version in trail]


def _write(bundles: Path, trail: list[str]) -> None:
    fresh = bundles / f".{POINTER}-{uuid.uuid4().hex}"
    with fresh.open("wb") as file:
        file.write(orjson.dumps({"trail": trail[:KEPT]}))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(bundles / POINTER)


@contextmanager
def _exclusive(bundles: Path) -> Iterator[None]:
    """One process at a time reads and replaces the pointer."""
    bundles.mkdir(parents=True, exist_ok=True)
    with (bundles / ".lock").open("w") as lock:
        try:
            import fcntl
        except ModuleNotFoundError:  # not on Windows, where the replacement is still atomic
            yield
            return
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

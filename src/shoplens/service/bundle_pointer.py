"""Which bundle answers: the file `bundles/current`, replaced atomically, so every process sees the old or the new."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from shoplens.errors import BundleError, NotFoundError
from shoplens.service.bundle import MANIFEST, read_manifest, verify_bundle

POINTER = "current"
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
    return next((one for one in _trail(bundles)[1:] if (bundles / one / MANIFEST).is_file()), None)


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


def promote(bundles: Path, version: str) -> str | None:
    """Let this version answer from now on, after verifying it. Returns the version before it."""
    verify_bundle(bundle_folder(bundles, version))
    with _exclusive(bundles):
        trail = _trail(bundles)
        before = trail[0] if trail else None
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
        earlier = [one for one in trail[1:] if (bundles / one / MANIFEST).is_file()]  # without what was deleted
        if not earlier:
            raise BundleError("there is no earlier bundle to return to; promote one: shoplens bundles promote VERSION")
        verify_bundle(bundles / earlier[0])
        _write(bundles, earlier)
    return earlier[0]


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

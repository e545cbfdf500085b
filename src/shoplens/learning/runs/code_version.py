"""Which code is running: the version of the package, and the git revision when it runs out of a checkout."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import shoplens

PATIENCE = 10.0  # seconds; a checkout on a slow disk may take one or two


def code_version() -> dict[str, str | bool | None]:
    """`shoplens` (version), `revision` (None outside a checkout) and `changed` (files differ from the revision)."""
    return {"shoplens": shoplens.__version__, **checkout(Path(shoplens.__file__).parent)}


def checkout(folder: Path) -> dict[str, str | bool | None]:
    """Revision of a folder of code, when git keeps that very folder; a copy installed inside somebody else's checkout
    is not of its revision."""
    unknown: dict[str, str | bool | None] = {"revision": None, "changed": None}
    if _git(folder, "ls-files", "--error-unmatch", "__init__.py") is None:
        return unknown
    revision, changed = _git(folder, "rev-parse", "HEAD"), _git(folder, "status", "--porcelain", "--", ".")
    if revision is None or changed is None:
        return unknown
    return {"revision": revision, "changed": bool(changed)}


def _git(folder: Path, *arguments: str) -> str | None:
    """What git says, None when it is not there or refuses."""
    git = shutil.which("git")
    if git is None:
        return None
    command = [git, "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - fixed words and our own folder
            command, capture_output=True, text=True, timeout=PATIENCE, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None

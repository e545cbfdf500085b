"""A Python environment of its own for a peer whose requirements do not agree with ours."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

PACKAGES = (("torch==2.13.0",), ("rectools==0.19.0", "pytorch-lightning"))  # torch first and alone, as in the Makefile


def rectools_python() -> Path:
    """The interpreter of an environment with RecTools; made on first use (some minutes, about 1 GB) under ~/.cache.

    OSError or CalledProcessError when it cannot be made.
    """
    folder = Path.home() / ".cache" / "shoplens" / "benchmarks" / "rectools"
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    ready = folder / "ready"
    if not ready.exists():
        print(f"installing RecTools into {folder}", file=sys.stderr, flush=True)
        venv.create(folder, clear=True, with_pip=True)
        for packages in PACKAGES:
            subprocess.run(
                [str(python), "-m", "pip", "--disable-pip-version-check", "install", "-q", *packages],
                check=True,
                stdout=sys.stderr,
            )
        ready.touch()
    return python

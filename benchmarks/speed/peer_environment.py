"""Python environments of their own for peers that do not agree with our requirements, or are only compared with."""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

#: Peer → what pip installs, one call after the other; torch first and alone, as in the Makefile.
PACKAGES: dict[str, tuple[Sequence[str], ...]] = {
    "rectools": (("torch==2.13.0",), ("rectools==0.19.0", "pytorch-lightning")),
    "rectools_service": (("rectools==0.19.0", "fastapi", "uvicorn", "httptools", "orjson", "threadpoolctl"),),
    "search": (("bm25s==0.3.16", "lancedb==0.40.0", "numpy", "pyarrow"),),
}


def peer_python(name: str) -> Path:
    """The interpreter of an environment with a peer of PACKAGES.

    Made on first use (up to some minutes, about 1 GB) under ~/.cache; OSError or CalledProcessError when that fails.
    """
    folder = Path.home() / ".cache" / "shoplens" / "benchmarks" / name
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    ready = folder / "ready"
    if not ready.exists():
        print(f"installing {name} into {folder}", file=sys.stderr, flush=True)
        venv.create(folder, clear=True, with_pip=True)
        for packages in PACKAGES[name]:
            subprocess.run(
                [str(python), "-m", "pip", "--disable-pip-version-check", "install", "-q", *packages],
                check=True,
                stdout=sys.stderr,
            )
        ready.touch()
    return python

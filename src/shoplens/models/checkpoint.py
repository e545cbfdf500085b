"""The state of a fit in a file: written whole or not at all, and used by the very same fit only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from shoplens.files import replaced


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Save tensors and plain values; a kill at any moment leaves the old file or the new one."""
    with replaced(path) as stream:
        torch.save(dict(state), stream)


def read_state(path: Path, fingerprint: str) -> dict[str, Any] | None:
    """What was saved with this "fingerprint"; None when there is no such file, or it is damaged or of another fit.

    On the CPU, whatever device it was saved from: networks and optimisers copy what they load to where they are, but
    for counters of steps, which must not be on a GPU, or every step would wait for it to tell them.
    """
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # what reading damaged bytes ends in depends on the bytes; learning then starts afresh
        return None
    return state if isinstance(state, dict) and state.get("fingerprint") == fingerprint else None

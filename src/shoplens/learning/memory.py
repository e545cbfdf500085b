"""Handing memory back between the stages of a training."""

from __future__ import annotations

import ctypes
import gc


def give_back() -> None:
    """Collect garbage and let the C library return what it keeps for later.

    Fitting allocates and frees blocks of ever-changing size; glibc keeps them, and the stages of one training would add
    up to several gigabytes. Elsewhere (other C libraries) only the garbage is collected.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)

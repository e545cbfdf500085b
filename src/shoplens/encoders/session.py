"""ONNX Runtime sessions, opened in one way."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar

import onnxruntime

Loaded = TypeVar("Loaded")


class Later(Generic[Loaded]):
    """Something slow to load, loaded once, when it is first needed, also when several threads need it at once."""

    def __init__(self, load: Callable[[], Loaded]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._loaded: Loaded | None = None

    def get(self) -> Loaded:
        """The thing itself; errors of loading are raised here, and the next call tries again."""
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded


def open_session(model: Path, threads: int | None) -> Any:
    """A session on the processor. `threads` share each operator; None = all cores this process may use.

    A session may be called from several threads at once.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or available_cores()
    options.inter_op_num_threads = 1  # the graphs are chains: nothing to run side by side
    options.log_severity_level = 3  # errors only
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads must not burn a core
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


@cache
def has_bfloat16_tiles() -> bool:
    """Whether the processor has units for matrices of bfloat16 (AMX). Without torch, whose import takes seconds."""
    try:
        return " amx_bf16 " in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:  # not Linux
        return False


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1

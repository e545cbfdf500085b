"""ONNX Runtime sessions, opened in one way."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import onnxruntime


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


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1

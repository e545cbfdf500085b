"""Where a hub model runs, and in which precision."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from shoplens.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Hardware:
    """A device and the kind of numbers that it reckons with."""

    device: torch.device
    dtype: torch.dtype
    _turn: threading.Lock = field(default_factory=threading.Lock, compare=False, repr=False)

    @property
    def precision(self) -> str:
        """ "bf16", "fp16" or "fp32"."""
        return {torch.bfloat16: "bf16", torch.float16: "fp16"}.get(self.dtype, "fp32")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Inside, one thread at a time reckons: torch fills the cores by itself. Inputs are prepared outside."""
        with self._turn, torch.inference_mode(), _exact() if self._is_exact else nullcontext():
            yield

    @property
    def _is_exact(self) -> bool:
        return self.device.type == "cuda" and self.dtype == torch.float32

    def take(self, values: Tensor) -> Tensor:
        """On the device; numbers with a fraction in the precision, whole ones as they are."""
        return values.to(self.device, self.dtype if values.is_floating_point() else values.dtype)


def choose_hardware(device: str, precision: str) -> Hardware:
    """The device by name ("auto" takes an accelerator where there is one), and the precision.

    "fp32" is fp32 everywhere. Anything else is the fastest that keeps quality: bfloat16 where the chip multiplies it
    (AMX or AVX-512 BF16, CUDA since Ampere), float16 on older CUDA devices, else fp32. ConfigurationError for a device
    that this machine does not have.
    """
    try:
        where = torch.device(_found() if device == "auto" else device)
    except RuntimeError as error:
        raise ConfigurationError(f"device {device!r} is unknown; write auto, cpu, cuda, cuda:1 or mps") from error
    if where.type == "cuda" and (where.index or 0) >= torch.cuda.device_count():
        raise ConfigurationError(f"there is no device {device!r} on this machine; write auto or cpu")
    if where.type == "mps" and not torch.backends.mps.is_available():
        raise ConfigurationError(f"there is no device {device!r} on this machine; write auto or cpu")
    return Hardware(where, torch.float32 if precision == "fp32" else _fast(where))


@contextmanager
def _exact() -> Iterator[None]:
    """Inside, convolutions on CUDA reckon in fp32. By themselves they cut numbers to 10 bits (TF32), and vectors of
    photos would not be those of a CPU, whose version says fp32 too."""
    backend: Any = torch.backends.cudnn  # its switches have no types
    convolutions = backend.conv
    before = convolutions.fp32_precision
    convolutions.fp32_precision = "ieee"
    try:
        yield
    finally:
        convolutions.fp32_precision = before


def _found() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _fast(device: torch.device) -> torch.dtype:
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device.type == "cpu":
        chip = torch.cpu.get_capabilities()
        return torch.bfloat16 if chip.get("amx_bf16") or chip.get("avx512_bf16") else torch.float32
    return torch.float32

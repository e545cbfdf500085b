"""Where a network runs or learns, and in which precision."""

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

    def autocast(self) -> torch.autocast:
        """Inside, products of matrices are bfloat16 where that is the precision; sums and weights stay float32."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype is torch.bfloat16)

    def take(self, values: Tensor) -> Tensor:
        """On the device; numbers with a fraction in the precision, whole ones as they are."""
        return values.to(self.device, self.dtype if values.is_floating_point() else values.dtype)


def choose_hardware(device: str, precision: str) -> Hardware:
    """The device by name ("auto" takes an accelerator where there is one), and the precision.

    "fp32" is fp32 everywhere. Anything else is the fastest that keeps quality: bfloat16 where the chip multiplies it
    (AMX or AVX-512 BF16, CUDA since Ampere), float16 on older CUDA devices, else fp32. ConfigurationError for a device
    that this machine does not have.
    """
    where = _named(_found() if device == "auto" else device)
    return Hardware(where, torch.float32 if precision == "fp32" else _fast(where))


def learning_device(device: str) -> torch.device:
    """The device on which a network learns, by name; "auto" is a CUDA device where there is one, else the CPU.

    ConfigurationError for a device that this machine does not have.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return _named(device)


def learning_hardware(device: str, precision: str) -> Hardware:
    """Where a network learns (`learning_device`), and in which precision its matrices are multiplied.

    `precision`: "float32", "bfloat16", or "auto": bfloat16 where the chip multiplies it, else float32 (float16 would
    need gradients that are scaled).
    """
    where = learning_device(device)
    if precision == "auto":
        fast = _fast(where)
        return Hardware(where, torch.bfloat16 if fast is torch.bfloat16 else torch.float32)
    return Hardware(where, torch.bfloat16 if precision == "bfloat16" else torch.float32)


def _named(device: str) -> torch.device:
    try:
        where = torch.device(device)
    except RuntimeError as error:
        raise ConfigurationError(f"device {device!r} is unknown; write auto, cpu, cuda, cuda:1 or mps") from error
    if where.type == "cuda" and (where.index or 0) >= torch.cuda.device_count():
        raise ConfigurationError(f"there is no device {device!r} on this machine; write auto or cpu")
    if where.type == "mps" and not torch.backends.mps.is_available():
        raise ConfigurationError(f"there is no device {device!r} on this machine; write auto or cpu")
    return where


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

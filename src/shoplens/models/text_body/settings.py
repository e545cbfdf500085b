"""How a text encoder is fine-tuned. Defaults suit a few thousand to some ten thousand short texts on two cores."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from shoplens.errors import ConfigurationError

PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True, slots=True)
class FineTuning:
    """Fine-tuning of the upper layers. Checked when made: ConfigurationError names the field."""

    trained_layers: int = 6  # uppermost layers that learn; the others read each text once, which is kept
    longest: int = 128  # tokens of one text that are read; attention's cost grows with their square
    epochs: int = 4  # passes over the training texts at most; 0 = as many as make about 1,200 steps, 3 to 20
    minutes: float = 30.0  # of learning at most; the rate falls to zero by then, so that ending early costs little
    tokens_a_batch: int = 1_024  # padded; about 40 sentences or titles
    learning_rate: float = 2e-4  # of the uppermost layer
    layer_decay: float = 0.9  # each layer further down learns so much slower (Howard and Ruder, 2018)
    head_learning_rate: float = 2e-3  # of what is new and must learn from nothing
    weight_decay: float = 0.01  # of matrices
    warmup: float = 0.1  # share of the steps in which the rate rises
    clip: float = 1.0  # largest norm of a gradient
    averaging: float = 0.99  # of weights over steps (Polyak and Juditsky, 1992): share that stays; 0 = the last weights
    patience: int = 2  # epochs without a better validation before learning ends
    device: str = "auto"  # where layers are read and learn: cpu, cuda, cuda:1; auto = a CUDA GPU when there is one
    precision: str = "auto"  # of matrix products: float32, bfloat16; auto = bfloat16 where the chip multiplies it
    seed: int = 0

    def __post_init__(self) -> None:
        """Check."""
        least = {"epochs": 0, "longest": 8, "tokens_a_batch": 8, "trained_layers": 0, "patience": 1}
        for name, value in least.items():
            if getattr(self, name) < value:
                raise ConfigurationError(f"{name} is {getattr(self, name)}; write at least {value}")
        if self.minutes <= 0:
            raise ConfigurationError(f"minutes is {self.minutes}; write a number above 0")
        for name in ("layer_decay", "averaging", "warmup"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigurationError(f"{name} is {getattr(self, name)}; write a number from 0 to 1")
        if self.precision not in PRECISIONS:
            raise ConfigurationError(f"precision {self.precision!r} is unknown; write one of: {', '.join(PRECISIONS)}")

    def to_dict(self) -> dict[str, Any]:
        """For a manifest."""
        return asdict(self)

    def of_outcome(self) -> dict[str, Any]:
        """For a checkpoint's fingerprint: all but the device, so that what one began another may end."""
        return {name: value for name, value in asdict(self).items() if name != "device"}

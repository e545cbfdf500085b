"""Settings of the pointwise estimator: what each does, its unit, and why the default is the default."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self

from shoplens.errors import ConfigurationError
from shoplens.models.fusion.config import FusionConfig

CHOICES = {
    "head": ("pointwise", "dot"),
    "loss": ("bce", "mse", "bpr"),
    "optimiser": ("adam", "adamw", "sgd"),
}
RATES = {"adam": 2e-3, "adamw": 2e-3, "sgd": 5e-2}  # when no learning rate is given


def small_body() -> FusionConfig:
    """Towers for a table of judgements: narrower than for ranking a catalogue, and quick at small batches."""
    return FusionConfig(
        embedding_size=32, hidden_size=64, content_rank=64, dropout=0.2, history_dropout=0.2, id_dropout=0.1
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PointwiseConfig:
    """All settings; numbers outside their range raise ConfigurationError."""

    body: FusionConfig = field(default_factory=small_body)  # the towers; its own loss and optimiser are not read
    head: str = "pointwise"  # pointwise: an MLP over both vectors and the context; dot: the product, as in retrieval
    loss: str = "bce"  # bce: probability; mse: a rating scaled to [0, 1]; bpr: only the order, calibrated afterwards
    optimiser: str = "adam"  # adam (L2), adamw (decoupled weight decay), sgd (with momentum and L2)
    learning_rate: float | None = None  # peak of the cosine schedule; None: 0.002 for Adam and AdamW, 0.05 for SGD
    momentum: float = 0.9  # of sgd
    weight_decay: float = 1e-5  # L2 on all matrices; small, because embeddings of rare products are pulled in each step
    dropout: float = 0.2  # inside the head
    hidden_size: int = 64  # of the head
    history: int = 32  # latest liked products of a person that are read
    epochs: int = 10
    batch_size: int = 32  # rows a step; small files need many steps, large ones are quicker with 512 or 1024
    patience: int = 0  # epochs without a better validation after which learning stops; 0 = all epochs
    clip: float = 5.0  # largest norm of a gradient
    seed: int = 0
    device: str = "auto"  # auto = the GPU when there is one

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise ConfigurationError(f"{name} is {getattr(self, name)!r}; write one of {', '.join(known)}")
        for name in ("epochs", "batch_size", "history", "hidden_size"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} is {getattr(self, name)}; write 1 or more")
        for name in ("dropout", "momentum"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigurationError(f"{name} is {getattr(self, name)}; write a share from 0 to below 1")
        if self.learning_rate is not None and not self.learning_rate > 0:
            raise ConfigurationError(f"learning_rate is {self.learning_rate}; write a number above 0")
        if self.weight_decay < 0 or self.patience < 0 or not self.clip > 0:
            raise ConfigurationError("weight_decay and patience must be 0 or more, clip above 0")

    @property
    def rate(self) -> float:
        """The learning rate that is used."""
        return self.learning_rate if self.learning_rate is not None else RATES[self.optimiser]

    @property
    def recipe(self) -> FusionConfig:
        """The same choices as the body's optimiser reads them: cosine schedule, a twentieth of the steps rising."""
        settled = self.body.settled("mlp" if self.body.history == "auto" else self.body.history)
        return replace(
            settled,
            optimiser=self.optimiser,
            learning_rate=self.rate,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            beta2=0.999,
            schedule="cosine",
            warmup=0.05,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "body": self.body.to_dict()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The reverse of `to_dict`; ConfigurationError names a setting that does not exist."""
        known = {one.name for one in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ConfigurationError(f"there is no setting {unknown[0]!r}; there are: {', '.join(sorted(known))}")
        return cls(**{**values, "body": FusionConfig.from_dict(values["body"])})

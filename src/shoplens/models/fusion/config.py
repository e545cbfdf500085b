"""Settings of the fusion network: what each does, its unit, and why the default is the default."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from shoplens.errors import ConfigurationError

CHOICES = {
    "fusion": ("softmax", "sigmoid", "concat"),
    "similarity": ("dot", "cosine"),
    "loss": ("softmax", "bce"),
    "id_start": ("spectral", "random"),
    "order": ("auto", "time", "none"),
    "precision": ("float32", "bfloat16"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionConfig:
    """All settings; numbers outside their range raise ConfigurationError."""

    # The network.
    embedding_size: int = 128  # width of item and person vectors
    hidden_size: int = 128  # width of the hidden layer of every small MLP
    content_rank: int = 128  # principal axes kept of each modality; the rest is noise to a shop's few thousand products
    fusion: str = "softmax"  # gates: softmax (shares sum to one), sigmoid (independent), concat (one matrix, no gates)
    id_start: str = "spectral"  # start id vectors from the leading directions of who-bought-what, or at random
    id_power: float = 2.0  # exponent of the singular values there: higher is smoother, as more steps of a graph filter
    heads: int = 2  # attention heads that pool a history: one may look at habits, another at the last basket
    similarity: str = "dot"  # dot lets a vector's length say how popular its product is; cosine does not
    temperature: float = 0.3  # start value of the learnt factor that scores are divided by

    # The task.
    order: str = "auto"  # predict later from earlier (time), hide at random (none), or see what the data has (auto)
    max_history: int = 512  # latest distinct products of a person that are read
    train_history: int = 64  # of those, how many one training sample reads, drawn at random; bounds time and memory
    targets: int = 8  # products that one sample predicts at most
    samples_per_person: int = 4  # moments of one life that an epoch visits at most; few: stopping early is fine-grained
    hidden_share: float = 0.5  # without time: largest share of a person's products that one sample hides

    # The loss.
    loss: str = "softmax"  # softmax: rank all candidates at once; bce: each pair on its own
    full_softmax: int = 8192  # catalogues up to this size are candidates as a whole: exact, and still cheap
    negatives: int = 1024  # larger ones: uniform negatives of a batch, besides the targets of its other samples
    # Exponent of a product's popularity that stays in the scores; 1 is the plain likelihood. None: 1 with real times,
    # 0.5 without, because what is hidden at random overstates how long popularity lasts.
    popularity_kept: float | None = None

    # Regularisation.
    modality_dropout: float = 0.1  # chance that a product loses a modality for one step
    id_dropout: float = 0.2  # chance that it loses its id, so that content learns to carry it alone
    history_dropout: float = 0.3  # chance that one product of a history is not read
    dropout: float = 0.3  # inside the MLPs and on the person's vector
    weight_decay: float = 0.01

    # The optimiser.
    epochs: int = 12
    batch_size: int = 512  # samples a step
    learning_rate: float = 1.5e-3  # peak of the cosine schedule
    warmup: float = 0.1  # share of all steps during which the rate rises
    clip: float = 1.0  # largest norm of a gradient
    patience: int = 3  # epochs without a better inner validation after which learning stops
    validation_people: int = 1000  # people whose latest products are kept aside to choose the best epoch; 0 = none
    seed: int = 0

    # The machine.
    device: str = "auto"  # auto = the GPU when there is one
    precision: str = "float32"  # of the matrix products in training: float32 or bfloat16

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise ConfigurationError(f"fusion: {name} is {getattr(self, name)!r}; write one of {', '.join(known)}")
        for name in ("modality_dropout", "id_dropout", "history_dropout", "dropout", "warmup"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigurationError(f"fusion: {name} is {getattr(self, name)}; write a share from 0 to below 1")
        for name in (
            "embedding_size", "hidden_size", "content_rank", "heads", "max_history", "train_history", "targets",
            "samples_per_person", "negatives", "epochs", "batch_size", "patience",
        ):  # fmt: skip
            if getattr(self, name) < 1:
                raise ConfigurationError(f"fusion: {name} is {getattr(self, name)}; write 1 or more")
        for name in ("temperature", "learning_rate", "clip"):
            if getattr(self, name) <= 0:
                raise ConfigurationError(f"fusion: {name} is {getattr(self, name)}; write a number above 0")
        for name in ("hidden_share", "popularity_kept"):
            if getattr(self, name) is not None and not 0 <= getattr(self, name) <= 1:
                raise ConfigurationError(f"fusion: {name} is {getattr(self, name)}; write a number from 0 to 1")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The reverse of `to_dict`; ConfigurationError names a setting that does not exist."""
        known = {one.name for one in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ConfigurationError(f"fusion has no setting {unknown[0]!r}; it has: {', '.join(sorted(known))}")
        return cls(**values)

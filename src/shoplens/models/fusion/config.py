"""Settings of the fusion network: what each does, its unit, and why the default is the default."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

from shoplens.errors import ConfigurationError

CHOICES = {
    "history": ("auto", "mlp", "gru", "cnn", "transformer", "graph"),
    "fusion": ("softmax", "sigmoid", "concat", "attention"),
    "similarity": ("dot", "cosine"),
    "loss": ("softmax", "bce", "bpr", "mse"),
    "id_start": ("auto", "spectral", "random"),
    "order": ("auto", "time", "none"),
    "optimiser": ("adamw", "adam", "sgd"),
    "schedule": ("auto", "cosine", "linear", "constant"),
    "precision": ("auto", "float32", "bfloat16"),
    "refit": ("auto", "yes", "no"),
}
SEQUENTIAL = ("gru", "cnn", "transformer")  # read the events in their order; mlp reads a set of products with ages
GRAPH = "graph"  # spreads the vectors of products over the graph of purchases; people are averages of them

AUTO = -1  # of a number: the value of RECIPES for the history encoder that is used
RECIPES: dict[str, dict[str, Any]] = {
    "pooled": {
        "schedule": "cosine",
        "dropout": 0.3,
        "content_rank": 128,
        "start_length": 1.0,
        "refit": "no",
        "embedding_size": 128,
        "id_start": "spectral",
        "epochs": 12,
        "patience": 3,
        "history_dropout": 0.3,
        "id_dropout": 0.2,
        "weight_decay": 0.01,
        "warmup": 0.1,
        "learning_rate": 1.5e-3,
        "negatives": 1024,
        "log_q": 1.0,
        "beta2": 0.999,
        "temperature": 0.3,
        "hidden_share": 0.5,
        "batch_size": 512,
    },
    "sequential": {
        "schedule": "cosine",
        "dropout": 0.3,
        "content_rank": 128,
        "start_length": 1.0,
        "refit": "no",
        "embedding_size": 96,
        "id_start": "random",
        "epochs": 20,
        "patience": 8,
        "history_dropout": 0.0,
        "id_dropout": 0.2,
        "weight_decay": 0.01,
        "warmup": 0.05,
        "learning_rate": 2e-3,
        "negatives": 512,
        "log_q": 0.8,
        "beta2": 0.98,
        "temperature": 0.3,
        "hidden_share": 0.5,
        "batch_size": 512,
    },
    "graph": {
        "schedule": "constant",
        "dropout": 0.2,
        # Among some 50 settings on a short-video shop half the axes and less weight decay were best (1.0, mean of three
        # seeds); a shop of baby goods wanted 2.0.
        "content_rank": 64,
        "start_length": 0.3,
        "refit": "yes",
        "embedding_size": 128,
        "warmup": 0.0,
        "id_start": "random",
        "epochs": 48,  # validation of a short-video shop still rose at 36
        "patience": 20,
        "history_dropout": 0.0,
        "id_dropout": 0.1,
        "weight_decay": 1.5,
        "learning_rate": 1.5e-3,
        "negatives": 1024,
        "log_q": 1.0,
        "beta2": 0.999,
        "temperature": 0.15,
        "hidden_share": 0.3,
        "batch_size": 1024,
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionConfig:
    """All settings; numbers outside their range raise ConfigurationError. -1 (AUTO) stands for a value of RECIPES."""

    # The network.
    history: str = (
        "auto"  # who reads what a person did: mlp, gru, cnn, transformer, graph; auto: see `people.choose_history`
    )
    embedding_size: int = AUTO  # width of item and person vectors
    hidden_size: int = 128  # width of the hidden layer of every small MLP
    content_rank: int = AUTO  # principal axes kept of each modality; the rest is noise to a few thousand products
    #: softmax (shares sum to one), sigmoid (independent), attention (modalities look at each other before they are
    #: weighed), concat (one matrix, no gates)
    fusion: str = "softmax"
    id_start: str = "auto"  # start id vectors from the leading directions of who-bought-what (spectral), or at random
    start_length: float = AUTO  # length that id vectors and projections start with; short ones turn sooner
    id_power: float = 2.0  # exponent of the singular values there: higher is smoother, as more steps of a graph filter
    heads: int = 2  # attention heads that read a history: one may look at habits, another at the last basket
    layers: int = 2  # of gru, cnn and transformer; graph: walks from product to product
    feedforward: int = 2  # width of a transformer layer's MLP, in widths of a vector
    kernel: int = 3  # events that one layer of the cnn sees at once; its reach doubles with every layer
    similarity: str = "dot"  # dot lets a vector's length say how popular its product is; cosine does not
    temperature: float = AUTO  # start value of the learnt factor that scores are divided by

    # The task.
    order: str = "auto"  # predict later from earlier (time), hide at random (none), or see what the data has (auto)
    max_history: int = 512  # mlp: latest distinct products of a person that are read
    max_events: int = 50  # gru, cnn, transformer: latest events that are read, repeats included
    train_history: int = 64  # of those, how many one training sample reads, drawn at random; bounds time and memory
    targets: int = 8  # products that one sample predicts at most
    samples_per_person: int = 4  # moments of one life that an epoch visits at most; few: stopping early is fine-grained
    hidden_share: float = AUTO  # largest share of a person's products that one sample hides; graph: mean share

    # The loss.
    loss: str = "softmax"  # softmax: all candidates at once; bce, mse: each pair on its own; bpr: pairs of pairs
    full_softmax: int = 8192  # catalogues up to this size are candidates as a whole: exact, and still cheap
    negatives: int = AUTO  # larger ones: uniform negatives of a batch, besides the targets of its other samples
    log_q: float = AUTO  # strength of the correction for how often a product is a candidate; 1: the exact likelihood
    # Exponent of a product's popularity that stays in the scores; 1 is the plain likelihood. None: 0.5 when products
    # are hidden at random, because that overstates how long popularity lasts, and for mlp without real times; else 1.
    popularity_kept: float | None = None

    # Regularisation.
    modality_dropout: float = 0.1  # chance that a product loses a modality for one step
    id_dropout: float = AUTO  # chance that it loses its id, so that content learns to carry it alone
    history_dropout: float = AUTO  # chance that one event of a history is not read
    dropout: float = AUTO  # inside all layers and on the person's vector
    weight_decay: float = AUTO  # of matrices; with adam and sgd an L2 penalty

    # The optimiser.
    optimiser: str = "adamw"
    momentum: float = 0.9  # of sgd, and of the first moment of adam and adamw
    beta2: float = AUTO  # of the second moment
    schedule: str = "auto"  # how the rate falls after the warm-up
    epochs: int = AUTO
    batch_size: int = AUTO  # samples a step
    batch_tokens: int = 1024  # gru, cnn, transformer: events a step
    learning_rate: float = AUTO  # peak of the schedule
    warmup: float = AUTO  # share of all steps during which the rate rises
    clip: float = 1.0  # largest norm of a gradient
    patience: int = AUTO  # epochs without a better inner validation after which learning stops
    refit: str = "auto"  # learn once more, from what was kept aside too, for as many epochs as were best
    validation_people: int = 1000  # people whose latest products are kept aside to choose the best epoch; 0 = none
    seed: int = 0

    # The machine.
    device: str = "auto"  # auto = the GPU when there is one
    precision: str = "auto"  # of matrix products in training: float32, bfloat16; auto: see `optimiser.low_precision`

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise ConfigurationError(f"fusion: {name} is {getattr(self, name)!r}; write one of {', '.join(known)}")
        recipe = RECIPES["pooled"]

        def given(*names: str) -> list[str]:
            return [name for name in names if name not in recipe or getattr(self, name) != AUTO]

        for name in given(
            "modality_dropout", "id_dropout", "history_dropout", "dropout", "warmup", "momentum", "beta2"
        ):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigurationError(f"fusion: {name} is {getattr(self, name)}; write a share from 0 to below 1")
        for name in given(
            "embedding_size", "hidden_size", "content_rank", "heads", "layers", "feedforward", "kernel", "max_history",
            "max_events", "train_history", "targets", "samples_per_person", "negatives", "epochs", "batch_size",
            "batch_tokens", "patience",
        ):  # fmt: skip
            if getattr(self, name) < 1:
                raise ConfigurationError(f"fusion: {name} is {getattr(self, name)}; write 1 or more")
        for name in given("temperature", "learning_rate", "clip", "start_length"):
            if getattr(self, name) <= 0:
                raise ConfigurationError(f"fusion: {name} is {getattr(self, name)}; write a number above 0")
        for name in given("hidden_share", "popularity_kept", "log_q"):
            if getattr(self, name) is not None and not 0 <= getattr(self, name) <= 1:
                raise ConfigurationError(f"fusion: {name} is {getattr(self, name)}; write a number from 0 to 1")
        if self.weight_decay < 0 and self.weight_decay != AUTO:
            raise ConfigurationError(f"fusion: weight_decay is {self.weight_decay}; write 0 or more")
        if self.history == "transformer" and self.embedding_size != AUTO and self.embedding_size % self.heads:
            raise ConfigurationError(
                f"fusion: embedding_size {self.embedding_size} does not divide among {self.heads} heads"
            )

    @property
    def sequential(self) -> bool:
        """Whether the history encoder reads events in their order."""
        return self.history in SEQUENTIAL

    def settled(self, history: str) -> Self:
        """The same with an encoder chosen and everything that was AUTO filled in from its recipe."""
        recipe = RECIPES["sequential" if history in SEQUENTIAL else "graph" if history == GRAPH else "pooled"]
        chosen = {name: value for name, value in recipe.items() if getattr(self, name) in (AUTO, "auto")}
        return replace(self, history=history, **chosen)

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

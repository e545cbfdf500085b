"""Settings of the content ranker: what each does, its unit, and why the default is the default."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from shoplens.errors import ConfigurationError

CHOICES = {"precision": ("auto", "float32", "bfloat16"), "order": ("auto", "time", "none")}
SHARES = ("teacher_share", "token_dropout", "history_dropout", "dropout", "warmup", "hidden_products")
ABOVE_ZERO = ("temperature", "learning_rate", "encoder_learning_rate", "clip", "minutes")
LEAST: dict[str, float] = {
    **dict.fromkeys(("states_mb", "embedding_size", "heads", "max_history", "train_history", "targets"), 1),
    **dict.fromkeys(("samples_per_person", "candidates", "texts_a_step", "teacher_history", "epochs", "batch_size"), 1),
    **dict.fromkeys(("trained_layers", "validation_people", "distillation", "weight_decay", "popularity_kept"), 0),
    "patience": 1,
    "steps_an_epoch": 1,
    "head_epochs": 0,
    "teacher_steps": 3,
    "max_tokens": 8,
    "teacher_candidates": 2,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentRankerConfig:
    """All settings; numbers outside their range raise ConfigurationError."""

    # Reading.
    max_tokens: int = 40  # of a text that are read: what a product is stands at the beginning
    trained_layers: int = 2  # uppermost layers of the text encoder that learn; 0 trains the projection alone
    states_mb: int = 1024  # memory for what the frozen layers made of the texts, two bytes a number, in MB

    # The vectors that serve.
    embedding_size: int = 128  # width of product and person vectors
    heads: int = 2  # attention heads that pool a history: one may look at habits, another at the last basket
    temperature: float = 0.1  # start value of the learnt factor that scores are divided by

    # The task.
    order: str = "auto"  # predict later from earlier (time), hide at random (none), or see what the data has (auto)
    max_history: int = 256  # latest distinct products of a person that are read
    train_history: int = 32  # of those, how many one sample reads
    targets: int = 8  # products that one sample predicts at most
    samples_per_person: int = 4  # moments of one life that a visit reads at most
    candidates: int = 4096  # products that a sample is ranked against: all that were touched, or a draw of this size
    texts_a_step: int = 128  # texts that are read anew in a step; the others stand in as they were last read
    popularity_kept: float = 1.0  # exponent of a product's popularity that the texts must explain; 1 = all of it

    # The teacher, which reads history and candidate together, and what the vectors take over from it.
    teacher: bool = False
    teacher_share: float = 0.5  # of the time that it may take
    teacher_steps: int = 3000  # lists of 16 samples that it sees at most: two thirds to learn from, a third to judge
    teacher_history: int = 8  # latest products that it reads beside a candidate
    teacher_candidates: int = 12  # products that it ranks for one sample, the wanted one included
    distillation: float = 0.5  # weight of its opinion beside what people did

    # Regularisation and optimiser.
    token_dropout: float = 0.1  # chance that a token is not read in a step
    history_dropout: float = 0.2  # chance that a product of a history is not read in a step
    dropout: float = 0.1  # on product vectors before they are scaled
    weight_decay: float = 0.01
    head_epochs: int = 12  # of the first stage, in which what lies above the encoder learns; they are quick
    epochs: int = 15  # of the second, in which the encoder's upper layers learn too
    steps_an_epoch: int = 64  # a small shop's lives are visited several times: validating costs more than they do
    batch_size: int = 256  # samples a step
    learning_rate: float = 1e-3  # of the projection and the person's side; peak of the cosine schedule
    encoder_learning_rate: float = 1e-4  # of the text encoder's layers: more forgets what it knew
    warmup: float = 0.1  # share of the time during which the rate rises
    clip: float = 1.0  # largest norm of a gradient
    patience: int = 4  # epochs without a better inner validation after which learning stops
    stop_after: tuple[int, int] | None = None  # epochs of each stage, as an earlier fit chose; `ContentRanker.again`
    validation_people: int = 1000  # people whose latest products are kept aside to choose the best epoch; 0 = none
    hidden_products: float = 0.05  # share of products kept aside with them, to choose what is good for new products too
    minutes: float = 8.0  # after which learning ends, the frozen layers' reading included; the schedule bends to it
    seed: int = 0
    precision: str = "auto"  # of matrix products while reading: bfloat16 where the processor computes in it

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise _wrong(name, getattr(self, name), f"one of {', '.join(allowed)}")
        for name, least in LEAST.items():
            if getattr(self, name) < least:
                raise _wrong(name, getattr(self, name), f"{least} or more")
        for name in SHARES:
            if not 0 <= getattr(self, name) < 1:
                raise _wrong(name, getattr(self, name), "a share from 0 to below 1")
        for name in ABOVE_ZERO:
            if getattr(self, name) <= 0:
                raise _wrong(name, getattr(self, name), "a number above 0")
        if self.max_tokens > 512:
            raise _wrong("max_tokens", self.max_tokens, "at most 512")
        if self.popularity_kept > 1:
            raise _wrong("popularity_kept", self.popularity_kept, "a number from 0 to 1")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The reverse of `to_dict`; ConfigurationError names a setting that does not exist."""
        known = {one.name for one in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ConfigurationError(
                f"content-ranker has no setting {unknown[0]!r}; it has: {', '.join(sorted(known))}"
            )
        stop = values.get("stop_after")
        return cls(**{**values, "stop_after": None if stop is None else tuple(stop)})


def _wrong(name: str, value: object, instead: str) -> ConfigurationError:
    return ConfigurationError(f"content-ranker: {name} is {value!r}; write {instead}")

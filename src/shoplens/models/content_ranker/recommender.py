"""The content ranker as a recommender: fit, score, explain, read products that came later, save, load."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from shoplens.domain.dataset import Histories, Interactions, TrainingData
from shoplens.encoders.e5_torch import Body, E5Body, TransformerLayer
from shoplens.encoders.hub_device import learning_hardware
from shoplens.encoders.packed_e5 import Sizes
from shoplens.errors import BundleError, ConfigurationError, InputError
from shoplens.models.base import Scores
from shoplens.models.content_ranker.config import ContentRankerConfig
from shoplens.models.content_ranker.network import RankerNetwork
from shoplens.models.content_ranker.reading import Ints, Reader, Texts, TokenStates, tokens_that_fit
from shoplens.models.content_ranker.samples import gather_lives, pointing_at_texts
from shoplens.models.content_ranker.teacher import Lesson, Opinions, Teacher
from shoplens.models.content_ranker.training import CPU, Progress, Trainer
from shoplens.models.fusion.batches import PaddedHistories, read_histories
from shoplens.models.fusion.training import seeded

Floats = npt.NDArray[np.float32]

FORMAT = 1  # of the saved folder
CHUNK = 8_192  # texts cut into tokens at a time
UNTOUCHED = 1_000  # texts that the axes are taken from when nobody has done anything yet


@dataclass(frozen=True, slots=True)
class Reason:
    """One product of a history and what it adds to a score."""

    item: int  # catalogue row
    said: float  # in units of the score; negative speaks against


class ContentRanker:
    """Ranks products by their texts: the top of the text encoder is fine-tuned on what people did next.

    What serves is a product of vectors: one a distinct text, made once, and one a person, a weighted mean of the
    vectors of what they touched. A product without a text cannot be judged, a person without a history gets zeros: no
    opinion. Products of the same text get the same score.

    Time: learning ends after `minutes`, whatever the size; a step costs by `texts_a_step`, not by the catalogue, but
    reading grows with them: each text passes once through the frozen layers, the touched ones also through the upper
    layers after every epoch of the second stage. Memory: `states_mb` for the touched texts' token states (about 20 KB a
    text of 25 tokens), half a KB a text for the vectors. Texts that do not fit are left out of learning, and scored.
    """

    name = "content-ranker"

    def __init__(
        self,
        config: ContentRankerConfig | None = None,
        *,
        body: Body | None = None,
        progress: Progress | None = None,
        checkpoint: Path | None = None,
        **settings: Any,
    ) -> None:
        """`settings` override single fields of the configuration. `body`: the text encoder; default the built-in one.

        `checkpoint`: file to go on from after a kill.
        """
        base = (config or ContentRankerConfig()).to_dict()
        self.config = ContentRankerConfig.from_dict({**base, **settings})
        self.progress, self.checkpoint = progress, checkpoint
        self.history: list[dict[str, float]] = []  # a row an epoch, see `training.Progress`
        self.teacher_losses: list[float] = []  # of the teacher's steps; ln(teacher_candidates) is chance
        self.chosen_epochs = (0, 0)  # of each stage; (0, 0): the frozen encoder's vectors were best
        self._body = body
        self._reader: Reader | None = None
        self._read: tuple[tuple[str, ...], TokenStates] | None = None  # kept for a second fit
        self._network: RankerNetwork | None = None

    # Learning.

    def fit(self, data: TrainingData) -> Self:
        """Learn from texts and what people did; keeps the epoch that ranked best on an inner validation.

        InputError when no product has a text. ModelFileError when the encoder's weights are missing or altered.
        """
        began = time.perf_counter()
        texts = Texts.of(data.texts or ())
        if not texts.distinct or len(texts.row) != len(data.interactions.items):
            raise InputError(
                "content-ranker reads texts, and no product has one; give products a title or a description "
                "(items.csv in a benchmark folder), or train without it"
            )
        reader = self._open_reader()
        held, states = self._states(reader, texts, data.interactions)
        place = np.full(len(texts.distinct) + 1, -1, np.int64)  # the last: no text
        place[held] = np.arange(len(held))
        row = place[texts.row]
        lives = gather_lives(data.interactions, row, self.config)
        with seeded(self.config.seed, CPU):
            network = RankerNetwork(self.config, reader.upper(), reader.body.sizes.hidden)
        trainer = Trainer(network, states, row, lives, self.config, reader.hardware.dtype)
        if len(states):
            network.texts.start(trainer.read_all())
        trainer.spent = time.perf_counter() - began
        if self.config.teacher and len(trainer.candidates.known) > 1:
            trainer.opinions = self._taught(reader, trainer)
        trainer.run(self.progress, self.checkpoint)
        self.history, self.chosen_epochs = trainer.history, (trainer.chosen[0], trainer.chosen[1])
        self.ordered, self.timed = lives.timeline.ordered, lives.timeline.timed
        self._network, self._body_name, self._sizes = network, reader.body.name, reader.body.sizes
        self._row = texts.row
        self._vectors = self._read_texts(texts.distinct, states, held)
        if self.checkpoint is not None:
            self.checkpoint.unlink(missing_ok=True)
        return self

    def again(self) -> ContentRanker:
        """Unfitted, with the numbers of epochs chosen, to fit on more data; what was read is not read again."""
        config = replace(self.config, stop_after=self.chosen_epochs, validation_people=0, hidden_products=0.0)
        model = ContentRanker(config, body=self._body, progress=self.progress)
        model._reader, model._read = self._reader, self._read
        return model

    def _open_reader(self) -> Reader:
        if self._reader is None:
            body = self._body if self._body is not None else E5Body()
            if self._network is not None and body.name != self._body_name:
                raise ConfigurationError(
                    f"this content ranker was learnt on {self._body_name}, the text encoder here is {body.name}; "
                    "install the version it was learnt on, or train again"
                )
            hardware = learning_hardware("cpu", self.config.precision)  # whose networks are too small for more
            with seeded(self.config.seed, CPU):
                self._reader = Reader(body, self.config.trained_layers, self.config.max_tokens, hardware)
        return self._reader

    def _states(self, reader: Reader, texts: Texts, interactions: Interactions) -> tuple[Ints, TokenStates]:
        """States of the texts that were touched, most often touched first as far as memory goes, and which they are."""
        touched = texts.row[interactions.item[interactions.weight > 0]]
        count = np.bincount(touched[touched >= 0], minlength=len(texts.distinct))
        order = np.argsort(-count, kind="stable")[: int((count > 0).sum()) or UNTOUCHED]
        tokens = reader.tokens([texts.distinct[row] for row in order])
        lengths = np.array([len(one) for one in tokens], np.int64)
        order = order[: tokens_that_fit(lengths, reader.body.sizes.hidden, self.config.states_mb)]
        held = tuple(texts.distinct[row] for row in order)
        if self._read is None or self._read[0] != held:
            self._read = held, TokenStates.read(reader, tokens[: len(order)])
        return order, self._read[1]

    def _taught(self, reader: Reader, trainer: Trainer) -> Opinions | None:
        """A teacher's opinions about lists of candidates, within its share of the time."""
        began = time.perf_counter()
        table = trainer.vectors(trainer.read_all())
        with seeded(self.config.seed, CPU):
            teacher = Teacher(reader.upper(), reader.body.sizes.hidden, self.config.teacher_history)
            lesson = Lesson(
                teacher,
                trainer.states,
                trainer.text_row,
                trainer.candidates,
                self.config,
                reader.hardware.dtype,
                lambda history: trainer.people_of(table, history) @ table.T,
            )
            seconds = self.config.teacher_share * 60 * self.config.minutes
            batches = (batch for epoch in range(1, 10_000) for batch in trainer.batches(epoch, teaching=True))
            opinions = lesson.learn(batches, seconds)
            self.teacher_losses = lesson.losses
        trainer.spent += time.perf_counter() - began
        return opinions

    @torch.inference_mode()
    def _read_texts(self, texts: Sequence[str], states: TokenStates | None = None, held: Ints | None = None) -> Floats:
        """Vectors of texts as they serve, [len(texts), size]; those whose states are `held` start from them."""
        reader, network = self._open_reader(), self._require_fit()
        vectors = np.empty((len(texts), network.texts.project.out_features + 1), np.float32)
        rest = np.arange(len(texts))
        if states is not None and held is not None:
            for positions, read, present in states.batches(np.arange(len(held))):
                vectors[held[positions]] = network.texts(read, present, reader.hardware.dtype).numpy()
            rest = np.setdiff1d(rest, held)
        for start in range(0, len(rest), CHUNK):
            rows = rest[start : start + CHUNK]
            for chosen, read, present in reader.read(reader.tokens([texts[row] for row in rows])):
                vectors[rows[chosen]] = network.texts(read, present, reader.hardware.dtype).numpy()
        return vectors

    # Answering.

    @torch.inference_mode()
    def vector_for(self, histories: Histories) -> Floats:
        """Vectors of people from what they did, also of people who came after training; zeros without a history."""
        network = self._require_fit()
        padded, read = self._padded(histories)
        return np.asarray(network.people(read, padded).numpy(), np.float32)

    def score(self, histories: Histories) -> Scores:
        """Scores of all products, [n, n_items]. One without a text ranks below all others."""
        people = self.vector_for(histories)
        by_text = people @ self._vectors.T
        scores = by_text[:, np.maximum(self._row, 0)]
        without = self._row < 0
        if without.any() and len(people):
            scores[:, without] = by_text.min(1, keepdims=True) - people.any(1, keepdims=True)
        return scores.astype(np.float32, copy=False)

    @torch.inference_mode()
    def explain(self, history: Histories, item: int) -> list[Reason]:
        """Which products of one person's history speak for `item`, the loudest first; they sum to the score less what
        everybody's taste and the product's appeal add."""
        if len(history) != 1:
            raise InputError(f"reasons are for one person, not {len(history)}")
        if self._row[item] < 0:
            return []
        network = self._require_fit()
        ragged = self._ragged(history)
        padded, read = self._padded(history)
        said = network.people.said(read, padded, torch.from_numpy(self._vectors[self._row[item]]))[0].numpy()
        kept = ragged.item[self._row[ragged.item] >= 0]
        reasons = [Reason(int(row), float(one)) for row, one in zip(kept, said, strict=False)]
        return sorted(reasons, key=lambda reason: -reason.said)

    def encode_texts(self, texts: Sequence[str]) -> Floats:
        """Vectors of products that came after training, from their texts; times `vector_for` they are the scores.

        float32 [len(texts), size]. A blank text gets zeros. Opens the text encoder at the first call: a few seconds.
        """
        self._require_fit()
        known = Texts.of(texts)
        vectors = np.zeros((len(texts), self._vectors.shape[1]), np.float32)
        if known.distinct:
            inside = known.row >= 0
            vectors[inside] = self._read_texts(known.distinct)[known.row[inside]]
        return vectors

    @property
    def item_vectors(self) -> Floats:
        """Vectors of the catalogue; zeros without a text. float32 [n_items, size]."""
        self._require_fit()
        return self._vectors[np.maximum(self._row, 0)] * (self._row >= 0)[:, None].astype(np.float32)

    @property
    def scorable(self) -> npt.NDArray[np.bool_]:
        """Products with a text: the ones there is any ground to judge. [n_items]."""
        self._require_fit()
        return np.asarray(self._row >= 0, np.bool_)

    def _ragged(self, histories: Histories) -> Any:
        return read_histories(
            histories, len(self._row), self.config.max_history, ordered=self.ordered, timed=self.timed
        )

    def _padded(self, histories: Histories) -> tuple[PaddedHistories, torch.Tensor]:
        """Histories as rectangles and the vectors of what is in them, [n, longest, size]."""
        padded = pointing_at_texts(self._ragged(histories), self._row).pad()
        return padded, torch.nn.functional.embedding(padded.item, torch.from_numpy(self._vectors))

    @property
    def network(self) -> RankerNetwork:
        """What learnt, ready to answer; ConfigurationError before `fit`."""
        return self._require_fit()

    def _require_fit(self) -> RankerNetwork:
        if self._network is None:
            raise ConfigurationError("the content ranker has not been fitted; call fit first")
        return self._network

    # Keeping.

    def save(self, folder: Path) -> None:
        """config.json, the layers that learnt (model.safetensors) and what answers need (served.safetensors).

        The frozen layers are those of the installed package and are not copied.
        """
        network = self._require_fit()
        weights = {name: np.ascontiguousarray(value.numpy()) for name, value in network.state_dict().items()}
        save_file(weights, folder / "model.safetensors")
        save_file({"vectors": self._vectors, "row": self._row}, folder / "served.safetensors")
        described = {
            "format": FORMAT,
            "body": self._body_name,
            "sizes": asdict(self._sizes),
            "config": self.config.to_dict(),
            "ordered": self.ordered,
            "timed": self.timed,
            "chosen_epochs": list(self.chosen_epochs),
            "history": self.history,
        }
        (folder / "config.json").write_text(json.dumps(described, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, *, body: Body | None = None) -> Self:
        """Read what `save` wrote; BundleError when something is missing or does not fit together.

        `body`: the text encoder it was learnt on, if that was not the built-in one.
        """
        try:
            described = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            if described["format"] != FORMAT:
                raise BundleError(f"{folder} is of format {described['format']}, this version reads {FORMAT}")
            model = cls(ContentRankerConfig.from_dict(described["config"]), body=body)
            model._restore(described, load_file(folder / "served.safetensors"), load_file(folder / "model.safetensors"))
        except (OSError, KeyError, ValueError, TypeError, RuntimeError, SafetensorError, ConfigurationError) as error:
            raise BundleError(f"{folder} does not hold a whole content ranker: {error}") from error
        return model

    def _restore(self, described: dict[str, Any], served: dict[str, Any], weights: dict[str, Any]) -> None:
        self.ordered, self.timed = described["ordered"], described["timed"]
        self.history, self.chosen_epochs = described["history"], tuple(described["chosen_epochs"])
        self._body_name, self._sizes = described["body"], Sizes(**described["sizes"])
        trained = min(self.config.trained_layers, self._sizes.layers)
        with seeded(0, CPU):
            layers = torch.nn.ModuleList(TransformerLayer(self._sizes) for _ in range(trained))
            network = RankerNetwork(self.config, layers, self._sizes.hidden)
        network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
        self._vectors, self._row = served["vectors"], served["row"]
        self._network = network.eval()

"""Fine-tunes the upper layers of a pretrained encoder to tell classes apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import torch
from torch import Tensor, nn

from shoplens.encoders.e5_torch import E5Body, mean_of_tokens
from shoplens.encoders.text import batches_by_length
from shoplens.models.classifier.base import Floats, Progress, Rows
from shoplens.models.content_ranker.reading import Reader, TokenStates
from shoplens.models.text_body.fitting import Fitted, fit, hardware_of
from shoplens.models.text_body.layers import UpperLayers, parameter_groups
from shoplens.models.text_body.settings import FineTuning

SMOOTHING = 0.05  # of labels: some are always wrong (Szegedy et al. 2016)
DROPOUT = 0.2  # of a text's vector
FORMAT = 1  # of a checkpoint


class ClassHead(nn.Module):
    """From a text's unit vector to a logit for each class."""

    def __init__(self, hidden: int, classes: int) -> None:
        super().__init__()
        self.size = hidden**0.5  # so that a number of the vector is about 1
        self.drop = nn.Dropout(DROPOUT)
        self.out = nn.Linear(hidden, classes)
        nn.init.normal_(self.out.weight, std=0.02)
        nn.init.zeros_(self.out.bias)

    def forward(self, vectors: Tensor) -> Tensor:
        """[n, hidden] of any length → [n, classes]."""
        logits: Tensor = self.out(self.drop(nn.functional.normalize(vectors, dim=1) * self.size))
        return logits


@dataclass(frozen=True, slots=True)
class Lessons:
    """Texts as the lower layers read them, and their classes."""

    states: TokenStates  # of these texts, and maybe of others
    texts: Rows  # [n]: which of those
    rows: Rows  # [n]

    @property
    def lengths(self) -> Rows:
        """Tokens of each text."""
        return np.diff(self.states.indptr)[self.texts]

    def part(self, places: Rows) -> Lessons:
        """Some of them, without a copy of what was read."""
        return Lessons(self.states, self.texts[places], self.rows[places])


class ClassTask:
    """See `text_body.fitting.Task`."""

    def __init__(self, body: E5Body, learnt: Lessons, judged: Lessons, classes: int, settings: FineTuning) -> None:
        torch.manual_seed(settings.seed)
        self.learnt, self.judged, self.settings = learnt, judged, settings
        self.upper = UpperLayers(reader_of(body, settings).upper())
        self.head = ClassHead(body.sizes.hidden, classes)
        self.network = nn.ModuleDict({"upper": self.upper, "head": self.head})

    def groups(self) -> list[dict[str, Any]]:
        """Layers slower the lower they are."""
        return parameter_groups(self.network, self.upper, self.settings)

    def batches(self, random: np.random.Generator) -> list[Rows]:
        """Texts of like length together, in a new order."""
        order = random.permutation(len(self.learnt.rows))
        lengths = self.learnt.lengths[order]
        batches = [order[rows] for rows in batches_by_length(lengths.tolist(), self.settings.tokens_a_batch)]
        return [batches[place] for place in random.permutation(len(batches))]

    def loss(self, batch: Rows) -> Tensor:
        """Cross-entropy with smoothed labels."""
        logits = self._logits(self.learnt, batch)
        wanted = torch.from_numpy(self.learnt.rows[batch]).to(logits.device)
        return nn.functional.cross_entropy(logits, wanted, label_smoothing=SMOOTHING)

    def quality(self) -> float:
        """Accuracy on what is held out; where that is equal, the loss decides."""
        right, loss = self._judged()
        return right - 0.01 * loss

    @torch.no_grad()
    def accuracy(self) -> float:
        """On what is held out, as the network is now."""
        return self._judged()[0]

    @torch.no_grad()
    def judged_logits(self) -> Floats:
        """Of what is held out, as the network is now. [n, classes]"""
        lengths = self.judged.lengths.tolist()
        found = np.empty((len(lengths), self.head.out.out_features), np.float32)
        with hardware_of(self.settings).autocast():
            for rows in batches_by_length(lengths, 2 * self.settings.tokens_a_batch):
                found[rows] = self._logits(self.judged, np.array(rows)).float().cpu().numpy()
        return found

    def _judged(self) -> tuple[float, float]:
        """Accuracy and mean loss on what is held out."""
        if not len(self.judged.rows):
            return 0.0, 0.0
        logits, wanted = torch.from_numpy(self.judged_logits()), torch.from_numpy(self.judged.rows)
        right = float((logits.argmax(1) == wanted).float().mean())
        return right, float(nn.functional.cross_entropy(logits, wanted))

    def _logits(self, lessons: Lessons, rows: Rows) -> Tensor:
        lower, present = lessons.states.rectangle(lessons.texts[rows], self.head.out.weight.device)
        return self.head(mean_of_tokens(self.upper(lower, present).float(), present))  # type: ignore[no-any-return]


def reader_of(body: E5Body, settings: FineTuning) -> Reader:
    """The body cut where learning begins."""
    return Reader(body, settings.trained_layers, settings.longest, hardware_of(settings))


def read_lessons(body: E5Body, texts: Sequence[str], rows: Rows, settings: FineTuning, tell: Progress) -> Lessons:
    """Let the lower layers read each text once; 2 × hidden bytes a token are kept."""
    tokens = body.tokens(texts, settings.longest, body.query_prefix)
    states = TokenStates.read(
        reader_of(body, settings), tokens, lambda done, total: tell("lower layers read", done, total)
    )
    return Lessons(states, np.arange(len(rows)), rows)


def fine_tune(
    body: E5Body,
    learnt: Lessons,
    judged: Lessons,
    classes: int,
    settings: FineTuning,
    *,
    state: Path | None,
    told: str,
    tell: Progress,
    begun: float = 0.0,
) -> tuple[ClassTask, Fitted]:
    """Learn until validation, epochs or minutes say stop. `told`: what tells these texts from others, for resuming;
    `begun`: see `fit`."""
    task = ClassTask(body, learnt, judged, classes, settings)
    digest = blake2b(orjson.dumps([settings.of_outcome(), body.name, FORMAT, told, classes]), digest_size=16)
    for lessons in (learnt, judged):
        digest.update(lessons.texts.tobytes() + lessons.rows.tobytes())
    fitted = fit(
        task,
        settings,
        state=state,
        fingerprint=digest.hexdigest(),
        begun=begun,
        progress=lambda done, total, _figures: tell("fine-tuning", done, total),
    )
    return task, fitted

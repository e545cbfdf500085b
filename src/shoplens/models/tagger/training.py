"""Fine-tunes a tagger on sentences; the best epoch on validation sentences is kept."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from shoplens.domain.tagging import OUTSIDE, TaggedSentence, label_set, spans_of
from shoplens.encoders.e5_torch import E5Body
from shoplens.encoders.text import batches_by_length
from shoplens.errors import InputError
from shoplens.models.content_ranker.reading import Reader, TokenStates
from shoplens.models.tagger.blocks import Block, make_blocks
from shoplens.models.tagger.network import TaggerHead, UnitBatch
from shoplens.models.tagger.reading import read_sentences
from shoplens.models.tagger.units import are_characters
from shoplens.models.text_body.fitting import Fitted, fit, hardware_of
from shoplens.models.text_body.layers import UpperLayers, parameter_groups
from shoplens.models.text_body.served import write_body
from shoplens.models.text_body.settings import FineTuning

FORMAT = 1  # of the saved folder
HEAD, FACTS = "head.safetensors", "tagger.json"
LONGEST = 256  # tokens of a block; a longer sentence is cut
CHUNK = 2_000  # sentences cut into tokens at a time
TOGETHER = 2.0  # neighbours that share entities so many times as often as strangers stand in one document
SENTENCES = 50  # the fewest that are worth learning from

Progress = Callable[[str, int, int, dict[str, float]], None]  # what is done, how far, of how much, figures
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Lessons:
    """Sentences in blocks, with what the lower layers say of them."""

    blocks: list[Block]
    states: TokenStates
    labels: Ints  # of all units, one after another; the last entry stands for marks between sentences
    sentences: Sequence[TaggedSentence]


class TaggingTask:
    """See `text_body.fitting.Task`."""

    def __init__(
        self, body: E5Body, learnt: Lessons, judged: Lessons, labels: Sequence[str], settings: FineTuning
    ) -> None:
        self.learnt, self.judged, self.labels, self.settings = learnt, judged, labels, settings
        reader = Reader(body, settings.trained_layers, LONGEST, hardware_of(settings))
        self.upper = UpperLayers(reader.upper())
        self.head = TaggerHead(body.sizes.hidden, labels)
        self.network = nn.ModuleDict({"upper": self.upper, "head": self.head})

    def groups(self) -> list[dict[str, Any]]:
        """Layers slower the lower they are."""
        return parameter_groups(self.network, self.upper, self.settings)

    def batches(self, random: np.random.Generator) -> list[Ints]:
        """Blocks of like length together, in a new order."""
        order = random.permutation(len(self.learnt.blocks))
        lengths = [len(self.learnt.blocks[row].ids) for row in order]
        batches = [order[rows] for rows in batches_by_length(lengths, self.settings.tokens_a_batch)]
        return [batches[place] for place in random.permutation(len(batches))]

    def loss(self, batch: Ints) -> Tensor:
        """Of some blocks."""
        emissions, units, blocks = self._emissions(self.learnt, batch)
        wanted = np.zeros(emissions.shape[:2], np.int64)
        for row, one in enumerate(blocks):
            wanted[row, : len(one.unit)] = self.learnt.labels[one.unit]
        likely = self.head.chain.log_likelihood(emissions, torch.from_numpy(wanted).to(emissions.device), units.lengths)
        return -likely.sum() / units.lengths.sum()

    def quality(self) -> float:
        """F1 of whole entities, strict."""
        found = np.zeros(len(self.judged.labels), np.int64)
        lengths = [len(one.ids) for one in self.judged.blocks]
        for rows in batches_by_length(lengths, 2 * self.settings.tokens_a_batch):
            emissions, units, blocks = self._emissions(self.judged, np.array(rows))
            best = self.head.chain.best(emissions, units.lengths).cpu().numpy()
            for row, one in enumerate(blocks):
                found[one.unit] = best[row, : len(one.unit)]
        told = [self.labels[code] for code in found[:-1]]
        return entity_f1(self.judged.sentences, told)

    def _emissions(self, lessons: Lessons, rows: Ints) -> tuple[Tensor, UnitBatch, list[Block]]:
        blocks = [lessons.blocks[row] for row in rows]
        device = self.head.out.weight.device
        units = UnitBatch.of(blocks).to(device)
        lower, present = lessons.states.rectangle(rows, device)
        return self.head(lower, self.upper(lower, present), units).float(), units, blocks


def entity_f1(sentences: Sequence[TaggedSentence], told: Sequence[str]) -> float:
    """F1 of entities whose kind and both ends are right; `told`: labels of all units, sentence after sentence."""
    right = wanted = found = at = 0
    for one in sentences:
        known, said = set(spans_of(one.labels)), set(spans_of(told[at : at + len(one.units)]))
        right, wanted, found, at = (
            right + len(known & said),
            wanted + len(known),
            found + len(said),
            at + len(one.units),
        )
    return 2 * right / (wanted + found) if wanted + found else 0.0


@dataclass(frozen=True, slots=True)
class TrainedTagger:
    """What was learnt, ready to be written."""

    labels: tuple[str, ...]
    characters: bool  # units are single characters, written together
    documents: bool  # sentences that follow one another speak of the same; they are read together
    settings: FineTuning
    fitted: Fitted
    body: E5Body
    upper: UpperLayers
    head: TaggerHead

    def save(self, folder: Path, *, precision: str = "int8") -> None:
        """Write all that `Tagger.load` needs into an existing folder; `precision` of the encoder: int8 or fp32."""
        layers = self.body.sizes.layers
        states = (layers - len(self.upper.layers), layers)
        weights = self.body.with_layers(self.upper.by_number(layers))
        write_body(weights, self.body.reading(LONGEST), folder, precision=precision, states=states)
        save_file(self.head.state_dict(), folder / HEAD)
        facts = {
            "format": FORMAT,
            "labels": self.labels,
            "characters": self.characters,
            "documents": self.documents,
            "room": self.settings.longest,
            "hidden": self.body.sizes.hidden,
            "states": states,
            "base": self.body.name,
            "precision": precision,
            "settings": self.settings.to_dict(),
            "epoch": self.fitted.epoch,
            "validation_entity_f1": self.fitted.qualities,
            "train_seconds": self.fitted.seconds,
            "device": self.fitted.device,
        }
        (folder / FACTS).write_bytes(orjson.dumps(facts, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY))


def train_tagger(
    sentences: Sequence[TaggedSentence],
    valid: Sequence[TaggedSentence],
    settings: FineTuning | None = None,
    *,
    body: E5Body | None = None,
    state: Path | None = None,
    progress: Progress | None = None,
) -> TrainedTagger:
    """Learn from `sentences` in the order of their documents; `valid` chooses the epoch.

    `state`: a file in which what was learnt so far is kept, so that a killed training goes on. InputError when there is
    too little to learn from.
    """
    settings = settings or FineTuning()
    kinds = {span.kind for one in sentences for span in spans_of(one.labels)}
    if len(sentences) < SENTENCES or not kinds:
        raise InputError(
            f"there are {len(sentences)} sentences with {len(kinds)} kinds of entity to learn from, beside those set "
            f"aside; a tagger needs {SENTENCES} sentences and one kind at least"
        )
    body = body or E5Body()
    labels = label_set(kinds)
    characters = are_characters([one.units for one in sentences])
    documents = not characters and speak_of_the_same(sentences)
    torch.manual_seed(settings.seed)
    random = np.random.default_rng(settings.seed)
    settle = (body, labels, characters, documents, settings)
    learnt = _lessons(sentences, *settle, random=random, tell=_telling(progress, "reading sentences"))
    judged = _lessons(valid, *settle, random=None, tell=_telling(progress, "reading validation sentences"))
    task = TaggingTask(body, learnt, judged, labels, settings)

    def tell(done: int, most: int, figures: dict[str, float]) -> None:
        if progress is not None:
            progress("learning", done, most, figures)

    fitted = fit(task, settings, state=state, fingerprint=_fingerprint(sentences, valid, body, settings), progress=tell)
    return TrainedTagger(labels, characters, documents, settings, fitted, body, task.upper, task.head)


def _telling(progress: Progress | None, what: str) -> Callable[[int, int], None]:
    return lambda done, most: progress(what, done, most, {}) if progress is not None else None


def _lessons(
    sentences: Sequence[TaggedSentence],
    body: E5Body,
    labels: Sequence[str],
    characters: bool,
    documents: bool,
    settings: FineTuning,
    *,
    random: np.random.Generator | None,
    tell: Callable[[int, int], None],
) -> Lessons:
    tokens = body.reading(LONGEST)
    read = []
    for first in range(0, len(sentences), CHUNK):
        units = [one.units for one in sentences[first : first + CHUNK]]
        read += read_sentences(tokens, units, characters=characters)
    begin, end = tokens.ids([""], "")[0]
    numbers = [0] * len(read) if documents else list(range(len(read)))
    blocks = make_blocks(read, numbers, marks=(begin, end), room=settings.longest, longest=LONGEST, random=random)
    reader = Reader(body, settings.trained_layers, LONGEST, hardware_of(settings))
    states = TokenStates.read(reader, [one.ids for one in blocks], tell)
    code = {label: number for number, label in enumerate(labels)}
    flat = [code.get(label, 0) for one in sentences for label in one.labels]
    return Lessons(blocks, states, np.array([*flat, code[OUTSIDE]], np.int64), sentences)


def speak_of_the_same(sentences: Sequence[TaggedSentence], step: int = 997) -> bool:
    """Whether sentences stand in the order of documents: neighbours name the same things far more often than others."""
    named = [frozenset(one.units[span.start] for span in spans_of(one.labels)) for one in sentences]
    beside = sum(bool(one & other) for one, other in itertools.pairwise(named))
    apart = sum(bool(one & named[(place + step) % len(named)]) for place, one in enumerate(named))
    return beside > TOGETHER * max(apart, 1)


def _fingerprint(
    sentences: Sequence[TaggedSentence], valid: Sequence[TaggedSentence], body: E5Body, settings: FineTuning
) -> str:
    digest = blake2b(orjson.dumps([settings.of_outcome(), body.name, FORMAT]), digest_size=16)
    for part in (sentences, valid):
        for one in part:
            digest.update(orjson.dumps([one.units, one.labels]))
        digest.update(b"|")
    return digest.hexdigest()

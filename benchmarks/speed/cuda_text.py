"""Fine-tuning of texts on a CUDA device beside the CPU, part of `benchmarks.speed.cuda`: made up, random weights."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from shoplens.domain.tagging import TaggedSentence
from shoplens.encoders.e5_torch import E5Body
from shoplens.encoders.packed_e5 import Sizes
from shoplens.models.classifier.training import fine_tune, read_lessons
from shoplens.models.tagger.training import train_tagger
from shoplens.models.text_body.settings import FineTuning
from shoplens.testing.marked_sentences import BRANDS, OTHER, THINGS, marked_sentences
from shoplens.testing.tiny_e5 import SIZES, tiny_e5

#: Of multilingual-e5-small; the vocabulary is made of the words that the texts hold.
E5_SMALL = Sizes(384, layers=12, heads=12, feed_forward=1_536, vocabulary=0, positions=512, epsilon=1e-12)
CLASSES = 4
WORDS = (20, 60)  # of a text that gets a class
JOINED = 5  # made-up sentences are one to the tagger: about as many units as a block of running text has
LARGER = 8  # times the tokens of a step
JUDGED = 7  # one text in so many is not learnt from

Row = dict[str, Any]


def body(*, tiny: bool) -> E5Body:
    """An encoder of random weights that knows the words."""
    words = {word for phrase in (*BRANDS, *THINGS) for word in phrase} | set(OTHER)
    return E5Body(tiny_e5(sorted(words), shape=SIZES if tiny else E5_SMALL))


def classed_texts(count: int, seed: int) -> tuple[list[str], np.ndarray[Any, np.dtype[np.int64]]]:
    """Texts with one word of their class among words that tell nothing."""
    chance = random.Random(seed)
    rows = [chance.randrange(CLASSES) for _ in range(count)]
    texts = []
    for row in rows:
        words = chance.choices(OTHER, k=chance.randint(*WORDS))
        words.insert(chance.randrange(len(words)), THINGS[row][0])
        texts.append(" ".join(words))
    return texts, np.array(rows, np.int64)


def long_sentences(count: int, seed: int) -> list[TaggedSentence]:
    """Sentences with ten entities each."""
    short = marked_sentences(count * JOINED, seed=seed)
    return [
        TaggedSentence(
            tuple(unit for one in short[at : at + JOINED] for unit in one.units),
            tuple(label for one in short[at : at + JOINED] for label in one.labels),
        )
        for at in range(0, len(short), JOINED)
    ]


def learn_classes(pretrained: E5Body, count: int, settings: FineTuning) -> Row:
    """Seconds of reading by the lower layers and of an epoch above them, its inner validation included."""
    texts, rows = classed_texts(count, settings.seed)
    edge = count - count // JUDGED
    began = time.perf_counter()
    learnt = read_lessons(pretrained, texts[:edge], rows[:edge], settings, _silent)
    judged = read_lessons(pretrained, texts[edge:], rows[edge:], settings, _silent)
    read = time.perf_counter() - began
    _, fitted = fine_tune(pretrained, learnt, judged, CLASSES, settings, state=None, told="made up", tell=_silent)
    return _row(read, fitted.seconds, fitted.qualities)


def learn_entities(pretrained: E5Body, count: int, settings: FineTuning) -> Row:
    """The same of sentences with brands and things."""
    began = time.perf_counter()
    valid = long_sentences(max(count // JUDGED, 20), settings.seed + 1)
    trained = train_tagger(long_sentences(count, settings.seed), valid, settings, body=pretrained)
    whole = time.perf_counter() - began
    return _row(whole - trained.fitted.seconds, trained.fitted.seconds, trained.fitted.qualities)


def fine_tunings(
    devices: Sequence[str], *, texts: int, epochs: int, tiny: bool, seed: int, tell: Callable[[Row], None]
) -> Iterator[Row]:
    """Both tasks on each device, in each precision, and with steps `LARGER` times as large."""
    pretrained = body(tiny=tiny)
    layers = 1 if tiny else FineTuning().trained_layers
    learning = {"classes": learn_classes, "entities": learn_entities}
    for device in devices:  # the first kernels of a process take seconds to be found
        for learn in learning.values():
            learn(pretrained, 60, FineTuning(trained_layers=layers, epochs=1, device=device))
    for task, learn in learning.items():
        for work in (1, LARGER):
            for device in devices:
                for precision in ("float32", "bfloat16"):
                    settings = FineTuning(
                        trained_layers=layers,
                        epochs=epochs,
                        patience=epochs,
                        tokens_a_batch=work * FineTuning().tokens_a_batch,
                        device=device,
                        precision=precision,
                        seed=seed,
                    )
                    row = {"task": task, "large": work > 1, "device": device, "precision": precision}
                    row |= learn(pretrained, texts, settings)
                    tell(row)
                    yield row


def _row(read: float, learnt: float, qualities: Sequence[float]) -> Row:
    return {
        "read_s": round(read, 3),
        "epoch_s": round(learnt / len(qualities), 3),
        "quality": round(qualities[-1], 4),
    }


def _silent(_what: str, _done: int, _total: int) -> None:
    pass

"""Sentences with brands and things marked in them, of which a tagger can learn the rule in seconds."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from shoplens.domain.tagging import Span, TaggedSentence, labels_of
from shoplens.encoders.e5_torch import E5Body
from shoplens.models.text_body.settings import FineTuning
from shoplens.testing.tiny_e5 import tiny_e5

BRANDS = (("Acme",), ("Blue", "Peak"), ("Zeta",), ("NORD",), ("Red", "Fox"))
THINGS = (("lamp",), ("rain", "coat"), ("shoe",), ("phone", "case"), ("cup",))
OTHER = ("a", "new", "for", "the", "cheap", "with", "red", "and", "size", "42", ",", "good")
QUICK = FineTuning(
    trained_layers=1,
    epochs=8,
    learning_rate=3e-3,
    head_learning_rate=1e-2,
    averaging=0.8,
    tokens_a_batch=256,
    patience=8,
)


def tiny_body() -> E5Body:
    """An encoder of two random layers that knows the words."""
    words = {word for phrase in (*BRANDS, *THINGS) for word in phrase}
    return E5Body(tiny_e5(sorted({*words, *OTHER})))


def marked_sentences(count: int = 160, *, seed: int = 0, characters: bool = False) -> list[TaggedSentence]:
    """`characters`: every letter is a unit of its own."""
    chance = random.Random(seed)
    made = []
    for _ in range(count):
        parts: list[tuple[str, str]] = []  # words joined, kind
        for kind, phrases in (("BRAND", BRANDS), ("THING", THINGS)):
            parts += [(word, "") for word in chance.choices(OTHER, k=chance.randint(0, 3))]
            parts.append((" ".join(chance.choice(phrases)), kind))
        units: list[str] = []
        spans = []
        for text, kind in parts:
            start = len(units)
            units += list(text.replace(" ", "")) if characters else text.split()
            if kind:
                spans.append(Span(start, len(units), kind))
        made.append(TaggedSentence(tuple(units), labels_of(spans, len(units))))
    return made


def write_marked(file: Path, sentences: Sequence[TaggedSentence]) -> None:
    """In CoNLL columns."""
    blocks = ("".join(f"{u} {l}\n" for u, l in zip(one.units, one.labels, strict=True)) for one in sentences)  # noqa: E741
    file.write_text("\n".join(blocks), encoding="utf-8")

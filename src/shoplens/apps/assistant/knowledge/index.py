"""Passages found by words (BM25) and by meaning (vectors), on a scale on which "nothing here answers this" shows.

A passage's score is `WORDS` × the share of the question's words that it has (rare ones count more, see also `asking`)
plus the rest × its cosine with the question, both 0 to 1. What questions reach that have nothing to do with a shop
(`unrelated`) tells from which score on a passage is an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from shoplens.apps.assistant.grounding.claims import numbers_of
from shoplens.apps.assistant.knowledge.asking import asked_about
from shoplens.apps.assistant.knowledge.passages import Passage
from shoplens.apps.assistant.unrelated import UNRELATED
from shoplens.encoders.base import TextEncoder
from shoplens.encoders.centring import LanguageMeans, language_of, languages_of
from shoplens.retrieval.exact import ExactIndex
from shoplens.retrieval.lexical.document import Document, FieldWeights
from shoplens.retrieval.lexical.index import LexicalIndex

Floats = npt.NDArray[np.float32]

WORDS = 0.45  # weight of words beside meaning
ALONE = (
    0.3  # of that where a question has one word only: "arrive" is wholly in many a passage that answers something else
)
OWN_LANGUAGE = 0.08  # what a passage in the language of the question is better by
DEPTH = 50  # passages that words find
FALSE_ALARMS = 0.05  # share of unrelated questions that may be answered from a document
LEAST = 0.25  # a passage below that is no answer, however little unrelated questions reach


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage and how well it answers, 0 to 1."""

    passage: Passage
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class PassageVectors:
    """What an encoder says of passages, kept so that a shop opens at once."""

    passages: Floats  # [n, size], centred by language
    means: LanguageMeans  # of questions
    threshold: float | None = None  # see `Knowledge.threshold`; None = not measured yet

    @classmethod
    def read(cls, passages: Sequence[Passage], encoder: TextEncoder) -> Self:
        """Of these passages; questions' means from the unrelated ones and the headings."""
        texts = [f"{one.title}. {one.text}" for one in passages]
        vectors = encoder.encode(texts)
        own = LanguageMeans.estimate(vectors, languages_of(texts))
        questions = list(dict.fromkeys([*UNRELATED, *(one.path[-1] for one in passages)]))
        means = LanguageMeans.estimate(encoder.encode_queries(questions), languages_of(questions))
        return cls(own.centre_texts(vectors, texts), means)


class Knowledge:
    """See the top of this file. Safe to share between threads."""

    def __init__(
        self, passages: Sequence[Passage], encoder: TextEncoder, vectors: PassageVectors | None = None
    ) -> None:
        self.passages = tuple(passages)
        self.vectors = vectors if vectors is not None else PassageVectors.read(self.passages, encoder)
        self._encoder = encoder
        self._meaning = ExactIndex().build(self.vectors.passages)
        self._words = LexicalIndex.open(None, weights=FieldWeights(description=0.8))
        self._words.apply((_document(row, one) for row, one in enumerate(self.passages)), (), 1)
        self.numbers = frozenset(number for one in self.passages for number in numbers_of(one.text))
        self._languages = np.array([language_of(one.text) for one in self.passages])
        #: From which score on a passage answers: FALSE_ALARMS of unrelated questions reach it.
        self.threshold = self.vectors.threshold if self.vectors.threshold is not None else self._measured()

    def __len__(self) -> int:
        return len(self.passages)

    def search(self, text: str, n: int = 5) -> list[Hit]:
        """The n best passages, best first, whether or not they reach the threshold."""
        if not self.passages:
            return []
        scores = self._scores(text)
        order = np.argsort(-scores, kind="stable")[:n]
        return [Hit(self.passages[row], float(scores[row])) for row in order.tolist()]

    def by_words(self, text: str, n: int = 5) -> list[Hit]:
        """The same by words alone: what every figure of retrieval is compared with."""
        found = self._words.search(self._words.parse(text), n)
        return [
            Hit(self.passages[int(row)], float(score)) for row, score in zip(found.item_ids, found.scores, strict=True)
        ]

    def _scores(self, text: str) -> Floats:
        query = self.vectors.means.centre_texts(self._encoder.encode_queries([text]), [text])
        rows, cosines = self._meaning.search(query, len(self.passages))
        scores = np.zeros(len(self.passages), np.float32)
        scores[rows[0]] = (1 - WORDS) * np.clip(cosines[0], 0.0, 1.0)
        asked = self._words.parse(asked_about(text))
        found = self._words.search(asked, DEPTH)
        weight = WORDS if len(asked.words) > 1 else WORDS * ALONE
        for row, coverage in zip(found.item_ids, found.coverage.tolist(), strict=True):
            scores[int(row)] += weight * coverage
        scores[self._languages == language_of(text)] += OWN_LANGUAGE
        return scores

    def _measured(self) -> float:
        tops = sorted(float(self._scores(one).max()) for one in UNRELATED) if self.passages else [1.0]
        return max(tops[int((1 - FALSE_ALARMS) * (len(tops) - 1))], LEAST)


def _document(row: int, passage: Passage) -> Document:
    return Document(item_id=str(row), title=" ".join(passage.path[-2:]), description=passage.text)

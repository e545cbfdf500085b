"""Products of a benchmark behind the very search that serves, and how its answers are judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.features.align.validation import Questions
from shoplens.learning.search_metrics import Ranking, rankings_by_language, timed
from shoplens.retrieval.asked import Asked
from shoplens.retrieval.blend import WORDS, Blend, Judged
from shoplens.retrieval.hybrid import HybridIndex, Reads, Space
from shoplens.retrieval.lexical.document import Document
from shoplens.retrieval.lexical.index import LexicalIndex
from shoplens.retrieval.semantic import Rescore, VectorSignal

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

ASKED = 100  # products that each query is answered with


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """What is searched: documents, their vectors by signal, and who reads queries.

    present: signal → which documents have a vector, [documents]; all of them where the signal is not named.
    """

    documents: Sequence[Document]
    vectors: Mapping[str, Floats]  # signal → [documents, size]
    reader: Reads
    present: Mapping[str, npt.NDArray[np.bool_]] = field(default_factory=dict)
    rescores: Mapping[str, Rescore] = field(default_factory=dict)
    space: Space | None = None
    spoken: Space | None = None

    def index(self, blend: Blend | None = None) -> HybridIndex:
        """The search, empty of anything but these products."""
        words = LexicalIndex.open(None)
        words.apply(self.documents, (), 1)
        signals = []
        for name, vectors in self.vectors.items():
            signal = VectorSignal(name, vectors.shape[1], rescore=self.rescores.get(name))
            here = np.flatnonzero(self.present.get(name, np.ones(len(vectors), bool)))
            signal.put(here + 1, vectors[here])
            if signal.wants_rebuild:
                signal.rebuild()
            signals.append(signal)
        ids = ["", *(document.item_id for document in self.documents)]
        places = {item_id: row for row, item_id in enumerate(ids)}
        return HybridIndex(
            words,
            signals,
            reader=self.reader,
            space=self.space,
            spoken=self.spoken,
            blend=blend,
            row_of=lambda item_ids: np.array([places[item_id] for item_id in item_ids], np.int64),
            id_of=lambda rows: [ids[row] for row in rows.tolist()],
        )


def reweighed(index: HybridIndex, blend: Blend, **changed: Any) -> HybridIndex:
    """The same products with another blend (and `reader`, `spoken`, …)."""
    parts = {"reader": index.reader, "space": index.space, "spoken": index.spoken, "lexicon": index.lexicon, **changed}
    return HybridIndex(
        index.words, list(index.signals.values()), blend=blend, row_of=index.row_of, id_of=index.id_of, **parts
    )


def only(*signals: str) -> Blend:
    """A blend of these signals alone, which count alike."""
    names = (WORDS, "meaning", "looks", "attributes")
    return Blend({"": {name: float(name in signals) for name in names}})


def asked_all(
    index: HybridIndex, queries: Sequence[str], gains: Floats, languages: Sequence[str]
) -> tuple[dict[str, Any], dict[str, float]]:
    """Figures of all queries, gains [queries, products], and how long a query takes."""
    found, times = timed(lambda query: index.search(Asked(text=query), ASKED).rows - 1, queries)
    rankings = [Ranking(own[rows], own[own > 0]) for rows, own in zip(found, gains, strict=True)]
    return rankings_by_language(rankings, languages), times


def judged_questions(index: HybridIndex, questions: Mapping[str, Questions]) -> list[Judged]:
    """What each signal says of all products for these questions, by language: to learn a blend from."""
    judged = []
    for language, asked in questions.items():
        for text, answers in zip(asked.texts, asked.answers, strict=True):
            rows = np.arange(1, len(answers) + 1)
            judged.append(Judged(language, index.parts(Asked(text=text), rows), answers.astype(np.float32)))
    return judged

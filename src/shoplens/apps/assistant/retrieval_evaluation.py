"""How well passages are found that answer a question, by questions of which it is known.

A question's `source` names what answers it: a document ("returns.md"), a heading in it ("returns.md: Refunds"; of a
table, the question), or a heading of any document ("Refunds"). Where several do, " | " stands between them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from shoplens.apps.assistant.evaluation import Figure
from shoplens.apps.assistant.intents.examples import Example
from shoplens.apps.assistant.knowledge.index import Hit, Knowledge
from shoplens.apps.assistant.knowledge.passages import Passage
from shoplens.domain.opinions import wilson
from shoplens.errors import InputError

DEPTHS = (1, 3, 5)  # places that recall looks at
DEEPEST = 50  # places that the mean reciprocal rank looks at
RESAMPLES = 2_000  # of the questions, for intervals of means

Ranks = npt.NDArray[np.float64]  # of the first right passage, from 1; infinite where none was found


def retrieval_figures(knowledge: Knowledge | None, examples: Sequence[Example], *, seed: int = 0) -> dict[str, Figure]:
    """Recall at 1, 3 and 5 and the mean reciprocal rank (of the first 50) of what `source` names; none without sources.

    The baseline is words alone (BM25). Intervals are 95 %: Wilson's for recall, bootstrap over questions for the rank
    and for what is gained on the baseline. InputError when some sources name
    documents and others do not.
    """
    asked = [one for one in examples if one.source]
    if not asked:
        return {}
    right = [_answers(str(one.source), () if knowledge is None else knowledge.passages) for one in asked]
    if knowledge is None or not any(right):  # exports call the channel "source" too: then this is no such file
        return {"retrieval recall@1": Figure(None, None, f"no source of {len(asked)} questions names a document")}
    if missing := sorted({str(one.source) for one, some in zip(asked, right, strict=True) if not some}):
        told = ", ".join(map(repr, missing[:3]))
        raise InputError(
            f"no document has the source {told}; write FILE, FILE: HEADING, or HEADING, as they stand there"
        )
    mine, words = (
        np.array([_rank(find(one.utterance, DEEPEST), some) for one, some in zip(asked, right, strict=True)])
        for find in (knowledge.search, knowledge.by_words)
    )
    over = f"{len(asked)} questions, {len(knowledge)} passages; baseline: words alone"
    figures = {}
    for depth in DEPTHS:
        hits, base = (mine <= depth).astype(float), (words <= depth).astype(float)
        bounds = wilson(float(hits.sum()), len(hits))
        figures[f"retrieval recall@{depth}"] = Figure(
            float(hits.mean()), float(base.mean()), over, bounds, _bootstrap(hits - base, seed)
        )
    near, base = 1 / mine, 1 / words
    figures["retrieval mrr"] = Figure(
        float(near.mean()), float(base.mean()), over, _bootstrap(near, seed), _bootstrap(near - base, seed)
    )
    return figures


def _answers(source: str, passages: Sequence[Passage]) -> frozenset[str]:
    """Ids of the passages that a source names."""
    documents = {one.document for one in passages}
    found: set[str] = set()
    for part in source.split("|"):
        document, _, heading = (piece.strip() for piece in part.partition(":"))
        if document not in documents:
            document, heading = "", part.strip()
        if document or heading:
            wanted = heading.casefold()
            found |= {
                one.id
                for one in passages
                if (not document or one.document == document) and wanted in one.title.casefold()
            }
    return frozenset(found)


def _rank(hits: Sequence[Hit], right: frozenset[str]) -> float:
    return next((place for place, one in enumerate(hits, start=1) if one.passage.id in right), float("inf"))


def _bootstrap(values: Ranks, seed: int) -> tuple[float, float]:
    """95 % of a mean, by the percentiles of resampled ones (Efron 1979)."""
    rows = np.random.default_rng(seed).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.quantile(values[rows].mean(axis=1), (0.025, 0.975))
    return float(low), float(high)

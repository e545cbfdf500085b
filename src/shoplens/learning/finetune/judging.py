"""Whether a fine-tuned encoder finds held-out products better than the one before it.

Both get the same chance: words and photos are aligned (`features.align`) on the vectors of each, from the same products
with the same seed, and both answer the same questions about the same products, that neither was fine-tuned or aligned
on. Every question is asked of both, so that what is compared is its difference: the interval is a paired bootstrap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.encoders.base import Encoder
from shoplens.features.align.bridge import bridge_of, one_network
from shoplens.features.align.captions import Phrases
from shoplens.features.align.examples import Lessons, Progress
from shoplens.features.align.facets import choose_facets, codes_of
from shoplens.features.align.lexicon import built_in
from shoplens.features.align.networks import Floats
from shoplens.features.align.reading import Reader
from shoplens.features.align.training import train_alignment
from shoplens.features.align.validation import Answers, Questions, make_questions, ndcg_of_each
from shoplens.learning.finetune.sides import Rows, part
from shoplens.learning.metrics.bootstrap import compare, resampled_means

LEVEL = 0.9  # of the interval; its lower end must be above zero
RESAMPLES = 2_000
NAMES = {"en": "English phrases", "zh": "Chinese phrases", "title": "titles"}


@dataclass(frozen=True, slots=True)
class Contender:
    """Encoders, and what they say of all products (held-out ones too)."""

    reader: Reader
    looks: Encoder
    lessons: Lessons


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of question: means of NDCG at 10 over `questions`, and the gain with its interval."""

    questions: int
    before: float
    after: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return {
            "questions": self.questions, "before": self.before, "after": self.after,
            "gain": self.after - self.before, "low": self.low, "high": self.high,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """Figures by kind; `gain` is the mean over kinds, each counting alike."""

    kinds: dict[str, Kind]
    gain: float
    low: float
    high: float
    products: int  # held out, with a photo

    @property
    def better(self) -> bool:
        """Whether the gain is more than chance: the lower end of its interval is above zero."""
        return self.low > 0

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        kinds = {name: kind.as_dict() for name, kind in self.kinds.items()}
        both = {"gain": self.gain, "low": self.low, "high": self.high, "level": LEVEL, "better": self.better}
        return {**both, "products": self.products, "kinds": kinds}


def judge(
    before: Contender, after: Contender, held: Rows, *, seed: int, titles: bool, tell: Progress, members: int = 1
) -> Verdict:
    """Ask both. `held` [products]: not fine-tuned on; `titles`: whether titles are searched too (a matter of the
    encoder of texts alone)."""
    shown = held & before.lessons.has_photo
    questions = _questions(before.lessons, held, shown, seed)
    answers = [
        _answer(one, questions, held, shown, seed, members, titles, _under(tell, name))
        for name, one in (("before", before), ("after", after))
    ]
    return verdict(*answers, products=int(shown.sum()), seed=seed)


def verdict(
    before: dict[str, npt.NDArray[np.float64]],
    after: dict[str, npt.NDArray[np.float64]],
    *,
    products: int,
    seed: int,
) -> Verdict:
    """From NDCG of each question, by kind."""
    kinds = {}
    means = np.zeros(RESAMPLES)
    for place, (name, theirs) in enumerate(before.items()):
        ours = after[name]
        difference = compare(ours, theirs, RESAMPLES, level=LEVEL, seed=seed + place)
        kinds[name] = Kind(len(ours), float(theirs.mean()), float(ours.mean()), difference.low, difference.high)
        means += resampled_means((ours - theirs)[:, None], RESAMPLES, seed=seed + place)[:, 0] / len(before)
    gain = float(np.mean([kind.after - kind.before for kind in kinds.values()])) if kinds else 0.0
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist() if kinds else (0.0, 0.0)
    return Verdict(kinds, gain, low, high, products)


def sentence(told: dict[str, Any]) -> str:
    """`Verdict.as_dict` in words."""
    parts = [
        f"{name} {kind['before']:.3f} → {kind['after']:.3f} ({kind['low']:+.3f} to {kind['high']:+.3f})"
        for name, kind in told["kinds"].items()
    ]
    return (
        f"NDCG@10 on {told['products']:,} held-out products, before → after "
        f"({told['level']:.0%} interval of the gain): "
        f"{'; '.join(parts)}; all {told['gain']:+.3f} ({told['low']:+.3f} to {told['high']:+.3f})"
    )


def _questions(lessons: Lessons, held: Rows, shown: Rows, seed: int) -> dict[str, Questions]:
    """What held-out photos are asked for, in the words of the products that are learnt from."""
    known = [values for values, fine in zip(lessons.values, ~held & lessons.has_photo, strict=True) if fine]
    phrases = Phrases(choose_facets(known), built_in())
    codes = codes_of([values for values, fine in zip(lessons.values, shown, strict=True) if fine], phrases.facets)
    return make_questions(phrases, codes, lessons.titled(shown), np.random.default_rng(seed))


def _answer(
    one: Contender,
    questions: dict[str, Questions],
    held: Rows,
    shown: Rows,
    seed: int,
    members: int,
    titles: bool,
    tell: Progress,
) -> dict[str, npt.NDArray[np.float64]]:
    """NDCG at 10 of each question, by kind: photos by words, words by photos, and titles by words."""
    alignment, _ = train_alignment(
        part(one.lessons, ~held),
        one.reader,
        bridge_of(one.looks, one.reader),
        one_network=one_network(one.looks, one.reader.encoder),
        seed=seed,
        members=members,
        progress=tell,
    )
    photos = one.lessons.photos.take(shown)
    named = one.lessons.titled(shown)
    found: dict[str, npt.NDArray[np.float64]] = {}
    for kind, asked in questions.items():
        scores = alignment.scores(asked.texts, photos)
        found[f"photos by {NAMES[kind]}"] = ndcg_of_each(scores, asked.answers)
        told = asked.answers.any(0)  # photos of which something fits
        found[f"{NAMES[kind]} by photos"] = ndcg_of_each(scores.T[told], asked.answers.T[told])
        if titles and kind != "title":
            found[f"titles by {NAMES[kind]}"] = _titles(one.reader, asked.texts, named, asked.answers)
    return found


def _titles(reader: Reader, texts: Sequence[str], named: Sequence[str], answers: Answers) -> npt.NDArray[np.float64]:
    """Titles of held-out products in the encoder's own space, as search compares them."""
    vectors: Floats = reader.encoder.encode(named)
    if reader.means is not None:
        vectors = reader.means.centre_texts(vectors, named)
    return ndcg_of_each(reader.read(texts) @ vectors.T, answers)


def _under(tell: Progress, name: str) -> Progress:
    return lambda what, done, total: tell(f"judge, {name}: {what}", done, total)

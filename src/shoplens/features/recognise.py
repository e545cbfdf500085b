"""Which product does a shopper's photo show? Learnt from product pictures, and from labelled photos if there are any.

Three cases, one model: a picture a product and nothing else (scenes are made out of the pictures to learn what to
overlook); labelled photos of all products; photos of some. Without labelled photos the words of products help, and so
do photos without labels, such as yesterday's uploads (`adapted`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt
from PIL import Image

from shoplens.errors import InputError
from shoplens.features.align.bridge import Classifier
from shoplens.features.recognise_discriminant import UNKNOWN, Discriminant
from shoplens.features.recognise_scenes import Cut, cut_out, scenes
from shoplens.features.recognise_views import PhotoReader, Photos, Progress
from shoplens.features.recognise_words import log_evidence

Floats = npt.NDArray[np.float32]

MOST_SCENES = 2_048  # in all: a minute or so of encoding on one core
SCENES_EACH = 24
PICTURES_COUNT = 4  # scenes that each cut of a product's own picture counts as
PRODUCTS_IN_SCENES = 256  # of more, a sample: what to overlook is the same for all
ENOUGH_UNLABELLED = 50  # photos that a usual score is estimated from
WORDS_COUNT = 0.3  # standard deviations of evidence from words, against one from the photo


@dataclass(slots=True)
class Learning:
    """What a recogniser learns from. Everything but the pictures may be missing."""

    item_ids: Sequence[str]
    pictures: Iterable[Image.Image | None]  # one a product, None where there is none; read once, in order
    photos: Photos = ()  # as shoppers take them
    labels: Sequence[str] = ()  # the product of each photo
    evidence: Floats | None = None  # [1000, products], see `recognise_words.class_evidence`
    scenes_each: int = SCENES_EACH  # at most; MOST_SCENES in all
    seed: int = 0
    progress: Progress | None = None  # photos, pictures and scenes read so far
    _done: int = field(default=0, init=False)

    def step(self, photos: int) -> Progress | None:
        """Progress of one of several readings, on top of those before; `photos` is how many it will read."""
        if self.progress is None:
            return None
        tell, before = self.progress, self._done
        self._done += photos
        return lambda done: tell(before + done)


class Recogniser:
    """Ranks the products of a catalogue by how likely a photo shows them."""

    def __init__(
        self,
        reader: PhotoReader,
        item_ids: Sequence[str],
        models: Sequence[Discriminant],
        *,
        evidence: Floats | None = None,
        usual: tuple[Floats, Floats] | None = None,
    ) -> None:
        self.reader = reader
        self.item_ids = tuple(item_ids)
        self.models = tuple(models)  # one for each cut of `reader`
        self.evidence = evidence  # [1000, products]
        self.usual = usual  # mean and spread of each product's scores on photos of anything, [products] each

    @classmethod
    def fit(cls, reader: PhotoReader, learning: Learning) -> Self:
        """Learn. InputError when there is neither a picture nor a labelled photo, or a label that is no product.

        About a second besides reading: four passes of the photo encoder a picture or photo (two cuts, each mirrored).
        """
        ids = list(learning.item_ids)
        row = {item_id: place for place, item_id in enumerate(ids)}
        unknown = next((label for label in learning.labels if label not in row), None)
        if unknown is not None:
            raise InputError(f"a photo is labelled {unknown!r}, which is not in the catalogue")
        labels = np.array([row[label] for label in learning.labels], np.intp)
        pictures, pictured, cuts = _read_pictures(reader, learning, keep_cuts=not len(labels))
        if not pictured.any() and not len(labels):
            raise InputError("a recogniser needs product pictures or labelled photos; this catalogue has neither")
        if len(labels):
            rows = reader.read(learning.photos, progress=learning.step(len(labels)))
            if rows.shape[1] != len(labels):
                raise InputError(f"{rows.shape[1]} photos have {len(labels)} labels")
            models = [
                Discriminant.fit(rows[cut], labels, pictures[cut], pictured, reader.weights, real=True)
                for cut in range(len(rows))
            ]
            return cls(reader, ids, models)
        model = _from_scenes(reader, learning, pictures, pictured, cuts)
        return cls(reader, ids, [model] * len(reader.shares), evidence=learning.evidence)

    def scores(self, photos: Photos) -> Floats:
        """How far each product stands above the average one, in standard deviations. float32 [photos, products]."""
        rows = self.reader.read(photos)
        raw = self._raw(rows)
        if self.usual is not None:
            raw = np.where(raw > UNKNOWN / 2, (raw - self.usual[0]) / self.usual[1], UNKNOWN)
        scores = _standing(raw)
        if self.evidence is not None and isinstance(self.reader.encoders[0], Classifier):
            classifier = self.reader.encoders[0]
            embedding = rows[:, :, : classifier.size][:, :, classifier.blocks["embedding"]]
            said = np.mean([classifier.class_probabilities(cut) for cut in embedding], axis=0)
            scores = _standing(scores + WORDS_COUNT * _standing(log_evidence(said, self.evidence)))
        return scores

    def rank(self, photos: Photos, n: int = 10) -> list[list[tuple[str, float]]]:
        """The `n` likeliest products of each photo, best first, with their scores (see `scores`)."""
        scores = self.scores(photos)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :n]
        return [
            [(self.item_ids[place], float(line[place])) for place in order]
            for line, order in zip(scores, best, strict=True)
        ]

    def adapted(self, photos: Photos) -> Self:
        """The same, having seen some fifty or more photos of whatever shoppers take, labels unknown.

        Some products seem to be in every photo: their usual score on photos of anything is taken off.
        """
        rows = self.reader.read(photos)
        if rows.shape[1] < ENOUGH_UNLABELLED:
            return self
        raw = self._raw(rows)
        usual = raw.mean(0), raw.std(0) + 1e-6
        return type(self)(self.reader, self.item_ids, self.models, evidence=self.evidence, usual=usual)

    def _raw(self, rows: Floats) -> Floats:
        """Sum over cuts of what the models say. [photos, products]"""
        raw = np.zeros((rows.shape[1], len(self.item_ids)), np.float32)
        for model, cut in zip(self.models, rows, strict=True):
            raw += model.scores(cut)
        return np.maximum(raw, UNKNOWN)


def _read_pictures(
    reader: PhotoReader, learning: Learning, *, keep_cuts: bool
) -> tuple[Floats, npt.NDArray[np.bool_], dict[int, Cut]]:
    """Rows of pictures [cuts, products, size] (zeros where there is none), which have one, and cut-outs by product."""
    count = len(learning.item_ids)
    pictured = np.zeros(count, np.bool_)
    cuts: dict[int, Cut] = {}
    # More are not needed; which ones is chosen by place, so that pictures need not be kept.
    step = max(1, count // PRODUCTS_IN_SCENES)

    def present() -> Iterable[Image.Image]:
        for place, picture in zip(range(count), learning.pictures, strict=True):
            if picture is not None:
                pictured[place] = True
                if keep_cuts and place % step == 0:
                    cuts[place] = cut_out(picture)
                yield picture

    read = reader.read(present(), progress=learning.step(count))
    rows = np.zeros((len(reader.shares), count, reader.size), np.float32)
    rows[:, pictured] = read
    return rows, pictured, cuts


def _from_scenes(
    reader: PhotoReader, learning: Learning, pictures: Floats, pictured: npt.NDArray[np.bool_], cuts: dict[int, Cut]
) -> Discriminant:
    """A model for every cut, learnt from scenes of some products, which their own pictures join."""
    chosen, each = _sample(list(cuts), learning.scenes_each, learning.seed)
    rows = reader.read(
        scenes([cuts[place] for place in chosen], each, seed=learning.seed),
        shares=reader.shares[:1],
        mirrored=False,
        progress=learning.step(len(chosen) * each),
    )[0]
    own = [cut[chosen] for cut in pictures for _ in range(PICTURES_COUNT)]
    labels = np.concatenate([np.repeat(chosen, each), np.tile(chosen, len(own))]).astype(np.intp)
    return Discriminant.fit(np.concatenate([rows, *own]), labels, pictures[0], pictured, reader.weights, real=False)


def _sample(places: list[int], most: int, seed: int) -> tuple[list[int], int]:
    """Products for scenes and how many scenes each gets."""
    if len(places) > PRODUCTS_IN_SCENES:
        chosen = np.random.default_rng(seed).choice(len(places), PRODUCTS_IN_SCENES, replace=False)
        places = [places[place] for place in sorted(chosen.tolist())]
    return places, max(2, min(most, MOST_SCENES // max(len(places), 1)))


def _standing(scores: Floats) -> Floats:
    """Each row centred on its average product and scaled to its spread; products never seen stay at the bottom."""
    seen = scores > UNKNOWN / 2
    count = np.maximum(seen.sum(1, keepdims=True), 1)
    known = np.where(seen, scores, 0.0)
    mean = known.sum(1, keepdims=True) / count
    spread = np.sqrt((np.where(seen, scores - mean, 0.0) ** 2).sum(1, keepdims=True) / count)
    result: Floats = np.where(seen, (scores - mean) / np.maximum(spread, 1e-6), UNKNOWN).astype(np.float32)
    return result

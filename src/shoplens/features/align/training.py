"""Learns a shop's space of words and pictures from its own products: photos, titles and attributes of the same things.

1. The catalogue says which facets there are; phrases are made of them, in the catalogue's words and in others.
2. On four fifths of the products: a photo network (which learns the words of titles, too) and a text network with a
   head for each facet, and the contrastive space, each until the last fifth says stop; how they are blended is found on
   that last fifth, too.
3. With the numbers of epochs and the blend found there, on all products, several networks of each kind, which are
   averaged; the space is learnt on what some photo networks see together.

So what is reported was measured on products that nothing was fitted to but the stopping and a few weights; what ships
has seen those too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.errors import InputError
from shoplens.features.align.alignment import TEXT_SCALE, Alignment, Blend, Photos
from shoplens.features.align.blending import Sides, find_blend
from shoplens.features.align.bridge import Bridge
from shoplens.features.align.contrastive import EPOCHS, Pairs, Space, fit_space, start
from shoplens.features.align.examples import Lessons, Material
from shoplens.features.align.facets import Codes
from shoplens.features.align.head_training import Fitted, HeadSettings, Tell, fit_heads
from shoplens.features.align.lexicon import built_in
from shoplens.features.align.networks import Floats, Network, Scaling, mean_probabilities, seen_together
from shoplens.features.align.reading import Reader
from shoplens.features.align.side_by_side import Job, fit_side_by_side
from shoplens.features.align.validation import Figures, Questions, make_questions, measure_all

Progress = Callable[[str, int, int], None]  # what is being done, how far, of how much

HELD_OUT = 0.2  # of the products with a photo
LEAST_PAIRS = 300  # photos with a text: fewer teach less than the untrained bridge knows
EXAMPLES = 150_000  # seen in one fit at most, whatever the number of products: keeps it at minutes
PHOTO = HeadSettings()
TEXT = HeadSettings(units=256, input_dropout=0.0, dropout=0.2, noise=0.15, smoothing=0.0, batch=256, epochs=10)
MEMBERS = 6  # photo networks that are averaged
TEXT_MEMBERS = 3  # text networks that are averaged
TRUNKS = 4  # photo networks whose hidden units the space is learnt on, side by side


@dataclass(frozen=True, slots=True)
class AlignmentReport:
    """What was learnt from what, and how well it finds held-out photos."""

    pairs: int  # products with a photo and a text
    held_out: int
    facets: dict[str, int]  # name → values
    accuracy: dict[str, float]  # of the photo network on held-out products, by facet
    blend: Blend
    aligned: dict[str, Figures]  # by kind of question: "en", "zh", "title"
    bridge: dict[str, Figures]  # the same questions without training; empty where there is no bridge
    epochs: dict[str, int]
    texts: int  # different texts that were read
    seconds: float

    @property
    def gained(self) -> bool:
        """Whether held-out photos are found better than without training."""
        return not self.bridge or _mean(self.aligned) > _mean(self.bridge)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        told = asdict(replace(self, aligned={}, bridge={}))
        told["aligned"] = {kind: figures.as_dict() for kind, figures in self.aligned.items()}
        told["bridge"] = {kind: figures.as_dict() for kind, figures in self.bridge.items()}
        return told


def train_alignment(
    lessons: Lessons,
    reader: Reader,
    bridge: Bridge | None = None,
    *,
    one_network: bool = False,
    seed: int = 0,
    members: int = MEMBERS,
    held_out: npt.NDArray[np.bool_] | None = None,
    progress: Progress | None = None,
) -> tuple[Alignment, AlignmentReport]:
    """See the top of this file. `reader` learns its language means here; `bridge` is what the result is compared with
    and where the contrastive space starts. `held_out` [products]: which ones validation gets, where that is not drawn
    (an encoder that was fine-tuned on some products must not be judged by them). InputError when there are fewer than
    LEAST_PAIRS photos with a text.
    """
    began = time.perf_counter()
    tell = progress or _silent
    random = np.random.default_rng(seed)
    if lessons.pairs < LEAST_PAIRS:
        raise InputError(
            f"{lessons.pairs} products have a photo and a text; learning to find photos by words takes {LEAST_PAIRS}. "
            "Until then photos are found through the names of the classes that the photo encoder knows"
        )
    material = Material.gather(lessons, built_in(), reader, random, tell)
    own = np.random.default_rng([seed, 1])  # the same products whatever phrases are made
    held = _held_out(lessons, own) if held_out is None else held_out & lessons.has_photo
    trial, epochs = _fit(material, _Plan(lessons.has_photo & ~held, held, {}, 1, seed, tell), bridge)
    questions = make_questions(material.phrases, material.codes[held], lessons.titled(held), random)
    tell("blend words and pictures", 0, 1)
    blend = find_blend(trial.sides(material, held, questions, one_network), questions, material.facets, material.parts)
    tell("blend words and pictures", 1, 1)
    shown = lessons.photos.take(held)
    tried = trial.alignment(material, blend, one_network, reader)
    accuracy = _accuracy(tried.attributes(shown), material.codes[held], material)
    figures = measure_all(questions, lambda texts: tried.scores(texts, shown))
    before = {} if bridge is None else _measure_bridge(bridge, shown, questions)
    final, _ = _fit(material, _Plan(lessons.has_photo, None, epochs, members, seed + 1, tell), bridge)
    report = AlignmentReport(
        pairs=lessons.pairs,
        held_out=int(held.sum()),
        facets={facet.name: len(facet.values) for facet in material.facets},
        accuracy=accuracy,
        blend=blend,
        aligned=figures,
        bridge=before,
        epochs=epochs,
        texts=len(material.texts),
        seconds=round(time.perf_counter() - began, 1),
    )
    return final.alignment(material, blend, one_network, reader), report


@dataclass(frozen=True, slots=True)
class _Learnt:
    """Networks and space of one fit."""

    scaling: Scaling
    photo: tuple[Network, ...]
    text: tuple[Network, ...]
    space: Space

    def alignment(self, material: Material, blend: Blend, one_network: bool, reader: Reader) -> Alignment:
        """Ready to answer."""
        return Alignment(
            material.facets,
            self.scaling,
            self.photo,
            self.text,
            self.space,
            blend,
            material.colour_size,
            one_network,
            reader,
        )

    def sides(
        self, material: Material, rows: npt.NDArray[np.bool_], questions: dict[str, Questions], direct: bool
    ) -> Sides:
        """What both sides say about held-out products."""
        inputs = self.scaling(material.inputs[rows])
        read = {kind: material.reader.read(asked.texts) for kind, asked in questions.items()}
        image = material.lessons.photos.image[rows]
        return Sides(
            shown=mean_probabilities(self.photo, inputs, material.parts),
            places=self.space.photos(seen_together(self.photo, inputs, self.space.inputs)),
            direct=image / np.maximum(np.linalg.norm(image, axis=1, keepdims=True), 1e-6) if direct else None,
            asked={
                kind: mean_probabilities(self.text, vectors * np.float32(TEXT_SCALE), material.parts)
                for kind, vectors in read.items()
            },
            texts={kind: self.space.texts(vectors) for kind, vectors in read.items()},
            read=read,
        )


@dataclass(frozen=True, slots=True)
class _Plan:
    """What one fit does: from which products, checked on which, for how long."""

    learn: npt.NDArray[np.bool_]  # [products] whose photos are learnt from; all have one
    check: npt.NDArray[np.bool_] | None  # [products] that say when to stop; their texts are not learnt from either
    epochs: dict[str, int]  # by network, where known
    members: int
    seed: int
    tell: Progress

    def watch(self, what: str) -> Tell:
        """Passes progress on under the name of this fit."""
        stage = "learn from four fifths" if self.check is not None else "learn from all"
        return lambda done, most: self.tell(f"{stage}: {what}", done, most)


def _fit(material: Material, plan: _Plan, bridge: Bridge | None) -> tuple[_Learnt, dict[str, int]]:
    """The networks and the space; also the numbers of epochs that were best on the products that check."""
    learn, check = plan.learn, plan.check
    scaling = Scaling.fit(material.inputs[learn])
    inputs, rows = scaling(material.inputs[learn]), np.flatnonzero(learn)
    own = None if check is None else (scaling(material.inputs[check]), material.codes[check])
    settings = replace(PHOTO, epochs=plan.epochs.get("photo") or _epochs(PHOTO.epochs, len(rows)))
    heads = partial(fit_heads, inputs, rows, material.codes, material.parts, settings, words=material.title_words)
    jobs: list[Job] = [partial(_job, heads, seed=plan.seed + member, check=own) for member in range(plan.members)]
    said, longest = _text_jobs(material, plan)
    epochs = [settings.epochs] * len(jobs) + [longest] * len(said)
    fitted = fit_side_by_side([*jobs, *said], epochs, plan.watch("photos and words"))
    photo, text = fitted[: len(jobs)], fitted[len(jobs) :]
    trunks = [one.network for one in photo[:TRUNKS]]
    width = len(trunks) * PHOTO.units
    pairs = material.pairs(learn, seen_together(trunks, inputs, width))
    wanted = _titles_of(pairs) if bridge is None else bridge.photo_vectors(material.lessons.photos.image[learn])
    space, learnt = start(pairs.photos, pairs.texts, wanted), 0
    checked = None if own is None or check is None else material.pairs(check, seen_together(trunks, own[0], width))
    if rounds := plan.epochs.get("space", EPOCHS):
        watch = plan.watch("the space of both")
        space, learnt = fit_space(space, pairs, checked, epochs=rounds, seed=plan.seed, tell=watch)
    found = {"photo": photo[0].epochs, "text": text[0].epochs, "space": learnt}
    return _Learnt(scaling, tuple(one.network for one in photo), tuple(one.network for one in text), space), found


def _text_jobs(material: Material, plan: _Plan) -> tuple[list[Job], int]:
    """They learn from the texts of all products, those without a photo too, but not of those that check. Also how many
    epochs each does at most."""
    others = np.ones(len(material.codes), bool) if plan.check is None else ~plan.check
    words, rows = material.spoken(others)
    heard = None
    if plan.check is not None:
        said, whose = material.spoken(plan.check)
        heard = (said, material.codes[whose])
    settings = replace(TEXT, epochs=plan.epochs.get("text") or _epochs(TEXT.epochs, len(words) // 3))
    heads = partial(fit_heads, words, rows, material.codes, material.parts, settings)
    members = min(plan.members, TEXT_MEMBERS)
    return [partial(_job, heads, seed=plan.seed + member, check=heard) for member in range(members)], settings.epochs


def _job(heads: Callable[..., Fitted], tell: Tell, *, seed: int, check: tuple[Floats, Codes] | None) -> Fitted:
    return heads(seed=seed, check=check, tell=tell)


def _titles_of(pairs: Pairs) -> Floats:
    """The first text of each photo, zeros where it has none. [photos, encoder]"""
    found = np.zeros((len(pairs.photos), pairs.texts.shape[1]), np.float32)
    photos, first = np.unique(pairs.rows, return_index=True)
    found[photos] = pairs.texts[first]
    return found


def _held_out(lessons: Lessons, random: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Products that validation gets: a fifth of those with a photo. Equal titles stay together."""
    keys, places = np.unique(np.asarray(lessons.titles, np.str_), return_inverse=True)
    drawn = random.random(len(keys))[places]
    blank = np.asarray([not title for title in lessons.titles])
    drawn[blank] = random.random(int(blank.sum()))
    held: npt.NDArray[np.bool_] = (drawn < HELD_OUT) & lessons.has_photo
    return held


def _measure_bridge(bridge: Bridge, photos: Photos, questions: dict[str, Questions]) -> dict[str, Figures]:
    vectors = bridge.photo_vectors(photos.image)
    return measure_all(questions, lambda texts: bridge.text_vectors(texts) @ vectors.T)


def _accuracy(shown: Floats, codes: Codes, material: Material) -> dict[str, float]:
    """Share of held-out products whose value of a facet the photo network puts first."""
    result = {}
    for place, (facet, part) in enumerate(zip(material.facets, material.parts, strict=True)):
        known = codes[:, place] >= 0
        if known.any():
            right = shown[known, part].argmax(1) == codes[known, place]
            result[facet.name] = round(float(right.mean()), 3)
    return result


def _epochs(usual: int, examples: int) -> int:
    """Fewer when there are many examples, so that the time stays the same."""
    return int(np.clip(EXAMPLES // max(examples, 1), 3, usual))


def _mean(figures: dict[str, Figures]) -> float:
    return float(np.mean([one.ndcg for one in figures.values()])) if figures else 0.0


def _silent(_what: str, _done: int, _total: int) -> None:
    """Nobody is watching."""

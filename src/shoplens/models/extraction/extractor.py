"""The extractor: candidates of a title, scored by trees (LightGBM) that were taught out of fold."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from shoplens.errors import BundleError, ConfigurationError
from shoplens.models.extraction.candidates import FEATURES, Candidates, Describer
from shoplens.models.extraction.examples import Example, Extracted
from shoplens.models.extraction.memory import Memory
from shoplens.models.extraction.token_model import TokenModel
from shoplens.models.extraction.tokens import Tokens
from shoplens.models.extraction.votes import Neighbours, Votes
from shoplens.models.ranker import lightgbm

Progress = Callable[[str, int, int], None]

LEAST_EXAMPLES = 20  # titles; fewer teach nothing that lasts
AT_ONCE = 256  # titles scored together
#: Most spans are hopeless: trees that come later are not asked about what is below 2 % (or above 98 %) by then.
_QUICKLY = {"num_threads": 1, "pred_early_stop": True, "pred_early_stop_freq": 5, "pred_early_stop_margin": 8.0}


@dataclass(frozen=True, slots=True)
class ExtractorSettings:
    """How the trees are grown. `folds`: parts that examples are described by the others in."""

    folds: int = 5
    trees: int = 250
    leaves: int = 31
    learning_rate: float = 0.06
    seed: int = 0


class ValueExtractor:
    """Learn once, then find values in any title."""

    def __init__(self, settings: ExtractorSettings, examples: Sequence[Example], model: TokenModel, trees: str) -> None:
        self.settings = settings
        self.examples = tuple(examples)
        self._trees = trees
        self._booster = lightgbm().Booster(model_str=trees)
        self._model = model
        self._describer = Describer(Memory.of(self.examples, [Tokens(one.title) for one in self.examples]), model)
        self._neighbours = Neighbours.of(self.examples)

    @classmethod
    def fit(
        cls,
        examples: Sequence[Example],
        settings: ExtractorSettings | None = None,
        *,
        progress: Progress | None = None,
    ) -> Self:
        """Learn from titles with known values. ConfigurationError when there are too few of them."""
        chosen = settings or ExtractorSettings()
        told = progress or (lambda _what, _done, _total: None)
        if sum(any(one.values.values()) for one in examples) < LEAST_EXAMPLES:
            raise ConfigurationError(
                f"extraction learns from titles with known values, and there are fewer than {LEAST_EXAMPLES}; "
                "fill in attributes of more products"
            )
        fold = np.random.default_rng(chosen.seed).permutation(len(examples)) % chosen.folds
        tables, truths = [], []
        for part in range(chosen.folds):
            told("describe titles by others", part, chosen.folds)
            others = [example for example, own in zip(examples, fold, strict=True) if own != part]
            held = [example for example, own in zip(examples, fold, strict=True) if own == part]
            for example, found in zip(held, _describe(others, held, chosen.seed), strict=True):
                asked, truth = _judged(example, found)
                tables.append(found.table[asked])
                truths.append(truth)
        told("describe titles by others", chosen.folds, chosen.folds)
        trees = _grow(np.concatenate(tables), np.concatenate(truths), chosen, told)
        tokens = [Tokens(example.title) for example in examples]
        model = TokenModel.fit(
            examples, tokens, seed=chosen.seed, progress=lambda done, total: told("learn tokens", done, total)
        )
        return cls(chosen, examples, model, trees)

    def attributes(self, category: str) -> tuple[str, ...]:
        """Attributes that titles of the category are asked for, most frequent first."""
        return self._describer.memory.of_category(category)[0].attributes

    def extract(self, titles: Sequence[str], categories: Sequence[str]) -> list[dict[str, Extracted]]:
        """The likeliest value of each attribute of the category, however unlikely: the caller draws the line."""
        answers: list[dict[str, Extracted]] = []
        for first in range(0, len(titles), AT_ONCE):
            answers += self._extract(titles[first : first + AT_ONCE], categories[first : first + AT_ONCE])
        return answers

    def _extract(self, titles: Sequence[str], categories: Sequence[str]) -> list[dict[str, Extracted]]:
        votes = self._neighbours.votes(titles, categories)
        tokens = [Tokens(title) for title in titles]
        found = [
            self._describer.describe(own, category, near)
            for own, category, near in zip(tokens, categories, votes, strict=True)
        ]
        table = np.concatenate([one.table for one in found])
        scores = self._booster.predict(table, **_QUICKLY) if len(table) else np.zeros(0)
        ends = np.cumsum([len(one.table) for one in found])
        best = [
            _best(title, one, scores[end - len(one.table) : end])
            for title, one, end in zip(titles, found, ends, strict=True)
        ]
        return [
            {name: one._replace(usual=self._usual(name, category, near)) for name, one in answer.items()}
            for answer, category, near in zip(best, categories, votes, strict=True)
        ]

    def _usual(self, attribute: str, category: str, near: Votes) -> float:
        """How usual it is that a title like this one is asked for an attribute: in its category, and among the most
        similar titles, half and half."""
        known, _ = self._describer.memory.of_category(category)
        share = float(known.asked[known.attributes.index(attribute)]) / known.titles
        return (share + near.asked.get(attribute, 0.0) / near.total) / 2 if near.total else share

    def save(self, folder: Path) -> None:
        """Everything that `load` needs, into an existing, empty folder."""
        self._model.save(folder)
        (folder / "trees.txt").write_text(self._trees, encoding="utf-8")
        told = {"settings": asdict(self.settings), "features": list(FEATURES)}
        (folder / "extractor.json").write_text(json.dumps(told), encoding="utf-8")
        with (folder / "examples.jsonl").open("w", encoding="utf-8") as lines:
            for one in self.examples:
                lines.write(json.dumps([one.title, one.category, dict(one.values)], ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote; BundleError when it cannot be used."""
        try:
            told: Mapping[str, Any] = json.loads((folder / "extractor.json").read_text(encoding="utf-8"))
            trees = (folder / "trees.txt").read_text(encoding="utf-8")
            with (folder / "examples.jsonl").open(encoding="utf-8") as lines:
                rows = [json.loads(line) for line in lines]
            examples = [
                Example(title, category, {name: tuple(own) for name, own in values.items()})
                for title, category, values in rows
            ]
            settings = ExtractorSettings(**told["settings"])
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise BundleError(f"{folder}: the extractor cannot be read ({error}); train again") from error
        if tuple(told.get("features", ())) != FEATURES:
            raise BundleError(f"{folder}: the extractor is of another version of Shoplens; train again")
        return cls(settings, examples, TokenModel.load(folder), trees)


def _describe(others: Sequence[Example], held: Sequence[Example], seed: int) -> list[Candidates]:
    """Candidates of `held`, by what `others` teach."""
    tokens = [Tokens(one.title) for one in others]
    describer = Describer(Memory.of(others, tokens), TokenModel.fit(others, tokens, seed=seed))
    votes = Neighbours.of(others).votes([one.title for one in held], [one.category for one in held])
    return [describer.describe(Tokens(one.title), one.category, near) for one, near in zip(held, votes, strict=True)]


def _judged(example: Example, found: Candidates) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int8]]:
    """Rows whose attribute the title was asked for, and whether each of those is its value."""
    values = [set(example.folded(name)) if name in example.values else None for name in found.attributes]
    folded = Tokens(example.title).folded
    asked = np.array([values[at] is not None for at in found.attribute], np.bool_)
    truth = [
        folded[start:end] in (values[at] or ())
        for start, end, at in zip(found.start[asked], found.end[asked], found.attribute[asked], strict=True)
    ]
    return asked, np.array(truth, np.int8)


def _grow(
    table: npt.NDArray[np.float32], truth: npt.NDArray[np.int8], settings: ExtractorSettings, told: Progress
) -> str:
    """The trees as text."""
    library = lightgbm()
    parameters = {
        "objective": "binary",
        "num_leaves": settings.leaves,
        "learning_rate": settings.learning_rate,
        "min_data_in_leaf": 20,
        "feature_fraction": 0.7,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 1.0,
        "seed": settings.seed,
        "deterministic": True,
        "num_threads": 1,
        "verbose": -1,
    }

    def report(state: Any) -> None:
        told("grow trees", state.iteration + 1, settings.trees)

    booster = library.train(parameters, library.Dataset(table, truth), settings.trees, callbacks=[report])
    return str(booster.model_to_string())


def _best(title: str, found: Candidates, scores: npt.NDArray[np.float64]) -> dict[str, Extracted]:
    """The candidate with the highest score for each attribute."""
    best: dict[str, Extracted] = {}
    for row in np.argsort(-scores, kind="stable"):
        name = found.attributes[found.attribute[row]]
        if name not in best:
            start, end = int(found.start[row]), int(found.end[row])
            best[name] = Extracted(title[start:end], start, end, float(scores[row]), 1.0)
    return best

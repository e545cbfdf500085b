"""How well attribute values are extracted: reads a benchmark's files, draws the line on a part of train, judges test.

Counted as ExtractGPT (Brinkmann, Shraga and Bizer 2023, arXiv:2310.12537) counts, attribute by attribute of what the
file asks for: one answer each, correct when it is one of the values given. "n/a" means that the title has none; an
answer to it is wrong, no answer is not counted. Precision is correct / answers, recall correct / attributes that have
a value.
`open_*` is the harder question without a list of attributes: all (attribute, value) pairs that the model offers for a
title against all that the file has; whatever the file does not name is wrong.
"""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shoplens.errors import FormatError
from shoplens.learning.extraction_figures import judge, judge_by_attribute, judge_openly
from shoplens.models.extraction import Example, Extracted, ExtractorSettings, ValueExtractor
from shoplens.models.extraction.extractor import AT_ONCE

Progress = Callable[[str, int, int], None]

NOTHING = "n/a"
VALIDATION = 5  # every so many titles of train choose where the lines are drawn
LINES = tuple(np.round(np.arange(0.02, 0.9, 0.02), 2).tolist())  # probabilities to try


def read_examples(path: Path) -> list[Example]:
    """Titles of a JSON Lines file: {"input", "category", "target_scores": {attribute: {value: 1}}}.

    FormatError with the line when one cannot be used.
    """
    examples = []
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path} cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            examples.append(_example(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise FormatError(
                f'{path}, line {number}: not {{"input", "category", "target_scores": {{attribute: {{value: 1}}}}}} '
                f"({error!r})"
            ) from error
    if not examples:
        raise FormatError(f"{path} has no titles")
    return examples


def _example(row: Any) -> Example:
    title, category = row["input"], row["category"]
    if not isinstance(title, str) or not isinstance(category, str):
        raise TypeError("input and category are texts")
    values = {
        name: tuple(said for value, score in own.items() if score and (said := value.strip()) and said != NOTHING)
        for name, own in row["target_scores"].items()
    }
    return Example(title, category, values)


@dataclass(frozen=True, slots=True)
class Lines:
    """Probabilities below which nothing is answered: where attributes are asked for, and where they are not."""

    asked: float
    open: float

    def asked_answers(self, found: Iterable[Mapping[str, Extracted]]) -> list[dict[str, str]]:
        """Values likely enough when the attribute was asked for."""
        return [{name: one.value for name, one in own.items() if one.probability >= self.asked} for own in found]

    def open_answers(self, found: Iterable[Mapping[str, Extracted]]) -> list[dict[str, str]]:
        """Values likely enough, and usual enough to be given."""
        return [
            {name: one.value for name, one in own.items() if one.probability * one.usual >= self.open} for own in found
        ]


def choose_lines(examples: Sequence[Example], found: Sequence[Mapping[str, Extracted]]) -> Lines:
    """Where F1 is largest, each."""
    asked = max(LINES, key=lambda line: judge(examples, Lines(line, 1).asked_answers(found)).f1)
    open_ = max(LINES, key=lambda line: judge_openly(examples, Lines(1, line).open_answers(found)).f1)
    return Lines(asked, open_)


def look_up(train: Sequence[Example], examples: Sequence[Example]) -> list[dict[str, str]]:
    """The baseline: of the values that the category's titles have in train, the longest that the title contains."""
    known: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for example in train:
        for name, values in example.values.items():
            known[example.category][name].update(values)
    answers = []
    for example in examples:
        answer = {}
        for name, counts in known[example.category].items():
            inside = [value for value in counts if value in example.title]
            if inside:
                answer[name] = max(inside, key=lambda value: (len(value), counts[value], value))
        answers.append(answer)
    return answers


def run_extraction_benchmark(
    train_file: Path, test_file: Path | None = None, *, seed: int = 0, progress: Progress | None = None
) -> dict[str, Any]:
    """Fit on train, answer test once; without a test file a fifth of train's titles is set aside as test. See the
    module for the figures."""
    told = progress or (lambda _what, _done, _total: None)
    train = read_examples(train_file)
    if test_file is None:
        train, test = _parted(train, np.random.default_rng([seed, 1]))
    else:
        test = read_examples(test_file)
    settings = ExtractorSettings(seed=seed)
    began = time.perf_counter()
    rest, held = _parted(train, np.random.default_rng(seed))
    choosing = ValueExtractor.fit(
        rest, settings, progress=lambda what, at, of: told(f"to draw the line: {what}", at, of)
    )
    lines = choose_lines(held, _extract(choosing, held))
    extractor = ValueExtractor.fit(train, settings, progress=told)
    fitted, busy = time.perf_counter(), time.process_time()
    found: list[dict[str, Extracted]] = []
    for first in range(0, len(test), AT_ONCE):
        told("extract", first, len(test))
        found += _extract(extractor, test[first : first + AT_ONCE])
    seconds, busy = time.perf_counter() - fitted, time.process_time() - busy
    told("extract", len(test), len(test))
    baseline, answers = look_up(train, test), lines.asked_answers(found)
    known = {name for example in train for name in example.values}
    return {
        "task": "attributes",
        "data": train_file.resolve().parent.name,
        "titles": {"train": len(train), "test": len(test)},
        **judge(test, answers).as_dict("micro"),
        **judge_openly(test, lines.open_answers(found)).as_dict("open"),
        "dictionary": {
            **judge(test, baseline).as_dict("micro"),
            **judge_openly(test, baseline).as_dict("open"),
        },
        "by_attribute": {
            name: {**one.as_dict(), "values": one.wanted, "in_train": name in known}
            for name, one in judge_by_attribute(test, answers).items()
        },
        "lines": {"asked": lines.asked, "open": lines.open},
        "train_seconds": round(fitted - began, 1),
        "titles_per_second": round(len(test) / max(seconds, 1e-9), 1),
        "titles_per_cpu_second": round(len(test) / max(busy, 1e-9), 1),
        "seed": seed,
    }


def _parted(examples: Sequence[Example], random: np.random.Generator) -> tuple[list[Example], list[Example]]:
    """All but every `VALIDATION`th, and those."""
    fold = random.permutation(len(examples)) % VALIDATION
    rest = [example for example, part in zip(examples, fold, strict=True) if part]
    return rest, [example for example, part in zip(examples, fold, strict=True) if not part]


def _extract(extractor: ValueExtractor, examples: Sequence[Example]) -> list[dict[str, Extracted]]:
    return extractor.extract([one.title for one in examples], [one.category for one in examples])

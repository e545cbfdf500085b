"""Classifiers of texts on parts that they have not seen, beside tf-idf with a logistic regression.

    python -m benchmarks.quality.text_classes FILE... [--effort fast good] [--minutes 10] [--share 0.15] [--seed 0]

FILE has the columns text and label. A text is set aside by its own hash, so that the same text is never on both sides;
everything is chosen within what is left (`train` keeps a part of that aside), then the part set aside is asked once for
each effort. Intervals of accuracy are Wilson's, 95 %. Prints a JSON object a line: file, effort, texts on both sides,
accuracy and its interval, macro-F1, the path that was chosen and its accuracy on validation, what tf-idf with a
regression and naming the most frequent class get, seconds of learning with all choices, texts a second, and seconds
since the start.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from shoplens.domain.opinions import wilson
from shoplens.encoders.base import Encoder, EncoderOptions, open_encoder
from shoplens.learning.text_classes.baselines import tfidf_lr
from shoplens.learning.text_classes.choosing import Effort, train_classifier
from shoplens.learning.text_classes.examples import TextExamples, read_examples
from shoplens.learning.text_classes.judging import judge
from shoplens.service.settings import Settings
from shoplens.service.workspace import Workspace


def main() -> None:
    """Run as the text above says."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", 1)[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--effort", nargs="+", choices=("fast", "good"), default=["fast", "good"])
    parser.add_argument("--minutes", type=float, help="of fine-tuning at most")
    parser.add_argument("--share", type=float, default=0.15, help="of the texts that is set aside")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    began = time.perf_counter()
    for file in asked.files:
        cache = Workspace(file.parent, Settings.read(None)).model_cache
        encoder = open_encoder("e5-small", EncoderOptions(cache))
        learnt, aside = set_aside(read_examples(file), asked.share, asked.seed)
        for effort in asked.effort:
            told = judged(learnt, aside, encoder, effort, asked.minutes, asked.seed)
            figures = {"file": f"{file.parent.name}/{file.name}", **told}
            print(json.dumps({**figures, "seconds": round(time.perf_counter() - began, 1)}), flush=True)


def set_aside(examples: TextExamples, share: float, seed: int) -> tuple[TextExamples, TextExamples]:
    """What is learnt from, and about that share of the texts, by their hashes."""
    learnt: list[int] = []
    aside: list[int] = []
    for place, text in enumerate(examples.texts):
        drawn = hashlib.blake2b(f"{seed} {text}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
        (aside if int.from_bytes(drawn) < share * 2**64 else learnt).append(place)
    return _part(examples, learnt), _part(examples, aside)


def judged(
    learnt: TextExamples, aside: TextExamples, encoder: Encoder, effort: Effort, minutes: float | None, seed: int
) -> dict[str, Any]:
    """Figures of one classifier on what was set aside."""
    with TemporaryDirectory() as folder:
        trained = train_classifier(
            learnt, encoder=encoder, effort=effort, minutes=minutes, seed=seed, state=Path(folder) / "state"
        )
    outcome = judge(trained.model, aside.texts, aside.labels)
    accuracy = outcome.report.accuracy
    baseline = tfidf_lr(learnt.texts, learnt.labels, aside.texts, aside.labels)
    most = max(set(learnt.labels), key=learnt.labels.count)
    return {
        "effort": effort,
        "learnt": len(learnt),
        "aside": len(aside),
        "accuracy": round(accuracy, 4),
        "accuracy_95": [round(end, 4) for end in wilson(round(accuracy * len(aside)), len(aside))],
        "macro_f1": round(outcome.as_dict()["macro_f1"], 4),
        "chosen": trained.chosen,
        "validation": {name: round(one.report.accuracy, 4) for name, one in trained.validation.items()},
        "tfidf_lr": round(baseline.report.accuracy, 4),
        "majority": round(aside.labels.count(most) / len(aside), 4),
        "train_seconds": round(trained.seconds, 1),
        "texts_per_second": round(outcome.texts_per_second or 0.0, 1),
    }


def _part(examples: TextExamples, places: list[int]) -> TextExamples:
    return replace(
        examples,
        texts=tuple(examples.texts[place] for place in places),
        labels=tuple(examples.labels[place] for place in places),
    )


if __name__ == "__main__":
    main()

"""The good path: a pretrained encoder fine-tuned on the examples, its answer added to those of the fast path.

Views of a text then: words, what the encoder knew before (meaning and depth), and what it learnt here. How much each
counts is fitted on examples held out from all of them (see `scales`); one that adds nothing gets a scale near zero.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from shoplens.encoders.base import Encoder
from shoplens.encoders.e5_torch import E5Body
from shoplens.errors import InputError, ModelFileError
from shoplens.models.classifier.base import AGAIN, FACTS, Floats, Progress, Rows, label_rows, read_facts, silent
from shoplens.models.classifier.crossing import fine_tune_crosswise
from shoplens.models.classifier.folds import FOLDS, SMALL, dealt, sampled, sizes_of
from shoplens.models.classifier.linear import HeldOut, LinearClassifier
from shoplens.models.classifier.regression import Regression
from shoplens.models.classifier.scales import combined, fit_scales, log_loss
from shoplens.models.classifier.training import ClassTask, read_lessons
from shoplens.models.text_body.served import FILES as BODY_FILES
from shoplens.models.text_body.served import ServedBody, write_body
from shoplens.models.text_body.settings import FineTuning

HEAD = "head.safetensors"
FAST, BODY = "fast", "body"  # folders
ONE_IN = 7  # of many examples are held out, to choose the epoch and fit the scales
MOST_HELD_OUT = 2_000
MOST_BYTES = 1_600_000  # that are learnt from: what lower layers say of them is kept in memory, and takes its time
BYTES_A_TOKEN = 4  # about, in any script
TOLERANCE = 0.005  # of accuracy that int8 may lose
FROZEN = frozenset({"meaning", "depth"})  # views of the frozen encoder, which come with one reading
LITTLE = 1.01  # times the loss: what a view must save to be kept
SETTINGS = FineTuning(trained_layers=6, longest=128, epochs=5, minutes=10.0, tokens_a_batch=1_024)


class FinetunedClassifier:
    """The views of `LinearClassifier` and a fine-tuned one."""

    kind: ClassVar[str] = "finetuned"

    def __init__(
        self,
        fast: LinearClassifier,
        body: ServedBody,
        files: Path,
        head: Regression,
        scales: Mapping[str, float],
        facts: Mapping[str, object],
    ) -> None:
        """`files`: the folder that the graph lies in."""
        self.classes = fast.classes
        self.fast = fast
        self.facts = dict(facts)
        self.held_out: HeldOut | None = None  # of the latest fit; not saved
        self.fast_held_out: HeldOut | None = None  # what the fast path alone says of the same examples
        self._body, self._files, self._head, self._scales = body, files, head, dict(scales)

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        labels: Sequence[str],
        *,
        encoder: Encoder | None,
        seed: int = 0,
        progress: Progress | None = None,
        settings: FineTuning | None = None,
        fast: LinearClassifier | None = None,
        body: E5Body | None = None,
        state: Path | None = None,
        precision: str | None = None,
    ) -> Self:
        """Learn from examples; InputError unless they are of two classes, and some can be held out.

        `encoder`: of the fast path, as in `LinearClassifier.fit`; `fast`: that path, when it was fitted on the same
        examples already. `state`: a file in which what was learnt so far is kept, so that a killed training goes on.
        `precision`: of the graph that answers, int8 or fp32; None: int8, unless it is right less often by more than
        TOLERANCE on what is held out.
        """
        tell = progress or silent
        chosen = replace(settings or SETTINGS, seed=seed)
        classes, rows = label_rows(texts, labels)
        whole = fast or LinearClassifier.fit(texts, labels, encoder=encoder, seed=seed, progress=tell)
        if whole.held_out is None:
            raise ValueError("`fast` must have been fitted here, not loaded: what it held out is needed")
        held, parts = _parts(whole.held_out, len(rows), seed)
        if not parts:
            raise InputError("fine-tuning needs a class of two examples at least, so that one can be held out")
        pretrained = body or E5Body()
        inside = _to_be_read(texts, rows, held.examples, chosen.longest, seed)
        lessons = read_lessons(pretrained, [texts[row] for row in inside], rows[inside], chosen, tell)
        told = hashlib.sha256("\x1f".join(texts).encode(errors="surrogatepass")).hexdigest()
        learnt = fine_tune_crosswise(
            pretrained, lessons, [np.searchsorted(inside, held.examples[part]) for part in parts], len(classes), chosen,
            state=state, told=told, tell=tell,
        )  # fmt: skip
        files = Path(tempfile.mkdtemp(prefix="shoplens-classifier-"))
        facts = {
            "settings": learnt.settings.to_dict(),
            "base": pretrained.name,
            "prefix": pretrained.query_prefix,
            "precision": precision or "int8",
            **learnt.course(),
        }
        body_of = partial(_written, pretrained, files, chosen)
        model = cls(whole, body_of(learnt.first, precision or "int8"), files, _head_of(learnt.first), {}, facts)
        weakref.finalize(model, shutil.rmtree, files, ignore_errors=True)  # until it is saved, the graph lies there
        if precision is None:  # asked of the first network, since examples that it did not learn from tell
            asked = held.examples[parts[0]]
            right = float((model._logits([texts[row] for row in asked]).argmax(1) == rows[asked]).mean())
            lost = learnt.first.accuracy() - right
            model.facts |= {"int8_loss": round(lost, 4), "precision": "fp32" if lost > TOLERANCE else "int8"}
        if learnt.task is not learnt.first or model.facts["precision"] != (precision or "int8"):
            model._body = body_of(learnt.task, str(model.facts["precision"]))
            model._head = _head_of(learnt.task)
        model._weigh(held.part(np.concatenate(parts[: len(learnt.fitted)])), learnt.logits)
        return model

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """See `TextClassifier`."""
        if not len(texts):
            return np.zeros((0, len(self.classes)), np.float32)
        words_only = not FROZEN & self._scales.keys()
        said = {**self.fast.logits(texts, words_only=words_only), "learnt": self._logits(texts)}
        return combined([said[name] for name in self._scales], list(self._scales.values()))

    def save(self, folder: Path) -> None:
        """See `TextClassifier`."""
        (folder / FAST).mkdir()
        self.fast.save(folder / FAST)
        (folder / BODY).mkdir()
        for file in BODY_FILES:
            shutil.copyfile(self._files / file, folder / BODY / file)
        weight = np.ascontiguousarray(self._head.weight)  # the file takes bytes as they lie
        save_file({"weight": weight, "bias": self._head.bias}, folder / HEAD)
        facts = {"kind": self.kind, "classes": self.classes, "scales": self._scales, **self.facts}
        (folder / FACTS).write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, *, encoder: Encoder | None = None) -> Self:
        """See `TextClassifier`."""
        facts = read_facts(folder)
        fast = LinearClassifier.load(folder / FAST, encoder=encoder)
        try:
            arrays = load_file(folder / HEAD)
            head = Regression(arrays["weight"], arrays["bias"])
            scales = {str(name): float(scale) for name, scale in facts.pop("scales").items()}
            if len(head.bias) != len(fast.classes) or tuple(facts.pop("classes")) != fast.classes:
                raise ValueError("its parts are of different classes")
            body = ServedBody.open(folder / BODY, longest=int(facts["settings"]["longest"]))
        except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelFileError(f"{folder}: the classifier cannot be used ({error}); {AGAIN}") from error
        facts.pop("kind")
        return cls(fast, body, folder / BODY, head, scales, facts)

    def _logits(self, texts: Sequence[str]) -> Floats:
        """What was learnt says of texts. [len(texts), n_classes]"""
        prefix = str(self.facts.get("prefix", E5Body.query_prefix))
        vectors = self._body.vectors(self._body.tokens.ids(texts, prefix))
        return self._head.logits(vectors * np.float32(vectors.shape[1] ** 0.5))

    def _weigh(self, judged_by: HeldOut, learnt: Floats) -> None:
        """Fit the scales: `learnt` is what networks say of the examples held out that did not learn from them.

        What the frozen encoder says is left out where it adds nothing: it takes as long as all else together.
        """
        said = {**judged_by.logits, "learnt": learnt}
        whole = _weighed(judged_by, said)
        lean = _weighed(judged_by, {name: one for name, one in said.items() if name not in FROZEN})
        self.held_out = lean if _loss(lean) <= LITTLE * _loss(whole) else whole
        self.fast_held_out = judged_by
        self._scales = dict(self.held_out.scales)


def _weighed(held: HeldOut, said: Mapping[str, Floats]) -> HeldOut:
    """The same examples by other views."""
    scales = dict(zip(said, fit_scales(list(said.values()), held.rows), strict=True))
    return HeldOut(held.examples, held.rows, said, scales)


def _loss(held: HeldOut) -> float:
    return log_loss(held.chances, held.rows)


def _parts(held: HeldOut, examples: int, seed: int) -> tuple[HeldOut, list[Rows]]:
    """What the fast path held out, and in which parts, by place, networks will do without: of few examples each is in
    one of FOLDS, of many there is one part. No path has then learnt from what it is judged by."""
    if examples <= SMALL:
        fold = dealt(held.rows, FOLDS, seed)
        return held, [np.flatnonzero(fold == number) for number in range(FOLDS) if (fold == number).any()]
    wanted = min(examples // ONE_IN, MOST_HELD_OUT)
    if len(held.examples) > wanted:
        held = held.part(np.flatnonzero(dealt(held.rows, max(round(len(held.examples) / wanted), 2), seed) == 0))
    return held, [np.arange(len(held.examples))] if len(held.examples) else []


def _to_be_read(texts: Sequence[str], rows: Rows, held: Rows, longest: int, seed: int) -> Rows:
    """Examples that the network reads, rising: those that are held out, and all others or of very many a sample."""
    inside = np.setdiff1d(np.arange(len(rows)), held)
    sizes = sizes_of([texts[row] for row in inside], longest * BYTES_A_TOKEN)
    return np.union1d(held, inside[sampled(rows[inside], sizes, MOST_BYTES, seed)])


def _written(body: E5Body, files: Path, settings: FineTuning, task: ClassTask, precision: str) -> ServedBody:
    """The encoder with what was learnt, as a graph in that folder, opened."""
    weights = body.with_layers(task.upper.by_number(body.sizes.layers))
    write_body(weights, body.reading(settings.longest), files, precision=precision)
    return ServedBody.open(files, longest=settings.longest)


def _head_of(task: ClassTask) -> Regression:
    """The head as arrays; it reads unit vectors times the root of their size, as `ClassHead` does."""
    out = task.head.out
    return Regression(out.weight.detach().numpy().copy(), out.bias.detach().numpy().copy())

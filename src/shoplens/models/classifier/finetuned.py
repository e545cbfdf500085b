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
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from shoplens.encoders.base import Encoder
from shoplens.encoders.e5_torch import E5Body
from shoplens.errors import InputError, ModelFileError
from shoplens.models.classifier.base import AGAIN, FACTS, Floats, Progress, Rows, label_rows, read_facts, silent
from shoplens.models.classifier.folds import dealt, sampled, sizes_of
from shoplens.models.classifier.linear import HeldOut, LinearClassifier
from shoplens.models.classifier.regression import Regression
from shoplens.models.classifier.scales import combined, fit_scales, log_loss
from shoplens.models.classifier.training import ClassTask, fine_tune, read_lessons
from shoplens.models.text_body.fitting import Fitted
from shoplens.models.text_body.served import FILES as BODY_FILES
from shoplens.models.text_body.served import ServedBody, write_body
from shoplens.models.text_body.settings import FineTuning

HEAD = "head.safetensors"
FAST, BODY = "fast", "body"  # folders
ONE_IN = 7  # examples are held out, to choose the epoch and fit the scales
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
        judged_by = _some(whole.held_out, len(rows), seed)
        if not len(judged_by.examples):
            raise InputError("fine-tuning needs a class of two examples at least, so that one can be held out")
        pretrained = body or E5Body()
        outside = judged_by.examples
        inside = _to_be_learnt(texts, rows, outside, chosen.longest, seed)
        learnt = read_lessons(pretrained, [texts[row] for row in inside], rows[inside], chosen, tell)
        judged = read_lessons(pretrained, [texts[row] for row in outside], rows[outside], chosen, tell)
        told = hashlib.sha256("\x1f".join(texts).encode(errors="surrogatepass")).hexdigest()
        task, fitted = fine_tune(pretrained, learnt, judged, len(classes), chosen, state=state, told=told, tell=tell)
        files = Path(tempfile.mkdtemp(prefix="shoplens-classifier-"))
        weights = pretrained.with_layers(task.upper.by_number(pretrained.sizes.layers))
        tokens = pretrained.reading(chosen.longest)
        write_body(weights, tokens, files, precision=precision or "int8")
        facts = {
            "settings": chosen.to_dict(),
            "base": pretrained.name,
            "prefix": pretrained.query_prefix,
            "precision": precision or "int8",
            **_course(fitted),
        }
        model = cls(whole, ServedBody.open(files, longest=chosen.longest), files, _head_of(task), {}, facts)
        weakref.finalize(model, shutil.rmtree, files, ignore_errors=True)  # until it is saved, the graph lies there
        asked = [texts[row] for row in outside]
        if precision is None:
            lost = task.accuracy() - float((model._logits(asked).argmax(1) == rows[outside]).mean())
            model.facts["int8_loss"] = round(lost, 4)
            if lost > TOLERANCE:
                write_body(weights, tokens, files, precision="fp32")
                model._body, model.facts["precision"] = ServedBody.open(files, longest=chosen.longest), "fp32"
        model._weigh(asked, judged_by)
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

    def _weigh(self, texts: Sequence[str], judged_by: HeldOut) -> None:
        """Fit the scales: `texts` are the examples held out, and read by the graph that will answer.

        What the frozen encoder says is left out where it adds nothing: it takes as long as all else together.
        """
        said = {**judged_by.logits, "learnt": self._logits(texts)}
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


def _some(held: HeldOut, examples: int, seed: int) -> HeldOut:
    """A stratified part of what the fast path held out, so that neither path learnt from it."""
    wanted = min(examples // ONE_IN, MOST_HELD_OUT)
    if len(held.examples) <= wanted:
        return held
    parts = max(round(len(held.examples) / max(wanted, 1)), 2)
    return held.part(np.flatnonzero(dealt(held.rows, parts, seed) == 0))


def _to_be_learnt(texts: Sequence[str], rows: Rows, outside: Rows, longest: int, seed: int) -> Rows:
    """Examples to fine-tune on: all that are not held out, or of very many a sample."""
    inside = np.setdiff1d(np.arange(len(rows)), outside)
    sizes = sizes_of([texts[row] for row in inside], longest * BYTES_A_TOKEN)
    chosen: Rows = inside[sampled(rows[inside], sizes, MOST_BYTES, seed)]
    return chosen


def _head_of(task: ClassTask) -> Regression:
    """The head as arrays; it reads unit vectors times the root of their size, as `ClassHead` does."""
    out = task.head.out
    return Regression(out.weight.detach().numpy().copy(), out.bias.detach().numpy().copy())


def _course(fitted: Fitted) -> dict[str, object]:
    """How the fine-tuning went."""
    return {
        "epoch": fitted.epoch,
        "qualities": list(fitted.qualities),
        "seconds": round(fitted.seconds, 1),
        "device": fitted.device,
    }

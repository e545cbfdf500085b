"""The fine-tuned classifier on a tiny random network: it learns, is saved, and goes on after a kill."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shoplens.encoders.e5_torch import E5Body
from shoplens.errors import InputError, ModelFileError
from shoplens.models.classifier import TextClassifier, load_classifier
from shoplens.models.classifier.finetuned import FinetunedClassifier
from shoplens.models.classifier.linear import LinearClassifier
from shoplens.models.text_body.settings import FineTuning
from shoplens.testing.tiny_e5 import tiny_e5

BODY = E5Body(tiny_e5(["red", "blue", "shirt", "hat"]))
QUICK = FineTuning(
    trained_layers=1, epochs=4, learning_rate=5e-3, head_learning_rate=3e-2, averaging=0.5, tokens_a_batch=64
)
TEXTS = [
    f"{colour} {thing} {number}" for number in range(10) for thing in ("shirt", "hat") for colour in ("red", "blue")
]
LABELS = [text.split()[0] for text in TEXTS]


@pytest.fixture(scope="module")
def fitted() -> FinetunedClassifier:
    return FinetunedClassifier.fit(TEXTS, LABELS, encoder=None, settings=QUICK, body=BODY, precision="fp32")


def test_learns_beside_the_fast_path(fitted: FinetunedClassifier) -> None:
    assert isinstance(fitted, TextClassifier)
    chances = fitted.probabilities(["red hat", "blue shirt", ""])
    assert [fitted.classes[row] for row in chances[:2].argmax(1)] == ["red", "blue"]
    assert np.allclose(chances.sum(1), 1, atol=1e-5)
    assert fitted.probabilities([]).shape == (0, 2)
    held, fast = fitted.held_out, fitted.fast_held_out
    assert held is not None
    assert fast is not None
    assert set(held.logits) == {"words", "learnt"}
    assert held.examples.tolist() == fast.examples.tolist()
    assert sorted(held.examples) == list(range(len(TEXTS)))  # each judged by the network that did without it
    assert fitted.facts["epoch"] in range(1, 5)
    assert fitted.facts["networks"] == 5


def test_what_was_learnt_tells_them_apart_alone(fitted: FinetunedClassifier) -> None:
    held = fitted.held_out
    assert held is not None
    assert (held.logits["learnt"].argmax(1) == held.rows).mean() > 0.9


def test_is_the_same_after_being_saved(fitted: FinetunedClassifier, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    again = load_classifier(tmp_path)
    assert isinstance(again, FinetunedClassifier)
    assert np.array_equal(again.probabilities(TEXTS), fitted.probabilities(TEXTS))
    (tmp_path / "twice").mkdir()
    again.save(tmp_path / "twice")
    assert load_classifier(tmp_path / "twice").classes == fitted.classes
    (tmp_path / "body" / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(ModelFileError, match="train"):
        load_classifier(tmp_path)
    (tmp_path / "head.safetensors").unlink()
    with pytest.raises(ModelFileError, match="train again"):
        load_classifier(tmp_path)


def test_a_killed_training_goes_on(fitted: FinetunedClassifier, tmp_path: Path) -> None:
    state = tmp_path / "state"

    def killed(what: str, done: int, _total: int) -> None:
        if what == "fine-tuning" and done > 60:  # in the second network
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        FinetunedClassifier.fit(
            TEXTS, LABELS, encoder=None, settings=QUICK, body=BODY, precision="fp32", state=state, progress=killed
        )
    assert state.exists()
    again = FinetunedClassifier.fit(
        TEXTS, LABELS, encoder=None, settings=QUICK, body=BODY, precision="fp32", state=state
    )
    assert np.allclose(again.probabilities(TEXTS), fitted.probabilities(TEXTS), atol=1e-5)


def test_needs_examples_to_hold_out_and_a_fast_path_of_the_same_fit(
    fitted: FinetunedClassifier, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="two examples"):
        FinetunedClassifier.fit(["a", "b"], ["x", "y"], encoder=None, settings=QUICK, body=BODY)
    fitted.fast.save(tmp_path)
    with pytest.raises(ValueError, match="fitted here"):
        FinetunedClassifier.fit(TEXTS, LABELS, encoder=None, fast=LinearClassifier.load(tmp_path), body=BODY)


def test_time_that_is_up_ends_it(fitted: FinetunedClassifier) -> None:
    short = replace(QUICK, minutes=1e-6)
    model = FinetunedClassifier.fit(TEXTS, LABELS, encoder=None, settings=short, body=BODY, precision="fp32")
    assert (model.facts["epoch"], model.facts["networks"]) == (1, 1)
    assert model.held_out is not None
    assert len(model.held_out.examples) == len(TEXTS) // 5  # what the only network did without
    assert model.classes == fitted.classes

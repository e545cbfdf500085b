"""Classifiers and taggers that a CUDA device taught are as good as those of a CPU, and answer on any CPU."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from shoplens.encoders.e5_torch import E5Body
from shoplens.encoders.hub_device import learning_hardware
from shoplens.models.checkpoint import read_state
from shoplens.models.classifier import load_classifier
from shoplens.models.classifier.finetuned import FinetunedClassifier
from shoplens.models.content_ranker.reading import Reader, TokenStates
from shoplens.models.tagger.chain import LabelChain
from shoplens.models.tagger.model import Tagger
from shoplens.models.tagger.training import HEAD, TrainedTagger, entity_f1, train_tagger
from shoplens.models.text_body.settings import FineTuning
from shoplens.testing.marked_sentences import QUICK, marked_sentences, tiny_body
from shoplens.testing.tiny_e5 import tiny_e5

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")

TEXTS = [
    f"{colour} {thing} {number}" for number in range(10) for thing in ("shirt", "hat") for colour in ("red", "blue")
]
LABELS = [text.split()[0] for text in TEXTS]
CLASSES = FineTuning(
    trained_layers=1, epochs=4, learning_rate=5e-3, head_learning_rate=3e-2, averaging=0.5, tokens_a_batch=64
)
SENTENCES, VALID = marked_sentences(), marked_sentences(40, seed=1)
PRECISIONS = ("float32", "bfloat16", "auto")


class KilledError(Exception):
    pass


def classifier(**settings: Any) -> FinetunedClassifier:
    body = E5Body(tiny_e5(["red", "blue", "shirt", "hat"]))
    return FinetunedClassifier.fit(
        TEXTS, LABELS, encoder=None, settings=replace(CLASSES, **settings), body=body, precision="fp32"
    )


def tagger(device: str, precision: str = "float32", **more: Any) -> TrainedTagger:
    settings = replace(QUICK, device=device, precision=precision)
    return train_tagger(SENTENCES, VALID, settings, body=tiny_body(), **more)


def kill_late(_what: str, done: int, most: int, figures: dict[str, float]) -> None:
    if figures and done > most // 2 + 2:  # in the middle of an epoch
        raise KilledError


def test_lower_layers_read_as_on_a_cpu() -> None:
    body = E5Body(tiny_e5(["red", "blue", "shirt", "hat"]))
    tokens = body.tokens([*TEXTS, "", "red " * 60], 64)
    here, there = (
        TokenStates.read(Reader(body, 1, 64, learning_hardware(device, "float32")), tokens)
        for device in ("cpu", "cuda")
    )
    assert there.states.device.type == "cpu"
    torch.testing.assert_close(there.states.float(), here.states.float(), atol=0.02, rtol=0.02)  # a step of bfloat16
    states, present = there.rectangle(np.array([0, -1, 3]), torch.device("cuda"))
    assert states.is_cuda
    assert present.is_cuda
    assert present.sum(1).tolist() == [len(tokens[0]), 0, len(tokens[3])]


def test_chains_of_labels_are_those_of_a_cpu() -> None:
    torch.manual_seed(0)
    chain = LabelChain(["O", "B-A", "I-A", "B-B", "I-B"])
    torch.nn.init.normal_(chain.steps)
    emissions, lengths = torch.randn(4, 9, 5), torch.tensor([9, 1, 4, 7])
    wanted = chain.best(emissions, lengths)
    told = chain.log_likelihood(emissions, wanted, lengths)
    chances = chain.marginals(emissions, lengths)
    there = emissions.cuda()
    chain.cuda()
    torch.testing.assert_close(chain.log_likelihood(there, wanted.cuda(), lengths).cpu(), told)
    torch.testing.assert_close(chain.marginals(there, lengths).cpu(), chances)
    step_by_step = len(chain.steps) - 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shoplens.models.tagger.chain.FEW", step_by_step)
        torch.testing.assert_close(chain.log_likelihood(there, wanted.cuda(), lengths).cpu(), told)
    for row, length in enumerate(lengths):
        assert torch.equal(chain.best(there, lengths)[row, :length].cpu(), wanted[row, :length])


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_classifier_of_a_gpu_answers_on_a_cpu(
    precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = classifier(device="auto", precision=precision)
    assert str(model.facts["device"]).startswith("cuda")
    held = model.held_out
    assert held is not None
    assert (held.logits["learnt"].argmax(1) == held.rows).mean() > 0.9
    said = model.probabilities(TEXTS)
    model.save(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert np.array_equal(load_classifier(tmp_path).probabilities(TEXTS), said)


def test_classes_are_learnt_as_well_as_on_a_cpu() -> None:
    """The last quality is accuracy less a hundredth of the loss; chance inside the layers is another one there."""
    cpu, cuda = (classifier(device=device, precision="float32").facts["qualities"] for device in ("cpu", "cuda"))
    assert cuda[-1] == pytest.approx(cpu[-1], abs=0.02)  # type: ignore[index]


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_tagger_of_a_gpu_marks_the_same_on_a_cpu(
    precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpu, cuda = tagger("cpu"), tagger("cuda", precision)
    assert cuda.fitted.device == "cuda"
    best = max(cuda.fitted.qualities)
    assert best > 0.9
    assert best > max(cpu.fitted.qualities) - 0.05
    assert {value.device.type for value in cuda.head.state_dict().values()} == {"cpu"}
    cuda.save(tmp_path, precision="fp32")
    assert {value.device.type for value in load_file(tmp_path / HEAD).values()} == {"cpu"}
    units = [one.units for one in VALID]
    with_gpu = Tagger.load(tmp_path, threads=1).tag_units(units)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    without = Tagger.load(tmp_path, threads=1).tag_units(units)
    assert without == with_gpu
    assert entity_f1(VALID, [label for one in without for label in one.labels]) == pytest.approx(best, abs=0.02)


def test_what_a_gpu_began_goes_on_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shoplens.models.text_body.fitting.SAVED_EVERY", 0.0)
    state = tmp_path / "state"
    whole = tagger("cuda")
    with pytest.raises(KilledError):
        tagger("cuda", state=state, progress=kill_late)
    fingerprint = torch.load(state, weights_only=True)["fingerprint"]
    saved = read_state(state, fingerprint)
    assert saved is not None
    assert saved["stand"][1] > 0
    resumed = tagger("cuda", state=state)
    assert len(resumed.fitted.qualities) == len(whole.fitted.qualities)  # cuDNN may add up in another order each time
    assert resumed.fitted.qualities[-1] == pytest.approx(whole.fitted.qualities[-1], abs=0.05)


def test_what_a_gpu_began_a_cpu_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shoplens.models.text_body.fitting.SAVED_EVERY", 0.0)
    state, steps = tmp_path / "state", []
    with pytest.raises(KilledError):
        tagger("auto", "bfloat16", state=state, progress=kill_late)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    resumed = tagger(
        "auto", "bfloat16", state=state, progress=lambda _what, done, _most, figures: steps.append(done * bool(figures))
    )
    assert min(step for step in steps if step) > 1
    assert resumed.fitted.device == "cpu"
    assert max(resumed.fitted.qualities) > 0.9

"""A text encoder that is fine-tuned: units and tokens, the loop and its resumption, the graph it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from shoplens.encoders.e5_torch import E5Body, padded
from shoplens.errors import ConfigurationError, ModelFileError
from shoplens.models.content_ranker.reading import Reader, TokenStates
from shoplens.models.text_body.alignment import align
from shoplens.models.text_body.fitting import Fitted, fit, hardware_of
from shoplens.models.text_body.layers import UpperLayers, parameter_groups
from shoplens.models.text_body.matrices import MatrixBody
from shoplens.models.text_body.served import ServedBody, write_body
from shoplens.models.text_body.settings import FineTuning
from shoplens.testing.tiny_e5 import tiny_e5

TEXTS = ["red shirt", "blue shirt", "red trousers", "blue trousers", "red hat with a brim", "blue hat", "red", "blue"]
BODY = E5Body(tiny_e5(["red", "blue", "shirt", "连衣裙"]))


class Colours:
    """Tells red from blue by the first token's final state."""

    def __init__(self, settings: FineTuning, body: E5Body = BODY) -> None:
        torch.manual_seed(0)
        reader = Reader(body, settings.trained_layers, settings.longest, hardware_of(settings))
        self.settings = settings
        self.tokens = reader.tokens(TEXTS)
        self.states = TokenStates.read(reader, self.tokens)
        self.upper = UpperLayers(reader.upper())
        self.head = nn.Linear(body.sizes.hidden, 2)
        self.network = nn.ModuleDict({"upper": self.upper, "head": self.head})
        self.steps = 0

    def groups(self) -> list[dict[str, Any]]:
        return parameter_groups(self.network, self.upper, self.settings)

    def batches(self, random: np.random.Generator) -> Sequence[np.ndarray]:
        return np.split(random.permutation(len(TEXTS)), 4)

    def logits(self, rows: np.ndarray) -> Tensor:
        logits: Tensor = self.head(self.upper(*self.states.rectangle(rows))[:, 0])
        return logits

    def loss(self, batch: np.ndarray) -> Tensor:
        self.steps += 1
        if self.steps == 10 and self.settings.seed == 13:
            raise KeyboardInterrupt
        wanted = torch.tensor([TEXTS[row].startswith("blue") for row in batch]).long()
        return nn.functional.cross_entropy(self.logits(batch), wanted)

    def quality(self) -> float:
        with torch.no_grad():
            return -float(self.loss(np.arange(len(TEXTS))))


SETTINGS = FineTuning(
    trained_layers=1, epochs=6, learning_rate=5e-3, head_learning_rate=2e-2, averaging=0.8, patience=6
)


def test_learns_and_keeps_the_best_epoch() -> None:
    task = Colours(SETTINGS)
    before = task.quality()
    fitted = fit(task, SETTINGS)
    assert len(fitted.qualities) == 6
    assert not fitted.timed_out
    assert max(fitted.qualities) > before + 0.1
    assert task.quality() == pytest.approx(fitted.qualities[fitted.epoch - 1])


def test_minutes_that_end_before_learning_does_are_said() -> None:
    settings = FineTuning(**{**SETTINGS.to_dict(), "minutes": 1e-9})
    fitted = fit(Colours(settings), settings)
    assert (fitted.timed_out, len(fitted.qualities)) == (True, 1)


def test_passes_are_as_many_as_learning_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shoplens.models.text_body.fitting.STEPS", 17)  # an epoch has four
    settings = FineTuning(**{**SETTINGS.to_dict(), "epochs": 0, "patience": 9})
    assert len(fit(Colours(settings), settings).qualities) == 4


def test_a_killed_run_ends_where_it_would_have_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shoplens.models.text_body.fitting.SAVED_EVERY", 0.0)
    settings = FineTuning(**{**SETTINGS.to_dict(), "seed": 13, "epochs": 3})
    whole = Colours(settings)
    whole.steps = 100  # is not interrupted
    expected = fit(whole, settings)
    state = tmp_path / "state"
    with pytest.raises(KeyboardInterrupt):
        fit(Colours(settings), settings, state=state, fingerprint="same")
    again = Colours(settings)
    again.steps = 100
    found = fit(again, settings, state=state, fingerprint="same")
    assert found.qualities == pytest.approx(expected.qualities, abs=1e-6)
    for name, value in whole.network.state_dict().items():
        torch.testing.assert_close(again.network.state_dict()[name], value)
    other = Colours(settings)
    other.steps = 100
    assert isinstance(fit(other, settings, state=state, fingerprint="another"), Fitted)


def test_lower_layers_learn_slower() -> None:
    task = Colours(FineTuning(trained_layers=2, layer_decay=0.5, learning_rate=1e-3, head_learning_rate=1e-2))
    groups = task.groups()
    assert sorted({group["lr"] for group in groups}) == pytest.approx([5e-4, 1e-3, 1e-2])
    assert {group["weight_decay"] for group in groups} == {0.0, 0.01}
    assert sum(len(group["params"]) for group in groups) == len(list(task.network.parameters()))


def test_the_graph_says_what_the_network_says(tmp_path: Path) -> None:
    task = Colours(SETTINGS)
    fit(task, SETTINGS)
    write_body(BODY.with_layers(task.upper.by_number(2)), BODY.reading(64), tmp_path, precision="fp32", states=[1, 2])
    served = ServedBody.open(tmp_path, threads=1)
    with torch.no_grad():
        ids, present = padded(task.tokens)
        lower = BODY.layer(0)(BODY.embed(ids), present)
        final = task.upper.eval()(lower, present).numpy()
    for rows, (first, second), there in served.run(task.tokens, ["states_1", "states_2"]):
        for place, row in enumerate(rows):
            length = int(there[place].sum())
            np.testing.assert_allclose(first[place, :length], lower.numpy()[row, :length], atol=1e-4)
            np.testing.assert_allclose(second[place, :length], final[row, :length], atol=1e-4)
    vectors = served.vectors(task.tokens)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert served.tokens.ids(TEXTS) == [list(one) for one in task.tokens]


def test_words_find_their_first_token() -> None:
    tokens = BODY.reading(64)
    (found,) = align(tokens, [["red", "shirts", "(", "blue", ")"]], spaced=True)
    pieces = [tokens.ids([word], "")[0][1] for word in ("red", "shirts", "(", "blue", ")")]
    assert found.ids[found.token].tolist() == pieces
    assert found.place.tolist() == [0] * 5


def test_characters_share_the_token_of_their_word() -> None:
    (found,) = align(BODY.reading(64), [list("x连衣裙red")], spaced=False)
    assert found.token.tolist()[1:4] == [found.token[1]] * 3
    assert found.place.tolist()[1:4] == [0, 1, 2]


@given(st.lists(st.lists(st.text(max_size=4), max_size=6), min_size=1, max_size=4), st.booleans())
def test_every_unit_has_a_token(texts: list[list[str]], spaced: bool) -> None:
    for units, one in zip(texts, align(BODY.reading(64), texts, spaced=spaced), strict=True):
        assert len(one.token) == len(one.place) == len(units)
        assert (np.diff(one.token) >= 0).all()
        assert (one.token < len(one.ids) - 1).all()


@pytest.mark.parametrize(("name", "value"), [("epochs", -1), ("minutes", 0), ("layer_decay", 2), ("precision", "int4")])
def test_settings_that_make_no_sense_are_named(name: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=name):
        FineTuning(**{name: value})  # type: ignore[arg-type]


def test_a_folder_without_an_encoder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="train it again"):
        ServedBody.open(tmp_path)


def test_batches_side_by_side_say_the_same(tmp_path: Path) -> None:
    write_body(BODY.with_layers({}), BODY.reading(64), tmp_path, precision="int8")
    ids = BODY.reading(64).ids([f"red {'and blue ' * (row % 7)}{row}" for row in range(120)], "")
    alone, together = (ServedBody.open(tmp_path, threads=threads, longest=64) for threads in (1, 3))
    assert np.array_equal(alone.vectors(ids), together.vectors(ids))
    rows = [row for batch, _, _ in together.run(ids, ["embedding"]) for row in batch]
    assert sorted(rows) == list(range(120))
    assert rows == [row for batch, _, _ in alone.run(ids, ["embedding"]) for row in batch]
    assert together.vectors([]).shape == (0, 0)


@pytest.mark.parametrize("device", ["cuda:99", "gpu", "tpu9"])
def test_a_device_that_is_not_there_is_said(device: str) -> None:
    settings = replace(SETTINGS, device=device)
    with pytest.raises(ConfigurationError, match=f"'{device}'.* write auto"):
        Colours(settings)
    with pytest.raises(ConfigurationError, match=f"'{device}'.* write auto"):
        fit(Colours(SETTINGS), settings)


def test_the_device_is_no_part_of_what_is_learnt() -> None:
    assert replace(SETTINGS, device="cuda").of_outcome() == SETTINGS.of_outcome()
    assert replace(SETTINGS, seed=1).of_outcome() != SETTINGS.of_outcome()
    assert hardware_of(replace(SETTINGS, device="cpu", precision="float32")).precision == "fp32"
    assert hardware_of(replace(SETTINGS, device="cpu", precision="bfloat16")).precision == "bf16"


@pytest.mark.parametrize("precision", ["int8", "fp32"])
def test_matrices_give_the_states_of_the_graph(tmp_path: Path, precision: str) -> None:
    layers = BODY.sizes.layers
    write_body(BODY.with_layers({}), BODY.reading(64), tmp_path, precision=precision, states=(1, layers))
    served, quick = ServedBody.open(tmp_path, threads=1, longest=64), MatrixBody.open(tmp_path, longest=64)
    ids = quick.tokens.ids(["red shirt", "blue", "a red shirt, a blue shirt and 连衣裙", ""])
    assert ids == served.tokens.ids(["red shirt", "blue", "a red shirt, a blue shirt and 连衣裙", ""])
    states = []
    for body in (served, quick):
        found = [np.zeros(0, np.float32)] * len(ids)
        for rows, (lower, final) in body.states(ids, (1, layers)):
            for place, row in enumerate(rows):
                assert len(lower[place]) == len(ids[row])
                found[row] = np.concatenate([lower[place], final[place]], axis=1)
        states.append(np.concatenate(found))
    assert np.abs(states[0] - states[1]).max() < 0.15
    assert np.corrcoef(states[0].ravel(), states[1].ravel())[0, 1] > 0.999
    (tmp_path / "model.onnx").write_bytes(b"{")
    with pytest.raises(ModelFileError, match="train it again"):
        MatrixBody.open(tmp_path)

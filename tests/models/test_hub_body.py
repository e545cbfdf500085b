"""Checkpoints of the hub as what fine-tuning begins with: the same numbers as transformers, cut, learnt and served."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.encoders.tiny_checkpoints import save_bert, save_roberta, save_t5
from transformers import AutoModel

from shoplens.encoders.e5_torch import E5Body, mean_of_tokens, padded
from shoplens.encoders.hub_body import encoder_name, open_body
from shoplens.errors import ConfigurationError, ModelFileError
from shoplens.learning.tagging.choosing import choose_tagger
from shoplens.models.classifier import load_classifier
from shoplens.models.classifier.finetuned import FinetunedClassifier
from shoplens.models.tagger.model import Tagger
from shoplens.models.text_body.served import ServedBody, write_body
from shoplens.testing.marked_sentences import QUICK, marked_sentences

TEXTS = ["a red lamp", "跑步鞋 42", "zeta phone case, new and cheap"]


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> E5Body:
    folder = tmp_path_factory.mktemp("bert")
    save_bert(folder)
    return open_body(str(folder), folder / "cache")


@pytest.mark.parametrize("save", [save_bert, save_roberta])
def test_numbers_are_those_of_the_checkpoint(save: Callable[[Path], None], tmp_path: Path) -> None:
    save(tmp_path / "model")
    body = open_body(f"hub:{tmp_path / 'model'}", tmp_path / "cache")
    tokens = body.tokens(TEXTS, 32, "")
    ids, present = padded(tokens)
    network = AutoModel.from_pretrained(tmp_path / "model", add_pooling_layer=False).eval()
    with torch.no_grad():
        wanted = network(input_ids=ids, attention_mask=present.long()).last_hidden_state
        states = body.embed(ids)
        for number in range(body.sizes.layers):
            states = body.layer(number)(states, present)
    assert torch.allclose(states[present], wanted[present], atol=1e-5)
    write_body(body.with_layers({}), body.reading(32), tmp_path, precision="fp32")
    served = ServedBody.open(tmp_path, longest=32)
    assert served.tokens.ids(TEXTS, "") == [one.tolist() for one in tokens]
    mean = torch.nn.functional.normalize(mean_of_tokens(wanted, present), dim=1).numpy()
    assert np.allclose(served.vectors(tokens), mean, atol=1e-4)


def test_a_tagger_learns_on_it(bert: E5Body, tmp_path: Path) -> None:
    chosen = choose_tagger(marked_sentences(100), marked_sentences(20, seed=1), replace(QUICK, epochs=4), body=bert)
    assert chosen.trained.body.name == bert.name
    chosen.save(tmp_path)
    tagger = Tagger.load(tmp_path, threads=2)
    (found,) = tagger.tag_texts(["a new Acme rain coat for the cheap"])
    assert {one.kind for one in found} <= {"BRAND", "THING"}
    assert chosen.validation_f1 > 0.5, "the letters of words say it"
    assert abs(chosen.int8_loss) < 0.2


def test_a_classifier_learns_on_it_and_reads_as_it_did(bert: E5Body, tmp_path: Path) -> None:
    texts = [f"{word} {thing} {size}" for thing in ("cup", "box") for size in range(8) for word in ("lovely", "awful")]
    labels = ["good", "bad"] * 16
    model = FinetunedClassifier.fit(texts, labels, encoder=None, settings=replace(QUICK, epochs=2), body=bert)
    assert (model.facts["base"], model.facts["prefix"]) == (bert.name, "")
    assert model.facts["precision"] == ("fp32" if float(str(model.facts["int8_loss"])) > 0.005 else "int8")
    model.save(tmp_path)
    assert np.allclose(load_classifier(tmp_path).probabilities(texts), model.probabilities(texts), atol=1e-6)


def test_what_is_no_such_network_is_refused(tmp_path: Path) -> None:
    save_t5(tmp_path / "t5")
    with pytest.raises(ConfigurationError, match="take one of bert"):
        open_body(str(tmp_path / "t5"), tmp_path / "cache")
    save_bert(tmp_path / "pickled")
    (tmp_path / "pickled" / "model.safetensors").rename(tmp_path / "pickled" / "pytorch_model.bin")
    with pytest.raises(ModelFileError, match="may run code"):
        open_body(str(tmp_path / "pickled"), tmp_path / "cache")
    save_bert(tmp_path / "cut")
    (tmp_path / "cut" / "model.safetensors").write_bytes(b"\x10\0\0\0")
    with pytest.raises(ModelFileError, match="again"):
        open_body(str(tmp_path / "cut"), tmp_path / "cache")


def test_a_folder_and_a_name_of_the_hub_are_encoders_too(tmp_path: Path) -> None:
    assert encoder_name(str(tmp_path)) == f"hub:{tmp_path}"
    assert encoder_name("sentence-transformers/all-MiniLM-L6-v2") == "hub:sentence-transformers/all-MiniLM-L6-v2"
    for name in ("e5-small", "none", "hashed-ngrams", f"hub:{tmp_path}", "endpoint:model"):
        assert encoder_name(name) == name

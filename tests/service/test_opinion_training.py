"""What reads the tone of posts: learnt from the shop's labels, fine-tuned or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoplens.domain.opinions import Named, Post, Tone
from shoplens.encoders.e5_torch import E5Body
from shoplens.errors import ConfigurationError, InputError
from shoplens.learning.text_classes.examples import TextExamples
from shoplens.models.classifier.finetuned import FinetunedClassifier
from shoplens.models.text_body.settings import FineTuning
from shoplens.service.opinion_readers import TONE_MODEL, model_stamps, reader_of
from shoplens.service.opinion_training import train_reader
from shoplens.service.taggers import Taggers
from shoplens.service.text_models import CLASSIFIER, TextModels
from shoplens.service.workspace import Workspace
from shoplens.testing.marked_sentences import QUICK, marked_sentences, tiny_body, write_marked
from shoplens.testing.tiny_e5 import tiny_e5

TEXTS = [f"{word} {thing} {number}" for number in range(12) for thing in ("lid", "box") for word in ("fine", "awful")]
LABELS = ["positive" if text.startswith("fine") else "negative" for text in TEXTS]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "shop", opinions={"vectors": False})


def examples(texts: list[str], labels: list[str]) -> TextExamples:
    return TextExamples("labels.csv", tuple(texts), tuple(labels), {})


def read(workspace: Workspace, texts: list[str]) -> list[Tone]:
    reader = reader_of(workspace, vectors=None)
    assert reader.how()["tone"] == "trained"
    return [one.tone for one in reader.read([Post(text=text, timestamp=0) for text in texts])]


def test_labels_teach_tones(workspace: Workspace) -> None:
    before = model_stamps(workspace)
    saved, trained = train_reader(workspace, "tone", examples(TEXTS, LABELS), effort="good")
    assert trained.chosen == "fast"
    assert "not fine-tuned" in trained.notes[0]  # so few examples teach no encoder
    assert saved.details["path"] == "fast"
    assert model_stamps(workspace) != before
    assert read(workspace, ["awful lid", "fine box"]) == [Tone.NEGATIVE, Tone.POSITIVE]


def test_a_fine_tuned_model_reads_posts(workspace: Workspace) -> None:
    quick = FineTuning(
        trained_layers=1, epochs=4, learning_rate=5e-3, head_learning_rate=3e-2, averaging=0.5, tokens_a_batch=64
    )
    body = E5Body(tiny_e5(["fine", "awful", "lid", "box"]))
    model = FinetunedClassifier.fit(TEXTS, LABELS, encoder=None, settings=quick, body=body, precision="fp32")
    TextModels.of(workspace.root).save(TONE_MODEL, model, kind=CLASSIFIER, labels=model.classes, metrics={}, data="")
    assert read(workspace, ["awful lid", "fine box"]) == [Tone.NEGATIVE, Tone.POSITIVE]


def test_what_cannot_be_learnt_is_said(workspace: Workspace) -> None:
    with pytest.raises(InputError, match="4 labelled texts are too few"):
        train_reader(workspace, "tone", examples(TEXTS[:4], LABELS[:4]))
    with pytest.raises(ConfigurationError, match="'angry' is no tone"):
        train_reader(workspace, "tone", examples(TEXTS, ["angry", *LABELS[1:]]))


def test_a_tagger_finds_names_that_nobody_listed(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "shop", opinions={"vectors": False, "tagger": "brands"})
    with pytest.raises(ConfigurationError, match=r"opinions.tagger is 'brands', but .* there are: none"):
        reader_of(workspace, vectors=None)
    before = model_stamps(workspace)
    write_marked(tmp_path / "train.txt", marked_sentences(150))
    settings = FineTuning(**(QUICK.to_dict() | {"epochs": 6}))
    Taggers(workspace).train("brands", tmp_path / "train.txt", settings, body=tiny_body())
    assert model_stamps(workspace) != before
    reader = reader_of(workspace, [("1", "Acme", "Acme")], vectors=None)
    (found,) = reader.read([Post(text="new Acme lamp", timestamp=0)])
    assert found.entities == (Named("brand", "Acme"), Named("thing", "lamp"))  # Acme once: the catalogue has it

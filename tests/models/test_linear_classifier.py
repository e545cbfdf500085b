"""The fast classifier: it learns, says how sure it is, survives odd texts, and is the same after being saved."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.encoders.hashed import HashedNgramEncoder
from shoplens.errors import ConfigurationError, InputError, ModelFileError
from shoplens.models.classifier import TextClassifier, load_classifier
from shoplens.models.classifier.folds import dealt, held_out, sampled
from shoplens.models.classifier.linear import LinearClassifier
from shoplens.models.classifier.scales import fit_scales
from shoplens.models.classifier.terms import TermSpace, terms_of

ENCODER = HashedNgramEncoder(size=64)
THINGS = ("parcel", "box", "order", "jacket", "lamp", "phone", "cup", "shoe")
SAYINGS = {
    "delivery": ("where is my {}", "the {} has not arrived", "when will the {} come", "我的{}什么时候到"),
    "refund": ("I want my money back for the {}", "please refund the {}", "return this {} for money", "我要退{}的钱"),
    "praise": ("I love the {}", "a great {}", "the {} is wonderful", "这个{}很好"),
}
TEXTS = [saying.format(thing) for sayings in SAYINGS.values() for saying in sayings for thing in THINGS]
LABELS = [label for label, sayings in SAYINGS.items() for _ in sayings for _ in THINGS]


@pytest.fixture(scope="module")
def fitted() -> LinearClassifier:
    return LinearClassifier.fit(TEXTS, LABELS, encoder=ENCODER)


def test_says_what_new_texts_are_about(fitted: LinearClassifier) -> None:
    asked = ["where is my chair", "refund the chair please", "a wonderful chair", "椅子什么时候到", "椅子很好"]
    chances = fitted.probabilities(asked)
    assert [fitted.classes[row] for row in chances.argmax(1)] == ["delivery", "refund", "praise", "delivery", "praise"]
    assert isinstance(fitted, TextClassifier)
    assert chances.dtype == np.float32


def test_says_how_good_it_was_on_what_it_did_not_learn_from(fitted: LinearClassifier) -> None:
    held = fitted.held_out
    assert held is not None
    assert sorted(held.examples.tolist()) == list(range(len(TEXTS)))
    assert (held.chances.argmax(1) == held.rows).mean() > 0.8


@settings(max_examples=10, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=5))
def test_any_text_has_probabilities(fitted: LinearClassifier, texts: list[str]) -> None:
    chances = fitted.probabilities(texts)
    assert chances.shape == (len(texts), 3)
    assert (chances >= 0).all()
    assert np.allclose(chances.sum(1), 1, atol=1e-5)


def test_reads_the_beginning_of_a_text_without_end(fitted: LinearClassifier) -> None:
    long = fitted.probabilities(["refund " * 150_000])[0]
    assert fitted.classes[long.argmax()] == "refund"


def test_is_the_same_after_being_saved(fitted: LinearClassifier, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    again = load_classifier(tmp_path, encoder=ENCODER)
    assert again.classes == fitted.classes
    assert np.array_equal(again.probabilities(TEXTS), fitted.probabilities(TEXTS))
    with pytest.raises(ConfigurationError, match="hashed-ngrams"):
        load_classifier(tmp_path)
    with pytest.raises(ModelFileError, match="not hashed-ngrams"):
        load_classifier(tmp_path, encoder=HashedNgramEncoder(size=32))


class Deep(HashedNgramEncoder):
    """Gives what lies beneath its vectors: those twice."""

    features = "twice"

    def encode_features(self, inputs: Sequence[str]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        vectors = self.encode(inputs)
        return vectors, np.concatenate([vectors, vectors], axis=1)


def test_reads_what_lies_beneath_where_an_encoder_gives_it(tmp_path: Path) -> None:
    deep = LinearClassifier.fit(TEXTS, LABELS, encoder=Deep(size=64))
    assert set(deep.logits(TEXTS[:1])) == {"words", "meaning", "depth"}
    deep.save(tmp_path)
    again = load_classifier(tmp_path, encoder=Deep(size=64))
    assert np.array_equal(again.probabilities(TEXTS), deep.probabilities(TEXTS))
    with pytest.raises(ModelFileError, match="as it is opened here"):
        load_classifier(tmp_path, encoder=ENCODER)


def test_what_was_saved_before_there_were_features_reads_vectors(fitted: LinearClassifier, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    facts = json.loads((tmp_path / "classifier.json").read_text(encoding="utf-8"))
    assert facts.pop("features") == ""
    (tmp_path / "classifier.json").write_text(json.dumps(facts), encoding="utf-8")
    again = load_classifier(tmp_path, encoder=Deep(size=64))
    assert np.array_equal(again.probabilities(TEXTS), fitted.probabilities(TEXTS))


@pytest.mark.parametrize("file", ["classifier.json", "numbers.safetensors", "terms.json"])
def test_refuses_damaged_files(fitted: LinearClassifier, tmp_path: Path, file: str) -> None:
    fitted.save(tmp_path)
    (tmp_path / file).write_bytes(b"{")
    with pytest.raises(ModelFileError, match="train again"):
        load_classifier(tmp_path, encoder=ENCODER)


def test_refuses_a_kind_it_does_not_know(fitted: LinearClassifier, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    facts = json.loads((tmp_path / "classifier.json").read_text(encoding="utf-8"))
    (tmp_path / "classifier.json").write_text(json.dumps({**facts, "kind": "oracle"}), encoding="utf-8")
    with pytest.raises(ModelFileError, match="oracle"):
        load_classifier(tmp_path, encoder=ENCODER)


def test_words_alone_will_do_and_one_example_of_a_class_too() -> None:
    model = LinearClassifier.fit(["yes", "yes please", "never"], ["yes", "yes", "no"], encoder=None)
    assert model.classes == ("no", "yes")
    assert model.classes[model.probabilities(["yes"])[0].argmax()] == "yes"


def test_says_what_it_cannot_learn_from() -> None:
    with pytest.raises(InputError, match="at least two classes; all are 'x'"):
        LinearClassifier.fit(["a", "b"], ["x", "x"], encoder=None)
    with pytest.raises(InputError, match="there are none"):
        LinearClassifier.fit([], [], encoder=None)
    with pytest.raises(InputError, match="2 texts but 1 labels"):
        LinearClassifier.fit(["a", "b"], ["x"], encoder=None)


def test_texts_without_a_letter_are_learnt_from_too() -> None:
    model = LinearClassifier.fit(["", "  ", "…"], ["a", "a", "b"], encoder=None)
    assert model.probabilities([""])[0].tolist() == pytest.approx([2 / 3, 1 / 3], abs=0.2)


def test_terms_of_words_and_of_chinese() -> None:
    assert terms_of("Red box")[:2] == [" red", "<r"]
    assert " red box" in terms_of("Ｒｅｄ box")
    assert terms_of("很好用") == ["很", "好", "用", "很好", "好用", "很好用"]
    space = TermSpace.fit(["good cup", "good lamp"], most_terms=50)
    assert TermSpace.of(space.terms, space.rarity).read(["good"]).toarray().tolist() == (
        space.read(["good"]).toarray().tolist()
    )


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.integers(0, 3))
def test_no_fold_takes_a_class_away(labels: list[int], seed: int) -> None:
    rows = np.array(labels)
    fold = dealt(rows, 5, seed)
    for one in set(labels):
        mine = fold[rows == one]
        assert (mine == -1).all() if len(mine) == 1 else len(set(mine.tolist())) > 1
    texts = [f"text {number % 50}" for number in range(len(labels))]
    for out in held_out(texts, rows, seed):
        assert set(rows[~out].tolist()) == set(labels)
        assert not out[np.array([texts.count(text) > 1 for text in texts])].any()


def test_scales_make_the_sum_as_sure_as_it_is_right() -> None:
    random = np.random.default_rng(0)
    true = random.normal(0, 1, (2_000, 3)).astype(np.float32)
    rows = (true + random.gumbel(0, 1, true.shape)).argmax(1)  # drawn from the softmax of `true`
    noise = random.normal(0, 1, (2_000, 3)).astype(np.float32)
    found = fit_scales([true * 5, noise], rows)
    assert found == pytest.approx((0.2, 0.0), abs=0.05)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.integers(1, 200), st.integers(0, 3))
@settings(max_examples=30, deadline=None)
def test_a_sample_has_every_class_and_keeps_to_its_size(labels: list[int], most: int, seed: int) -> None:
    rows, sizes = np.array(labels), np.full(len(labels), 10)
    needed = np.arange(len(labels)) % 5 == 0
    kept = sampled(rows, sizes, most, seed, needed)
    assert kept.tolist() == sorted(set(kept.tolist()))
    assert set(rows[kept].tolist()) == set(labels)
    assert set(np.flatnonzero(needed).tolist()) <= set(kept.tolist())
    assert sizes[kept].sum() <= max(most, 10 * (needed.sum() + 4))

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from content_ranker_cases import QUICK, TinyBody, quick_ranker, reading_shop, recall_of_new

from shoplens.domain.dataset import Histories, TrainingData
from shoplens.errors import BundleError, ConfigurationError, InputError
from shoplens.models.blend import Blend
from shoplens.models.content_ranker import ContentRanker, ContentRankerConfig
from shoplens.models.content_ranker.reading import Texts
from shoplens.models.content_ranker.samples import gather_lives
from shoplens.models.popularity import Popularity
from shoplens.registry import find
from shoplens.testing import recommenders


@pytest.fixture(scope="module")
def shop() -> TrainingData:
    return reading_shop()


@pytest.fixture(scope="module")
def ranker(shop: TrainingData) -> ContentRanker:
    return quick_ranker().fit(shop)


def test_learning_which_words_matter_finds_new_products(shop: TrainingData, ranker: ContentRanker) -> None:
    frozen = quick_ranker(stop_after=(0, 0)).fit(shop)
    before, after = recall_of_new(frozen, shop), recall_of_new(ranker, shop)
    assert sum(ranker.chosen_epochs) > 0
    assert after > 0.9
    assert after > before + 0.1


def test_the_laws_of_recommenders(shop: TrainingData, ranker: ContentRanker, tmp_path: Path) -> None:
    histories = shop.interactions.histories()
    recommenders.check_shape(ranker, histories, len(shop.interactions.items))
    recommenders.check_one_by_one(ranker, histories, 1e-4)
    recommenders.check_reacts(ranker, histories)
    recommenders.check_personal(ranker, shop)
    recommenders.check_only_new_products(ranker, len(shop.interactions.items))
    recommenders.check_inputs_unchanged(ranker, histories)
    recommenders.check_saves(ranker, histories, tmp_path)


def test_the_same_seed_gives_the_same_model(shop: TrainingData, ranker: ContentRanker) -> None:
    recommenders.check_repeatable(lambda: quick_ranker(epochs=1), shop, shop.interactions.histories(), 1e-4)


def test_nobody_known_gets_no_opinion_and_no_text_comes_last(shop: TrainingData) -> None:
    assert shop.texts is not None
    model = quick_ranker(epochs=1).fit(replace(shop, texts=("", "  ", *shop.texts[2:])))
    nobody = Histories.of_one(np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(0, np.float32))
    assert not model.score(nobody).any()
    assert model.scorable.sum() == len(shop.texts) - 2
    scores = model.score(shop.interactions.histories())
    assert (scores[:, :2].max(1) < scores[:, 2:].min(1)).all()
    assert not model.item_vectors[:2].any()


def test_without_texts_it_says_what_to_do(shop: TrainingData) -> None:
    for texts in (None, ("",) * len(shop.interactions.items)):
        with pytest.raises(InputError, match="give products a title or a description"):
            quick_ranker().fit(replace(shop, texts=texts))


def test_hardly_any_events(shop: TrainingData) -> None:
    for few in (0, 1, 3):
        model = quick_ranker(teacher=few == 3, minutes=0.01).fit(
            replace(shop, interactions=shop.interactions.take(np.arange(few)))
        )
        assert np.isfinite(model.score(shop.interactions.histories())).all()


def test_products_that_came_later_are_scored_from_their_texts(shop: TrainingData, ranker: ContentRanker) -> None:
    assert shop.texts is not None
    np.testing.assert_allclose(ranker.encode_texts(shop.texts[-3:]), ranker.item_vectors[-3:], atol=1e-5)
    assert not ranker.encode_texts(["", " "]).any()
    people = ranker.vector_for(shop.interactions.histories())
    np.testing.assert_allclose(people @ ranker.item_vectors.T, ranker.score(shop.interactions.histories()), atol=1e-4)


def test_reasons_sum_to_the_score(shop: TrainingData, ranker: ContentRanker) -> None:
    one = shop.interactions.histories().take(3, 4)
    item = len(shop.interactions.items) - 1
    reasons = ranker.explain(one, item)
    assert {reason.item for reason in reasons} == set(one.item.tolist())
    assert [reason.said for reason in reasons] == sorted((reason.said for reason in reasons), reverse=True)
    people, vector = ranker.network.people, ranker.item_vectors[item]
    everybody = people.join.bias.detach().numpy() @ vector[:-1] + people.conformity.item() * vector[-1]
    assert sum(reason.said for reason in reasons) + everybody == pytest.approx(ranker.score(one)[0, item], abs=1e-4)
    assert reasons[0].item % 4 == item % 4 == 3  # what is of the same taste speaks loudest


def test_a_saved_ranker_reads_new_texts_with_its_own_encoder_only(ranker: ContentRanker, tmp_path: Path) -> None:
    ranker.save(tmp_path)
    again = ContentRanker.load(tmp_path, body=TinyBody())
    np.testing.assert_array_equal(again.encode_texts(["vegan word3"]), ranker.encode_texts(["vegan word3"]))
    other = TinyBody()
    other.name = "tiny/2"
    with pytest.raises(ConfigurationError, match="learnt on tiny/1"):
        ContentRanker.load(tmp_path, body=other).encode_texts(["vegan"])
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(BundleError, match="content ranker"):
        ContentRanker.load(tmp_path)


def test_a_killed_fit_goes_on_where_it_was(shop: TrainingData, tmp_path: Path) -> None:
    whole = quick_ranker(head_epochs=1, epochs=2, patience=9).fit(shop)

    class KilledError(Exception):
        pass

    def kill(epoch: int, epochs: int, entry: dict[str, float]) -> None:
        if epoch == 2:
            raise KilledError

    checkpoint = tmp_path / "checkpoint.pt"
    killed = quick_ranker(head_epochs=1, epochs=2, patience=9)
    killed.progress, killed.checkpoint = kill, checkpoint
    with pytest.raises(KilledError):
        killed.fit(shop)
    seen: list[int] = []
    resumed = quick_ranker(head_epochs=1, epochs=2, patience=9)
    resumed.progress, resumed.checkpoint = lambda epoch, epochs, entry: seen.append(epoch), checkpoint
    resumed.fit(shop)
    assert seen == [3]
    assert not checkpoint.exists()
    np.testing.assert_allclose(
        resumed.score(shop.interactions.histories()), whole.score(shop.interactions.histories()), atol=1e-4
    )


def test_fitting_again_reads_nothing_twice_and_keeps_the_epochs(shop: TrainingData) -> None:
    model = quick_ranker().fit(shop)
    again = model.again()
    assert again.config.stop_after == model.chosen_epochs
    states = again._read
    fitted = again.fit(shop)
    assert fitted._read is states
    assert len(fitted.history) == sum(model.chosen_epochs)


def test_the_budget_of_time_is_kept(shop: TrainingData) -> None:
    model = quick_ranker(head_epochs=1000, epochs=1000, patience=1000, minutes=0.01).fit(shop)
    assert 1 <= len(model.history) < 200


def test_texts_beyond_the_memory_are_read_once_at_the_end(shop: TrainingData) -> None:
    body = TinyBody()
    model = ContentRanker(body=body, **{**QUICK, "states_mb": 1, "epochs": 1})
    long = tuple(f"{text} " * 6 for text in shop.texts or ()) * 12  # 960 touched texts do not fit into 1 MB
    long = tuple(f"{text} n{number}" for number, text in enumerate(long))
    items = reading_shop(people=300, items=len(long), new=100)
    model.fit(TrainingData(items.interactions, texts=long))
    held = 0 if model._read is None else len(model._read[1])
    assert 0 < held < 1300
    assert np.isfinite(model.item_vectors).all()
    np.testing.assert_allclose(np.linalg.norm(model.item_vectors[:, :-1], axis=1), 1, atol=1e-4)


def test_known_positives_are_never_kept_aside_from_themselves(shop: TrainingData) -> None:
    texts = Texts.of(shop.texts or ())
    lives = gather_lives(shop.interactions, texts.row, ContentRankerConfig(validation_people=30, hidden_products=0.1))
    assert lives.new is not None
    assert not np.isin(lives.timeline.item, lives.hidden).any()
    assert not np.isin(lives.new.history.item, lives.hidden).any()
    assert np.isin(lives.new.target[lives.new.target >= 0], lives.hidden).all()


def test_equal_texts_share_a_vector() -> None:
    texts = Texts.of(["red shirt", "", "red shirt ", "blue shirt"])
    assert texts.distinct == ("red shirt", "blue shirt")
    assert texts.row.tolist() == [0, -1, 0, 1]


def test_a_blend_with_the_ranker_is_saved_and_loaded(shop: TrainingData, ranker: ContentRanker, tmp_path: Path) -> None:
    blend = Blend(
        {"popularity": Popularity().fit(shop), "content-ranker": ranker}, {"popularity": 0.5, "content-ranker": 0.5}
    )
    blend.save(tmp_path)
    histories = shop.interactions.histories()
    np.testing.assert_array_equal(Blend.load(tmp_path).score(histories), blend.score(histories))


def test_the_teacher_knows_more_than_chance_and_its_opinions_are_used(shop: TrainingData) -> None:
    model = quick_ranker(teacher=True, teacher_steps=60, distillation=1.0, epochs=1).fit(shop)
    assert np.mean(model.teacher_losses[-5:]) < np.mean(model.teacher_losses[:5])
    assert np.mean(model.teacher_losses[-5:]) < np.log(model.config.teacher_candidates)
    alone = quick_ranker(epochs=1).fit(shop)
    assert not np.array_equal(alone.item_vectors, model.item_vectors)
    assert recall_of_new(model, shop) > 0.8


def test_settings_are_checked_and_named() -> None:
    with pytest.raises(ConfigurationError, match="max_tokens is 4"):
        ContentRankerConfig(max_tokens=4)
    with pytest.raises(ConfigurationError, match="no setting 'tokens'"):
        ContentRanker(tokens=4)
    for name, value in {"dropout": 1.0, "minutes": 0.0, "precision": "int8", "popularity_kept": 2.0}.items():
        with pytest.raises(ConfigurationError, match=name):
            ContentRankerConfig.from_dict({name: value})
    assert json.loads(json.dumps(ContentRankerConfig().to_dict()))["teacher"] is False


def test_it_is_in_the_registry_and_not_trained_unasked() -> None:
    from shoplens.learning.train import MODELS

    assert find("models", "content-ranker") is ContentRanker
    assert "content-ranker" not in MODELS

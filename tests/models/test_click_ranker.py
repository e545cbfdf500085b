from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.domain.queries import query_form, query_key
from shoplens.errors import ModelFileError
from shoplens.models.click_ranker import DEPTH, ClickRanker, ClickRates, answer_features, item_keys
from shoplens.models.ranker import lightgbm

NAMES = ("score", "words")


@pytest.fixture(scope="module")
def ranker() -> ClickRanker:
    """Trees that believe the words and what was taken after the query, and not the score."""
    random = np.random.default_rng(0)
    table = random.random((600, 5), np.float32)
    label = (table[:, 1] + 3 * table[:, 2] > 2.0).astype(int)
    package = lightgbm()
    data = package.Dataset(table, label, group=[20] * 30)
    settings = {"objective": "lambdarank", "num_leaves": 7, "verbose": -1, "num_threads": 1, "min_data_in_leaf": 5}
    trees = package.train(settings, data, 30).model_to_string()
    query = np.full(4, query_key("tea"), np.int64)
    rates = ClickRates.of(query, item_keys(["a", "b", "b", "c"]), np.ones(4), np.array([0, 1, 1, 0]))
    return ClickRanker(NAMES, rates, trees)


def asked(scores: list[float], words: list[float]) -> dict[str, np.ndarray]:
    return {"score": np.array(scores, np.float32), "words": np.array(words, np.float32)}


def test_candidates_swap_their_scores(ranker: ClickRanker) -> None:
    features = asked([0.9, 0.8, 0.7], [0.1, 0.5, 0.9])
    scores = ranker.rescore("other", ["x", "y", "z"], features)
    assert scores is not None
    assert scores.tolist() == pytest.approx([0.7, 0.8, 0.9])
    assert features["score"].tolist() == pytest.approx([0.9, 0.8, 0.7]), "what was given is left as it was"


def test_what_was_taken_after_the_query_counts_for_that_query(ranker: ClickRanker) -> None:
    features = asked([0.9, 0.8, 0.7], [0.2, 0.2, 0.2])
    after = ranker.rescore(" TEA ", ["a", "c", "b"], features)
    assert after is not None
    assert int(np.argmax(after)) == 2
    pair, item, evidence = ranker.rates.features(query_key("tea"), item_keys(["b"]))[0]
    other = ranker.rates.features(query_key("cup"), item_keys(["b", "unheard of"]))
    assert pair > item > ranker.rates.overall
    assert evidence == pytest.approx(np.log(3))
    assert other[0, 0] == other[0, 1] == item
    assert other[1, 0] == pytest.approx(ranker.rates.overall)


def test_only_the_best_are_put_in_order(ranker: ClickRanker) -> None:
    count = DEPTH + 30
    scores = np.linspace(1, 0, count, dtype=np.float32)
    words = np.linspace(0, 1, count, dtype=np.float32)
    found = ranker.rescore("q", [str(n) for n in range(count)], {"score": scores, "words": words})
    assert found is not None
    assert np.array_equal(found[DEPTH:], scores[DEPTH:])
    assert sorted(found.tolist()) == sorted(scores.tolist())
    assert not np.array_equal(found[:DEPTH], scores[:DEPTH])


def test_nothing_to_swap(ranker: ClickRanker) -> None:
    assert ranker.rescore("q", [], asked([], [])) is None
    assert ranker.rescore("q", ["a"], asked([1.0], [1.0])) is None
    assert ranker.rescore("q", ["a", "b"], {"words": np.ones(2, np.float32)}) is None
    missing = ranker.rescore("q", ["a", "b"], {"score": np.array([0.2, 0.1], np.float32)})
    assert missing is not None, "a feature that is missing is unknown, not an error"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=120), st.integers(0, 2**32 - 1))
def test_scores_are_only_swapped(ranker: ClickRanker, scores: list[float], seed: int) -> None:
    words = np.random.default_rng(seed).random(len(scores)).astype(np.float32)
    given = np.array(scores, np.float32)
    found = ranker.rescore("q", [str(n) for n in range(len(scores))], {"score": given, "words": words})
    assert found is not None
    assert np.array_equal(np.sort(found), np.sort(given))


def test_saved_and_loaded(ranker: ClickRanker, tmp_path: Path) -> None:
    ranker.save(tmp_path)
    again = ClickRanker.load(tmp_path)
    features = asked([0.9, 0.8, 0.7], [0.1, 0.5, 0.9])
    for query in ("tea", "other"):
        ours, theirs = (one.rescore(query, ["a", "b", "c"], features) for one in (ranker, again))
        assert ours is not None
        assert theirs is not None
        assert np.array_equal(ours, theirs)
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"tea" not in kept, "what people typed is not in the files"


@pytest.mark.parametrize("name", ["clicks.json", "trees.txt", "rates.safetensors"])
def test_damaged_files_are_refused(ranker: ClickRanker, tmp_path: Path, name: str) -> None:
    ranker.save(tmp_path)
    content = (tmp_path / name).read_bytes()
    for damaged in (None, b"", content[:-7], content.replace(b"e", b"f", 1) + b" "):
        (tmp_path / name).unlink()
        if damaged is not None:
            (tmp_path / name).write_bytes(damaged)
        with pytest.raises(ModelFileError, match="train again"):
            ClickRanker.load(tmp_path)
        (tmp_path / name).write_bytes(content)


def test_another_format_is_refused(ranker: ClickRanker, tmp_path: Path) -> None:
    ranker.save(tmp_path)
    facts = orjson.loads((tmp_path / "clicks.json").read_bytes())
    (tmp_path / "clicks.json").write_bytes(orjson.dumps({**facts, "format": 99}))
    with pytest.raises(ModelFileError, match="format 99"):
        ClickRanker.load(tmp_path)


def test_features_of_an_answer() -> None:
    scores = np.array([0.9, 0.5, 0.4, 0.1], np.float32)
    found = answer_features(
        scores,
        {"words": scores},
        popularity=scores,
        price=np.array([30.0, np.nan, 10.0, 20.0]),
        age_days=np.array([0.0, np.nan, 10.0, -5.0]),
    )
    assert list(found) == ["words", "score", "popularity", "price_place", "age"]
    assert np.array_equal(found["price_place"], [1.0, np.nan, 0.0, 0.5], equal_nan=True)
    assert found["age"][0] == found["age"][3] == 0
    assert np.isnan(found["age"][1])
    alone = answer_features(scores[:1], {}, popularity=scores[:1], price=np.array([5.0]), age_days=np.array([1.0]))
    assert alone["price_place"].tolist() == [0.0]


def test_the_form_of_a_query() -> None:
    assert query_form("  Green\u3000ＴＥＡ \n") == "green tea"
    assert query_form("") == ""
    assert query_key("Ｔ恤") == query_key("t恤") != query_key("T shirt")
    assert isinstance(query_key("half \ud83d"), int)

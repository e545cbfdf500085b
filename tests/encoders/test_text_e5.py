from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shoplens.encoders.centring import LanguageMeans, languages_of
from shoplens.encoders.text import MANY_TOKENS, E5Encoder, batches_by_length
from shoplens.errors import ConfigurationError

PAIRS = [
    ("red running shoes for men", "男士红色跑步鞋"),
    ("stainless steel kitchen knife", "不锈钢厨房刀"),
    ("organic whole milk, one litre", "有机全脂牛奶一升"),
    ("wireless noise cancelling headphones", "无线降噪耳机"),
    ("children's wooden building blocks", "儿童木制积木"),
    ("waterproof hiking jacket", "防水登山夹克"),
    ("green tea bags", "绿茶茶包"),
    ("leather office chair", "真皮办公椅"),
    ("cat food with salmon", "三文鱼猫粮"),
    ("silver wedding ring", "银色结婚戒指"),
    ("gaming laptop computer", "游戏笔记本电脑"),
    ("cotton bed sheets", "纯棉床单"),
]


def test_similar_texts_are_nearer_than_different_ones(e5: E5Encoder) -> None:
    vectors = e5.encode(["red running shoes", "crimson sneakers for jogging", "frozen vegetable pizza"])
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.02


def test_a_query_finds_its_product(e5: E5Encoder) -> None:
    products = e5.encode([english for english, _ in PAIRS])
    queries = e5.encode_queries(["sharp blade for cooking", "headset that blocks noise", "food for my kitten"])
    assert (queries @ products.T).argmax(axis=1).tolist() == [1, 3, 8]


def test_centring_brings_languages_together(e5: E5Encoder) -> None:
    english, chinese = [a for a, _ in PAIRS], [b for _, b in PAIRS]
    products = e5.encode(english + chinese)
    means = LanguageMeans.estimate(products, languages_of(english + chinese))
    centred = means.centre_texts(products, english + chinese)
    n = len(PAIRS)
    own_language = np.eye(2 * n, dtype=bool)

    def share_paired(vectors: np.ndarray) -> float:
        """How often a Chinese product's nearest neighbour, in any language, is its English twin."""
        similarity = np.where(own_language, -9.0, vectors @ vectors.T)
        return float(np.mean(similarity[n:].argmax(axis=1) == np.arange(n)))

    assert share_paired(centred) >= share_paired(products)
    assert share_paired(centred) >= 0.75


@pytest.mark.slow
def test_int8_stays_close_to_fp32(e5: E5Encoder, model_cache: Path) -> None:
    exact = E5Encoder(model_cache, precision="fp32", threads=1)
    texts = [text for pair in PAIRS for text in pair] + ["A long description of a product. " * 60]
    cosine = (exact.encode(texts) * e5.encode(texts)).sum(axis=1)
    assert cosine.min() > 0.995
    assert cosine.mean() > 0.998
    assert exact.version != e5.version


def test_known_tokens(e5: E5Encoder) -> None:
    # Ids of XLM-RoBERTa's vocabulary: begin 0, end 2; "▁Hello" 35378, "▁world" 8999.
    assert e5.tokens(["Hello world"], prefix="") == [[0, 35378, 8999, 2]]
    assert e5.tokens(["", "   "], prefix="") == [[0, 2], [0, 2]]


def test_normalisation_folds_widths_ligatures_and_spaces(e5: E5Encoder) -> None:
    plain = e5.tokens(["Nike Air 42 office"])
    assert e5.tokens(["Ｎｉｋｅ  Ａｉｒ\u00a0４２\toﬃce"]) == plain
    assert e5.tokens(["cafe\u0301"]) == e5.tokens(["café"])


def test_long_texts_are_cut(model_cache: Path) -> None:
    short = E5Encoder(model_cache, max_tokens=16, max_chunks=1, threads=1)
    assert [len(ids) for ids in short.tokens(["word " * 1000, "word"])] == [16, 5]
    assert short.encode(["word " * 100_000]).shape == (1, 384)
    assert short.version != E5Encoder(model_cache).version


def test_the_first_512_tokens_can_be_read(model_cache: Path) -> None:
    long = E5Encoder(model_cache, max_tokens=512, max_chunks=1, threads=1)
    assert len(long.tokens(["word " * 1000])[0]) == 512
    assert np.isfinite(long.encode(["word " * 1000])).all()


@pytest.mark.parametrize("settings", [{"precision": "int4"}, {"max_tokens": 4}, {"max_tokens": 513}, {"max_chunks": 0}])
def test_impossible_settings_are_refused(settings: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        E5Encoder(tmp_path, **settings)  # type: ignore[arg-type]


def test_naming_an_encoder_loads_nothing(tmp_path: Path) -> None:
    E5Encoder(tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_batches_keep_the_budget_and_every_row() -> None:
    lengths = [5, 300, 7, 7, 40, 5, 3000]
    batches = batches_by_length(lengths, 512)
    assert sorted(row for batch in batches for row in batch) == list(range(7))
    assert all(len(batch) == 1 or len(batch) * max(lengths[r] for r in batch) <= 512 for batch in batches)
    assert batches_by_length([], 512) == []


def test_features_are_of_the_text_alone_and_of_all_its_pieces(e5: E5Encoder) -> None:
    long = "Sales rose. " * 120
    texts = ["profit fell", "a much longer sentence about profit, which rose this year as everybody knows", "", long]
    vectors, features = e5.encode_features(texts)
    assert np.abs(vectors - e5.encode_queries(texts)).max() < 1e-3
    assert features.shape == (4, 768)
    assert features.dtype == np.float32
    alone = np.concatenate([e5.encode_features([text])[1] for text in texts])
    assert np.abs(alone - features).max() < 1e-3
    assert [one.shape for one in e5.encode_features([])] == [(0, 384), (0, 768)]
    assert not np.array_equal(e5.encode_features([long[:900]])[1], features[3:])  # what follows the first piece counts


def test_many_texts_have_the_vectors_that_each_has_alone(
    e5: E5Encoder, model_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Decision 29: what reads many at once may be mixed with what reads one."""
    monkeypatch.setattr("shoplens.encoders.text.has_bfloat16_tiles", lambda: True)
    quick = E5Encoder(model_cache, threads=2)
    texts = [text for pair in PAIRS for text in pair] + ["", "A long description of a product. " * 60]
    assert sum(map(len, e5.tokens(texts))) >= MANY_TOKENS
    together, (meanings, beneath) = quick.encode(texts), quick.encode_features(texts)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert (meanings * quick.encode_queries(texts)).sum(axis=1).min() > 0.9999  # the same reading
    assert beneath.shape == (len(texts), 768)
    some = [*range(8), len(texts) - 2]
    alone = np.concatenate([e5.encode([texts[row]]) for row in some])
    assert (together[some] * alone).sum(axis=1).min() > 0.997
    few = np.concatenate([e5.encode_features([texts[row]])[1] for row in some])
    assert np.corrcoef(few.ravel(), beneath[some].ravel())[0, 1] > 0.998
    assert np.abs(few - beneath[some]).mean() < 0.02

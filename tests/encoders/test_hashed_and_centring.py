from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.encoders.centring import LANGUAGES, LanguageMeans, language_of, languages_of
from shoplens.encoders.hashed import HashedNgramEncoder
from shoplens.errors import InputError


def similarity(*texts: str) -> np.ndarray:
    vectors = HashedNgramEncoder().encode(texts)
    return vectors @ vectors.T


def test_shared_words_and_typing_errors_are_near() -> None:
    found = similarity("red running shoes", "Running shoe, RED", "red runing shoes", "blue wool scarf")
    assert found[0, 1] > 0.6
    assert found[0, 2] > 0.6
    assert abs(found[0, 3]) < 0.15


def test_chinese_is_read_by_characters_and_pairs() -> None:
    found = similarity("红色跑步鞋", "跑步鞋 红色", "不锈钢厨房刀")
    assert found[0, 1] > 0.7
    assert abs(found[0, 2]) < 0.15


def test_word_order_and_repetition_matter_little() -> None:
    assert similarity("tea green", "green tea")[0, 1] > 0.99
    assert similarity("tea tea tea green", "green tea")[0, 1] > 0.85


def test_vectors_are_the_same_for_ever() -> None:
    """A changed hash would silently mix with stored tables: then `version` has to change."""
    vector = HashedNgramEncoder(size=16).encode(["green tea 绿茶"])[0]
    assert HashedNgramEncoder().version == "1-512-345"
    assert np.flatnonzero(np.abs(vector) > 1e-6).size > 4
    assert np.allclose(vector[:6], [0, 0, 0.1394, 0.1394, 0, -0.1394], atol=1e-4)


@given(st.lists(st.text(max_size=30), max_size=12))
@settings(deadline=None)
def test_any_text_has_a_unit_vector_of_its_own(texts: list[str]) -> None:
    encoder = HashedNgramEncoder(size=64)
    vectors = encoder.encode(texts)
    assert vectors.shape == (len(texts), 64)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for place, text in enumerate(texts):
        assert np.allclose(vectors[place], encoder.encode([text])[0], atol=1e-6)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("green tea", "en"), ("café crème — 100 %", "en"), ("", "en"), ("12345", "en"), ("绿茶", "zh"),
        ("耐克Nike Air Zoom Pegasus 飞马跑鞋", "zh"), ("Nike Air Zoom Pegasus running shoes (飞)", "en"),
        ("ひらがなと漢字", "other"), ("Привет мир", "other"), ("한국어 상품", "other"), ("“quoted” – dash…", "en"),
        ("红色，大号！", "zh"), ("🎁🎁", "en"), ("ชาเขียว", "other"),
    ],
)  # fmt: skip
def test_language_by_script(text: str, language: str) -> None:
    assert LANGUAGES[language_of(text)] == language


def shifted(n: int = 200, size: int = 32) -> tuple[Any, Any, Any]:
    """Two languages saying the same n things, each with its own constant shift."""
    random = np.random.default_rng(0)
    meaning = random.normal(size=(n, size))
    shift = 4 * random.normal(size=(2, size))
    vectors = np.concatenate([meaning + shift[0], meaning + shift[1]])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32), np.repeat([0, 1], n).astype(np.uint8), meaning


def test_centring_undoes_a_constant_shift() -> None:
    vectors, languages, meaning = shifted()
    n = len(meaning)
    raw = (vectors[n:] @ vectors[:n].T).argmax(axis=1)
    centred = LanguageMeans.estimate(vectors, languages).centre(vectors, languages)
    found = (centred[n:] @ centred[:n].T).argmax(axis=1)
    assert np.mean(found == np.arange(n)) > 0.95 > np.mean(raw == np.arange(n))
    assert np.allclose(np.linalg.norm(centred, axis=1), 1, atol=1e-5)


def test_few_texts_keep_their_content_and_absent_languages_have_a_mean() -> None:
    vectors, languages, _ = shifted()
    vectors, languages = vectors[:201], languages[:201]  # a single text of the second language
    means = LanguageMeans.estimate(vectors, languages)
    assert np.linalg.norm(means.centre(vectors, languages)[200]) == pytest.approx(1, abs=1e-5)
    assert np.allclose(means.means[2], vectors.mean(axis=0), atol=1e-5)
    assert not LanguageMeans.estimate(np.zeros((0, 8), np.float32), np.zeros(0, np.uint8)).means.any()


def test_a_vector_equal_to_its_mean_stays_finite() -> None:
    vectors = np.full((3, 4), 0.5, np.float32)
    means = LanguageMeans.estimate(vectors, np.zeros(3, np.uint8))
    assert np.allclose(means.centre(vectors, np.zeros(3, np.uint8)), vectors, atol=1e-6)


def test_means_are_kept(tmp_path: Path) -> None:
    vectors, languages, _ = shifted()
    means = LanguageMeans.estimate(vectors, languages)
    means.save(tmp_path / "means.npy")
    again = LanguageMeans.load(tmp_path / "means.npy")
    assert again is not None
    assert np.array_equal(again.means, means.means)
    assert LanguageMeans.load(tmp_path / "absent.npy") is None
    (tmp_path / "means.npy").write_bytes(b"broken")
    with pytest.raises(InputError, match="shoplens embed"):
        LanguageMeans.load(tmp_path / "means.npy")


def test_languages_of_many() -> None:
    assert languages_of(["tea", "绿茶", "чай"]).tolist() == [0, 1, 2]

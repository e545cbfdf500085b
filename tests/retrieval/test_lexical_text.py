"""Texts into terms, queries into words, files of synonyms, and the vocabulary's neighbours."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from shoplens.errors import ConfigurationError
from shoplens.retrieval.lexical.analyser import Analyser, squeeze
from shoplens.retrieval.lexical.chinese import Segmenter, pinyin
from shoplens.retrieval.lexical.english import base, kin, plural_like
from shoplens.retrieval.lexical.folding import fold
from shoplens.retrieval.lexical.query import MOST_CHARACTERS, MOST_WORDS, read_query
from shoplens.retrieval.lexical.synonyms import Synonyms, read_words
from shoplens.retrieval.lexical.vocabulary import Vocabulary, edits_allowed


@pytest.fixture(scope="module")
def analyser() -> Analyser:
    return Analyser(words=["优衣库"])


@settings(max_examples=400, deadline=None)
@given(text=st.text(max_size=80))
def test_terms_stand_where_they_say(analyser: Analyser, text: str) -> None:
    terms = analyser.terms(text)
    assert all(0 <= term.start < term.end <= len(text) for term in terms)
    assert all(term.text and not term.text.isspace() and " " not in term.text for term in terms)
    bases, extras = analyser.indexed(text)
    assert [term.text for term in terms if not term.extra] == bases
    assert sorted(term.text for term in terms if term.extra) == sorted(extras)
    assert [term.position for term in terms if not term.extra] == list(range(len(bases)))


@settings(max_examples=300, deadline=None)
@given(text=st.text(st.characters(exclude_characters="薴"), max_size=80))  # OpenCC: 薴 → 苧 → 苎
def test_folding_twice_is_folding_once(text: str) -> None:
    folded = fold(text)
    assert fold(folded.text).text == folded.text
    assert folded.places is None or len(folded.places) == len(folded.text)


@pytest.mark.parametrize(
    ("text", "bases", "extras"),
    [
        ("Men's T-Shirts", ["man", "t", "shirt"], ["tshirt"]),
        ("t shirt a dress", ["t", "shirt", "a", "dress"], ["tshirt"]),
        ("iPhone15 Pro", ["iphone", "15", "pro"], ["iphone15"]),
        ("WH-1000XM4", ["wh", "1000xm4"], ["wh1000xm4"]),
        ("mp3 5G 2XL ps5", ["mp3", "5", "g", "2xl", "ps5"], ["5g"]),
        ("0.5L 1,000 g", ["0.5", "l", "1000", "g"], ["0.5l", "1000g", "1kg", "500ml"]),
        ("500毫升装", ["500", "毫", "升", "装"], ["500ml"]),
        ("L'Oréal", ["loreal"], []),
        ("安裝簡單", ["安", "装", "简", "单"], ["安装", "安装简单", "简单"]),
        ("T恤女", ["t", "恤", "女"], ["t恤"]),
        ("优衣库", ["优", "衣", "库"], ["优衣库"]),
        ("x-1-2-3-4-5-6-7", ["x", "1", "2", "3", "4", "5", "6", "7"], []),
    ],
)
def test_terms_of_a_text(analyser: Analyser, text: str, bases: list[str], extras: list[str]) -> None:
    found, more = analyser.indexed(text)
    assert (found, sorted(more)) == (bases, sorted(extras))


@pytest.mark.parametrize(
    ("text", "words", "phrases", "excluded", "languages"),
    [
        ("red dress", ["red", "dress"], [], [], {"en"}),
        ('"red dress" -blue', [], [("red", "dress")], [("blue",)], {"en"}),
        ('shoes -"red dress"', ["shoe"], [], [("red", "dress")], {"en"}),
        ("「手机壳」 透明", ["透明"], [("手", "机", "壳")], [], {"zh"}),
        ("-5", ["5"], [], [], set()),
        ("the of", ["the", "of"], [], [], {"en"}),
        ("a dress for the summer", ["dress", "summer"], [], [], {"en"}),
        ("我想买一条红色的连衣裙", ["我", "红色", "连衣裙"], [], [], {"zh"}),
        ("Ｔ恤 black", ["t恤", "black"], [], [], {"en", "zh"}),
        ("shoes shoe SHOES", ["shoe"], [], [], {"en"}),
        ('55" tv', ["55", "tv"], [], [], {"en"}),
        ("", [], [], [], set()),
    ],
)
def test_queries(
    analyser: Analyser,
    text: str,
    words: list[str],
    phrases: list[tuple[str, ...]],
    excluded: list[tuple[str, ...]],
    languages: set[str],
) -> None:
    query = read_query(analyser, text)
    assert [word.term for word in query.words] == words
    assert (list(query.phrases), list(query.excluded), set(query.languages)) == (phrases, excluded, languages)
    assert all(query.text[word.start : word.end] == word.text for word in query.words)


def test_queries_are_bounded(analyser: Analyser) -> None:
    query = read_query(analyser, " ".join(f"word{k}x" for k in range(1_000)))
    assert len(query.words) == MOST_WORDS
    assert len(query.text) == MOST_CHARACTERS


def test_english_forms() -> None:
    for several, one in (("shoes", "shoe"), ("dresses", "dress"), ("batteries", "battery"), ("women", "woman")):
        assert base(several) == base(one) == one
    for word in ("glasses", "shorts", "tights", "dress", "lens", "canvas", "bus"):
        assert base(word) == word
    assert {"knitted", "knitting"} <= set(kin("knit"))
    assert "stripe" in set(kin("striped"))
    assert "cloth" not in set(kin("clothing"))
    assert plural_like("shoe", "shoess") == "shoes"
    assert plural_like("battery", "baterries") == "batteries"


def test_codes_lose_what_people_add() -> None:
    assert squeeze("SC-10/200") == squeeze("sc 10 200") == "sc10200"
    assert squeeze("04006381333931") == squeeze("4006381333931")
    assert squeeze("007") == "007"


def test_pinyin_follows_the_word() -> None:
    assert [pinyin(word) for word in ("手机", "银行", "行李", "重庆", "绿色")] == [
        "shouji", "yinhang", "xingli", "chongqing", "luse",
    ]  # fmt: skip
    assert pinyin("手x") == ""


def test_synonym_rules() -> None:
    rules = Synonyms.parse("# a shop's\nsofa, couch ，settee\n\ntv => television  # one way\n")
    assert dict(rules.others)["sofa"] == ("couch", "settee")
    assert dict(rules.others)["tv"] == ("television",)
    assert "television" not in dict(rules.others)


@pytest.mark.parametrize("line", ["alone", "a =>", "=> b", "a => b => c", "x" * 101 + ", y"])
def test_a_wrong_rule_is_named_with_its_line(line: str) -> None:
    with pytest.raises(ConfigurationError, match="synonyms, line 2"):
        Synonyms.parse(f"good, fine\n{line}")


def test_files(tmp_path: Path) -> None:
    (tmp_path / "synonyms.txt").write_text("\ufeffsofa, couch\n", encoding="utf-8")
    assert len(Synonyms.read(tmp_path / "synonyms.txt").others) == 2
    (tmp_path / "words.txt").write_text("优衣库 1000 nz\n膳魔师 # a brand\n\n优衣库\n", encoding="utf-8")
    assert read_words(tmp_path / "words.txt") == ("优衣库", "膳魔师")
    for read in (Synonyms.read, read_words):
        with pytest.raises(ConfigurationError, match="missing"):
            read(tmp_path / "missing.txt")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ConfigurationError, match="bytes"):
        Synonyms.read(tmp_path / "bytes.txt")


def test_near_words_are_all_that_are_near() -> None:
    """The comparison of letter counts, which saves most of the work, loses nothing."""
    rng = random.Random(5)
    words = sorted({"".join(rng.choices("abcdestß", k=rng.randint(3, 10))) for _ in range(1_500)})
    vocabulary = Vocabulary(words, np.ones(len(words), np.int32))
    for typed in rng.sample(words, 60):
        for edits in (1, 2):
            expected = {}
            for word in words:
                distance = OSA.distance(typed, word)
                swapped = word[0] == typed[1] and word[1] == typed[0]
                distance += word[0] != typed[0] and not swapped
                if 0 < distance <= edits and word != typed:
                    expected[word] = distance
            assert {word: distance for word, distance, _ in vocabulary.near(typed, edits)} == expected


def test_how_many_mistakes() -> None:
    assert [edits_allowed(word) for word in ("red", "shoe", "sandals", "sneakers", "a1b2c3d4", "x" * 30)] == [
        0, 1, 1, 2, 0, 0,
    ]  # fmt: skip


def test_words_that_sound_and_begin_so() -> None:
    words = sorted(["手机", "首级", "收集", "shoe", "shop"])
    vocabulary = Vocabulary(words, np.array([5, 1, 2, 9, 7], np.int32)[[0, 1, 2, 3, 4]])
    assert set(vocabulary.sounding("shouji")) == {"手机", "首级", "收集"}
    counts = [vocabulary.count(word) for word in vocabulary.sounding("shouji")]
    assert counts == sorted(counts, reverse=True)
    assert set(vocabulary.sounding_from("shouj", 9)) == {"手机", "首级", "收集"}
    assert [word for word, _ in vocabulary.beginning("sh", 1)] == ["shoe"]
    assert vocabulary.beginning("zz", 3) == []


def test_words_of_one_shop_are_not_those_of_another() -> None:
    own, plain = Segmenter(["森之鹿"]), Segmenter()
    assert [word for word, _, _ in own.words("森之鹿外套")] == ["森之鹿", "外套"]
    assert [word for word, _, _ in plain.words("森之鹿外套")] == ["森", "之", "鹿", "外套"]

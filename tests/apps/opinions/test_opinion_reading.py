"""What is read out of a post, and the detectors' promise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import nbinom

from shoplens.apps.opinions import lexicon
from shoplens.apps.opinions.aspects import Aspects
from shoplens.apps.opinions.codes import Codes
from shoplens.apps.opinions.copies import Copies, sketches
from shoplens.apps.opinions.names import Names
from shoplens.apps.opinions.statistics import tone_evidence, volume_evidence
from shoplens.apps.opinions.surges import DAY, Surges, SurgeSettings
from shoplens.apps.opinions.tone import ToneByExamples, ToneByModel, tone_columns
from shoplens.apps.opinions.topic_names import phrasings
from shoplens.apps.opinions.topics import TopicByModel, TopicByName
from shoplens.apps.opinions.vectors import Vectors, said_in
from shoplens.domain.opinions import Count, Tone, wilson
from shoplens.encoders.hashed import HashedNgramEncoder
from shoplens.errors import ConfigurationError
from shoplens.recommend.review_tone import ReviewTone


def test_each_aspect_is_blamed_by_its_own_clause() -> None:
    aspects = Aspects({"warranty": ["guarantee"]})
    found = aspects.find("The battery is terrible but I love the screen, and the guarantee is fine", 0.5)
    assert found["battery"] > 0.5 > found["screen"]
    assert found["warranty"] == 0.5, "its clause judges nothing: the whole text does"
    found = aspects.find("电池太差了，但是屏幕很清晰", 0.5)
    assert found["battery"] > 0.5 > found["screen"]


def test_names_are_found_as_they_are_written() -> None:
    names = Names.of(
        [("p1", "Acme Turbo Kettle", "Acme"), ("p2", "小米手环八代", "小米"), ("p3", "Tea", None)],
        {"person/Tim Cook": ["蒂姆库克"], "Nokia": []},
    )
    found = {
        str(one) for one in names.find("my acme turbo kettle is an Acme; tea; nokia; 小米手环八代和小米, 蒂姆库克")
    }
    assert found == {"product/p1", "brand/Acme", "product/p2", "brand/小米", "person/Tim Cook"}
    assert {str(one) for one in names.find("Nokia rose")} == {"company/Nokia"}


CODES = Codes(
    [
        ("AB-1204", "04006381333931", "XR 7", "https://www.shop.example/p/kettle/?utm_source=feed"),
        ("12", None, None, "https://shop.example/p?id=12"),
        ("13", None, "SHARED-1", "https://shop.example/p?id=13"),
        ("14", None, "SHARED-1", None),
        ("7000123", None, None, None),
    ]
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("my ab-1204 leaks", ("AB-1204",)),
        ("EAN 4006381333931 is broken, and item no. 12 too", ("AB-1204", "12")),
        ("货号：12 坏了", ("12",)),
        ("see http://shop.example/p/kettle.", ("AB-1204",)),
        (
            "see https://SHOP.example/p/kettle/?utm_campaign=x and https://shop.example/p?id=13&utm_source=y",
            ("AB-1204", "13"),
        ),
        ("I waited 12 days for order 7000123", ()),
        ("the shared-1 does not fit", ()),
        ("https://shop.example/p https://[bad/", ()),
        ("", ()),
    ],
)
def test_products_are_named_by_codes_and_addresses(text: str, found: tuple[str, ...]) -> None:
    assert CODES.find(text) == found


def test_the_oldest_sketches_are_forgotten() -> None:
    texts = [f"a text of its own about subject number {number}, {number * 7919:x}" for number in range(5)]
    marks = sketches(texts, ["en"] * 5)
    copies = Copies(most=3)
    copies.extend((number, 0, mark) for number, mark in enumerate(marks))
    assert len(copies) == 3
    assert [copies.find(mark, 0) for mark in marks] == [None, None, 2, 3, 4]
    assert copies.find(marks[4], 8 * DAY) is None, "news again after a week"


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.01, 0.6), st.floats(2.0, 500.0))
def test_evidence_is_a_fair_bet(negative: int, others: int, share: float, weight: float) -> None:
    """Under what is usual, likelihood ratios have mean 1: that is what the bound on false alarms rests on."""
    posts = negative + others
    if posts <= 25:
        from scipy.stats import betabinom

        usual = betabinom(posts, share * weight, (1 - share) * weight)
        mean = [
            sum(usual.pmf(k) * np.exp(tone_evidence(k, posts, share, weight)[one]) for k in range(posts + 1))
            for one in (0, 1)
        ]
        assert mean == pytest.approx([1.0, 1.0], rel=1e-6)
    found = tone_evidence(negative, posts, share, weight)
    more = tone_evidence(negative + 1, posts + 1, share, weight)
    assert all(after >= before - 1e-9 for before, after in zip(found, more, strict=True))


def test_volume_is_a_fair_bet_too() -> None:
    for expected, shape in ((0.3, 2.0), (4.0, 8.0)):
        usual = nbinom(shape, shape / (shape + expected))
        for one in (0, 1):
            mean = sum(usual.pmf(k) * np.exp(volume_evidence(k, expected, shape)[one]) for k in range(400))
            assert mean == pytest.approx(1.0, rel=1e-3)


def test_calm_raises_no_alarm_and_a_surge_does() -> None:
    random = np.random.default_rng(3)
    surges = Surges(SurgeSettings(window_minutes=60))
    window, found = surges.settings.window, []
    for place in range(60 * 24):
        share = 0.7 if place >= 59 * 24 else 0.2
        posts = int(random.poisson(6 + 4 * np.sin(place / 24 * 2 * np.pi)))
        counts = {"all": Count(posts, int(random.binomial(posts, share)), 0, posts)} if posts else {}
        found += [(place, one) for one in surges.close(place * window, counts)]
    (place, surge) = found[0]
    assert 59 * 24 <= place < 59 * 24 + 14
    assert (surge.series, surge.kind, surge.over) == ("all", "tone", False)


@given(st.integers(0, 50), st.integers(1, 50))
def test_wilson_holds_the_share(successes: int, failures: int) -> None:
    trials = successes + failures
    low, high = wilson(successes, trials)
    assert 0 <= low <= successes / trials <= high <= 1


class Fixed:
    """A trained model that says the same of every text."""

    classes: tuple[str, ...] = ("neg", "Positive")

    def probabilities(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return np.tile(np.array([[0.7, 0.3]], np.float32), (len(texts), 1))


def test_trained_models_and_vectors_read() -> None:
    assert ToneByModel(Fixed()).tones(["x"])[0].tolist() == pytest.approx([0.3, 0.0, 0.7])
    assert TopicByModel(Fixed(), least=0.8).topics(["x"])[0][0] is None
    with pytest.raises(ConfigurationError, match="no tone"):
        tone_columns(["angry"])
    vectors = Vectors(HashedNgramEncoder(), most=60)
    tones = ToneByExamples(vectors).tones(["Terrible quality, it broke after two days", "质量太差了，用了两天就坏了"])
    assert tones.argmax(axis=1).tolist() == [2, 2]
    assert tones.sum(axis=1) == pytest.approx(1.0)
    topics = TopicByName(vectors, {"delivery": ["the parcel arrived late"], "other": []})
    assert topics.topics(["the parcel arrived late again"])[0][0] == "delivery"
    assert topics.topics([]) == []
    assert topics.topics(["terrible, do not buy!"])[0][0] is None, "nothing in particular"


def test_bare_names_are_put_as_people_speak_of_them() -> None:
    assert phrasings("card_arrival")[:2] == ("card arrival", "a question about card arrival")
    assert phrasings("热水器")[1] == "关于热水器"
    assert phrasings("{0}")[1] == "a question about {0}", "a name with braces is no pattern"
    for sentence in (
        "battery, charge, dead",
        "My parcel has still not arrived at home",
        "电池充电很慢而且用几天就坏了",
        "",
    ):
        assert phrasings(sentence) == (sentence,)


def test_the_dial_is_off_unless_turned() -> None:
    tone = ReviewTone()
    assert tone.lifts(4) is None
    tone.put(np.array([2, 0]), np.array([0.5, 1.0], np.float32), 0.0)
    assert tone.lifts(4) is None
    tone.put(np.array([2, 0]), np.array([0.5, 1.0], np.float32), 2.0)
    lifts = tone.lifts(4)
    assert lifts is not None
    assert lifts.tolist() == [0.0, 0.0, -1.0, 0.0]
    assert {one.value for one in Tone} == {"positive", "neutral", "negative"}


class Counting(HashedNgramEncoder):
    """Counts what it is asked to read."""

    asked = 0

    def encode(self, inputs: Sequence[str]) -> npt.NDArray[np.float32]:
        self.asked += len(inputs)
        return super().encode(inputs)


def test_reposts_are_read_once_and_vectors_depend_on_the_text_alone() -> None:
    encoder = Counting()
    vectors = Vectors(encoder, most=3)
    posts = [
        "The battery died &amp; nobody helps",
        "RT @acme: The battery died & nobody helps https://t.co/x1",
        "  The battery died &  nobody helps  https://t.co/x2",
    ]
    made = vectors.encode(posts)
    assert encoder.asked == 1
    assert np.array_equal(made[0], made[1])
    assert np.array_equal(made[0], made[2])
    more = [f"another post {number}" for number in range(5)]
    assert np.array_equal(vectors.encode([*more, posts[0]])[-1], made[0])
    assert len(vectors._known) == 3
    assert said_in("https://t.co/x1") == "https://t.co/x1"
    assert said_in("write to a@b.com about art") == "write to a@b.com about art"
    assert vectors.encode([]).shape == (0, vectors.size)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("Never had any problems with it", True),
        ("No complaints so far", True),
        ("I have never been so disappointed", False),
        ("I was never more satisfied", True),
        ("Not good", False),
        ("没有一点异味", True),
        ("从来没出过问题", True),
        ("后悔没早点买", True),
        ("客服一小时就解决了问题", True),
        ("客服没解决问题", False),
        ("还不如便宜的牌子", False),
        ("公司下调预期并裁员", False),
    ],
)
def test_what_is_denied_of_trouble_is_praise(text: str, good: bool) -> None:
    praise, blame, _ = lexicon.features(text)
    assert (praise > blame) is good

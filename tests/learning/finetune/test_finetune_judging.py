"""A fine-tuned encoder is kept only where held-out products are found better, and not by chance."""

from __future__ import annotations

import numpy as np
import pytest
from tests.features.align.painted_shop import new_reader, painted_shop

from shoplens.encoders.hashed import HashedNgramEncoder
from shoplens.features.align.alignment import Photos
from shoplens.features.align.examples import Lessons
from shoplens.learning.finetune.judging import Contender, judge, sentence, verdict
from shoplens.learning.finetune.sides import held_out
from shoplens.testing.tiny_encoders import TinyPhotos


def test_a_gain_of_every_question_is_kept_and_a_loss_is_not() -> None:
    random = np.random.default_rng(0)
    before = {"photos by titles": random.uniform(0, 0.8, 200), "photos by English phrases": random.uniform(0, 0.8, 60)}
    after = {name: values + random.uniform(0.0, 0.1, len(values)) for name, values in before.items()}
    better, worse = (verdict(*sides, products=80, seed=0) for sides in ((before, after), (after, before)))
    assert better.better
    assert not worse.better
    assert better.low < better.gain < better.high
    assert "80 held-out products" in sentence(better.as_dict())


def test_a_gain_that_chance_explains_is_not_kept() -> None:
    random = np.random.default_rng(1)
    before = {"photos by titles": random.uniform(0, 1, 50)}
    after = {"photos by titles": random.permutation(before["photos by titles"])}
    found = verdict(before, after, products=50, seed=0)
    assert found.low < 0 < found.high
    assert not found.better
    assert not verdict({}, {}, products=0, seed=0).better


@pytest.mark.slow
def test_an_encoder_that_sees_is_better_than_one_that_is_blind_and_never_the_other_way() -> None:
    lessons, _ = painted_shop(430, seed=5)
    noise = np.random.default_rng(0).normal(size=lessons.photos.image.shape).astype(np.float32)
    blind = Lessons(Photos(noise, None), lessons.has_photo, lessons.titles, lessons.values)
    before, after = (Contender(new_reader(), TinyPhotos(), one) for one in (blind, lessons))
    held = held_out(lessons.titles, lessons.values)
    found = judge(before, after, held, seed=0, titles=True, tell=lambda *_: None)
    assert isinstance(before.reader.encoder, HashedNgramEncoder)
    assert found.better
    assert found.kinds["photos by English phrases"].after > 0.8
    assert found.kinds["photos by English phrases"].low > 0
    # Titles are read by the same encoder on both sides: nothing is gained there.
    assert found.kinds["titles by English phrases"].after == found.kinds["titles by English phrases"].before

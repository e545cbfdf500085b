"""Recognising products in shoppers' photos: with pictures only, with labelled photos, and everything between."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from tests.features.recognise_data import IDS, drawn, pictures, reader, snaps

from shoplens.errors import InputError
from shoplens.features.recognise import Learning, Recogniser


@pytest.fixture(scope="module")
def trained() -> Recogniser:
    photos, labels = snaps(6, 1)
    return Recogniser.fit(reader(), Learning(IDS, pictures(), photos, labels))


@pytest.fixture(scope="module")
def one_shot() -> Recogniser:
    return Recogniser.fit(reader(), Learning(IDS, pictures(), scenes_each=8, seed=3))


def first(recogniser: Recogniser, photos: list[Image.Image], labels: list[str]) -> float:
    return float(np.mean([best[0][0] == label for best, label in zip(recogniser.rank(photos, 1), labels, strict=True)]))


def test_labelled_photos_teach_what_to_look_at(trained: Recogniser) -> None:
    assert first(trained, *snaps(3, 2)) > 0.8


def test_pictures_alone_beat_chance_by_far(one_shot: Recogniser) -> None:
    assert first(one_shot, *snaps(3, 2)) > 0.5  # chance is 1 in 18


def test_ranks_and_scores_agree(trained: Recogniser) -> None:
    photos, _ = snaps(1, 5)
    scores = trained.scores(photos)
    assert scores.shape == (len(photos), len(IDS))
    assert np.allclose(scores.mean(1), 0, atol=1e-3)
    for line, best in zip(scores, trained.rank(photos, 4), strict=True):
        assert [score for _, score in best] == sorted(line.tolist(), reverse=True)[:4]
        assert best[0][0] == IDS[int(line.argmax())]
    assert trained.rank([], 4) == []
    assert len(trained.rank(photos[:1], 100)[0]) == len(IDS)


def test_products_without_photos_are_recognised_by_their_pictures() -> None:
    photos, labels = snaps(6, 1, IDS[4:])
    recogniser = Recogniser.fit(reader(), Learning(IDS, pictures(), photos, labels))
    assert first(recogniser, *snaps(5, 2, IDS[:4])) > 0.4
    assert first(recogniser, *snaps(3, 2, IDS[4:])) > 0.8


def test_products_without_anything_come_last_and_break_nothing() -> None:
    ids = IDS[:6]
    shown: list[Image.Image | None] = [*pictures()[:4], None, None]
    photos, labels = snaps(4, 1, ids[:4])
    for learning in (Learning(ids, shown, photos, labels), Learning(ids, shown, scenes_each=4)):
        ranked = Recogniser.fit(reader(), learning).rank(photos[:3], len(ids))
        assert all({item_id for item_id, _ in line[-2:]} == set(ids[4:]) for line in ranked)


def test_photos_without_pictures_are_enough() -> None:
    photos, labels = snaps(6, 1)
    recogniser = Recogniser.fit(reader(), Learning(IDS, [None] * len(IDS), photos, labels))
    assert first(recogniser, *snaps(2, 2)) > 0.8


def test_a_product_with_one_photo_and_one_product_alone() -> None:
    photos, labels = snaps(1, 1)
    assert first(Recogniser.fit(reader(), Learning(IDS, pictures(), photos, labels)), *snaps(2, 2)) > 0.3
    lonely = Recogniser.fit(reader(), Learning(["a"], [drawn(IDS[0])]))
    assert lonely.rank([drawn(IDS[1])])[0][0][0] == "a"


def test_unlabelled_photos_help_or_are_too_few_to_count(one_shot: Recogniser) -> None:
    photos, labels = snaps(4, 2)
    seen, _ = snaps(4, 9)
    assert one_shot.adapted(seen[:10]) is one_shot
    adapted = one_shot.adapted(seen)
    assert adapted.usual is not None
    assert first(adapted, photos, labels) >= first(one_shot, photos, labels) - 0.05


def test_what_cannot_be_learnt_from_is_refused() -> None:
    with pytest.raises(InputError, match="neither"):
        Recogniser.fit(reader(), Learning(IDS, [None] * len(IDS)))
    with pytest.raises(InputError, match="'elephant', which is not in the catalogue"):
        Recogniser.fit(reader(), Learning(IDS, pictures(), [drawn(IDS[0])], ["elephant"]))
    with pytest.raises(InputError, match="1 photos have 2 labels"):
        Recogniser.fit(reader(), Learning(IDS, pictures(), [drawn(IDS[0])], IDS[:2]))


def test_learning_twice_gives_the_same() -> None:
    one, other = (Recogniser.fit(reader(), Learning(IDS[:4], pictures()[:4], scenes_each=3, seed=3)) for _ in range(2))
    photos, _ = snaps(1, 2)
    assert np.array_equal(one.scores(photos), other.scores(photos))


def test_pictures_are_read_one_at_a_time_and_progress_is_told() -> None:
    open_now: list[int] = []

    def opened() -> Iterator[Image.Image | None]:
        for picture in pictures()[:4]:
            open_now.append(1)
            yield picture

    told: list[int] = []
    Recogniser.fit(reader(), Learning(IDS[:4], opened(), scenes_each=5, progress=told.append))
    assert len(open_now) == 4
    assert told == sorted(told)
    assert told[-1] == 4 * 6  # a picture and 5 scenes each

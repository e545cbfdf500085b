from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest
from tests.features.align.painted_shop import Painted, new_reader, painted_shop

from shoplens.errors import InputError, ModelFileError, NotFoundError
from shoplens.features.align import versions
from shoplens.features.align.alignment import Photos
from shoplens.features.align.contrastive import Space
from shoplens.features.align.examples import Lessons
from shoplens.features.align.training import PHOTO, train_alignment

LEARNT = versions.Learnt("hashed-ngrams/1-256-345", "grey/1", "colour/1")


def precision(painted: Painted, query: str, kind: str | None, colour: str | None) -> float:
    """Share of right answers among the first five unseen photos."""
    best = np.argsort(-painted.alignment.scores([query], painted.unseen.photos)[0])[:5]
    right = [
        (kind is None or painted.truth[row, 0] == kind) and (colour is None or painted.truth[row, 1] == colour)
        for row in best
    ]
    return float(np.mean(right))


@pytest.mark.parametrize(
    ("query", "kind", "colour"),
    [
        ("red handbag", "Handbags", "Red"),
        ("navy belt", "Belts", "Navy Blue"),
        ("yellow cap", "Caps", "Yellow"),
        ("green", None, "Green"),
        ("红色手提包", "Handbags", "Red"),
        ("藏青色皮带", "Belts", "Navy Blue"),
        ("綠色的帽子", None, "Green"),  # traditional letters
    ],
)
def test_unseen_photos_are_found_by_words(painted: Painted, query: str, kind: str | None, colour: str | None) -> None:
    assert precision(painted, query, kind, colour) >= 0.8


def test_the_report_says_what_was_learnt(painted: Painted) -> None:
    assert painted.report.facets == {"category 1": 3, "colour": 4}  # article numbers are no facet
    assert painted.report.accuracy["colour"] > 0.9
    assert set(painted.report.aligned) == {"en", "zh", "title"}
    assert painted.report.aligned["en"].hit > 0.9
    assert orjson.loads(orjson.dumps(painted.report.as_dict()))["pairs"] == 360


def test_the_dot_product_is_a_lower_bound_of_the_exact_score(painted: Painted) -> None:
    words = ["red handbag", "something nice", "蓝色"]
    photos, texts = painted.alignment.photo_vectors(painted.unseen.photos), painted.alignment.text_vectors(words)
    assert photos.shape == (90, painted.alignment.size)
    assert texts.shape == (3, painted.alignment.size)
    exact = painted.alignment.rescore(texts, photos)
    assert (texts @ photos.T <= exact + 1e-3).all()
    assert np.allclose(exact, painted.alignment.scores(words, painted.unseen.photos))


def test_one_photo_says_the_same_alone_and_among_others(painted: Painted) -> None:
    every = painted.alignment.photo_vectors(painted.unseen.photos)
    alone = painted.alignment.photo_vectors(painted.unseen.photos.take(np.array([5])))
    assert np.allclose(alone[0], every[5], atol=1e-4)


def test_the_same_products_and_seed_give_the_same_alignment(painted: Painted) -> None:
    again, _ = train_alignment(painted.lessons, new_reader(), members=1)
    assert np.array_equal(
        again.photo_vectors(painted.unseen.photos), painted.alignment.photo_vectors(painted.unseen.photos)
    )
    assert np.array_equal(again.text_vectors(["red cap"]), painted.alignment.text_vectors(["red cap"]))


def test_it_comes_back_from_disk_as_it_was(painted: Painted, tmp_path: Path) -> None:
    name = versions.publish(tmp_path / "alignment", painted.alignment, LEARNT, painted.report.as_dict())
    folder = versions.current(tmp_path / "alignment")
    assert folder is not None
    assert folder.name == name
    back = versions.load_alignment(folder, painted.alignment.reader.encoder)
    texts = ["red handbag", "藏青色皮带", "Quint"]
    assert np.array_equal(
        back.scores(texts, painted.unseen.photos), painted.alignment.scores(texts, painted.unseen.photos)
    )
    assert versions.learnt_from(folder) == LEARNT


@pytest.mark.parametrize("file", [versions.FACTS, versions.NUMBERS])
def test_an_altered_file_is_refused(painted: Painted, tmp_path: Path, file: str) -> None:
    folder = tmp_path / "one"
    versions.save_alignment(folder, painted.alignment, LEARNT, {})
    content = bytearray((folder / file).read_bytes())
    place = content.index(b"Handbags") if file == versions.FACTS else len(content) - 7
    content[place] ^= 1
    (folder / file).write_bytes(content)
    with pytest.raises(ModelFileError):
        versions.load_alignment(folder, painted.alignment.reader.encoder)


def test_texts_of_another_encoder_are_refused(painted: Painted, tmp_path: Path) -> None:
    versions.save_alignment(tmp_path / "one", painted.alignment, replace(LEARNT, text="e5-small/1"), {})
    with pytest.raises(ModelFileError, match="e5-small/1"):
        versions.load_alignment(tmp_path / "one", painted.alignment.reader.encoder)


def test_versions_lie_side_by_side_and_a_switch_names_one(painted: Painted, tmp_path: Path) -> None:
    home = tmp_path / "alignment"
    assert versions.current(home) is None
    first = versions.publish(home, painted.alignment, LEARNT, {})
    second = versions.publish(home, painted.alignment, LEARNT, {})
    assert versions.current(home) == home / second
    versions.switch(home, first)
    versions.prune(home, keep=1)
    assert versions.current(home) == home / first
    assert (home / second).is_dir()  # the latest stays, and so does the one that answers
    with pytest.raises(NotFoundError):
        versions.switch(home, "..")
    versions.withdraw(home)
    assert versions.current(home) is None


def test_too_few_pairs_are_refused_with_a_reason() -> None:
    lessons, _ = painted_shop(40)
    with pytest.raises(InputError, match="40 products have a photo and a text"):
        train_alignment(lessons, new_reader())


def test_products_without_photo_title_or_attributes_are_fine() -> None:
    lessons, _ = painted_shop(380, seed=3)
    has = np.arange(380) % 8 != 0
    image = np.where(has[:, None], lessons.photos.image, 0).astype(np.float32)
    titles = ["" if row % 5 == 0 else title for row, title in enumerate(lessons.titles)]
    values = [{} if row % 7 == 0 else one for row, one in enumerate(lessons.values)]
    patchy = Lessons(Photos(image, None), has, titles, values)
    alignment, report = train_alignment(patchy, new_reader(), members=1)
    assert report.aligned["en"].hit > 0.5
    assert alignment.colour_size == 0
    assert np.isfinite(alignment.photo_vectors(patchy.photos)).all()


def test_titles_alone_are_enough_and_several_networks_are_put_together(tmp_path: Path) -> None:
    lessons, _ = painted_shop(320, seed=4)
    bare = Lessons(lessons.photos, lessons.has_photo, lessons.titles, [{} for _ in lessons.titles])
    alignment, report = train_alignment(bare, new_reader(), members=2)
    assert list(report.facets) == ["like titles"]
    assert report.aligned["title"].mrr > 0.05  # by chance .03 of 70
    assert (len(alignment.photo_networks), len(alignment.text_networks)) == (2, 2)
    assert alignment.space.inputs == 2 * PHOTO.units, "both networks' hidden units"
    vectors = alignment.photo_vectors(lessons.photos)
    assert vectors.shape == (len(lessons.photos), alignment.size)
    first = replace(alignment, space=Space(alignment.space.photo[: PHOTO.units], alignment.space.text))
    assert first.photo_vectors(lessons.photos).shape == vectors.shape, "as it was with one network"
    versions.publish(tmp_path, alignment, LEARNT, {})
    back = versions.load_alignment(versions.current(tmp_path) or tmp_path, alignment.reader.encoder)
    assert np.array_equal(back.photo_vectors(lessons.photos), vectors)

"""Which products judge, and what is said of products."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.features.align.painted_shop import new_reader, painted_shop

from shoplens.features.align.examples import Material
from shoplens.features.align.lexicon import built_in
from shoplens.learning.finetune.sayings import Sayings
from shoplens.learning.finetune.sides import checked, held_out, part

TITLES = st.lists(st.text(max_size=12), min_size=1, max_size=30)


@given(TITLES, st.randoms(use_true_random=False))
def test_a_product_judges_whatever_stands_beside_it(titles: list[str], random: object) -> None:
    values = [{"colour": (title[:1] or "none",)} for title in titles]
    rows = held_out(titles, values)
    assert [bool(held_out([title], [said])[0]) for title, said in zip(titles, values, strict=True)] == rows.tolist()


@given(st.text(min_size=1, max_size=20))
def test_equal_titles_are_on_one_side(title: str) -> None:
    rows = held_out([title, title], [{"colour": ("red",)}, {}])
    assert rows[0] == rows[1]


def test_about_a_fifth_judges_and_a_tenth_of_the_rest_stops() -> None:
    titles = [f"product {row}" for row in range(5_000)]
    judging, stopping = held_out(titles, [{}] * 5_000), checked(titles, [{}] * 5_000)
    assert 0.18 < judging.mean() < 0.22
    assert 0.08 < stopping[~judging].mean() < 0.12


def gathered() -> tuple[Sayings, Material]:
    lessons, _ = painted_shop(200)
    rows = ~held_out(lessons.titles, lessons.values)
    random = np.random.default_rng(0)
    material = Material.gather(part(lessons, rows), built_in(), new_reader(), random, lambda *_: None)
    return Sayings.gather(material, random), material


def test_sayings_belong_to_their_products_and_no_one_is_learnt_from_and_checked() -> None:
    sayings, material = gathered()
    assert not set(sayings.learn) & set(sayings.check)
    assert len(sayings.learn) + len(sayings.check) == len(material.lessons.titles)
    random = np.random.default_rng(1)
    for products in sayings.batches(material.inputs, 16, random):
        assert len(set(products.tolist())) == 16
        chosen = sayings.of(products, random)
        right = sayings.right(chosen, products)
        assert right.any(1).all()  # every text has an answer, every photo a text
        assert right.any(0).all()
        own = sayings.owner[chosen][:, None] == products[None]
        assert (right | ~own).all()
    titled = [row for row in range(len(sayings.text)) if (sayings.asks[row] < 0).all()]
    for row in titled[:20]:
        assert sayings.texts[sayings.text[row]] == material.lessons.titles[sayings.owner[row]]


def test_vectors_of_sayings_are_those_of_their_texts() -> None:
    sayings, material = gathered()
    np.testing.assert_allclose(sayings.vectors[:20], material.reader.read(sayings.texts[:20]), atol=1e-6)

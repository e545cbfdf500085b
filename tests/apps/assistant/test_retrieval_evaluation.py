"""Retrieval is measured against sources that are named in several ways; what no document has is an error."""

from __future__ import annotations

import pytest

from shoplens.apps.assistant.intents.examples import Example, columns_of, example_of
from shoplens.apps.assistant.knowledge.index import Knowledge
from shoplens.apps.assistant.knowledge.passages import Passage
from shoplens.apps.assistant.retrieval_evaluation import retrieval_figures
from shoplens.encoders.hashed import HashedNgramEncoder
from shoplens.errors import InputError

KNOWLEDGE = Knowledge(
    [
        Passage("p.md#1", "p.md", ("Terms", "Returns"), "You can return unused products within 30 days.", 1),
        Passage("p.md#2", "p.md", ("Terms", "Delivery: costs"), "Standard delivery costs two euros.", 2),
        Passage("f.csv#1", "f.csv", ("Do you gift-wrap?",), "Yes, in green paper.", 2),
    ],
    HashedNgramEncoder(),
)


@pytest.mark.parametrize(
    "source",
    ["p.md", "p.md: returns", "Returns", "terms › returns", "f.csv | p.md: Returns", "p.md:Returns"],
)
def test_a_source_names_passages(source: str) -> None:
    figures = retrieval_figures(KNOWLEDGE, [Example("return unused products within 30 days", source=source)])
    assert [figures[f"retrieval {name}"].value for name in ("recall@1", "recall@3", "mrr")] == [1, 1, 1]


def test_ranks_below_the_first_count_less() -> None:
    asked = [
        Example("return unused products within 30 days", source="f.csv"),  # the last of three
        Example("standard delivery costs", source="Delivery: costs"),
    ]
    figures = retrieval_figures(KNOWLEDGE, asked)
    assert figures["retrieval recall@1"].value == 0.5
    assert figures["retrieval recall@3"].value == 1.0
    mrr = figures["retrieval mrr"]
    assert mrr.value == pytest.approx((1 / 3 + 1) / 2, abs=0.09)
    low, high = mrr.as_dict()["interval"]
    assert low <= mrr.as_dict()["value"] <= high
    assert figures["retrieval recall@3"].as_dict()["gain"][0] >= 0
    assert retrieval_figures(KNOWLEDGE, asked) == figures


def test_sources_that_do_not_exist_are_named() -> None:
    with pytest.raises(InputError, match=r"nowhere\.md: Refunds"):
        retrieval_figures(KNOWLEDGE, [Example("x", source="p.md"), Example("x", source="nowhere.md: Refunds")])


def test_a_column_that_says_something_else_measures_nothing() -> None:
    for knowledge in (KNOWLEDGE, None):
        (figure,) = retrieval_figures(knowledge, [Example("x", source="e-mail")]).values()
        assert figure.value is None
    assert retrieval_figures(None, [Example("x")]) == {}


def test_the_column_has_several_names() -> None:
    row = {"question": "how?", "Heading": " Returns "}
    found = example_of(row, columns_of(list(row)))
    assert isinstance(found, Example)
    assert found.source == "Returns"

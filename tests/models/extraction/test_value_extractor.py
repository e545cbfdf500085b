from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.errors import BundleError, ConfigurationError
from shoplens.models.extraction import Example, ExtractorSettings, ValueExtractor
from shoplens.models.extraction.memory import Memory, ValueFinder
from shoplens.models.extraction.tokens import Tokens, shape_of

QUICK = ExtractorSettings(folds=2, trees=30, leaves=7)


def _titles() -> list[Example]:
    """Shoes and lures: brands first, colours and lengths anywhere; a few were asked for a colour and have none."""
    random = np.random.default_rng(3)
    examples = []
    for brand, colour in product(("Nordwind", "Acme", "Kestrel", "Bluebird"), ("red", "navy blue", "黑色", "green")):
        size = int(random.integers(36, 47))
        examples.append(
            Example(
                f"{brand} {colour} running shoes size {size}",
                "Shoes",
                {"Brand": (brand,), "Color": (colour,), "Size": (str(size),)},
            )
        )
        length = f"{int(random.integers(3, 20)) * 5}mm"
        examples.append(
            Example(f"{brand} hard bait {length} minnow", "Lure", {"Brand": (brand,), "Length": (length,), "Color": ()})
        )
    return examples


@pytest.fixture(scope="module")
def extractor() -> ValueExtractor:
    return ValueExtractor.fit(_titles(), QUICK)


def test_values_are_found_where_they_stand(extractor: ValueExtractor) -> None:
    title = "Kestrel navy blue running shoes size 41"
    (found,) = extractor.extract([title], ["Shoes"])
    assert found["Brand"].value == "Kestrel"
    assert found["Color"].value == "navy blue"
    assert found["Size"].value == "41"
    assert all(title[one.start : one.end] == one.value for one in found.values())
    assert found["Color"].probability > 0.5


def test_a_length_never_seen_is_found_by_its_shape(extractor: ValueExtractor) -> None:
    (found,) = extractor.extract(["Acme hard bait 7mm minnow"], ["Lure"])
    assert found["Length"].value == "7mm"
    assert "Size" not in found, "no lure was asked for a size"


def test_a_new_category_is_answered_from_all(extractor: ValueExtractor) -> None:
    (found,) = extractor.extract(["Bluebird green tent"], ["Tents"])
    assert found["Color"].value == "green"


@pytest.mark.parametrize("title", ["", "   ", "!!!", "a", "İstanbul red", "红黑色"])
def test_strange_titles_are_answered(extractor: ValueExtractor, title: str) -> None:
    (found,) = extractor.extract([title], ["Shoes"])
    assert all(title[one.start : one.end] == one.value for one in found.values())


def test_what_is_saved_answers_the_same(extractor: ValueExtractor, tmp_path: Path) -> None:
    extractor.save(tmp_path)
    again = ValueExtractor.load(tmp_path)
    titles = ["Nordwind 黑色 running shoes size 39", "Acme green thing"]
    one, other = (each.extract(titles, ["Shoes", "Lure"]) for each in (extractor, again))
    for mine, theirs in zip(one, other, strict=True):
        assert {name: found.value for name, found in mine.items()} == {
            name: found.value for name, found in theirs.items()
        }
        for name, found in mine.items():
            assert found.probability == pytest.approx(theirs[name].probability, abs=0.02), "weights are kept in halves"


def test_a_damaged_extractor_is_refused(extractor: ValueExtractor, tmp_path: Path) -> None:
    extractor.save(tmp_path)
    told = json.loads((tmp_path / "extractor.json").read_text())
    (tmp_path / "extractor.json").write_text(json.dumps(told | {"features": ["other"]}))
    with pytest.raises(BundleError, match="another version"):
        ValueExtractor.load(tmp_path)
    (tmp_path / "extractor.json").unlink()
    with pytest.raises(BundleError, match="train again"):
        ValueExtractor.load(tmp_path)


def test_too_few_titles_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="fewer than"):
        ValueExtractor.fit(_titles()[:5], QUICK)


def test_memory_counts_what_titles_say() -> None:
    examples = [Example("red red shoe", "s", {"c": ("red",)}), Example("blue shoe, not red", "s", {"c": ("blue",)})]
    memory = Memory.of(examples, [Tokens(one.title) for one in examples])
    known, _ = memory.of_category("s")
    (red,) = known.values["red"]
    assert (red.count, red.seen) == (1, 2)
    assert memory.of_category("unknown")[0].titles == 2


def test_shapes_tell_kinds_of_values_apart() -> None:
    assert shape_of("40mm") == shape_of("55mm") == "9mm"
    assert shape_of("Nike") == shape_of("Adidas") != shape_of("nike")
    assert shape_of("YA24a") == "AA9a"


@given(st.text(max_size=40))
def test_tokens_lie_in_the_text(text: str) -> None:
    tokens = Tokens(text)
    assert len(tokens.folded) == len(text)
    for start, end, word in zip(tokens.starts, tokens.ends, tokens.words, strict=True):
        assert tokens.folded[start:end] == word
        assert word.strip()


@given(st.text("abc", max_size=12), st.sets(st.text("abc", min_size=1, max_size=5), max_size=6))
def test_the_finder_finds_every_place(text: str, values: set[str]) -> None:
    expected = {
        (start, start + len(value)) for value in values for start in range(len(text)) if text.startswith(value, start)
    }
    assert set(ValueFinder(values).find(text)) == expected

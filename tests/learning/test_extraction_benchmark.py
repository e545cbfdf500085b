from __future__ import annotations

import json
from pathlib import Path

import pytest

from shoplens.errors import FormatError
from shoplens.learning.extraction import look_up, read_examples
from shoplens.learning.extraction_figures import judge, judge_by_attribute, judge_openly
from shoplens.models.extraction import Example

ASKED = [
    Example("Acme red shoe", "Shoes", {"Brand": ("Acme",), "Color": ("red", "shoe"), "Size": ()}),
    Example("blue shoe", "Shoes", {"Color": ("blue",)}),
]


def test_attributes_that_were_asked_for_are_counted() -> None:
    figures = judge(ASKED, [{"Brand": "Acme", "Color": "red", "Size": "9", "Season": "summer"}, {}])
    assert (figures.correct, figures.answered, figures.wanted) == (2, 3, 3)
    assert figures.precision == pytest.approx(2 / 3)
    assert figures.recall == pytest.approx(2 / 3)


def test_attributes_are_counted_apart() -> None:
    found = judge_by_attribute(ASKED, [{"Brand": "Acme", "Color": "red", "Size": "9"}, {"Color": "red"}])
    assert list(found) == ["Color", "Brand", "Size"]
    assert found["Color"].as_dict() == {"precision": 0.5, "recall": 0.5, "f1": 0.5}
    assert (found["Size"].correct, found["Size"].answered, found["Size"].wanted) == (0, 1, 0)


def test_openly_every_pair_counts() -> None:
    figures = judge_openly(ASKED, [{"Brand": "Acme", "Color": "red", "Season": "summer"}, {"Color": "red"}])
    assert (figures.correct, figures.answered, figures.wanted) == (2, 4, 4)
    assert figures.f1 == pytest.approx(0.5)


def test_nothing_answered_is_zero() -> None:
    assert judge(ASKED, [{}, {}]).as_dict("micro") == {"micro_precision": 0, "micro_recall": 0, "micro_f1": 0}


def test_the_baseline_looks_the_longest_value_up() -> None:
    train = [Example("", "Shoes", {"Color": ("red",)}), Example("", "Shoes", {"Color": ("dark red",)})]
    held = [Example("dark red shoe", "Shoes", {}), Example("red", "Hats", {})]
    assert look_up(train, held) == [{"Color": "dark red"}, {}]


def test_files_are_read_and_bad_lines_named(tmp_path: Path) -> None:
    file = tmp_path / "titles.jsonl"
    row = {"input": "Acme", "category": "c", "target_scores": {"Brand": {" Acme": 1}, "Size": {"n/a": 1}}}
    file.write_text(json.dumps(row) + "\n\n", encoding="utf-8")
    assert read_examples(file) == [Example("Acme", "c", {"Brand": ("Acme",), "Size": ()})]
    file.write_text(json.dumps(row) + '\n{"input": "x"}\n', encoding="utf-8")
    with pytest.raises(FormatError, match="line 2"):
        read_examples(file)
    file.write_text('{"input": null, "category": "c", "target_scores": {}}', encoding="utf-8")
    with pytest.raises(FormatError, match="line 1"):
        read_examples(file)
    file.write_text("", encoding="utf-8")
    with pytest.raises(FormatError, match="no titles"):
        read_examples(file)


def test_a_title_with_a_line_separator_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "titles.jsonl"
    row = {"input": "Acme\u2028red", "category": "c", "target_scores": {"Color": {"red": 1, "blue": 0}}}
    file.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    assert read_examples(file) == [Example("Acme\u2028red", "c", {"Color": ("red",)})]

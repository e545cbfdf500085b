"""Sentences in CoNLL columns."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.domain.tagging import TaggedSentence, label_set, labels_of, spans_of
from shoplens.errors import FormatError, NotFoundError
from shoplens.ingest.tagged import read_tagged

LABELS = st.lists(st.sampled_from(["O", "B-A", "I-A", "B-B", "I-B"]), max_size=12)


@given(LABELS)
def test_labels_and_spans_say_the_same(labels: list[str]) -> None:
    spans = spans_of(labels)
    proper = labels_of(spans, len(labels))
    assert spans_of(proper) == spans
    assert [one == "O" for one in proper] == [one == "O" for one in labels]
    for before, label in zip(("O", *proper), proper, strict=False):
        assert not label.startswith("I-") or before[2:] == label[2:]


@pytest.mark.parametrize(
    "lines",
    [
        "-DOCSTART- O\n\nBlue NNP B-X\nPeak NNP I-X\nlamp NN B-Y\n\n\nso RB O\n",
        "\ufeffBlue I-X\nPeak I-X\nlamp I-Y\n\nso O",
        "Blue B-X\nPeak E-X\nlamp S-Y\n\nso O\n",
        "Blue B-X\r\nPeak L-X\r\nlamp U-Y\r\n\r\nso O\r\n",
    ],
)
def test_all_schemes_become_one(tmp_path: Path, lines: str) -> None:
    (tmp_path / "a.txt").write_bytes(lines.encode())
    assert read_tagged(tmp_path / "a.txt") == [
        TaggedSentence(("Blue", "Peak", "lamp"), ("B-X", "I-X", "B-Y")),
        TaggedSentence(("so",), ("O",)),
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"a O\nb\n", "line 2: 'b' has no label"), (b"a X-Y\n", "line 1: label 'X-Y'"), (b"a B-\n", "line 1"),
     (b"\n\n", "no sentences"), (b"\xff\xfe O\n", "not UTF-8")],
)  # fmt: skip
def test_what_is_no_such_file_is_refused_by_line(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(FormatError, match=reason):
        read_tagged(tmp_path / "a.txt")
    with pytest.raises(NotFoundError, match="CoNLL"):
        read_tagged(tmp_path / "b.txt")


def test_a_wide_space_is_a_character_with_a_label(tmp_path: Path) -> None:
    file = tmp_path / "zh.txt"
    file.write_text("\u3000 B-MISC\r\n\u3000 I-MISC\r\n编\tO\r\n  \r\n著 O\r\n", encoding="utf-8")
    assert [sentence.units for sentence in read_tagged(file)] == [("\u3000", "\u3000", "编"), ("著",)]


def test_labels_of_kinds() -> None:
    assert label_set(["B", "A", "B"]) == ("O", "B-A", "I-A", "B-B", "I-B")

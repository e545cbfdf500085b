"""Marked sentences as annotation tools and data sets write them, and what becomes of rows that cannot be used."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.domain.tagging import TaggedSentence, spans_of
from shoplens.errors import FormatError, InputError, NotFoundError
from shoplens.ingest.report import IngestReport
from shoplens.learning.tagging.examples import OVERLAPS, needed_part, part_of, read_marked
from shoplens.learning.tagging.marked_rows import Mark, MarkedText
from shoplens.learning.tagging.marked_text import TWICE, UTF16, WIDENED, cut_marked

TEXT = "Blue Peak lamp"
SENTENCE = TaggedSentence(("Blue", "Peak", "lamp"), ("B-X", "I-X", "B-Y"))
SPANS = [{"start": 0, "end": 9, "label": "X"}, {"start": 10, "end": 14, "label": "Y"}]
VALUES = [{"value": {"start": one["start"], "end": one["end"], "labels": [one["label"]]}} for one in SPANS]


def read(tmp_path: Path, *rows: object, characters: bool | None = None) -> tuple[list[TaggedSentence], IngestReport]:
    file, account = tmp_path / "a.jsonl", IngestReport()
    file.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in rows), encoding="utf-8")
    return read_marked(file, account, characters=characters), account


@pytest.mark.parametrize(
    "row",
    [
        {"text": TEXT, "entities": SPANS},
        {"text": TEXT, "spans": SPANS, "tokens": [{"text": "Blue"}], "answer": "accept"},
        {"text": TEXT, "label": [[0, 9, "X"], [10, 14, "Y"]]},
        {
            "text": TEXT,
            "entities": [{"start_offset": s["start"], "end_offset": s["end"], "label": s["label"]} for s in SPANS],
        },
        {"text": TEXT, "label": [{"start": s["start"], "end": s["end"], "labels": [s["label"]]} for s in SPANS]},
        {
            "text": TEXT,
            "entities": [{"start": s["start"], "end": s["end"], "kind": s["label"], "score": 1} for s in SPANS],
        },
        [TEXT, {"entities": [[0, 9, "X"], [10, 14, "Y"]]}],
        {"data": {"text": TEXT}, "annotations": [{"was_cancelled": True}, {"result": VALUES}]},
        {"tokens": ["Blue", "Peak", "lamp"], "ner_tags": ["B-X", "I-X", "B-Y"]},
        {"tokens": ["Blue", "Peak", "lamp"], "tags": ["I-X", "I-X", "S-Y"]},
    ],
)
def test_every_form_says_the_same(tmp_path: Path, row: object) -> None:
    sentences, account = read(tmp_path, row)
    assert (sentences, account.accepted, account.refused) == ([SENTENCE], 1, 0)
    (tmp_path / "list.json").write_text("\ufeff" + json.dumps([row, row], indent=1), encoding="utf-8")
    assert read_marked(tmp_path / "list.json", IngestReport()) == [SENTENCE, SENTENCE]
    (tmp_path / "b.txt").write_bytes(f"{json.dumps(row)}\r\n\r\n{json.dumps(row)}\r\n".encode("utf-16"))
    assert read_marked(tmp_path / "b.txt", IngestReport()) == [SENTENCE, SENTENCE]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{", "not JSON"),
        ("3", "not an object"),
        ({"text": " ", "entities": []}, "no text"),
        ({"text": TEXT}, "no list of entities"),
        ({"text": TEXT, "entities": SPANS, "answer": "reject"}, "reject"),
        ({"text": TEXT, "entities": [[0, 99, "X"]]}, "beyond its text"),
        ({"text": TEXT, "entities": [[4, 5, "X"]]}, "empty"),
        ({"text": TEXT, "entities": [[-4, 4, "X"]]}, "beyond"),
        ({"text": TEXT, "entities": [["0", 4, "X"]]}, "whole numbers"),
        ({"text": TEXT, "entities": [[0, 4, ""]]}, "no label"),
        ({"text": TEXT, "entities": ["X"]}, "neither"),
        ({"text": TEXT, "entities": [{"start": 1, "end": 5, "label": "X", "text": "Blue"}]}, "not what stands"),
        ({"data": {"text": TEXT}, "annotations": []}, "nobody"),
        ({"tokens": ["a", "b"], "ner_tags": ["O"]}, "equally many"),
        ({"tokens": ["a"], "ner_tags": [3]}, "int2str"),
        ({"tokens": ["a"], "ner_tags": ["X"]}, "I-KIND"),
        ({"tokens": [" "], "ner_tags": ["O"]}, "empty"),
        ('{"tokens": ["\\ud800"], "ner_tags": ["O"]}', "not JSON"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_by_line(tmp_path: Path, row: object, reason: str) -> None:
    sentences, account = read(tmp_path, {"text": TEXT, "entities": SPANS}, "", row)
    (example,) = account.summary()["examples"]
    assert sentences == [SENTENCE]
    assert example["line"] == 3
    assert re.search(reason, example["reason"])
    with pytest.raises(FormatError, match=r"no row can be used; for example line 1"):
        read(tmp_path, row)


def test_entities_that_cut_words_or_one_another(tmp_path: Path) -> None:
    row = {"text": "iPhone15 case", "entities": [[0, 6, "X"], [0, 13, "Y"], [0, 13, "Y"], [9, 12, "Z"]]}
    (sentence,), account = read(tmp_path, row)
    assert sentence.labels == ("B-Y", "I-Y")
    told = account.summary()
    assert told["dropped_fields"] == {OVERLAPS: 2}
    assert told["fixes"] == {WIDENED: 2, TWICE: 1}


def test_places_that_a_browser_counted(tmp_path: Path) -> None:
    row = {"text": "😀 lamp", "entities": [{"start": 3, "end": 7, "label": "X", "text": "lamp"}]}
    (sentence,), account = read(tmp_path, row)
    assert sentence == TaggedSentence(("😀", "lamp"), ("O", "B-X"))
    assert account.summary()["fixes"] == {UTF16: 1}


def test_chinese_is_cut_by_characters_and_sentences_end_outside_of_entities(tmp_path: Path) -> None:
    sentences, _ = read(tmp_path, {"text": "华为手机 A1。好用。再买", "entities": [[0, 2, "X"], [5, 10, "Y"]]})
    assert [one.units for one in sentences] == [tuple("华为手机A1。好用。"), ("再", "买")]
    assert [(one.start, one.end) for one in spans_of(sentences[0].labels)] == [(0, 2), (4, 9)]
    english, _ = read(tmp_path, {"text": "A lamp. A cup.", "entities": []}, characters=False)
    assert [one.units for one in english] == [("A", "lamp", "."), ("A", "cup", ".")]


@given(st.text("ab 好.\n😀", min_size=1).filter(str.strip), st.data())
def test_every_unit_of_an_entity_is_labelled(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    if not text[start:end].strip():
        return
    characters = data.draw(st.booleans())
    cut = cut_marked(MarkedText(text, (Mark(start, end, "X"),)), characters=characters)
    (span,) = (tuple(one.units[s.start : s.end]) for one in cut.sentences for s in spans_of(one.labels))
    assert "".join(text[start:end].split()) in "".join(span)
    assert "".join("".join(one.units) for one in cut.sentences) == "".join(text.split())
    if characters:
        assert not cut.fixes


def test_wrong_files_are_told_apart(tmp_path: Path) -> None:
    for content, told in (
        (b"%PDF-1.4", "PDF"),
        (b"<html>", "HTML"),
        (b'[{"text": "x"', "not JSON"),
        (b"text,label\nx,y\n", "JSON lines"),
    ):
        (tmp_path / "x.txt").write_bytes(content)
        with pytest.raises(FormatError, match=told):
            read_marked(tmp_path / "x.txt", IngestReport())
    (tmp_path / "[.txt").write_text("[ O\nlamp B-X\n", encoding="utf-8")
    assert read_marked(tmp_path / "[.txt", IngestReport())[0].units == ("[", "lamp")
    with pytest.raises(InputError, match="folder"):
        read_marked(tmp_path, IngestReport())


def test_parts_of_a_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"train\.txt"):
        needed_part(tmp_path, "train")
    assert part_of(tmp_path, "dev") is None
    (tmp_path / "train.jsonl").touch()
    assert needed_part(tmp_path, "train").name == "train.jsonl"
    (tmp_path / "train.txt").touch()
    with pytest.raises(InputError, match="leave one"):
        part_of(tmp_path, "train")

"""Figures of taggers, the baseline, what is set aside, and `bench tag` end to end on a tiny encoder."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoplens.domain.tagging import TaggedSentence
from shoplens.errors import InputError
from shoplens.learning.tagging.baseline import tag_known_phrases
from shoplens.learning.tagging.benchmark import run_tag
from shoplens.learning.tagging.choosing import set_aside
from shoplens.learning.tagging.judging import judge_labels
from shoplens.learning.tagging.written import write_tagging
from shoplens.testing.marked_sentences import QUICK, marked_sentences, tiny_body, write_marked

TRUTH = [
    TaggedSentence(("Blue", "Peak", "lamp", "for", "Acme"), ("B-X", "I-X", "B-Y", "O", "B-X")),
    TaggedSentence(("a", "cup"), ("O", "B-Y")),
]
TOLD = [("B-X", "O", "B-Y", "O", "B-X"), ("O", "O")]


def test_entities_count_when_kind_and_both_ends_are_right() -> None:
    judged = judge_labels(TRUTH, TOLD)
    figures = judged.as_dict()
    assert figures["entity_precision"] == pytest.approx(2 / 3)
    assert figures["entity_recall"] == pytest.approx(2 / 4)
    assert figures["token_micro_f1"] == pytest.approx(5 / 7)
    assert figures["token_micro_f1_without_o"] == pytest.approx(2 * (3 / 3) * (3 / 5) / (1 + 3 / 5))
    assert judged.always_o == pytest.approx(2 / 7)
    assert judged.entities["Y"]["support"] == 2
    assert judged.tokens["B-X"]["recall"] == 1
    assert judged.confusion == {"I-X": {"O": 1}, "B-Y": {"O": 1}}
    assert judged.mistakes[0].missed == (("X", "Blue Peak"),)
    assert judged.mistakes[0].invented == (("X", "Blue"),)


def test_what_cannot_be_judged_is_refused() -> None:
    with pytest.raises(InputError, match="sentence 2"):
        judge_labels(TRUTH, [TOLD[0], ("O",)])
    with pytest.raises(InputError, match="no entity"):
        judge_labels([TaggedSentence(("a",), ("O",))], [("O",)])


def test_the_longest_known_phrase_wins() -> None:
    learnt = [*TRUTH, TaggedSentence(("Blue",), ("B-Y",))]
    assert tag_known_phrases(learnt, [("Blue", "Peak", "Blue", "x")]) == [("B-X", "I-X", "B-Y", "O")]


def test_a_tenth_is_set_aside_and_nothing_is_lost() -> None:
    sentences = marked_sentences(400)
    learnt, held = set_aside(sentences)
    assert len(held) == 40
    assert sorted(map(str, [*learnt, *held])) == sorted(map(str, sentences))
    assert set_aside(sentences) == (learnt, held)


def test_the_benchmark_says_all_that_interfaces_promise(tmp_path: Path) -> None:
    write_marked(tmp_path / "train.txt", marked_sentences(150))
    write_marked(tmp_path / "dev.txt", marked_sentences(30, seed=1))
    write_marked(tmp_path / "test.txt", marked_sentences(30, seed=2))
    outcome = run_tag(tmp_path, tmp_path / "test.txt", QUICK, body=tiny_body())
    figures = outcome.as_dict()
    promised = {
        "entity_precision",
        "entity_recall",
        "entity_f1",
        "token_micro_f1",
        "token_micro_f1_without_o",
        "report",
    }
    assert promised <= set(figures)
    assert figures["split"] == "test.txt"
    assert figures["chosen_on"] == "dev.txt"
    assert figures["entity_f1"] > 0.9
    assert figures["baseline"]["known_phrases"]["entity_f1"] > 0.9  # every phrase of the test was seen
    page = write_tagging(tmp_path / "report", outcome.judged, title="t", figures=figures)
    assert "BRAND" in page.read_text(encoding="utf-8")
    with pytest.raises(InputError, match="leave out --test"):
        run_tag(tmp_path, tmp_path / "dev.txt", QUICK, body=tiny_body())

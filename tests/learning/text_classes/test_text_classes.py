"""Classifiers of texts: examples read from untidy files, a path chosen on validation, figures, and the benchmark."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.font_manager import fontManager
from sklearn.metrics import accuracy_score, f1_score

from shoplens.encoders.e5_torch import E5Body
from shoplens.encoders.hashed import HashedNgramEncoder
from shoplens.errors import FormatError, InputError
from shoplens.learning.plot_fonts import font_for
from shoplens.learning.text_classes.benchmark import run_classify
from shoplens.learning.text_classes.choosing import train_classifier
from shoplens.learning.text_classes.examples import TextExamples, read_examples, read_texts
from shoplens.learning.text_classes.judging import judge, judged_chances
from shoplens.learning.text_classes.written import write_classes
from shoplens.models.classifier.finetuned import FinetunedClassifier
from shoplens.models.text_body.settings import FineTuning
from shoplens.testing.tiny_e5 import tiny_e5

THINGS = ("cup", "lamp", "shoe", "box", "phone", "jacket", "bowl", "desk", "hat", "pen")
GOOD = [f"{word} {thing}" for thing in THINGS for word in ("a lovely", "really great", "a wonderful")]
BAD = [f"{word} {thing}" for thing in THINGS for word in ("an awful", "really broken", "a terrible")]
EXAMPLES = TextExamples("reviews.csv", (*GOOD, *BAD), ("good",) * len(GOOD) + ("bad",) * len(BAD), {"refused": 0})


def numbered(times: int) -> tuple[str, ...]:
    """The texts so many times, no two alike."""
    return tuple(f"{text} {number}" for number in range(times) for text in EXAMPLES.texts)


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_marks_markup_and_misread_characters_are_cleaned(tmp_path: Path) -> None:
    file = write(
        tmp_path / "a.csv",
        '\ufefftext,label\n"\u00ef\u00bb\u00bfRed <b>box</b>",x\n"\ufeffCaf\u00c3\u00a9 &amp; bar",y\n',
    )
    read = read_examples(file)
    assert read.texts == ("Red box", "Café & bar")
    assert read.labels == ("x", "y")


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_any_encoding_and_any_table(tmp_path: Path, encoding: str) -> None:
    rows = [("这个水果非常好吃，下次还会再来买", "好"), ("包装破损，客服态度也很差，不推荐", "差")] * 20
    lines = "".join(f"{text},{label}\n" for text, label in [("内容", "评价"), *rows]).replace("，", "，")
    read = read_examples(write(tmp_path / "a.csv", lines.encode(encoding)), text="内容", label="评价")
    assert len(read) == 40
    assert set(read.labels) == {"好", "差"}
    objects = "\n".join(json.dumps({"text": text, "label": label}) for text, label in rows)
    assert read_examples(write(tmp_path / "a.jsonl", objects)).texts == read.texts


def test_rows_without_a_text_or_a_label_are_refused_by_line(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", f"text,label\nfine,x\n,x\nfine too,\nvery fine,y\n<p></p>,y\nlong,{'z' * 201}\n")
    read = read_examples(file, refused=tmp_path / "refused.jsonl")
    assert read.texts == ("fine", "very fine")
    told = [json.loads(line) for line in (tmp_path / "refused.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(one["line"], one["field"]) for one in told] == [(3, "text"), (4, "label"), (6, "text"), (7, "label")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "empty"),
        ("text,label\n", "no row can be used"),
        ("text,label\n,\n", "line 2: the text is empty"),
        ("body,label\na,b\n", "no column 'text'; the file has body, label"),
        (b"PK\x03\x04" + bytes(100), "Excel workbook"),
        ("text,label\n" + "".join(f"t{k},l{k}\n" for k in range(2_001)), "too many to be classes"),
    ],
)
def test_files_that_cannot_be_used_say_why(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises((FormatError, InputError), match=message):
        read_examples(write(tmp_path / "a.csv", content))


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_table_without_rows_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("no rows\n", encoding="utf-8")
    with pytest.raises(FormatError, match="there are no rows"):
        read_texts(tmp_path / name)


def test_texts_to_ask_about_keep_their_places(tmp_path: Path) -> None:
    assert read_texts(write(tmp_path / "a.txt", "one\n\nthree")) == ["one", "", "three"]
    assert read_texts(write(tmp_path / "a.csv", "id,text\n1,one\n2,\n")) == ["one", ""]
    with pytest.raises(InputError, match="no such file"):
        read_texts(tmp_path / "none.txt")


def test_fine_tuning_is_chosen_by_examples_that_neither_path_learnt_from() -> None:
    quick = FineTuning(trained_layers=1, epochs=3, learning_rate=5e-3, head_learning_rate=3e-2, tokens_a_batch=128)
    labels = np.random.default_rng(0).choice(["good", "bad", "fair"], 240).tolist()
    many = replace(EXAMPLES, texts=numbered(4), labels=tuple(labels))
    trained = train_classifier(many, encoder=None, settings=quick, body=E5Body(tiny_e5()))
    assert set(trained.validation) == {"fast", "finetuned"}
    fast, tuned = trained.validation["fast"].report, trained.validation["finetuned"].report
    assert fast.n == tuned.n
    assert trained.chosen == ("finetuned" if tuned.accuracy > fast.accuracy else "fast")
    assert isinstance(trained.model, FinetunedClassifier) == (trained.chosen == "finetuned")


def test_fine_tuning_is_left_out_where_it_can_win_nothing() -> None:
    few = train_classifier(EXAMPLES, encoder=None)
    assert "too few" in few.notes[0]
    assert few.validation["fast"].report.accuracy > 0.9
    easy = replace(EXAMPLES, texts=numbered(4), labels=EXAMPLES.labels * 4)
    assert "right 100.0% of the time already" in train_classifier(easy, encoder=None).notes[0]
    assert "fast path only" in train_classifier(easy, encoder=None, effort="fast").notes[0]
    for texts, classes in ((("yes", "no"), ("a", "b")), (("yes",) * 9 + ("no",) * 9, ("a",) * 9 + ("b",) * 9)):
        alone = train_classifier(TextExamples("", texts, classes, {"refused": 0}), encoder=None)
        assert alone.validation == {}
        assert "nothing could be held out" in alone.notes[0]


def test_figures_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    chances = random.dirichlet((1, 1, 1), 90).astype(np.float32)
    classes = ("a", "b", "c")
    labels = [classes[row] for row in random.integers(0, 3, 90)]
    judged = judged_chances(classes, chances, [f"text {k}" for k in range(90)], labels)
    said = [classes[row] for row in chances.argmax(1)]
    assert judged.report.accuracy == pytest.approx(accuracy_score(labels, said))
    assert judged.report.averages["macro"].f1 == pytest.approx(f1_score(labels, said, average="macro"))
    assert judged.confusion.sum() == 90
    assert judged.confusion.trace() == sum(one == other for one, other in zip(labels, said, strict=True))
    assert [one.probability for one in judged.errors] == sorted(
        (one.probability for one in judged.errors), reverse=True
    )
    assert all(one.truth != one.said for one in judged.errors)


def test_a_class_that_was_never_learnt_is_missed(tmp_path: Path) -> None:
    model = train_classifier(EXAMPLES, encoder=None).model
    judged = judge(model, ["a lovely cup", "<script>"], ["good", "new & <odd> $x$"])
    assert judged.report.accuracy == 0.5
    assert judged.classes[-1] == "new & <odd> $x$"
    page = write_classes(tmp_path, judged, title="<t>", figures={"baselines": {}})
    written = page.read_text(encoding="utf-8")
    assert "<script>" not in written
    assert "new &amp; &lt;odd&gt;" in written
    assert json.loads((tmp_path / "metrics.json").read_bytes())["confusion"] == judged.confusion.tolist()
    with pytest.raises(InputError, match="no text"):
        judge(model, [], [])


def test_classes_in_letters_that_no_font_has_are_numbered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Boxes in place of letters tell nobody anything; the page says which number is which."""
    assert font_for(["good", "café", "Größe"]) is not None
    monkeypatch.setattr(fontManager, "ttflist", [one for one in fontManager.ttflist if one.name == "DejaVu Sans"])
    assert font_for(["好评"]) is None
    chances = np.eye(2, dtype=np.float32)
    judged = judged_chances(("好评", "<差评>"), chances, ["a", "b"], ["好评", "<差评>"])
    page = write_classes(tmp_path, judged, title="t", figures={})
    assert "1 好评 · 2 &lt;差评&gt;" in page.read_text(encoding="utf-8")


def test_the_benchmark_has_the_keys_that_scripts_read(tmp_path: Path) -> None:
    rows = list(zip(EXAMPLES.texts, EXAMPLES.labels, strict=True))
    for name, part in (("train", rows[::2]), ("test", rows[1::2])):
        write(tmp_path / f"{name}.csv", "text,label\n" + "".join(f"{text},{label}\n" for text, label in part))
    train, test = tmp_path / "train.csv", tmp_path / "test.csv"
    figures = run_classify(train, test, encoder=HashedNgramEncoder(size=64), effort="fast").as_dict()
    assert {"accuracy", "macro_f1", "micro_f1", "per_class", "train_seconds", "texts_per_second"} <= set(figures)
    assert set(figures["per_class"]) == {"bad", "good"}
    assert set(figures["per_class"]["bad"]) == {"precision", "recall", "f1", "support"}
    assert set(figures["baselines"]) == {"tfidf_lr", "majority"}
    assert figures["accuracy"] >= figures["baselines"]["tfidf_lr"]["accuracy"] > 0.6
    assert figures["examples"] == {"train": 30, "test": 30, "refused": 0, "test_texts_in_train": 0}
    json.dumps(figures)
    with pytest.raises(InputError, match="learnt from"):
        run_classify(train, train, encoder=None)

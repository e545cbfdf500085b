"""`shoplens classify` and `bench classify`: learn from a file, ask, list, and be refused with a reason."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from shoplens.cli import classify_evaluate as _classify  # noqa: F401 - each registers its commands
from shoplens.cli.app import app
from shoplens.cli.bench import classify as _bench  # noqa: F401
from shoplens.errors import ConfigurationError, FormatError, NotFoundError
from shoplens.learning.text_classes.choosing import train_classifier
from shoplens.service.workspace import Workspace

THINGS = ("cup", "lamp", "shoe", "box", "phone", "jacket")
ROWS = [(f"{word} {thing}", "good") for thing in THINGS for word in ("a lovely", "really great")]
ROWS += [(f"{word} {thing}", "bad") for thing in THINGS for word in ("an awful", "really broken")]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a classifier named tone."""
    folder = tmp_path_factory.mktemp("shop")
    Workspace.create(folder, encoders={"text": "hashed-ngrams"})
    lines = "".join(f"{text},{label}\n" for text, label in ROWS)
    (folder / "reviews.csv").write_text(f"text,label\n{lines},good\n", encoding="utf-8")
    result = run("classify", "train", str(folder / "reviews.csv"), "--name", "tone", "-w", str(folder), "--json")
    (folder / "trained.json").write_text(result, encoding="utf-8")
    return folder


def run(*arguments: str, said: str | None = None) -> str:
    result = CliRunner().invoke(app, list(arguments), input=said, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_training_says_how_good_it_is_and_what_it_left_out(shop: Path) -> None:
    trained = json.loads((shop / "trained.json").read_text(encoding="utf-8"))
    assert trained["classes"] == ["bad", "good"]
    assert trained["validation"]["fast"]["accuracy"] > 0.8
    assert trained["rows"]["refused"] == 1
    assert Path(trained["refused"]).is_file()
    assert Path(trained["report"]) == shop / "runs" / "classify-tone" / "report.html"
    assert (shop / "runs" / "classify-tone" / "confusion.png").is_file()


def test_texts_from_arguments_files_and_pipes(shop: Path) -> None:
    where = ("-w", str(shop), "--json")
    one = json.loads(run("classify", "predict", "a lovely desk", "an awful desk", *where))
    assert [row["label"] for row in one["results"]] == ["good", "bad"]
    assert set(one["results"][0]) == {"text", "label", "probability", "classes"}
    assert set(one["results"][0]["classes"][0]) == {"label", "probability"}  # as over HTTP
    (shop / "ask.txt").write_text("a lovely desk\n\nan awful pen\n", encoding="utf-8")
    lines = json.loads(run("classify", "predict", "--file", str(shop / "ask.txt"), "-m", "tone", *where))
    assert [row["label"] for row in lines["results"]][::2] == ["good", "bad"]
    table = json.loads(run("classify", "predict", "--file", str(shop / "reviews.csv"), "--top", "1", *where))
    assert len(table["results"]) == len(ROWS) + 1
    piped = run("classify", "predict", "--stdin", "-w", str(shop), said="a lovely desk\nan awful pen\n")
    assert [json.loads(line)["label"] for line in piped.splitlines()] == ["good", "bad"]
    assert "good" in run("classify", "predict", "a lovely desk", "-w", str(shop))


def test_what_there_is_and_what_there_is_not(shop: Path, tmp_path: Path) -> None:
    (known,) = json.loads(run("classify", "list", "-w", str(shop), "--json"))["classifiers"]
    assert (known["name"], known["path"], known["examples"]) == ("tone", "fast", len(ROWS))
    assert "tone" in run("classify", "list", "-w", str(shop))
    with pytest.raises(NotFoundError, match="there are: tone"):
        run("classify", "predict", "x", "-m", "mood", "-w", str(shop))
    Workspace.create(tmp_path)
    assert json.loads(run("classify", "list", "-w", str(tmp_path), "--json")) == {"classifiers": []}
    with pytest.raises(NotFoundError, match="shoplens classify train"):
        run("classify", "predict", "x", "-w", str(tmp_path))
    with pytest.raises(ConfigurationError, match="cannot be the name"):
        run("classify", "train", str(shop / "reviews.csv"), "--name", "../x", "-w", str(shop))
    assert CliRunner().invoke(app, ["classify", "predict", "-w", str(shop)]).exit_code == 2
    assert "shoplens classify train reviews.csv --name tone" in run("classify", "train", "--help")


def test_tables_are_known_by_their_content_and_refused_rows_are_told(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "excel.csv").write_text("text;label\n" + "".join(f"{a};{b}\n" for a, b in ROWS) + "lost;\n", "utf-8")
    (tmp_path / "lines.txt").write_text('{"text": "a, b", "label": "x"}\n{"text": "c", "label": "y"}\n', "utf-8")
    (tmp_path / "one.json").write_text('[{"text": "a"}]', "utf-8")
    (tmp_path / "names.csv").write_text("Text,sentiment\na,b\n", "utf-8")

    def train(file: str) -> str:
        arguments = ("classify", "train", str(tmp_path / file), "--name", "again", "--effort", "fast", "--words-only")
        result = CliRunner().invoke(app, [*arguments, "-w", str(shop)], catch_exceptions=False)
        return result.output

    told = " ".join(train("excel.csv").split())
    assert f"{len(ROWS)}" in told
    assert "refused: 1 × the label is empty" in told
    assert "each refused row:" in told
    assert "nothing could be kept aside" in train("lines.txt")
    with pytest.raises(FormatError, match="an object a line"):
        train("one.json")
    with pytest.raises(FormatError, match=r"did you mean Text\?"):
        train("names.csv")
    shutil.rmtree(shop / "text-models" / "again")


def test_a_saved_classifier_is_judged_without_learning(shop: Path, tmp_path: Path) -> None:
    newest = tmp_path / "newest.csv"
    rows = [
        ("a lovely pen", "good"),
        ("an awful pen", "bad"),
        ("really great pens", "bad"),
        ("so so", "neither"),
        ("x", ""),
    ]
    newest.write_text("said,mood\n" + "".join(f"{text},{label}\n" for text, label in rows), encoding="utf-8")
    columns, where = ("--text", "said", "--label", "mood"), ("-w", str(shop))
    before = run("classify", "list", *where, "--json")
    out = tmp_path / "report"
    words = ("classify", "evaluate", str(newest), "--model", "tone", *columns, *where)
    told = json.loads(run(*words, "--report", str(out), "--json"))
    figures = told["figures"]
    assert (told["model"], told["path"], told["learnt_from"]) == ("tone", "fast", False)
    assert (figures["n"], figures["accuracy"]) == (4, 0.5)
    assert figures["per_class"]["neither"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1}
    assert {"truth": "bad", "said": "good", "times": 1} in figures["confused"]
    assert figures["baseline"]["majority"] == "bad"
    assert told["rows"]["refused"] == 1
    assert Path(told["refused"]) == out / "refused.jsonl"
    assert Path(told["report"]) == out / "report.html"
    assert json.loads((out / "metrics.json").read_text(encoding="utf-8"))["figures"]["accuracy"] == 0.5
    assert run("classify", "list", *where, "--json") == before, "nothing was learnt"
    table = run(*words)
    for row in ("neither", "micro", "macro", "weighted", "accuracy of always bad"):
        assert row in table
    assert "bad for good (1)" in " ".join(table.split())
    with pytest.raises(NotFoundError, match="there are: tone"):
        run("classify", "evaluate", str(newest), "-m", "mood", *columns, *where)
    same = CliRunner().invoke(app, ["classify", "evaluate", str(shop / "reviews.csv"), *where])
    assert same.exit_code == 0
    assert "they flatter it" in " ".join(same.stderr.split())


def test_the_benchmark_prints_figures_beside_baselines(shop: Path, tmp_path: Path) -> None:
    test = tmp_path / "test.csv"
    test.write_text("text,label\na lovely pen,good\nan awful pen,bad\n", encoding="utf-8")
    arguments = ("bench", "classify", str(shop / "reviews.csv"), str(test), "--encoder", "none", "--effort", "fast")
    figures = json.loads(run(*arguments, "--report", str(tmp_path / "out"), "--json").splitlines()[-1])
    assert figures["accuracy"] == 1.0
    assert figures["examples"]["refused"] == 1
    assert (tmp_path / "out" / "report.html").is_file()
    assert "tf-idf + LR" in run(*arguments)


def test_the_benchmark_keeps_what_was_learnt_where_it_is_told(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = []

    def spy(*given: Any, **named: Any) -> Any:
        kept.append(named["state"])
        return train_classifier(*given, **named)

    monkeypatch.setattr("shoplens.learning.text_classes.benchmark.train_classifier", spy)
    test = tmp_path / "test.csv"
    test.write_text("text,label\na lovely pen,good\nan awful pen,bad\n", encoding="utf-8")
    arguments = ("bench", "classify", str(shop / "reviews.csv"), str(test), "--encoder", "none", "--effort", "fast")
    run(*arguments, "--state", str(tmp_path / "state"))
    assert kept == [tmp_path / "state"]
